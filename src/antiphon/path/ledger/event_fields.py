"""Fields of parsed events that anyone may have sent: one that is missing or of a wrong type counts as empty."""

from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]


def dict_of(event: Event, key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, dict) else {}


def text_of(event: Event, key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def integer_of(event: Event, key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0
