"""What the session asks of the stages; the driver runs these and reports with the values of `results`.

All audio is PCM16 at 24000 Hz; positions count its samples from the session's start.
"""

from dataclasses import dataclass

from antiphon.protocol.config import NoiseReduction
from antiphon.session.context import ModelContext, TranscriptionHint


@dataclass(frozen=True, slots=True)
class DetectSpeech:
    """Find speech in `pcm`, whose first sample is at `start`; pieces come without gaps until a `ResetDetection`."""

    start: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class ResetDetection:
    """Forget audio that was not yet looked at: the next piece begins anew."""


@dataclass(frozen=True, slots=True)
class PrepareTranscription:
    """Utterances with this hint will come soon."""

    hint: TranscriptionHint


@dataclass(frozen=True, slots=True)
class StartTranscription:
    """`noise_reduction` says how to clean the utterance's audio before STT hears it; None leaves it as it is."""

    item_id: str
    hint: TranscriptionHint
    noise_reduction: NoiseReduction | None = None


@dataclass(frozen=True, slots=True)
class TranscribeAudio:
    item_id: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class FinishTranscription:
    item_id: str


@dataclass(frozen=True, slots=True)
class CancelTranscription:
    item_id: str


@dataclass(frozen=True, slots=True)
class Generate:
    response_id: str
    context: ModelContext


@dataclass(frozen=True, slots=True)
class CancelGeneration:
    response_id: str


@dataclass(frozen=True, slots=True)
class Speak:
    speech_id: str
    text: str
    voice: str
    speed: float


@dataclass(frozen=True, slots=True)
class CancelSpeech:
    speech_id: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """End the connection after the events before this."""

    code: int
    reason: str


Request = (
    DetectSpeech
    | ResetDetection
    | PrepareTranscription
    | StartTranscription
    | TranscribeAudio
    | FinishTranscription
    | CancelTranscription
    | Generate
    | CancelGeneration
    | Speak
    | CancelSpeech
    | CloseSession
)
