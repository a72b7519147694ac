"""Resampling keeps time, level and pitch, lets no alias through, and does not depend on the chunking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from antiphon.audio.resample import Resampler, resample
from antiphon.errors import MediaError

RATES = [
    (24000, 16000),
    (16000, 24000),
    (22050, 24000),
    (24000, 8000),
    (8000, 24000),
    (8000, 16000),
    (48000, 24000),
    (24000, 48000),
    (44100, 16000),
    (11025, 48000),
]


def tone(frequency: float, rate: int, seconds: float = 1, amplitude: float = 16000) -> bytes:
    moments = np.arange(round(seconds * rate)) / rate
    return np.rint(amplitude * np.sin(2 * np.pi * frequency * moments)).astype("<i2").tobytes()


def array(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def middle(pcm: bytes) -> NDArray[np.float64]:
    """The part that the silence before and after the stream does not reach."""
    samples = array(pcm)
    return samples[samples.size // 4 : -samples.size // 4]


def db(samples: NDArray[np.float64], reference: float) -> float:
    return 20 * float(np.log10(max(np.sqrt(np.mean(samples**2)), 1e-9) / reference))


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.38])
def test_a_tone_keeps_its_place_in_time(source: int, target: int, share: float) -> None:
    """Output sample n is the input at n / target: no delay, no change of level, nothing but rounding differs."""
    frequency = share * min(source, target)
    got = middle(resample(tone(frequency, source), source, target))
    expected = middle(tone(frequency, target))
    assert db(got - expected, 16000 / np.sqrt(2)) < -75


@pytest.mark.parametrize(("source", "target"), [pair for pair in RATES if pair[0] > pair[1]])
@pytest.mark.parametrize("share", [0.502, 0.6, 0.8, 0.98])
def test_what_the_lower_rate_cannot_hold_is_gone(source: int, target: int, share: float) -> None:
    """A tone above half the target rate leaves no alias above -75 dB."""
    frequency = min(share * target, 0.499 * source)
    output = middle(resample(tone(frequency, source), source, target))
    assert db(output, 16000 / np.sqrt(2)) < -75


@pytest.mark.parametrize(("source", "target"), [pair for pair in RATES if pair[0] < pair[1]])
def test_raising_the_rate_adds_no_image(source: int, target: int) -> None:
    """Nothing sounds above half of the source rate."""
    output = middle(resample(tone(0.3 * source, source), source, target))
    spectrum = np.abs(np.fft.rfft(output * np.kaiser(output.size, 14)))
    frequencies = np.fft.rfftfreq(output.size, 1 / target)
    assert spectrum[frequencies > 0.505 * source].max() < spectrum.max() * 10 ** (-75 / 20)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_constant_stays_a_constant(source: int, target: int) -> None:
    constant = np.full(source // 4, 12345, "<i2").tobytes()
    assert set(middle(resample(constant, source, target))) == {12345.0}


def test_full_scale_is_clipped_not_wrapped() -> None:
    """A square wave overshoots after the filter; the overshoot must not change its sign."""
    square = np.where(np.arange(2400) // 12 % 2, 32767, -32768).astype("<i2")
    output = array(resample(square.tobytes(), 24000, 16000)).reshape(-1, 8)[10:-10]
    assert output.max() == 32767
    assert output.min() == -32768
    assert (np.abs(np.diff(np.sign(output[:, 2:6]), axis=1)) == 0).all()


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from(RATES),
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(0, 700), min_size=1, max_size=30),
)
def test_chunks_do_not_matter(pair: tuple[int, int], seed: int, cuts: list[int]) -> None:
    """However the input is cut, the output is the same to the bit, and its length is the rounded product."""
    source, target = pair
    samples = np.random.default_rng(seed).integers(-32768, 32768, sum(cuts)).astype("<i2")
    resampler = Resampler(source, target)
    chunks = np.split(samples, np.cumsum(cuts)[:-1])
    streamed = b"".join(resampler.process(chunk.tobytes()) for chunk in chunks) + resampler.flush()
    assert streamed == resample(samples.tobytes(), source, target)
    assert len(streamed) // 2 == (2 * samples.size * target + source) // (2 * source)


@pytest.mark.parametrize(("source", "target", "delay_ms"), [(24000, 16000, 1.5), (22050, 24000, 1.1), (8000, 24000, 3)])
def test_little_is_held_back(source: int, target: int, delay_ms: float) -> None:
    resampler = Resampler(source, target)
    ready = sum(len(resampler.process(tone(440, source, 0.02))) for _ in range(5)) // 2
    assert 0.1 - ready / target <= delay_ms / 1000 + 1e-9


def test_after_a_flush_a_new_stream_begins() -> None:
    resampler = Resampler(24000, 16000)
    first = resampler.process(tone(700, 24000)) + resampler.flush()
    second = resampler.process(tone(700, 24000)) + resampler.flush()
    assert first == second
    assert resampler.flush() == b""


def test_reset_forgets_the_stream() -> None:
    resampler = Resampler(8000, 16000)
    resampler.process(tone(300, 8000))
    resampler.reset()
    assert resampler.process(bytes(400)) + resampler.flush() == bytes(800)


def test_equal_rates_pass_through() -> None:
    resampler = Resampler(24000, 24000)
    assert resampler.process(b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04"
    assert resampler.flush() == b""


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(MediaError, match="3 bytes came"):
        Resampler(24000, 16000).process(b"abc")
    with pytest.raises(MediaError, match="3 bytes came"):
        Resampler(24000, 24000).process(b"abc")


@pytest.mark.parametrize(("source", "target", "message"), [(0, 8000, "above 0"), (44101, 24000, "too fine")])
def test_odd_rates_are_refused(source: int, target: int, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        Resampler(source, target)
