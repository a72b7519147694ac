"""The two ends that a transport joins: the client that it serves and the session that answers.

An engine fits these interfaces without knowing this room, and a transport without knowing an engine.
"""

from typing import Protocol

from antiphon.session.start import SessionStart


class Client(Protocol):
    """One connected client, as an engine's session sees it."""

    def send(self, message: bytes) -> None:
        """Send one server event, UTF-8 JSON, in order; never blocks and never raises once the client is gone."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection after what was sent; `reason` is at most 123 bytes of UTF-8."""
        ...


class EngineSession(Protocol):
    """What answers one client."""

    def receive(self, message: bytes) -> None:
        """Take one client event, UTF-8 JSON as it came; never blocks and never raises on bad input."""
        ...

    def close(self) -> None:
        """The client is gone: stop all work for it. Safe to call twice."""
        ...


class Engine(Protocol):
    """What answers all clients."""

    @property
    def ready(self) -> bool:
        """Whether a session would be answered at once."""
        ...

    async def start(self) -> None:
        """Load and warm up; raises an AntiphonError that says what to mend."""
        ...

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> EngineSession:
        """Begin a session; its first event, `session.created`, is sent at once."""
        ...
