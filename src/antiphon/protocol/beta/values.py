"""Single values whose beta form is another one than GA's: formats, modalities, turn detection, tool choice.

A reader takes what a beta client sent and its path, and returns the GA value or refuses; a writer does the reverse.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from antiphon.errors import ClientEventError

DEFAULT_TEMPERATURE = 0.8
_TEMPERATURES = (0.6, 1.2)

FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {form["type"]: name for name, form in FORMATS.items()}

# GA knows one modality at a time: what is spoken has its transcript anyway.
SPOKEN = ["text", "audio"]
WRITTEN = ["text"]

VAD_KEYS = (
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "eagerness",
    "create_response",
    "interrupt_response",
)
TRANSCRIPTION_KEYS = ("model", "language", "prompt")
NOISE_REDUCTION_KEYS = ("type",)


# --- from the client ------------------------------------------------------------------------------------------


def as_is(value: Any, _path: str) -> Any:
    return value


def read_format(value: Any, path: str) -> Any:
    if not isinstance(value, str) or value not in FORMATS:
        raise _unsupported(value, FORMATS, path)
    return FORMATS[value]


def read_modalities(value: Any, path: str) -> list[str]:
    given = {name for name in value if isinstance(name, str)} if isinstance(value, list) else set()
    if not given or len(given) != len(value) or given - set(SPOKEN):
        message = f"Invalid modalities: {_shown(value)}. Supported combinations are: {WRITTEN} and {SPOKEN}."
        raise ClientEventError("invalid_value", message, path)
    return ["audio"] if "audio" in given else ["text"]


def read_turn_detection(value: Any, path: str) -> Any:
    """`{"type": "none"}` is how early Azure clients turn it off, and server VAD needs no type in the beta shape."""
    if not isinstance(value, Mapping):
        return value
    if value.get("type") == "none":
        return None
    _check_keys(value, VAD_KEYS, path)
    return {"type": "server_vad", **{key: inner for key, inner in value.items() if inner is not None}}


def read_transcription(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        _check_keys(value, TRANSCRIPTION_KEYS, path)
    return value


def read_noise_reduction(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        _check_keys(value, NOISE_REDUCTION_KEYS, path)
    return value


def read_tool_choice(value: Any, path: str) -> Any:
    """A function is chosen as `{type, name}`, as `{type, function: {name}}`, or as `{type, function: "name"}`."""
    if not isinstance(value, Mapping) or "function" not in value:
        return value
    _check_keys(value, ("type", "function"), path)
    function = value["function"]
    if not isinstance(function, Mapping):
        return {"type": value.get("type", "function"), "name": function}
    _check_keys(function, ("name",), f"{path}.function")
    if "name" not in function:
        param = f"{path}.function.name"
        raise ClientEventError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)
    return {"type": value.get("type", "function"), "name": function["name"]}


def read_temperature(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ClientEventError("invalid_type", f"Invalid '{path}': expected a decimal, got {_shown(value)}.", path)
    lowest, highest = _TEMPERATURES
    # Written so that NaN is refused as well.
    if not lowest <= value <= highest:
        code = "decimal_above_max_value" if value > highest else "decimal_below_min_value"
        message = f"Invalid '{path}': {value} is out of range. Send a decimal from {lowest} to {highest}."
        raise ClientEventError(code, message, path)
    return float(value)


# --- to the client --------------------------------------------------------------------------------------------

# What these are shown may be another server's, with values that GA does not have: such ones are shown as they are.


def show_as_is(value: Any) -> Any:
    return value


def show_format(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, Mapping) else value
    return _FORMAT_NAMES.get(kind, kind) if isinstance(kind, str) else kind


def show_modalities(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return list(SPOKEN if "audio" in value else WRITTEN)


def show_voice(value: Any) -> Any:
    return value.get("id") if isinstance(value, Mapping) else value


def show_turn_detection(value: Any) -> Any:
    return _picked(value, VAD_KEYS)


def show_transcription(value: Any) -> Any:
    return _picked(value, TRANSCRIPTION_KEYS)


def show_noise_reduction(value: Any) -> Any:
    return _picked(value, NOISE_REDUCTION_KEYS)


def show_tool_choice(value: Any) -> Any:
    if isinstance(value, Mapping) and value.get("type") == "function" and "name" in value:
        return {"type": "function", "function": {"name": value["name"]}}
    return value


# --- inside ---------------------------------------------------------------------------------------------------


def _picked(value: Any, keys: Iterable[str]) -> Any:
    return {key: value[key] for key in keys if key in value} if isinstance(value, Mapping) else value


def _check_keys(value: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
    for key, inner in value.items():
        if key not in known and inner is not None:
            raise unknown_parameter(f"{path}.{key}", known)


def unknown_parameter(param: str, known: Iterable[str]) -> ClientEventError:
    """Return the refusal of a field that the beta shape does not have; it names those that it has."""
    names = ", ".join(f"'{name}'" for name in known)
    message = f"Unknown parameter: '{param}'. The beta shape of the Realtime API has here: {names}."
    return ClientEventError("unknown_parameter", message, param)


def _unsupported(value: Any, known: Iterable[str], path: str) -> ClientEventError:
    names = ", ".join(f"'{name}'" for name in known)
    return ClientEventError("invalid_value", f"Invalid value: {_shown(value)}. Supported values are: {names}.", path)


def _shown(value: Any) -> str:
    return repr(value)[:100]
