"""How many sessions may run, over all transports, and whether new ones may begin."""

import asyncio
from collections.abc import Callable


class Capacity:
    """Counts sessions.

    Args:
        max_sessions: At once.
        parked: How many sessions wait for clients that were lost; these count as well.
    """

    def __init__(self, max_sessions: int, parked: Callable[[], int] = int) -> None:
        self.max_sessions = max_sessions
        self.sessions = 0
        self._parked = parked
        self.draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_full(self) -> bool:
        return self.sessions + self._parked() >= self.max_sessions

    def enter(self) -> Callable[[], None]:
        """Count a session in; what is returned counts it out and must be called once."""
        self.sessions += 1
        self._idle.clear()
        return self._leave

    async def idle(self) -> None:
        """Wait until no session runs."""
        await self._idle.wait()

    def _leave(self) -> None:
        self.sessions -= 1
        if self.sessions == 0:
            self._idle.set()
