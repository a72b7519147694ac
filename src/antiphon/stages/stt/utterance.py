"""One utterance's way through a decoder: what a thread does between two visits to the event loop."""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from antiphon.stages.stt.cepstral_mean import cepstral_mean
from antiphon.stages.stt.sphinx_library import RATE, Decoder

SAMPLE_BYTES = 2
# Decoded at a time: a cancelled utterance ends between two slices.
SLICE_BYTES = RATE * SAMPLE_BYTES // 10
# Digital silence has no spectrum, and its cepstra are like no sound that the model knows; so it gets a noise floor of
# 8 units, -72 dB of full scale, which no microphone is below. The same every time, for the same results.
_FLOOR = np.random.default_rng(1).normal(0, 8, RATE).astype(np.int16)
_ALTERNATE = re.compile(r"\(\d+\)$")  # "the(2)": the dictionary's second way to say "the"


class Utterance:
    """An utterance in a decoder that belongs to it alone; used by one thread at a time.

    Args:
        decoder: Has the model.
        model: Name of the language model.
        segment_seconds: Longer utterances are finalised in pieces of this length, so that the end stays near.
    """

    def __init__(self, decoder: Decoder, model: str, segment_seconds: float) -> None:
        self._decoder = decoder
        self._model = model
        self._segment_bytes = int(segment_seconds * RATE) * SAMPLE_BYTES
        self._finished: list[str] = []
        self._cepstra: list[NDArray[np.float32]] = []
        self._decoded_bytes = 0
        self._cancelled = False
        decoder.begin(model)

    def decode(self, pcm: bytes) -> str:
        """Decode audio and return the hypothesis of the whole utterance so far."""
        pcm = _with_noise_floor(pcm)
        if pcm:
            # All of it is looked at before any is decoded: of the first second, the first slice may be silence.
            self._cepstra.append(self._decoder.cepstra(pcm))
            self._decoder.set_cepstral_mean(cepstral_mean(np.concatenate(self._cepstra)))
        for piece in _slices(pcm):
            if self._cancelled:
                break
            self._decode_slice(piece)
        return self._text(self._decoder.hypothesis())

    def finish(self, pcm: bytes) -> str:
        """Decode the last audio and return the final text."""
        self.decode(pcm)
        self._decoder.end()
        return self._text(self._decoder.hypothesis())

    def abandon(self) -> None:
        """End without a result, so that the decoder can begin another utterance."""
        self._decoder.end()

    def cancel(self) -> None:
        """Let a `decode` in another thread return after its slice; from any thread."""
        self._cancelled = True

    def _decode_slice(self, pcm: bytes) -> None:
        if self._decoded_bytes >= self._segment_bytes:
            self._begin_segment()
        self._decoded_bytes += len(pcm)
        self._decoder.process(pcm)

    def _begin_segment(self) -> None:
        self._decoder.end()
        self._finished.append(spoken_text(self._decoder.hypothesis()))
        self._decoder.begin(self._model)
        self._decoded_bytes = 0

    def _text(self, hypothesis: str) -> str:
        return " ".join(text for text in (*self._finished, spoken_text(hypothesis)) if text)


def spoken_text(hypothesis: str) -> str:
    """Return the words of a hypothesis: no marks of silence and noise, "the(2)" as "the", "i'm" as it is."""
    words = (word for word in hypothesis.split() if word[0] not in "<[+")
    return " ".join(_ALTERNATE.sub("", word) for word in words)


def _with_noise_floor(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    noisy: bytes = np.clip(samples + np.resize(_FLOOR, len(samples)), -32768, 32767).astype(np.int16).tobytes()
    return noisy


def _slices(pcm: bytes) -> Iterator[bytes]:
    return (pcm[start : start + SLICE_BYTES] for start in range(0, len(pcm), SLICE_BYTES))
