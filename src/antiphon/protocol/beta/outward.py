"""What a beta server is told: sessions, items and response options of GA in the beta shape.

What the beta shape has no place for is left out. What is not of GA's shape stays, so that the server can refuse it.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.protocol.beta.fields import NULLABLE, RESPONSE_OPTIONS, Field, flattened_given
from antiphon.protocol.beta.items import show_part
from antiphon.protocol.beta.sessions import SessionShape


def beta_session(shape: SessionShape, session: Any) -> Any:
    """Return what a GA `session.update` asks for, flat: what it says nothing of stays absent."""
    return _flat(shape.fields, session)


def beta_options(options: Any) -> Any:
    """Return the options of a GA `response.create`."""
    flat = _flat(RESPONSE_OPTIONS, options)
    if isinstance(flat, dict) and isinstance(flat.get("input"), list):
        flat["input"] = [beta_item(item) for item in flat["input"]]
    return flat


def beta_item(item: Any) -> Any:
    """Return an item that a GA client creates."""
    if not isinstance(item, Mapping):
        return item
    told = {key: value for key, value in item.items() if value is not None and key != "phase"}
    if isinstance(content := told.get("content"), list):
        told["content"] = [_part(part) for part in content]
    return told


def _part(part: Any) -> Any:
    # The assistant's words are replayed as text: beta servers take no other content from a client in its place.
    if isinstance(part, Mapping) and part.get("type") == "output_audio":
        return {"type": "text", "text": part.get("transcript") or ""}
    return show_part(part)


def _flat(fields: tuple[Field, ...], ga: Any) -> Any:
    if not isinstance(ga, Mapping):
        return ga
    given = flattened_given(fields, ga)
    flat = {name: value for name, value in given.items() if value is not None or name in NULLABLE}
    if isinstance(tools := flat.get("tools"), list):
        flat["tools"] = [tool for tool in tools if not (isinstance(tool, Mapping) and tool.get("type") == "mcp")]
    return flat
