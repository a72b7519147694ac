"""Whether a client may begin a session: what a gateway decides, for every transport."""

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart
from antiphon.transports.base import Client, EngineSession


@dataclass(frozen=True)
class Admission:
    """A session may begin; `release` is called once when it has ended.

    `resume` joins the client to a session that is there already, in the place of a new one.
    """

    start: SessionStart
    release: Callable[[], None]
    resume: Callable[[Client], EngineSession] | None = None


@dataclass(frozen=True)
class Refusal:
    """No session: an `error` event tells why, then the connection is closed.

    Over a WebSocket the refusal is in-band, after the upgrade, because browsers hide what an HTTP error says.
    """

    error: ErrorDetail
    close_code: int

    @property
    def close_reason(self) -> str:
        return f"{self.error.type}.{self.error.code}" if self.error.code else self.error.type
