"""A line of steps that are done in order, some of them later."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

# A step may return more steps, each with the seconds before it; they come before all that waits.
Step = Callable[[], "Iterable[tuple[float, Step]] | None"]


class Pipe:
    """Does steps in the order they are put in: at once as long as nothing waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[float, Step]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held = False
        self._running = False
        self._due = False  # the first step has waited its time

    def put(self, step: Step, after: float = 0.0) -> None:
        """Add a step that is done `after` seconds behind the one before it."""
        self._waiting.append((after, step))
        self._run()

    def hold(self) -> None:
        """Do nothing more until `release`."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._run()

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        if self._running or self._timer is not None:
            return
        self._running = True
        try:
            while self._waiting and not self._held and self._is_due():
                _, step = self._waiting.popleft()
                self._due = False
                self._waiting.extendleft(reversed(list(step() or ())))
        finally:
            self._running = False

    def _is_due(self) -> bool:
        after = self._waiting[0][0]
        if after > 0 and not self._due:
            self._timer = self._loop.call_later(after, self._ring)
            return False
        return True

    def _ring(self) -> None:
        self._timer = None
        self._due = True
        self._run()
