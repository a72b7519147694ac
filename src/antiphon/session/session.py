"""A Realtime session as a pure state machine: events, audio and results come in, outputs and deadlines go out."""

from dataclasses import dataclass, field
from typing import Any

from antiphon.errors import ClientEventError
from antiphon.protocol import client_events as client
from antiphon.protocol.client_events import MAX_APPEND_BYTES, ClientEvent
from antiphon.protocol.codec import error_event
from antiphon.protocol.config import ServerVad, SessionConfig
from antiphon.protocol.ids import Ids
from antiphon.protocol.items import InputItem, InputText, ItemReference, Message
from antiphon.protocol.responses import ResponseOptions
from antiphon.protocol.server_events import (
    ConversationItemDeleted,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Error,
    ErrorDetail,
    SessionCreated,
    SessionUpdated,
    TranscriptionCompleted,
    TranscriptionUsage,
)
from antiphon.session.capabilities import Capabilities
from antiphon.session.client_items import entry_of
from antiphon.session.context import Knowledge, TranscriptionHint
from antiphon.session.conversation import Conversation, Entry
from antiphon.session.input_audio import InputAudioTurns
from antiphon.session.kit import Kit
from antiphon.session.limits import Limits
from antiphon.session.outbox import Output
from antiphon.session.requests import CloseSession, PrepareTranscription
from antiphon.session.response import Response, ResponsePlan, plan_response
from antiphon.session.responses import Responses
from antiphon.session.results import (
    DetectionFailed,
    Result,
    SpeechDetected,
    SpeechDone,
    SpeechFailed,
    SpokenAudio,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from antiphon.session.start import SessionStart
from antiphon.session.turn_detection import SpeechBegan, SpeechEnded


@dataclass(frozen=True)
class Equipment:
    """What a session is given beside the client's wishes.

    Args:
        knowledge: What the agent knows.
        capabilities: What the stages can do.
        limits: The session's bounds.
    """

    knowledge: Knowledge = field(default_factory=Knowledge)
    capabilities: Capabilities = field(default_factory=Capabilities)
    limits: Limits = field(default_factory=Limits)


class Session:
    """One client's session, whole.

    Whatever comes in is handled at once and in order; `outputs` then holds what is to be sent and asked of stages.

    Args:
        start: How the client connected.
        ids: Source of ids.
        now: Session clock in seconds; every later `now` is of the same clock and never decreases.
        created_at: Unix time at `now`; `expires_at` follows from it.
        equipment: What the session is given.
    """

    def __init__(
        self, start: SessionStart, ids: Ids, now: float, created_at: int, equipment: Equipment | None = None
    ) -> None:
        self._equipment = equipment or Equipment()
        limits = self._equipment.limits
        self._kit = Kit(ids, limits)
        # A call and its session share their letters, as in real traffic.
        self.id = f"sess_{start.call_id.removeprefix('rtc_')}" if start.call_id else ids.session()
        self._kind = start.kind
        self._model = start.model
        self._config = self._defaults = start.config
        self._expires = now + limits.session_seconds
        self._expires_at = created_at + int(limits.session_seconds)
        self._closed = False
        self._conversation = Conversation(self._kit)
        self._removed = 0  # items that had gone from the conversation when responses last heard of it
        self._turns = InputAudioTurns(self._kit, self._conversation, self._hint())
        self._responses = Responses(
            self._kit, self._conversation, self._turns.transcriptions, self._equipment.knowledge
        )
        self._conversation.on_removed = self._turns.transcriptions.forget
        self._spent: Response | None = None  # the response after which the idle timeout no longer runs
        self._apply(self._config)
        self._kit.outbox.emit(SessionCreated(self._wire()))
        self._kit.outbox.request(PrepareTranscription(self._hint()))

    # --- in -------------------------------------------------------------------------------------------------

    def receive_event(self, event: ClientEvent, now: float) -> None:
        """Handle a client event; a mistake becomes an `error` event and changes nothing."""
        if self._closed:
            return
        try:
            self._handle(event, now)
        except ClientEventError as error:
            self.refuse(error, event.event_id)
        if self._conversation.removed != self._removed:
            # An item that a response waited for may have gone, to make room or at the client's wish.
            self._removed = self._conversation.removed
            self._responses.handle_transcripts()

    def refuse(self, error: ClientEventError, event_id: str | None = None) -> None:
        """Tell the client of a mistake in the event with that id."""
        self._kit.outbox.emit(error_event(error, event_id))

    def receive_audio(self, pcm: bytes, now: float) -> None:
        """Add user audio that came as media.

        Args:
            pcm: PCM16 at 24000 Hz, a whole number of samples.
            now: Session clock in seconds.
        """
        if not self._closed:
            self._turns.append(pcm, now)

    def receive_result(self, result: Result, now: float) -> None:
        """Take what a stage produced; results of work that was cancelled are ignored."""
        if self._closed:
            return
        match result:
            case SpeechDetected():
                for turn in self._turns.receive_speech(result, now):
                    self._handle_turn(turn)
            case DetectionFailed():
                detail = ErrorDetail("server_error", result.code, f"Turn detection failed: {result.message}")
                self._kit.outbox.emit(Error(detail))
            case TranscriptPartial():
                self._turns.receive_partial(result)
            case TranscriptFinal():
                self._receive_transcript(result)
            case TranscriptFailed():
                self._receive_transcript_failure(result)
            case SpokenAudio() | SpeechDone() | SpeechFailed():
                self._responses.receive_speech(result, now)
            case _:
                self._responses.receive_generation(result, now)

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` must be called next, None once the session is over."""
        if self._closed:
            return None
        deadlines = (
            self._expires,
            self._idle_deadline(),
            self._responses.next_deadline(),
            self._turns.transcriptions.next_deadline(),
        )
        return min(deadline for deadline in deadlines if deadline is not None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`; calling it early does no harm."""
        if self._closed:
            return
        if now >= self._expires:
            self._expire()
            return
        idle = self._idle_deadline()
        if idle is not None and now >= idle:
            self._time_out()
        self._turns.transcriptions.handle_deadline(now)
        self._responses.handle_deadline(now)

    def close(self) -> None:
        """The client is gone: forget all; outputs that were not taken are dropped."""
        self._closed = True
        self._responses.close()
        self._kit.outbox.take()

    # --- out ------------------------------------------------------------------------------------------------

    def outputs(self) -> list[Output]:
        """Return the server events and requests since the last call, in order."""
        return self._kit.outbox.take()

    # --- client events --------------------------------------------------------------------------------------

    def _handle(self, event: ClientEvent, now: float) -> None:
        match event:
            case client.InputAudioBufferAppend():
                self._append(event, now)
            case client.InputAudioBufferCommit():
                self._turns.commit(now)
                self._spent = self._responses.last
            case client.InputAudioBufferClear():
                self._turns.clear()
            case client.SessionUpdate():
                self._update(event)
            case client.ConversationItemCreate():
                self._create_item(event)
            case client.ConversationItemRetrieve():
                self._kit.outbox.emit(ConversationItemRetrieved(self._conversation.retrieved(event.item_id)))
            case client.ConversationItemTruncate():
                self._truncate_item(event)
            case client.ConversationItemDelete():
                self._delete_item(event)
            case client.ResponseCreate():
                self._create_response(event)
            case client.ResponseCancel():
                self._responses.cancel(event.response_id)
            case client.OutputAudioBufferClear():
                self._refuse_output_clear()

    def _create_response(self, event: client.ResponseCreate) -> None:
        plan = self._plan(event.response)
        own = [entry for entry in plan.input or () if self._conversation.get(entry.id) is not entry]
        heard = [entry for entry in own if entry.awaits_transcript]
        self._turns.transcriptions.check_room(len(heard))
        self._responses.create(plan)
        for entry in heard:
            self._transcribe(entry)

    def _update(self, event: client.SessionUpdate) -> None:
        config = self._kind.updated(self._config, event.session, self._defaults)
        self._equipment.capabilities.check_config(config)
        self._check_voice(config, "session.audio.output.voice")
        before = self._hint()
        self._apply(config)
        self._kit.outbox.emit(SessionUpdated(self._wire()))
        if (hint := self._hint()) != before:
            self._kit.outbox.request(PrepareTranscription(hint))

    def _append(self, event: client.InputAudioBufferAppend, now: float) -> None:
        if len(event.audio) > MAX_APPEND_BYTES:
            message = f"Invalid 'audio': {len(event.audio)} bytes; send at most 15 MiB in one event."
            raise ClientEventError("invalid_value", message, "audio")
        self._turns.append(event.audio, now)

    def _refuse_output_clear(self) -> None:
        raise ClientEventError(
            "invalid_value",
            "output_audio_buffer.clear is for WebRTC and SIP; over WebSocket the client holds the audio: "
            "drop it there and send conversation.item.truncate.",
            "type",
        )

    def _create_item(self, event: client.ConversationItemCreate) -> None:
        entry = self._entry_of(event.item, "item")
        if entry.awaits_transcript:
            self._turns.transcriptions.check_room()
        self._conversation.add(entry, event.previous_item_id)
        self._transcribe(entry)

    def _truncate_item(self, event: client.ConversationItemTruncate) -> None:
        self._conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
        self._kit.outbox.emit(ConversationItemTruncated(event.item_id, event.content_index, event.audio_end_ms))

    def _delete_item(self, event: client.ConversationItemDelete) -> None:
        self._conversation.delete(event.item_id)
        self._kit.outbox.emit(ConversationItemDeleted(event.item_id))

    # --- results --------------------------------------------------------------------------------------------

    def _handle_turn(self, turn: SpeechBegan | SpeechEnded) -> None:
        vad = self._config.audio.input.turn_detection
        if isinstance(turn, SpeechBegan):
            self._spent = self._responses.last
            if vad is not None and vad.interrupt_response:
                self._responses.interrupt()
        elif vad is not None and vad.create_response:
            self._respond_to_turn()

    def _respond_to_turn(self) -> None:
        if self._kind.responds:
            self._responses.create_for_turn(ResponsePlan(self._config))

    def _receive_transcript(self, result: TranscriptFinal) -> None:
        shown = self._turns.transcriptions.receive_final(result)
        entry = self._entry(result.item_id)
        if shown is not None and entry is not None:
            entry.set_transcript(result.text, shown)
        self._responses.handle_transcripts()

    def _receive_transcript_failure(self, result: TranscriptFailed) -> None:
        known = self._turns.transcriptions.receive_failure(result)
        entry = self._entry(result.item_id)
        if known and entry is not None:
            entry.awaits_transcript = False
            entry.failure = result.message
        self._responses.handle_transcripts()

    def _entry(self, item_id: str) -> Entry | None:
        return self._conversation.get(item_id) or self._responses.input_entry(item_id)

    # --- time -----------------------------------------------------------------------------------------------

    def _idle_deadline(self) -> float | None:
        vad = self._config.audio.input.turn_detection
        if not isinstance(vad, ServerVad) or vad.idle_timeout_ms is None:
            return None
        last = self._responses.last
        if last is None or last is self._spent or not last.done or self._turns.speaking:
            return None
        return None if last.plays_until is None else last.plays_until + vad.idle_timeout_ms / 1000

    def _time_out(self) -> None:
        """Nobody spoke: say so to the model in the server's own words, as real servers do, and let it answer."""
        vad = self._config.audio.input.turn_detection
        assert isinstance(vad, ServerVad)
        assert vad.idle_timeout_ms is not None
        self._spent = self._responses.last
        self._turns.time_out(vad.idle_timeout_ms)
        text = (
            f"The user has said nothing for {vad.idle_timeout_ms / 1000:g} seconds. Ask whether they are still there."
        )
        self._conversation.add(Entry(Message("system", [InputText(text)], id=self._kit.ids.item())))
        item_id = self._turns.commit_silence()
        if vad.create_response:
            self._respond_to_turn()
        if self._shows_transcripts:
            self._kit.outbox.emit(TranscriptionCompleted(item_id, 0, "", TranscriptionUsage(0.0)))

    def _expire(self) -> None:
        minutes = self._equipment.limits.session_seconds / 60
        message = f"Your session hit the maximum duration of {minutes:g} minutes."
        self._kit.outbox.emit(Error(ErrorDetail("invalid_request_error", "session_expired", message)))
        self._kit.outbox.request(CloseSession(1001, message))
        self._closed = True
        self._responses.close()

    # --- inside ---------------------------------------------------------------------------------------------

    def _apply(self, config: SessionConfig) -> None:
        self._config = config
        audio = config.audio.input
        self._shows_transcripts = audio.transcription is not None or not self._kind.responds
        self._turns.hint = self._hint()
        self._turns.transcriptions.noise_reduction = audio.noise_reduction
        self._turns.configure(audio.format, audio.turn_detection, self._shows_transcripts)

    def _wire(self) -> dict[str, Any]:
        return self._kind.wire(self._config, self.id, self._model, self._expires_at)

    def _hint(self) -> TranscriptionHint:
        wanted = self._config.audio.input.transcription
        knowledge = self._equipment.knowledge
        if wanted is None:
            return TranscriptionHint(knowledge=knowledge)
        keywords = wanted.keywords if isinstance(wanted.keywords, list) else []
        prompt = "\n".join(filter(None, [wanted.prompt, *keywords]))
        return TranscriptionHint(wanted.language, prompt or None, knowledge)

    def _check_voice(self, config: SessionConfig, param: str) -> None:
        if self._responses.spoke and config.audio.output.voice != self._config.audio.output.voice:
            raise ClientEventError(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present; begin a new session for it.",
                param,
            )

    def _plan(self, options: ResponseOptions | None) -> ResponsePlan:
        if not self._kind.responds:
            message = "A transcription session makes no responses; connect with ?model= for a session that does."
            raise ClientEventError("invalid_value", message, "type")
        plan = plan_response(self._config, options)
        self._equipment.capabilities.check_model(plan.config, "response")
        if plan.in_conversation:
            self._check_voice(plan.config, "response.audio.output.voice")
        if options is None or options.input is None:
            return plan
        entries = tuple(self._input_entry(item, index) for index, item in enumerate(options.input))
        return ResponsePlan(plan.config, plan.metadata, plan.in_conversation, entries)

    def _input_entry(self, item: InputItem, index: int) -> Entry:
        path = f"response.input[{index}]"
        if not isinstance(item, ItemReference):
            return self._entry_of(item, path)
        entry = self._conversation.get(item.id)
        if entry is None:
            message = f"No item with id '{item.id[:64]}' is in the conversation."
            raise ClientEventError("invalid_value", message, f"{path}.id")
        return entry

    def _entry_of(self, item: Any, path: str) -> Entry:
        form = self._config.audio.input.format
        return entry_of(item, path, self._kit.ids, form, self._equipment.capabilities)

    def _transcribe(self, entry: Entry) -> None:
        if entry.awaits_transcript:
            in_conversation = self._conversation.get(entry.id) is entry
            shown = in_conversation and self._shows_transcripts
            self._turns.transcriptions.transcribe(entry.id, entry.audio, self._hint(), shown)
