"""What an event is, read off its bytes: for those who pass events on and have no need to decode them.

Nothing here checks that an event is a valid one. Where nothing else is said, the last of duplicate keys counts, as it
does with servers.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import msgspec


class _Typed(msgspec.Struct, gc=False):
    type: str = ""


# A decoder that skips all other fields takes half the time of a search for the key in the bytes, and is safe where
# that is hard: keys that are escaped, nested, or there twice. Policy may rest on it.
_typed = msgspec.json.Decoder(_Typed)
_object: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PADDING = ord("=")
_COLONS = (b":", b": ")  # between a key and its value, as nearly all encoders write it
_APPENDS = (
    b'{"type":"input_audio_buffer.append","audio":"',
    b'{"type": "input_audio_buffer.append", "audio": "',
)
_COMPACT, _SPACED = map(len, _APPENDS)
_COLON_AT = len(b'{"type":')
_QUOTE, _EQUALS, _BRACE = b'"=}'
_HEAD_BYTES = 300
_IDS = re.compile(rb'"(event_id|response_id|item_id)":"([^"]*)"')
_INDEXES = re.compile(rb'"(output_index|content_index)":(\d{1,6})[,}]')


class AudioDelta(NamedTuple):
    """The fields of a `response.output_audio.delta`, and where in the message its base64 begins and ends."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    begin: int
    end: int


def is_utf8(message: bytes) -> bool:
    """Return whether a message is UTF-8 text."""
    if message.isascii():  # nearly always, and much faster to find out
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def type_of(message: bytes) -> str:
    """Return an event's type; "" when it has no string there, or is no sound JSON object. Never raises.

    Half a surrogate pair and `NaN` are not sound, as they are not to `codec`; servers may think otherwise.
    """
    try:
        return _typed.decode(message).type
    except msgspec.ValidationError:
        return _string(message, "type")
    except _FAULTS:
        return ""


def field_of(message: bytes, key: str) -> str:
    """Return the string that an event has under `key`; "" when there is none. Never raises."""
    try:
        value: str = _decoder(key, str).decode(message).value
    except msgspec.ValidationError:
        return _string(message, key)
    except _FAULTS:
        return ""
    return value


def audio_size(message: bytes, key: bytes = b'"audio"') -> int:
    """Return how many bytes of audio an event carries, without decoding them; 0 when it has none. Never raises.

    Args:
        message: An `input_audio_buffer.append`, or a `response.output_audio.delta`.
        key: Where its base64 stands, in quotes: that is `"audio"` or `"delta"`.
    """
    at = message.find(key)
    behind = at + len(key)
    begin = message.find(b'"', behind) + 1
    end = message.find(b'"', begin)
    # Without backslashes quotes are what they seem, and with no other brace before it the key stands at the top.
    if (
        not 0 < at < begin <= end
        or message[behind : begin - 1] not in _COLONS
        or message.rfind(b"{", 0, at)  # the event's own is at 0
        or message.find(b"\\") >= 0
        or (end + 2 != len(message) and message.find(key, end) >= 0)  # of duplicates the last one counts
    ):
        return _decoded_size(field_of(message, key.decode().strip('"')).encode())
    if message[end - 1] == _PADDING:
        return (end - begin - 1 - (message[end - 2] == _PADDING)) * 3 // 4
    return (end - begin) * 3 // 4


def _decoded_size(base64: bytes) -> int:
    return (len(base64) - base64.endswith(b"=") - base64.endswith(b"==")) * 3 // 4


def plain_append(message: bytes) -> int:
    """Return how many bytes of audio a plain `input_audio_buffer.append` carries, -1 for anything else.

    Plain is what nearly all clients send, type and audio alone: known at a glance, and nothing else can hide in it.
    """
    if not message.startswith(_APPENDS):
        return -1
    begin = _COMPACT if message[_COLON_AT] == _QUOTE else _SPACED
    # The audio's first quotation mark is the event's last one.
    if message.find(b'"', begin) != len(message) - 2:
        return -1
    return (len(message) - 2 - begin - (message[-3] == _EQUALS) - (message[-4] == _EQUALS)) * 3 // 4


def plain_audio_delta(message: bytes) -> tuple[str, int] | None:
    """Return the item and the bytes of audio of a `response.output_audio.delta` in the usual spelling; None for others.

    For servers, which are trusted: what looks like such an event at its head is one.
    """
    at = message.find(b'"response.output_audio.delta"', 0, _HEAD_BYTES)
    begin = message.find(b'"delta":"', at, at + _HEAD_BYTES) + 9 if at > 0 else 0
    if begin < 10:
        return None
    end = message.find(b'"', begin)
    item = message.find(b'"item_id":"', 0, begin) + 11
    if item < 12:
        item = message.find(b'"item_id":"', end) + 11
    if item < 12 or end < begin + 4 or message[-1] != _BRACE:
        return None
    size = (end - begin - (message[end - 1] == _EQUALS) - (message[end - 2] == _EQUALS)) * 3 // 4
    return message[item : message.index(b'"', item)].decode(errors="replace"), size


def audio_delta(message: bytes) -> AudioDelta | None:
    """Return what a `response.output_audio.delta` in the usual spelling says; None for others.

    For servers, which are trusted, as in `plain_audio_delta`.
    """
    at = message.find(b'"type":"response.output_audio.delta"', 0, _HEAD_BYTES)
    begin = message.find(b'"delta":"', at, at + _HEAD_BYTES) + 9 if at > 0 else 0
    end = message.find(b'"', begin)
    if begin < 10 or end < 0:
        return None
    frame = message[:begin] + message[end:]
    ids, indexes = dict(_IDS.findall(frame)), dict(_INDEXES.findall(frame))
    if len(ids) != 3 or len(indexes) != 2 or b"\\" in frame or frame.rfind(b"{") or frame[-1] != _BRACE:
        return None
    return AudioDelta(
        ids[b"event_id"].decode(errors="replace"),
        ids[b"response_id"].decode(errors="replace"),
        ids[b"item_id"].decode(errors="replace"),
        int(indexes[b"output_index"]),
        int(indexes[b"content_index"]),
        begin,
        end,
    )


def with_event_id(message: bytes, event_id: str) -> bytes:
    """Return an event that has a field at least, and no `event_id`, with that one."""
    begin = message.index(b"{") + 1
    return b'%b"event_id":%b,%b' % (message[:begin], msgspec.json.encode(event_id), message[begin:])


def retyped(message: bytes, new: bytes) -> bytes:
    """Return a valid event, with no key twice, under the type `new`; what else it has is not decoded if possible."""
    at = message.find(b'"type"')
    begin = message.find(b'"', at + len(b'"type"')) + 1
    end = message.find(b'"', begin)
    if (
        not 0 < at < begin <= end
        or message[at + len(b'"type"') : begin - 1] not in _COLONS
        or message.rfind(b"{", 0, at)
        or message.find(b"\\", 0, end) >= 0
    ):
        return msgspec.json.encode({**_object.decode(message), "type": new.decode()})
    return b"".join((message[:begin], new, message[end:]))


def _string(message: bytes, key: str) -> str:
    # Of duplicate keys one had no string: is the last one any better?
    try:
        raw: msgspec.Raw = _decoder(key, msgspec.Raw).decode(message).value
        return msgspec.json.decode(raw, type=str)
    except _FAULTS:
        return ""


@cache
def _decoder(key: str, kind: type[str] | type[msgspec.Raw]) -> msgspec.json.Decoder[Any]:
    field = msgspec.defstruct("Field", [("value", kind, kind())], rename={"value": key}, gc=False)
    return msgspec.json.Decoder(field)
