"""What the gateway's tests share."""

import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from antiphon.gateway.server import Server
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import SessionCreated
from antiphon.session.start import SessionStart
from antiphon.transports.base import Client
from antiphon.transports.websocket import PATH
from tests.sdk_events import check_server_event


class GreetingSession:
    """Says `session.created` and echoes."""

    def __init__(self, start: SessionStart, client: Client) -> None:
        self.client = client
        self.closed = asyncio.Event()
        self.start = start
        session = start.kind.wire(start.config, "sess_1", start.model, 0)
        for message in start.dialect.encode(SessionCreated(session), Ids(os.urandom)):
            client.send(message)

    def receive(self, message: bytes) -> None:
        self.client.send(message)

    def client_slow(self, slow: bool) -> None: ...

    def close(self, lost: bool = False) -> None:
        self.closed.set()


class GreetingEngine:
    def __init__(self) -> None:
        self.ready = False
        self.starting = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.closed = False
        self.sessions: list[GreetingSession] = []

    async def start(self) -> None:
        self.starting.set()
        await self.may_start.wait()
        self.ready = True

    async def close(self) -> None:
        self.closed = True

    def open(self, start: SessionStart, client: Client) -> GreetingSession:
        self.sessions.append(GreetingSession(start, client))
        return self.sessions[-1]


@dataclass
class Running:
    """A gateway that listens, and an HTTP client for it."""

    server: Server
    engine: GreetingEngine
    http: httpx2.AsyncClient

    def connect(
        self,
        query: str = "?model=gpt-realtime",
        headers: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
        origin: str | None = None,
        path: str = PATH,
    ) -> connect:
        offered = [Subprotocol(name) for name in subprotocols] if subprotocols else None
        everything = {**(headers or {}), **({"Origin": origin} if origin else {})}
        url = f"ws://127.0.0.1:{self.server.port}{path}{query}"
        return connect(url, additional_headers=everything, subprotocols=offered, proxy=None)


async def event(ws: ClientConnection) -> Any:
    """Return the next event as the SDK's type."""
    return check_event(await ws.recv())


def check_event(message: str | bytes) -> Any:
    return check_server_event(json.loads(message))


async def refused(ws: ClientConnection) -> tuple[str | None, int, str]:
    """Return the error's code, the close code and the close reason of a refused connection."""
    error = (await event(ws)).error
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    assert closed.value.rcvd is not None
    assert error.message
    return error.code, closed.value.rcvd.code, closed.value.rcvd.reason
