"""Session configuration in GA shape: its fields, rules and defaults, and how an update is merged into it.

Source: Realtime API, `session.update`; the defaults follow real traffic.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.errors import ClientEventError
from antiphon.protocol.validation import convert

WIRE_RATE = 24_000  # Hz, of audio/pcm
TELEPHONE_RATE = 8_000  # Hz, of audio/pcmu and audio/pcma

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")

DEFAULT_INSTRUCTIONS = (
    "You are a helpful, friendly voice assistant. Answer briefly, in the language of the user, in sentences that "
    "sound natural when spoken. Use a tool whenever one fits. If you do not know something, say so."
)


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """A request object: an unknown field is refused by name, never dropped in silence."""


# --- audio ----------------------------------------------------------------------------------------------------


class PcmFormat(_Strict, frozen=True, tag_field="type", tag="audio/pcm"):
    """PCM16 at 24000 Hz."""

    rate: Annotated[int, Meta(ge=WIRE_RATE, le=WIRE_RATE)] = WIRE_RATE


class PcmuFormat(_Strict, frozen=True, tag_field="type", tag="audio/pcmu"):
    """G.711 mu-law at 8000 Hz."""


class PcmaFormat(_Strict, frozen=True, tag_field="type", tag="audio/pcma"):
    """G.711 A-law at 8000 Hz."""


AudioFormat = PcmFormat | PcmuFormat | PcmaFormat


class NoiseReduction(_Strict, frozen=True, omit_defaults=True):
    type: Literal["near_field", "far_field"]
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


class Transcription(_Strict, frozen=True):
    """Asks for transcripts of the user's audio; real servers echo `language` and `prompt` as null when unset."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    keywords: list[str] | UnsetType = UNSET
    languages: list[str] | UnsetType = UNSET
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType = UNSET


class ServerVad(_Strict, frozen=True, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=30_000)] = 300
    silence_duration_ms: Annotated[int, Meta(ge=0, le=30_000)] = 500
    idle_timeout_ms: Annotated[int, Meta(ge=5_000, le=30_000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Strict, frozen=True, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["auto", "low", "medium", "high"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = ServerVad | SemanticVad


class AudioInput(_Strict, frozen=True):
    format: AudioFormat = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()


class CustomVoice(_Strict, frozen=True):
    id: str


class AudioOutput(_Strict, frozen=True):
    format: AudioFormat = PcmFormat()
    voice: str | CustomVoice = "alloy"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0


class Audio(_Strict, frozen=True):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


# --- tools ----------------------------------------------------------------------------------------------------


class FunctionTool(_Strict, frozen=True, tag_field="type", tag="function"):
    """A function that the client runs; `parameters` is kept as it came."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    description: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    strict: bool | UnsetType = UNSET


class McpTool(_Strict, frozen=True, tag_field="type", tag="mcp"):
    """Tools of a remote MCP server."""

    server_label: str
    server_url: str | UnsetType = UNSET
    connector_id: str | UnsetType = UNSET
    tunnel_id: str | UnsetType = UNSET
    authorization: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    allowed_tools: Any = UNSET
    require_approval: Any = UNSET
    server_description: str | UnsetType = UNSET
    allowed_callers: Any = UNSET
    defer_loading: bool | UnsetType = UNSET


SessionTool = FunctionTool | McpTool


class FunctionChoice(_Strict, frozen=True, tag_field="type", tag="function"):
    name: str


class McpChoice(_Strict, frozen=True, tag_field="type", tag="mcp"):
    server_label: str
    name: str | None = None


ToolChoiceParam = Literal["auto", "none", "required"] | FunctionChoice | McpChoice
MaxOutputTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
OutputModalities = Annotated[list[Literal["audio", "text"]], Meta(min_length=1, max_length=1)]
Include = list[Literal["item.input_audio_transcription.logprobs"]]


# --- the session ----------------------------------------------------------------------------------------------


class TokenLimits(_Strict, frozen=True):
    post_instructions: Annotated[int, Meta(ge=0)] | UnsetType = UNSET


class RetentionRatio(_Strict, frozen=True, tag_field="type", tag="retention_ratio"):
    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: TokenLimits | UnsetType = UNSET


class TracingConfig(_Strict, frozen=True):
    workflow_name: str | UnsetType = UNSET
    group_id: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class Prompt(_Strict, frozen=True):
    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class Reasoning(_Strict, frozen=True):
    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType = UNSET


class SessionConfig(_Strict, frozen=True):
    """What a client may set of a realtime session; the order is that of `session.created`."""

    output_modalities: OutputModalities = msgspec.field(default_factory=lambda: ["audio"])
    instructions: str = DEFAULT_INSTRUCTIONS
    tools: list[SessionTool] = msgspec.field(default_factory=list)
    tool_choice: ToolChoiceParam = "auto"
    max_output_tokens: MaxOutputTokens = "inf"
    tracing: Literal["auto"] | TracingConfig | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio = "auto"
    prompt: Prompt | None = None
    audio: Audio = Audio()
    include: Include | None = None
    parallel_tool_calls: bool | UnsetType = UNSET
    reasoning: Reasoning | UnsetType = UNSET

    @property
    def speaks(self) -> bool:
        """Whether responses are spoken (`output_modalities` is `["audio"]`)."""
        return self.output_modalities == ["audio"]


# What a client may echo without effect: the server sets it, or it cannot change.
ECHOED_KEYS = ("model", "id", "object", "expires_at")
# The objects whose fields are merged one by one; every other object is replaced as a whole.
_MERGED_PATHS = ("", "audio", "audio.input", "audio.output")


def updated(config: SessionConfig, update: Mapping[str, Any], defaults: SessionConfig | None = None) -> SessionConfig:
    """Return `config` with a partial `update` merged in; a refused update changes nothing.

    Args:
        config: The configuration so far.
        update: The `session` of a `session.update`, as parsed from JSON, its `type` already checked. A null means
            the default, except for `turn_detection`, where it means none.
        defaults: What an empty `instructions` and a null go back to.

    Raises:
        ClientEventError: With the dotted path of the offending field, from `session`.
    """
    plain = {key: value for key, value in update.items() if key != "type" and key not in ECHOED_KEYS}
    merged = _merged(msgspec.to_builtins(config), plain, msgspec.to_builtins(defaults or SessionConfig()), "")
    if merged.get("instructions") == "":
        merged["instructions"] = (defaults or SessionConfig()).instructions
    result = convert(merged, SessionConfig, "session")
    if config.tracing is not None and result.tracing != config.tracing:
        raise ClientEventError("invalid_parameter", "tracing cannot be changed once it is set", "session.tracing")
    return result


def _merged(base: dict[str, Any], update: Mapping[str, Any], defaults: Mapping[str, Any], path: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in update.items():
        below = f"{path}.{key}" if path else key
        if value is None and below != "audio.input.turn_detection":
            _reset(merged, key, defaults)
        elif below in _MERGED_PATHS and isinstance(value, Mapping):
            merged[key] = _merged(base.get(key, {}), value, defaults.get(key, {}), below)
        else:
            merged[key] = value if key == "tools" else _without_nulls(value)
    return merged


def _reset(merged: dict[str, Any], key: str, defaults: Mapping[str, Any]) -> None:
    # An unknown key stays, so that the conversion refuses it by name.
    if key in defaults:
        merged[key] = defaults[key]
    elif key in ("parallel_tool_calls", "reasoning"):
        merged.pop(key, None)
    else:
        merged[key] = None


def _without_nulls(value: Any) -> Any:
    # Clients send null for what they leave unset: inside an object it means the default.
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def session_object(config: SessionConfig, session_id: str, model: str, expires_at: int) -> dict[str, Any]:
    """Return the session as `session.created` and `session.updated` show it."""
    fields: dict[str, Any] = msgspec.to_builtins(config)
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        **{key: fields.pop(key) for key in _BEFORE_EXPIRY},
        "expires_at": expires_at,
        **fields,
    }


_BEFORE_EXPIRY = (
    "output_modalities",
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "tracing",
    "truncation",
    "prompt",
)
