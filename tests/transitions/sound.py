"""Tones that survive Opus: what was said, and what was heard of it, word by word."""

from itertools import groupby

import numpy as np
import numpy.typing as npt

from tests.resilience.model import WORDS

RATE = 24_000
WORD_MS = 60
SYLLABLES = 8  # of the user's question
_HOP = RATE // 100
_WINDOW = 2 * _HOP
_POINTS = 2048
_LOWEST, _STEP = 400, 90  # Hz, of words
_SPOKEN_LOWEST, _SPOKEN_STEP = 500, 300  # of the user's syllables
_AMPLITUDE = 10_000

Floats = npt.NDArray[np.float64]


def word(text: str) -> bytes:
    """Return a word of the assistant's, PCM16 at 24000 Hz."""
    return _tone(_LOWEST + _STEP * WORDS.index(text), WORD_MS)


def question(begin: int = 0, end: int = SYLLABLES) -> bytes:
    """Return some of the syllables of the user's question, PCM16 at 24000 Hz."""
    return b"".join(_tone(_SPOKEN_LOWEST + _SPOKEN_STEP * number, WORD_MS) for number in range(begin, end))


def words_in(pcm: Floats) -> list[tuple[str, int]]:
    """Return the words in audio at 24000 Hz, in order, and for how many ms each sounded."""
    return [(WORDS[number], ms) for number, ms in _runs(pcm, _LOWEST, _STEP, len(WORDS))]


def syllables_in(pcm: bytes) -> list[int]:
    """Return the syllables of the question in user audio, in order."""
    runs = _runs(samples(pcm), _SPOKEN_LOWEST, _SPOKEN_STEP, SYLLABLES)
    return [number for number, _ in groupby(number for number, _ in runs)]


def samples(pcm: bytes) -> Floats:
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float64)


def stretch(heard: list[tuple[str, int]], said: list[str]) -> tuple[int, int]:
    """Return from where to where in `said`, in ms, an unbroken stretch of it was heard; -1 if it was broken."""
    begin = said.index(heard[0][0]) if heard[0][0] in said else -1
    words = [text for text, _ in heard]
    if begin < 0 or words != said[begin : begin + len(words)] or any(ms < WORD_MS // 2 for _, ms in heard[1:-1]):
        return -1, -1
    first, last = (min(ms, WORD_MS) for ms in (heard[0][1], heard[-1][1]))
    return (begin + 1) * WORD_MS - first, (begin + len(words) - 1) * WORD_MS + last


def _tone(hz: float, ms: int) -> bytes:
    at = np.arange(RATE * ms // 1000) / RATE
    return (_AMPLITUDE * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def _runs(pcm: Floats, lowest: int, step: int, count: int) -> list[tuple[int, int]]:
    """Return which tones sound, and for how many ms; what is unclear belongs to none."""
    if pcm.size < _WINDOW:
        return []
    parts = np.lib.stride_tricks.sliding_window_view(pcm, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(parts, _POINTS)) ** 2
    peaks = power.argmax(axis=1)
    # A clear tone has nearly all its power around its peak.
    around = np.array([row[max(at - 9, 0) : at + 10].sum() for row, at in zip(power, peaks, strict=True)])
    is_clear = (around > 0.8 * power.sum(axis=1)) & (np.abs(parts).max(axis=1) > 0.1 * _AMPLITUDE)
    numbers = np.rint((peaks * RATE / _POINTS - lowest) / step).astype(int)
    numbers[~is_clear | (numbers < 0) | (numbers >= count)] = -1
    found = [(int(number), 10 * len(list(group))) for number, group in groupby(numbers.tolist())]
    return [(number, ms) for number, ms in found if number >= 0 and ms > 10]
