"""The assistant's speech in one content part: its text, its audio's length, and how much of it was heard."""

from dataclasses import dataclass

_WIDE = 0x2E80  # from here on scripts are written without spaces between words


@dataclass
class Spoken:
    """Speech as it was sent.

    Args:
        bytes_per_second: Of its audio.
        text: The transcript; None until it is known.
        audio_bytes: Audio sent so far, decoded.
        heard_ms: Where the client cut it; None while all counts as heard.
    """

    bytes_per_second: int
    text: str | None = None
    audio_bytes: int = 0
    heard_ms: int | None = None

    def truncate(self, audio_end_ms: int) -> None:
        """The user heard no more than this; a cut is never taken back."""
        self.heard_ms = audio_end_ms if self.heard_ms is None else min(self.heard_ms, audio_end_ms)

    @property
    def heard(self) -> str:
        """What the user heard: whole words, by proportion of the audio; nothing where its length is unknown."""
        text = self.text or ""
        if self.heard_ms is None:
            return text
        if not self.audio_bytes:
            return ""
        length_ms = self.audio_bytes * 1000 / self.bytes_per_second
        # Clients round up.
        if self.heard_ms + 1 >= length_ms:
            return text
        return text[: _word_end(text, int(len(text) * max(self.heard_ms, 0) / length_ms))].rstrip()


def _word_end(text: str, position: int) -> int:
    while 0 < position < len(text) and not _between_words(text[position - 1], text[position]):
        position -= 1
    return position


def _between_words(before: str, after: str) -> bool:
    return before.isspace() or after.isspace() or ord(before) >= _WIDE
