"""Estimate the mean cepstrum of a voice and its channel from the little that was heard so far. Pure.

The decoder subtracts this mean. Its own estimate begins from a fixed guess and learns over earlier utterances, which
another speaker's utterance in the same decoder must not have; a wrong mean doubles the word error rate.
"""

import numpy as np
from numpy.typing import NDArray

# The usual mean of speech, from recordings of six voices, human and synthetic, on five channels; the front end's
# liftered cosine transform. The first, the level, says nothing about the next speaker and is always estimated.
_USUAL = np.array(
    [60.0, 6.9, 1.0, 18.2, -7.2, 1.1, -3.8, -6.0, -0.2, -1.2, 5.4, 3.1, 3.0],
    np.float32,
)
_SPEECH_RANGE = 25.0  # of the level: what is softer than that below the loudest frames is a pause
_SOFTEST = 35.0  # level of speech 25 dB softer than usual; with a lower mean, silence alone would look like speech
_USUAL_FRAMES = 50  # how many frames of evidence the usual mean is worth: half a second of speech


def cepstral_mean(cepstra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the speech in `cepstra`: float32, (13,).

    Args:
        cepstra: float32, (frames, 13); silence among them is left out.
    """
    if not len(cepstra):
        return _USUAL
    level = cepstra[:, 0]
    quiet, loud = np.percentile(level, (10, 95))
    speech = cepstra[level >= max((quiet + loud) / 2, loud - _SPEECH_RANGE)]
    total: NDArray[np.float32] = speech.sum(axis=0) + _USUAL_FRAMES * _USUAL
    mean = (total / np.float32(len(speech) + _USUAL_FRAMES)).astype(np.float32)
    mean[0] = max(float(speech[:, 0].mean()), _SOFTEST)
    return mean
