"""Word error rate, speed and delay of the embedded STT stage, with and without what the agent knows.

    python benchmarks/stt_accuracy.py --data ../shared/data          all recordings, about 5 minutes
    python benchmarks/stt_accuracy.py --quick                        every fourth

Each recording is decoded twice, as it would come from a microphone: 300 ms of quiet before and 500 ms after, the first
second at once and the rest by 100 ms. `final` is the time from the last audio to the final text.
"""

import argparse
import json
import os
import platform
import resource
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from antiphon.session.context import Knowledge, TranscriptionHint
from antiphon.stages.stt.decoder_pool import Seat
from antiphon.stages.stt.language_model import domain_model
from antiphon.stages.stt.pronunciation import Dictionary
from antiphon.stages.stt.sphinx_library import RATE, Decoder, load_library, package_folder
from antiphon.stages.stt.utterance import SLICE_BYTES, Utterance

ROOT = Path(__file__).resolve().parent.parent
GENERAL, INFORMED = "general", "informed"


@dataclass
class Tally:
    """What was counted over a set of recordings; times in seconds."""

    errors: int = 0
    words: int = 0
    audio: float = 0.0
    work: float = 0.0
    finals: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.errors += other.errors
        self.words += other.words
        self.audio += other.audio
        self.work += other.work
        self.finals += other.finals

    def columns(self) -> str:
        p50, p95 = np.percentile(self.finals, (50, 95)) * 1000
        wer = 100 * self.errors / self.words
        return f"{wer:8.1f} {self.work / self.audio:6.2f} {p50:8.0f} {p95:6.0f}"


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to replace, add or leave out."""
    row = list(range(len(heard) + 1))
    for count, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], count
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = row[column], min(diagonal + (word != other), row[column] + 1, row[column - 1] + 1)
    return row[-1]


def read(path: Path) -> bytes:
    with wave.open(str(path)) as audio:
        pcm: bytes = audio.readframes(audio.getnframes())
    quiet: bytes = np.random.default_rng(2).normal(0, 8, RATE // 2).astype(np.int16).tobytes()
    return quiet[: RATE * 2 * 3 // 10] + pcm + quiet


def transcribe(decoder: Decoder, model: str, pcm: bytes, text: str) -> tuple[Tally, str]:
    started = time.perf_counter()
    utterance = Utterance(decoder, model, 30.0)
    cuts = [0, *range(2 * RATE, len(pcm), SLICE_BYTES)]
    for start, end in pairwise(cuts):
        utterance.decode(pcm[start:end])
    last = time.perf_counter()
    heard = utterance.finish(pcm[cuts[-1] :])
    ended = time.perf_counter()
    reference = text.split()
    errors = word_errors(reference, heard.split())
    return Tally(errors, len(reference), len(pcm) / 2 / RATE, ended - started, [ended - last]), heard


def megabytes() -> float:
    """Return the most memory that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def load(settings: argparse.Namespace) -> Decoder:
    """Return a decoder with both models, and say what each costs."""
    package = package_folder()
    folder = package / "model" / "en-us"
    facts = json.loads((settings.data / "property.json").read_text())
    marks = [(time.perf_counter(), megabytes())]
    decoder = Decoder(load_library(package), folder, settings.second_pass)
    decoder.install_general(GENERAL)
    marks.append((time.perf_counter(), megabytes()))
    hint = TranscriptionHint(knowledge=Knowledge(facts))
    model = domain_model(hint, Dictionary.read(folder / "cmudict-en-us.dict"))
    marks.append((time.perf_counter(), megabytes()))
    Seat(decoder, settings.general_weight, 1).install(INFORMED, model)
    marks.append((time.perf_counter(), megabytes()))
    for what, before, after in zip(("decoder", "build model", "install model"), marks, marks[1:], strict=False):
        print(f"{what:<14}{1000 * (after[0] - before[0]):6.0f} ms {after[1] - before[1]:6.0f} MB")
    return decoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with manifest.json")
    parser.add_argument("--quick", action="store_true", help="every fourth recording")
    parser.add_argument("--second-pass", action="store_true", help="search each utterance again when it ended")
    parser.add_argument("--general-weight", type=float, default=0.99, help="share of the general model")
    parser.add_argument("--show", action="store_true", help="print what was misheard")
    settings = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    print(f"load {os.getloadavg()[0]:.1f}, second pass {settings.second_pass}, weight {settings.general_weight}")
    decoder = load(settings)
    entries = json.loads((settings.data / "manifest.json").read_text())[:: 4 if settings.quick else 1]
    tallies: dict[tuple[str, str], Tally] = {}
    for entry in entries:
        pcm = read(settings.data / entry["file"])
        for model in (GENERAL, INFORMED):
            tally, heard = transcribe(decoder, model, pcm, entry["text"])
            if settings.show and tally.errors:
                print(f"{model}: {entry['text']} | {heard}")
            for group in (entry["set"], "all"):
                tallies.setdefault((group, model), Tally()).add(tally)
    decoder.close()
    print(f"\n{'':<18}|{'general model alone':^32}|{'with what the agent knows':^32}")
    columns = f"{'WER %':>8} {'RTF':>6} {'p50 ms':>8} {'p95':>6}"
    print(f"{'set':<12}{'words':>6}|{columns}  |{columns}   (final)")
    for group in dict.fromkeys(group for group, _ in tallies if group != "all") | {"all": None}:
        general, informed = tallies[group, GENERAL], tallies[group, INFORMED]
        print(f"{group:<12.12}{general.words:>6}|{general.columns()}  |{informed.columns()}")


if __name__ == "__main__":
    main()
