"""What is silenced, by the user or by the client, and what the session is told was heard."""

from typing import Any

import pytest

from antiphon.path.playback import Playback
from antiphon.protocol.ids import Ids
from tests.path.playback_kit import Bench, pcm


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_user_silences_an_answer(bench: Bench) -> None:
    """All that waits is dropped at once, and the session is told what was heard."""
    bench.created()
    bench.delta(pcm(1000))
    bench.hear(100)
    bench.speech()
    assert bench.playback.pull() is None
    bench.done()
    assert bench.types()[2:4] == ["input_audio_buffer.speech_started", "output_audio_buffer.cleared"]
    assert bench.buffer_events() == [("started", "r"), ("cleared", "r")]
    assert bench.truncations() == [("i", 100)]
    bench.hear(200)
    assert ("stopped", "r") not in bench.buffer_events()


def test_an_item_is_truncated_once_the_session_has_closed_it(bench: Bench) -> None:
    """Not every server lets an item be truncated while it is being written."""
    bench.created()
    bench.delta(pcm(1000))
    bench.hear(100)
    bench.speech()
    assert bench.truncations() == []
    bench.item_done()
    assert bench.truncations() == [("i", 100)]
    bench.done()
    bench.speech()
    assert bench.truncations() == [("i", 100)]


def test_an_item_that_is_closed_already_is_truncated_at_once(bench: Bench) -> None:
    """Audio is made faster than it is played."""
    bench.created()
    bench.delta(pcm(1000))
    bench.done()
    bench.hear(60)
    bench.speech()
    assert bench.truncations() == [("i", 60)]
    event = bench.asked[-1]
    assert event == {
        "type": "conversation.item.truncate",
        "event_id": event["event_id"],
        "item_id": "i",
        "content_index": 0,
        "audio_end_ms": 60,
    }


def test_items_that_were_not_heard_are_truncated_to_nothing(bench: Bench) -> None:
    bench.created("r")
    bench.delta(pcm(100), "r", "i")
    bench.delta(pcm(100), "r", "j")
    bench.done("r", "i", "j")
    bench.created("s")
    bench.delta(pcm(100), "s", "k")
    bench.done("s", "k")
    bench.hear(40)
    bench.speech()
    assert bench.truncations() == [("i", 40), ("j", 0), ("k", 0)]
    assert bench.buffer_events() == [("started", "r"), ("cleared", "r")]


def test_what_was_played_to_its_end_is_not_truncated(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(40), item="i")
    bench.delta(pcm(100), item="j")
    bench.done("r", "i", "j")
    bench.hear(60)
    bench.speech()
    assert bench.truncations() == [("j", 20)]


def test_an_underrun_that_turns_out_to_be_the_end_is_not_truncated(bench: Bench) -> None:
    """The user spoke when all that came had been played; the session had no more."""
    bench.created()
    bench.delta(pcm(100))
    bench.hear(200)
    bench.speech()
    bench.done()
    assert bench.buffer_events()[-1] == ("cleared", "r")
    assert bench.truncations() == []


def test_audio_that_comes_late_is_never_played(bench: Bench) -> None:
    """Not while the response ends, nor after its end; but it is part of what was not heard."""
    bench.created()
    bench.delta(pcm(100))
    bench.hear(100)
    bench.speech()
    bench.delta(pcm(100))
    bench.done()
    bench.delta(pcm(100))
    assert bench.hear(400) == b""
    assert bench.truncations() == [("i", 100)]


def test_an_answer_that_had_not_begun_to_sound_is_silenced_too(bench: Bench) -> None:
    bench.created()
    bench.speech()
    bench.delta(pcm(100))
    bench.done()
    assert bench.hear(400) == b""
    assert bench.buffer_events() == []
    assert bench.truncations() == [("i", 0)]


def test_the_next_answer_is_heard(bench: Bench) -> None:
    bench.created("r")
    bench.delta(pcm(100))
    bench.hear(40)
    bench.speech()
    bench.done("r")
    bench.created("s")
    bench.delta(pcm(20), "s", "j")
    bench.done("s", "j")
    assert bench.hear_out() == pcm(20)
    assert bench.buffer_events()[-2:] == [("started", "s"), ("stopped", "s")]


def test_speech_in_silence_interrupts_nothing(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(40))
    bench.done()
    bench.hear(100)
    bench.speech()
    assert bench.types()[-1] == "input_audio_buffer.speech_started"
    assert bench.asked == []


def test_an_answer_that_was_played_to_its_end_is_stopped_and_not_cleared(bench: Bench) -> None:
    bench.created("r")
    bench.delta(pcm(20))
    bench.hear(20)
    bench.done("r")
    bench.speech()
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_an_item_that_was_heard_while_its_response_goes_on_is_not_cleared(bench: Bench) -> None:
    """The answer was heard; the user interrupts the function call that is still being written."""
    bench.created()
    bench.delta(pcm(20))
    bench.audio_done()
    bench.hear(100)
    bench.speech()
    bench.done()
    bench.hear(20)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]
    assert bench.truncations() == []


@pytest.mark.parametrize("detection", [None, {"type": "server_vad", "interrupt_response": False}])
def test_the_session_may_want_no_interruption(bench: Bench, detection: Any) -> None:
    bench.session(input={"turn_detection": detection})
    bench.created()
    bench.delta(pcm(40))
    bench.speech()
    assert bench.hear(40) == pcm(40)
    assert ("cleared", "r") not in bench.buffer_events()


@pytest.mark.parametrize("detection", [{"type": "semantic_vad"}, {"type": "server_vad", "interrupt_response": True}])
def test_other_sessions_do(bench: Bench, detection: Any) -> None:
    bench.session(input={"turn_detection": None})
    bench.session(input={"turn_detection": detection})
    bench.created()
    bench.delta(pcm(40))
    bench.speech()
    assert bench.hear(40) == b""


def test_items_outside_the_conversation_are_silenced_but_not_truncated(bench: Bench) -> None:
    bench.created("b", conversation_id=None)
    bench.delta(pcm(100), "b", "j")
    bench.done("b", "j")
    bench.hear(20)
    bench.speech()
    assert bench.buffer_events()[-1] == ("cleared", "b")
    assert (bench.truncations(), bench.hear(40)) == ([], b"")


def test_a_response_outside_the_conversation_goes_on(bench: Bench) -> None:
    """The session ends what it says in the conversation alone: what it says beside it may still begin."""
    bench.created("b", conversation_id=None)
    bench.speech()
    bench.delta(pcm(20), "b", "j")
    assert bench.hear(20) == pcm(20)


def test_an_error_about_a_truncation_of_ours_is_not_shown(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.done()
    bench.speech()
    event_id = bench.asked[-1]["event_id"]
    bench.server("error", error={"type": "invalid_request_error", "event_id": event_id, "code": "x", "message": "x"})
    assert "error" not in bench.types()
    bench.server("error", error={"type": "invalid_request_error", "event_id": "theirs", "code": "x", "message": "x"})
    bench.server("conversation.item.truncated", item_id="i", content_index=0, audio_end_ms=0)
    assert bench.types()[-2:] == ["error", "conversation.item.truncated"]


# --- the client's wishes ----------------------------------------------------------------------------------------


def test_the_client_clears_the_buffer(bench: Bench) -> None:
    """Within one packet's time, and the session hears nothing but what was heard."""
    bench.created()
    bench.delta(pcm(100))
    bench.hear(40)
    bench.client("response.cancel")
    bench.client("output_audio_buffer.clear", event_id="e")
    assert bench.playback.pull() is None
    bench.delta(pcm(100))
    bench.done()
    assert bench.hear(200) == b""
    assert bench.buffer_events() == [("started", "r"), ("cleared", "r")]
    assert [event["type"] for event in bench.asked] == ["response.cancel", "conversation.item.truncate"]
    assert bench.truncations() == [("i", 40)]


def test_clearing_an_empty_buffer_is_answered(bench: Bench) -> None:
    bench.client("output_audio_buffer.clear")
    bench.created()
    bench.delta(pcm(20))
    bench.done()
    bench.hear_out()
    bench.client("output_audio_buffer.clear")
    assert bench.buffer_events() == [("cleared", ""), ("started", "r"), ("stopped", "r"), ("cleared", "r")]
    assert bench.asked == []


def test_clearing_does_not_silence_what_has_not_begun(bench: Bench) -> None:
    """A client clears the last answer's audio just after it asked for the next one."""
    bench.created("r")
    bench.delta(pcm(100))
    bench.done("r")
    bench.hear(20)
    bench.created("s")
    bench.client("output_audio_buffer.clear")
    bench.delta(pcm(20), "s", "j")
    assert bench.hear(20) == pcm(20)


def test_clearing_silences_what_was_cancelled_before_it_began(bench: Bench) -> None:
    bench.created("r")
    bench.client("response.cancel", response_id="r")
    bench.client("output_audio_buffer.clear")
    bench.delta(pcm(20))
    assert bench.hear(20) == b""


def test_a_cancelled_response_is_played_as_far_as_it_came(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.client("response.cancel")
    bench.done()
    assert bench.hear_out() == pcm(100)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_what_the_client_truncates_is_played_no_further(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(50))
    bench.delta(pcm(50, first=1 + 50 * 24))
    bench.client("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=60)
    bench.delta(pcm(50))
    bench.done()
    assert bench.hear_out() == pcm(60)
    bench.speech()
    assert bench.truncations() == [("i", 60)]  # its own, passed on


def test_what_the_client_truncates_is_not_truncated_to_more(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.done()
    bench.hear(40)
    bench.client("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=20)
    assert bench.hear(40) == b""
    bench.speech()
    assert bench.truncations() == [("i", 20)]


@pytest.mark.parametrize("ms", [-1, 101, None, "5", 1.5])
def test_a_truncation_that_will_be_refused_cuts_nothing(bench: Bench, ms: Any) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.client("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=ms)
    bench.delta(pcm(100, first=1 + 100 * 24))
    assert bench.hear(200) == pcm(200)
    assert bench.asked[0]["audio_end_ms"] == ms


def test_a_deleted_item_falls_silent(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100), item="i")
    bench.delta(pcm(40, first=9000), item="j")
    bench.hear(20)
    bench.server("conversation.item.deleted", item_id="i")
    bench.delta(pcm(100), item="i")
    bench.done("r", "i", "j")
    assert bench.hear_out() == pcm(40, first=9000)
    bench.speech()
    assert bench.truncations() == []


def test_an_answer_that_is_deleted_before_it_sounds_is_not_told_of(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.done()
    bench.server("conversation.item.deleted", item_id="i")
    assert bench.hear_out() == b""
    assert bench.buffer_events() == []


def test_other_client_events_pass(bench: Bench) -> None:
    bench.playback.receive(b'{"type":"response.create"}')
    bench.playback.receive(b'{"type":"input_audio_buffer.append","audio":"AAAA"}')
    assert [event["type"] for event in bench.asked] == ["response.create", "input_audio_buffer.append"]
    broken: list[bytes] = []
    Playback(broken.append, broken.append, Ids(bytes)).receive(b"{no json")
    assert broken == [b"{no json"]
