"""A client that listens to a stream of server-sent events."""

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from antiphon.transports.http.client import HttpClient
from antiphon.transports.http.framing import COMMENT, framed, retry
from antiphon.transports.websocket import NORMAL

if TYPE_CHECKING:
    from antiphon.transports.http.sessions import HttpSessions

# Written at once; a client that reads slowly has at most this much on its way.
CHUNK_BYTES = 128 * 1024
RETRY_SECONDS = 1.0
# For a session that goes on elsewhere: a client that came back by itself would take it away from there.
NO_RETRY_SECONDS = 3600.0


class Stream(HttpClient):
    """One answer that goes on for as long as the session, or the connection.

    Args:
        house: All clients over HTTP.
        peer: Its address, for logs.
    """

    def __init__(self, house: "HttpSessions", peer: str) -> None:
        super().__init__(house, peer)
        self._connection: asyncio.Transport | None = None
        self._writing = 0  # bytes of the chunk that is being written
        self._greeted = False
        self._is_due = False  # a sign of life
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None

    def goes_over(self, connection: asyncio.Transport | None) -> None:
        """Note the connection, so that it can be dropped, and so that a dead one is noticed."""
        self._connection = connection
        raw = connection.get_extra_info("socket") if connection is not None else None
        option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
        if raw is not None and option is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.IPPROTO_TCP, option, int(1000 * self.limits.dead_seconds))

    async def chunk(self) -> bytes | None:
        """Return what to write next, as soon as there is something; None at the end."""
        self._writing = 0
        self.tell_pace()
        while not self._is_over:
            if not self._greeted:
                self._greeted = True
                return retry(RETRY_SECONDS)
            if self.waiting:
                return self._next()
            if self.ended is not None:
                self._is_over = True
                return retry(NO_RETRY_SECONDS) if self.ended[0] == NORMAL else None
            if self._is_due:
                self._is_due = False
                return COMMENT
            await self._life_or_news()
        return None

    async def _life_or_news(self) -> None:
        timer = self._loop.call_later(self.limits.alive_seconds, self._beat)
        try:
            await self.next_news()
        finally:
            timer.cancel()

    def _beat(self) -> None:
        self._is_due = True
        self.news.set()

    def _next(self) -> bytes:
        token, parts = self.token.encode(), []
        while self.waiting and self._writing < CHUNK_BYTES:
            message = self.waiting.popleft()
            self.waiting_bytes -= len(message)
            self._writing += len(message)
            parts.append(framed(token, message))
        return b"".join(parts)

    @property
    def unsent(self) -> int:
        return self.waiting_bytes + self._writing

    def ending(self) -> None:
        self._timer = self._loop.call_later(self.limits.close_seconds, self.abort)

    def abort(self) -> None:
        connection = self._connection
        super().abort()
        if connection is not None:
            connection.abort()

    def gone(self) -> None:
        self._is_over = True
        self._connection = None  # it may carry other requests from now on
        if self._timer is not None:
            self._timer.cancel()
        super().gone()
