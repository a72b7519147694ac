"""The codecs of RTP audio, each to and from PCM16 mono at 24000 Hz in frames of 20 ms.

A codec object belongs to one call: it remembers what it heard and what it said.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from antiphon.audio.g711 import decode_pcma, decode_pcmu, encode_pcma, encode_pcmu
from antiphon.audio.opus import DTX_BYTES, OpusDecoder, OpusEncoder, has_fec, packet_ticks
from antiphon.audio.pcm import SAMPLE_BYTES, samples_of
from antiphon.audio.resample import REACH, Resampler
from antiphon.errors import MediaError

RATE = 24_000
FRAME_SAMPLES = 480
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
SILENCE = bytes(FRAME_BYTES)


class Codec(Protocol):
    """One call's encoder and decoder.

    Attributes:
        name: As in SDP.
        clock_rate: Of the RTP timestamps, in Hz.
        discontinuous: Whether the far end takes a pause in the packets for silence.
    """

    name: str
    clock_rate: int
    discontinuous: bool

    def ticks(self, payload: bytes) -> int:
        """Return a payload's length on the RTP clock; 0 if it cannot be of this codec."""

    def is_pause(self, payload: bytes) -> bool:
        """Return whether the sender pauses after this payload."""

    def decode(self, payload: bytes) -> bytes:
        """Return all samples of a payload. Raises MediaError."""

    def conceal(self, samples: int) -> bytes:
        """Return what probably was in so many lost samples."""

    def recover(self, next_payload: bytes, samples: int) -> bytes | None:
        """Return the lost samples before `next_payload` if it carries a copy of them."""

    def restart(self) -> None:
        """Another stream begins to be received."""

    def encode(self, pcm: bytes) -> bytes:
        """Return the payload of one frame. Raises MediaError."""

    def expect_loss(self, percent: int) -> None:
        """Prepare for so many lost packets in a hundred."""


class Opus:
    """opus/48000/2, RFC 7587. Stereo from the far end is mixed to mono; what is sent is mono."""

    name = "opus"
    clock_rate = 48_000
    discontinuous = True

    def __init__(self) -> None:
        self._encoder = OpusEncoder()
        self._decoder = OpusDecoder()
        # Taken as they are: one call less on a path that runs 100 times a second and call.
        self.ticks = packet_ticks
        self.decode = self._decoder.decode
        self.conceal = self._decoder.conceal
        self.restart = self._decoder.reset
        self.encode = self._encoder.encode
        self.expect_loss = self._encoder.expect_loss

    def is_pause(self, payload: bytes) -> bool:
        """Return whether the far end's encoder says that nothing more is sent for now (DTX)."""
        return len(payload) <= DTX_BYTES

    def recover(self, next_payload: bytes, samples: int) -> bytes | None:
        """Return the in-band FEC of the packet before `next_payload`, if there is any."""
        return self._decoder.recover(next_payload, samples) if has_fec(next_payload) else None


class G711:
    """PCMU and PCMA, RFC 3551: 8000 Hz, one byte a sample. Both directions are 3 ms late, which resampling costs."""

    clock_rate = 8000
    discontinuous = False  # without comfort noise (RFC 3389) a pause is a loss to many telephones

    def __init__(self, name: str, encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]) -> None:
        self.name = name
        self._encode, self._decode = encode, decode
        self._up, self._down = Resampler(self.clock_rate, RATE), Resampler(RATE, self.clock_rate)
        self._heard = bytearray(_HISTORY_BYTES)
        self._guess = b""
        self._guessed = 0
        self._prime(self._down)
        self.restart()

    @staticmethod
    def _prime(resampler: Resampler) -> None:
        """Fill the filter with silence, so that from now on every frame gives a whole frame."""
        lead = REACH * resampler.source_rate // 8000
        resampler.reset()
        resampler.process(bytes(lead * SAMPLE_BYTES))

    def ticks(self, payload: bytes) -> int:
        return len(payload) if len(payload) <= _LONGEST_PAYLOAD else 0

    def is_pause(self, payload: bytes) -> bool:  # noqa: ARG002
        return False

    def decode(self, payload: bytes) -> bytes:
        pcm = self._up.process(self._decode(payload))
        self._heard += pcm
        del self._heard[:-_HISTORY_BYTES]
        self._guessed = 0
        return pcm

    def conceal(self, samples: int) -> bytes:
        """Repeat the last period of what was heard, fading over 60 ms."""
        if not self._guessed:
            self._guess = _last_period(bytes(self._heard))
        begin = self._guessed
        self._guessed += samples
        wave = np.resize(samples_of(self._guess), self._guessed)[begin:]
        gain = np.clip(1 - np.arange(begin, self._guessed) / _FADE_SAMPLES, 0, 1)
        return (wave * gain).astype("<i2").tobytes()

    def recover(self, next_payload: bytes, samples: int) -> bytes | None:  # noqa: ARG002
        return None

    def restart(self) -> None:
        self._prime(self._up)
        self._heard[:] = bytes(_HISTORY_BYTES)
        self._guessed = 0

    def encode(self, pcm: bytes) -> bytes:
        if len(pcm) != FRAME_BYTES:
            raise MediaError(f"a frame has {FRAME_BYTES} bytes of PCM16 here, but {len(pcm)} came")
        return self._encode(self._down.process(pcm))

    def expect_loss(self, percent: int) -> None:
        """There is nothing to prepare."""


_LONGEST_PAYLOAD = 1600  # 200 ms, which no telephone puts in one packet
_SHORTEST_PERIOD, _LONGEST_PERIOD = RATE // 400, RATE // 66  # voices: 66 to 400 Hz
_TEMPLATE_SAMPLES = RATE // 100
_HISTORY_BYTES = (_LONGEST_PERIOD + _TEMPLATE_SAMPLES) * SAMPLE_BYTES
_FADE_SAMPLES = RATE * 60 // 1000


def _last_period(pcm: bytes) -> bytes:
    """Return the last period of a voice: the shift at which its last 10 ms are most like what was before."""
    wave = samples_of(pcm).astype(np.float64)
    template = wave[-_TEMPLATE_SAMPLES:]
    likeness = np.correlate(wave[:-_SHORTEST_PERIOD], template)
    energy = np.convolve(wave[:-_SHORTEST_PERIOD] ** 2, np.ones(_TEMPLATE_SAMPLES), "valid")
    best = int(np.argmax(likeness / np.sqrt(energy + 1)))
    period = wave.size - _TEMPLATE_SAMPLES - best
    return pcm[-period * SAMPLE_BYTES :]


def pcmu() -> G711:
    """Return a mu-law codec."""
    return G711("PCMU", encode_pcmu, decode_pcmu)


def pcma() -> G711:
    """Return an A-law codec."""
    return G711("PCMA", encode_pcma, decode_pcma)


CODECS: Mapping[str, Callable[[], Codec]] = {"opus": Opus, "PCMU": pcmu, "PCMA": pcma}
