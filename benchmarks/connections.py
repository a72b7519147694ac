"""How many connections begin in a second, what an idle session takes, how soon a client that never reads is closed.

    python -m benchmarks.connections [--connects 5000] [--idle 5000]

A connect is TCP, the upgrade and the first event, `session.created`. Beside it stands a server of the `websockets`
library that does no more than send an event of the same size. The server is tied to one core and the clients to
another.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from benchmarks.machine import machine
from benchmarks.serving import Running, server

AT_ONCE = 50
HEAD = (
    b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SPARE_FILES = 200


def text_frame(message: bytes) -> bytes:
    """Return a client's text frame; its mask is all zeros."""
    size = len(message)
    length = bytes([0x80 | 126]) + size.to_bytes(2) if size < 65536 else bytes([0x80 | 127]) + size.to_bytes(8)
    return b"\x81" + length + b"\0\0\0\0" + message


async def begin(port: int) -> tuple[asyncio.StreamWriter, int]:
    """Connect; return the connection once its first event came, and that event's size."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    await reader.readuntil(b"\r\n\r\n")
    _, second = await reader.readexactly(2)
    size = int.from_bytes(await reader.readexactly(2)) if second == 126 else second
    await reader.readexactly(size)
    return writer, size


@dataclass(frozen=True)
class Connects:
    """A second's worth of them, what one costs the server, and how large the first event is."""

    per_second: float
    cpu_ms: float
    first_event: int


async def connects(running: Running, count: int) -> Connects:
    size = 0

    async def visit() -> None:
        nonlocal size
        writer, size = await begin(running.port)
        writer.transport.abort()

    await asyncio.gather(*(visit() for _ in range(AT_ONCE)))  # the first ones pay for what is made once
    began, used = time.perf_counter(), running.cpu_seconds()
    for _ in range(count // AT_ONCE):
        await asyncio.gather(*(visit() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - began
    return Connects(count / seconds, (running.cpu_seconds() - used) / count * 1000, size)


async def idle(running: Running, count: int) -> float:
    """Return the KiB that each of `count` idle sessions takes."""
    before = running.memory()
    writers = []
    for _ in range(count // AT_ONCE):
        writers += [writer for writer, _ in await asyncio.gather(*(begin(running.port) for _ in range(AT_ONCE)))]
    after = running.memory()
    for writer in writers:
        writer.transport.abort()
    return (after - before) / len(writers) / 1024


async def slow_reader(running: Running) -> tuple[float, int]:
    """Ask for much and read nothing; return the seconds until the server ended the session, and the bytes asked for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(HEAD)
    audio = base64.b64encode(bytes(480_000)).decode()  # ten seconds
    item = {"type": "message", "id": "long", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
    writer.write(text_frame(json.dumps({"type": "conversation.item.create", "item": item}).encode()))
    await reader.readuntil(b"conversation.item.done")
    transport: Any = writer.transport
    transport.pause_reading()
    ask = text_frame(json.dumps({"type": "conversation.item.retrieve", "item_id": "long"}).ljust(200).encode())
    began, asked = time.perf_counter(), 0
    while await asyncio.to_thread(is_full, running.port):
        writer.write(ask)
        asked += len(audio)
    seconds = time.perf_counter() - began
    writer.transport.abort()
    return seconds, asked


def is_full(port: int) -> bool:
    """Whether the one session that the server may have is still in use."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return bool(answer.status != 200)
    except urllib.error.HTTPError:
        return True


# --- the plain server ------------------------------------------------------------------------------------------


async def serve_plainly(size: int) -> None:
    """Send one event of `size` bytes to whoever comes."""
    event = json.dumps({"type": "session.created", "filler": ""})
    event = json.dumps({"type": "session.created", "filler": "x" * (size - len(event))})

    async def greet(connection: ServerConnection) -> None:
        await connection.send(event)
        await connection.wait_closed()

    async with serve(greet, "127.0.0.1", 0, backlog=2048) as plain:
        print(next(iter(plain.sockets)).getsockname()[1], flush=True)
        await asyncio.Event().wait()


@contextlib.contextmanager
def plain_server(size: int, core: int) -> Iterator[Running]:
    command = [sys.executable, "-m", "benchmarks.connections", "--serve-plainly", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        os.sched_setaffinity(process.pid, {core})
        try:
            yield Running(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


def raise_file_limit() -> int:
    """Allow as many open files as the system does, here and in the servers started from here; return how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def measure(connect_count: int, idle_count: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.environ["ANTIPHON_SERVER_MAX_SESSIONS"] = str(idle_count + AT_ONCE)
    with server(cores={cores[0]}) as running:
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        loaded = running.memory()
        kib = asyncio.run(idle(running, idle_count))  # first, while no memory lies ready from others
        ours = asyncio.run(connects(running, connect_count))
    with plain_server(ours.first_event, cores[0]) as plain:
        plain_kib = asyncio.run(idle(plain, idle_count))
        theirs = asyncio.run(connects(plain, connect_count))
    print(f"the first event has {ours.first_event} bytes; the loaded server takes {loaded / 2**20:.0f} MiB\n")
    print(f"{'':46}{'Antiphon':>10}{'websockets':>12}")
    print(f"{f'connects/s, {AT_ONCE} at once':46}{ours.per_second:10,.0f}{theirs.per_second:12,.0f}")
    print(f"{'CPU ms of the server for one':46}{ours.cpu_ms:10.2f}{theirs.cpu_ms:12.2f}")
    print(f"{f'KiB for one of {idle_count} idle connections':46}{kib:10.1f}{plain_kib:12.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--connects", type=int, default=5000, help="connects to make (default: %(default)s)")
    parser.add_argument("--idle", type=int, default=5000, help="idle sessions at once (default: %(default)s)")
    parser.add_argument("--serve-plainly", type=int, metavar="BYTES", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_plainly:
        asyncio.run(serve_plainly(arguments.serve_plainly))
        return
    files = raise_file_limit()
    sessions = min(arguments.idle, files - SPARE_FILES)
    print(machine(), flush=True)
    measure(arguments.connects, sessions)
    os.environ["ANTIPHON_SERVER_MAX_SESSIONS"] = "1"
    with server() as running:
        seconds, asked = asyncio.run(slow_reader(running))
    print(f"\na client that asks for audio and reads none of it is closed after {seconds:.2f} s", end=" ")
    print(f"with {asked / 1e6:.0f} MB asked for")


if __name__ == "__main__":
    main()
