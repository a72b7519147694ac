"""How many sessions one core carries before audio falls behind, and what an idle session costs.

    python -m benchmarks.capacity [--data ../shared/data] [--most 24]

The server is tied to one core and the callers to another. Each caller asks question after question at real pace, with
a pause for the answer to be heard. Audio has fallen behind real time when the server notices the end of speech, or
begins its answer, later than the limits below at the 95th percentile.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.caller import RATE, Caller, Recording
from benchmarks.latency import DATA, SILENCE_MS
from benchmarks.machine import machine, percentile
from benchmarks.serving import Running, server

ENDPOINT_LIMIT_MS = 300  # beyond the configured silence; alone, a session has 150
ANSWER_LIMIT_MS = 1000  # beyond the configured silence: what a caller takes for a hesitation
TURNS = 4  # the first is not counted: a server that meets a new load may load another recogniser
IDLE_SESSIONS = 500


@dataclass(frozen=True)
class Load:
    """What a number of callers met with."""

    sessions: int
    endpointing: list[float]
    answers: list[float]
    missed: int
    cpu: float  # share of the core

    @property
    def keeps_up(self) -> bool:
        return (
            self.missed == 0
            and percentile(self.endpointing, 0.95) <= ENDPOINT_LIMIT_MS
            and percentile(self.answers, 0.95) <= ANSWER_LIMIT_MS
        )


async def converse(url: str, recordings: list[Recording], delay: float) -> list[tuple[float, float] | None]:
    """Ask in turn; return endpointing and answer times in milliseconds, None for a turn without an answer."""
    await asyncio.sleep(delay)
    times: list[tuple[float, float] | None] = []
    async with Caller(url) as caller:
        for turn, recording in enumerate(recordings):
            caller.forget()
            began = await caller.say(recording.pcm)
            await caller.be_silent_until("response.done", "error", seconds=20)
            stopped = caller.heard.time_of("input_audio_buffer.speech_stopped")
            spoken = caller.heard.time_of("response.output_audio.delta")
            end = began + recording.end / RATE + SILENCE_MS / 1000
            if stopped is None or spoken is None:
                times.append(None)
            elif turn > 0:
                times.append(((stopped - end) * 1000, (spoken - end) * 1000))
            await caller.say(bytes(2 * RATE * 2))  # two seconds of listening to the answer
    return times


async def load(running: Running, sessions: int, recordings: list[Recording]) -> Load:
    endless = itertools.cycle(recordings)
    loop = asyncio.get_running_loop()
    began, used = loop.time(), running.cpu_seconds()
    chance = random.Random(sessions)
    callers = [
        converse(running.url, list(itertools.islice(endless, TURNS)), chance.uniform(0, 5)) for _ in range(sessions)
    ]
    results = [time for times in await asyncio.gather(*callers) for time in times]
    answered = [time for time in results if time is not None]
    return Load(
        sessions,
        [time[0] for time in answered],
        [time[1] for time in answered],
        len(results) - len(answered),
        (running.cpu_seconds() - used) / (loop.time() - began),
    )


async def ramp(running: Running, recordings: list[Recording], most: int) -> int:
    """Print each load and return the largest that the core carried."""
    print(f"{'sessions':>8}{'core %':>8}{'endpointing p95':>18}{'answer p95':>13}{'missed':>8}")
    carried = 0
    for sessions in range(2, most + 1, 2):
        found = await load(running, sessions, recordings)
        print(
            f"{sessions:8}{100 * found.cpu:8.0f}{percentile(found.endpointing, 0.95):15.0f} ms"
            f"{percentile(found.answers, 0.95):10.0f} ms{found.missed:8}",
            flush=True,
        )
        if not found.keeps_up:
            break
        carried = sessions
    return carried


async def idle_memory(running: Running) -> float:
    """Return the KiB that each of many idle sessions takes."""
    before = running.memory()
    callers: list[Any] = [Caller(running.url) for _ in range(IDLE_SESSIONS)]
    for caller in callers:
        await caller.__aenter__()
    after = running.memory()
    for caller in callers:
        await caller.__aexit__(None, None, None)
    return (after - before) / IDLE_SESSIONS / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="directory with manifest.json (default: %(default)s)")
    parser.add_argument("--most", type=int, default=24, help="sessions to try at most (default: %(default)s)")
    arguments = parser.parse_args()
    entries = [entry for entry in json.loads((arguments.data / "manifest.json").read_text()) if entry.get("expect")]
    recordings = [Recording.load(arguments.data / entry["file"]) for entry in entries]
    cores = sorted(os.sched_getaffinity(0))
    os.environ["ANTIPHON_SERVER_MAX_SESSIONS"] = str(IDLE_SESSIONS + 10)
    print(machine(), flush=True)
    with server(cores={cores[0]}) as running:
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        print(f"memory of the loaded server: {running.memory() / 2**20:.0f} MiB")
        print(f"memory per idle session: {asyncio.run(idle_memory(running)):.0f} KiB ({IDLE_SESSIONS} sessions)\n")
        carried = asyncio.run(ramp(running, recordings, arguments.most))
    print(f"\n{carried} sessions at once on one core, each asking, listening for 2 s, and asking again")


if __name__ == "__main__":
    main()
