"""One call, as this transport knows it: by its token, over one connection after the other."""

import asyncio
from collections.abc import Callable, Sequence

from antiphon.errors import AntiphonError
from antiphon.transports.http.client import HttpClient
from antiphon.transports.http.limits import HttpLimits


class PostError(AntiphonError):
    """Events were not taken.

    Args:
        code: The API's error code.
        message: What was found and what to do.
        param: The offending field.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class UnknownSessionError(PostError):
    """There is no such session, or not any more."""

    def __init__(self) -> None:
        message = "There is no such session, or it has ended; begin a new one with GET /v1/realtime/events?model=…"
        super().__init__("session_not_found", message, "session")


class TooManyPostsError(PostError):
    """More waits already than may; the same POST may be sent again later."""


class MissingPostError(PostError):
    """An earlier POST of the client did not come."""


class HttpCall:
    """Takes the POSTs of a call in their order.

    Args:
        token: Names the call.
        limits: What may wait.
        hand_in: Takes a token and one client event; returns whether there is such a call.
    """

    def __init__(self, token: str, limits: HttpLimits, hand_in: Callable[[str, bytes], bool]) -> None:
        self.token = token
        self.client: HttpClient | None = None
        self.is_over = False
        self.forgetting: asyncio.TimerHandle | None = None
        self._limits = limits
        self._hand_in = hand_in
        self._next = 0  # the number of the POST whose turn it is
        self._waiting = 0
        self._held = 0  # bytes of bodies that were read and not taken yet
        self._change = asyncio.Event()

    async def post(self, events: Sequence[bytes], number: int | None = None) -> None:
        """Take client events, all or none.

        Args:
            events: One JSON value each, UTF-8.
            number: Which of the client's POSTs it is, from 0; None when it may come at any time. One that was taken
                already is not taken again.

        Raises:
            UnknownSessionError: The call has ended.
            TooManyPostsError: Too many wait, or the session takes no events at this time.
            MissingPostError: The ones before it did not come in time.
        """
        if self._waiting >= self._limits.max_waiting:
            raise TooManyPostsError("too_many_requests", f"{self._waiting} POSTs wait for their turn already.", "seq")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.turn_seconds):
                while not (self._is_turn_of(number) and self._takes_events):
                    await self._change.wait()
        except TimeoutError:
            raise self._why_not(number) from None
        finally:
            self._waiting -= 1
        if number is None or number == self._next:
            self._take(events, number)

    def changed(self) -> None:
        """Let those who wait look again."""
        self._change.set()
        self._change = asyncio.Event()

    def end(self) -> None:
        """Take no more."""
        self.is_over = True
        self.changed()

    def hold(self, size: int) -> None:
        """Count bytes of a body that is being read.

        Raises:
            TooManyPostsError: More waits than may.
        """
        if self._held + size > 2 * self._limits.max_message:
            message = f"More than {2 * self._limits.max_message} bytes of this session wait to be taken."
            raise TooManyPostsError("too_many_requests", message)
        self._held += size

    def let_go(self, size: int) -> None:
        self._held -= size

    @property
    def _takes_events(self) -> bool:
        return self.client is None or self.client.ended is not None or not self.client.paused

    def _is_turn_of(self, number: int | None) -> bool:
        if self.is_over:
            raise UnknownSessionError
        return number is None or number <= self._next

    def _take(self, events: Sequence[bytes], number: int | None) -> None:
        for event in events:
            # The connection knows the client's dialect; between two of them it is GA.
            if not (self.client is not None and self.client.receive(event)) and not self._hand_in(self.token, event):
                raise UnknownSessionError
        if number is not None:
            self._next = number + 1
            self.changed()

    def _why_not(self, number: int | None) -> PostError:
        seconds = f"within {self._limits.turn_seconds:g} seconds"
        if number is not None and number > self._next:
            message = f"The POST with seq={self._next} did not come {seconds}; send it, then this one again."
            return MissingPostError("missing_post", message, "seq")
        message = f"The session took no events {seconds}; send this again later."
        return TooManyPostsError("too_many_requests", message)
