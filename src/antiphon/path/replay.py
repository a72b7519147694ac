"""What was sent to a client lately, for the case that its connection breaks and it comes back."""

from collections import deque

MOST_BYTES = 8_000_000
MOST_RETURNS = 64


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
        self._lost_at = 0  # number of the first message that was sent after the connection broke
        self._returns: dict[str, int] = {}  # by id of the event that told of each return, the message that followed it

    def add(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._messages.popleft())
            self._dropped += 1

    def put_before(self, messages: list[bytes], latest: int) -> None:
        """Put in messages that were held back, before the `latest` ones."""
        if messages:
            kept = list(self._messages)
            at = len(kept) - latest
            self._messages = deque([*kept[:at], *messages, *kept[at:]])
            self._bytes += sum(map(len, messages))

    def before(self, latest: int) -> list[bytes]:
        """Return what is kept from before the `latest` messages."""
        kept = list(self._messages)
        return kept[: len(kept) - latest]

    def mark_lost(self) -> None:
        """The connection broke: a client that does not say what it has gets what comes from here on."""
        self._lost_at = self._dropped + len(self._messages)

    def returned(self, event_id: str, missed: int) -> None:
        """Note that the client came back: event `event_id` told it so, and the latest `missed` messages followed."""
        self._returns[event_id] = self._dropped + len(self._messages) - missed
        while len(self._returns) > MOST_RETURNS:
            del self._returns[next(iter(self._returns))]

    def missed(self, last_event_id: str | None) -> tuple[list[bytes], bool]:
        """Return what a client that comes back has missed, and whether that is all of it.

        Args:
            last_event_id: Of the last event that it received; None when it does not know.
        """
        if last_event_id is None:
            return self._from(self._lost_at)
        if last_event_id in self._returns:
            return self._from(self._returns[last_event_id])
        needle = f'"event_id":"{last_event_id}"'.encode(errors="replace")
        spaced = f'"event_id": "{last_event_id}"'.encode(errors="replace")
        for index in range(len(self._messages) - 1, -1, -1):
            if needle in self._messages[index] or spaced in self._messages[index]:
                return list(self._messages)[index + 1 :], True
        return list(self._messages), False

    def _from(self, number: int) -> tuple[list[bytes], bool]:
        return list(self._messages)[max(number - self._dropped, 0) :], number >= self._dropped
