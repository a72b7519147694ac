"""Cutting streamed text into pieces to speak: early enough to start soon, long enough to sound natural."""

import re

# A sentence ends at its mark and white space; CJK marks need none. "1.2" and "e.g. this" do not end one.
_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"')\]»”]*(?=\s)|[。\uff01\uff1f]|\n)\s*")
_CLAUSE_END = re.compile(r"[,;:\u2013\u2014](?=\s)\s*")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|St|No|vs|etc|approx|e\.g|i\.e)\.$", re.IGNORECASE)

FIRST_CLAUSE_CHARACTERS = 30
LONGEST_CHARACTERS = 300


class SentenceCutter:
    """Takes text as it streams and hands out pieces; the pieces joined are the text.

    The first piece may end at a clause, so that a slow model is heard soon; later ones end with a sentence.
    """

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def add(self, text: str) -> list[str]:
        """Add text and return the pieces that are complete."""
        self._text += text
        pieces = []
        while end := self._end():
            pieces.append(self._cut(end))
        return pieces

    def flush(self) -> list[str]:
        """Return what is left at the end of the text."""
        return [self._cut(len(self._text))] if self._text else []

    def _cut(self, end: int) -> str:
        piece, self._text = self._text[:end], self._text[end:]
        self._first = False
        return piece

    def _end(self) -> int:
        for match in _SENTENCE_END.finditer(self._text):
            if not _ABBREVIATION.search(self._text[: match.start() + 1]) and self._closed(match):
                return match.end()
        if self._first:
            for match in _CLAUSE_END.finditer(self._text):
                if match.start() >= FIRST_CLAUSE_CHARACTERS and self._closed(match):
                    return match.end()
        return self._forced_end()

    def _closed(self, match: re.Match[str]) -> bool:
        # White space behind a mark may still grow with the next delta; it then leads the next piece.
        return bool(self._text[: match.start()].strip())

    def _forced_end(self) -> int:
        if len(self._text) <= LONGEST_CHARACTERS:
            return 0
        space = self._text.rfind(" ", 1, LONGEST_CHARACTERS)
        return space + 1 if space > 0 else LONGEST_CHARACTERS
