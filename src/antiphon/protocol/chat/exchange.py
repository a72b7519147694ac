"""One chat request on a Realtime session: what is sent, what comes back, and which of it is the answer.

A session of the request's own is told all at once. A running conversation is asked for the answer only when it has
taken the messages, so that a refused one leaves no answer to half a question behind; and as it may have an answer under
way already, the request waits for its turn.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from antiphon.protocol.chat import answer
from antiphon.protocol.chat.answer import Answer, Piece
from antiphon.protocol.chat.failures import ChatError, failure_of
from antiphon.protocol.chat.mappings import mapping_of
from antiphon.protocol.chat.turn import Turn

METADATA_KEY = "antiphon_chat"
ALREADY_ACTIVE = "conversation_already_has_active_response"

SESSION_CREATED = "session.created"
RESPONSE_CREATED = "response.created"
ITEM_ADDED = "conversation.item.added"
ERROR = "error"
# All that is worth parsing.
EVENTS = frozenset({*answer.EVENTS, SESSION_CREATED, RESPONSE_CREATED, ITEM_ADDED, ERROR})
# And when nobody wants the answer any more.
LAST_EVENTS = frozenset({RESPONSE_CREATED, answer.RESPONSE_DONE, ERROR})

_encoder = msgspec.json.Encoder()
_OPTION_PARAMS = {"max_output_tokens": "max_completion_tokens", "reasoning": "reasoning_effort"}


@dataclass(frozen=True)
class Send:
    """A client event for the session."""

    message: bytes


class Exchange:
    """What one request says and hears.

    Args:
        turn: What the session is told.
        key: A random name for this request, 20 characters at most: it marks its events and its response.
        joins: Whether the session is a running conversation that others take part in.
    """

    def __init__(self, turn: Turn, key: str, *, joins: bool) -> None:
        self._turn = turn
        self._key = key
        self._joins = joins
        self._untaken = {item["id"] for item in turn.items}
        self._asked = 0  # times that the response was asked for
        self._waits = False  # for the conversation's active response
        self._answer = Answer()
        self._response_id: str | None = None
        self._done = False

    def begin(self) -> list[bytes]:
        """Return what a running conversation is told first; a session of one's own says `session.created` before."""
        return self._items() if self._joins else []

    def receive(self, event: Mapping[str, Any]) -> Iterator[Send | Piece]:
        """Yield what follows from a server event.

        Raises:
            ChatError: There will be no answer, or no more of it.
        """
        kind = event.get("type")
        if kind == ERROR:
            self._take_error(mapping_of(event.get("error")))
        elif kind == SESSION_CREATED and not self._joins and not self._asked:
            yield from map(Send, [*self._items(), self._ask()])
        elif kind == ITEM_ADDED:
            yield from self._take_item(mapping_of(event.get("item")))
        elif kind == RESPONSE_CREATED:
            self._take_created(mapping_of(event.get("response")))
        else:
            yield from self._take_answer(event)

    def withdraw(self) -> list[bytes]:
        """Return what a session is told when nobody wants the answer any more.

        A response that is not known yet cannot be named, and a cancel without a name may hit somebody else's: while
        `is_pending`, a conversation is better listened to with `overhear` first.
        """
        if self._done or self._response_id is None:
            return []
        return [_encoder.encode({"type": "response.cancel", "response_id": self._response_id})]

    @property
    def is_pending(self) -> bool:
        """Whether a running conversation was asked for a response that has neither begun nor been refused."""
        is_asked = self._joins and self._asked > 0 and not self._waits
        return is_asked and self._response_id is None and not self._done

    def overhear(self, event: Mapping[str, Any]) -> None:
        """Take one of `LAST_EVENTS` when nobody wants the answer any more."""
        kind = event.get("type")
        if kind == RESPONSE_CREATED:
            self._take_created(mapping_of(event.get("response")))
        elif kind == answer.RESPONSE_DONE:
            is_ours = self._response_id is not None and mapping_of(event.get("response")).get("id") == self._response_id
            self._done = self._done or is_ours
        elif kind == ERROR:
            with contextlib.suppress(ChatError):
                self._take_error(mapping_of(event.get("error")))

    # --- what is sent -----------------------------------------------------------------------------------------

    def _items(self) -> list[bytes]:
        return [
            _encoder.encode({"type": "conversation.item.create", "event_id": f"{self._key}_i{index}", "item": item})
            for index, item in enumerate(self._turn.items)
        ]

    def _ask(self) -> bytes:
        self._asked += 1
        self._waits = False
        response = {**self._turn.options, "metadata": {METADATA_KEY: self._key}}
        event_id = f"{self._key}_r{self._asked}"
        return _encoder.encode({"type": "response.create", "event_id": event_id, "response": response})

    # --- what comes -------------------------------------------------------------------------------------------

    def _take_item(self, item: Mapping[str, Any]) -> Iterator[Send]:
        self._untaken.discard(str(item.get("id")))
        if self._joins and not self._untaken and not self._asked:
            yield Send(self._ask())

    def _take_created(self, response: Mapping[str, Any]) -> None:
        is_ours = not self._joins or mapping_of(response.get("metadata")).get(METADATA_KEY) == self._key
        if is_ours and self._response_id is None:
            self._response_id = str(response.get("id"))

    def _take_answer(self, event: Mapping[str, Any]) -> Iterator[Send | Piece]:
        is_end = event.get("type") == answer.RESPONSE_DONE
        response_id = mapping_of(event.get("response")).get("id") if is_end else event.get("response_id")
        if self._response_id is not None and response_id == self._response_id:
            self._done = self._done or is_end
            yield from self._answer.receive(event)
        elif is_end and self._waits:
            yield Send(self._ask())

    def _take_error(self, error: Mapping[str, Any]) -> None:
        event_id = str(error.get("event_id") or "")
        is_ours = event_id.startswith(self._key)
        if is_ours and self._joins and error.get("code") == ALREADY_ACTIVE:
            self._waits = True
        elif is_ours or not self._joins:
            self._done = self._done or event_id.startswith(f"{self._key}_r")  # there will be no response
            # Not every server says what an error is about, but in a session of one's own it can be nothing else.
            raise failure_of(error, is_request=is_ours, param=self._param(event_id, str(error.get("param") or "")))

    def _param(self, event_id: str, param: str) -> str | None:
        """Return the path in the request of what a server found at `param` in one of our events."""
        if match := re.fullmatch(r"\w+_i(\d+)", event_id):
            below = re.sub(r"^item\b\.?", "", param)
            path = self._turn.paths[int(match[1])]
            return f"{path}.{below}" if below.startswith("content") else path
        name, _, below = param.removeprefix("response.").partition(".")
        if not param.startswith("response."):
            return None
        return ".".join(filter(None, [_OPTION_PARAMS.get(name, name), below]))
