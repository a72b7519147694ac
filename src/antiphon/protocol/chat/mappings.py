"""What another server sent, read without trust in its shape."""

from collections.abc import Mapping
from typing import Any


def mapping_of(value: Any) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
