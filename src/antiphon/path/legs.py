"""What a call is joined to: legs, each a connection to one engine, and routes, which are the engines to choose from.

Engines fit these interfaces without knowing this room. All events here are GA-shaped UTF-8 JSON; an engine whose server
speaks another dialect translates at its own edge.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart


class Cause(Enum):
    """Why a leg ended or could not be had; it decides what is done next."""

    CLIENT = "the client's request was refused"  # bad model or intent: no other route would do better
    CREDENTIALS = (
        "our key was refused"  # the operator must act: another route is tried, this one is not tried again soon
    )
    QUOTA = "the account has nothing left"  # the operator must act, as above
    RATE_LIMIT = "too many requests"  # comes back by itself
    FULL = "no room"  # 1013, 503: comes back by itself
    UNREACHABLE = "no connection could be made"  # DNS, TCP, TLS, proxy, no answer in time, not a WebSocket
    EXPIRED = "the session reached its longest duration"
    LOST = "the connection broke"  # dropped, or closed for no reason of the client's
    SILENT = "nothing was heard when something was owed"


# A session can end so though its server is well: it is no reason not to connect again at once.
ENDS_OF_SESSIONS = frozenset({Cause.EXPIRED, Cause.LOST, Cause.SILENT})


@dataclass(frozen=True)
class LegEnd:
    """How a leg ended.

    Args:
        cause: What to do about it.
        message: For the operator's log: what was found and what to do next. Never holds a key.
        error: What the server said in its last `error` event before the end, without keys; None when it said nothing.
        close_code: Of its CLOSE frame; None when there was none.
        close_reason: Of its CLOSE frame, without keys.
    """

    cause: Cause
    message: str
    error: ErrorDetail | None = None
    close_code: int | None = None
    close_reason: str = ""


class LegListener(Protocol):
    """Whom a leg tells. Nothing is told from within `Route.open`, `Leg.send` or `Leg.close`."""

    def leg_received(self, message: bytes) -> None:
        """Take one server event; the first is `session.created`."""
        ...

    def leg_ended(self, end: LegEnd) -> None:
        """The leg is gone, or was never had; told once, and nothing after it. Not told after `Leg.close`."""
        ...

    def leg_slow(self, slow: bool) -> None:
        """Whether what is sent piles up because the server does not read; told at each change."""
        ...


class Leg(Protocol):
    """One connection to an engine. It is being made when it is handed out."""

    def send(self, message: bytes) -> None:
        """Send one client event; never blocks and never raises. Only after `session.created` came."""
        ...

    def close(self) -> None:
        """End the connection. Safe to call twice and at any time."""
        ...

    def pause_reading(self) -> None:
        """Read nothing more from the server until `resume_reading`: the client does not keep up."""
        ...

    def resume_reading(self) -> None: ...


@dataclass(frozen=True)
class LegStart:
    """What a leg begins with.

    Args:
        start: How the client connected; `start.dialect` is the client's own and not for the leg.
        headers: What of the client's request is passed on, such as `OpenAI-Safety-Identifier`.
    """

    start: SessionStart
    headers: tuple[tuple[str, str], ...] = field(default=())


class Route(Protocol):
    """An engine that a call may be routed to."""

    @property
    def name(self) -> str:
        """As the operator calls it; shown in logs and to clients that asked for `antiphon.*` events."""
        ...

    @property
    def continues(self) -> bool:
        """Whether its model, asked to, goes on in the middle of an answer that was cut off."""
        ...

    @property
    def rests_until(self) -> float:
        """Event-loop time before which it is not worth trying again; in the past while all is well."""
        ...

    def open(self, start: LegStart, listener: LegListener) -> Leg:
        """Begin to connect; how that went is told to `listener`."""
        ...

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:
        """A leg failed to open or broke: rest for a while, longer each time.

        Args:
            cause: Why.
            now: Event-loop time.
            had_session: The leg had its session: connecting works, so only what the server said is a reason to rest,
                and none of `ENDS_OF_SESSIONS`.
        """
        ...

    def worked(self) -> None:
        """A leg got its session: forget earlier failures."""
        ...
