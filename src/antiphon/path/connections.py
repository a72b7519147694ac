"""What connects clients to a call: the client that it is with, and its guests."""

from typing import TYPE_CHECKING, Protocol

from antiphon.path.playback import Playback
from antiphon.protocol.dialect import Dialect
from antiphon.protocol.edge import Edge, edge_for
from antiphon.protocol.ids import Ids

if TYPE_CHECKING:
    from antiphon.path.call import Call


class Client(Protocol):
    """Where a call's events go: one connection."""

    def send(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...

    @property
    def unsent(self) -> int: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Attachment:
    """The connection of the client that the call is with: an `EngineSession` to its transport.

    Once the client has come back over another connection, this one has no say any more.
    """

    __slots__ = ("_call", "_edge", "client", "playback", "tell")

    def __init__(self, call: "Call", client: Client, dialect: Dialect, ids: Ids) -> None:
        self._call = call
        self.client = client
        self.playback: Playback | None = None  # while it has a say, and plays media
        self._edge: Edge = edge_for(dialect, client.send, ids, call.note_own)
        self.tell = self._edge.outward

    @property
    def call_id(self) -> str:
        return self._call.id

    @property
    def token(self) -> str:
        """What its client may come back with; "" when it may not."""
        return self._call.token

    def receive(self, message: bytes) -> None:
        """Take one client event."""
        if self._call.attached is self and (inward := self._edge.inward(message)) is not None:
            self._call.receive(inward)

    def client_slow(self, slow: bool) -> None:
        if self._call.attached is self:
            self._call.client_slow(slow)

    def close(self, lost: bool = False) -> None:
        """The connection is gone."""
        if self._call.attached is self:
            self._call.client_gone(lost)

    def note_own(self, event_id: str) -> None:
        """Note an event that the transport itself told the client, which may name it when it comes back."""
        if self._call.attached is self:
            self._call.note_own(event_id)

    # --- media, for transports that carry it: every 20 ms, so without a detour -----------------------------------

    def hear(self, pcm: bytes) -> None:
        """Add what the user says.

        Args:
            pcm: PCM16 at 24000 Hz.
        """
        if self.playback is not None:
            self.playback.hear(pcm)

    def still_there(self, events: bool) -> None:
        """The client gave a sign of life: what was pulled so far counts as heard.

        Args:
            events: Whether it also has all events that were sent to it.
        """
        if self.playback is not None:
            self.playback.confirm()
            if events:
                self._call.mark_received()

    def pull(self) -> bytes | None:
        """Return the next 20 ms to play, PCM16 at 24000 Hz; None while there is nothing."""
        playback = self.playback
        if playback is None:
            return None
        if self._call.is_full:
            self._call.note_room(playback)
        return playback.pull()


class Guest:
    """The connection of one more client: an `EngineSession` to its transport."""

    __slots__ = ("_call", "_edge", "client", "is_client", "tell")

    def __init__(self, call: "Call", client: Client, dialect: Dialect, ids: Ids, *, is_client: bool) -> None:
        self._call = call
        self.client = client
        self.is_client = is_client
        self._edge: Edge = edge_for(dialect, client.send, ids)
        self.tell = self._edge.outward

    def receive(self, message: bytes) -> None:
        inward = self._edge.inward(message)
        if inward is not None:
            self._call.receive_from(self, inward)

    def client_slow(self, slow: bool) -> None:
        """Nothing to do: a guest that reads too little is closed by its transport, and holds up nobody."""

    def close(self, lost: bool = False) -> None:  # noqa: ARG002 - a guest may join again
        self._call.leave(self)
