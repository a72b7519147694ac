"""Where a refusal points: paths and names of GA in an error become the beta client's own."""

import re
from collections.abc import Mapping

from antiphon.errors import ClientEventError
from antiphon.protocol.beta.fields import RESPONSE_OPTIONS, SESSION, Field
from antiphon.protocol.beta.items import PART_TYPES
from antiphon.protocol.beta.values import FORMATS
from antiphon.protocol.server_events import ErrorDetail


def _places(root: str, fields: tuple[Field, ...]) -> dict[str, str]:
    # The first of two names for one place is the one to show.
    return {f"{root}.{field.place}": f"{root}.{field.name}" for field in reversed(fields)}


_PLACES = {**_places("session", SESSION), **_places("response", RESPONSE_OPTIONS)}
_WORDS = {
    **{ga: beta for beta, ga in PART_TYPES.items()},
    **{form["type"]: name for name, form in FORMATS.items()},
}
_GA_PLACES = {
    f"{root}.{field.name}": f"{root}.{field.place}"
    for root, fields in (("session", SESSION), ("response", RESPONSE_OPTIONS))
    for field in fields
}
_QUOTED = re.compile(r"'([^'\s]+)'")


def beta_path(path: str) -> str:
    """Return the beta path of a field that GA has at `path`; paths that are alike in both stay."""
    return _moved(path, _PLACES)


def ga_path(path: str) -> str:
    """Return the GA path of a field that the beta shape has at `path`; paths that are alike in both stay."""
    return _moved(path, _GA_PLACES)


def _moved(path: str, places: Mapping[str, str]) -> str:
    end = len(path)
    while end > 0:
        if (known := places.get(path[:end])) is not None:
            return known + path[end:]
        end = max(path.rfind(".", 0, end), path.rfind("[", 0, end))
    return path


def beta_words(message: str) -> str:
    """Return a message with every quoted path and value in the beta shape."""
    return _QUOTED.sub(lambda match: f"'{_WORDS.get(match[1]) or beta_path(match[1])}'", message)


def ga_words(message: str) -> str:
    """Return a message with every quoted path and format in GA's shape.

    Content types stay, since `text` and `audio` are words of GA too.
    """
    return _QUOTED.sub(lambda match: f"'{_ga_format(match[1]) or ga_path(match[1])}'", message)


def _ga_format(name: str) -> str | None:
    return str(FORMATS[name]["type"]) if name in FORMATS else None


def beta_refusal(error: ClientEventError) -> ClientEventError:
    """Return a refusal in GA's words as one in the beta shape's."""
    param = None if error.param is None else beta_path(error.param)
    return ClientEventError(error.code, beta_words(error.message), param)


def beta_detail(error: ErrorDetail) -> ErrorDetail:
    """Return an `error` event's detail in the beta shape's words."""
    param = None if error.param is None else beta_path(error.param)
    return ErrorDetail(error.type, error.code, beta_words(error.message), param, error.event_id)
