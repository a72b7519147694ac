"""The shape that one client speaks; chosen once, at connect. Everything inside is GA."""

from collections.abc import Sequence
from typing import Protocol

from antiphon.protocol import codec
from antiphon.protocol.client_events import ClientEvent
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import ServerEvent


class Dialect(Protocol):
    """Between one client's messages and GA events. One object serves one connection."""

    def decode(self, message: bytes) -> ClientEvent:
        """Return the event in `message`.

        Raises:
            ClientEventError: With the path of the field in the client's own shape.
        """
        ...

    def encode(self, event: ServerEvent, ids: Ids) -> Sequence[bytes]:
        """Return `event` as messages in the client's shape, UTF-8 JSON: none where that shape has no such event."""
        ...


class GaDialect:
    """The shape of the GA API: events are what they are."""

    def decode(self, message: bytes) -> ClientEvent:
        return codec.decode(message)

    def encode(self, event: ServerEvent, ids: Ids) -> Sequence[bytes]:
        return (codec.encode(event, ids),)
