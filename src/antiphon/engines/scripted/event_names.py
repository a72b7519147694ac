"""The types of events, in both shapes, that a fault may be tied to."""

from typing import get_args

from antiphon.protocol.client_events import ClientEvent
from antiphon.protocol.server_events import ServerEvent

_BETA_CLIENT_EVENTS = ("transcription_session.update",)
_BETA_SERVER_EVENTS = (
    "transcription_session.created",
    "transcription_session.updated",
    "conversation.created",
    "conversation.item.created",
    "response.text.delta",
    "response.text.done",
    "response.audio.delta",
    "response.audio.done",
    "response.audio_transcript.delta",
    "response.audio_transcript.done",
)


def _tags(kinds: tuple[type, ...]) -> frozenset[str]:
    return frozenset(str(kind.__struct_config__.tag) for kind in kinds)  # type: ignore[attr-defined]


CLIENT_EVENTS = _tags(get_args(ClientEvent)) | set(_BETA_CLIENT_EVENTS)
SERVER_EVENTS = _tags(tuple(ServerEvent.__subclasses__())) | set(_BETA_SERVER_EVENTS)
