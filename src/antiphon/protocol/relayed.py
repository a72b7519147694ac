"""Events on their way through a relay, for clients that do not speak GA: typed ones to GA's JSON and back.

A client's dialect works on typed events; upstream, everything is GA's JSON. Event ids of servers are not kept: the
dialect makes new ones.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import pybase64
from msgspec import UNSET, Struct

from antiphon.protocol import server_events as server
from antiphon.protocol.client_events import ClientEvent, InputAudioBufferAppend
from antiphon.protocol.server_events import ServerEvent

_SERVER_EVENTS = (
    server.SessionCreated
    | server.SessionUpdated
    | server.Error
    | server.RateLimitsUpdated
    | server.SpeechStarted
    | server.SpeechStopped
    | server.InputAudioBufferCommitted
    | server.InputAudioBufferCleared
    | server.OutputAudioBufferStarted
    | server.OutputAudioBufferStopped
    | server.OutputAudioBufferCleared
    | server.TimeoutTriggered
    | server.ConversationItemAdded
    | server.ConversationItemDone
    | server.ConversationItemRetrieved
    | server.ConversationItemDeleted
    | server.ConversationItemTruncated
    | server.TranscriptionDelta
    | server.TranscriptionCompleted
    | server.TranscriptionFailed
    | server.ResponseCreated
    | server.ResponseDone
    | server.OutputItemAdded
    | server.OutputItemDone
    | server.ContentPartAdded
    | server.ContentPartDone
    | server.OutputTextDelta
    | server.OutputTextDone
    | server.OutputAudioDelta
    | server.OutputAudioDone
    | server.OutputAudioTranscriptDelta
    | server.OutputAudioTranscriptDone
    | server.FunctionCallArgumentsDelta
    | server.FunctionCallArgumentsDone
)
_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(_SERVER_EVENTS)
_encoder = msgspec.json.Encoder()

# Fields that servers leave out or null, by the event's type, and what is read then.
_NO_PREVIOUS = {"previous_item_id": None}
_MISSING: dict[str, dict[str, Any]] = {
    "input_audio_buffer.committed": _NO_PREVIOUS,
    "conversation.item.added": _NO_PREVIOUS,
    "conversation.item.done": _NO_PREVIOUS,
    "conversation.item.input_audio_transcription.delta": {"content_index": 0, "delta": ""},
    "conversation.item.input_audio_transcription.completed": {
        "content_index": 0,
        "transcript": "",
        "usage": {"type": "duration", "seconds": 0},
    },
    "conversation.item.input_audio_transcription.failed": {"content_index": 0, "error": {}},
    "response.output_audio_transcript.done": {"transcript": ""},
    "response.output_text.done": {"text": ""},
    "response.function_call_arguments.delta": {"call_id": ""},
    "response.function_call_arguments.done": {"call_id": "", "name": ""},
}
_NO_ERROR = {"type": "server_error", "code": None, "message": ""}


def encode_client(event: ClientEvent) -> bytes:
    """Return a client event as GA's UTF-8 JSON; fields that are unset are absent, `event_id` is kept."""
    if isinstance(event, InputAudioBufferAppend):
        head = b"" if event.event_id is None else b'"event_id":%b,' % _encoder.encode(event.event_id)
        audio = pybase64.b64encode(event.audio)
        return b"".join((b"{", head, b'"type":"input_audio_buffer.append","audio":"', audio, b'"}'))
    return _encoder.encode(_plain(event))


def _plain(value: Any) -> Any:
    # Null stands for what is unset in typed values alone: what the client's JSON had is sent as it was.
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if not isinstance(value, Struct):
        return value
    config = value.__struct_config__
    tag = {} if config.tag_field is None else {config.tag_field: config.tag}
    fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
    return {**tag, **{name: _plain(inner) for name, inner in fields if inner is not None and inner is not UNSET}}


def decode_server(message: bytes) -> ServerEvent | None:
    """Return the event in `message`, which is GA's JSON from a server.

    What servers leave out or null in practice is filled in. None when the event is of a type that is not known here,
    such as those of MCP and of translation, or when it lacks what cannot be filled in.
    """
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError:
        return _mended(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _mended(message: bytes) -> ServerEvent | None:
    try:
        event = msgspec.json.decode(message)
        mended: ServerEvent = msgspec.convert(_filled(event), _SERVER_EVENTS)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return mended


def _filled(event: Any) -> Any:
    if not isinstance(event, Mapping) or not isinstance(kind := event.get("type"), str):
        return event
    filled = {**_MISSING.get(kind, {}), **_without_nulls(event)}
    if kind == "error":
        return {**filled, "error": {**_NO_ERROR, **_without_nulls(event.get("error"))}}
    if kind.endswith("transcription.failed"):
        filled["error"] = _without_nulls(filled["error"])
    if kind.endswith("transcription.completed"):
        filled["usage"] = _without_nulls(filled["usage"]) or _MISSING[kind]["usage"]
    return filled


def _without_nulls(value: Any) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, Mapping) else {}
