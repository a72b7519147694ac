"""Noise reduction by RNNoise: a small recurrent network that keeps speech and takes away the rest."""

import ctypes
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from antiphon.audio.pcm import samples_of
from antiphon.audio.resample import Resampler
from antiphon.errors import StageError
from antiphon.protocol.config import NoiseReduction
from antiphon.stages.noise.rnnoise_library import (
    DELAY_SAMPLES,
    FRAME_SAMPLES,
    RATE,
    STAGE,
    Denoiser,
    load_library,
)

SESSION_RATE = 24_000
# A microphone near the mouth hears little noise, and all of what is taken away there is missed in the voice.
STRENGTH = {"near_field": 0.85, "far_field": 1.0}


class FrameDenoiser(Protocol):
    """What a `NoiseReducer` needs of a network; see `Denoiser`."""

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Rnnoise:
    """Makes the filters of all sessions."""

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None

    async def start(self) -> None:
        """Load the library, a few ms.

        Raises:
            MissingExtraError: The package is not installed.
        """
        self._library = self._library or load_library()

    async def close(self) -> None:
        """Do nothing: each filter frees its own memory."""

    def open(self, config: NoiseReduction) -> "NoiseReducer":
        """Return a filter for one stream; `config.strength` wins over what its `type` stands for."""
        if self._library is None:
            raise StageError(STAGE, "it was not started; call start() first", "not_started")
        strength = STRENGTH[config.type] if config.strength is None else config.strength
        return NoiseReducer(Denoiser(self._library), strength)


class NoiseReducer:
    """A stream of PCM16 at 24000 Hz without its noise.

    Sample `n` of the output is the cleaned sample `n` of the input, so positions keep their time. Output is therefore
    held back by up to `LATENCY_SAMPLES` until the input after it came; `flush` gives that tail. In all, as many samples
    come out as went in, the same however the input was cut into chunks.

    About 0.9 ms of work for 20 ms of audio (0.15 ms of silence): with more than a few sessions call `process` in a
    thread, since the network lets other threads run; one thread at a time for one filter.

    Args:
        denoiser: Cleans frames; belongs to the filter from now on.
        strength: 0 leaves everything as it is, 1 takes away all noise; between, both are mixed.
    """

    # The network's 20 ms, a frame of 10 ms to fill, and 1 ms of either resampler.
    LATENCY_SAMPLES = (DELAY_SAMPLES + FRAME_SAMPLES) * SESSION_RATE // RATE + 2 * 24

    def __init__(self, denoiser: FrameDenoiser, strength: float = 1.0) -> None:
        self._denoiser = denoiser
        self._strength = strength
        self._up, self._down = Resampler(SESSION_RATE, RATE), Resampler(RATE, SESSION_RATE)
        self._dry = bytearray()
        self._pending: NDArray[np.float32] = np.zeros(0, np.float32)
        self._received = 0  # at 48000 Hz
        self._sent = -DELAY_SAMPLES  # what the network says before its delay is over belongs to no input

    def process(self, pcm: bytes) -> bytes:
        """Take PCM16 at 24000 Hz, any number of samples; return what is ready.

        Raises:
            MediaError: The byte count is odd.
        """
        if self._strength == 0:
            samples_of(pcm)
            return bytes(pcm)
        wide = self._up.process(pcm)
        self._dry += pcm
        self._received += len(wide) // 2
        self._pending = np.concatenate((self._pending, samples_of(wide).astype(np.float32)))
        return self._mix(self._down.process(self._clean()))

    def flush(self) -> bytes:
        """End the stream: return its tail. What is processed next begins a new stream, with the noise known by now."""
        if self._strength == 0:
            return b""
        tail = samples_of(self._up.flush()).astype(np.float32)
        self._received += tail.size
        # Silence pushes the last samples out of the network and fills up its last frame.
        silence = np.zeros(DELAY_SAMPLES + FRAME_SAMPLES, np.float32)
        self._pending = np.concatenate((self._pending, tail, silence))
        pcm = self._mix(self._down.process(self._clean()) + self._down.flush())
        self._begin()
        return pcm

    def reset(self) -> None:
        """Forget the stream and its noise; the next sample is the first of a new one."""
        self._up.reset()
        self._down.reset()
        self._denoiser.reset()
        self._begin()

    def close(self) -> None:
        """Free the network's memory; safe to call twice."""
        self._denoiser.close()

    def _begin(self) -> None:
        self._dry.clear()
        self._pending = np.zeros(0, np.float32)
        self._received, self._sent = 0, -DELAY_SAMPLES

    def _clean(self) -> bytes:
        """Clean the whole frames that wait; return what of it stands for input."""
        whole = self._pending.size // FRAME_SAMPLES * FRAME_SAMPLES
        if not whole:
            return b""
        ready, self._pending = self._pending[:whole], self._pending[whole:]
        cleaned = self._denoiser.denoise(ready)
        first, last = max(0, -self._sent), min(whole, self._received - self._sent)
        self._sent += whole
        pcm: bytes = np.clip(np.rint(cleaned[first:last]), -32768, 32767).astype("<i2").tobytes()
        return pcm

    def _mix(self, wet: bytes) -> bytes:
        """Return cleaned samples with their share of the same samples as they came."""
        dry = bytes(self._dry[: len(wet)])
        del self._dry[: len(wet)]
        if self._strength == 1:
            return wet
        mixed = self._strength * samples_of(wet) + (1 - self._strength) * samples_of(dry)
        pcm: bytes = np.rint(mixed).astype("<i2").tobytes()
        return pcm
