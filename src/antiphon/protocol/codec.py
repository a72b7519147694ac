"""Between the bytes of a WebSocket message and typed events.

Each direction makes one pass over the audio: the decoder turns base64 into bytes while it reads the message, and
the encoder puts base64 into a message whose frame it already has.
"""

import msgspec
import pybase64
from msgspec import Struct

from antiphon.errors import ClientEventError
from antiphon.protocol.client_events import CLIENT_EVENT_TYPES, ClientEvent
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import OBFUSCATED, Error, ErrorDetail, OutputAudioDelta, ServerEvent
from antiphon.protocol.validation import refusal

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent)


class _Head(Struct):
    """What an error event can tell of a message that is no valid event."""

    type: object = None
    event_id: object = None


class _AudioDeltaFrame(Struct, tag_field="type", tag="response.output_audio.delta"):
    # All of an audio delta but its audio.
    response_id: str
    item_id: str
    output_index: int
    content_index: int


_head_decoder = msgspec.json.Decoder(_Head)


def decode(message: bytes | memoryview | str) -> ClientEvent:
    """Return the client event in `message`.

    Args:
        message: UTF-8 JSON text of one event.

    Raises:
        ClientEventError: `invalid_json` or the field that is wrong, with its dotted path.
    """
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise _refused(message, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientEventError("invalid_json", f"The message is not valid JSON: {error}.") from None
    except RecursionError:
        raise ClientEventError("invalid_json", "The message is nested too deeply.") from None


def _refused(message: bytes | memoryview | str, error: msgspec.ValidationError) -> ClientEventError:
    kind = _head(message).type
    if kind is None:
        return ClientEventError("missing_required_parameter", "Missing required parameter: 'type'.", "type")
    if kind not in CLIENT_EVENT_TYPES:
        accepted = ", ".join(f"'{name}'" for name in CLIENT_EVENT_TYPES)
        shown = repr(kind)[:100]
        return ClientEventError("invalid_value", f"Invalid value: {shown}. Supported values are: {accepted}.", "type")
    return refusal(error)


def _head(message: bytes | memoryview | str) -> _Head:
    try:
        return _head_decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Head()


def event_id_of(message: bytes | memoryview | str) -> str | None:
    """Return the `event_id` of a message that was refused, so that its error can name it; None without one."""
    event_id = _head(message).event_id
    return event_id[:512] if isinstance(event_id, str) else None


def encode(event: ServerEvent, ids: Ids) -> bytes:
    """Return `event` as UTF-8 JSON with a new `event_id`."""
    head = b'{"event_id":"' + ids.event().encode("ascii")
    if isinstance(event, OutputAudioDelta):
        frame = _AudioDeltaFrame(event.response_id, event.item_id, event.output_index, event.content_index)
        return b"".join((head, b'","delta":"', pybase64.b64encode(event.delta), b'",', _encoder.encode(frame)[1:]))
    if type(event) in OBFUSCATED:
        # 1 to 16 letters, of random number.
        count = 1 + ord(ids.letters(1)) % 16
        head += b'","obfuscation":"' + ids.letters(count).encode("ascii")
    return b"".join((head, b'",', _encoder.encode(event)[1:]))


def error_event(error: ClientEventError, event_id: str | None = None) -> Error:
    """Return the `error` event that tells a client of its mistake; `event_id` is that of the client's event."""
    return Error(ErrorDetail("invalid_request_error", error.code, error.message, error.param, event_id))
