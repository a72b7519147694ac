"""The items of the conversation in order, with what is kept of each beside what events show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.path.ledger.configuration import AudioForm
from antiphon.path.ledger.input_audio import KeptAudio, given_audio
from antiphon.path.ledger.spoken import Spoken

# Estimates: an item's frame, an image, a second of audio, bytes of text a token.
ITEM_TOKENS = 8
IMAGE_TOKENS = 1000
AUDIO_TOKENS_PER_SECOND = 10
TEXT_BYTES_PER_TOKEN = 4


@dataclass
class Entry:
    """One item.

    Args:
        item: As events show it, but a client's images are in it; audio is not.
        audio: User audio without a transcript, by content index.
        spoken: Assistant's speech, by content index.
        is_given: Whether the client brought it: then what it brought is more than what the acknowledgement shows.
        is_added: Whether the client was told of it; a committed turn is there before.
        is_done: Whether `conversation.item.done` came, so that nothing more is added to it.
        tokens: What it costs a model to read, estimated.
        audio_size: Bytes of memory of `audio`.
        image_size: Bytes of memory of its images.
    """

    item: dict[str, Any]
    audio: dict[int, KeptAudio] = field(default_factory=dict)
    spoken: dict[int, Spoken] = field(default_factory=dict)
    is_given: bool = False
    is_added: bool = True
    is_done: bool = False
    tokens: int = 0
    audio_size: int = 0
    image_size: int = 0

    @property
    def id(self) -> str:
        return str(self.item["id"])

    @property
    def kind(self) -> str:
        return str(self.item.get("type"))

    @property
    def role(self) -> str:
        return str(self.item.get("role"))

    @property
    def call_id(self) -> str:
        return str(self.item.get("call_id"))

    @property
    def in_progress(self) -> bool:
        return self.item.get("status") == "in_progress"

    @property
    def is_whole_call(self) -> bool:
        """Whether it is a function call with all of its arguments."""
        return self.kind == "function_call" and self.item.get("status", "completed") == "completed"

    @property
    def content(self) -> list[dict[str, Any]]:
        """Its content parts."""
        return content_of(self.item)

    def text_of(self, index: int) -> str:
        """Return what one part says; of the assistant's speech what was heard, "" of what has no text."""
        part, spoken = self.content[index], self.spoken.get(index)
        if spoken is not None and (spoken.text is not None or spoken.heard_ms is not None):
            return spoken.heard
        text = part.get("text") or part.get("transcript")
        return text if isinstance(text, str) else ""

    def transcribe(self, index: int, transcript: str) -> None:
        """Note what was understood of user audio; the audio is let go."""
        parts = self.content
        if 0 <= index < len(parts) and parts[index].get("type") == "input_audio":
            parts[index] = {**parts[index], "transcript": transcript}
            self.item = {**self.item, "content": parts}
            self.audio.pop(index, None)

    def update(self, item: Mapping[str, Any]) -> None:
        """Take the item as an event shows it now."""
        if self.is_given:
            self.item = {**self.item, **{key: item[key] for key in ("status", "call_id") if key in item}}
            return
        before = self.content
        self.item = {**item}
        if "content" in item:
            self.item["content"] = [without_audio(part) for part in content_of(item)]
        self._keep_what_is_known(before)

    def forget_images(self, placeholder: str) -> None:
        """Let go of the images; words stand in their place."""
        parts = [
            {"type": "input_text", "text": placeholder} if part.get("type") == "input_image" else part
            for part in self.content
        ]
        self.item = {**self.item, "content": parts}

    def weigh(self) -> None:
        """Estimate its tokens and measure its memory anew."""
        self.audio_size = sum(audio.size for audio in self.audio.values())
        self.image_size = sum(len(str(part.get("image_url", ""))) for part in self.content)
        seconds = sum(audio.seconds for audio in self.audio.values())
        images = sum(IMAGE_TOKENS for part in self.content if part.get("type") == "input_image")
        text = self._text_bytes() // TEXT_BYTES_PER_TOKEN
        self.tokens = ITEM_TOKENS + text + images + int(seconds * AUDIO_TOKENS_PER_SECOND)

    def _text_bytes(self) -> int:
        fields = [self.item.get(key) for key in ("name", "arguments", "output")]
        texts = [text for text in fields if isinstance(text, str)]
        texts += [self.text_of(index) for index in range(len(self.content))]
        return sum(len(text.encode(errors="replace")) for text in texts)

    def _keep_what_is_known(self, before: list[dict[str, Any]]) -> None:
        # An item's last event may say less than what was told of it before: transcripts that came early stay.
        parts = self.content
        for index, part in enumerate(parts):
            if part.get("type") == "input_audio" and part.get("transcript") is None and index < len(before):
                parts[index] = {**part, "transcript": before[index].get("transcript")}
            elif part.get("type") == "input_audio" and part.get("transcript") is not None:
                self.audio.pop(index, None)
            elif part.get("type") == "output_audio" and isinstance(part.get("transcript"), str):
                # Bytes a second do not matter without audio.
                spoken = self.spoken.setdefault(index, Spoken(1))
                # A server may have cut the transcript of an item that was truncated: then it would be cut twice.
                if spoken.heard_ms is None or spoken.text is None:
                    spoken.text = part["transcript"]
        if parts:
            self.item["content"] = parts


def content_of(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the content parts of an item; none for what has no such list."""
    content = item.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def without_audio(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "audio"}


def given_entry(item: Mapping[str, Any], form: AudioForm) -> Entry:
    """Return the entry of an item that a client brought, its audio in the input format."""
    entry = Entry(dict(item), is_given=True)
    if isinstance(item.get("content"), list):
        entry.item["content"] = [without_audio(part) for part in content_of(item)]
    for index, part in enumerate(content_of(item)):
        audio = part.get("audio")
        if part.get("type") == "input_audio" and part.get("transcript") is None and isinstance(audio, str):
            entry.audio[index] = given_audio(audio, form)
    return entry


class Entries:
    """All items in order, and what they weigh together."""

    def __init__(self) -> None:
        self.tokens = 0
        self.audio_size = 0
        self.image_size = 0
        self._order: list[Entry] = []
        self._by_id: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._by_id

    def get(self, item_id: str) -> Entry | None:
        return self._by_id.get(item_id)

    def position_of(self, item_id: str) -> int:
        """Return where an item stands; most that is asked for is near the end."""
        return next(place for place in range(len(self._order) - 1, -1, -1) if self._order[place].id == item_id)

    def before(self, item_id: str) -> list[Entry]:
        """Return the items before this one, the nearest first."""
        return self._order[: self.position_of(item_id)][::-1]

    def insert(self, position: int, entry: Entry) -> None:
        self._order.insert(position, entry)
        self._by_id[entry.id] = entry
        self.weigh(entry)

    def move(self, entry: Entry, position: int) -> None:
        """Put an item that is there elsewhere; `position` counts as if it were not there."""
        del self._order[self.position_of(entry.id)]
        self._order.insert(position, entry)

    def remove(self, item_id: str) -> Entry | None:
        entry = self._by_id.pop(item_id, None)
        if entry is not None:
            del self._order[self.position_of(item_id)]
            self._count(entry, -1)
        return entry

    def retain(self, kept: set[str]) -> list[Entry]:
        """Remove all but the items of those ids, and return the removed in order."""
        removed = [entry for entry in self._order if entry.id not in kept]
        self._order = [entry for entry in self._order if entry.id in kept]
        for entry in removed:
            del self._by_id[entry.id]
            self._count(entry, -1)
        return removed

    def weigh(self, entry: Entry) -> None:
        """Count an entry anew after it changed."""
        self._count(entry, -1)
        entry.weigh()
        self._count(entry, 1)

    def _count(self, entry: Entry, sign: int) -> None:
        self.tokens += sign * entry.tokens
        self.audio_size += sign * entry.audio_size
        self.image_size += sign * entry.image_size
