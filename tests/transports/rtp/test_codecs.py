"""The codecs of RTP audio: lengths, places in time, and what stands in for what was lost."""

import numpy as np
import pytest

from antiphon.audio import level_db
from antiphon.errors import MediaError
from antiphon.transports.rtp import CODECS
from tests.transports.rtp.sounds import cut, frequency_of, tone

SILENCE = bytes(960)


@pytest.mark.parametrize(("name", "clock_rate"), [("opus", 48_000), ("PCMU", 8000), ("PCMA", 8000)])
def test_each_frame_is_20_ms_on_the_clock_and_comes_back_whole(name: str, clock_rate: int) -> None:
    codec = CODECS[name]()
    assert (codec.name, codec.clock_rate) == (name, clock_rate)
    payloads = [codec.encode(frame) for frame in cut(tone(1.0))]
    assert {codec.ticks(payload) for payload in payloads} == {clock_rate // 50}
    heard = [codec.decode(payload) for payload in payloads]
    assert {len(pcm) for pcm in heard} == {960}
    assert frequency_of(b"".join(heard[10:])) == pytest.approx(440, abs=1)
    assert level_db(b"".join(heard[10:])) == pytest.approx(level_db(tone(1.0)), abs=0.5)


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
def test_g711_is_6_ms_late_from_end_to_end(name: str) -> None:
    """3 ms a direction, the resampler's reach, less the one sample that each gives while it fills."""
    codec = CODECS[name]()
    click = np.zeros(2400, "<i2")
    click[1000:1012] = 20_000
    heard = b"".join(codec.decode(codec.encode(frame)) for frame in cut(click.tobytes()))
    assert abs(int(np.argmax(np.abs(np.frombuffer(heard, "<i2")))) - 1006 - 140) <= 4


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
@pytest.mark.parametrize("size", [1, 80, 160, 240, 480, 1600])
def test_g711_of_any_length_keeps_its_length(name: str, size: int) -> None:
    codec = CODECS[name]()
    assert [len(codec.decode(bytes(size))) for _ in range(3)] == [6 * size] * 3


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
def test_a_packet_longer_than_any_telephone_s_is_refused(name: str) -> None:
    assert CODECS[name]().ticks(bytes(1601)) == 0


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [0, 958, 1920])
def test_only_whole_frames_are_encoded(name: str, size: int) -> None:
    with pytest.raises(MediaError, match=f"but {size} came"):
        CODECS[name]().encode(bytes(size))


@pytest.mark.parametrize("frequency", [100.0, 137.0, 250.0, 390.0])
def test_a_lost_g711_frame_goes_on_with_the_pitch(frequency: float) -> None:
    codec = CODECS["PCMU"]()
    for frame in cut(tone(0.5, frequency)):
        last = codec.decode(codec.encode(frame))
    guess = np.frombuffer(codec.conceal(480), "<i2").astype(float)
    seam = np.frombuffer(last, "<i2").astype(float)
    steepest = np.abs(np.diff(seam)).max()
    assert np.abs(np.diff(np.concatenate((seam[-50:], guess)))).max() < 1.3 * steepest, "the seam clicks"
    assert level_db(guess.astype("<i2").tobytes()) > level_db(last) - 4


def test_a_g711_guess_fades_within_60_ms() -> None:
    codec = CODECS["PCMU"]()
    for frame in cut(tone(0.5)):
        codec.decode(codec.encode(frame))
    levels = [level_db(codec.conceal(480)) for _ in range(4)]
    assert levels == sorted(levels, reverse=True)
    assert levels[3] == -120
    codec.decode(codec.encode(cut(tone(0.5))[0]))
    assert level_db(codec.conceal(480)) > -25, "the next loss is guessed anew"


@pytest.mark.parametrize("name", CODECS)
def test_another_stream_begins_without_a_trace_of_the_one_before(name: str) -> None:
    used, fresh = CODECS[name](), CODECS[name]()
    payloads = [fresh.encode(frame) for frame in cut(tone(0.2))]
    for payload in payloads:
        used.decode(payload)
    used.restart()
    assert used.conceal(480) == fresh.conceal(480) == SILENCE
    assert [used.decode(payload) for payload in payloads] == [fresh.decode(payload) for payload in payloads]


def test_only_opus_recovers() -> None:
    codec = CODECS["opus"]()
    codec.expect_loss(20)
    payloads = [codec.encode(frame) for frame in cut(tone(1.0))]
    assert any(codec.recover(payload, 480) for payload in payloads)
    assert CODECS["PCMU"]().recover(bytes(160), 480) is None
