"""One partial session configuration over another, as `session.update` merges them."""

from collections.abc import Mapping
from typing import Any

# Objects merged field by field, by their paths; any other is replaced as a whole, as the API does it.
_MERGED = ("audio", "audio.input", "audio.output")


def merged(under: Mapping[str, Any], over: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return `under` with what `over` says in its place."""
    result = dict(under)
    for key, value in over.items():
        below = f"{path}.{key}" if path else key
        if below in _MERGED and isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value, below)
        else:
            result[key] = value
    return result
