"""Events as dictionaries, and the few changes that are made to them."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

Event = dict[str, Any]

APPEND = "input_audio_buffer.append"
COMMIT, CLEAR = "input_audio_buffer.commit", "input_audio_buffer.clear"
RESPOND, CANCEL = "response.create", "response.cancel"
ADDED = "conversation.item.added"
CREATE, DELETE = "conversation.item.create", "conversation.item.delete"
TRUNCATE, RETRIEVE = "conversation.item.truncate", "conversation.item.retrieve"

# The error of what a lost leg owed, and no other can give.
LOST = {
    "type": "server_error",
    "code": "upstream_connection_lost",
    "message": "The connection to the model's server was lost.",
}

_decoder = msgspec.json.Decoder()
_OUTPUT_INDEX = re.compile(rb'"output_index"\s*:\s*(\d{1,9})')

encoded = msgspec.json.Encoder().encode


def decoded(message: bytes) -> Event | None:
    """Return the JSON object in a message, None when it is not one."""
    try:
        event = _decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def is_broken(message: bytes) -> bool:
    """Return whether a message begins as a JSON object and is none."""
    return message.startswith(b"{") and decoded(message) is None


def text_in(value: object) -> str | None:
    """Return a value that is a string, None for any other."""
    return value if isinstance(value, str) else None


def create_response(event_id: str, options: Mapping[str, Any]) -> bytes:
    """Return a `response.create`."""
    response = {"response": dict(options)} if options else {}
    return encoded({"event_id": event_id, "type": RESPOND, **response})


def renumbered(message: bytes, response_id: str, shift: int) -> bytes:
    """Number an output item of a response behind the `shift` items that it had on another leg."""
    if f'"{response_id}"'.encode() not in message:
        return message
    return _OUTPUT_INDEX.sub(lambda found: b'"output_index":%d' % (int(found[1]) + shift), message, count=1)


def without(config: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    """Return a configuration without the field at a path; an index behind a name stands for the whole list."""
    name = path[0].partition("[")[0]
    if name not in config:
        return dict(config)
    inner = config[name]
    if len(path) > 1 and isinstance(inner, Mapping):
        return {**config, name: without(inner, path[1:])}
    return {key: value for key, value in config.items() if key != name}
