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
    read = {key: value for key, value in part.items() if value is not None}
    kind = read.get("type")
    if isinstance(kind, str):
        read["type"] = PART_TYPES.get(kind, kind)
    return read


def show_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item that GA shows as the beta shape shows it."""
    shown = {"id": item["id"], "object": "realtime.item", "type": item["type"]}
    shown["status"] = item.get("status", "completed")
    shown |= {key: value for key, value in item.items() if key not in shown and key != "phase"}
    if "content" in shown:
        shown["content"] = [
            {**part, "type": _BETA_PART_TYPES.get(part["type"], part["type"])} for part in item["content"]
        ]
    return shown


def show_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage of a response without what the beta shape does not count."""
    details = {name: {key: usage[name][key] for key in keys} for name, keys in _USAGE_DETAILS.items()}
    return {**usage, **details}
