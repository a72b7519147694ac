"""The conversation: its items in order, and what the session keeps of each beside the wire."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pybase64

from antiphon.errors import ClientEventError
from antiphon.protocol import items as wire_items
from antiphon.protocol.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    Item,
    Message,
    OutputAudio,
)
from antiphon.protocol.server_events import ConversationItemAdded, ConversationItemDone
from antiphon.session.heard import SpokenText
from antiphon.session.kit import Kit
from antiphon.session.limits import BYTES_PER_SECOND, samples_of, seconds_of


@dataclass
class Entry:
    """One item of the conversation.

    Args:
        item: As on the wire; replaced as it grows.
        audio: What was said in it, PCM16 at 24000 Hz; empty when there is none or it was let go.
        spoken: For spoken answers, text and audio in step.
        heard_samples: For spoken answers that were truncated, where; None while all counts as heard.
        transcript: What STT understood of user audio; None until it is known.
        awaits_transcript: Whether STT is still at work on it.
        failure: Why STT failed.
        left_out: Whether it no longer fits into what the model is told.
    """

    item: Item
    audio: bytes = b""
    spoken: SpokenText | None = None
    heard_samples: int | None = None
    transcript: str | None = None
    awaits_transcript: bool = False
    failure: str | None = None
    left_out: bool = False
    seconds: float = 0.0
    characters: int = field(init=False)  # of text and images when it was made

    def __post_init__(self) -> None:
        self.characters = _characters(self.item)

    @property
    def id(self) -> str:
        assert self.item.id is not None
        return self.item.id

    def wire(self) -> dict[str, Any]:
        """Return the item as events show it."""
        return wire_items.wire(self.item)

    def heard_text(self) -> str:
        """Return what the user heard of a spoken answer."""
        assert self.spoken is not None
        return self.spoken.text if self.heard_samples is None else self.spoken.heard(self.heard_samples)

    def set_transcript(self, text: str, shown: bool) -> None:
        """Note what STT understood; with `shown`, the client sees it in the item too."""
        self.transcript = text
        self.awaits_transcript = False
        if shown and isinstance(self.item, Message):
            parts = [
                msgspec.structs.replace(part, transcript=text) if isinstance(part, InputAudio) else part
                for part in self.item.content
            ]
            self.item = msgspec.structs.replace(self.item, content=parts)


def _tell_nobody(_item_id: str) -> None:
    pass


def _characters(item: Item) -> int:
    if isinstance(item, FunctionCall):
        return len(item.arguments)
    if isinstance(item, FunctionCallOutput):
        return len(item.output)
    return sum(len(part.image_url if isinstance(part, InputImage) else _text(part)) for part in item.content)


def _text(part: ContentPart) -> str:
    return getattr(part, "text", None) or getattr(part, "transcript", None) or ""


class Conversation:
    """The session's ordered items.

    Raises:
        ClientEventError: From the methods that take a client's ids, with the API's code.
    """

    def __init__(self, kit: Kit) -> None:
        self.id = kit.ids.conversation()
        self._limits = kit.limits
        self._outbox = kit.outbox
        self.on_removed: Callable[[str], None] = _tell_nobody  # gets the id of each item that goes
        self.removed = 0  # items that went, for whatever reason
        self._characters = 0
        self._entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def last_id(self) -> str | None:
        return self._entries[-1].id if self._entries else None

    def get(self, item_id: str) -> Entry | None:
        return self._by_id.get(item_id)

    def find(self, item_id: str, code: str) -> Entry:
        """Return the item, or refuse with `code`."""
        entry = self._by_id.get(item_id)
        if entry is None:
            raise ClientEventError(code, f"No item with id '{item_id[:64]}' is in the conversation.", "item_id")
        return entry

    def previous_id(self, item_id: str) -> str | None:
        """Return the id of the item before, None for the first and for one that is gone."""
        previous = None
        for entry in self._entries:
            if entry.id == item_id:
                return previous
            previous = entry.id
        return None

    def add(self, entry: Entry, previous_item_id: str | None = None) -> None:
        """Add an item that is complete, and tell the client: added, then done."""
        previous = self.insert_after(previous_item_id, entry)
        self._outbox.emit(ConversationItemAdded(previous, entry.wire()))
        self._outbox.emit(ConversationItemDone(previous, entry.wire()))

    def append(self, entry: Entry) -> str | None:
        """Add an item at the end and return the id of the one before it."""
        previous = self.last_id
        self._insert(len(self._entries), entry)
        return previous

    def insert_after(self, previous_item_id: str | None, entry: Entry) -> str | None:
        """Add an item behind another; None is the end and "root" the front. Returns the id before it."""
        if entry.id in self._by_id:
            raise ClientEventError(
                "item_create_duplicate_item_id", f"An item with id '{entry.id}' is in the conversation.", "item.id"
            )
        if previous_item_id is None:
            return self.append(entry)
        self._insert(self._position_after(previous_item_id), entry)
        return None if previous_item_id == "root" else previous_item_id

    def delete(self, item_id: str) -> None:
        entry = self.find(item_id, "item_delete_invalid_item_id")
        self._remove(entry)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut a spoken answer to what was heard of it; its transcript is removed from the item."""
        entry = self.find(item_id, "item_truncate_invalid_item_id")
        if entry.spoken is None or not isinstance(entry.item, Message):
            raise ClientEventError(
                "item_truncate_invalid_item_id", f"Item '{item_id}' is no assistant audio message.", "item_id"
            )
        if content_index != 0:
            raise ClientEventError("invalid_value", "A spoken message has one content part: send 0.", "content_index")
        samples = samples_of(audio_end_ms)
        # Clients round up: one millisecond more than there is still is the end.
        if samples > entry.spoken.samples + samples_of(1):
            length = entry.spoken.samples * 1000 // samples_of(1000)
            raise ClientEventError(
                "invalid_value", f"Audio content of {length}ms is already shorter than {audio_end_ms}ms", "audio_end_ms"
            )
        entry.heard_samples = samples
        entry.audio = entry.audio[: samples * 2]
        entry.item = msgspec.structs.replace(entry.item, content=[OutputAudio(transcript=None)])

    def retrieved(self, item_id: str) -> dict[str, Any]:
        """Return the item with its audio, base64 of PCM16 at 24000 Hz."""
        entry = self.find(item_id, "item_retrieve_invalid_item_id")
        wire = entry.wire()
        for part in wire.get("content", ()):
            if part["type"] in ("input_audio", "output_audio"):
                part["audio"] = pybase64.b64encode(entry.audio).decode("ascii")
        return wire

    def let_go_of_audio(self) -> None:
        """Drop the oldest audio beyond the limit; the items stay."""
        excess = sum(len(entry.audio) for entry in self._entries) - self._limits.kept_audio_seconds * BYTES_PER_SECOND
        for entry in self._entries:
            if excess <= 0:
                return
            excess -= len(entry.audio)
            entry.audio = b""

    def _insert(self, position: int, entry: Entry) -> None:
        self._entries.insert(position, entry)
        self._by_id[entry.id] = entry
        if entry.audio:
            entry.seconds = seconds_of(len(entry.audio))
            self.let_go_of_audio()
        self._characters += entry.characters
        while len(self._entries) > self._limits.items or self._has_too_much_text():
            self._remove(self._entries[0])

    def _has_too_much_text(self) -> bool:
        return self._characters > self._limits.characters and len(self._entries) > 1

    def _remove(self, entry: Entry) -> None:
        self._entries.remove(entry)
        del self._by_id[entry.id]
        self._characters -= entry.characters
        self.removed += 1
        self.on_removed(entry.id)

    def _position_after(self, item_id: str) -> int:
        if item_id == "root":
            return 0
        for position, entry in enumerate(self._entries):
            if entry.id == item_id:
                return position + 1
        raise ClientEventError(
            "invalid_value",
            f"No item with id '{item_id[:64]}' is in the conversation; name one that is, or send 'root' for the front.",
            "previous_item_id",
        )
