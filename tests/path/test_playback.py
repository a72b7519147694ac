"""What the user hears of a call's answers, in which format, and how much of it may wait."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import g711
from antiphon.audio.resample import resample
from antiphon.path.playback import MOST_ANSWERS, MOST_REMEMBERED, Playback
from antiphon.protocol.heads import plain_append
from antiphon.protocol.ids import Ids
from tests.path.playback_kit import FRAME, MS, PCM, PCMA, PCMU, Bench, pcm


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_turn_is_told_started_and_stopped(bench: Bench) -> None:
    """The order of real traffic: started behind the first transcript, stopped behind rate_limits.updated."""
    bench.created()
    bench.server("response.output_audio_transcript.delta", response_id="r", item_id="i", delta="Hi")
    bench.delta(pcm(40))
    heard = bench.hear(20)
    bench.done()
    assert heard + bench.hear(60) == pcm(40)
    assert bench.types() == [
        "response.created",
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
        "response.output_audio.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.stopped",
    ]
    assert bench.asked == []


def test_nothing_starts_before_it_is_played(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(40))
    assert bench.types() == ["response.created"]
    assert bench.playback.seconds == pytest.approx(0.04)


def test_other_events_pass_as_the_bytes_they_came_as(bench: Bench) -> None:
    odd = b'{ "delta" : "\xc3\xa4" ,"type":"response.output_text.delta" }'
    quoting = b'{"type":"response.output_text.delta","delta":"\\"type\\":\\"response.output_audio.delta\\""}'
    for message in (odd, quoting):
        bench.playback.take(message)
    assert bench.sent == [odd, quoting]


@pytest.mark.parametrize(
    "message",
    [
        '{{"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "{0}"}}',
        '{{"delta":"{0}","item_id":"i","response_id":"r","type":"response.output_audio.delta","event_id":"e"}}',
        '{{"type":"response.output_audio.delta","response_id":"r","item_id":"\\u0069","delta":"{0}"}}',
    ],
)
def test_unusual_spellings_of_audio_are_played_too(bench: Bench, message: str) -> None:
    bench.playback.take(message.format(base64.b64encode(pcm(20)).decode()).encode())
    assert bench.hear_out() == pcm(20)
    assert bench.playback.heard_ms("i") == 20


@pytest.mark.parametrize("delta", ['"A*=="', '"AAA"', "17", '"\\u00e4\\u00e4\\u00e4\\u00e4"'])
def test_audio_that_makes_no_sense_reaches_nobody(bench: Bench, delta: str) -> None:
    ids = '"event_id":"e","response_id":"r","item_id":"i","output_index":0,"content_index":0'
    bench.playback.take(f'{{"type":"response.output_audio.delta",{ids},"delta":{delta}}}'.encode())
    assert (bench.sent, bench.hear_out()) == ([], b"")


def test_the_last_frame_is_filled_with_silence(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(30))
    bench.done()
    assert bench.hear_out() == pcm(30) + bytes(10 * MS)
    assert bench.playback.heard_ms("i") == 30


def test_half_a_frame_waits_for_its_rest(bench: Bench) -> None:
    """An underrun in mid-response is no stop, and makes no gap inside a frame."""
    bench.created()
    bench.delta(pcm(30))
    assert bench.hear(200) == pcm(20)
    bench.delta(pcm(10, first=1 + 30 * 24))
    assert bench.hear(200) == pcm(40)[20 * MS :]
    assert bench.buffer_events() == [("started", "r")]


def test_an_answer_without_audio_is_not_told_of(bench: Bench) -> None:
    bench.created()
    bench.done()
    assert bench.hear(200) == b""
    assert bench.buffer_events() == []


def test_stopped_waits_a_little_for_the_rate_limits(bench: Bench) -> None:
    """They come within 40 ms; a server that sends none does not hold it up for long."""
    bench.created()
    bench.delta(pcm(20))
    bench.hear(20)
    bench.done(limits=False)
    bench.hear(40)
    assert bench.buffer_events() == [("started", "r")]
    bench.hear(20)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_stopped_comes_at_once_where_they_came(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(20))
    bench.hear(20)
    bench.done()
    bench.hear(20)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_stopped_waits_for_the_response(bench: Bench) -> None:
    """All its audio was played, but a function call is still being written."""
    bench.created()
    bench.delta(pcm(20))
    bench.audio_done()
    bench.hear(400)
    assert bench.buffer_events() == [("started", "r")]
    bench.done()
    bench.hear(20)
    assert bench.buffer_events()[-1] == ("stopped", "r")


def test_responses_are_played_one_after_the_other(bench: Bench) -> None:
    """Even when an out-of-band one is spoken at the same time, delta by delta."""
    bench.created("r")
    bench.created("b", conversation_id=None)
    for ms in (0, 20):
        bench.delta(pcm(20, first=1 + ms * 24), "r", "i")
        bench.delta(pcm(20, first=10_000 + ms * 24), "b", "j")
    bench.done("b", "j")
    bench.done("r", "i")
    assert bench.hear_out() == pcm(40) + pcm(40, first=10_000)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r"), ("started", "b"), ("stopped", "b")]


def test_items_of_one_response_follow_without_a_gap(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(30), item="i")
    bench.delta(pcm(30, first=5000), item="j")
    bench.done("r", "i", "j")
    assert bench.hear_out() == pcm(30) + pcm(30, first=5000)
    assert (bench.playback.heard_ms("i"), bench.playback.heard_ms("j")) == (30, 30)
    assert bench.buffer_events() == [("started", "r"), ("stopped", "r")]


def test_half_a_sample_shifts_nothing_behind_it(bench: Bench) -> None:
    bench.created()
    bench.delta(pcm(10) + b"x", item="i")
    bench.delta(pcm(10, first=5000), item="j")
    bench.done("r", "i", "j")
    assert bench.hear_out() == pcm(10) + pcm(10, first=5000)


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3)), max_size=10),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3)), max_size=10),
    st.booleans(),
)
@settings(deadline=None)
def test_all_audio_is_played_once_whatever_its_pieces(
    first: list[tuple[int, int]], second: list[tuple[int, int]], ended: bool
) -> None:
    """What was played and what was not are together what came, by item, and in order; pieces may cut samples."""
    bench, came, heard = Bench(), {"i": b"", "j": b""}, b""
    bench.created()
    first.append((sum(size for size, _ in first) % 2, 0))  # an item is whole samples
    for item, pieces in (("i", first), ("j", second)):
        for size, pulls in pieces:
            audio = bytes((len(came[item]) + n) % 251 for n in range(size))
            came[item] += audio
            bench.delta(audio, item=item)
            heard += bench.hear(20 * pulls)
    whole = came["i"] + came["j"]
    if ended:
        bench.done("r", "i", "j")
        heard += bench.hear_out()
        audible = whole[: len(whole) // 2 * 2]
        assert heard == audible + bytes(-len(audible) % FRAME) or len(whole) % FRAME == 1
        assert heard.startswith(audible)
        assert [bench.playback.heard_ms(item) for item in "ij"] == [len(came[item]) // MS for item in "ij"]
    else:
        played = [bench.playback.heard_ms(item) for item in "ij"]
        assert played == [min(len(heard), len(came["i"])) // MS, max(len(heard) - len(came["i"]), 0) // MS]
        rest = [json.loads(message) for message in bench.playback.unplayed()]
        assert heard + b"".join(base64.b64decode(event["delta"]) for event in rest) == whole
    assert bench.playback.pull() is None


# --- formats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "encode", "decode"),
    [(PCMU, g711.encode_pcmu, g711.decode_pcmu), (PCMA, g711.encode_pcma, g711.decode_pcma)],
)
def test_telephone_audio_is_played_at_24000_hz(bench: Bench, form: Any, encode: Any, decode: Any) -> None:
    tone = (8000 * np.sin(np.arange(8000) * 0.2)).astype("<i2").tobytes()
    coded = encode(tone)
    bench.session(output={"format": form})
    bench.created()
    for begin in range(0, len(coded), 333):
        bench.delta(coded[begin : begin + 333])
    bench.done()
    assert bench.hear_out() == resample(decode(coded), 8000, 24000)
    assert bench.playback.heard_ms("i") == 1000


def test_a_response_may_have_a_format_of_its_own(bench: Bench) -> None:
    bench.session(output={"format": PCMU})
    bench.created("r", audio={"output": {"format": PCM, "voice": "alloy"}})
    bench.delta(pcm(20))
    assert bench.hear(20) == pcm(20)


def test_telephone_audio_that_was_not_played_is_given_back_as_such(bench: Bench) -> None:
    coded = g711.encode_pcmu((8000 * np.sin(np.arange(1600) * 0.2)).astype("<i2").tobytes())
    bench.session(output={"format": PCMU})
    bench.created()
    bench.delta(coded)
    bench.done()
    bench.hear(100)
    rest = b"".join(base64.b64decode(json.loads(message)["delta"]) for message in bench.playback.unplayed())
    assert len(rest) == len(coded) // 2
    difference = np.frombuffer(g711.decode_pcmu(rest), "<i2")[40:-40] - np.frombuffer(
        g711.decode_pcmu(coded[800:]), "<i2"
    )[40:-40].astype(int)
    assert np.abs(difference).max() < 800  # one step of mu-law at that level


def test_what_the_user_says_is_appended(bench: Bench) -> None:
    sent: list[bytes] = []
    playback = Playback(bench.sent.append, sent.append, Ids(bytes))
    playback.hear(pcm(20))
    playback.hear(b"")
    assert [json.loads(message) for message in sent] == [
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm(20)).decode()}
    ]
    assert plain_append(sent[0]) == FRAME


def test_what_the_user_says_is_appended_in_the_sessions_format(bench: Bench) -> None:
    tone = (8000 * np.sin(np.arange(24_000) * 0.1)).astype("<i2").tobytes()
    bench.session(input={"format": PCMU, "turn_detection": None})
    for begin in range(0, len(tone), FRAME):
        bench.playback.hear(tone[begin : begin + FRAME])
    heard = b"".join(base64.b64decode(event["audio"]) for event in bench.asked)
    whole = g711.encode_pcmu(resample(tone, 24000, 8000))
    assert heard == whole[: len(heard)]
    assert len(whole) - len(heard) <= 8 * 4  # the resampler holds back 3 ms


# --- bounds -----------------------------------------------------------------------------------------------------


def test_a_full_buffer_tells_so_until_half_of_it_is_played(bench: Bench) -> None:
    bench.created()
    for _ in range(600):
        bench.delta(bytes(48_000))
    assert not bench.playback.is_full
    bench.delta(bytes(960))
    assert bench.playback.is_full
    bench.hear(300_000)
    assert bench.playback.is_full
    bench.hear(40)
    assert not bench.playback.is_full
    bench.delta(bytes(48_000 * 400))
    bench.speech()
    assert not bench.playback.is_full
    assert bench.playback.seconds == 0


def test_tiny_deltas_cost_no_more_than_their_audio(bench: Bench) -> None:
    bench.created()
    for n in range(4800):
        bench.delta(bytes([n % 256]))
    assert len(bench.playback.unplayed()) == 5


def test_little_is_remembered_of_what_is_over(bench: Bench) -> None:
    for n in range(MOST_REMEMBERED + 10):
        bench.created(f"r{n}")
        bench.delta(pcm(20), f"r{n}", f"i{n}")
        bench.done(f"r{n}", f"i{n}")
        bench.hear(40)
    assert len(bench.playback.heard) == MOST_REMEMBERED
    assert bench.playback.heard_ms(f"i{MOST_REMEMBERED + 9}") == 20


def test_responses_that_never_end_do_not_pile_up(bench: Bench) -> None:
    for n in range(MOST_ANSWERS + 10):
        bench.created(f"r{n}")
        bench.delta(pcm(20), f"r{n}", f"i{n}")
    assert bench.playback.seconds == pytest.approx(MOST_ANSWERS * 0.02)
    assert len(bench.playback.heard) == MOST_ANSWERS + 10


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"session.updated","session":{"audio":5}}',
        b'{"type":"session.updated"}',
        b'{"type":"response.created","response":[]}',
        b'{"type":"response.done","response":{"id":"unknown"}}',
        b'{"type":"response.output_item.done","item":null}',
        b'{"type":"conversation.item.deleted"}',
        b'{"type":"error","error":null}',
        b"\xff",
    ],
)
def test_events_of_another_shape_pass(bench: Bench, message: bytes) -> None:
    told: list[bytes] = []
    Playback(told.append, told.append, Ids(bytes)).take(message)
    assert told == [message]
