"""What the call path itself tells a client: `error` events, and `antiphon.*` events for those who asked for them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from antiphon.errors import ClientEventError
from antiphon.protocol import codec
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail

_encoder = msgspec.json.Encoder()


class Notices:
    """Writes events to a client.

    Args:
        send: Takes each event, UTF-8 JSON.
        ids: Gives them their ids.
        extensions: Whether the client asked for `antiphon.*` events.
    """

    def __init__(self, send: Callable[[bytes], None], ids: Ids, *, extensions: bool) -> None:
        self._send = send
        self._ids = ids
        self._extensions = extensions

    def error(self, detail: ErrorDetail) -> None:
        self._send(codec.encode(Error(detail), self._ids))

    def refuse(self, code: str, message: str, event_id: str | None = None, param: str | None = None) -> None:
        """Tell the client that its event is refused; the session goes on."""
        self.error(ErrorDetail("invalid_request_error", code, message, param, event_id))

    def malformed(self, message: bytes) -> None:
        """Refuse what is no event: a server more lenient than the gateway might take it for one that it is not."""
        try:
            codec.decode(message)
        except ClientEventError as error:
            self._send(codec.encode(codec.error_event(error, codec.event_id_of(message)), self._ids))

    def event(self, event: Mapping[str, Any]) -> None:
        """Send an event of the API under an id of its own; `type` is one of its keys."""
        self._send(_encoder.encode({"event_id": self._ids.event(), **event}))

    def extension(self, name: str, **fields: Any) -> None:
        """Send `antiphon.<name>`, if the client wants to know."""
        if self._extensions:
            self.event({"type": f"antiphon.{name}", **fields})
