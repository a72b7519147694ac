"""Where speech begins and ends, from a row of speech probabilities."""

from dataclasses import dataclass

# One loud frame is a click; two in a row (64 ms) are speech.
ONSET_FRAMES = 2
# Speech has ended only when the probability falls clearly below the threshold that began it; this keeps soft
# syllables inside.
HYSTERESIS = 0.15


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Speech begins at this sample."""

    position: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Speech ended before this sample, the silence that showed it included."""

    position: int


class TurnDetector:
    """Server VAD: speech, then enough silence.

    Args:
        threshold: Speech probability from which on a frame is speech.
        silence_samples: Silence that ends a turn.
    """

    def __init__(self, threshold: float, silence_samples: int) -> None:
        self.threshold = threshold
        self.silence_samples = silence_samples
        self.speaking = False
        self._onset: int | None = None
        self._onset_frames = 0
        self._silence_start: int | None = None

    def hear(self, start: int, end: int, probability: float) -> SpeechBegan | SpeechEnded | None:
        """Take one frame, from sample `start` to `end`; frames come in order."""
        if self.speaking:
            return self._hear_in_speech(start, end, probability)
        return self._hear_in_silence(start, probability)

    def reset(self) -> None:
        """Forget what was heard."""
        self.speaking = False
        self._onset = None
        self._onset_frames = 0
        self._silence_start = None

    def _hear_in_silence(self, start: int, probability: float) -> SpeechBegan | None:
        if probability < self.threshold:
            self._onset = None
            self._onset_frames = 0
            return None
        if self._onset is None:
            self._onset = start
        self._onset_frames += 1
        if self._onset_frames < ONSET_FRAMES:
            return None
        onset = self._onset
        self.reset()
        self.speaking = True
        return SpeechBegan(onset)

    def _hear_in_speech(self, start: int, end: int, probability: float) -> SpeechEnded | None:
        if probability >= max(self.threshold - HYSTERESIS, 0.01):
            self._silence_start = None
            return None
        if self._silence_start is None:
            self._silence_start = start
        if end - self._silence_start < self.silence_samples:
            return None
        self.reset()
        return SpeechEnded(end)
