"""What the client programs share: their task, the pace of a microphone, and telling what they saw."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATE = 24_000
PACKET_BYTES = RATE // 50 * 2  # 20 ms
SCENARIO_SECONDS = 45

QUESTION = "How many bedrooms does this property have?"
WEATHER_QUESTION = "What is the weather in Paris?"
WEATHER = '{"temperature": "19 degrees"}'
LONG_ANSWER_QUESTION = "Tell me everything about the property."


@dataclass(frozen=True)
class Task:
    """Where the server is and what to say to it."""

    host: str  # with its port
    key: str
    wrong_key: str
    speech: str  # a file: PCM16 at 24000 Hz, a spoken question

    @property
    def base_url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def socket_url(self) -> str:
        return f"ws://{self.host}/v1/realtime"

    def spoken_question(self) -> bytes:
        return Path(self.speech).read_bytes()


Scenario = Callable[[Task], Awaitable[dict[str, Any]]]
Around = Callable[[Task], contextlib.AbstractAsyncContextManager[None]]


async def microphone(task: Task) -> AsyncIterator[bytes]:
    """Yield packets of 20 ms when a microphone would: the spoken question, then silence without end."""
    speech = task.spoken_question()
    loop = asyncio.get_running_loop()
    due = loop.time()
    for begin in itertools.count(0, PACKET_BYTES):
        due += 0.02
        await asyncio.sleep(max(due - loop.time(), 0))
        yield speech[begin : begin + PACKET_BYTES].ljust(PACKET_BYTES, b"\0")


@contextlib.asynccontextmanager
async def in_background(work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run `work` as long as the block lasts."""
    running = asyncio.create_task(work)
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _saw(scenario: Scenario, task: Task) -> dict[str, Any]:
    try:
        async with asyncio.timeout(SCENARIO_SECONDS):
            return await scenario(task)
    except BaseException as error:  # whatever it is, the test must tell it
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"failure": "".join(traceback.format_exception(error))[-6000:]}


async def _run(task: Task, around: Around, scenarios: dict[str, Scenario], wanted: list[str]) -> None:
    async with around(task):
        for name, scenario in scenarios.items():
            if wanted and name not in wanted:
                continue
            began = time.monotonic()
            saw = await _saw(scenario, task)
            seconds = round(time.monotonic() - began, 1)
            print(json.dumps({"scenario": name, "seconds": seconds, **saw}, default=str), flush=True)


@contextlib.asynccontextmanager
async def nothing(_task: Task) -> AsyncIterator[None]:
    yield


def main(around: Around = nothing, **scenarios: Scenario) -> None:
    """Run the scenarios one after the other and print what each saw, a JSON object a line.

    The program's first argument is the task as JSON; more arguments name the scenarios that are wanted.
    `around` is entered before the first one and left after the last.
    """
    task = Task(**json.loads(sys.argv[1]))
    asyncio.run(_run(task, around, scenarios, sys.argv[2:]))
