"""How soon an answer stops when the user speaks into it, over a real socket at real pace.

    python -m benchmarks.interruption [--data ../shared/data] [--turns 20]

The assistant is asked to tell everything; a while later a recording is spoken over its answer. The time runs from the
recording's first speech sample to the last answer sample, and to the response's end.
"""

import argparse
import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.caller import RATE, Caller, Recording
from benchmarks.latency import DATA
from benchmarks.machine import machine, percentile
from benchmarks.serving import server


@dataclass(frozen=True)
class Interruption:
    """Milliseconds from the first speech sample."""

    noticed: float  # until speech_started came
    ended: float  # until response.done came: no answer sample comes after it
    last_audio: float  # until the last answer sample came; negative if all that was due had been sent before


async def interrupt(url: str, recording: Recording) -> Interruption | None:
    """Interrupt one long answer; None if it was not cancelled."""
    async with Caller(url) as caller:
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Tell me everything about the property."}],
        }
        caller.forget()
        await caller.send("conversation.item.create", item=item)
        await caller.send("response.create")
        await caller.say(bytes(2 * RATE * 2))  # two seconds of listening
        began = await caller.say(recording.pcm)
        await caller.be_silent_until("response.done", seconds=5)
        heard = caller.heard
        done = heard.event("response.done")
        started, ended = heard.time_of("input_audio_buffer.speech_started"), heard.time_of("response.done")
        if done is None or done["response"]["status"] != "cancelled" or not started or not ended:
            return None
        # A recording with a pause in it may get an answer of its own: only the interrupted one counts.
        audio = max(
            at
            for at, event in heard.events
            if event["type"] == "response.output_audio.delta" and event["response_id"] == done["response"]["id"]
        )
        onset = began + recording.onset / RATE
        return Interruption(*((at - onset) * 1000 for at in (started, ended, audio)))


async def measure(url: str, recordings: list[Recording]) -> list[Interruption | None]:
    return [await interrupt(url, recording) for recording in recordings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="directory with manifest.json (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=20, help="interruptions to make (default: %(default)s)")
    arguments = parser.parse_args()
    entries = json.loads((arguments.data / "manifest.json").read_text())
    step = max(len(entries) // arguments.turns, 1)
    recordings = [Recording.load(arguments.data / entry["file"]) for entry in entries[::step][: arguments.turns]]
    with server() as running:
        results = asyncio.run(measure(running.url, recordings))
    made = [result for result in results if result is not None]
    print(f"{machine()}\n{len(made)} of {len(results)} answers were cancelled by speech\n")
    print(f"{'ms from first speech sample to':34}{'median':>8}{'p95':>8}{'worst':>8}")
    for title, name in (
        ("speech_started", "noticed"),
        ("response.done (cancelled)", "ended"),
        ("the last answer sample", "last_audio"),
    ):
        values = [getattr(result, name) for result in made]
        print(f"{title:34}{percentile(values, 0.5):8.0f}{percentile(values, 0.95):8.0f}{max(values):8.0f}")


if __name__ == "__main__":
    main()
