"""What the call path itself tells a client: `error` events, and `antiphon.*` events for those who asked for them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from antiphon.errors import ClientEventError
from antiphon.path.legs import Cause, LegEnd
from antiphon.protocol import codec
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail

_encoder = msgspec.json.Encoder()
_INTERNAL, _TRY_LATER, _UNAUTHORIZED, _BAD_REQUEST = 1011, 1013, 3000, 4000


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

    def no_room_for_audio(self, seconds: float) -> None:
        """Audio is let go, as `seconds` of it wait already."""
        text = (
            f"No model is connected, and {seconds:g} seconds of audio wait for one already; "
            "what is said until it is there is lost."
        )
        self.error(ErrorDetail("server_error", "input_audio_buffer_full", text, "audio"))

    def no_room(self, event_id: str | None) -> None:
        """An event is refused, as too much waits already."""
        text = "No model is connected, and too much waits for one already; send this again later."
        self.error(ErrorDetail("server_error", "rate_limit_exceeded", text, None, event_id))

    def unanswered(self, kind: str, event_id: str | None) -> None:
        """Give up an event that several legs were sent and none answered."""
        message = f"No answer to this {kind} came from any connection to the model's server."
        self.refuse("upstream_did_not_answer", message, event_id)

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


def refusal_of(end: LegEnd) -> tuple[ErrorDetail, int]:
    """Return what a client is told of the last failure, and the close code; what an operator must mend stays here."""
    match end.cause:
        case Cause.CLIENT:
            return end.error or ErrorDetail(
                "invalid_request_error", "invalid_request", end.close_reason or end.message
            ), end.close_code or _BAD_REQUEST
        case Cause.QUOTA if end.error is not None:
            return end.error, _UNAUTHORIZED
        case Cause.RATE_LIMIT if end.error is not None:
            return end.error, _TRY_LATER
        case Cause.CREDENTIALS | Cause.QUOTA:
            text = "The server could not sign in to the model's server; its log says what to do."
            return ErrorDetail("server_error", "upstream_unauthorized", text), _INTERNAL
        case _:
            text = "The model's server cannot be reached; try again later."
            return ErrorDetail("server_error", "upstream_unavailable", text), _TRY_LATER
