"""The numbers of a script in the place of those that were counted."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from antiphon.engines.scripted.script import Turn
from antiphon.protocol.heads import type_of


class Client(Protocol):
    """Where a session's events go."""

    def send(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class ScriptedUsage:
    """A session's client that sees other usage in `response.done` where the response's turn has some.

    Args:
        client: Gets the events.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._created: deque[str] = deque()  # responses whose generation has not begun
        self._usage: dict[str, Mapping[str, Any]] = {}
        self.close = client.close

    def answered(self, turn: Turn) -> None:
        """A generation begins: it is that of the oldest response without one."""
        if self._created:
            self._usage[self._created.popleft()] = turn.usage

    def send(self, message: bytes) -> None:
        kind = type_of(message)
        if kind == "response.created":
            self._created.append(msgspec.json.decode(message)["response"]["id"])
        elif kind == "response.done":
            message = self._with_usage(message)
        self._client.send(message)

    def _with_usage(self, message: bytes) -> bytes:
        event = msgspec.json.decode(message)
        response = event["response"]
        if response["id"] in self._created:
            self._created.remove(response["id"])
        usage = self._usage.pop(response["id"], None)
        if not usage:
            return message
        response["usage"] = merged(response["usage"] or {}, usage)
        return msgspec.json.encode(event)


def merged(counted: Mapping[str, Any], scripted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counted usage with the script's numbers; the total follows unless it is given."""
    whole = _overlaid(counted, scripted)
    if "total_tokens" not in scripted:
        whole["total_tokens"] = whole.get("input_tokens", 0) + whole.get("output_tokens", 0)
    return whole


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _overlaid(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
