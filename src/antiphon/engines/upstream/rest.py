"""How long a route is left alone after failures: longer each time, and never all calls at the same moment."""

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.path.legs import Cause


@dataclass(frozen=True)
class Pace:
    """Seconds of the first rest and of the longest; each is twice the one before."""

    first: float
    longest: float


_SOON = Pace(0.5, 30.0)
_LATER = Pace(5.0, 60.0)
_AFTER_REPAIR = Pace(60.0, 600.0)  # somebody must act first
_PACES = {
    Cause.UNREACHABLE: _SOON,
    Cause.LOST: _SOON,
    Cause.SILENT: _SOON,
    Cause.FULL: _SOON,
    Cause.RATE_LIMIT: _LATER,
    Cause.CREDENTIALS: _AFTER_REPAIR,
    Cause.QUOTA: _AFTER_REPAIR,
}


class Rest:
    """One route's rest, shared by all its calls.

    Args:
        random: Returns numbers in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0
        self._pace: Pace | None = None
        self.until = 0.0

    def failed(self, cause: Cause, now: float) -> bool:
        """Rest from `now` on; return whether this cause calls for rest at all.

        A failure that comes while it rests is of an attempt begun earlier, and says nothing new.
        """
        pace = _PACES.get(cause)
        if pace is None:
            return False
        if pace != self._pace:
            self._failures, self._pace = 0, pace
        elif now < self.until:
            return True
        seconds = min(pace.longest, pace.first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        # Half to all of it, so that calls that failed together do not come back together.
        self.until = max(self.until, now + seconds * (0.5 + 0.5 * self._random()))
        return True

    def worked(self) -> None:
        self._failures, self._pace, self.until = 0, None, 0.0
