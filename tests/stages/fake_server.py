"""An OpenAI-compatible server on a real socket that answers, fails, stalls and dribbles exactly as a test tells it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any


@dataclass
class Connection:
    """One request on one connection: what it asked, and the means to answer.

    `body` is the JSON, or the fields of a form, with the content of files as bytes.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def start(self, status: str = "200 OK", content_type: str = "text/event-stream", extra: str = "") -> None:
        """Send the head of a chunked response."""
        head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n{extra}\r\n"
        await self.send_raw(head.encode())

    async def send(self, data: bytes) -> None:
        """Send one piece of the body."""
        await self.send_raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, payload: object) -> None:
        """Send one server-sent event."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        await self.send(f"data: {text}\n\n".encode())

    async def end(self) -> None:
        await self.send_raw(b"0\r\n\r\n")

    async def whole(self, status: str, body: bytes, extra: str = "", content_type: str = "application/json") -> None:
        """Send a whole response at once."""
        head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
        await self.send_raw(head.encode() + body)

    async def send_raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def drop(self) -> None:
        """Cut the connection without a goodbye."""
        self.writer.transport.abort()

    async def closed_by_client(self) -> None:
        """Wait until the client closes the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(4096):
                pass


Handler = Callable[[Connection], Awaitable[None]]


@dataclass
class FakeServer:
    """Give it one handler for each request; `requests` records them."""

    handlers: list[Handler] = field(default_factory=list)
    requests: list[Connection] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "FakeServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def then(self, *handlers: Handler) -> None:
        self.handlers.extend(handlers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (connection := await _read_request(reader, writer)) is not None:
                self.requests.append(connection)
                await self.handlers.pop(0)(connection)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Connection | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Connection(first.split(" ")[1], headers, _parse(headers.get("content-type", ""), body), reader, writer)


def _parse(content_type: str, body: bytes) -> dict[str, Any]:
    if not content_type.startswith("multipart/form-data"):
        parsed: dict[str, Any] = json.loads(body)
        return parsed
    whole = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode() + body)
    return dict(_field(part) for part in whole.iter_parts())


def _field(part: Any) -> tuple[str, object]:
    content = part.get_payload(decode=True)
    name = part.get_param("name", header="content-disposition")
    return name, content if part.get_filename() else content.decode()


# --- answers ------------------------------------------------------------------------------------------------


def streams(payloads: Sequence[object]) -> Handler:
    """Stream these payloads and end."""

    async def handle(connection: Connection) -> None:
        await connection.start()
        for payload in payloads:
            await connection.event(payload)
        await connection.end()

    return handle


def streams_bytes(data: bytes, piece: int = 1 << 20, content_type: str = "text/event-stream") -> Handler:
    """Stream these bytes in pieces of that size."""

    async def handle(connection: Connection) -> None:
        await connection.start(content_type=content_type)
        for at in range(0, len(data), piece):
            await connection.send(data[at : at + piece])
        await connection.end()

    return handle


def refuses(status: str, body: object = b"", extra: str = "") -> Handler:
    """Answer with an error status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(connection: Connection) -> None:
        await connection.whole(status, data, extra)

    return handle


async def drops(connection: Connection) -> None:
    """Cut the connection before any answer."""
    connection.drop()


def streams_then(payloads: Sequence[object], after: Handler) -> Handler:
    """Stream these payloads, then do something else."""

    async def handle(connection: Connection) -> None:
        await connection.start()
        for payload in payloads:
            await connection.event(payload)
        await after(connection)

    return handle


async def stalls(connection: Connection) -> None:
    """Say nothing more until the client goes away."""
    await connection.closed_by_client()
