"""Sample rate conversion of PCM16 streams.

A windowed-sinc low-pass in polyphase form, laid out as one matrix: a block of input, with its neighbours, times the
matrix is the block of output. The coefficients are multiples of 2**-20, so every product and sum is exact in float64;
the output is therefore the same to the bit however the input was cut into chunks, and on every machine.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from antiphon.audio.pcm import samples_of
from antiphon.errors import MediaError

REACH = 24  # periods of the lower rate on each side of an output sample: 1.5 ms at 16 kHz
STOPBAND_DB = 80.0
COEFFICIENT_STEP = 2.0**-20
MATRIX_ENTRIES = 2_000_000  # 16 MB of float64; every pair of usual audio rates stays far below
SLICE_SAMPLES = 16_000  # taken at once: minutes in one product leave the processor's caches, 10 times slower
BLOCK_SAMPLES = 48  # least length of a block; shorter ones spend their time outside the product


@dataclass(frozen=True)
class _Filter:
    """`matrix`: float64, (block_in + 2 * reach, block_out); `reach`: input samples needed around an output."""

    matrix: NDArray[np.float64]
    block_in: int
    block_out: int
    reach: int


def _low_pass(periods: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the impulse response at times in periods of the lower rate; half that rate begins the stopband.

    Source: J. F. Kaiser, the window's width and shape for a given attenuation.
    """
    transition = (STOPBAND_DB - 7.95) / (14.36 * 2 * REACH)  # as a share of the lower rate
    cutoff = 0.5 - transition / 2
    beta = 0.1102 * (STOPBAND_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.clip(1 - (periods / REACH) ** 2, 0, None))) * (np.abs(periods) < REACH)
    return np.asarray(np.sinc(2 * cutoff * periods) * window, dtype=np.float64)


@lru_cache(maxsize=32)
def _design(source_rate: int, target_rate: int) -> _Filter:
    common = gcd(source_rate, target_rate)
    repeats = ceil(BLOCK_SAMPLES * common / max(source_rate, target_rate))
    block_in, block_out = repeats * source_rate // common, repeats * target_rate // common
    lower_rate = min(source_rate, target_rate)
    reach = ceil(REACH * source_rate / lower_rate)
    if (block_in + 2 * reach) * block_out > MATRIX_ENTRIES:
        raise MediaError(
            f"no resampling from {source_rate} to {target_rate} Hz: their ratio {block_out}:{block_in} is too fine; "
            "use usual rates, such as 8000, 16000, 22050, 24000, 44100 or 48000"
        )
    # Times as whole numbers first: the window must end at exactly `reach`, or more input would be needed than came.
    inputs = (np.arange(block_in + 2 * reach)[:, None] - reach) * target_rate
    outputs = np.arange(block_out) * source_rate
    matrix = _low_pass((outputs - inputs) / max(source_rate, target_rate))
    matrix /= matrix.sum(axis=0)  # the same gain for every phase, or a constant would come out as a tone
    return _Filter(np.rint(matrix / COEFFICIENT_STEP) * COEFFICIENT_STEP, block_in, block_out, reach)


class Resampler:
    """A stream of PCM16 from one rate to another.

    Output sample `n` stands for the moment `n / target_rate` of the input: the filter's delay is compensated, so
    positions keep their time. Output is therefore held back by 24 periods of the lower rate (1.5 ms at 16 kHz, 3 ms at
    8 kHz) until the input after it came; `flush` gives that tail. In all,
    `round(input samples * target_rate / source_rate)` samples come out, a half rounded up. Frequencies above half the
    lower rate are 75 dB or more down; up to 0.39 of the lower rate the response is flat.

    Raises:
        MediaError: A rate is not above 0, or the ratio of the rates is unusually fine.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if min(source_rate, target_rate) <= 0:
            raise MediaError(f"cannot resample from {source_rate} to {target_rate} Hz; rates are above 0")
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._filter = None if source_rate == target_rate else _design(source_rate, target_rate)
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of a new one."""
        self._received = 0
        self._sent = 0
        # Input from `reach` before the current block on; before the first sample there is silence.
        self._pending: NDArray[np.float64] = np.zeros(self._filter.reach if self._filter else 0)

    def process(self, pcm: bytes) -> bytes:
        """Take PCM16 at the source rate, any number of samples; return what is ready at the target rate.

        Raises:
            MediaError: The byte count is odd.
        """
        samples = samples_of(pcm)
        if self._filter is None:
            return bytes(pcm)
        if samples.size <= SLICE_SAMPLES:
            return self._process(samples)
        return b"".join(
            self._process(samples[begin : begin + SLICE_SAMPLES]) for begin in range(0, samples.size, SLICE_SAMPLES)
        )

    def _process(self, samples: NDArray[np.int16]) -> bytes:
        assert self._filter is not None
        self._received += samples.size
        self._pending = np.concatenate((self._pending, samples))
        settled = self._received - self._filter.reach
        return self._take(settled * self._filter.block_out // self._filter.block_in + 1 if settled >= 0 else 0)

    def flush(self) -> bytes:
        """End the stream: return its tail; what is processed next begins a new stream."""
        if self._filter is None:
            return b""
        block_in, block_out = self._filter.block_in, self._filter.block_out
        tail = self._take((2 * self._received * block_out + block_in) // (2 * block_in))
        self.reset()
        return tail

    def _take(self, end: int) -> bytes:
        """Return the output from where the last one ended to sample `end` of the stream."""
        assert self._filter is not None
        fir = self._filter
        begin = self._sent % fir.block_out
        count = begin + end - self._sent
        if count <= begin:
            return b""
        output = self._multiply(-(-count // fir.block_out))[begin:count]
        self._pending = self._pending[count // fir.block_out * fir.block_in :]
        self._sent = end
        return output.tobytes()

    def _multiply(self, blocks: int) -> NDArray[np.int16]:
        """Return the output of the next blocks; where input is still missing, as if silence followed."""
        assert self._filter is not None
        fir, pending = self._filter, self._pending
        needed = blocks * fir.block_in + 2 * fir.reach
        if pending.size < needed:
            pending = np.concatenate((pending, np.zeros(needed - pending.size)))
        step = pending.itemsize
        windows = as_strided(pending, (blocks, fir.matrix.shape[0]), (step * fir.block_in, step), writeable=False)
        return np.clip(np.rint(windows @ fir.matrix), -32768, 32767).astype("<i2").reshape(-1)


def resample(pcm: bytes, source_rate: int, target_rate: int) -> bytes:
    """Resample PCM16 as a whole; see `Resampler`."""
    resampler = Resampler(source_rate, target_rate)
    return resampler.process(pcm) + resampler.flush()
