"""The client events in the body of a POST."""

from collections.abc import Iterator

import msgspec

from antiphon.errors import ClientEventError
from antiphon.protocol.bounds import check_values

MAX_EVENTS = 1_000
_raw = msgspec.json.Decoder(msgspec.Raw)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE = b" \t\r\n"


def events_in(body: bytes, *, is_lines: bool) -> list[bytes]:
    """Return the events of a body: one, a JSON array of them, or one on each line. Whether they are sound shows later.

    Args:
        body: As it came.
        is_lines: Whether there is one event on each line, as in `application/x-ndjson`.

    Raises:
        ClientEventError: It is not JSON in UTF-8, or holds too much, or nothing.
    """
    check_values(body)
    try:
        body.decode() if not body.isascii() else None
        events = list(_lines(body)) if is_lines else _values(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientEventError(
            "invalid_json", f"The body is not valid JSON: {error}. Nothing of it was taken."
        ) from None
    if not events:
        raise ClientEventError("invalid_json", "The body holds no event; send a JSON object, or an array of them.")
    if len(events) > MAX_EVENTS:
        raise _too_many()
    return events


def _values(body: bytes) -> list[bytes]:
    if body.lstrip(_SPACE).startswith(b"["):
        return [bytes(raw) for raw in _raw_list.decode(body)]
    return [bytes(_raw.decode(body)).strip(_SPACE)] if body.strip(_SPACE) else []


def _lines(body: bytes) -> Iterator[bytes]:
    # Counted first: a body of empty lines would make a very long list.
    if body.count(b"\n") > 2 * MAX_EVENTS:
        raise _too_many()
    for line in body.split(b"\n"):
        if stripped := line.strip(_SPACE):
            _raw.decode(stripped)
            yield stripped


def _too_many() -> ClientEventError:
    return ClientEventError("invalid_value", f"The body holds more than {MAX_EVENTS} events; send them in several.")
