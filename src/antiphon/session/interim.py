"""Interim transcripts as deltas: hypotheses change, but a delta that was sent cannot be taken back."""


class InterimTranscript:
    """Turns a row of changing hypotheses into deltas of the words that have settled."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._previous: list[str] = []

    def update(self, text: str) -> str:
        """Return what can be sent now: words that stood alike in two hypotheses, the last one held back."""
        words = text.split()
        settled = _common(words[:-1], self._previous)
        self._previous = words
        return self._send(settled)

    def finish(self, text: str) -> str:
        """Return the rest of the final transcript, or "" if it contradicts what was sent."""
        return self._send(text.split())

    def _send(self, words: list[str]) -> str:
        count = len(self._sent)
        if len(words) <= count or words[:count] != self._sent:
            return ""
        fresh = words[count:]
        self._sent = words
        return (" " if count else "") + " ".join(fresh)


def _common(first: list[str], second: list[str]) -> list[str]:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return first[:count]
