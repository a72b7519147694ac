"""Items and usage in the beta shape: `object` everywhere, other names for the assistant's content."""

from collections.abc import Mapping
from typing import Any

# Beta content types, and what they are in GA; all others are alike in both.
PART_TYPES = {"text": "output_text", "audio": "output_audio"}
_BETA_PART_TYPES = {ga: beta for beta, ga in PART_TYPES.items()}

_USAGE_DETAILS = {
    "input_token_details": ("cached_tokens", "text_tokens", "audio_tokens"),
    "output_token_details": ("text_tokens", "audio_tokens"),
}


def read_item(item: Any) -> Any:
    """Return a client's item in GA; nulls stand for what is absent, and what is no item stays for the check."""
    if not isinstance(item, Mapping):
        return item
    read = {key: value for key, value in item.items() if value is not None}
    if isinstance(content := read.get("content"), list):
        read["content"] = [_read_part(part) for part in content]
    return read


def _read_part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    return _renamed({key: value for key, value in part.items() if value is not None}, PART_TYPES)


def show_item(item: Any) -> Any:
    """Return an item that GA shows as the beta shape shows it; what is no item stays."""
    if not isinstance(item, Mapping):
        return item
    shown = {"id": item.get("id"), "object": "realtime.item", "type": item.get("type")}
    shown["status"] = item.get("status", "completed")
    shown |= {key: value for key, value in item.items() if key not in shown and key != "phase"}
    if isinstance(content := item.get("content"), list):
        shown["content"] = [show_part(part) for part in content]
    return shown


def show_part(part: Any) -> Any:
    """Return a content part under its beta type."""
    return _renamed(part, _BETA_PART_TYPES)


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(part, Mapping) or not isinstance(kind := part.get("type"), str):
        return part
    return {**part, "type": names.get(kind, kind)}


def show_usage(usage: Any) -> Any:
    """Return the usage of a response without what the beta shape does not count."""
    if not isinstance(usage, Mapping):
        return usage
    details = {
        name: {key: counts[key] for key in keys if key in counts}
        for name, keys in _USAGE_DETAILS.items()
        if isinstance(counts := usage.get(name), Mapping)
    }
    return {**usage, **details}
