"""Bounds on the JSON that a client may send where any JSON may stand, such as a tool's parameters.

An empty list is three bytes of JSON and eighty of memory, and nesting that a decoder still takes may be too deep for
what comes after it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from antiphon.errors import ClientEventError

MAX_DEPTH = 100  # of nested objects and arrays; tools have 20 at most
MAX_VALUES = 200_000  # in one message


def check_values(message: bytes) -> None:
    """Refuse a message that would make very many objects.

    Args:
        message: JSON text; what stands in its strings counts too, but base64 has nothing that counts.

    Raises:
        ClientEventError: It holds more than `MAX_VALUES`.
    """
    if len(message) <= MAX_VALUES:
        return
    if message.count(b",") + _opened(message) > MAX_VALUES:
        text = f"The message holds more than {MAX_VALUES} values; send less in one event."
        raise ClientEventError("invalid_value", text)


def may_be_deep(message: bytes) -> bool:
    """Whether `message` could be nested deeper than `MAX_DEPTH`; quick, and false for nearly all."""
    return _opened(message) > MAX_DEPTH


def is_too_deep(value: Any) -> bool:
    """Whether objects and arrays stand in one another more than `MAX_DEPTH` deep."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for node in level for inner in _inner(node)]
        if not level:
            return False
    return True


def check_depth(value: Any) -> None:
    """Refuse a decoded event that is nested too deeply.

    Raises:
        ClientEventError: It is.
    """
    if is_too_deep(value):
        raise ClientEventError("invalid_json", f"The message is nested too deeply: {MAX_DEPTH} levels are the most.")


def _opened(message: bytes) -> int:
    return message.count(b"{") + message.count(b"[")


def _inner(node: Any) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.values()
    if isinstance(node, Struct):
        return (getattr(node, name) for name in node.__struct_fields__)
    return node if isinstance(node, list) else ()
