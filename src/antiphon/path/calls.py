"""All calls: conversations that outlive their connections, and that more than one client may be connected to."""

from typing import Protocol

from antiphon.path.call import Call, EngineSession
from antiphon.path.connections import Attachment, Client, Guest
from antiphon.protocol.dialect import Dialect
from antiphon.protocol.session_kinds import REALTIME, SessionKind
from antiphon.session.start import SessionStart


class Engine(Protocol):
    """What answers."""

    @property
    def ready(self) -> bool: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> EngineSession: ...


class Calls:
    """An engine whose sessions are calls: lost clients may come back to them, and guests may join.

    Sessions of clients that ask for none of that are the engine's own, with nothing between.

    Args:
        engine: Answers all of them; started and closed with this one.
        resume_seconds: How long a call waits for a client that was lost; with 0 none may come back.
    """

    def __init__(self, engine: Engine, resume_seconds: float = 60.0) -> None:
        self.engine = engine
        self.resume_seconds = resume_seconds
        self.parked = 0  # calls whose client was lost and may come back
        self._calls: dict[str, Call] = {}  # by id
        self._tokens: dict[str, Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def ready(self) -> bool:
        return self.engine.ready

    async def start(self) -> None:
        await self.engine.start()

    async def close(self) -> None:
        for call in tuple(self._calls.values()):
            call.end()
        await self.engine.close()

    def open(self, start: SessionStart, client: Client) -> EngineSession:
        """Begin a session: a call if it has an id, plays media, or its client knows of `antiphon.*` events."""
        if not (start.extensions or start.call_id or start.media):
            return self.engine.open(start, client)
        call = Call(self, start)
        self._calls[call.id] = call
        if call.token:
            self._tokens[call.token] = call
        try:
            return call.begin(self.engine, client)
        except BaseException:
            call.end()
            raise

    def resume(
        self, token: str, client: Client, last_event_id: str | None, start: SessionStart | None = None
    ) -> Attachment | None:
        """Give a call to the client that has come back, over whatever transport.

        Args:
            token: Of its `antiphon.session.resumable` event.
            client: The new connection; an earlier one that the call still has is closed.
            last_event_id: Of the last event that the client received; None when it does not know.
            start: The new connection's dialect, and whether it plays media; None for those of the beginning.

        Returns:
            None when there is no such call, or not any more.
        """
        call = self._tokens.get(token)
        return None if call is None else call.resume(client, last_event_id, start)

    def join(self, call_id: str, client: Client, dialect: Dialect) -> Guest | None:
        """Connect a guest to a call: it is told what its clients are told, and may send; None without such a call."""
        call = self._calls.get(call_id)
        return None if call is None else call.join(client, dialect)

    def join_by_token(self, token: str, client: Client, dialect: Dialect) -> Guest | None:
        """Connect a guest that knows the call's token; while it is there, a call waits for its lost client.

        Raises:
            CallFullError: So many others have come by the token that there is no place for it.
        """
        call = self._tokens.get(token)
        return None if call is None else call.join(client, dialect, is_client=True)

    def guests(self, call_id: str) -> int:
        """Return how many guests a call has that came by its id."""
        call = self._calls.get(call_id)
        return 0 if call is None else call.guests

    def owner(self, call_id: str) -> str | None:
        """Return whose call it is (`SessionStart.owner`); None when there is no such call."""
        call = self._calls.get(call_id)
        return None if call is None else call.owner

    def kind(self, call_id: str) -> SessionKind:
        """Return whether a call converses or only transcribes; the usual kind when there is no such call."""
        return _kind_of(self._calls.get(call_id))

    def kind_by_token(self, token: str) -> SessionKind:
        """Return whether the call of that token converses or only transcribes."""
        return _kind_of(self._tokens.get(token))

    def send(self, token: str, message: bytes) -> bool:
        """Hand in a client event on behalf of the call's own client; return whether there is such a call."""
        call = self._tokens.get(token)
        if call is None:
            return False
        call.receive(message)
        return True

    def hang_up(self, call_id: str) -> bool:
        """End a call; return whether there was one."""
        return self._hang_up(self._calls.get(call_id))

    def hang_up_by_token(self, token: str) -> bool:
        """End the call of that token; return whether there was one."""
        return self._hang_up(self._tokens.get(token))

    def _hang_up(self, call: Call | None) -> bool:
        if call is None:
            return False
        call.close(1000, "The call was hung up.")
        return True

    # --- for its calls ----------------------------------------------------------------------------------------

    def discard(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        self._tokens.pop(call.token, None)


def _kind_of(call: Call | None) -> SessionKind:
    return REALTIME if call is None else call.kind
