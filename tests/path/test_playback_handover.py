"""A playback ends before all was heard, and another goes on with it."""

import base64
import json

import pytest

from antiphon.audio import g711
from tests.path.playback_kit import MS, PCMU, Bench, pcm


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_was_not_played_is_handed_over(bench: Bench) -> None:
    """As the events it came in, the first of them cut to its rest."""
    bench.created()
    bench.delta(pcm(50))
    bench.delta(pcm(50, first=9000))
    bench.hear(40)
    rest = [json.loads(message) for message in bench.playback.unplayed()]
    assert [base64.b64decode(event.pop("delta")) for event in rest] == [pcm(50)[40 * MS :], pcm(50, first=9000)]
    fields = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    assert rest == [
        {"type": "response.output_audio.delta", "event_id": "event_2", **fields},
        {"type": "response.output_audio.delta", "event_id": "event_3", **fields},
    ]
    assert bench.playback.pull() is None
    assert bench.playback.heard_ms("i") == 40
    assert bench.playback.unplayed() == []


def test_what_was_handed_over_is_all_there_is(bench: Bench) -> None:
    """From then on audio passes as events, as for any client without media."""
    bench.playback.unplayed()
    bench.delta(pcm(20))
    assert bench.types() == ["response.output_audio.delta"]


def test_a_truncation_that_waits_is_sent_before_the_end(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.hear(40)
    bench.speech()
    assert bench.playback.unplayed() == []
    assert bench.truncations() == [("i", 40)]


def test_another_playback_goes_on_with_it(bench: Bench) -> None:
    """The whole answer is heard once, and an interruption counts all that was heard."""
    bench.created()
    bench.delta(pcm(200))
    bench.done()
    bench.hear(40)
    owed = bench.playback.unplayed()
    again = Bench(bench.playback.heard)
    again.playback.catch_up(bench.sent)
    assert again.told == []
    assert [again.playback.queue(message) for message in owed] == [True]
    assert again.hear(60) == pcm(200)[40 * MS : 100 * MS]
    again.speech()
    assert again.truncations() == [("i", 100)]
    assert again.buffer_events() == [("started", "r"), ("cleared", "r")]


def test_audio_of_a_response_that_is_over_is_played_and_stopped(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(30))
    bench.done()
    owed = bench.playback.unplayed()
    again = Bench()
    again.playback.catch_up(bench.sent)
    for message in owed:
        assert again.playback.queue(message)
    assert again.hear_out() == pcm(30) + bytes(10 * MS)
    assert again.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_a_playback_that_takes_over_knows_what_was_configured(bench: Bench) -> None:
    bench.session(input={"turn_detection": None}, output={"format": PCMU})
    bench.created()
    bench.delta(g711.encode_pcmu(bytes(1600)))
    history = bench.sent
    again = Bench()
    again.playback.catch_up(history)
    again.delta(g711.encode_pcmu(bytes(1600)))
    again.speech()
    again.done()
    assert len(again.hear_out()) == 100 * MS


def test_what_the_client_had_as_events_counts_as_heard() -> None:
    plain, again = Bench(), Bench()
    plain.playback.unplayed()  # a client without media
    plain.created()
    plain.delta(pcm(100))
    again.playback.catch_up(plain.sent)
    again.delta(pcm(100))
    again.hear(40)
    again.speech()
    again.done()
    assert again.truncations() == [("i", 140)]


def test_events_that_were_missed_are_noted_and_left_to_be_told(bench: Bench) -> None:
    messages = [
        b'{"type":"response.created","response":{"id":"r","conversation_id":null}}',
        b'{"type":"response.done","response":{"id":"r"}}',
    ]
    assert [bench.playback.queue(message) for message in messages] == [False, False]
    bench.delta(pcm(20))  # it is over
    assert (bench.told, bench.hear(20)) == ([], b"")


def test_telephone_audio_that_the_client_had_leaves_no_rest(bench: Bench) -> None:
    bench.playback.unplayed()
    bench.session(output={"format": PCMU})
    bench.created()
    bench.delta(g711.encode_pcmu(bytes(1600)))
    bench.done()
    again = Bench()
    again.playback.catch_up(bench.sent)
    assert again.hear_out() == b""
    assert again.told == []
    assert again.playback.heard_ms("i") == 100


def test_audio_is_counted_once_over_three_transports(bench: Bench) -> None:
    """What was handed over to a playback does not stand among the events that the third one catches up with."""
    bench.created()
    bench.delta(pcm(200))
    bench.hear(40)
    second = Bench(bench.playback.heard)
    owed = bench.playback.unplayed()
    second.playback.catch_up(bench.sent)
    for message in owed:
        second.playback.queue(message)
    second.hear(60)
    third = Bench(second.playback.heard)
    rest = second.playback.unplayed()
    third.playback.catch_up(bench.sent)
    assert third.playback.heard_ms("i") == 100
    for message in rest:
        third.playback.queue(message)
    third.hear(20)
    third.speech()
    third.done()
    assert third.truncations() == [("i", 120)]


def test_what_was_heard_as_media_and_what_as_events_counts_together(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(200))
    bench.hear(40)
    owed = bench.playback.unplayed()
    again = Bench(bench.playback.heard)
    again.playback.catch_up(bench.sent + owed)  # told as an event meanwhile
    again.delta(pcm(100, first=9000))
    again.hear(20)
    again.speech()
    again.done()
    assert again.truncations() == [("i", 220)]


def test_telephone_audio_of_a_response_that_is_over_is_played_to_its_end(bench: Bench) -> None:
    """Behind its last delta comes what the resampler still holds."""
    bench.session(output={"format": PCMU})
    bench.created()
    bench.delta(g711.encode_pcmu(bytes(1600)))
    bench.done()
    again = Bench()
    owed = bench.playback.unplayed()
    again.playback.catch_up(bench.sent)
    assert all(again.playback.queue(message) for message in owed)
    assert len(again.hear_out()) == 100 * MS
    assert again.playback.heard_ms("i") == 100


# --- what was played to nobody --------------------------------------------------------------------------------


def test_what_was_played_since_the_last_sign_of_life_was_not_heard(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(100))
    bench.delta(pcm(100, first=9000))
    bench.hear(60)
    bench.miss(80)
    assert audio_in(bench.playback.unplayed()) == [pcm(100)[60 * MS :], pcm(100, first=9000)]
    assert bench.playback.heard_ms("i") == 60


def test_each_delta_comes_back_as_one_event(bench: Bench) -> None:
    """However many frames of it were played."""
    bench.created()
    bench.delta(pcm(200))
    bench.miss(140)
    (rest,) = bench.playback.unplayed()
    assert json.loads(rest)["event_id"] == "event_2"
    assert audio_in([rest]) == [pcm(200)]


def test_an_answer_that_was_played_to_its_end_to_nobody_comes_back(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(60))
    bench.done()
    bench.created("s")
    bench.delta(pcm(40, first=9000), "s", "j")
    bench.done("s", "j")
    bench.hear(20)
    bench.miss(200)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r"), ("started", "s"), ("stopped", "s")]
    owed = bench.playback.unplayed()
    assert bench.playback.heard == {"i": 20, "j": 0}
    again = Bench(bench.playback.heard)
    again.playback.catch_up(bench.sent)
    assert all(again.playback.queue(message) for message in owed)
    assert again.hear_out() == pcm(60)[20 * MS :] + pcm(40, first=9000)


def test_what_was_dropped_meanwhile_does_not_come_back_but_counts_as_unheard(bench: Bench) -> None:
    """Somebody else interrupted the answer while the client was gone and nobody knew: it heard less than was told."""
    bench.created()
    bench.delta(pcm(200))
    bench.hear(40)
    bench.miss(60)
    bench.client("output_audio_buffer.clear")
    bench.done()
    assert bench.truncations() == [("i", 100)]
    assert bench.playback.unplayed() == []
    assert bench.truncations() == [("i", 100), ("i", 40)]
    assert bench.playback.heard_ms("i") == 40


def test_what_the_client_cut_off_does_not_come_back(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(200))
    bench.done()
    bench.hear(40)
    bench.client("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=100)
    bench.miss(40)
    assert audio_in(bench.playback.unplayed()) == [pcm(200)[40 * MS : 100 * MS]]


def test_what_may_come_back_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer without end the oldest counts as heard, piece by piece."""
    monkeypatch.setattr("antiphon.path.output_queue.MOST_UNCONFIRMED", 100 * MS)
    bench.created()
    for number in range(10):
        bench.delta(pcm(40, first=1000 * number))
    bench.miss(320)
    assert audio_in(bench.playback.unplayed()) == [pcm(40, first=1000 * number) for number in range(6, 10)]
    assert bench.playback.heard_ms("i") == 240


def audio_in(events: list[bytes]) -> list[bytes]:
    return [base64.b64decode(json.loads(event)["delta"]) for event in events]
