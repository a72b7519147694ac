"""The transcripts of the user's turns that the client waits for.

A server transcribes what is spoken to it. What another one heard it is told as an item's audio: some transcribe that as
well, OpenAI's does not. So one that was owed is hoped for until the answer that follows is over, and given up then.
"""


class Transcripts:
    """Items whose transcript is owed, by id."""

    def __init__(self) -> None:
        self.owed: set[str] = set()
        self._hoped: set[str] = set()  # of those that are owed: another leg heard them
        self._given_up: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.owed)

    def take_over(self) -> None:
        """Another leg serves the call, and was told of the turns as items."""
        self._hoped = set(self.owed)

    def came(self, item_id: str) -> bool:
        """Note a transcript, or its failure; return whether the client may be told, who is told one thing only."""
        self.owed.discard(item_id)
        self._hoped.discard(item_id)
        return item_id not in self._given_up

    def give_up(self) -> list[str]:
        """Return the items whose transcript is not to be hoped for any more, in a fixed order."""
        hopeless, self._hoped = self._hoped, set()
        self.owed -= hopeless
        self._given_up |= hopeless
        return sorted(hopeless)
