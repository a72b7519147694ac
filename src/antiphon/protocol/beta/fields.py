"""Where the flat fields of beta sessions and responses stand in GA's nested ones: tables, and the walk over them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from antiphon.errors import ClientEventError
from antiphon.protocol.beta import values
from antiphon.protocol.beta.values import unknown_parameter


class Reader(Protocol):
    def __call__(self, value: Any, path: str, /) -> Any: ...


class Writer(Protocol):
    def __call__(self, value: Any, /) -> Any: ...


@dataclass(frozen=True)
class Field:
    """One field.

    Args:
        name: In the beta shape.
        place: Its dotted place in GA; `temperature` has none there and keeps its name.
        read: From the beta value to the GA value; null is null in both.
        show: The reverse.
    """

    name: str
    place: str
    read: Reader = values.as_is
    show: Writer = values.show_as_is


_MODALITIES = Field("modalities", "output_modalities", values.read_modalities, values.show_modalities)
_INSTRUCTIONS = Field("instructions", "instructions")
_VOICE = Field("voice", "audio.output.voice", show=values.show_voice)
_OUTPUT_FORMAT = Field("output_audio_format", "audio.output.format", values.read_format, values.show_format)
_TOOLS = Field("tools", "tools")
_TOOL_CHOICE = Field("tool_choice", "tool_choice", values.read_tool_choice, values.show_tool_choice)
_TEMPERATURE = Field("temperature", "temperature", values.read_temperature)
_MAX_TOKENS = Field("max_response_output_tokens", "max_output_tokens")
_INCLUDE = Field("include", "include")
_TURN_DETECTION = Field(
    "turn_detection", "audio.input.turn_detection", values.read_turn_detection, values.show_turn_detection
)
_HEARING = (
    Field("input_audio_format", "audio.input.format", values.read_format, values.show_format),
    Field(
        "input_audio_transcription",
        "audio.input.transcription",
        values.read_transcription,
        values.show_transcription,
    ),
    Field(
        "input_audio_noise_reduction",
        "audio.input.noise_reduction",
        values.read_noise_reduction,
        values.show_noise_reduction,
    ),
    _TURN_DETECTION,
)

SESSION = (
    _MODALITIES,
    _INSTRUCTIONS,
    _VOICE,
    _OUTPUT_FORMAT,
    *_HEARING,
    _TOOLS,
    _TOOL_CHOICE,
    _TEMPERATURE,
    _MAX_TOKENS,
    Field("speed", "audio.output.speed"),
    Field("tracing", "tracing"),
    _INCLUDE,
)
TRANSCRIPTION_SESSION = (*_HEARING, _INCLUDE)
RESPONSE_OPTIONS = (
    _MODALITIES,
    _INSTRUCTIONS,
    _VOICE,
    _OUTPUT_FORMAT,
    _TOOLS,
    _TOOL_CHOICE,
    _TEMPERATURE,
    _MAX_TOKENS,
    Field("max_output_tokens", "max_output_tokens"),  # Azure's name for it
    Field("conversation", "conversation"),
    Field("metadata", "metadata"),
    Field("input", "input"),
)
# A response as it is shown; other fields than in the request, and `max_output_tokens` under its GA name.
RESPONSE = (_MODALITIES, _VOICE, _OUTPUT_FORMAT, _TEMPERATURE, Field("max_output_tokens", "max_output_tokens"))

# Of these null says something: that there is none.
NULLABLE = frozenset(
    {"turn_detection", "input_audio_transcription", "input_audio_noise_reduction", "tracing", "include"}
)
_ABSENT = object()


def nested(fields: Iterable[Field], flat: Mapping[str, Any], path: str, ignored: Iterable[str] = ()) -> dict[str, Any]:
    """Return the GA object of a flat one; fields that are absent stay absent.

    Args:
        fields: The table.
        flat: As parsed from JSON.
        path: Where `flat` stands in the event, such as `session`; "" for a whole body.
        ignored: Keys that clients echo without effect.

    Raises:
        ClientEventError: With the path of the field in the beta shape.
    """
    table = {field.name: field for field in fields}
    ga: dict[str, Any] = {}
    for name, value in flat.items():
        param = f"{path}.{name}" if path else name
        if (field := table.get(name)) is not None:
            _put(ga, field.place, None if value is None else field.read(value, param))
        elif name not in ignored:
            raise unknown_parameter(param, table)
    return ga


def flattened(fields: Iterable[Field], ga: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat fields of a GA object, null where it has none."""
    shown = {}
    for field in fields:
        value = _get(ga, field.place)
        shown[field.name] = None if value is None else field.show(value)
    return shown


def flattened_given(fields: Iterable[Field], ga: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat fields that a GA object has a value or a null for; of two names for one place the first."""
    shown: dict[str, Any] = {}
    places = set()
    for field in fields:
        value = _get(ga, field.place, _ABSENT)
        if value is not _ABSENT and field.place not in places:
            places.add(field.place)
            shown[field.name] = None if value is None else field.show(value)
    return shown


def put_known(fields: Iterable[Field], flat: Mapping[str, Any], ga: dict[str, Any]) -> None:
    """Put what a server shows flat in its place in `ga`: what GA has no place for is left out, and nothing is refused.

    A null replaces only what may be null in GA.
    """
    for field in fields:
        value = flat.get(field.name)
        if field.name in flat and field is not _TEMPERATURE and (value is not None or field.name in NULLABLE):
            _put(ga, field.place, None if value is None else _read_leniently(field, value))


def _read_leniently(field: Field, value: Any) -> Any:
    try:
        return field.read(value, field.name)
    except ClientEventError:
        return value


def _put(ga: dict[str, Any], place: str, value: Any) -> None:
    *parents, last = place.split(".")
    for key in parents:
        ga = ga.setdefault(key, {})
    ga[last] = value


def _get(ga: Mapping[str, Any], place: str, absent: Any = None) -> Any:
    value: Any = ga
    for key in place.split("."):
        value = value.get(key, absent) if isinstance(value, Mapping) else absent
    return value
