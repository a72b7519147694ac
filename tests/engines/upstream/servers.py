"""Small upstreams to fail in every way, and a listener that remembers what a leg told."""

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from antiphon.engines.upstream.config import UpstreamConfig
from antiphon.engines.upstream.route import UpstreamRoute
from antiphon.path.legs import Cause, Leg, LegEnd, LegStart
from antiphon.session.start import SessionStart

KEY = "sk-proj-Zy8WvUt7SrQp6OnMl5KjIh4GfEd3Cba2"
TLS = Path(__file__).parents[2] / "talk" / "tls"
CREATED = b'{"type":"session.created","event_id":"event_1","session":{"id":"sess_1","expires_at":0}}'
START = LegStart(SessionStart("gpt-realtime"))

Handler = Callable[[ServerConnection], Awaitable[None]]


class Heard:
    """What a leg told its listener."""

    def __init__(self, route: UpstreamRoute | None = None) -> None:
        self.leg: Leg | None = None
        self.route = route
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended: asyncio.Future[LegEnd] = asyncio.get_running_loop().create_future()
        self.slow: asyncio.Queue[bool] = asyncio.Queue()

    def leg_received(self, message: bytes) -> None:
        assert not self.ended.done()
        if self.route is not None and self.messages.empty():
            self.route.worked()
        self.messages.put_nowait(message)

    def leg_ended(self, end: LegEnd) -> None:
        self.ended.set_result(end)
        if self.route is not None:
            now = asyncio.get_running_loop().time()
            self.route.failed(end.cause, now, had_session=not self.messages.empty())

    def leg_slow(self, slow: bool) -> None:
        self.slow.put_nowait(slow)

    async def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.messages.get())
        return found

    async def end(self) -> LegEnd:
        end = await self.ended
        assert KEY not in repr(end)
        assert KEY[-8:] not in repr(end)
        return end


class Upstream:
    """A WebSocket server whose behaviour is one function."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.port = 0
        self.connections: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def serve(self, connection: ServerConnection) -> None:
        self.connections.put_nowait(connection)
        with contextlib.suppress(ConnectionClosed):
            await self.handler(connection)

    def config(self, **changes: Any) -> UpstreamConfig:
        base = {"name": "test", "base_url": f"http://localhost:{self.port}/v1", "api_key": KEY, "proxy": ""}
        return UpstreamConfig(**{**base, **changes})


async def greet(connection: ServerConnection) -> None:
    """Say `session.created`, then send back what comes."""
    await connection.send(CREATED.decode())
    async for message in connection:
        await connection.send(message)


def refuse(code: str | None, close: int, said: str = "No.", reason: str | None = None) -> Handler:
    """Refuse in-band, as OpenAI does: an error event, and CLOSE at once."""

    async def handler(connection: ServerConnection) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": said, "param": None, "event_id": None}
        await connection.send(json.dumps({"type": "error", "event_id": "event_1", "error": error}))
        default = f"invalid_request_error.{code}" if code else "invalid_request_error"
        await connection.close(close, default if reason is None else reason)

    return handler


@contextlib.asynccontextmanager
async def upstream(handler: Handler = greet, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    server = Upstream(handler)
    async with serve(server.serve, "localhost", 0, ssl=tls, max_size=None, compression=None) as listening:
        server.port = next(iter(listening.sockets)).getsockname()[1]
        # Both families may have sockets of their own, with ports of their own.
        server.port = next(s.getsockname()[1] for s in listening.sockets if s.family.name == "AF_INET")
        yield server


@contextlib.asynccontextmanager
async def joined(config: UpstreamConfig, start: LegStart = START) -> AsyncIterator[tuple[UpstreamRoute, Heard]]:
    """Open a leg, and close the route behind it."""
    route = UpstreamRoute(config, draw=lambda: 1.0)
    heard = Heard(route)
    heard.leg = route.open(start, heard)
    try:
        yield route, heard
    finally:
        await route.close()


async def ending(config: UpstreamConfig) -> LegEnd:
    """Return how a leg that cannot be had ends."""
    async with joined(config) as (_, heard):
        end = await heard.end()
        assert heard.messages.empty()
        return end


async def cause(config: UpstreamConfig) -> Cause:
    return (await ending(config)).cause


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.cert.pem", TLS / "localhost.key.pem")
    return context


class Proxy:
    """An HTTP proxy that knows CONNECT; `user` is "name:password" where it wants one."""

    def __init__(self, user: str = "") -> None:
        self.wanted = f"Basic {base64.b64encode(user.encode()).decode()}" if user else ""
        self.heads: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if self.wanted and f"Proxy-Authorization: {self.wanted}" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        with contextlib.suppress(OSError):
            await back.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def serving(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve TCP connections, and wait for their ends; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if tasks:
            await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def proxy(user: str = "") -> AsyncIterator[Proxy]:
    found = Proxy(user)
    async with serving(found.serve) as port:
        found.port = port
        yield found


@contextlib.asynccontextmanager
async def tcp(*parts: bytes) -> AsyncIterator[int]:
    """Answer whatever comes first with `parts`, each in a packet of its own, and hang up; yields the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(20):  # turns of the loop in which the other side reads
                await asyncio.sleep(0)

    async with serving(answer) as port:
        yield port
