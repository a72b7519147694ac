"""Clients: each sends 50 appends a second, and hears what the upstream says."""

import asyncio
import base64
import gc
import json
import os
from typing import Any
from urllib.parse import urlsplit

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.relay.messages import APPENDS_PER_SECOND, DELTA, GROUP, Append, event, has_type, now, read_stamp
from benchmarks.relay.ticker import Ticker
from benchmarks.relay.tools import Command, serve_commands
from benchmarks.relay.window import Tally, Window

READY_SECONDS = 60
CLOSE_SECONDS = 10
SETTLE_SECONDS = 1.0  # for what is still under way when sending ends
REFUSALS = 5  # told of at most


class Client(WSListener):
    """One session."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.alive = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._append = Append()
        self._window = Window()
        self._tally = Tally()
        self._heard = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.alive = True

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        self.alive = False
        self._fail("closed by the server")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            if has_type(message, DELTA):
                self._hear(message)
            else:
                self._receive(json.loads(message))
        elif frame.msg_type is WSMsgType.CLOSE:
            self._fail(str(frame))
            transport.disconnect()

    def _hear(self, message: bytes) -> None:
        stamped, count = read_stamp(message, b'"delta"')
        self._tally.disorder += count != self._heard + 1
        self._heard = count
        self._window.received(self._tally, stamped, now())

    def _receive(self, said: dict[str, Any]) -> None:
        if said["type"] == "session.created":
            self._send(event("session.update", session={"type": "realtime", "instructions": "Be brief."}))
        elif said["type"] == "session.updated" and not self.ready.done():
            self.ready.set_result(None)
        elif said["type"] == "error":
            self._fail(json.dumps(said["error"]))

    def _fail(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))

    def begin(self, window: Window) -> None:
        """Ask for an answer, which goes on while we speak."""
        self._window, self._tally = window, window.tally(self.group)
        self._send(event("response.create", response={"metadata": {GROUP: self.group}}))

    def speak(self, at: int) -> None:
        if self.alive:
            self._window.sent(self._tally, at)
            self._send(self._append.next(at))

    def _send(self, message: bytes) -> None:
        self.transport.send(WSMsgType.TEXT, message)


class Load:
    """All clients of this process."""

    def __init__(self) -> None:
        self._clients: list[Client] = []

    async def start(self) -> dict[str, Command]:
        return {"open": self.open, "run": self.run, "close": self.close, "connects": self.connects}

    async def open(
        self, url: str, headers: dict[str, str], sessions: int, at_once: int, group: str = ""
    ) -> dict[str, Any]:
        """Open sessions until `session.updated`; return how many there are, and what was said to the others."""
        turn = asyncio.Semaphore(at_once)
        told = await asyncio.gather(*(self._open(url, headers, group, turn) for _ in range(sessions)))
        refusals = [refusal for refusal in told if refusal]
        return {"opened": sessions - len(refusals), "refusals": refusals[:REFUSALS]}

    async def _open(self, url: str, headers: dict[str, str], group: str, turn: asyncio.Semaphore) -> str | None:
        async with turn:
            client = Client(group)
            try:
                async with asyncio.timeout(READY_SECONDS):
                    await ws_connect(lambda: client, url, extra_headers=headers, websocket_handshake_timeout=None)
                    self._clients.append(client)
                    await client.ready
            except (OSError, WSError) as error:
                return f"{type(error).__name__}: {error}"
            return None

    async def run(self, begin: int, end: int) -> dict[str, Any]:
        """Speak from now to `end`, count from `begin`; return what was counted and how many clients were lost."""
        window = Window(begin, end)
        ticker = Ticker(1 / APPENDS_PER_SECOND)
        for client in self._clients:
            client.begin(window)
            ticker.add(client.speak)
        gc.freeze()
        await ticker.run(now, end)
        await asyncio.sleep(SETTLE_SECONDS)
        return {"groups": window.report(), "dropped": sum(not client.alive for client in self._clients)}

    async def close(self) -> dict[str, Any]:
        for client in self._clients:
            if client.alive:
                client.transport.send_close()
                client.transport.disconnect()
        waiting = [asyncio.ensure_future(client.transport.wait_disconnected()) for client in self._clients]
        if waiting:
            await asyncio.wait(waiting, timeout=CLOSE_SECONDS)
        for client in self._clients:
            if client.alive:
                client.transport.disconnect(graceful=False)
        self._clients.clear()
        return {}

    async def connects(self, url: str, headers: dict[str, str], at_once: int, seconds: float) -> dict[str, Any]:
        """Connect up to `session.created` and close again, so many at a time, for so long; return how many did."""
        end = now() + int(seconds * 1e9)
        counts = await asyncio.gather(*(connect_again(url, headers, end) for _ in range(at_once)))
        return {"connected": sum(counts)}


async def connect_again(url: str, headers: dict[str, str], end: int) -> int:
    count = 0
    while now() < end:
        await connect_once(url, headers)
        count += now() < end
    return count


async def connect_once(url: str, headers: dict[str, str]) -> None:
    """Connect, wait for the first event, close. Written by hand: a client library costs more than what is measured."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = {
        "Host": parts.netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"GET {parts.path}?{parts.query} HTTP/1.1\r\n{lines}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    first, second = await reader.readexactly(2)
    size = int.from_bytes(await reader.readexactly(2)) if second == 126 else second
    message = await reader.readexactly(size)
    if first != 0x81 or b"session.created" not in message:
        raise ConnectionError(f"the first message is not session.created: {message[:300]!r}")
    writer.write(b"\x88\x82\0\0\0\0\x03\xe8")  # CLOSE 1000, masked with zeros
    await reader.read()
    writer.close()


if __name__ == "__main__":
    serve_commands(lambda: Load().start())
