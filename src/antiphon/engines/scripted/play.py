"""Where a script stands: which turn comes next."""

import itertools
from collections.abc import Iterator

from antiphon.engines.scripted.script import FOR_EVER, Script, Turn

UNSCRIPTED_HEARING = Turn(hear="Hello.")


class Play:
    """One way through a script, for one session or for all of them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._used = [0] * len(script.turns)
        self._heard = self._hearings()

    def hear(self) -> Turn:
        """Return the turn that says what the next utterance is understood as."""
        return next(self._heard)

    def answer(self, said: str) -> Turn:
        """Return the turn that answers `said`: the first whose pattern is found in it, else the next in order.

        A turn that only hears has its place in the order too; its answer repeats the user.
        """
        left = [(number, turn) for number, turn in enumerate(self._script.turns) if self._is_left(number, turn)]
        fitting = [each for each in left if (pattern := each[1].when) is not None and pattern.search(said)]
        for number, turn in fitting or [each for each in left if each[1].when is None]:
            self._used[number] += 1
            return turn
        return self._script.otherwise

    def _is_left(self, number: int, turn: Turn) -> bool:
        return turn.repeat == FOR_EVER or self._used[number] < turn.repeat

    def _hearings(self) -> Iterator[Turn]:
        for turn in self._script.turns:
            if turn.hears:
                yield from itertools.repeat(turn) if turn.repeat == FOR_EVER else itertools.repeat(turn, turn.repeat)
        yield from itertools.repeat(UNSCRIPTED_HEARING)
