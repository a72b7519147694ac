"""One response at a time: what is done with a `response.create` while the default conversation has an active response.

Servers refuse it, and whether one is active is a race that a client cannot win: the server's turn detection begins
responses on its own, and `response.done` may be on its way.
"""

from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

ALREADY_ACTIVE = "conversation_already_has_active_response"
MOST_WAITING = 8
# An upstream that says "active" while nothing is, is a moment behind its own response.done.
RETRY_SECONDS = 0.2
MOST_RETRIES = 10


@dataclass
class Ask:
    """A client's request for a response in the default conversation.

    Args:
        event_id: As it is sent.
        is_ours: Whether the client gave no id.
        message: As it is sent.
        options: Its `response`, {} without one.
        is_redundant: Whether it wants nothing that the response before it does not give: it has no options, and
            nothing new was said since that one was begun. Answered in its turn, it would say the same twice.
        retries: How often a server rejected it.
    """

    event_id: str
    is_ours: bool
    message: bytes
    options: Mapping[str, Any] = field(default_factory=dict)
    is_redundant: bool = False
    retries: int = 0
    legs: int = 1  # that were asked

    @property
    def client_event_id(self) -> str | None:
        return None if self.is_ours else self.event_id


@dataclass(frozen=True)
class Send:
    """Send this request."""

    ask: Ask


@dataclass(frozen=True)
class CancelActive:
    """Cancel the active response: a request that waits replaces it."""

    response_id: str


@dataclass(frozen=True)
class Refuse:
    """Tell the client that this request is refused, and why."""

    ask: Ask
    message: str


Decision = Send | CancelActive | Refuse


class ResponseScheduler:
    """Decides when each request is sent.

    Args:
        policy: `queue` lets requests wait for their turn, but for redundant ones; `replace` cancels what is active for
            the newest request, and `refuse` refuses as the API does.
    """

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._waiting: deque[Ask] = deque()
        self._retry_at: float | None = None
        self.active: str | None = None  # id of the active response
        self.asked: Ask | None = None  # sent, and its response.created has not come
        self.current: Ask | None = None  # what made the active response; None where the server began it

    @property
    def is_idle(self) -> bool:
        return self.active is None and self.asked is None and not self._waiting

    @property
    def deadline(self) -> float | None:
        return self._retry_at

    def request(self, ask: Ask) -> list[Decision]:
        """A client asks for a response."""
        if self.active is None and self.asked is None and not self._waiting:
            return [self._send(ask)]
        if self._policy == "refuse" or (self._policy == "queue" and ask.is_redundant):
            return [Refuse(ask, self._active_message())]
        if self._policy == "replace":
            return self._replace(ask)
        if len(self._waiting) >= MOST_WAITING:
            return [Refuse(ask, f"{MOST_WAITING} responses wait for their turn already; wait for response.done.")]
        self._waiting.append(ask)
        return []

    def created(self, response_id: str) -> Ask | None:
        """The server began a response; return the request that it answers, None where it was not asked for."""
        self.active = response_id
        self.current, self.asked = self.asked, None
        return self.current

    def done(self, response_id: str, *, interrupted: bool) -> list[Decision]:
        """A response ended.

        Args:
            response_id: Its id.
            interrupted: The user speaks: what waits would talk over the user, whose turn gets a response of its own.
        """
        if response_id != self.active:
            return []
        self.active = self.current = None
        if interrupted:
            waiting, self._waiting = self._waiting, deque()
            return [Refuse(ask, "The user began to speak before this response's turn came.") for ask in waiting]
        return self._next()

    def rejected(self, event_id: str, now: float) -> list[Decision] | None:
        """The server said that a response is active already.

        Returns:
            None when the client is to be told: it is nobody's request here, or the policy says so.
        """
        ask = self._rejected_ask(event_id)
        if ask is None or self._policy == "refuse" or ask.retries >= MOST_RETRIES:
            return None
        if self._policy == "queue" and ask.is_redundant and self.active is not None:
            return None
        ask.retries += 1
        self._waiting.appendleft(ask)
        if self.active is None:
            self._retry_at = now + RETRY_SECONDS
            return []
        return [CancelActive(self.active)] if self._policy == "replace" else []

    def failed(self, event_id: str) -> list[Decision]:
        """The server refused a request for another reason, which the client is told."""
        if self.asked is not None and self.asked.event_id == event_id:
            self.asked = None
            return self._next()
        return []

    def retry(self, now: float) -> list[Decision]:
        """Send what was rejected for no reason that could be seen, once it is time."""
        if self._retry_at is None or now < self._retry_at:
            return []
        self._retry_at = None
        return self._next()

    def resume(self, running: Container[str]) -> list[Decision]:
        """Another leg has taken over: what is active there is `running`."""
        if self.active not in running:
            self.active = self.current = None
        self._retry_at = None
        return self._next()

    def forget_asked(self) -> Ask | None:
        """The leg is gone: return the request that it had not answered, to be made again."""
        asked, self.asked = self.asked, None
        return asked

    def _next(self) -> list[Decision]:
        if self.active is None and self.asked is None and self._waiting:
            return [self._send(self._waiting.popleft())]
        return []

    def _send(self, ask: Ask) -> Send:
        self.asked = ask
        return Send(ask)

    def _replace(self, ask: Ask) -> list[Decision]:
        refused: list[Decision] = [Refuse(old, "A newer response.create took its place.") for old in self._waiting]
        self._waiting = deque([ask])
        if self.active is not None:
            refused.append(CancelActive(self.active))
        return refused

    def _rejected_ask(self, event_id: str) -> Ask | None:
        # Its "created" may have been credited to the response that the server began at the same moment.
        for ask in (self.asked, self.current):
            if ask is not None and ask.event_id == event_id:
                if ask is self.asked:
                    self.asked = None
                else:
                    self.current = None
                return ask
        return None

    def _active_message(self) -> str:
        active = self.active or "one that was just asked for"
        return (
            f"Conversation already has an active response in progress: {active}. Wait until the response is finished."
        )
