"""Noise reduction: the filter around the network with a network that only delays, and the network itself."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from antiphon.audio.pcm import level_db, read_wav
from antiphon.audio.resample import Resampler
from antiphon.errors import MediaError, MissingExtraError, StageError
from antiphon.protocol.config import NoiseReduction
from antiphon.stages.noise import rnnoise_library
from antiphon.stages.noise.rnnoise import SESSION_RATE, STRENGTH, NoiseReducer, Rnnoise
from antiphon.stages.noise.rnnoise_library import DELAY_SAMPLES, FRAME_SAMPLES, load_library

RECORDING = Path(__file__).parents[2] / "speech" / "questions" / "property-00-slt.wav"


class Delay:
    """A network that keeps everything and is as late as the real one; `gain` shows what it worked on."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain
        self.closed = False
        self._kept: NDArray[np.float32] = np.zeros(DELAY_SAMPLES, np.float32)

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        assert samples.dtype == np.float32
        assert samples.size % FRAME_SAMPLES == 0
        self._kept = np.concatenate((self._kept, samples * self.gain))
        ready, self._kept = self._kept[: samples.size], self._kept[samples.size :]
        return ready

    def reset(self) -> None:
        self._kept = np.zeros(DELAY_SAMPLES, np.float32)

    def close(self) -> None:
        self.closed = True


def tone(samples: int) -> bytes:
    wave = 8000 * np.sin(np.arange(samples) * 2 * np.pi * 440 / SESSION_RATE)
    pcm: bytes = np.rint(wave).astype("<i2").tobytes()
    return pcm


def samples_of(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def whole(reducer: NoiseReducer, pcm: bytes, piece: int = 960) -> bytes:
    """Return what comes out for `pcm`, given in pieces of that many bytes."""
    out = [reducer.process(pcm[at : at + piece]) for at in range(0, len(pcm), piece)]
    return b"".join([*out, reducer.flush()])


# --- the filter ---------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 1500), max_size=8))
def test_as_many_samples_come_out_as_went_in_wherever_cut(sizes: list[int]) -> None:
    pcm = tone(sum(sizes))
    cut, at, out = NoiseReducer(Delay(), 0.5), 0, b""
    for size in sizes:
        out += cut.process(pcm[at : at + 2 * size])
        at += 2 * size
        held = at - len(out)
        assert 0 <= held <= 2 * NoiseReducer.LATENCY_SAMPLES
    out += cut.flush()
    assert len(out) == len(pcm)
    assert out == whole(NoiseReducer(Delay(), 0.5), pcm)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_every_sample_keeps_its_place(strength: float) -> None:
    """Speech boundaries are told to the client by position."""
    pcm = tone(4800)
    difference = samples_of(whole(NoiseReducer(Delay(), strength), pcm)) - samples_of(pcm)
    # At its ends the tone is cut off sharply, which no resampler can follow.
    assert np.max(np.abs(difference[100:-100])) < 20


@pytest.mark.parametrize(("strength", "share"), [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0)])
def test_strength_is_the_share_that_is_taken_away(strength: float, share: float) -> None:
    pcm = tone(4800)
    difference = samples_of(whole(NoiseReducer(Delay(gain=0), strength), pcm)) - share * samples_of(pcm)
    assert np.max(np.abs(difference)) <= 1


def test_after_a_flush_a_new_stream_begins() -> None:
    reducer, pcm = NoiseReducer(Delay(), 0.5), tone(2000)
    first = whole(reducer, pcm)
    assert whole(reducer, pcm) == first


def test_a_reset_forgets_what_was_held_back() -> None:
    reducer, pcm = NoiseReducer(Delay()), tone(2000)
    reducer.process(tone(1234))
    reducer.reset()
    assert whole(reducer, pcm) == whole(NoiseReducer(Delay()), pcm)


def test_full_scale_does_not_wrap() -> None:
    loud = (np.sign(np.sin(np.arange(4800) / 20)) * 32767).astype("<i2").tobytes()
    out = samples_of(whole(NoiseReducer(Delay(gain=1.5)), loud))
    assert np.array_equal(np.sign(out[100:4700:40]), np.sign(samples_of(loud)[100:4700:40]))


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_half_a_sample_is_refused(strength: float) -> None:
    with pytest.raises(MediaError):
        NoiseReducer(Delay(), strength).process(b"\0")


def test_closing_frees_the_network() -> None:
    network = Delay()
    NoiseReducer(network).close()
    assert network.closed


# --- the network --------------------------------------------------------------------------------------------


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rnnoise_library, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"antiphon\[noise\]"):
        await Rnnoise().start()


def test_it_must_be_started_first() -> None:
    with pytest.raises(StageError, match="call start"):
        Rnnoise().open(NoiseReduction("near_field"))


@pytest.fixture
async def rnnoise() -> Rnnoise:
    if find_spec("pyrnnoise") is None:
        pytest.skip("the extra `noise` is not installed")
    made = Rnnoise()
    await made.start()
    return made


def speech() -> bytes:
    wav = read_wav(RECORDING)
    resampler = Resampler(wav.rate, SESSION_RATE)
    return resampler.process(wav.pcm) + resampler.flush()


def hiss(samples: int) -> bytes:
    return np.rint(np.random.default_rng(1).normal(0, 500, samples)).astype("<i2").tobytes()


def test_noise_goes(rnnoise: Rnnoise) -> None:
    out = whole(rnnoise.open(NoiseReduction("far_field")), hiss(2 * SESSION_RATE))
    assert level_db(out[SESSION_RATE:]) < level_db(hiss(SESSION_RATE)) - 20


def test_speech_stays_in_its_place(rnnoise: Rnnoise) -> None:
    pcm = speech()
    before, after = samples_of(pcm), samples_of(whole(rnnoise.open(NoiseReduction("far_field")), pcm))
    assert after.size == before.size
    likeness = [float(before[50:-50] @ np.roll(after, shift)[50:-50]) for shift in range(-48, 49)]
    assert abs(int(np.argmax(likeness)) - 48) <= 2  # the network's high-pass turns the phase by a sample
    assert max(likeness) / float(np.linalg.norm(before) * np.linalg.norm(after)) > 0.95


def test_speech_comes_out_of_noise(rnnoise: Rnnoise) -> None:
    """The pause gets quiet, the voice stays as loud as it is."""
    pause, pcm = bytes(2 * SESSION_RATE), speech()
    noisy = samples_of(pause + pcm) + samples_of(hiss((len(pause) + len(pcm)) // 2))
    cleaned = whole(rnnoise.open(NoiseReduction("far_field")), noisy.astype("<i2").tobytes())
    assert level_db(cleaned[SESSION_RATE : len(pause)]) < level_db(hiss(SESSION_RATE)) - 20
    assert abs(level_db(cleaned[len(pause) :]) - level_db(pcm)) < 1


def test_streams_do_not_disturb_each_other(rnnoise: Rnnoise) -> None:
    pcm = speech()[: 2 * SESSION_RATE]
    alone = whole(rnnoise.open(NoiseReduction("near_field")), pcm)
    reducer, other = rnnoise.open(NoiseReduction("near_field")), rnnoise.open(NoiseReduction("far_field"))
    mixed = b""
    for at in range(0, len(pcm), 960):
        other.process(hiss(480))
        mixed += reducer.process(pcm[at : at + 960])
    assert mixed + reducer.flush() == alone
    reducer.reset()
    assert whole(reducer, pcm, 1234) == alone


def test_the_sessions_strength_wins_over_its_type(rnnoise: Rnnoise) -> None:
    pcm = hiss(SESSION_RATE)
    assert whole(rnnoise.open(NoiseReduction("far_field", 0.0)), pcm) == pcm
    weak, strong = (level_db(whole(rnnoise.open(NoiseReduction(kind)), pcm)) for kind in ("near_field", "far_field"))
    assert weak > strong
    assert STRENGTH["near_field"] < STRENGTH["far_field"]


def test_a_library_that_does_not_load_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyrnnoise").mkdir()
    (tmp_path / "pyrnnoise" / "__init__.py").touch()
    for name in ("librnnoise.so", "librnnoise.dylib"):
        (tmp_path / "pyrnnoise" / name).write_bytes(b"no library")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(StageError, match="reinstall pyrnnoise"):
        load_library()


def test_closing_twice_is_safe(rnnoise: Rnnoise) -> None:
    reducer = rnnoise.open(NoiseReduction("near_field"))
    reducer.close()
    reducer.close()
