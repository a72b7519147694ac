"""The client's edge of a call: its dialect on one side, GA-shaped JSON on the other."""

import re
from collections.abc import Callable
from typing import Protocol

from antiphon.errors import ClientEventError
from antiphon.protocol import codec
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.heads import field_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.relayed import decode_server, encode_client

_PLAIN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_EXTENSION = b'"type":"antiphon.'


class Edge(Protocol):
    def inward(self, message: bytes) -> bytes | None:
        """Return a client event in GA's shape, None when it was refused and the client was told."""
        ...

    def outward(self, message: bytes) -> None:
        """Send a GA server event to the client in its own shape."""
        ...


class PlainEdge:
    """For clients that speak GA: nothing to do."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.outward = send

    def inward(self, message: bytes) -> bytes | None:
        return message


class _KeepingIds(Ids):
    """Gives the next event the id that it had in GA's shape, so that clients can name the last one that they saw."""

    kept = ""

    def event(self) -> str:
        kept, self.kept = self.kept, ""
        return kept or super().event()


class TranslatingEdge:
    """For all others.

    Args:
        dialect: What the client speaks.
        send: Takes messages to it.
        ids: For events that only this client is told.
        own: Called with the id of each of those, before it is sent.
    """

    def __init__(self, dialect: Dialect, send: Callable[[bytes], None], ids: Ids, own: Callable[[str], None]) -> None:
        self._dialect = dialect
        self._send = send
        self._ids = _KeepingIds(ids.entropy)
        self._own = own

    def inward(self, message: bytes) -> bytes | None:
        try:
            return encode_client(self._dialect.decode(message))
        except ClientEventError as error:
            refusal = codec.error_event(error, codec.event_id_of(message))
            self._ids.kept = ""
            for told in self._dialect.encode(refusal, self._ids):
                self._send_own(told)
            return None

    def outward(self, message: bytes) -> None:
        if _EXTENSION in message[:200]:
            self._send(message)
            return
        event = decode_server(message)
        if event is not None:
            event_id = field_of(message, "event_id")
            self._ids.kept = event_id if _PLAIN_ID.fullmatch(event_id) else ""
            for number, told in enumerate(self._dialect.encode(event, self._ids)):
                (self._send_own if number else self._send)(told)

    def _send_own(self, message: bytes) -> None:
        self._own(field_of(message, "event_id"))
        self._send(message)


def edge_for(
    dialect: Dialect, send: Callable[[bytes], None], ids: Ids, own: Callable[[str], None] = lambda _event_id: None
) -> Edge:
    """Return the edge for a client that speaks `dialect`; `own` is told the id of each event that only it gets."""
    return PlainEdge(send) if isinstance(dialect, GaDialect) else TranslatingEdge(dialect, send, ids, own)
