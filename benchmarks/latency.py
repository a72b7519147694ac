"""How fast and how right the embedded engine answers spoken questions, over a real socket at real pace.

    python -m benchmarks.latency [--data ../shared/data] [--quick]

Each recording is one turn of a conversation. The time from its last speech sample to the first sample of the answer is
split into endpointing (the configured silence is taken off), STT, responder and TTS.
"""

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.caller import RATE, Caller, Recording
from benchmarks.machine import machine, percentile
from benchmarks.serving import server

DATA = Path(__file__).parents[2] / "shared" / "data"
SILENCE_MS = 500
QUESTIONS_IN_A_SESSION = 8


@dataclass(frozen=True)
class Turn:
    """One question and what came of it; times in milliseconds."""

    file: str
    set: str
    said: str
    understood: str
    answer: str
    expect: str | None
    endpointing: float
    stt: float
    responder: float
    tts: float

    @property
    def total(self) -> float:
        """From the last speech sample to the first answer sample, besides the configured silence."""
        return self.endpointing + self.stt + self.responder + self.tts

    @property
    def right(self) -> bool | None:
        return None if self.expect is None else bool(re.search(self.expect, self.answer, re.IGNORECASE))


async def ask(caller: Caller, entry: dict[str, Any], data: Path) -> Turn | None:
    """Speak one recording and wait for the whole answer; None if there was none."""
    recording = Recording.load(data / entry["file"])
    caller.forget()
    began = await caller.say(recording.pcm)
    await caller.be_silent_until("response.done", "error")
    heard = caller.heard
    stopped = heard.time_of("input_audio_buffer.speech_stopped")
    understood = heard.time_of("conversation.item.input_audio_transcription.completed")
    written = heard.time_of("response.output_item.added")
    spoken = heard.time_of("response.output_audio.delta")
    if stopped is None or understood is None or written is None or spoken is None:
        return None
    last_sample = began + recording.end / RATE
    transcript = heard.event("conversation.item.input_audio_transcription.completed") or {}
    answer = heard.event("response.output_audio_transcript.done") or {}
    return Turn(
        file=entry["file"],
        set=entry["set"],
        said=entry["text"],
        understood=transcript.get("transcript", ""),
        answer=answer.get("transcript", ""),
        expect=entry.get("expect"),
        endpointing=(stopped - last_sample) * 1000 - SILENCE_MS,
        stt=(understood - stopped) * 1000,
        responder=(written - understood) * 1000,
        tts=(spoken - written) * 1000,
    )


async def measure(url: str, entries: list[dict[str, Any]], data: Path) -> tuple[list[Turn], list[str]]:
    """Return the turns, and the files that got no answer."""
    turns: list[Turn] = []
    missing: list[str] = []
    vad = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
    for first in range(0, len(entries), QUESTIONS_IN_A_SESSION):
        async with Caller(url) as caller:
            await caller.configure(audio={"input": {"turn_detection": vad, "transcription": {"model": "whisper-1"}}})
            for entry in entries[first : first + QUESTIONS_IN_A_SESSION]:
                turn = await ask(caller, entry, data)
                if turn is None:
                    missing.append(entry["file"])
                else:
                    turns.append(turn)
    return turns, missing


def word_errors(said: str, understood: str) -> tuple[int, int]:
    """Return the word errors (substituted, left out, added) and the number of words said."""
    reference, hypothesis = said.lower().split(), re.sub(r"[^\w\s']", " ", understood.lower()).split()
    row = list(range(len(hypothesis) + 1))
    for index, word in enumerate(reference, 1):
        previous, row[0] = row[0], index
        for column, other in enumerate(hypothesis, 1):
            previous, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, previous + (word != other))
    return row[-1], len(reference)


def report(turns: list[Turn], missing: list[str]) -> None:
    """Print the tables."""
    print(f"{machine()}\n{len(turns)} spoken turns, silence_duration_ms {SILENCE_MS} (taken off)\n")
    print(f"{'milliseconds':24}{'median':>8}{'p95':>8}{'worst':>8}")
    for name in ("endpointing", "stt", "responder", "tts", "total"):
        values = [getattr(turn, name) for turn in turns]
        print(f"{name:24}{percentile(values, 0.5):8.0f}{percentile(values, 0.95):8.0f}{max(values):8.0f}")
    print(f"\n{'set':20}{'turns':>7}{'WER %':>8}{'right facts':>16}")
    for name in sorted({turn.set for turn in turns}):
        members = [turn for turn in turns if turn.set == name]
        errors, words = map(sum, zip(*(word_errors(turn.said, turn.understood) for turn in members), strict=True))
        judged = [turn.right for turn in members if turn.right is not None]
        facts = f"{sum(judged)} of {len(judged)}" if judged else "-"
        print(f"{name:20}{len(members):7}{100 * errors / words:8.1f}{facts:>16}")
    for file in missing:
        print(f"no answer: {file}")
    for turn in turns:
        if turn.right is False:
            print(f"wrong: {turn.file}: heard {turn.understood!r}, answered {turn.answer!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="directory with manifest.json (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="every eighth recording only")
    parser.add_argument("--verbose", action="store_true", help="print each turn")
    arguments = parser.parse_args()
    entries = json.loads((arguments.data / "manifest.json").read_text())
    if arguments.quick:
        entries = entries[::8]
    with server() as running:
        turns, missing = asyncio.run(measure(running.url, entries, arguments.data))
    if arguments.verbose:
        for turn in turns:
            print(
                f"{turn.file}\n  said        {turn.said}\n  understood  {turn.understood}\n  answered    {turn.answer}"
            )
    report(turns, missing)


if __name__ == "__main__":
    main()
