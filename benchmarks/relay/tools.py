"""The benchmark's own processes, which take one JSON command a line and answer each with a line of JSON."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvloop

from benchmarks.relay.gateways import on_core

Command = Callable[..., Awaitable[dict[str, Any]]]


class Tool:
    """Such a process, seen from the one that started it."""

    def __init__(self, module: str, core: int) -> None:
        self._process = subprocess.Popen(
            on_core(core, [sys.executable, "-m", module]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, command: str, **arguments: object) -> None:
        """Give a command; `answer` waits for it to be done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended; what it wrote above says why")
        answered: dict[str, Any] = json.loads(line)
        return answered

    def do(self, command: str, **arguments: object) -> dict[str, Any]:
        self.ask(command, **arguments)
        return self.answer()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def tool(module: str, core: int) -> Iterator[Tool]:
    """Run a module of ours on that core until the block ends."""
    running = Tool(module, core)
    try:
        yield running
    finally:
        running.end()


def serve_commands(prepare: Callable[[], Awaitable[dict[str, Command]]]) -> None:
    """Be such a process: do the commands that `prepare` returns until standard input ends."""
    uvloop.run(_serve(prepare))


async def _serve(prepare: Callable[[], Awaitable[dict[str, Command]]]) -> None:
    commands = await prepare()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        arguments = json.loads(line)
        print(json.dumps(await commands[arguments.pop("command")](**arguments)), flush=True)
