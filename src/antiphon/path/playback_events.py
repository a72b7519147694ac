"""The events that playback reads and writes: audio both ways, and what is said about it."""

import binascii
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import pybase64
from msgspec import UNSET, Struct, UnsetType

from antiphon.protocol.config import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat
from antiphon.protocol.heads import audio_delta, type_of
from antiphon.protocol.ids import Ids

AUDIO_DELTA = "response.output_audio.delta"
PCM = PcmFormat()
_FORMATS: dict[str, AudioFormat] = {"audio/pcmu": PcmuFormat(), "audio/pcma": PcmaFormat()}

S = TypeVar("S", bound=Struct)
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class AudioChunk:
    """A `response.output_audio.delta`; `audio` is in the response's output format, and may be cut within a sample."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    audio: bytes

    def wire(self) -> bytes:
        """Return it as an event."""
        head = b'{"type":"response.output_audio.delta","event_id":%b,"response_id":%b,"item_id":%b,' % (
            _json(self.event_id),
            _json(self.response_id),
            _json(self.item_id),
        )
        indexes = b'"output_index":%d,"content_index":%d,"delta":"' % (self.output_index, self.content_index)
        return b"".join((head, indexes, pybase64.b64encode(self.audio), b'"}'))


def audio_chunk(message: bytes) -> AudioChunk | None:
    """Return the audio in a server event; None for other events, and for an audio delta that makes no sense."""
    delta = audio_delta(message)
    if delta is None:
        return _unusual_chunk(message) if type_of(message) == AUDIO_DELTA else None
    audio = _decoded_base64(memoryview(message)[delta.begin : delta.end])
    return None if audio is None else AudioChunk(*delta[:5], audio)


def append_event(audio: bytes) -> bytes:
    """Return an `input_audio_buffer.append`, in the spelling that is known at a glance."""
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % pybase64.b64encode(audio)


def truncate_event(event_id: str, item_id: str, content_index: int, audio_end_ms: int) -> bytes:
    return _json(
        {
            "type": "conversation.item.truncate",
            "event_id": event_id,
            "item_id": item_id,
            "content_index": content_index,
            "audio_end_ms": audio_end_ms,
        }
    )


def buffer_event(happened: str, response_id: str, ids: Ids) -> bytes:
    """Return `output_audio_buffer.started`, `stopped` or `cleared`."""
    kind = f"output_audio_buffer.{happened}"
    return _json({"type": kind, "event_id": ids.event(), "response_id": response_id})


def read(message: bytes, shape: type[S]) -> S | None:
    """Return an event as `shape`, None when it has another one. Never raises."""
    try:
        return msgspec.json.decode(message, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


# --- what is read of events; all else in them is skipped --------------------------------------------------------


class Format(Struct):
    type: str = ""

    def known(self) -> AudioFormat:
        return _FORMATS.get(self.type, PCM)


class Output(Struct):
    format: Format | None = None


class ResponseAudio(Struct):
    output: Output | None = None


class Response(Struct):
    """`conversation_id` is null for a response outside the conversation; some servers do not send it."""

    id: str = ""
    conversation_id: str | UnsetType | None = UNSET
    audio: ResponseAudio | None = None

    @property
    def format(self) -> AudioFormat | None:
        output = self.audio.output if self.audio is not None else None
        return output.format.known() if output is not None and output.format is not None else None


class ResponseEvent(Struct):
    response: Response


class Item(Struct):
    id: str = ""


class OutputItemEvent(Struct):
    item: Item
    response_id: str = ""


class TurnDetection(Struct):
    interrupt_response: bool | None = None


class Input(Struct):
    format: Format | None = None
    turn_detection: TurnDetection | UnsetType | None = UNSET


class SessionAudio(Struct):
    input: Input | None = None
    output: Output | None = None


class Session(Struct):
    audio: SessionAudio | None = None


class SessionEvent(Struct):
    session: Session


class ErrorDetail(Struct):
    event_id: str | None = None


class ErrorEvent(Struct):
    error: ErrorDetail


class Truncation(Struct):
    """A client's `conversation.item.truncate`."""

    item_id: str
    audio_end_ms: int


class _Delta(Struct):
    delta: str
    event_id: str = ""
    response_id: str = ""
    item_id: str = ""
    output_index: int = 0
    content_index: int = 0


def _unusual_chunk(message: bytes) -> AudioChunk | None:
    event = read(message, _Delta)
    if event is None:
        return None
    audio = _decoded_base64(event.delta)
    if audio is None:
        return None
    return AudioChunk(event.event_id, event.response_id, event.item_id, event.output_index, event.content_index, audio)


def _decoded_base64(text: str | memoryview) -> bytes | None:
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters that are no ASCII
        return None
