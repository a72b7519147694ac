"""The two ends that a transport joins: the client that it serves and the session that answers.

An engine fits these interfaces without knowing this room, and a transport without knowing an engine.
"""

from typing import Protocol, runtime_checkable

from antiphon.session.start import SessionStart


class Client(Protocol):
    """One connected client, as an engine's session sees it."""

    def send(self, message: bytes) -> None:
        """Send one server event, UTF-8 JSON, in order; never blocks and never raises once the client is gone."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection after what was sent; `reason` is at most 123 bytes of UTF-8."""
        ...

    def abort(self) -> None:
        """Drop the connection at once, with what waits to be sent."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes that wait because the client does not take them; 0 once it is gone."""
        ...

    def pause_reading(self) -> None:
        """Read no more from this client; the few events that were read already are still delivered."""
        ...

    def resume_reading(self) -> None:
        """Read on. Safe to call without a pause."""
        ...


class EngineSession(Protocol):
    """What answers one client."""

    def receive(self, message: bytes) -> None:
        """Take one client event, UTF-8 JSON as it came; never blocks and never raises on bad input."""
        ...

    def client_slow(self, slow: bool) -> None:
        """Whether what was sent piles up because the client does not read; told at each change.

        True from 512 KB of `Client.unsent` on, false again below 128 KB. Who goes on sending all the same finds the
        client closed at the transport's bound.
        """
        ...

    def close(self, lost: bool = False) -> None:
        """The client is gone: stop all work for it. Safe to call twice.

        Args:
            lost: The client did not end the session: it may come back. So it is when the connection broke (no CLOSE
                frame, 1006), when the client did not read or gave no sign of life, when the server is going down, and
                when the client sent 1001, as browsers do for a page that is left or loaded anew. A CLOSE frame with
                any other code, or with none (1005, a browser's plain `close()`), and a breach of the protocol are an
                end.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """A session whose client may come back, and then names the last event that it received."""

    def note_own(self, event_id: str) -> None:
        """Note an event that the transport itself told the client."""
        ...


@runtime_checkable
class MediaSession(EngineSession, Protocol):
    """What answers a client whose audio comes and goes as media: `SessionStart.media`."""

    @property
    def call_id(self) -> str:
        """Of the call, "rtc_" and letters."""
        ...

    @property
    def token(self) -> str:
        """What the client may come back with; "" when it may not."""
        ...

    def hear(self, pcm: bytes) -> None:
        """Add what the user says, PCM16 at 24000 Hz, in real time."""
        ...

    def pull(self) -> bytes | None:
        """Return the next 20 ms to play, PCM16 at 24000 Hz; None while there is nothing.

        What was pulled counts as heard, unless the connection turns out to be gone before the next `still_there`.
        """
        ...

    def still_there(self, events: bool) -> None:
        """The client has given a sign of life: it heard what was pulled until now.

        Args:
            events: Whether it has also got all events that were sent to it, as far as the transport knows.
        """
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
