"""The ledger of spoken text: which words were spoken at which sample, so that a cut tells what was heard."""

from bisect import bisect_left

from antiphon.session.results import SpokenWord


class SpokenText:
    """The text of one spoken item, in step with its audio."""

    def __init__(self) -> None:
        self.text = ""
        self.samples = 0
        # Words by the sample at which they begin, and where each ends in the text.
        self._begins: list[int] = []
        self._ends: list[int] = []

    def add_audio(self, samples: int) -> None:
        """Count audio that was sent."""
        self.samples += samples

    def add_text(self, text: str) -> None:
        """Add text that is spoken from here on."""
        self.text += text

    def mark(self, word: SpokenWord, text_offset: int, sample_offset: int) -> None:
        """Note a word of a chunk that began at `text_offset` in the text and `sample_offset` in the audio."""
        self._begins.append(sample_offset + word.sample)
        self._ends.append(text_offset + word.end)

    def heard(self, samples: int) -> str:
        """Return the text that had begun to sound after `samples`; by proportion where no words were marked."""
        if samples >= self.samples:
            return self.text
        if self._begins:
            count = bisect_left(self._begins, samples)
            return self.text[: self._ends[count - 1]] if count else ""
        return self._proportional(samples)

    def _proportional(self, samples: int) -> str:
        length = len(self.text) * samples // max(self.samples, 1)
        # A word that is cut was not heard.
        return self.text[: self.text.rfind(" ", 0, length + 1)] if " " in self.text[: length + 1] else ""
