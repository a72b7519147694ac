"""An echoing engine, a WebSocket server without a gateway, and a client that speaks bytes."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from antiphon.session.start import SessionStart
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import Client
from antiphon.transports.handshake import Handshake
from antiphon.transports.picows_glue import upgrading_http
from antiphon.transports.websocket import PATH, WebSocketLimits, WebSockets


class EchoSession:
    """Greets, then sends back what it gets; counts how often it is closed."""

    def __init__(self, engine: "EchoEngine", client: Client) -> None:
        self.engine = engine
        self.client = client
        self.received: list[bytes] = []
        self.arrived = asyncio.Event()
        self.closes = 0
        self.lost: bool | None = None
        self.slow: list[bool] = []
        self.slowness = asyncio.Event()  # set at each change of it
        self.closed = asyncio.Event()
        client.send(json.dumps({"type": "hello"}).encode())

    def receive(self, message: bytes) -> None:
        self.received.append(message)
        self.arrived.set()
        if self.engine.on_message is not None:
            self.engine.on_message(self, message)
        else:
            self.client.send(message)

    def client_slow(self, slow: bool) -> None:
        self.slow.append(slow)
        self.slowness.set()

    def close(self, lost: bool = False) -> None:
        self.closes += 1
        self.lost = lost
        self.closed.set()


class EchoEngine:
    def __init__(self) -> None:
        self.ready = True
        self.on_message: Callable[[EchoSession, bytes], None] | None = None
        self.on_open: Callable[[], None] | None = None
        self.starts: list[SessionStart] = []
        self.sessions: list[EchoSession] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> EchoSession:
        if self.on_open is not None:
            self.on_open()
        self.starts.append(start)
        session = EchoSession(self, client)
        self.sessions.append(session)
        return session


class Host:
    """A listening server, its engine and its connections."""

    def __init__(self, websockets: WebSockets, engine: EchoEngine) -> None:
        self.websockets = websockets
        self.engine = engine
        self.port = 0
        self.released = 0
        self.decide: Callable[[Handshake], Refusal | None] = lambda handshake: None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}?model=gpt-realtime"

    def admit(self, handshake: Handshake) -> Admission | Refusal:
        refusal = self.decide(handshake)
        return refusal or Admission(SessionStart(handshake.parameter("model") or ""), self._release)

    def _release(self) -> None:
        self.released += 1


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers what is no WebSocket."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"not here"})


@contextlib.asynccontextmanager
async def listening(limits: WebSocketLimits | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    engine = EchoEngine()
    websockets = WebSockets(engine, lambda handshake: host.admit(handshake), limits)  # noqa: PLW0108 - it is made below
    host = Host(websockets, engine)
    protocol: Any = upgrading_http(websockets.accept)
    config = uvicorn.Config(application, http=protocol, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0, ssl=tls
    )
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        websockets.abort()
        async with asyncio.timeout(5):
            await websockets.empty()
        for connection in tuple(state.connections):
            connection.transport.abort()
        for _ in range(3):  # the loop's turns in which transports are closed
            await asyncio.sleep(0)


class RawClient:
    """A client that speaks bytes, for what a well-behaved one never sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def stop_reading(self) -> None:
        transport: Any = self.writer.transport
        transport.pause_reading()

    def go_on_reading(self) -> None:
        transport: Any = self.writer.transport
        transport.resume_reading()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the next frame."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2))
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8))
        return first & 0xF, await self.reader.readexactly(size)

    async def close_frame(self) -> tuple[int, str]:
        """Return code and reason of the CLOSE frame that must come, skipping what comes before it."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2]), payload[2:].decode()

    async def end(self) -> None:
        """Wait until the server has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, bits: int = 0, masked: bool = True) -> bytes:
    """Return a client's frame; its mask is all zeros."""
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        size = bytes([mask | len(payload)])
    elif len(payload) < 65536:
        size = bytes([mask | 126]) + len(payload).to_bytes(2)
    else:
        size = bytes([mask | 127]) + len(payload).to_bytes(8)
    return bytes([(0x80 if fin else 0) | bits << 4 | opcode]) + size + (b"\0\0\0\0" if masked else b"") + payload


def upgrade(target: str = f"{PATH}?model=m", *headers: str, connection: str = "Upgrade") -> bytes:
    """Return an upgrade request."""
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Connection: {connection}",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@contextlib.asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
