"""What an emulator saw: every connection, and every event in both directions."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from antiphon.engines.scripted.event_names import SERVER_EVENTS
from antiphon.transports.handshake import Handshake

HIDDEN = "(hidden)"
_SECRET_HEADERS = frozenset(
    {"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization", "sec-websocket-key"}
)
_SECRET_PARAMETERS = frozenset({"token", "authorization", "client_secret", "api-key", "api_key"})
_KEY_SUBPROTOCOL = "openai-insecure-api-key."


@dataclass(frozen=True)
class RecordedEvent:
    """One event.

    Args:
        time: Seconds since the emulator began.
        type: The event's type, "" when the message is no event.
        message: As it came or went.
    """

    time: float
    type: str
    message: bytes = field(repr=False)

    @cached_property
    def event(self) -> dict[str, Any]:
        """The event as parsed; {} when it is none."""
        try:
            value = json.loads(self.message)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def __getitem__(self, key: str) -> Any:
        return self.event[key]


@dataclass
class Connection:
    """One connection, from its upgrade request on.

    Args:
        number: From 1, in the order they came; one that was refused at the upgrade counts.
        path: Without the query.
        query: Names and values as sent; keys are hidden.
        headers: Names in lower case; keys are hidden.
        began: Seconds since the emulator began.
        keep: How many events of each direction are kept, the newest; None for all.

    `close` is the code and the reason with which the emulator closed it, `lost` whether it broke, None before its end;
    `faults` holds what went wrong, as "drop at response.created".
    """

    number: int
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    began: float
    keep: int | None = None
    has_session: bool = False
    ended: bool = False
    lost: bool | None = None
    close: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        self.faults: deque[str] = deque(maxlen=self.keep)
        self.client_events: deque[RecordedEvent] = deque(maxlen=self.keep)
        self.server_events: deque[RecordedEvent] = deque(maxlen=self.keep)

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def shown(self) -> dict[str, Any]:
        """Return all that is known as JSON's values."""
        return {
            "number": self.number,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "headers": [list(pair) for pair in self.headers],
            "began": self.began,
            "has_session": self.has_session,
            "ended": self.ended,
            "lost": self.lost,
            "close": list(self.close) if self.close else None,
            "faults": list(self.faults),
            "client_events": [_shown(event) for event in self.client_events],
            "server_events": [_shown(event) for event in self.server_events],
        }


def _shown(recorded: RecordedEvent) -> dict[str, Any]:
    event = recorded.event or {"message": recorded.message.decode(errors="replace")}
    return {"time": recorded.time, "type": recorded.type, "event": event}


class Recording:
    """All connections of an emulator.

    Args:
        keep: How many connections, and events of each in each direction, are kept; None for all.
    """

    def __init__(self, keep: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._keep = keep
        self._news = asyncio.Event()
        self._count = 0
        self.connections: deque[Connection] = deque(maxlen=keep)

    def begin(self, handshake: Handshake) -> Connection:
        self._count += 1
        query = tuple((key, HIDDEN if key in _SECRET_PARAMETERS else value) for key, value in handshake.query)
        headers = tuple((key, _safe(key, value)) for key, value in handshake.headers)
        connection = Connection(self._count, handshake.path, query, headers, self.now(), self._keep)
        self.connections.append(connection)
        self.tell()
        return connection

    def received(self, connection: Connection, kind: str, message: bytes) -> None:
        connection.client_events.append(RecordedEvent(self.now(), kind, message))
        self.tell()

    def sent(self, connection: Connection, kind: str, message: bytes) -> None:
        connection.server_events.append(RecordedEvent(self.now(), kind, message))
        self.tell()

    def now(self) -> float:
        return round(self._clock() - self._began, 6)

    def clear(self) -> None:
        """Forget all connections; those to come are numbered from 1 again."""
        self.connections.clear()
        self._count = 0

    def tell(self) -> None:
        """Something is new: wake who waits for it."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, find: Callable[[], Any]) -> Any:
        """Return what `find` finds, as soon as it is something."""
        while (found := find()) is None:
            await self._news.wait()
        return found

    def events(self, kind: str) -> list[RecordedEvent]:
        """Return the events of that type, over all connections; a server event's type finds what was sent."""
        return [event for event in self._all(kind in SERVER_EVENTS) if event.type == kind]

    def _all(self, of_server: bool) -> Iterable[RecordedEvent]:
        for connection in self.connections:
            yield from connection.server_events if of_server else connection.client_events


def _safe(name: str, value: str) -> str:
    if name in _SECRET_HEADERS:
        return HIDDEN
    if name == "sec-websocket-protocol":
        offered = [entry.strip() for entry in value.split(",")]
        return ", ".join(
            _KEY_SUBPROTOCOL + HIDDEN if entry.startswith(_KEY_SUBPROTOCOL) else entry for entry in offered
        )
    return value
