"""One timer for many sessions."""

import asyncio
import math
from collections.abc import Callable

SLOT_SECONDS = 0.001  # finer than that no timer of the loop is


class Ticker:
    """Calls each of its calls once in a period, spread evenly over it.

    Args:
        period: Seconds.
    """

    def __init__(self, period: float) -> None:
        slots = math.floor(period / SLOT_SECONDS)
        self._slots: list[list[Callable[[int], None]]] = [[] for _ in range(slots)]
        self._slot_ns = period * 1e9 / slots
        # Neighbours are far from each other, so that few sessions are spread as well as many.
        self._stride = next(step for step in range(int(slots * 0.618), slots) if math.gcd(step, slots) == 1)
        self._count = 0

    def add(self, call: Callable[[int], None]) -> None:
        self._slots[self._count * self._stride % len(self._slots)].append(call)
        self._count += 1

    def remove(self, call: Callable[[int], None]) -> None:
        for slot in self._slots:
            if call in slot:
                slot.remove(call)
                return

    async def run(self, clock: Callable[[], int], end: int | None = None) -> None:
        """Tick until `end` on that clock of nanoseconds, or until cancelled; what is late is made up for."""
        began = clock()
        tick = 0
        while end is None or clock() < end:
            due = int((clock() - began) / self._slot_ns)
            while tick <= due:
                self._tick(tick, clock)
                tick += 1
            await asyncio.sleep(max(0.0, (began + tick * self._slot_ns - clock()) / 1e9))

    def _tick(self, tick: int, clock: Callable[[], int]) -> None:
        for call in tuple(self._slots[tick % len(self._slots)]):
            call(clock())
