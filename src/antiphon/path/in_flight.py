"""Client events that were sent to a leg and wait for their answer: what a new leg must be sent again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_EVENTS = 1_000
MOST_BYTES = 32_000_000
MOST_ATTEMPTS = 3


@dataclass
class Sent:
    """One client event.

    Args:
        kind: Its type.
        event_id: As the leg knows it.
        is_ours: Whether the client gave no id, so that an error must not name it.
        message: As sent.
        item_id: The item that it is about, where the answer names it.
        attempts: How many legs were sent it.
    """

    kind: str
    event_id: str
    is_ours: bool
    message: bytes
    item_id: str = ""
    attempts: int = 1

    @property
    def client_event_id(self) -> str | None:
        return None if self.is_ours else self.event_id


class InFlight:
    """The unanswered events, in order."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._sent)

    def __iter__(self) -> Iterator[Sent]:
        return iter(tuple(self._sent))

    @property
    def is_full(self) -> bool:
        return len(self._sent) >= MOST_EVENTS or self._bytes >= MOST_BYTES

    def add(self, sent: Sent) -> None:
        self._sent.append(sent)
        self._bytes += len(sent.message)

    def answered(self, kind: str, item_id: str = "") -> Sent | None:
        """Take out the oldest event of `kind`, of those about `item_id` if one is given."""
        return self._take(lambda sent: sent.kind == kind and item_id in ("", sent.item_id))

    def refused(self, event_id: str) -> Sent | None:
        """Take out the event that an error names."""
        return self._take(lambda sent: sent.event_id == event_id)

    def again(self) -> tuple[list[Sent], list[Sent]]:
        """Return what to send to a new leg, and what was sent often enough and is taken out."""
        hopeless = [sent for sent in self._sent if sent.attempts >= MOST_ATTEMPTS]
        for sent in hopeless:
            self.refused(sent.event_id)
        for sent in self._sent:
            sent.attempts += 1
        return list(self._sent), hopeless

    def _take(self, wanted: Callable[[Sent], bool]) -> Sent | None:
        for index, sent in enumerate(self._sent):
            if wanted(sent):
                self._bytes -= len(sent.message)
                return self._sent.pop(index)
        return None
