"""What the routes that make client secrets take and answer."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.protocol.config import AudioInput, Include, SessionConfig

# How long a client secret lasts when its maker does not say.
GA_SECONDS = 600
BETA_SECONDS = 60


class ExpiresAfter(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a client secret can begin sessions."""

    anchor: Literal["created_at"] | None = None
    seconds: Annotated[int, Meta(ge=10, le=7200)] | None = None


class CreateClientSecret(Struct, frozen=True, forbid_unknown_fields=True):
    """`session` is as in a `session.update`; it is merged into the defaults before it is checked as a whole."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


class RealtimeSession(SessionConfig, frozen=True, tag_field="type", tag="realtime", kw_only=True):
    """A session as the server shows it."""

    id: str
    object: Literal["realtime.session"]
    model: str
    expires_at: int


class TranscriptionAudio(Struct, frozen=True):
    input: AudioInput


class TranscriptionSession(Struct, frozen=True, tag_field="type", tag="transcription"):
    """A transcription session as the server shows it."""

    id: str
    object: Literal["realtime.transcription_session"]
    expires_at: int
    audio: TranscriptionAudio
    include: Include | None = None


class ClientSecretCreated(Struct, frozen=True):
    value: str
    expires_at: int
    session: RealtimeSession | TranscriptionSession


class BetaClientSecret(Struct, frozen=True, forbid_unknown_fields=True):
    """What `client_secret` may ask for; transcription sessions have another name for the same."""

    expires_after: ExpiresAfter | None = None
    expires_at: ExpiresAfter | None = None

    @property
    def seconds(self) -> int:
        asked = self.expires_after or self.expires_at
        return (asked.seconds if asked else None) or BETA_SECONDS


class BetaSecretValue(Struct, frozen=True):
    value: str
    expires_at: int


BetaModalities = list[Literal["text", "audio"]]
BetaFormat = Literal["pcm16", "g711_ulaw", "g711_alaw"]
Temperature = Annotated[float, Meta(ge=0.6, le=1.2)]


class BetaHearing(Struct, frozen=True, kw_only=True):
    """What the flat sessions of the beta shape have in common."""

    modalities: BetaModalities | UnsetType = UNSET
    input_audio_format: BetaFormat | UnsetType = UNSET
    input_audio_transcription: dict[str, Any] | UnsetType | None = UNSET
    input_audio_noise_reduction: dict[str, Any] | UnsetType | None = UNSET
    turn_detection: dict[str, Any] | UnsetType | None = UNSET
    include: Include | UnsetType | None = UNSET


class BetaConversing(BetaHearing, frozen=True, kw_only=True):
    """What else a flat session that answers has."""

    model: str | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    voice: str | UnsetType = UNSET
    output_audio_format: BetaFormat | UnsetType = UNSET
    tools: list[dict[str, Any]] | UnsetType = UNSET
    tool_choice: str | dict[str, Any] | UnsetType = UNSET
    temperature: Temperature | UnsetType = UNSET
    max_response_output_tokens: int | Literal["inf"] | UnsetType = UNSET
    speed: float | UnsetType = UNSET
    tracing: Literal["auto"] | dict[str, Any] | UnsetType | None = UNSET


class CreateBetaSession(BetaConversing, frozen=True, kw_only=True):
    client_secret: BetaClientSecret | UnsetType | None = UNSET


class CreateBetaTranscriptionSession(BetaHearing, frozen=True, kw_only=True):
    client_secret: BetaClientSecret | UnsetType | None = UNSET


class BetaSession(BetaConversing, frozen=True, kw_only=True):
    id: str
    object: Literal["realtime.session"]
    expires_at: int
    client_secret: BetaSecretValue


class BetaTranscriptionSession(BetaHearing, frozen=True, kw_only=True):
    id: str
    object: Literal["realtime.transcription_session"]
    expires_at: int
    client_secret: BetaSecretValue
