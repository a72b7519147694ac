"""Where speech begins and ends in what was recorded: the arithmetic of these benchmarks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.browser.browsers import Heard

from antiphon.audio.pcm import samples_of
from antiphon.talk.files import read_question
from antiphon.talk.playback import RATE as QUESTION_RATE

# A sample this loud (-40 dB of full scale) is sound. What browsers and codecs make of silence is far below it.
LOUD = 328


@dataclass(frozen=True)
class Question:
    """A recording to be said.

    Args:
        path: A WAV file.
        onset: Seconds from its beginning to its first loud sample.
        end: Seconds from its beginning to the end of speech, as `antiphon talk` finds it.
    """

    path: Path
    onset: float
    end: float

    @classmethod
    def load(cls, path: Path) -> "Question":
        spoken = read_question(path)
        first = loud(spoken.pcm)[0]
        return cls(path, int(first) / QUESTION_RATE, spoken.speech_end / QUESTION_RATE)

    def ended(self, recorded: Heard) -> float | None:
        """Return when speech ended in a recording that begins in silence before it; None before it has begun."""
        begun = begin_of_sound(recorded)
        return None if begun is None else begun - self.onset + self.end


def loud(pcm: bytes) -> NDArray[np.intp]:
    """Return the positions of the loud samples of PCM16."""
    samples = samples_of(pcm[: len(pcm) // 2 * 2]).astype(np.int32)
    return np.flatnonzero(np.abs(samples) >= LOUD)


def begin_of_sound(heard: Heard) -> float | None:
    """Return when the first loud sample was heard, if there is one."""
    found = loud(heard.pcm)
    return heard.begin + int(found[0]) / heard.rate if len(found) else None


def end_of_sound(heard: Heard, seconds: float) -> float | None:
    """Return when the last loud sample before a silence of `seconds` was heard; None if there is no such silence."""
    size = len(heard.pcm) // 2
    ends = np.append(loud(heard.pcm), size)
    if len(ends) == 1:
        return None
    gaps = np.flatnonzero(np.diff(ends) >= seconds * heard.rate)
    return heard.begin + (int(ends[gaps[0]]) + 1) / heard.rate if len(gaps) else None
