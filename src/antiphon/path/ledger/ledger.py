"""What the gateway knows of one conversation, so that another leg can take it over.

It is told of events as the client sees and sends them, whichever leg they go to. What comes often costs little: audio
is not decoded, deltas are not parsed.
"""

from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec

from antiphon.path.ledger.configuration import Configuration
from antiphon.path.ledger.conversation import SUMMARY_SHARE, Conversation
from antiphon.path.ledger.entries import TEXT_BYTES_PER_TOKEN, Entry
from antiphon.path.ledger.event_fields import Event, dict_of, integer_of, text_of
from antiphon.path.ledger.input_audio import InputAudio
from antiphon.path.ledger.limits import PARTS, LedgerLimits
from antiphon.path.ledger.open_response import OpenResponse
from antiphon.path.ledger.open_responses import OpenResponses
from antiphon.path.ledger.restoration import (
    LONGEST_ID,
    SUMMARY_ITEM_ID,
    Restored,
    creation,
    known_calls,
    restored,
    summary_creation,
)
from antiphon.path.ledger.spoken import Spoken
from antiphon.path.ledger.usage import UsageTotals


class Ledger:
    """One conversation.

    Args:
        asked: The GA session that the client asked for before its first `session.update`.
        limits: How much is kept.
        transcribes_only: Whether this is a transcription session, in which no turn is answered.
    """

    def __init__(self, asked: Mapping[str, Any] | None, limits: LedgerLimits, transcribes_only: bool = False) -> None:
        self.awaits_response = False
        """Whether a turn was committed by the server, which will answer it, and its response has not been created."""
        self.usage = UsageTotals()
        self.unnamed: list[str] = []
        """Ids of items that the last restoration made without their id, since it is longer than servers take."""
        self._limits = limits
        self._transcribes_only = transcribes_only
        self._configuration = Configuration(asked, transcribes_only)
        self._input = InputAudio(limits.preroll_seconds)
        self._conversation = Conversation(limits)
        self._entries = self._conversation.entries
        self._responses = OpenResponses(limits.pending_bytes)
        self._configure()

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._entries

    @property
    def responses(self) -> dict[str, OpenResponse]:
        """The responses that were created and are not done, by id."""
        return self._responses.running

    def items(self) -> tuple[Entry, ...]:
        """Return the items in order."""
        return tuple(self._entries)

    def entry(self, item_id: str) -> Entry | None:
        return self._entries.get(item_id)

    # --- configuration --------------------------------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """What the client asked for so far: a partial GA session with its `type`, to be sent to a fresh leg."""
        return self._configuration.asked

    @property
    def instructions(self) -> str | None:
        """As the client asked for them."""
        value = self.config.get("instructions")
        return value if isinstance(value, str) else None

    @property
    def model(self) -> str | None:
        """As the server showed it last."""
        return self._configuration.model

    @property
    def transcription(self) -> Mapping[str, Any] | None:
        """How user audio is transcribed; None when it is not."""
        return self._configuration.transcription

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """How the server detects turns; None when it does not."""
        return self._configuration.turn_detection

    @property
    def creates_response(self) -> bool:
        """Whether the server answers the turns that it detects."""
        detection = self._configuration.turn_detection
        return not self._transcribes_only and detection is not None and detection.get("create_response") is not False

    @property
    def audio_bytes_per_second(self) -> int:
        """Of input audio."""
        return self._configuration.input_form.bytes_per_second

    @property
    def output_bytes_per_second(self) -> int:
        return self._configuration.output_form.bytes_per_second

    def merge_config(self, update: Mapping[str, Any]) -> None:
        """A `session.update` was acknowledged; `update` is its `session`."""
        self._configuration.merge(update)
        self._configure()

    def session_shown(self, session: Mapping[str, Any]) -> None:
        """Take a session as a server showed it, for what the client never set."""
        self._configuration.show(session)
        self._configure()

    # --- what comes often -----------------------------------------------------------------------------------

    def note_append(self, message: bytes, audio_bytes: int) -> None:
        """Keep a raw `input_audio_buffer.append`; `audio_bytes` is the size of its audio when decoded."""
        self._input.append(message, audio_bytes)
        if self._input.size + self._entries.audio_size > self._limits.kept_audio_bytes:
            self._bound_audio()

    def note_audio_delta(self, item_id: str, audio_bytes: int) -> None:
        """Count audio of the assistant that was sent to the client."""
        self._responses.add_audio(item_id, audio_bytes)

    def note_delta(self, response_id: str, message: bytes) -> None:
        """Keep a raw delta of text, of a transcript or of arguments."""
        self._responses.add_delta(response_id, message)

    # --- events ---------------------------------------------------------------------------------------------

    def note_client(self, kind: str, event: Event) -> None:
        """Take an event that was sent to the leg."""
        if kind == "conversation.item.create":
            self._conversation.create_sent(event)
        elif kind == "input_audio_buffer.commit":
            self._input.commit_sent(text_of(event, "event_id"))
        elif kind == "input_audio_buffer.clear":
            self._input.clear_sent(text_of(event, "event_id"))

    def note_server(self, kind: str, event: Event) -> None:
        """Take an event, of a type in `PARSED`, that is sent to the client; what is malformed in it is passed over."""
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, event)

    def drop_pending(self, item_id: str) -> None:
        """The item's `conversation.item.create` was refused."""
        self._conversation.drop_pending(item_id)

    # --- for another leg ------------------------------------------------------------------------------------

    def restoration(self) -> list[dict[str, Any]]:
        """Return the `conversation.item.create` events, without ids, that rebuild the conversation on a fresh leg.

        What is beyond the budget is condensed for good. Items that a running response still writes are left out: end
        them first.
        """
        return [item.event for item in self.restored_items()]

    def restored_items(self) -> list[Restored]:
        """Return what `restoration` does, each with the id that the client knows."""
        self._conversation.condense(self._budget())
        calls, form = known_calls(self._entries), self._configuration.input_form
        told = [Restored(None, summary_creation(self._conversation.summary))] if self._conversation.summary else []
        for entry in self._entries:
            item = restored(entry, calls, form)
            if item is not None:
                told.append(Restored(entry.id, creation(item)))
        self.unnamed = [one.item_id for one in told if one.item_id is not None and "id" not in one.event["item"]]
        return told

    def restored_item(self, item_id: str, leaving: Container[str] = ()) -> dict[str, Any] | None:
        """Return the event that makes one item anew where it stood; None if there is none for it.

        Args:
            item_id: The item.
            leaving: Items whose deletion is under way: they are no places any more.
        """
        entry = self._entries.get(item_id)
        calls, form = known_calls(self._entries), self._configuration.input_form
        item = None if entry is None else restored(entry, calls, form)
        if item is None:
            return None
        return {**creation(item), "previous_item_id": self.told_before(item_id, leaving)}

    def told_before(self, item_id: str, leaving: Container[str] = ()) -> str:
        """Return the `previous_item_id` for a place behind the nearest item before this one that fresh legs know."""
        calls, form = known_calls(self._entries), self._configuration.input_form
        before = (one for one in self._entries.before(item_id) if len(one.id) <= LONGEST_ID and one.id not in leaving)
        named = (one.id for one in before if restored(one, calls, form) is not None)
        return next(named, SUMMARY_ITEM_ID if self._conversation.summary else "root")

    def placed(self, event: dict[str, Any], item_id: str) -> dict[str, Any]:
        """Return an event about a new item with the place that the client is to see.

        What a leg calls the first item is not the first of a conversation of which it could not be told all.
        """
        if event.get("previous_item_id", "") not in (None, SUMMARY_ITEM_ID):
            return event
        return {**event, "previous_item_id": self._conversation.place_of(event, item_id)}

    def shown_item(self, item_id: str) -> dict[str, Any] | None:
        """Return an item as events show it, without audio; None if there is none of that id."""
        entry = self._entries.get(item_id)
        if entry is None:
            return None
        return {**entry.item, **({"content": [_shown(part) for part in entry.content]} if entry.content else {})}

    def owed_events(self) -> list[dict[str, Any]]:
        """Return the `conversation.item.added` and `.done` that the client lacks for items which the lost leg made.

        A leg may be lost between `committed` and these, and a fresh leg that is told of the item does not send them to
        the client's ear.
        """
        events: list[dict[str, Any]] = []
        previous = None
        for entry in self._entries:
            if not entry.is_done and self._responses.item(entry.id) is None:
                fields = {"previous_item_id": previous, "item": self.shown_item(entry.id)}
                if not entry.is_added:
                    events.append({"type": "conversation.item.added", **fields})
                events.append({"type": "conversation.item.done", **fields})
            previous = entry.id
        return events

    def pending_appends(self) -> list[bytes]:
        """Return the uncommitted input audio as messages to send again.

        All of the turn while the user speaks or the client commits its turns; else the preroll.
        """
        return [chunk.message for chunk in self._input.pending()]

    def pending_input(self) -> list[bytes]:
        """Return `pending_appends` with the client's unanswered commits in their places."""
        return self._input.pending_input()

    @property
    def pending_audio_bytes(self) -> int:
        """Bytes of audio, decoded, in `pending_appends`."""
        return sum(chunk.audio_bytes for chunk in self._input.pending())

    @property
    def speech_item_id(self) -> str | None:
        """The item of a turn that is being spoken, or that is not committed yet."""
        turn = self._input.turn
        return None if turn is None or turn.silent else turn.item_id

    @property
    def speech_has_stopped(self) -> bool:
        """Whether that turn's `speech_stopped` came."""
        turn = self._input.turn
        return turn is not None and turn.end_ms is not None

    # --- what the user heard --------------------------------------------------------------------------------

    def can_truncate(self, item_id: str, content_index: object, audio_end_ms: object) -> bool:
        """Whether `truncate` would take these from a client: a part of what the assistant said, and a time in it."""
        entry = self._entries.get(item_id)
        return (
            entry is not None
            and entry.role == "assistant"
            and type(content_index) is int
            and type(audio_end_ms) is int
            and 0 <= content_index < max(len(entry.content), 1)
            and audio_end_ms >= 0
        )

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> str | None:
        """Cut an item of the assistant to what was heard of it, and return that text.

        The cut is found by proportion of the audio, at the end of a word. Where the length of the audio is not known
        nothing counts as heard. None when there is no such part.
        """
        entry = self._entries.get(item_id)
        if entry is None or entry.role != "assistant" or not 0 <= content_index < PARTS:
            return None
        spoken = entry.spoken.setdefault(content_index, Spoken(self.output_bytes_per_second))
        spoken.truncate(audio_end_ms)
        parts = entry.content
        if content_index < len(parts) and "transcript" in parts[content_index]:
            if spoken.text is None:
                spoken.text = entry.content[content_index]["transcript"]
            # As servers do: the transcript told more than was heard.
            parts[content_index] = {**parts[content_index], "transcript": None}
            entry.item = {**entry.item, "content": parts}
        self._entries.weigh(entry)
        return spoken.heard

    # --- sessions and input audio ---------------------------------------------------------------------------

    def _on_session(self, event: Event) -> None:
        self.session_shown(dict_of(event, "session"))

    def _on_speech_started(self, event: Event) -> None:
        self._input.speech_started(text_of(event, "item_id"), integer_of(event, "audio_start_ms"))
        detection = self.turn_detection
        if detection is not None and detection.get("interrupt_response") is not False:
            self.awaits_response = False  # one response will answer both turns

    def _on_speech_stopped(self, event: Event) -> None:
        self._input.speech_stopped(text_of(event, "item_id"), integer_of(event, "audio_end_ms"))

    def _on_timeout(self, event: Event) -> None:
        start, end = integer_of(event, "audio_start_ms"), integer_of(event, "audio_end_ms")
        self._input.timed_out(text_of(event, "item_id"), start, end)

    def _on_committed(self, event: Event) -> None:
        commit = self._input.committed(text_of(event, "item_id"))
        if commit.detected and self.creates_response:
            self.awaits_response = True
        self._conversation.committed(event, commit.audio)
        self._conversation.bound()
        self._bound_audio()

    def _on_cleared(self, event: Event) -> None:  # noqa: ARG002 - all handlers are called alike
        self._input.cleared()

    def _on_error(self, event: Event) -> None:
        error = dict_of(event, "error")
        event_id = text_of(error, "event_id")
        self._input.refused(event_id, empty=error.get("code") == "input_audio_buffer_commit_empty")
        if event_id:
            self._conversation.refused(event_id)

    # --- items ----------------------------------------------------------------------------------------------

    def _on_item_added(self, event: Event) -> None:
        entry = self._conversation.added(event, self._configuration.input_form)
        if entry is not None:
            self._responses.joined(event, entry)
        self._conversation.bound()
        self._bound_audio()

    def _on_item_done(self, event: Event) -> None:
        self._responses.settled(event)
        self._conversation.done(event, self._configuration.input_form)
        self._conversation.bound()
        self._bound_audio()

    def _on_item_deleted(self, event: Event) -> None:
        item_id = text_of(event, "item_id")
        self._conversation.deleted(item_id)
        self._responses.deleted(item_id)

    def _on_item_truncated(self, event: Event) -> None:
        index, end_ms = integer_of(event, "content_index"), integer_of(event, "audio_end_ms")
        self.truncate(text_of(event, "item_id"), index, end_ms)

    def _on_item_retrieved(self, event: Event) -> None:
        self._conversation.retrieved(event)

    def _on_transcript(self, event: Event) -> None:
        self.usage.add_transcription(event.get("usage"))
        self._conversation.transcribed(event)

    def _on_transcript_failed(self, event: Event) -> None:
        # The audio stays: another leg's model can still hear it.
        self.usage.add_transcription(event.get("usage"))

    # --- responses ------------------------------------------------------------------------------------------

    def _on_response_created(self, event: Event) -> None:
        response = self._responses.created(event)
        if response is not None and response.in_conversation:
            self.awaits_response = False

    def _on_response_done(self, event: Event) -> None:
        response = dict_of(event, "response")
        if self._responses.close(text_of(response, "id")) is not None:
            self.usage.add_response(response.get("usage"))
        self._conversation.bound()

    def _on_output_item_added(self, event: Event) -> None:
        opened = self._responses.item_added(event)
        if opened is not None and opened.id in self._entries:
            opened.in_conversation = True  # some servers show the conversation's item first

    def _on_output_item_done(self, event: Event) -> None:
        opened = self._responses.item_done(event)
        entry = None if opened is None else self._entries.get(opened.id)
        if opened is not None and entry is not None and not entry.is_done:
            # The dialect before GA tells it with this event alone.
            entry.is_done = True
            self._conversation.update(entry, opened.item)

    def _on_part_added(self, event: Event) -> None:
        entry = self._entries.get(text_of(event, "item_id"))
        self._responses.part_added(event, entry, self.output_bytes_per_second)

    def _on_part_done(self, event: Event) -> None:
        self._responses.part_done(event)

    def _on_audio_done(self, event: Event) -> None:
        self._responses.audio_done(event)

    def _on_text_done(self, event: Event) -> None:
        self._responses.text_done(event)

    def _on_arguments_done(self, event: Event) -> None:
        self._responses.arguments_done(event)

    # --- bounds ---------------------------------------------------------------------------------------------

    def _configure(self) -> None:
        self._input.configure(self._configuration.input_form, manual=self.turn_detection is None)

    def _budget(self) -> int:
        limit = self._configuration.token_limit
        total = self._limits.context_tokens if limit is None else min(limit, self._limits.context_tokens)
        # Instructions and tools stand in the same window.
        taken = len(msgspec.json.encode(self.config)) // TEXT_BYTES_PER_TOKEN + total // SUMMARY_SHARE
        return max(total - taken, total // 4)

    def _bound_audio(self) -> None:
        """Let go of the oldest audio: that of items first, then of the turn."""
        excess = self._input.size + self._entries.audio_size - self._limits.kept_audio_bytes
        if excess > 0:
            excess = self._conversation.drop_audio(excess)
            self._input.drop_oldest(excess)


_HANDLERS: dict[str, Callable[[Ledger, Event], None]] = {
    "session.created": Ledger._on_session,
    "session.updated": Ledger._on_session,
    "error": Ledger._on_error,
    "input_audio_buffer.speech_started": Ledger._on_speech_started,
    "input_audio_buffer.speech_stopped": Ledger._on_speech_stopped,
    "input_audio_buffer.timeout_triggered": Ledger._on_timeout,
    "input_audio_buffer.committed": Ledger._on_committed,
    "input_audio_buffer.cleared": Ledger._on_cleared,
    "conversation.item.added": Ledger._on_item_added,
    "conversation.item.created": Ledger._on_item_added,
    "conversation.item.done": Ledger._on_item_done,
    "conversation.item.deleted": Ledger._on_item_deleted,
    "conversation.item.truncated": Ledger._on_item_truncated,
    "conversation.item.retrieved": Ledger._on_item_retrieved,
    "conversation.item.input_audio_transcription.completed": Ledger._on_transcript,
    "conversation.item.input_audio_transcription.failed": Ledger._on_transcript_failed,
    "response.created": Ledger._on_response_created,
    "response.done": Ledger._on_response_done,
    "response.output_item.added": Ledger._on_output_item_added,
    "response.output_item.done": Ledger._on_output_item_done,
    "response.content_part.added": Ledger._on_part_added,
    "response.content_part.done": Ledger._on_part_done,
    "response.output_text.done": Ledger._on_text_done,
    "response.output_audio.done": Ledger._on_audio_done,
    "response.output_audio_transcript.done": Ledger._on_text_done,
    "response.function_call_arguments.done": Ledger._on_arguments_done,
}

PARSED: frozenset[str] = frozenset(_HANDLERS)
"""Types of the server events that the ledger wants parsed."""

DELTAS: frozenset[str] = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
    }
)
"""Types of the server events that it wants raw, by `note_delta`."""


def _shown(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "audio"}
