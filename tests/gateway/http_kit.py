"""A gateway with a scripted engine, and a client that listens to server-sent events as an EventSource does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2

from antiphon.config.settings import ServerSettings
from antiphon.engines.scripted import ScriptedEngine, parse_script
from antiphon.gateway.engine import Backend
from antiphon.gateway.http_events import EVENTS_PATH
from antiphon.gateway.server import Server
from antiphon.transports.http import HttpLimits

PATIENCE = 20.0  # seconds until a wait is given up; a test that passes never waits so long
STREAM = {"Accept": "text/event-stream"}
JSON = {"Accept": "application/json"}
MODEL = {"model": "gpt-realtime"}

Event = dict[str, Any]


class HttpGateway:
    """A gateway that listens, its sessions over HTTP, and an HTTP client for it."""

    def __init__(self, answers: str | Backend, limits: HttpLimits | None, **settings: Any) -> None:
        backend = _scripted(answers) if isinstance(answers, str) else answers
        self.server = Server(ServerSettings(port=0, **settings), backend)
        self.sessions = self.server._sessions
        self.sessions.limits = limits or self.sessions.limits
        self.http = httpx2.AsyncClient(trust_env=False, timeout=PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}{EVENTS_PATH}"

    async def __aenter__(self) -> "HttpGateway":
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.server.stop()

    # --- as a client ------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def listening(
        self, query: dict[str, str] | None = None, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> AsyncIterator["Listener"]:
        """Connect, and yield what listens to the stream."""
        asked = self.http.stream(
            method, self.url, params=MODEL if query is None else query, headers=STREAM | (headers or {})
        )
        async with asked as response:
            assert response.status_code == 200, await response.aread()
            yield Listener(response)

    async def post(self, token: str, *events: Event, **query: Any) -> httpx2.Response:
        body: Any = events[0] if len(events) == 1 else list(events)
        return await self.http.post(self.url, json=body, params=query, headers={"Antiphon-Session": token})

    async def poll(self, token: str = "", last_event_id: str | None = None, wait: float = 20, **more: str) -> Event:
        query = {"resume": token} if token else MODEL
        query = {**query, **({"last_event_id": last_event_id} if last_event_id else {}), "wait": str(wait), **more}
        response = await self.http.get(self.url, params=query, headers=JSON)
        assert response.status_code == 200, response.text
        return cast(Event, response.json())


def _scripted(script: str) -> Backend:
    engine = ScriptedEngine(parse_script(script))
    return Backend(engine, engine.defaults, engine.equipment.capabilities.check_config)


class Listener:
    """Reads a stream by the rules of the HTML standard."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.last_event_id = ""
        self.reconnection_ms: int | None = None
        self.comments = 0
        self.events: list[Event] = []
        self._lines = response.aiter_lines()

    @property
    def token(self) -> str:
        return self.response.headers["antiphon-session"]

    async def next(self) -> Event | None:
        """Return the next event, None at the end of the stream."""
        event_id, data = self.last_event_id, list[str]()
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                match name:
                    case "" if not line:
                        self.last_event_id = event_id
                        if data:
                            self.events.append(json.loads("\n".join(data)))
                            return self.events[-1]
                    case "":
                        self.comments += 1
                    case "data":
                        data.append(value)
                    case "id":
                        event_id = value
                    case "retry":
                        self.reconnection_ms = int(value)
                    case _:
                        raise AssertionError(f"an unknown field: {line}")
        return None

    async def until(self, kind: str, nth: int = 1) -> Event:
        """Return the `nth` event of that type among all that came."""
        while len(found := [event for event in self.events if event["type"] == kind]) < nth:
            assert await self.next() is not None, f"the stream ended before {kind}"
        return found[nth - 1]

    async def rest(self) -> list[Event]:
        """Read to the end of the stream; return what came."""
        before = len(self.events)
        while await self.next() is not None:
            pass
        return self.events[before:]


def written(text: str) -> Event:
    """Return the event that adds what a user wrote."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}


def texts(*modalities: str) -> Event:
    """Return the event that makes a session answer in writing, or as said."""
    session = {"type": "realtime", "output_modalities": list(modalities or ("text",))}
    return {"type": "session.update", "session": session}


RESPOND: Event = {"type": "response.create"}
