"""The transcripts of the user's turns that the client waits for.

A server transcribes what is spoken to it, so a turn whose transcript is owed is spoken to the next one again. Where
that cannot be, the turn is told as an item with its audio: some servers transcribe that as well, OpenAI's does not.
Such a transcript is hoped for until the answer that follows is over, and given up then.
"""

from collections.abc import Container, Iterator

# A server that transcribes nothing, though it was asked to, owes one more with each turn.
MOST_OWED = 1_000


class Recent:
    """The ids that were added last, oldest first.

    Args:
        most: How many; with one more the oldest goes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._ids

    def add(self, item_id: str) -> None:
        self._ids[item_id] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]

    def discard(self, item_id: str) -> None:
        self._ids.pop(item_id, None)


class Transcripts:
    """Items whose transcript is owed, by id: the last 1,000 of them, and nobody waits for older ones any more."""

    def __init__(self) -> None:
        self.owed = Recent(MOST_OWED)
        self._hoped: list[str] = []  # of those that are owed: another leg heard them
        self._given_up = Recent(MOST_OWED)

    def __bool__(self) -> bool:
        return bool(self.owed)

    def take_over(self, spoken: Container[str]) -> None:
        """Another leg serves the call: it was told of the turns as items, but for the `spoken` ones, which it heard."""
        self._hoped = [item_id for item_id in self.owed if item_id not in spoken]

    def came(self, item_id: str) -> bool:
        """Note a transcript, or its failure; return whether the client may be told, who is told one thing only."""
        self.owed.discard(item_id)
        return item_id not in self._given_up

    def give_up(self) -> list[str]:
        """Return the items whose transcript is not to be hoped for any more, oldest first."""
        hopeless = [item_id for item_id in self._hoped if item_id in self.owed]
        self._hoped = []
        for item_id in hopeless:
            self.owed.discard(item_id)
            self._given_up.add(item_id)
        return hopeless
