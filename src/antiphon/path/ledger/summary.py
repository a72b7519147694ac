"""A rolling summary of what no longer fits: who said what, in its first words; older turns in fewer.

No model writes it: it is an extract, the same for the same conversation. Each item is condensed once; what is in the
summary already is only thinned out further when more comes.
"""

import re
from collections.abc import Iterable, Mapping

from antiphon.path.ledger.entries import Entry

HEADING = "Earlier in this conversation, condensed, oldest first:"
# Letters of a line: when it is new, and the steps to which older ones are cut.
USER_LETTERS, OTHER_LETTERS, CALL_LETTERS = 200, 140, 100
_STEPS = (120, 80, 50)
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]")  # noqa: RUF001 - sentences of other scripts end so


class Summary:
    """The condensed beginning of a conversation.

    Args:
        max_bytes: Of its text.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lines: list[str] = []
        self._left_out = 0  # lines that went

    @property
    def text(self) -> str:
        """The summary; "" while nothing was condensed."""
        if not self._lines and not self._left_out:
            return ""
        left_out = [f"({self._left_out} turns are left out.)"] if self._left_out else []
        return "\n".join([HEADING, *left_out, *self._lines])

    def add(self, lines: Iterable[str]) -> None:
        """Add lines that are newer than all before, and thin out until all fits."""
        self._lines += lines
        for letters in _STEPS:
            self._shorten(letters)
        self._leave_out()

    def _shorten(self, letters: int) -> None:
        # The newest quarter keeps its words.
        excess = self._excess()
        for index in range(len(self._lines) * 3 // 4):
            if excess <= 0:
                return
            shorter = clipped(self._lines[index], letters)
            excess -= _size(self._lines[index]) - _size(shorter)
            self._lines[index] = shorter

    def _leave_out(self) -> None:
        """Drop every other line of the older half, what the assistant said first, until all fits."""
        while self._lines and (excess := self._excess()) > 0:
            half = range(max(len(self._lines) // 2, 1))
            # What the user said and what tools returned cannot be said again.
            others = [index for index in half if self._lines[index].startswith("Assistant: ")]
            gone: set[int] = set()
            for index in (others if len(others) > 1 else list(half))[len(half) > 1 :: 2]:
                if excess > 0:
                    gone.add(index)
                    excess -= _size(self._lines[index])
            self._left_out += len(gone)
            self._lines = [line for index, line in enumerate(self._lines) if index not in gone]

    def _excess(self) -> int:
        # Room for the heading and the count of what was left out.
        return sum(map(_size, self._lines)) + len(HEADING) + 48 - self._max_bytes


def line_of(entry: Entry, call_names: Mapping[str, str]) -> str | None:
    """Return an item in one line, None for one that says nothing.

    Args:
        entry: The item.
        call_names: The functions' names by call id.
    """
    match entry.kind:
        case "message":
            return _message_line(entry)
        case "function_call":
            return _call_line(entry) if entry.is_whole_call else None
        case "function_call_output":
            name = call_names.get(entry.call_id, "A tool")
            return f"{name} returned {clipped(_flat(entry.item.get('output')), CALL_LETTERS)}"
        case "mcp_call":
            return f"{_call_line(entry)} and got {clipped(_flat(entry.item.get('output')), CALL_LETTERS)}"
    return None


def first_sentences(text: str, letters: int) -> str:
    """Return as many whole sentences from the beginning as fit, at least the beginning of the first."""
    flat = _flat(text)
    if len(flat) <= letters:
        return flat
    ends = [found.end() for found in _SENTENCE_END.finditer(flat, 0, letters)]
    return flat[: ends[-1]] if ends else clipped(flat, letters)


def clipped(text: str, letters: int) -> str:
    """Return `text` cut to `letters`, at a space if there is one in the second half."""
    if len(text) <= letters:
        return text
    space = text.rfind(" ", letters // 2, letters)
    return text[: space if space > 0 else letters - 1].rstrip() + "…"


def _message_line(entry: Entry) -> str | None:
    letters = USER_LETTERS if entry.role == "user" else OTHER_LETTERS
    parts = [_part_text(entry, index) for index in range(len(entry.content))]
    text = first_sentences(" ".join(part for part in parts if part), letters)
    return f"{entry.role.capitalize()}: {text}" if text else None


def _part_text(entry: Entry, index: int) -> str:
    part = entry.content[index]
    if part.get("type") == "input_image":
        return "[image]"
    if part.get("type") == "input_audio" and part.get("transcript") is None:
        return "[spoken, not transcribed]"
    return entry.text_of(index)


def _call_line(entry: Entry) -> str:
    return f"Assistant called {entry.item.get('name')}({clipped(_flat(entry.item.get('arguments')), CALL_LETTERS)})"


def _flat(text: object) -> str:
    # One line, so that nothing said can pass for another's line.
    return " ".join(text.split()) if isinstance(text, str) else ""


def _size(line: str) -> int:
    return len(line.encode(errors="replace")) + 1
