"""The events that the server sends, as values without their ids: `encode` adds `event_id` at the edge.

Items, responses and sessions stand in them as they look on the wire.

Source: Realtime API, server events.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class ServerEvent(Struct, frozen=True, tag_field="type"):
    pass


Wire = dict[str, Any]


# --- session --------------------------------------------------------------------------------------------------


class SessionCreated(ServerEvent, frozen=True, tag="session.created"):
    session: Wire


class SessionUpdated(ServerEvent, frozen=True, tag="session.updated"):
    session: Wire


class ErrorDetail(Struct, frozen=True):
    """All five keys are always there; unknown ones are null."""

    type: str
    code: str | None
    message: str
    param: str | None = None
    event_id: str | None = None


class Error(ServerEvent, frozen=True, tag="error"):
    error: ErrorDetail


class RateLimit(Struct, frozen=True):
    name: str
    limit: int | float
    remaining: int | float
    reset_seconds: int | float


class RateLimitsUpdated(ServerEvent, frozen=True, tag="rate_limits.updated"):
    rate_limits: list[RateLimit]


# --- input audio buffer ---------------------------------------------------------------------------------------


class SpeechStarted(ServerEvent, frozen=True, tag="input_audio_buffer.speech_started"):
    audio_start_ms: int
    item_id: str


class SpeechStopped(ServerEvent, frozen=True, tag="input_audio_buffer.speech_stopped"):
    audio_end_ms: int
    item_id: str


class InputAudioBufferCommitted(ServerEvent, frozen=True, tag="input_audio_buffer.committed"):
    previous_item_id: str | None
    item_id: str


class InputAudioBufferCleared(ServerEvent, frozen=True, tag="input_audio_buffer.cleared"):
    pass


class OutputAudioBufferStarted(ServerEvent, frozen=True, tag="output_audio_buffer.started"):
    response_id: str


class OutputAudioBufferStopped(ServerEvent, frozen=True, tag="output_audio_buffer.stopped"):
    response_id: str


class OutputAudioBufferCleared(ServerEvent, frozen=True, tag="output_audio_buffer.cleared"):
    response_id: str


class TimeoutTriggered(ServerEvent, frozen=True, tag="input_audio_buffer.timeout_triggered"):
    audio_start_ms: int
    audio_end_ms: int
    item_id: str


# --- conversation ---------------------------------------------------------------------------------------------


class ConversationItemAdded(ServerEvent, frozen=True, tag="conversation.item.added"):
    previous_item_id: str | None
    item: Wire


class ConversationItemDone(ServerEvent, frozen=True, tag="conversation.item.done"):
    previous_item_id: str | None
    item: Wire


class ConversationItemRetrieved(ServerEvent, frozen=True, tag="conversation.item.retrieved"):
    item: Wire


class ConversationItemDeleted(ServerEvent, frozen=True, tag="conversation.item.deleted"):
    item_id: str


class ConversationItemTruncated(ServerEvent, frozen=True, tag="conversation.item.truncated"):
    item_id: str
    content_index: int
    audio_end_ms: int


class TranscriptionDelta(ServerEvent, frozen=True, tag="conversation.item.input_audio_transcription.delta"):
    item_id: str
    content_index: int
    delta: str


class TranscriptionUsage(Struct, frozen=True, tag_field="type", tag="duration"):
    seconds: int | float


class TranscriptionTokens(Struct, frozen=True, tag_field="type", tag="tokens"):
    """What upstreams count whose transcription models are billed by tokens."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: Wire | UnsetType = UNSET


class TranscriptionCompleted(ServerEvent, frozen=True, tag="conversation.item.input_audio_transcription.completed"):
    item_id: str
    content_index: int
    transcript: str
    usage: TranscriptionUsage | TranscriptionTokens


class TranscriptionError(Struct, frozen=True):
    # agents-js drops the event when a field is null instead of a string, so what is unknown is left out.
    type: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    param: str | UnsetType = UNSET


class TranscriptionFailed(ServerEvent, frozen=True, tag="conversation.item.input_audio_transcription.failed"):
    item_id: str
    content_index: int
    error: TranscriptionError


# --- response -------------------------------------------------------------------------------------------------


class ResponseCreated(ServerEvent, frozen=True, tag="response.created"):
    response: Wire


class ResponseDone(ServerEvent, frozen=True, tag="response.done"):
    response: Wire


class OutputItemAdded(ServerEvent, frozen=True, tag="response.output_item.added"):
    response_id: str
    output_index: int
    item: Wire


class OutputItemDone(ServerEvent, frozen=True, tag="response.output_item.done"):
    response_id: str
    output_index: int
    item: Wire


class ContentPartAdded(ServerEvent, frozen=True, tag="response.content_part.added"):
    """`part.type` is "text" or "audio", even in GA."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    part: Wire


class ContentPartDone(ServerEvent, frozen=True, tag="response.content_part.done"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    part: Wire


class OutputTextDelta(ServerEvent, frozen=True, tag="response.output_text.delta"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str


class OutputTextDone(ServerEvent, frozen=True, tag="response.output_text.done"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    text: str


class OutputAudioDelta(ServerEvent, frozen=True, tag="response.output_audio.delta"):
    """`delta` is audio in the response's output format; base64 on the wire."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: bytes


class OutputAudioDone(ServerEvent, frozen=True, tag="response.output_audio.done"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int


class OutputAudioTranscriptDelta(ServerEvent, frozen=True, tag="response.output_audio_transcript.delta"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str


class OutputAudioTranscriptDone(ServerEvent, frozen=True, tag="response.output_audio_transcript.done"):
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    transcript: str


class FunctionCallArgumentsDelta(ServerEvent, frozen=True, tag="response.function_call_arguments.delta"):
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str


class FunctionCallArgumentsDone(ServerEvent, frozen=True, tag="response.function_call_arguments.done"):
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    name: str
    arguments: str


# Text-like deltas carry a random string of random length, so that a listener to the encrypted stream cannot tell
# the text from the lengths of its packets. Audio deltas do not.
OBFUSCATED: frozenset[type[ServerEvent]] = frozenset(
    {TranscriptionDelta, OutputTextDelta, OutputAudioTranscriptDelta, FunctionCallArgumentsDelta}
)
