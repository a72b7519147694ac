"""What was sent to a client lately, for the case that its connection breaks and it comes back."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from antiphon.protocol.heads import field_of, type_of

MOST_BYTES = 8_000_000
MOST_RETURNS = 64
_PART_ADDED = "response.content_part.added"


@dataclass(frozen=True)
class Missed:
    """What a client that comes back is told.

    Args:
        messages: In order.
        is_all: Whether that is all that it missed.
        again: What comes before them, which the client has had as it seems: it named an event that is not known.
    """

    messages: list[bytes]
    is_all: bool = True
    again: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.again) + len(self.messages)


class Replay:
    """The latest messages to one client, in order.

    Args:
        most_bytes: Of messages kept; older ones are let go.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0  # messages let go
        self._received = 0  # messages, of all, that the client has had as far as its transport knows
        self._returns: dict[str, int] = {}  # by id of the event that told of each return, the message that followed it

    def add(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        self._trim()

    def _trim(self) -> None:
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._messages.popleft())
            self._dropped += 1

    def replace(self, latest: int, messages: Sequence[bytes]) -> None:
        """Put `messages` in the place of the `latest` ones."""
        begin = len(self._messages) - latest
        self._messages = deque([*self.before(latest), *messages])
        self._bytes = sum(map(len, self._messages))
        # The end has moved, and what was there with it.
        changed, growth = self._dropped + begin, len(messages) - latest
        self._returns = {name: at + growth if at > changed else at for name, at in self._returns.items()}
        self._received = min(self._received, self._end)
        self._trim()

    def drop(self, is_unwanted: Callable[[bytes], bool]) -> None:
        """Let go of some messages as if they had never been there."""
        kept: list[bytes] = []
        places = []  # where each message would be now
        for message in self._messages:
            places.append(self._dropped + len(kept))
            if not is_unwanted(message):
                kept.append(message)
        places.append(self._dropped + len(kept))
        self._messages, self._bytes = deque(kept), sum(map(len, kept))
        first = self._dropped
        self._returns = {name: places[at - first] if at > first else at for name, at in self._returns.items()}
        self._received = places[self._received - first] if self._received > first else self._received

    def before(self, latest: int) -> list[bytes]:
        """Return what is kept from before the `latest` messages."""
        kept = list(self._messages)
        return kept[: len(kept) - latest]

    def mark_received(self, but: int = 0) -> None:
        """All but the latest `but` messages reached the client; one that does not say what it has gets the rest."""
        self._received = self._end - but

    def returned(self, event_id: str, missed: int) -> None:
        """Note that event `event_id`, of one connection alone, was told before the latest `missed` messages."""
        self._returns[event_id] = self._end - missed
        while len(self._returns) > MOST_RETURNS:
            del self._returns[next(iter(self._returns))]

    def missed(self, last_event_id: str | None) -> Missed:
        """Return what a client that comes back has missed.

        Args:
            last_event_id: Of the last event that it received; None when it does not know.
        """
        if last_event_id is None:
            return self._from(self._received)
        if last_event_id in self._returns:
            return self._from(self._returns[last_event_id])
        needle = f'"event_id":"{last_event_id}"'.encode(errors="replace")
        spaced = f'"event_id": "{last_event_id}"'.encode(errors="replace")
        for index in range(len(self._messages) - 1, -1, -1):
            if needle in self._messages[index] or spaced in self._messages[index]:
                return Missed(list(self._messages)[index + 1 :])
        kept, received = list(self._messages), max(self._received - self._dropped, 0)
        return Missed(kept[received:], is_all=False, again=kept[:received])

    def _from(self, number: int) -> Missed:
        return Missed(list(self._messages)[max(number - self._dropped, 0) :], number >= self._dropped)

    @property
    def _end(self) -> int:
        return self._dropped + len(self._messages)


def first_of(messages: Sequence[bytes], most_bytes: int) -> list[bytes]:
    """Return as many of the first messages as fit, and none behind one that does not."""
    sizes = accumulate(map(len, messages))
    return [message for message, size in zip(messages, sizes, strict=True) if size <= most_bytes]


def woven(audio: Sequence[bytes], messages: Sequence[bytes]) -> list[bytes]:
    """Return `messages` with audio deltas that came before them: each behind the event that begins its part.

    Where that is not among the messages, the client has had it, and the audio comes first.
    """
    if not audio:
        return list(messages)
    begun = {field_of(each, "item_id") for each in messages if type_of(each) == _PART_ADDED}
    told = [delta for delta in audio if field_of(delta, "item_id") not in begun]
    for message in messages:
        told.append(message)
        if type_of(message) == _PART_ADDED:
            item_id = field_of(message, "item_id")
            told += [delta for delta in audio if field_of(delta, "item_id") == item_id]
    return told
