"""Sounds made by calculation, PCM16 at 24000 Hz, and what is measured of them."""

import numpy as np
from numpy.typing import NDArray

FRAME_BYTES = 960


def tone(seconds: float, frequency: float = 440.0, amplitude: float = 8000.0) -> bytes:
    times = np.arange(round(seconds * 24_000)) / 24_000
    wave = amplitude * np.sin(2 * np.pi * frequency * times)
    pcm: bytes = wave.astype("<i2").tobytes()
    return pcm


def voice(seconds: float) -> bytes:
    """Return a tone with overtones whose level comes and goes as that of syllables does; codecs take it for speech."""
    times = np.arange(round(seconds * 24_000)) / 24_000
    wave: NDArray[np.float64] = sum(
        (np.sin(2 * np.pi * 140 * overtone * times) / overtone for overtone in range(1, 20)), np.zeros_like(times)
    )
    pcm: bytes = (4000 * wave * (1 + np.sin(2 * np.pi * 4 * times))).astype("<i2").tobytes()
    return pcm


def cut(pcm: bytes) -> list[bytes]:
    return [pcm[begin : begin + FRAME_BYTES] for begin in range(0, len(pcm), FRAME_BYTES)]


def frequency_of(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2") * np.hanning(len(pcm) // 2)
    return float(np.argmax(np.abs(np.fft.rfft(samples, 240_000)))) / 10
