"""The official SDK's types as judge of every event that a test sees."""

from functools import cache
from typing import Any

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

# What real servers send and the SDK's types do not name.
KNOWN_EXTRAS = {
    "session.created": {"id", "object", "expires_at"},
    "session.updated": {"id", "object", "expires_at"},
    "response.done": {"message"},
}


@cache
def _server_events() -> TypeAdapter[Any]:
    return TypeAdapter(RealtimeServerEvent)


def check_server_event(event: dict[str, Any]) -> Any:
    """Return `event` as the SDK's type; raises when a field is missing, mistyped or unknown to the SDK."""
    parsed = _server_events().validate_python(event)
    assert parsed.type == event["type"], f"the SDK takes {event['type']} for {parsed.type}"
    unknown = set(extras(parsed)) - KNOWN_EXTRAS.get(event["type"], set()) - {"obfuscation"}
    assert not unknown, f"{event['type']} has fields unknown to the SDK: {sorted(unknown)}"
    return parsed


def extras(value: Any) -> list[str]:
    """Return the names of all fields in a parsed event that the SDK does not know."""
    if isinstance(value, list):
        return [name for inner in value for name in extras(inner)]
    if not isinstance(value, BaseModel):
        return []
    names = list(value.model_extra or {})
    for name in type(value).model_fields:
        names += extras(getattr(value, name))
    return names
