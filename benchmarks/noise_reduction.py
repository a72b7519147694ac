"""What noise reduction does for hearing, and what it costs: `python -m benchmarks.noise_reduction`, about 6 minutes.

    python -m benchmarks.noise_reduction --every 8 --snr 5 --strengths 0.7 1.0

Recordings are mixed with white noise, and with babble made of eight other recordings, at a given level below the
speech. Each is heard as it is and through RNNoise. WER: PocketSphinx with what the agent knows. VAD: the area under the
curve of Silero's probabilities, and at 0.5 the pauses taken for speech (alarms) and the speech taken for pauses.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from antiphon.audio.pcm import read_wav
from antiphon.audio.resample import Resampler
from antiphon.protocol.config import NoiseReduction
from antiphon.stages.noise.rnnoise import Rnnoise
from antiphon.stages.stt.sphinx_library import Decoder
from antiphon.stages.vad.silero import Silero
from antiphon.stages.vad.silero_model import FRAME_SAMPLES
from benchmarks.machine import machine
from benchmarks.stt_accuracy import INFORMED, ROOT, load, transcribe

RATE = 16_000
LEAD = RATE  # quiet before the speech, so that the network knows the noise as it would in a call
KEPT = 3 * RATE // 10  # of it, what turn detection would keep as prefix padding
TAIL = RATE // 2
TALKERS = 8  # in babble
SPEECH_DB = -40.0  # a frame this far below the recording's loudest one is a pause
Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """Samples, float64, (samples,), 16000 Hz, and what is said in them."""

    samples: Samples
    text: str


@dataclass
class Heard:
    """What was counted under one condition."""

    errors: int = 0
    words: int = 0
    speech: list[float] = field(default_factory=list)  # probabilities of frames with speech
    pauses: list[float] = field(default_factory=list)

    def columns(self) -> str:
        alarms = 100 * float(np.mean(np.array(self.pauses) >= 0.5))
        missed = 100 * float(np.mean(np.array(self.speech) < 0.5))
        return f"{100 * self.errors / self.words:7.1f} {self.area():7.3f} {alarms:9.1f} {missed:8.1f}"

    def area(self) -> float:
        """Return the probability that a frame with speech looks more like it than one without."""
        pauses = np.sort(self.pauses)
        below = np.searchsorted(pauses, self.speech, "left") + np.searchsorted(pauses, self.speech, "right")
        return float(np.mean(below) / (2 * len(pauses)))


def recordings(data: Path) -> list[Recording]:
    entries = json.loads((data / "manifest.json").read_text())
    wavs = ((read_wav(data / entry["file"]), entry["text"]) for entry in entries)
    return [Recording(np.frombuffer(wav.pcm, "<i2").astype(np.float64), text) for wav, text in wavs if wav.rate == RATE]


def power(samples: Samples) -> float:
    return float(np.mean(samples**2))


def babble(others: list[Recording], count: int) -> Samples:
    """Return eight talkers at once, each as loud as the others."""
    voices = [np.resize(other.samples / np.sqrt(power(other.samples)), count) for other in others]
    return np.asarray(np.sum(voices, axis=0))


def mixed(index: int, everything: list[Recording], kind: str, snr: float) -> Samples:
    speech = everything[index].samples
    padded = np.concatenate((np.zeros(LEAD), speech, np.zeros(TAIL)))
    rng = np.random.default_rng(index)
    hiss = rng.normal(0, 8, padded.size)
    if kind == "clean":
        return padded + hiss
    if kind == "white":
        noise = rng.normal(0, 1, padded.size)
    else:
        chosen = rng.choice([other for other in range(len(everything)) if other != index], TALKERS, replace=False)
        noise = babble([everything[other] for other in chosen], padded.size)
    loudness = np.sqrt(power(speech) / power(noise) / 10 ** (snr / 10))
    return np.asarray(padded + hiss + noise * loudness, np.float64)


def pcm_of(samples: Samples) -> bytes:
    pcm: bytes = np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
    return pcm


class Filter:
    """The network between two resamplings, as in a session; counts its CPU time, which others' work does not change."""

    def __init__(self, rnnoise: Rnnoise) -> None:
        self._rnnoise = rnnoise
        self.seconds = self.audio = 0.0
        self.worst = 0.0

    def clean(self, pcm: bytes, strength: float) -> bytes:
        up, down = Resampler(RATE, 24_000), Resampler(24_000, RATE)
        wide = up.process(pcm) + up.flush()
        reducer = self._rnnoise.open(NoiseReduction("far_field", strength))
        out = b"".join(self._timed(reducer.process, wide[at : at + 960]) for at in range(0, len(wide), 960))
        out += reducer.flush()
        reducer.close()
        self.audio += len(wide) / 48_000
        return down.process(out) + down.flush()

    def _timed(self, process: Callable[[bytes], bytes], frame: bytes) -> bytes:
        began = time.thread_time()
        cleaned = process(frame)
        spent = time.thread_time() - began
        self.seconds, self.worst = self.seconds + spent, max(self.worst, spent)
        return cleaned


def labels(speech: Samples) -> list[bool]:
    """Return which of the detector's frames hold speech."""
    padded = np.concatenate((np.zeros(LEAD), speech, np.zeros(TAIL)))
    frames = padded[: padded.size // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    powers = np.mean(frames**2, axis=1)
    return list(powers > powers.max() * 10 ** (SPEECH_DB / 10))


async def probabilities(silero: Silero, pcm: bytes) -> list[float]:
    stream = silero.open()
    found = list(await stream.detect(pcm[: len(pcm) // (2 * FRAME_SAMPLES) * 2 * FRAME_SAMPLES]))
    stream.close()
    return found


async def hear(decoder: Decoder, silero: Silero, recording: Recording, pcm: bytes, heard: Heard) -> None:
    tally, _ = transcribe(decoder, INFORMED, pcm[2 * (LEAD - KEPT) :], recording.text)
    heard.errors, heard.words = heard.errors + tally.errors, heard.words + tally.words
    for probability, is_speech in zip(await probabilities(silero, pcm), labels(recording.samples), strict=False):
        (heard.speech if is_speech else heard.pauses).append(probability)


def conditions(strengths: list[float]) -> Iterator[tuple[str, float]]:
    for kind in ("clean", "white", "babble"):
        yield from ((kind, strength) for strength in (0.0, *strengths))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with manifest.json")
    parser.add_argument("--every", type=int, default=5, help="take one recording of so many")
    parser.add_argument("--snr", type=float, default=10.0, help="dB of speech over noise")
    parser.add_argument("--strengths", type=float, nargs="*", default=[0.85, 1.0])
    parser.add_argument("--second-pass", action="store_true")
    parser.add_argument("--general-weight", type=float, default=0.99)
    settings = parser.parse_args()
    print(machine())
    decoder, silero, rnnoise = load(settings), Silero(gate=False), Rnnoise()
    await silero.start()
    await rnnoise.start()
    cleaner, everything = Filter(rnnoise), recordings(settings.data)
    chosen = range(0, len(everything), settings.every)
    print(f"\n{len(chosen)} recordings, noise at {settings.snr:g} dB below speech")
    print(f"{'noise':<8}{'strength':>9} {'WER %':>7} {'area':>7} {'alarms %':>9} {'missed %':>8}", flush=True)
    for kind, strength in conditions(settings.strengths):
        heard = Heard()
        for index in chosen:
            pcm = pcm_of(mixed(index, everything, kind, settings.snr))
            pcm = cleaner.clean(pcm, strength) if strength else pcm
            await hear(decoder, silero, everything[index], pcm, heard)
        print(f"{kind:<8}{strength or 'off':>9} {heard.columns()}", flush=True)
    cost = 1e6 * cleaner.seconds / cleaner.audio / 50
    print(f"\nfilter: {cost:.0f} µs CPU a 20 ms frame on average, {1e6 * cleaner.worst:.0f} µs the worst")
    await silero.close()
    decoder.close()


if __name__ == "__main__":
    asyncio.run(main())
