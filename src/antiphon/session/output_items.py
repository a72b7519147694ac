"""The items that a response writes, each with its row of events: opened, streamed, closed.

Items are opened at once and closed in the order of their indexes, as real servers do.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from antiphon.protocol.items import ContentPart, FunctionCall, Item, Message, OutputAudio, OutputText
from antiphon.protocol.server_events import (
    ContentPartAdded,
    ContentPartDone,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    OutputAudioDelta,
    OutputAudioDone,
    OutputAudioTranscriptDelta,
    OutputAudioTranscriptDone,
    OutputItemAdded,
    OutputItemDone,
    OutputTextDelta,
    OutputTextDone,
)
from antiphon.session.conversation import Conversation, Entry
from antiphon.session.formats import AudioEncoder
from antiphon.session.heard import SpokenText
from antiphon.session.kit import Kit
from antiphon.session.limits import BYTES_PER_SECOND, SAMPLE_BYTES
from antiphon.session.requests import CancelSpeech, Speak
from antiphon.session.results import SpokenAudio
from antiphon.session.sentences import SentenceCutter

Ending = Literal["completed", "incomplete"]


@dataclass(frozen=True)
class Place:
    """Where an output item stands: in which response, at which index, in which conversation if any."""

    kit: Kit
    response_id: str
    index: int
    conversation: Conversation | None

    def open(self, entry: Entry) -> None:
        """Tell the client of a new item."""
        outbox = self.kit.outbox
        outbox.emit(OutputItemAdded(self.response_id, self.index, entry.wire()))
        if self.conversation is not None:
            previous = self.conversation.append(entry)
            outbox.emit(ConversationItemAdded(previous, entry.wire()))

    def close(self, entry: Entry) -> None:
        """Tell the client that the item is done; LiveKit needs the conversation's event first."""
        outbox = self.kit.outbox
        if self.conversation is not None and self.conversation.get(entry.id) is not None:
            self.conversation.let_go_of_audio()
            outbox.emit(ConversationItemDone(self.conversation.previous_id(entry.id), entry.wire()))
        outbox.emit(OutputItemDone(self.response_id, self.index, entry.wire()))


class Output(Protocol):
    """One output item of a response, of any kind."""

    entry: Entry

    @property
    def complete(self) -> bool:
        """Whether all of it was made, so that it can be closed."""
        ...

    def finish(self) -> None:
        """The model is done with it."""
        ...

    def close(self, ending: Ending) -> None:
        """Emit its closing events."""
        ...


class _MessageOutput:
    """What text and spoken messages share."""

    def __init__(self, place: Place, item: Item, part: dict[str, Any]) -> None:
        assert item.id is not None
        self.entry = Entry(item)
        self._item_id: str = item.id
        self._place = place
        self._outbox = place.kit.outbox
        place.open(self.entry)
        self._outbox.emit(ContentPartAdded(place.response_id, self._item_id, place.index, 0, part))

    def _close_part(self, part: dict[str, Any], content: ContentPart, ending: Ending) -> None:
        place = self._place
        self._outbox.emit(ContentPartDone(place.response_id, self._item_id, place.index, 0, part))
        self.entry.item = msgspec.structs.replace(self.entry.item, content=[content], status=ending)
        place.close(self.entry)


class TextMessage(_MessageOutput):
    """An answer in text."""

    def __init__(self, place: Place) -> None:
        item = Message("assistant", [], id=place.kit.ids.item(), status="in_progress")
        super().__init__(place, item, {"type": "text", "text": ""})
        self.complete = False
        self.text = ""

    def add_text(self, text: str) -> None:
        self.text += text
        place = self._place
        self._outbox.emit(OutputTextDelta(place.response_id, self._item_id, place.index, 0, text))

    def finish(self) -> None:
        self.complete = True

    def close(self, ending: Ending) -> None:
        place = self._place
        self._outbox.emit(OutputTextDone(place.response_id, self._item_id, place.index, 0, self.text))
        self._close_part({"type": "text", "text": self.text}, OutputText(self.text), ending)


class CallOutput:
    """A function call with its streamed arguments."""

    def __init__(self, place: Place, name: str, call_id: str) -> None:
        self.complete = False
        self._place = place
        self._outbox = place.kit.outbox
        self._name = name
        self._call_id = call_id
        self._arguments = ""
        self._item_id = place.kit.ids.item()
        self.entry = Entry(self._item("in_progress"))
        place.open(self.entry)

    def add_arguments(self, text: str) -> None:
        self._arguments += text
        place = self._place
        self._outbox.emit(
            FunctionCallArgumentsDelta(place.response_id, self._item_id, place.index, self._call_id, text)
        )

    def finish(self) -> None:
        self.complete = True

    def close(self, ending: Ending) -> None:
        # A call without arguments still is JSON for whoever parses it.
        if ending == "completed":
            self._arguments = self._arguments or "{}"
        place = self._place
        self._outbox.emit(
            FunctionCallArgumentsDone(
                place.response_id, self._item_id, place.index, self._call_id, self._name, self._arguments
            )
        )
        self.entry.item = self._item(ending)
        place.close(self.entry)

    def _item(self, status: Literal["in_progress", "completed", "incomplete"]) -> FunctionCall:
        return FunctionCall(self._name, self._arguments, self._call_id, self._item_id, status)


@dataclass(frozen=True)
class Voice:
    """How a response is spoken."""

    name: str
    speed: float
    encoder: AudioEncoder


@dataclass
class _Piece:
    """A piece of text on its way through TTS."""

    speech_id: str
    text: str
    lead: int  # white space in front, which TTS does not get
    text_offset: int  # where the piece begins in the item's text
    sample_offset: int  # where its audio begins in the item's audio
    sent: int = 0  # characters of it that the client has
    marked: bool = False

    def announced(self, result: SpokenAudio) -> int:
        """Return how much of the text has begun with `result`; all of it where TTS marks no words."""
        if result.words:
            return self.lead + result.words[-1].end
        return self.sent if self.marked else len(self.text)


class SpokenMessage(_MessageOutput):
    """An answer in speech: text is cut into pieces, spoken one after the other, and sent with its transcript.

    A piece is requested only when the audio sent so far runs ahead of its playback by less than the limit, so that an
    interruption finds little to throw away.
    """

    def __init__(self, place: Place, voice: Voice) -> None:
        item = Message("assistant", [], id=place.kit.ids.item(), status="in_progress")
        super().__init__(place, item, {"type": "audio", "transcript": ""})
        self.spoken = SpokenText()
        self.entry.spoken = self.spoken
        self._voice = voice
        self._cutter = SentenceCutter()
        self._waiting: list[str] = []
        self._piece: _Piece | None = None
        self._finished = False
        self._audio = bytearray()
        self._started_at: float | None = None

    @property
    def complete(self) -> bool:
        return self._finished and self._piece is None and not self._waiting

    @property
    def plays_until(self) -> float | None:
        """When a client that plays at once will have played what was sent; None before the first audio."""
        return None if self._started_at is None else self._started_at + len(self._audio) / BYTES_PER_SECOND

    def add_text(self, text: str, now: float) -> None:
        self._waiting += self._cutter.add(text)
        self.speak(now)

    def finish(self) -> None:
        self._waiting += self._cutter.flush()
        self._finished = True

    def speak(self, now: float) -> None:
        """Request the next piece if it is time."""
        while self._piece is None and self._waiting and self._due(now):
            text = self._waiting.pop(0)
            words = text.strip()
            if not words:
                self._send_transcript(text)
                continue
            lead = len(text) - len(text.lstrip())
            speech_id = self._place.kit.ids.letters(12)
            self._piece = _Piece(speech_id, text, lead, len(self.spoken.text), self.spoken.samples)
            self._outbox.request(Speak(speech_id, words, self._voice.name, self._voice.speed))

    def owns(self, speech_id: str) -> bool:
        return self._piece is not None and self._piece.speech_id == speech_id

    def receive_audio(self, result: SpokenAudio, now: float) -> None:
        """Send a piece's audio, and before it the words that begin in it."""
        piece = self._piece
        assert piece is not None
        if self._started_at is None:
            self._started_at = now
        self._note_words(piece, result)
        self.spoken.add_audio(len(result.pcm) // SAMPLE_BYTES)
        self._audio += result.pcm
        self._send_audio(self._voice.encoder.encode(result.pcm))

    def end_piece(self, now: float) -> None:
        """The piece was spoken to its end."""
        piece, self._piece = self._piece, None
        assert piece is not None
        self._send_transcript(piece.text[piece.sent :])
        self.speak(now)

    def cancel(self) -> None:
        """Stop speaking; what was not spoken is dropped."""
        if self._piece is not None:
            self._outbox.request(CancelSpeech(self._piece.speech_id))
        self._piece = None
        self._waiting.clear()
        self._finished = True

    def close(self, ending: Ending) -> None:
        self._send_audio(self._voice.encoder.flush())
        self.entry.audio = bytes(self._audio[: self._kept_bytes()])
        place, text = self._place, self.spoken.text
        self._outbox.emit(OutputAudioDone(place.response_id, self._item_id, place.index, 0))
        self._outbox.emit(OutputAudioTranscriptDone(place.response_id, self._item_id, place.index, 0, text))
        # A client may have truncated the item while it was spoken: its transcript stays removed.
        shown = text if self.entry.heard_samples is None else None
        self._close_part({"type": "audio", "transcript": text}, OutputAudio(shown), ending)

    def next_deadline(self) -> float | None:
        """Return when the next piece is due, None if none waits for its time."""
        if self._piece is not None or not self._waiting or self.plays_until is None:
            return None
        return self.plays_until - self._place.kit.limits.speak_ahead_seconds

    def _kept_bytes(self) -> int:
        heard = self.entry.heard_samples
        return len(self._audio) if heard is None else heard * SAMPLE_BYTES

    def _due(self, now: float) -> bool:
        return self.plays_until is None or now >= self.plays_until - self._place.kit.limits.speak_ahead_seconds

    def _note_words(self, piece: _Piece, result: SpokenAudio) -> None:
        for word in result.words:
            self.spoken.mark(word, piece.text_offset + piece.lead, piece.sample_offset)
        piece.marked = piece.marked or bool(result.words)
        upto = piece.announced(result)
        if upto > piece.sent:
            self._send_transcript(piece.text[piece.sent : upto])
            piece.sent = upto

    def _send_transcript(self, text: str) -> None:
        if text:
            self.spoken.add_text(text)
            place = self._place
            self._outbox.emit(OutputAudioTranscriptDelta(place.response_id, self._item_id, place.index, 0, text))

    def _send_audio(self, audio: bytes) -> None:
        if audio:
            place = self._place
            self._outbox.emit(OutputAudioDelta(place.response_id, self._item_id, place.index, 0, audio))
