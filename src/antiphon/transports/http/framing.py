"""Events as server-sent events.

Source: HTML Living Standard, "Server-sent events".
"""

import re

from antiphon.protocol.heads import field_of

COMMENT = b": alive\n\n"

_KEY = b'"event_id":"'
_HEAD_BYTES = 300
# What may stand in an `id:` line and in a header that is sent back.
_is_plain = re.compile(rb"[!-~]{1,512}").fullmatch
# Outside of strings JSON has line ends as mere space, and inside it has none.
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


def retry(seconds: float) -> bytes:
    """Return what tells a client how long to wait until it connects again."""
    return b"retry: %d\n\n" % (1000 * seconds)


def framed(token: bytes, message: bytes) -> bytes:
    """Return one event as a message of the stream; its id names the session too, so that it suffices to come back."""
    if b"\n" in message or b"\r" in message:
        message = message.translate(_ONE_LINE)
    event_id = event_id_in(message)
    if not event_id:
        return b"data: %b\n\n" % message
    return b"id: %b/%b\ndata: %b\n\n" % (token, event_id, message)


def event_id_in(message: bytes) -> bytes:
    """Return a server event's id; empty when it has none that could stand in a line of its own."""
    at = message.find(_KEY, 0, _HEAD_BYTES)
    # With no other brace before it the key stands at the top.
    if at > 0 and message.find(b"{", 1, at) < 0:
        begin = at + len(_KEY)
        event_id = message[begin : message.find(b'"', begin)]
    else:
        event_id = field_of(message, "event_id").encode(errors="replace")
    return event_id if _is_plain(event_id) and b"\\" not in event_id else b""


def resume_point(last_event_id: str) -> tuple[str, str]:
    """Return token and event id of an id line that a client sends back; "" for what it lacks."""
    token, slash, event_id = last_event_id.strip().partition("/")
    return (token, event_id) if slash else ("", token)
