"""A client that asks for its events again and again, because something on its way holds streams back."""

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from antiphon.transports.admission import Refusal
from antiphon.transports.http.client import HttpClient
from antiphon.transports.http.framing import event_id_in
from antiphon.transports.websocket import ABNORMAL

if TYPE_CHECKING:
    from antiphon.transports.http.sessions import HttpSessions

# Of one answer; there is always one event at least.
ANSWER_BYTES = 1_000_000


class Mailbox(HttpClient):
    """Keeps events until the client says that it has them, so that an answer that is lost on its way is given again.

    Args:
        house: All clients over HTTP.
        peer: Its address, for logs.
    """

    def __init__(self, house: "HttpSessions", peer: str) -> None:
        super().__init__(house, peer)
        self._polls = 0
        self._acknowledged = ""  # the last event that the client has
        self._leaving: asyncio.TimerHandle | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing here any more to come for."""
        return self.ended is not None and (self.lost or not self.waiting)

    async def begins(self) -> Refusal | None:
        try:
            return await super().begins()
        finally:
            self._await_poll()

    def acknowledge(self, event_id: str) -> bool:
        """Let go of all events up to that one; return False when it is not known here."""
        if event_id in ("", self._acknowledged):
            return True
        wanted = event_id.encode(errors="replace")
        for count, message in enumerate(self.waiting, 1):
            if event_id_in(message) == wanted:
                self._let_go(count)
                self._acknowledged = event_id
                return True
        return False

    async def poll(self, seconds: float) -> list[bytes]:
        """Return the events that wait, as soon as there are any; none at the end of the time, or for a later poll."""
        self._polls += 1
        number = self._polls
        self._stop_timer()
        self.news.set()  # one that waits still is given up by the client, or meant in vain
        try:
            async with asyncio.timeout(seconds):
                while not self.waiting and self.ended is None and number == self._polls:
                    await self.next_news()
        except TimeoutError:
            pass
        finally:
            if number == self._polls:
                self._await_poll()
        return self._first() if number == self._polls else []

    def last_event_id(self, events: list[bytes]) -> str:
        """Return what the client tells in its next poll when it has got these."""
        for message in reversed(events):
            if event_id := event_id_in(message):
                return event_id.decode()
        return self._acknowledged

    def _first(self) -> list[bytes]:
        count, size = 0, 0
        for message in self.waiting:
            size += len(message)
            if count and size > ANSWER_BYTES:
                break
            count += 1
        return list(islice(self.waiting, count))

    def _let_go(self, count: int) -> None:
        for _ in range(count):
            self.waiting_bytes -= len(self.waiting.popleft())
        self.tell_pace()

    # --- the end ----------------------------------------------------------------------------------------------

    def ending(self) -> None:
        # Nothing is open that would have to be closed; what waits can be asked for until the call is forgotten.
        self._stop_timer()
        self.house.discard(self)

    def gone(self) -> None:
        self._stop_timer()
        super().gone()

    def _await_poll(self) -> None:
        self._stop_timer()
        if self.ended is None:
            self._leaving = self._loop.call_later(self.limits.poll_seconds, self._not_asked)

    def _not_asked(self) -> None:
        self.ended = (ABNORMAL, "the client did not ask for its events")
        self.gone()

    def _stop_timer(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
