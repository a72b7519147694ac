"""What a beta server tells: its sessions, items, responses and errors in GA's shape, with all that GA has.

Servers of previews leave fields out: GA's default stands for what is not told. Nothing here refuses anything.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.protocol.beta.fields import RESPONSE, put_known
from antiphon.protocol.beta.items import read_item
from antiphon.protocol.beta.paths import ga_path, ga_words
from antiphon.protocol.beta.sessions import SessionShape
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.session_kinds import KINDS

# What a server does unless it says otherwise; agents-js cancels by itself unless it reads that responses are
# interrupted.
_TURNS = {"create_response": True, "interrupt_response": True}
_TRANSCRIPTION = {"model": None, "language": None, "prompt": None}
_RESPONSE_KEYS = (
    "object",
    "id",
    "status",
    "status_details",
    "output",
    "conversation_id",
    "output_modalities",
    "max_output_tokens",
    "audio",
    "usage",
    "metadata",
)


def ga_session(shape: SessionShape, flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat session as GA's session object.

    `expires_at` is absent when the server does not tell it: 0 would be a time long past.
    """
    told = {key: flat.get(key) or "" for key in ("id", "model")}
    session = KINDS[shape.kind].wire(SessionConfig(instructions=""), told["id"], told["model"], 0)
    put_known(shape.fields, flat, session)
    heard = session["audio"]["input"]
    if isinstance(turns := heard["turn_detection"], Mapping):
        idle = {"idle_timeout_ms": None} if turns.get("type") == "server_vad" else {}
        heard["turn_detection"] = {**_TURNS, **idle, **turns}
    if isinstance(transcription := heard["transcription"], Mapping):
        heard["transcription"] = {**_TRANSCRIPTION, **transcription}
    if flat.get("expires_at"):
        return {**session, "expires_at": flat["expires_at"]}
    del session["expires_at"]
    return session


def ga_item(item: Any) -> Any:
    """Return an item as GA shows it."""
    read = read_item(item)
    if not isinstance(read, dict):
        return read
    read.pop("object", None)
    if read.get("type") == "function_call_output":
        read.pop("status", None)
    if isinstance(content := read.get("content"), list):
        read["content"] = [_part(part) for part in content]
    return read


def _part(part: Any) -> Any:
    # agents-js throws when the key is not there.
    if isinstance(part, Mapping) and part.get("type") == "input_audio":
        return {"transcript": None, **part}
    return part


def ga_response(response: Mapping[str, Any], conversation_id: str | None) -> dict[str, Any]:
    """Return a response as GA shows it.

    Args:
        response: As the beta server shows it.
        conversation_id: Of the conversation, for servers that do not tell it; null would mean out of band.
    """
    told = dict.fromkeys(_RESPONSE_KEYS) | {"object": "realtime.response", "conversation_id": conversation_id}
    told |= {key: value for key, value in response.items() if key in _RESPONSE_KEYS}
    output = response.get("output")
    told["output"] = [ga_item(item) for item in output] if isinstance(output, list) else []
    told["audio"] = {"output": {}}
    put_known(RESPONSE, response, told)
    return told


def ga_error(error: Any) -> dict[str, Any]:
    """Return the detail of an `error` event: all five keys, and paths and formats by GA's names."""
    told = {"type": "server_error", "code": None, "message": "", "param": None, "event_id": None}
    told |= {key: value for key, value in error.items() if value is not None} if isinstance(error, Mapping) else {}
    if isinstance(told["param"], str):
        told["param"] = ga_path(told["param"])
    if isinstance(told["message"], str):
        told["message"] = ga_words(told["message"])
    return told
