"""Warm standby: sessions that are open already when a call wants one."""

import asyncio
import time
from collections.abc import Callable

from antiphon.engines.upstream.leg import Parked, UpstreamLeg, expires_at
from antiphon.engines.upstream.rest import Rest
from antiphon.path.legs import Cause, LegEnd, LegListener

_TICK_SECONDS = 15.0
_OLDEST_SECONDS = 600.0
# A session that ends sooner would be replaced under the call at once.
_MARGIN_SECONDS = 300.0
_USED_LATELY_SECONDS = 1800.0


class Standby:
    """Keeps sessions open for the addresses lately used.

    Args:
        size: How many for each address.
        make: Makes a leg to an address, not yet opened.
        rest: How long to wait after failures; its own, as an idle session's end says nothing about calls.
        failed: Told of each session that could not be had.
        worked: Told of each that could.
        always: Addresses that are kept warm though nobody uses them.
        clock: Seconds, never decreasing; the loop's when None.
        wall: Unix time.
    """

    def __init__(
        self,
        size: int,
        make: Callable[[str, LegListener], UpstreamLeg],
        rest: Rest,
        *,
        failed: Callable[[LegEnd], None],
        worked: Callable[[], None],
        always: tuple[str, ...] = (),
        clock: Callable[[], float] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._size = size
        self._make = make
        self._rest = rest
        self._failed = failed
        self._worked = worked
        self._always = dict.fromkeys(always)
        self._clock = clock or asyncio.get_running_loop().time
        self._wall = wall
        self._used: dict[str, float] = {}
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_running = False

    def start(self) -> None:
        if self._size > 0:
            self._is_running = True
            self.tick()

    def close(self) -> None:
        """Close all sessions that nobody took."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
        for waiting in tuple(self._waiting):
            self._discard(waiting)

    @property
    def ready(self) -> int:
        """How many sessions could be handed out now."""
        return sum(waiting.is_ready for waiting in self._waiting)

    def take(self, url: str, listener: LegListener) -> UpstreamLeg | None:
        """Hand out a session to this address, None if there is none; either way one will be kept for the next."""
        if not self._is_running:
            return None
        now = self._clock()
        self._used[url] = now
        found = next(
            (waiting for waiting in self._waiting if waiting.url == url and self._is_fresh(waiting, now)), None
        )
        if found is not None:
            self._waiting.remove(found)
            self._rest.worked()
            found.leg.hand_over(found, listener)
        asyncio.get_running_loop().call_soon(self.refill)
        return found.leg if found else None

    def tick(self) -> None:
        """Throw away what is old, forget addresses that nobody uses any more, and open what is missing."""
        now = self._clock()
        for waiting in [each for each in self._waiting if each.is_ready and not self._is_fresh(each, now)]:
            self._discard(waiting)
        self._used = {url: at for url, at in self._used.items() if now - at < _USED_LATELY_SECONDS}
        self.refill()
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self.tick)

    def refill(self) -> None:
        if not self._is_running or self._clock() < self._rest.until:
            return
        for url in {**self._always, **self._used}:
            for _ in range(self._size - sum(waiting.url == url for waiting in self._waiting)):
                self._waiting.append(_Waiting(self, url, self._make, self._clock()))

    def _is_fresh(self, waiting: "_Waiting", now: float) -> bool:
        if not waiting.is_ready or not waiting.leg.is_open or now - waiting.since >= _OLDEST_SECONDS:
            return False
        return not waiting.expires_at or waiting.expires_at - self._wall() > _MARGIN_SECONDS

    def _discard(self, waiting: "_Waiting") -> None:
        self._waiting.remove(waiting)
        waiting.leg.close()

    def ended(self, waiting: "_Waiting", end: LegEnd) -> None:
        """Called when a session that nobody took has ended, or could not be had."""
        if waiting not in self._waiting:  # handed out, or thrown away
            return
        self._waiting.remove(waiting)
        if end.cause is Cause.CLIENT:  # this model is not to be had
            self._used.pop(waiting.url, None)
            self._always.pop(waiting.url, None)
        self._rest.failed(end.cause, self._clock())
        if not waiting.is_ready:
            self._failed(end)

    def became_ready(self) -> None:
        self._worked()


class _Waiting(Parked):
    """A session that nobody uses yet, and its leg."""

    def __init__(
        self, standby: Standby, url: str, make: Callable[[str, LegListener], UpstreamLeg], since: float
    ) -> None:
        super().__init__()
        self.url = url
        self.since = since
        self.expires_at = 0.0
        self._standby = standby
        self.leg = make(url, self)
        self.leg.open()

    @property
    def is_ready(self) -> bool:
        return bool(self.messages)

    def leg_received(self, message: bytes) -> None:
        if not self.messages:
            self.expires_at = expires_at(message)
            self._standby.became_ready()
        super().leg_received(message)

    def leg_ended(self, end: LegEnd) -> None:
        super().leg_ended(end)
        self._standby.ended(self, end)
