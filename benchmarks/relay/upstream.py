"""A Realtime server that costs little: it counts what it gets, and streams deltas once a response is asked for."""

import asyncio
import gc
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.relay.messages import (
    APPEND,
    DELTAS_PER_SECOND,
    GROUP,
    Answer,
    has_type,
    new_session,
    now,
    read_stamp,
    server_event,
)
from benchmarks.relay.ticker import Ticker
from benchmarks.relay.tools import Command, serve_commands
from benchmarks.relay.window import Tally, Window

BACKLOG = 4096


class Upstream:
    """All sessions of the server."""

    def __init__(self) -> None:
        self.window = Window()
        self.ticker = Ticker(1 / DELTAS_PER_SECOND)
        self.port = 0
        self._running: tuple[object, ...] = ()

    async def start(self) -> dict[str, Command]:
        server = await ws_create_server(self._accept, "127.0.0.1", 0, backlog=BACKLOG)
        self.port = server.sockets[0].getsockname()[1]
        self._running = (server, asyncio.create_task(self.ticker.run(now)))
        gc.freeze()
        return {"port": self._tell_port, "window": self._set_window, "report": self._report}

    def _accept(self, request: WSUpgradeRequest) -> WSListener:
        query = parse_qs(urlsplit(request.path.decode()).query)
        return UpstreamSession(self, query.get("model", ["gpt-realtime"])[0])

    async def _tell_port(self) -> dict[str, Any]:
        return {"port": self.port}

    async def _set_window(self, begin: int, end: int) -> dict[str, Any]:
        self.window = Window(begin, end)
        return {}

    async def _report(self) -> dict[str, Any]:
        return self.window.report()


class UpstreamSession(WSListener):
    """One of them."""

    def __init__(self, upstream: Upstream, model: str) -> None:
        self._upstream = upstream
        self._session = new_session(model)
        self._answer: Answer | None = None
        self._window = upstream.window
        self._tally = Tally()
        self._heard = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._send(server_event("session.created", session=self._session))

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        self._upstream.ticker.remove(self._speak)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            self._upstream.ticker.remove(self._speak)
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type is WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            if has_type(message, APPEND):
                self._hear(message)
            else:
                self._receive(json.loads(message))

    def _hear(self, message: bytes) -> None:
        stamped, count = read_stamp(message, b'"audio"')
        self._tally.disorder += count != self._heard + 1
        self._heard = count
        self._window.received(self._tally, stamped, now())

    def _receive(self, event: dict[str, Any]) -> None:
        if event["type"] == "session.update":
            merge(self._session, event["session"])
            self._send(server_event("session.updated", session=self._session))
        elif event["type"] == "response.create" and self._answer is None:
            self._begin((event.get("response") or {}).get("metadata") or {})

    def _begin(self, metadata: dict[str, str]) -> None:
        self._window = self._upstream.window
        self._tally = self._window.tally(metadata.get(GROUP, ""))
        self._answer = Answer(metadata)
        for message in self._answer.opening():
            self._send(message)
        self._upstream.ticker.add(self._speak)

    def _speak(self, at: int) -> None:
        assert self._answer is not None
        if self._transport.underlying_transport.is_closing():
            return
        self._window.sent(self._tally, at)
        self._send(self._answer.next(at))

    def _send(self, message: bytes) -> None:
        self._transport.send(WSMsgType.TEXT, message)


def merge(into: dict[str, Any], update: dict[str, Any]) -> None:
    """Change what `update` names, as `session.update` does."""
    for name, value in update.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


if __name__ == "__main__":
    serve_commands(lambda: Upstream().start())
