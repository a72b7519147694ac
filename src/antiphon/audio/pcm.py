"""Small arithmetic on PCM16, and PCM16 in WAV files."""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from antiphon.errors import MediaError

SAMPLE_BYTES = 2
FULL_SCALE = 32768
SILENT_DB = -120.0  # the level given to digital silence, below one unit of PCM16 (-90 dBFS)


def samples_of(pcm: bytes) -> NDArray[np.int16]:
    """View PCM16 as int16, (samples,), without a copy.

    Raises:
        MediaError: The byte count is odd.
    """
    if len(pcm) % SAMPLE_BYTES:
        raise MediaError(f"PCM16 has 2 bytes a sample, but {len(pcm)} bytes came; send whole samples")
    return np.frombuffer(pcm, dtype="<i2")


def seconds_of(pcm: bytes, rate: int) -> float:
    """Return the duration of PCM16 at `rate` Hz, in seconds."""
    return len(pcm) / (SAMPLE_BYTES * rate)


def silence(seconds: float, rate: int) -> bytes:
    """Return PCM16 silence at `rate` Hz, rounded to whole samples."""
    return bytes(SAMPLE_BYTES * round(seconds * rate))


def level_db(pcm: bytes) -> float:
    """Return the RMS level of PCM16 in dBFS: 0 is a full-scale square wave, `SILENT_DB` is digital silence."""
    samples = samples_of(pcm).astype(np.float64)
    power = float(samples @ samples) / max(1, samples.size)
    return 10 * float(np.log10(power / FULL_SCALE**2)) if power else SILENT_DB


@dataclass(frozen=True)
class Wav:
    """The content of a WAV file: PCM16 mono at `rate` Hz."""

    pcm: bytes
    rate: int


def read_wav(source: Path | BinaryIO) -> Wav:
    """Read a WAV file of PCM16 mono, whatever its rate.

    Raises:
        MediaError: It is another kind of file; the message says which.
    """
    name = str(source) if isinstance(source, Path) else "the WAV data"
    try:
        with wave.open(str(source) if isinstance(source, Path) else source, "rb") as file:
            channels, width, rate, count = file.getparams()[:4]
            pcm = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise MediaError(f"{name} is not a WAV file of PCM ({error}); convert it to PCM16 mono WAV") from error
    if (channels, width) != (1, SAMPLE_BYTES):
        raise MediaError(f"{name} has {channels} channel(s) of {8 * width} bits; convert it to 1 channel of 16 bits")
    return Wav(pcm, rate)


def write_wav(target: Path | BinaryIO, wav: Wav) -> None:
    """Write a WAV file of PCM16 mono."""
    samples_of(wav.pcm)
    with wave.open(str(target) if isinstance(target, Path) else target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(wav.rate)
        file.writeframes(wav.pcm)
