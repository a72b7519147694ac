"""Interim transcripts as deltas: hypotheses change, but a delta that was sent cannot be taken back."""

from collections import deque
from itertools import takewhile

ALIKE = 3  # hypotheses in a row in which a word must stand before it is sent
HELD_BACK = 2  # words at the end of a hypothesis that the next sound may still change


class InterimTranscript:
    """Turns a row of changing hypotheses into deltas of the words that have settled."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._newest: deque[list[str]] = deque(maxlen=ALIKE)

    def update(self, text: str) -> str:
        """Return what can be sent now: words that stood alike in the newest hypotheses, the last ones held back."""
        words = text.split()
        self._newest.append(words)
        if len(self._newest) < ALIKE:
            return ""
        settled = words[:-HELD_BACK]
        for hypothesis in self._newest:
            settled = settled[: _alike(settled, hypothesis)]
        return self._send(settled) if settled[: len(self._sent)] == self._sent else ""

    def finish(self, text: str) -> str:
        """Return the rest of the final transcript.

        Where it contradicts what was sent, the rest begins at the first wrong word: a client that only adds up deltas
        then has a word too many and none too few.
        """
        words = text.split()
        return self._joined(words[_alike(self._sent, words) :])

    def _send(self, words: list[str]) -> str:
        fresh = words[len(self._sent) :]
        delta = self._joined(fresh)
        self._sent = self._sent + fresh
        return delta

    def _joined(self, words: list[str]) -> str:
        return (" " if self._sent and words else "") + " ".join(words)


def _alike(first: list[str], second: list[str]) -> int:
    """Return how many words both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
