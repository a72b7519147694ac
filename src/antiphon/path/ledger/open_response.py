"""A response that was created and is not done: its output items, and what was sent of each so far.

Deltas are kept as they came and read only when the response is cut short.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from antiphon.path.ledger.configuration import audio_form
from antiphon.path.ledger.entries import content_of
from antiphon.path.ledger.limits import PARTS
from antiphon.path.ledger.spoken import Spoken


class _Delta(msgspec.Struct):
    item_id: str = ""
    content_index: int = 0
    delta: str = ""


_decoder = msgspec.json.Decoder(_Delta)


@dataclass
class OpenPart:
    """A content part of an output item.

    Args:
        part: As `content_part.added` showed it; its type is "text" or "audio".
        spoken: Its text and, if it is spoken, its audio.
        audio_done: Whether `output_audio.done` came.
        text_done: Whether `output_text.done` or `output_audio_transcript.done` came.
        is_done: Whether `content_part.done` came.
    """

    part: dict[str, Any]
    spoken: Spoken
    audio_done: bool = False
    text_done: bool = False
    is_done: bool = False

    @property
    def is_audio(self) -> bool:
        return self.part.get("type") == "audio"


@dataclass(eq=False)
class OpenItem:
    """An output item.

    Args:
        response: Which writes it.
        item: As it was shown last.
        output_index: Its place in the response.
        parts: By content index.
        arguments: Of a function call, once they are complete.
        in_conversation: Whether `conversation.item.added` came, and the item was not deleted since.
        previous_item_id: As that event had it.
        is_settled: Whether `conversation.item.done` came.
        is_done: Whether `output_item.done` came.
        texts: By content index, what its deltas said as far as they were read; of a call, its arguments at 0.
    """

    response: "OpenResponse" = field(repr=False)
    item: dict[str, Any]
    output_index: int
    parts: dict[int, OpenPart] = field(default_factory=dict)
    arguments: str | None = None
    in_conversation: bool = False
    previous_item_id: str | None = None
    is_settled: bool = False
    is_done: bool = False
    texts: dict[int, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.item["id"])

    @property
    def is_message(self) -> bool:
        return self.item.get("type") == "message"

    @property
    def text(self) -> str:
        """What a message says so far, all parts together."""
        if self.is_done or self.is_settled:
            parts = content_of(self.item)
            return "".join(str(part.get("text") or part.get("transcript") or "") for part in parts)
        return "".join(self.part_text(index) for index in sorted(self.parts))

    def part_text(self, content_index: int) -> str:
        """Return what one part says so far; of a function call at 0, its arguments so far."""
        part = self.parts.get(content_index)
        if part is not None and part.spoken.text is not None:
            return part.spoken.text
        self.response.read_deltas()
        return self.texts.get(content_index, "")

    def shown(self) -> dict[str, Any]:
        """Return the item as it is now: as its done events showed it, else with what was sent of it, incomplete."""
        if self.is_done or self.is_settled:
            return self.item
        if self.is_message:
            return {
                **self.item,
                "status": "incomplete",
                "content": [self._content(index) for index in sorted(self.parts)],
            }
        if self.item.get("type") != "function_call":
            return {**self.item, **({"status": "incomplete"} if "status" in self.item else {})}
        if self.arguments is not None:
            return {**self.item, "status": "completed", "arguments": self.arguments}
        return {**self.item, "status": "incomplete", "arguments": self.part_text(0)}

    def _content(self, index: int) -> dict[str, Any]:
        if self.parts[index].is_audio:
            return {"type": "output_audio", "transcript": self.part_text(index)}
        return {"type": "output_text", "text": self.part_text(index)}


class OpenResponse:
    """A response that runs.

    Args:
        response: As `response.created` showed it.
    """

    def __init__(self, response: Mapping[str, Any]) -> None:
        self.response: dict[str, Any] = dict(response)
        self.id = str(response["id"])
        self.size = 0  # bytes of memory of its deltas
        self._items: dict[str, OpenItem] = {}
        self._raw: list[bytes] = []

    @property
    def in_conversation(self) -> bool:
        """Whether it belongs to the default conversation."""
        return self.response.get("conversation_id") is not None

    @property
    def items(self) -> list[OpenItem]:
        """Its output items by output index."""
        return sorted(self._items.values(), key=lambda item: item.output_index)

    @property
    def bytes_per_second(self) -> int | None:
        """Of its output audio; None when it did not say."""
        audio = self.response.get("audio")
        output = audio.get("output") if isinstance(audio, Mapping) else None
        form = output.get("format") if isinstance(output, Mapping) else None
        return audio_form(form).bytes_per_second if isinstance(form, Mapping) else None

    def item(self, item_id: str) -> OpenItem | None:
        return self._items.get(item_id)

    def text_so_far(self, item_id: str) -> str:
        """Return what was sent of a message's text, or of a call's arguments."""
        item = self._items.get(item_id)
        if item is None:
            return ""
        return item.text if item.is_message else item.part_text(0)

    def open(self, item: Mapping[str, Any], output_index: int) -> OpenItem | None:
        """Note a new output item; None when there are too many."""
        if len(self._items) >= PARTS:
            return None
        opened = OpenItem(self, dict(item), output_index)
        self._items[opened.id] = opened
        return opened

    def add_delta(self, message: bytes) -> None:
        """Keep a delta of text, transcript or arguments as it came."""
        self._raw.append(message)
        self.size += len(message)

    def read_deltas(self) -> None:
        """Read what was kept; the text alone stays."""
        pieces: dict[tuple[str, int], list[str]] = {}
        for message in self._raw:
            delta = _read(message)
            if delta is not None and delta.item_id in self._items:
                pieces.setdefault((delta.item_id, delta.content_index), []).append(delta.delta)
        self._raw.clear()
        for (item_id, index), texts in pieces.items():
            known = self._items[item_id].texts
            known[index] = known.get(index, "") + "".join(texts)
        self.size = sum(len(text) for item in self._items.values() for text in item.texts.values())

    def forget_deltas(self) -> None:
        """Let go of all: there are more than can be kept, or none is needed any more."""
        self._raw.clear()
        for item in self._items.values():
            item.texts.clear()
        self.size = 0

    def release(self) -> None:
        """Let go of the deltas if every item is done."""
        if all(item.is_done for item in self._items.values()):
            self.forget_deltas()


def _read(message: bytes) -> _Delta | None:
    try:
        return _decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
