"""One timer that paces every call: each member is called every 20 ms, in turns spread over that time.

A timer of its own for each call would cost more than the call's packets.
"""

import asyncio
import logging
from typing import Protocol

PERIOD = 0.020
PHASES = 4
SLOT = PERIOD / PHASES
CATCH_UP = 5  # ticks that a late member gets one after another; older ones are skipped

log = logging.getLogger(__name__)


class Member(Protocol):
    """One who is called every 20 ms."""

    def tick(self, now: float) -> None:
        """Do 20 ms of work. `now` is when it was due, on the loop's clock; what is raised ends the membership."""

    def ticker_failed(self, error: Exception) -> None:
        """Learn that `tick` raised `error` and will not be called any more."""


class Ticker:
    """Calls its members every 20 ms of the event loop's clock, as long as there are any.

    When the loop was busy, up to five ticks a member are caught up, with the loop free for packets between the phases;
    the rest is skipped.

    Args:
        loop: That of the members; without it, the one that runs when the first member comes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._phases: list[dict[Member, None]] = [{} for _ in range(PHASES)]
        self._timer: asyncio.TimerHandle | None = None
        self._start = 0.0
        self._slot = 0  # the next one, counted from `_start`

    def __len__(self) -> int:
        return sum(map(len, self._phases))

    def add(self, member: Member) -> None:
        """Call `member` from now on; it comes into the emptiest phase."""
        if any(member in phase for phase in self._phases):
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if self._timer is None:
            self._start, self._slot = self._loop.time(), 0
        min(self._phases, key=len)[member] = None
        if self._timer is None:
            self._set_timer(self._loop)

    def discard(self, member: Member) -> None:
        """Call `member` no more; the timer ends with the last one."""
        for phase in self._phases:
            phase.pop(member, None)
        if self._timer is not None and not any(self._phases):
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the next slot whose phase has members."""
        while not self._phases[self._slot % PHASES]:
            self._slot += 1
        self._timer = loop.call_at(self._due(), self._run, loop)

    def _due(self) -> float:
        # Counted from the start, so that no rounding adds up and no lateness stays.
        return self._start + self._slot * SLOT

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._skip_old(loop.time())
        phase, due = self._phases[self._slot % PHASES], self._due()
        self._slot += 1
        for member in list(phase):
            if member in phase:  # another's tick may have discarded it
                self._tick(member, due)
        if self._timer is None and any(self._phases):
            self._set_timer(loop)

    def _skip_old(self, now: float) -> None:
        """Leave out whole rounds, so that every member loses the same."""
        late = int((now - self._due()) / PERIOD)  # whole ticks behind the one that is due
        rounds = late + 1 - CATCH_UP
        if rounds > 0:
            self._slot += rounds * PHASES

    def _tick(self, member: Member, due: float) -> None:
        try:
            member.tick(due)
        except Exception as error:
            log.exception("a member of the ticker failed and gets no more ticks")
            self.discard(member)
            self._tell(member, error)

    def _tell(self, member: Member, error: Exception) -> None:
        try:
            member.ticker_failed(error)
        except Exception:  # the others' ticks must go on
            log.exception("a member of the ticker failed on learning that it had failed")
