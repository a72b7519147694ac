"""What a client sends while no leg is ready: kept in order, within bounds."""

from collections.abc import Iterator
from enum import Enum, auto

from antiphon.path.events import APPEND
from antiphon.protocol.heads import audio_size

# Beside their own bytes, what many small messages cost.
_MESSAGE_COST = 100


class Kept(Enum):
    """What became of a message."""

    YES = auto()
    NO_ROOM = auto()
    NO_ROOM_FOR_AUDIO = auto()  # the first one that is refused
    STILL_NO_ROOM_FOR_AUDIO = auto()  # said before: an error for each of fifty a second helps nobody


class Held:
    """The kept messages.

    Args:
        most_bytes: Of messages.
        most_audio: Of user audio in them, bytes once decoded.
    """

    def __init__(self, most_bytes: int, most_audio: int) -> None:
        self._most_bytes = most_bytes
        self._most_audio = most_audio
        self._messages: list[tuple[str, bytes]] = []
        self._bytes = 0
        self._audio = 0
        self._complained = False

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, kind: str, message: bytes) -> Kept:
        """Keep a message if there is room for it."""
        audio = audio_size(message) if kind == APPEND else 0
        size = len(message) + _MESSAGE_COST
        if self._bytes + size > self._most_bytes or self._audio + audio > self._most_audio:
            return self._no_room(kind)
        self._messages.append((kind, message))
        self._bytes += size
        self._audio += audio
        return Kept.YES

    def take(self) -> Iterator[tuple[str, bytes]]:
        """Yield each message's type and bytes, in order and once."""
        messages, self._messages = self._messages, []
        self._bytes = self._audio = 0
        self._complained = False
        yield from messages

    def _no_room(self, kind: str) -> Kept:
        if kind != APPEND:
            return Kept.NO_ROOM
        complained, self._complained = self._complained, True
        return Kept.STILL_NO_ROOM_FOR_AUDIO if complained else Kept.NO_ROOM_FOR_AUDIO
