"""Typed values out of JSON, with refusals in the API's words: a code, a message and the path of the field."""

import re
from typing import Any, TypeVar

import msgspec

from antiphon.errors import ClientEventError

T = TypeVar("T")

_PATH = re.compile(r" - at `(?P<root>key in )?\$(?P<path>.*)`$")
_PLACE = " - at `"
_MOST_SHOWN = 200  # characters of what a client sent
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$")
_MISSING = re.compile(r"^Object missing required field `(.*)`$")
_BELOW = re.compile(r"^Expected `int` >= ")
_ABOVE = re.compile(r"^Expected `int` <= ")
_LENGTH = re.compile(r"^Expected `str` of length <= (\d+)$")
_WRONG_TYPE = re.compile(r"^Expected `.*`(, got `.*`)?$")


def convert(value: Any, kind: type[T], root: str) -> T:
    """Return `value`, as parsed from JSON, as a `kind`.

    Args:
        value: Dicts, lists and scalars.
        kind: What it must be.
        root: The path of `value` in the event, such as `session`.

    Raises:
        ClientEventError: The first thing that is wrong, with its dotted path.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise refusal(error, root) from None


def refusal(error: msgspec.ValidationError, root: str = "") -> ClientEventError:
    """Put what the typed decoder found into the API's words.

    Args:
        error: Its message names the fault and, behind `at`, the path.
        root: The path of what was decoded; "" for a whole event.
    """
    text = str(error)
    # From the last one on: names that the client chose stand before it, and may hold as many as it likes.
    place = _PATH.search(text, max(text.rfind(_PLACE), 0))
    fault = text[: place.start()] if place else text
    path = _joined(root, place["path"] if place else "")
    return _worded(fault, path)


def _joined(root: str, path: str) -> str:
    # `$.tools[0].name` becomes `session.tools[0].name`; "[...]" stands for an unknown key of a map.
    return _shortened((root + path).lstrip("."))


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _worded(fault: str, path: str) -> ClientEventError:
    if match := _UNKNOWN.match(fault):
        param = _joined(path, "." + match[1])
        return ClientEventError("unknown_parameter", f"Unknown parameter: '{param}'.", param)
    if match := _MISSING.match(fault):
        param = _joined(path, "." + match[1])
        return ClientEventError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)
    if match := _LENGTH.match(fault):
        message = f"Invalid '{path}': string too long. Send at most {match[1]} characters."
        return ClientEventError("string_above_max_length", message, path)
    return ClientEventError(_code(fault), f"Invalid '{path}': {_plain(fault)}.", path or None)


def _code(fault: str) -> str:
    if _BELOW.match(fault):
        return "integer_below_min_value"
    if _ABOVE.match(fault):
        return "integer_above_max_value"
    if _WRONG_TYPE.match(fault) and "got" in fault:
        return "invalid_type"
    return "invalid_value"


def _plain(fault: str) -> str:
    shown = _shortened(fault)
    return shown[:1].lower() + shown[1:].replace("`", "'")
