"""The SDK's beta types as judge of every event that a beta client sees."""

from functools import cache
from typing import Any

from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.sdk_events import extras

# What real beta servers sent and the SDK's types do not name.
KNOWN_EXTRAS = {
    "session.created": {"object", "expires_at", "include", "client_secret"},
    "session.updated": {"object", "expires_at", "include", "client_secret"},
    "transcription_session.updated": {
        "id",
        "object",
        "expires_at",
        "include",
        "input_audio_noise_reduction",
        "create_response",
        "interrupt_response",
        "eagerness",
    },
    "response.done": {"message"},
}


@cache
def _server_events() -> TypeAdapter[Any]:
    return TypeAdapter(RealtimeServerEvent)


def check_beta_event(event: dict[str, Any]) -> Any:
    """Return `event` as the SDK's type; raises when a field is missing, mistyped or unknown to the SDK."""
    parsed = _server_events().validate_python(_as_the_sdk_has_it(event))
    kind = parsed.type
    assert kind == event["type"].replace("transcription_session.created", "transcription_session.updated")
    unknown = set(extras(parsed)) - KNOWN_EXTRAS.get(kind, set())
    assert not unknown, f"{event['type']} has fields unknown to the SDK: {sorted(unknown)}"
    return parsed


def _as_the_sdk_has_it(event: dict[str, Any]) -> dict[str, Any]:
    """Return `event` without four known gaps of the SDK's types.

    It names `transcription_session.updated` and not `.created`; wants there a client secret that, as it says itself,
    only REST gives; takes a chosen function for a string; and knows no deployments of Azure among the models.
    """
    session = event.get("session")
    if session is None:
        return event
    if event["type"].startswith("transcription_session."):
        assert session["client_secret"] is None
        secret = {"value": "ek_", "expires_at": 0}
        return {**event, "type": "transcription_session.updated", "session": {**session, "client_secret": secret}}
    assert isinstance(session["model"], str)
    choice = "function" if isinstance(session["tool_choice"], dict) else session["tool_choice"]
    return {**event, "session": {**session, "model": "gpt-realtime", "tool_choice": choice}}
