"""The interfaces of the cascade's stages.

A stage object is shared by all sessions; a *stream* belongs to one session or utterance. Everything here is
called on the event loop and must return to it at once: work that takes more than a fraction of a millisecond
runs in a thread that does not hold the interpreter, or in another process.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from antiphon.protocol.config import NoiseReduction as NoiseReductionConfig
from antiphon.session.context import ModelContext, TranscriptionHint


class Stage(Protocol):
    """What every stage has: a slow beginning, so that no call waits for it, and an end."""

    async def start(self) -> None:
        """Load and warm up; afterwards the first use is as fast as any other.

        Raises:
            MissingExtraError: A package is not installed.
            StageError: The stage cannot work; the message says what to do.
        """
        ...

    async def close(self) -> None:
        """Free everything; safe to call twice and before `start`."""
        ...


# --- voice activity detection -------------------------------------------------------------------------------


class VoiceActivityStream(Protocol):
    """Voice activity in one session's audio, in the order it came."""

    async def detect(self, pcm: bytes) -> Sequence[float]:
        """Return the speech probability, in [0, 1], of each frame in `pcm`.

        Args:
            pcm: PCM16 at the stage's `rate`, a whole number of frames of `frame_samples`.
        """
        ...

    def reset(self) -> None:
        """Forget what was heard, as after a cleared buffer."""
        ...

    def close(self) -> None: ...


class VoiceActivityDetector(Stage, Protocol):
    @property
    def rate(self) -> int:
        """Sample rate it wants, Hz."""
        ...

    @property
    def frame_samples(self) -> int:
        """Samples in one frame."""
        ...

    def open(self) -> VoiceActivityStream: ...


# --- noise reduction ----------------------------------------------------------------------------------------


class NoiseFilter(Protocol):
    """The noise filter of one stream, PCM16 at 24000 Hz; synchronous, and in one thread at a time."""

    def process(self, pcm: bytes) -> bytes:
        """Return what of the stream is clean by now; as many samples come out in all as went in."""
        ...

    def flush(self) -> bytes:
        """Return the tail of the stream."""
        ...

    def close(self) -> None: ...


class NoiseReduction(Stage, Protocol):
    def open(self, config: NoiseReductionConfig) -> NoiseFilter: ...


# --- speech to text -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Transcript:
    """A final transcript. `text` is "" when nothing was understood; `seconds` of audio were transcribed."""

    text: str
    seconds: float
    language: str | None = None


class TranscriptionStream(Protocol):
    """The transcription of one utterance."""

    def feed(self, pcm: bytes) -> None:
        """Add audio: PCM16 at the stage's `rate`, of any length; it is queued, never waited for."""
        ...

    def partials(self) -> AsyncIterator[str]:
        """Yield the whole hypothesis so far each time that it changed; ends with the utterance.

        A stage without interim results yields nothing. A slow reader gets the newest only.
        """
        ...

    async def finish(self) -> Transcript:
        """End the utterance and return what was said.

        Raises:
            StageError: The stage failed; the message helps the operator.
        """
        ...

    def cancel(self) -> None:
        """Drop the utterance; safe at any time, also after `finish`."""
        ...


class SpeechToText(Stage, Protocol):
    @property
    def rate(self) -> int:
        """Sample rate it wants, Hz."""
        ...

    async def prepare(self, hint: TranscriptionHint) -> None:
        """Get ready for utterances with this hint, so that `open` need not wait; may take a second."""
        ...

    def open(self, hint: TranscriptionHint) -> TranscriptionStream:
        """Begin one utterance; uses the best that is prepared now for `hint`."""
        ...


# --- language model -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class ToolCallStarted:
    """The model began a function call; `index` tells parallel calls apart."""

    index: int
    name: str
    call_id: str | None = None


@dataclass(frozen=True)
class ToolCallDelta:
    """A piece of the call's arguments, JSON text."""

    index: int
    arguments: str


@dataclass(frozen=True)
class GenerationFinished:
    """The end of a generation, exactly once and last.

    Args:
        reason: `stop`, `length` (the token limit was reached) or `content_filter`.
        input_tokens: As counted by the model, None when it did not say.
        output_tokens: Likewise.
        cached_tokens: Likewise.
    """

    reason: str = "stop"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


GenerationEvent = TextDelta | ToolCallStarted | ToolCallDelta | GenerationFinished


class LanguageModel(Stage, Protocol):
    def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent, None]:
        """Answer `context`, streaming. `aclose` cancels the generation.

        Raises:
            StageError: While iterating; the message helps the operator and never contains a key.
        """
        ...


# --- text to speech -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WordMark:
    """Where a word of the text begins in the audio: `text[start:end]` begins at `sample`, counted from the
    first sample of the whole text at the stage's `rate`."""

    start: int
    end: int
    sample: int


@dataclass(frozen=True)
class Speech:
    """A piece of spoken text: PCM16 at the stage's `rate`, and the words that begin in it."""

    pcm: bytes
    words: tuple[WordMark, ...] = ()


class TextToSpeech(Stage, Protocol):
    @property
    def rate(self) -> int:
        """Sample rate that it produces, Hz."""
        ...

    def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        """Speak `text`, yielding audio as it is made; `aclose` stops the synthesis.

        Args:
            text: One sentence or a few; plain text.
            voice: One of the API's voice names or one of the stage's own; an unknown name gets the default.
            speed: 0.25 to 1.5 times the usual speed.

        Raises:
            StageError: While iterating.
        """
        ...
