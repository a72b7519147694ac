"""The beta shape of the Realtime API on one connection.

Events keep their GA meaning; this module holds which beta event each one is, and which of them need rewriting. Text
deltas are not padded: the beta shape has no `obfuscation`.

Source: Realtime API, beta; PROTOCOL's table of server events.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.errors import ClientEventError
from antiphon.protocol import client_events as client
from antiphon.protocol import server_events as server
from antiphon.protocol.beta.asked import MOST_ASKED, Asked
from antiphon.protocol.beta.fields import RESPONSE, RESPONSE_OPTIONS, flattened, nested
from antiphon.protocol.beta.items import read_item, show_item, show_usage
from antiphon.protocol.beta.paths import beta_detail, beta_refusal
from antiphon.protocol.beta.sessions import REALTIME, SHAPES, SessionShape
from antiphon.protocol.beta.values import DEFAULT_TEMPERATURE
from antiphon.protocol.client_events import ClientEvent, EventId
from antiphon.protocol.codec import EventDecoder, encode_as
from antiphon.protocol.ids import Ids
from antiphon.protocol.items import ItemParam
from antiphon.protocol.responses import ResponseOptions
from antiphon.protocol.server_events import ServerEvent, Wire
from antiphon.protocol.validation import convert

# --- client events ----------------------------------------------------------------------------------------------


class _BetaEvent(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    event_id: EventId | None = None


class TranscriptionSessionUpdate(_BetaEvent, frozen=True, tag="transcription_session.update"):
    session: dict[str, Any]


class ConversationItemCreate(_BetaEvent, frozen=True, tag="conversation.item.create"):
    """`item` stays as parsed until its content has GA's names."""

    item: dict[str, Any]
    previous_item_id: str | None = None


class ResponseCreate(_BetaEvent, frozen=True, tag="response.create"):
    """`response` stays as parsed until it is nested as in GA."""

    response: dict[str, Any] | None = None


BetaClientEvent = (
    client.SessionUpdate
    | TranscriptionSessionUpdate
    | client.InputAudioBufferAppend
    | client.InputAudioBufferCommit
    | client.InputAudioBufferClear
    | client.OutputAudioBufferClear
    | ConversationItemCreate
    | client.ConversationItemRetrieve
    | client.ConversationItemTruncate
    | client.ConversationItemDelete
    | ResponseCreate
    | client.ResponseCancel
)
_events: EventDecoder[BetaClientEvent] = EventDecoder(BetaClientEvent)


# --- server events ----------------------------------------------------------------------------------------------


class _ConversationCreated(ServerEvent, frozen=True, tag="conversation.created"):
    conversation: Wire


class _ArgumentsDone(ServerEvent, frozen=True, tag="response.function_call_arguments.done"):
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    arguments: str


# What each GA event is called in the beta shape; `session.created` and `session.updated` depend on the session.
NAMES: dict[type[ServerEvent], bytes] = {
    server.Error: b"error",
    server.RateLimitsUpdated: b"rate_limits.updated",
    server.SpeechStarted: b"input_audio_buffer.speech_started",
    server.SpeechStopped: b"input_audio_buffer.speech_stopped",
    server.InputAudioBufferCommitted: b"input_audio_buffer.committed",
    server.InputAudioBufferCleared: b"input_audio_buffer.cleared",
    server.OutputAudioBufferStarted: b"output_audio_buffer.started",
    server.OutputAudioBufferStopped: b"output_audio_buffer.stopped",
    server.OutputAudioBufferCleared: b"output_audio_buffer.cleared",
    server.ConversationItemAdded: b"conversation.item.created",
    server.ConversationItemRetrieved: b"conversation.item.retrieved",
    server.ConversationItemDeleted: b"conversation.item.deleted",
    server.ConversationItemTruncated: b"conversation.item.truncated",
    server.TranscriptionDelta: b"conversation.item.input_audio_transcription.delta",
    server.TranscriptionCompleted: b"conversation.item.input_audio_transcription.completed",
    server.TranscriptionFailed: b"conversation.item.input_audio_transcription.failed",
    server.ResponseCreated: b"response.created",
    server.ResponseDone: b"response.done",
    server.OutputItemAdded: b"response.output_item.added",
    server.OutputItemDone: b"response.output_item.done",
    server.ContentPartAdded: b"response.content_part.added",
    server.ContentPartDone: b"response.content_part.done",
    server.OutputTextDelta: b"response.text.delta",
    server.OutputTextDone: b"response.text.done",
    server.OutputAudioDelta: b"response.audio.delta",
    server.OutputAudioDone: b"response.audio.done",
    server.OutputAudioTranscriptDelta: b"response.audio_transcript.delta",
    server.OutputAudioTranscriptDone: b"response.audio_transcript.done",
    server.FunctionCallArgumentsDelta: b"response.function_call_arguments.delta",
    server.FunctionCallArgumentsDone: b"response.function_call_arguments.done",
}
_NAMES: dict[str, dict[type[ServerEvent], bytes]] = {
    shape.kind: NAMES | {server.SessionCreated: shape.created, server.SessionUpdated: shape.updated}
    for shape in SHAPES.values()
}
# Events that the beta shape does not have.
DROPPED: frozenset[type[ServerEvent]] = frozenset({server.ConversationItemDone, server.TimeoutTriggered})
# Events that clients of the first preview do not know: rt-client ends its process on any that it does not.
ADDED_LATER: frozenset[type[ServerEvent]] = frozenset({server.TranscriptionDelta})


class BetaDialect:
    """One client of the beta shape.

    What GA does not know of a session is kept here: its temperature, and the id of its conversation. Answers come in
    the order of the events that they answer, but any number of events may be on their way.

    Args:
        shape: The kind of session.
        temperature: To begin with.
        is_first_preview: Whether the client is spared what came after the first preview (October 2024).
    """

    def __init__(
        self,
        shape: SessionShape = REALTIME,
        temperature: float = DEFAULT_TEMPERATURE,
        *,
        is_first_preview: bool = False,
    ) -> None:
        self._shape = shape
        self._is_first_preview = is_first_preview
        self._temperature = temperature
        self._asked = Asked()
        # Messages of refusals that are on their way, in the beta shape's words already.
        self._refusals: deque[str] = deque(maxlen=MOST_ASKED)
        self._conversation_id: str | None = None
        self._temperatures: dict[str, float] = {}  # of running responses
        self._names = _NAMES[shape.kind]

    # --- from the client ----------------------------------------------------------------------------------------

    def decode(self, message: bytes) -> ClientEvent:
        try:
            return self._read(_events.decode(message))
        except ClientEventError as error:
            self._refusals.append(error.message)
            raise

    def _read(self, event: BetaClientEvent) -> ClientEvent:
        match event:
            case client.SessionUpdate() | TranscriptionSessionUpdate():
                return self._read_update(event)
            case ConversationItemCreate():
                return self._read_item(event)
            case ResponseCreate():
                return self._read_response(event)
            case _:
                return event

    def _read_update(self, event: client.SessionUpdate | TranscriptionSessionUpdate) -> ClientEvent:
        name = str(event.__struct_config__.tag)
        if name != self._shape.update:
            raise self._shape.refuse_other(name)
        update = self._shape.read(event.session)
        self._asked.note("session", event.event_id, update.temperature)
        return client.SessionUpdate(session=update.session, event_id=event.event_id)

    def _read_item(self, event: ConversationItemCreate) -> ClientEvent:
        item: Any = _converted(read_item(event.item), ItemParam, "item")
        return client.ConversationItemCreate(
            item=item, previous_item_id=event.previous_item_id, event_id=event.event_id
        )

    def _read_response(self, event: ResponseCreate) -> ClientEvent:
        if event.response is None:
            self._asked.note("response", event.event_id, None)
            return client.ResponseCreate(event_id=event.event_id)
        options = nested(RESPONSE_OPTIONS, event.response, "response")
        temperature = options.pop("temperature", None)
        if isinstance(items := options.get("input"), list):
            options["input"] = [read_item(item) for item in items]
        response: ResponseOptions = _converted(options, ResponseOptions, "response")
        self._asked.note("response", event.event_id, temperature)
        return client.ResponseCreate(response=response, event_id=event.event_id)

    # --- to the client ------------------------------------------------------------------------------------------

    def encode(self, event: ServerEvent, ids: Ids) -> Sequence[bytes]:
        kind = self._names.get(type(event))
        if kind is None or (self._is_first_preview and type(event) in ADDED_LATER):
            return ()
        rewrite = _REWRITES.get(type(event))
        message = encode_as(kind, event if rewrite is None else rewrite(self, event), ids)
        if isinstance(event, server.SessionCreated) and self._shape.converses:
            self._conversation_id = ids.conversation()
            if not self._is_first_preview:
                return (message, self._announce_conversation(ids))
        return (message,)

    def _announce_conversation(self, ids: Ids) -> bytes:
        conversation = {"id": self._conversation_id, "object": "realtime.conversation"}
        return encode_as(b"conversation.created", _ConversationCreated(conversation), ids)

    def _show_created(self, event: Any) -> ServerEvent:
        return server.SessionCreated(self._shape.show(event.session, self._temperature))

    def _show_updated(self, event: Any) -> ServerEvent:
        if (asked := self._asked.answered("session")) is not None:
            self._temperature = asked
        return server.SessionUpdated(self._shape.show(event.session, self._temperature))

    def _show_response_created(self, event: Any) -> ServerEvent:
        asked = self._asked.answered("response")
        temperature = self._temperature if asked is None else asked
        self._temperatures[str(event.response.get("id"))] = temperature
        return server.ResponseCreated(self._show_response(event.response, temperature))

    def _show_response_done(self, event: Any) -> ServerEvent:
        temperature = self._temperatures.pop(str(event.response.get("id")), self._temperature)
        return server.ResponseDone(self._show_response(event.response, temperature))

    def _show_response(self, response: Wire, temperature: float) -> Wire:
        shown = {key: value for key, value in response.items() if key not in ("output_modalities", "audio")}
        output = response.get("output")
        shown["output"] = [show_item(item) for item in output] if isinstance(output, list) else []
        if response.get("conversation_id") is not None and self._conversation_id is not None:
            shown["conversation_id"] = self._conversation_id  # as announced
        if (usage := response.get("usage")) is not None:
            shown["usage"] = show_usage(usage)
        return {**shown, **flattened(RESPONSE, {**response, "temperature": temperature})}

    def _show_item(self, event: Any) -> ServerEvent:
        shown: ServerEvent = msgspec.structs.replace(event, item=show_item(event.item))
        return shown

    def _show_arguments_done(self, event: Any) -> ServerEvent:
        return _ArgumentsDone(event.response_id, event.item_id, event.output_index, event.call_id, event.arguments)

    def _show_error(self, event: Any) -> ServerEvent:
        if event.error.message in self._refusals:
            self._refusals.remove(event.error.message)
            return server.Error(event.error)
        self._asked.refused(event.error)
        return server.Error(beta_detail(event.error))


_REWRITES: dict[type[ServerEvent], Callable[[BetaDialect, Any], ServerEvent]] = {
    server.SessionCreated: BetaDialect._show_created,
    server.SessionUpdated: BetaDialect._show_updated,
    server.ConversationItemAdded: BetaDialect._show_item,
    server.ConversationItemRetrieved: BetaDialect._show_item,
    server.ResponseCreated: BetaDialect._show_response_created,
    server.ResponseDone: BetaDialect._show_response_done,
    server.OutputItemAdded: BetaDialect._show_item,
    server.OutputItemDone: BetaDialect._show_item,
    server.FunctionCallArgumentsDone: BetaDialect._show_arguments_done,
    server.Error: BetaDialect._show_error,
}


def _converted(value: Any, kind: Any, root: str) -> Any:
    try:
        return convert(value, kind, root)
    except ClientEventError as error:
        raise beta_refusal(error) from None
