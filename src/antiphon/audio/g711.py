"""G.711: PCM16 to and from 8-bit mu-law (PCMU) and A-law (PCMA), by table.

Source: ITU-T G.711 (1988), tables 1 and 2, with its 13- and 14-bit values scaled to 16 bits.
"""

import numpy as np
from numpy.typing import NDArray

from antiphon.audio.pcm import samples_of

MU_BIAS = 132  # 33 in the 14-bit scale of table 2
MU_CLIP = 32635  # 8159 - 1/4 in the 14-bit scale: the largest magnitude that stays below 2**15 with the bias


def _exponents(magnitude: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return floor(log2) of each magnitude above 0."""
    return (np.frexp(magnitude)[1] - 1).astype(np.int32)


def _pcmu_encoder() -> NDArray[np.uint8]:
    """Return the code of each sample, indexed by the sample's bits."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), MU_CLIP) + MU_BIAS
    segment = _exponents(magnitude) - 7
    step = (magnitude >> (segment + 3)) & 0x0F
    code = (segment << 4) | step | np.where(sample < 0, 0x80, 0)
    return (~code & 0xFF).astype(np.uint8)  # the line carries mu-law inverted


def _pcmu_decoder() -> NDArray[np.int16]:
    """Return the sample of each code."""
    code = ~np.arange(256) & 0xFF
    segment, step = (code >> 4) & 7, code & 0x0F
    magnitude = (((step << 3) + MU_BIAS) << segment) - MU_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


def _pcma_encoder() -> NDArray[np.uint8]:
    """Return the code of each sample, indexed by the sample's bits."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.where(sample < 0, ~sample, sample)
    segment = np.maximum(_exponents(np.maximum(magnitude, 1)) - 7, 0)
    step = (magnitude >> np.where(segment > 0, segment + 3, 4)) & 0x0F
    code = (segment << 4) | step | np.where(sample < 0, 0, 0x80)
    return (code ^ 0x55).astype(np.uint8)  # the line carries A-law with its even bits inverted


def _pcma_decoder() -> NDArray[np.int16]:
    """Return the sample of each code."""
    code = np.arange(256) ^ 0x55
    segment, step = (code >> 4) & 7, code & 0x0F
    # Segments 0 and 1 share one step size; from segment 1 on, a hidden leading bit stands above the step.
    magnitude = ((step << 4) + np.where(segment > 0, 0x108, 8)) << np.maximum(segment - 1, 0)
    samples: NDArray[np.int16] = np.where(code & 0x80, magnitude, -magnitude).astype("<i2")
    return samples


_PCMU_ENCODER, _PCMU_DECODER = _pcmu_encoder(), _pcmu_decoder()
_PCMA_ENCODER, _PCMA_DECODER = _pcma_encoder(), _pcma_decoder()


def encode_pcmu(pcm: bytes) -> bytes:
    """Turn PCM16 into mu-law, one byte a sample. Raises MediaError on an odd byte count."""
    return _PCMU_ENCODER.take(samples_of(pcm).view(np.uint16)).tobytes()


def decode_pcmu(data: bytes) -> bytes:
    """Turn mu-law into PCM16."""
    return _PCMU_DECODER.take(np.frombuffer(data, np.uint8)).tobytes()


def encode_pcma(pcm: bytes) -> bytes:
    """Turn PCM16 into A-law, one byte a sample. Raises MediaError on an odd byte count."""
    return _PCMA_ENCODER.take(samples_of(pcm).view(np.uint16)).tobytes()


def decode_pcma(data: bytes) -> bytes:
    """Turn A-law into PCM16."""
    return _PCMA_DECODER.take(np.frombuffer(data, np.uint8)).tobytes()
