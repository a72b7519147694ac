"""Between the bytes of a WebSocket message and typed events.

Each direction makes one pass over the audio: the decoder turns base64 into bytes while it reads the message, and
the encoder puts base64 into a message whose frame it already has.
"""

from functools import cache
from typing import Generic, TypeVar, cast, get_args

import msgspec
import pybase64
from msgspec import Struct

from antiphon.errors import ClientEventError
from antiphon.protocol.bounds import check_depth, check_values, may_be_deep
from antiphon.protocol.client_events import ClientEvent
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import OBFUSCATED, Error, ErrorDetail, OutputAudioDelta, ServerEvent
from antiphon.protocol.validation import refusal

E = TypeVar("E")

_encoder = msgspec.json.Encoder()


class _Head(Struct):
    """What an error event can tell of a message that is no valid event."""

    # Not parsed, since anything may stand there.
    type: msgspec.Raw = msgspec.Raw(b"null")
    event_id: msgspec.Raw = msgspec.Raw(b"null")


class _AudioDeltaFrame(Struct):
    # All of an audio delta but its audio.
    response_id: str
    item_id: str
    output_index: int
    content_index: int


_head_decoder = msgspec.json.Decoder(_Head)


class EventDecoder(Generic[E]):
    """Reads client events of one shape.

    Args:
        events: The union of its events' types.
    """

    def __init__(self, events: object) -> None:
        self._decoder = cast("msgspec.json.Decoder[E]", msgspec.json.Decoder(events))
        self._types: tuple[str, ...] = tuple(kind.__struct_config__.tag for kind in get_args(events))

    def decode(self, message: bytes | memoryview | str) -> E:
        """Return the client event in `message`.

        Args:
            message: UTF-8 JSON text of one event.

        Raises:
            ClientEventError: `invalid_json` or the field that is wrong, with its dotted path.
        """
        data = message.encode("utf-8", "surrogatepass") if isinstance(message, str) else bytes(message)
        check_values(data)
        try:
            event = self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise self._refused(message, error) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ClientEventError("invalid_json", f"The message is not valid JSON: {error}.") from None
        except RecursionError:
            raise ClientEventError("invalid_json", "The message is nested too deeply.") from None
        if may_be_deep(data):
            check_depth(event)
        return event

    def _refused(self, message: bytes | memoryview | str, error: msgspec.ValidationError) -> ClientEventError:
        raw = bytes(_head(message).type)
        kind = _text(raw)
        if raw == b"null":
            return ClientEventError("missing_required_parameter", "Missing required parameter: 'type'.", "type")
        if kind not in self._types:
            accepted = ", ".join(f"'{name}'" for name in self._types)
            text = f"Invalid value: {_shown(kind, raw)}. Supported values are: {accepted}."
            return ClientEventError("invalid_value", text, "type")
        return refusal(error)


_ga: EventDecoder[ClientEvent] = EventDecoder(ClientEvent)
decode = _ga.decode


def _head(message: bytes | memoryview | str) -> _Head:
    try:
        return _head_decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Head()


def event_id_of(message: bytes | memoryview | str) -> str | None:
    """Return the `event_id` of a message that was refused, so that its error can name it; None without one."""
    event_id = _text(bytes(_head(message).event_id))
    return event_id[:512] if event_id is not None else None


def _text(raw: bytes) -> str | None:
    """Return the string in `raw`, None when it is another type of JSON, or no Unicode."""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _shown(kind: str | None, raw: bytes) -> str:
    return repr(raw[:100].decode(errors="replace") if kind is None else kind[:100])


def encode(event: ServerEvent, ids: Ids) -> bytes:
    """Return `event` as UTF-8 JSON with a new `event_id`."""
    padding = b""
    if type(event) in OBFUSCATED:
        # 1 to 16 letters, of random number.
        padding = b',"obfuscation":"' + ids.letters(1 + ord(ids.letters(1)) % 16).encode("ascii") + b'"'
    return encode_as(tag_of(type(event)), event, ids, padding)


def encode_as(kind: bytes, event: ServerEvent, ids: Ids, padding: bytes = b"") -> bytes:
    """Return `event` as UTF-8 JSON with a new `event_id` under the type `kind`.

    Args:
        kind: The event's type in the client's shape.
        event: Its fields are encoded as they are.
        ids: Source of its id.
        padding: More fields, as JSON, with a comma before each.
    """
    head = b'{"event_id":"%b","type":"%b"' % (ids.event().encode("ascii"), kind)
    if isinstance(event, OutputAudioDelta):
        frame = _AudioDeltaFrame(event.response_id, event.item_id, event.output_index, event.content_index)
        return b"".join((head, b',"delta":"', pybase64.b64encode(event.delta), b'",', _encoder.encode(frame)[1:]))
    # msgspec writes the tag first: what is behind it are the fields.
    fields = _encoder.encode(event)[len(b'{"type":""') + len(tag_of(type(event))) :]
    return b"".join((head, padding, fields))


@cache
def tag_of(event: type[ServerEvent]) -> bytes:
    """Return the GA type of an event."""
    return str(event.__struct_config__.tag).encode("ascii")


def error_event(error: ClientEventError, event_id: str | None = None) -> Error:
    """Return the `error` event that tells a client of its mistake; `event_id` is that of the client's event."""
    return Error(ErrorDetail("invalid_request_error", error.code, error.message, error.param, event_id))
