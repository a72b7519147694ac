"""A voice activity detector without a model, for tests: it follows a script, or takes what is loud for speech."""

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.audio.pcm import level_db, samples_of


@dataclass(frozen=True)
class SpeechSpan:
    """Samples `start` to `end` of a stream are speech of this probability."""

    start: int
    end: int
    probability: float = 1.0


class ScriptedVoiceActivityDetector:
    """Gives the same answer to the same audio, always.

    Args:
        spans: What is speech, by position in each stream; a frame counts by its first sample, and what no span covers
            has probability 0. Without spans, frames of at least `threshold_db` are speech (1.0), others are not (0.0).
        threshold_db: RMS level in dBFS.
        rate: Hz.
        frame_samples: Samples in one frame.
    """

    def __init__(
        self,
        spans: Sequence[SpeechSpan] | None = None,
        *,
        threshold_db: float = -40.0,
        rate: int = 16000,
        frame_samples: int = 512,
    ) -> None:
        self.spans = spans
        self.threshold_db = threshold_db
        self._rate = rate
        self._frame_samples = frame_samples

    @property
    def rate(self) -> int:
        return self._rate

    @property
    def frame_samples(self) -> int:
        return self._frame_samples

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def open(self) -> "ScriptedVoiceActivityStream":
        return ScriptedVoiceActivityStream(self)


class ScriptedVoiceActivityStream:
    """One stream; `position` counts the samples that came since it was opened, whether reset or not."""

    def __init__(self, detector: ScriptedVoiceActivityDetector) -> None:
        self._detector = detector
        self.position = 0
        self.resets = 0
        self.closed = False

    async def detect(self, pcm: bytes) -> Sequence[float]:
        frame_bytes = 2 * self._detector.frame_samples
        assert samples_of(pcm).size % self._detector.frame_samples == 0, "detect() takes whole frames"
        return [self._probability(pcm[start : start + frame_bytes]) for start in range(0, len(pcm), frame_bytes)]

    def _probability(self, frame: bytes) -> float:
        position, self.position = self.position, self.position + self._detector.frame_samples
        if self._detector.spans is None:
            return float(level_db(frame) >= self._detector.threshold_db)
        return max(
            (span.probability for span in self._detector.spans if span.start <= position < span.end), default=0.0
        )

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True
