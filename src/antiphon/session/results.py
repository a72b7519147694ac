"""What the stages produced, as the driver reports it. A result of cancelled work is ignored.

All audio is PCM16 at 24000 Hz; positions count its samples.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechDetected:
    """Speech probabilities of consecutive frames; the first frame begins at `start` in the session's audio."""

    start: int
    frame_samples: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DetectionFailed:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TranscriptPartial:
    """The whole hypothesis so far; it may change."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptFinal:
    item_id: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    item_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class GeneratedText:
    response_id: str
    text: str


@dataclass(frozen=True, slots=True)
class GeneratedCall:
    """The model began a function call; `index` tells parallel calls of one response apart."""

    response_id: str
    index: int
    name: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class GeneratedArguments:
    response_id: str
    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class GenerationDone:
    """`reason` is `stop`, `length` or `content_filter`; token counts are None where the model gave none."""

    response_id: str
    reason: str = "stop"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class GenerationFailed:
    response_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """`text[start:end]` of the requested text begins at `sample` of its audio."""

    start: int
    end: int
    sample: int


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    speech_id: str
    pcm: bytes
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechDone:
    speech_id: str


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    speech_id: str
    code: str
    message: str


Result = (
    SpeechDetected
    | DetectionFailed
    | TranscriptPartial
    | TranscriptFinal
    | TranscriptFailed
    | GeneratedText
    | GeneratedCall
    | GeneratedArguments
    | GenerationDone
    | GenerationFailed
    | SpokenAudio
    | SpeechDone
    | SpeechFailed
)
