"""The search for a leg: which route is tried next, and when all are tried once more."""

from collections.abc import Sequence

from antiphon.path.legs import Cause, Route
from antiphon.path.options import RelayOptions
from antiphon.protocol.ids import Ids

# Nobody but the operator can mend these: trying again soon is of no use.
_HOPELESS = frozenset({Cause.CREDENTIALS, Cause.QUOTA, Cause.CLIENT})


class Search:
    """Goes over the routes, best first, round after round.

    Args:
        routes: Best first.
        options: How long the pauses between rounds are.
        ids: Source of chance.
    """

    def __init__(self, routes: Sequence[Route], options: RelayOptions, ids: Ids) -> None:
        self._routes = routes
        self._options = options
        self._ids = ids
        self._tried: set[int] = set()
        self._rounds = 0
        self.since: float | None = None  # None while nothing is looked for
        self.is_hopeful = False  # whether any failure was of a kind that may pass by itself

    def begin(self, now: float, failures: int, avoided: int | None) -> None:
        """Begin to look.

        Args:
            now: In seconds.
            failures: Legs that were lost at once, one behind the other: the pauses are as long as if routes had failed.
            avoided: A route to try only after all others; None for none.
        """
        self.since = now
        self.is_hopeful = False
        self._rounds = max(0, failures - 1)
        self._tried = set() if avoided is None else {avoided}

    def end(self) -> None:
        self.since = None

    def failed(self, cause: Cause) -> None:
        """Note why a leg was not had, or was lost before the call began."""
        self.is_hopeful = self.is_hopeful or cause not in _HOPELESS

    def next(self, now: float) -> int | None:
        """Return the best route that was not tried in this round and does not rest."""
        for index, route in enumerate(self._routes):
            if index not in self._tried and route.rests_until <= now:
                return index
        return None

    def take(self, now: float) -> int | None:
        """Return `next`, which counts as tried from now on."""
        index = self.next(now)
        if index is not None:
            self._tried.add(index)
        return index

    def next_round(self, now: float) -> float:
        """Begin the next round; return when."""
        resting = all(route.rests_until > now for route in self._routes)
        wait = self._options.backoff_seconds * 2 ** min(self._rounds, 10)
        self._rounds += 1
        self._tried.clear()
        at: float = now + min(wait, self._options.backoff_most_seconds) * self._chance()
        if resting:
            # A route that still loads does not say for how long.
            at = max(at, min(now + self._options.backoff_most_seconds, *(route.rests_until for route in self._routes)))
        return at

    def _chance(self) -> float:
        """Return a factor from 0.5 to 1.5, so that many calls do not come back at the same moment."""
        return 0.5 + (ord(self._ids.letters(1)) - ord("0")) / (ord("z") - ord("0"))
