"""The events that a client may send, as typed values.

Source: Realtime API, client events.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from antiphon.protocol.items import ItemId, ItemParam
from antiphon.protocol.responses import ResponseOptions

EventId = Annotated[str, Meta(max_length=512)]
MAX_APPEND_BYTES = 15 * 1024 * 1024


class _ClientEvent(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    event_id: EventId | None = None


class SessionUpdate(_ClientEvent, frozen=True, tag="session.update"):
    """`session` stays as parsed: it is merged into the configuration before it is checked as a whole."""

    session: dict[str, Any]


class InputAudioBufferAppend(_ClientEvent, frozen=True, tag="input_audio_buffer.append"):
    """`audio` is base64 on the wire; the decoder hands over the bytes in its one pass."""

    audio: bytes


class InputAudioBufferCommit(_ClientEvent, frozen=True, tag="input_audio_buffer.commit"):
    pass


class InputAudioBufferClear(_ClientEvent, frozen=True, tag="input_audio_buffer.clear"):
    pass


class OutputAudioBufferClear(_ClientEvent, frozen=True, tag="output_audio_buffer.clear"):
    pass


class ConversationItemCreate(_ClientEvent, frozen=True, tag="conversation.item.create"):
    item: ItemParam
    previous_item_id: str | None = None


class ConversationItemRetrieve(_ClientEvent, frozen=True, tag="conversation.item.retrieve"):
    item_id: str


class ConversationItemTruncate(_ClientEvent, frozen=True, tag="conversation.item.truncate"):
    item_id: str
    content_index: Annotated[int, Meta(ge=0)]
    audio_end_ms: Annotated[int, Meta(ge=0)]


class ConversationItemDelete(_ClientEvent, frozen=True, tag="conversation.item.delete"):
    item_id: str


class ResponseCreate(_ClientEvent, frozen=True, tag="response.create"):
    response: ResponseOptions | None = None


class ResponseCancel(_ClientEvent, frozen=True, tag="response.cancel"):
    response_id: str | None = None


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemTruncate
    | ConversationItemDelete
    | ResponseCreate
    | ResponseCancel
)

CLIENT_EVENT_TYPES: tuple[str, ...] = tuple(kind.__struct_config__.tag for kind in ClientEvent.__args__)

__all__ = ["CLIENT_EVENT_TYPES", "MAX_APPEND_BYTES", "ClientEvent", "ItemId"]
