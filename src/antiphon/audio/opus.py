"""Opus by libopus, called through ctypes: PCM16 mono at 24000 Hz to and from packets.

libopus takes and gives 24000 Hz as it is, so that nothing of ours resamples. The library is the one in PyAV's wheels,
or the system's. It is called with the interpreter held: a call takes 20 to 180 microseconds, and letting go of the
interpreter so often would hand it to a busy thread, which keeps it for up to 5 ms.
"""

import ctypes
import ctypes.util
import weakref
from collections.abc import Iterator, Mapping
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_void_p
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from antiphon.audio.pcm import SAMPLE_BYTES
from antiphon.errors import MediaError

RATE = 24_000
FRAME_MS = 20
BITRATE = 32_000
# What more would buy is not in speech at this bit rate: the decoded spectrum is 5.0 dB off at 1 and 5.1 dB at 5, which
# costs half as much again (25 and 40 µs a frame).
COMPLEXITY = 1
LONGEST_PACKET_MS = 120  # RFC 6716, section 3.2
PACKET_BYTES = 1275  # the longest frame; also what one datagram carries without trouble
DTX_BYTES = 2  # a packet no longer than this says that nothing need be sent

# opus_defines.h
_APPLICATION_AUDIO = 2049
_SIGNAL_AUTO, _SIGNAL_VOICE = -1000, 3001
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _SET_DTX, _SET_SIGNAL = 4002, 4010, 4012, 4014, 4016, 4024
_RESET_STATE = 4028

# name: (result, arguments); a ctl's value is variadic and has to stay undeclared (Apple's arm64 passes it otherwise)
_FUNCTIONS: Mapping[str, tuple[type | None, tuple[type, ...]]] = {
    "opus_strerror": (c_char_p, (c_int,)),
    "opus_encoder_create": (c_void_p, (c_int32, c_int, c_int, POINTER(c_int))),
    "opus_encoder_destroy": (None, (c_void_p,)),
    "opus_encoder_ctl": (c_int, (c_void_p, c_int)),
    "opus_encode": (c_int32, (c_void_p, c_char_p, c_int, c_void_p, c_int32)),
    "opus_decoder_create": (c_void_p, (c_int32, c_int, POINTER(c_int))),
    "opus_decoder_destroy": (None, (c_void_p,)),
    "opus_decoder_ctl": (c_int, (c_void_p, c_int)),
    "opus_decode": (c_int, (c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int)),
}


@lru_cache(maxsize=1)
def load_library() -> ctypes.PyDLL:
    """Load libopus, once.

    Raises:
        MediaError: It is not there; the message says what to install.
    """
    for path in _candidates():
        try:
            return _declare(ctypes.PyDLL(path))
        except (OSError, AttributeError):
            continue  # a file for another processor, or another library of that name
    raise MediaError(
        "Opus needs the library libopus, which was not found; install it with: pip install 'antiphon[webrtc]'"
    )


def _candidates() -> Iterator[str]:
    yield from _bundled()
    if system := ctypes.util.find_library("opus"):
        yield system


def _bundled() -> Iterator[str]:
    """Yield libopus as PyAV's wheels carry it; PyAV itself is not imported, which would take half a second."""
    spec = find_spec("av")
    for location in (spec.submodule_search_locations or []) if spec else []:
        package = Path(location)
        for folder, pattern in (
            (package.parent / "av.libs", "libopus-*.so*"),
            (package.parent / "av.libs", "*opus*.dll"),
            (package / ".dylibs", "libopus*.dylib"),
        ):
            yield from map(str, sorted(folder.glob(pattern)))


def _declare(library: ctypes.PyDLL) -> ctypes.PyDLL:
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _checked(library: ctypes.PyDLL, result: int, what: str) -> int:
    if result < 0:
        raise MediaError(f"{what}: {library.opus_strerror(result).decode()} (libopus error {result})")
    return result


class OpusEncoder:
    """One stream of PCM16 mono into Opus packets of 20 ms, with a variable bit rate and DTX.

    Without loss libopus chooses its music mode (CELT) for this bit rate, at a third of the speech mode's cost; only the
    speech mode knows in-band FEC.

    Args:
        rate: Of the PCM, in Hz: 8000, 12000, 16000, 24000 or 48000.
        bitrate: Average while there is sound, in bit/s.
        complexity: 0 to 10.

    Raises:
        MediaError: libopus is missing, or refuses a value.
    """

    def __init__(self, rate: int = RATE, bitrate: int = BITRATE, complexity: int = COMPLEXITY) -> None:
        library = self._library = load_library()
        error = c_int()
        self._state = library.opus_encoder_create(rate, 1, _APPLICATION_AUDIO, byref(error))
        _checked(library, error.value, f"no Opus encoder for {rate} Hz")
        weakref.finalize(self, library.opus_encoder_destroy, self._state)
        self.frame_samples = rate * FRAME_MS // 1000
        self._frame_bytes = self.frame_samples * SAMPLE_BYTES
        self._packet = ctypes.create_string_buffer(PACKET_BYTES)
        self._loss = 0
        for request, value in ((_SET_BITRATE, bitrate), (_SET_COMPLEXITY, complexity), (_SET_DTX, 1)):
            self._set(request, value)

    def encode(self, pcm: bytes) -> bytes:
        """Return the packet of one frame of 20 ms; 1 or 2 bytes mean that it need not be sent (DTX).

        Raises:
            MediaError: `pcm` is not 20 ms long.
        """
        if len(pcm) != self._frame_bytes:
            raise MediaError(f"an Opus frame has {self._frame_bytes} bytes of PCM16 here, but {len(pcm)} came")
        size = self._library.opus_encode(self._state, pcm, self.frame_samples, self._packet, PACKET_BYTES)
        return ctypes.string_at(self._packet, _checked(self._library, size, "Opus encoding failed"))

    def expect_loss(self, percent: int) -> None:
        """Prepare for that many lost packets in a hundred: above 0, packets carry a copy of the frame before (FEC)."""
        percent = min(max(percent, 0), 100)
        if percent == self._loss:
            return
        self._loss = percent
        self._set(_SET_LOSS, percent)
        self._set(_SET_FEC, int(percent > 0))
        self._set(_SET_SIGNAL, _SIGNAL_VOICE if percent else _SIGNAL_AUTO)

    def reset(self) -> None:
        """Forget the stream; settings stay."""
        _checked(self._library, self._library.opus_encoder_ctl(self._state, _RESET_STATE), "Opus reset failed")

    def _set(self, request: int, value: int) -> None:
        result = self._library.opus_encoder_ctl(self._state, request, c_int32(value))
        _checked(self._library, result, f"the Opus encoder refuses {value} for setting {request}")


class OpusDecoder:
    """Opus packets of one stream, mono or stereo, into PCM16 mono.

    Args:
        rate: Of the PCM, in Hz: 8000, 12000, 16000, 24000 or 48000.

    Raises:
        MediaError: libopus is missing, or refuses the rate.
    """

    def __init__(self, rate: int = RATE) -> None:
        library = self._library = load_library()
        error = c_int()
        self._state = library.opus_decoder_create(rate, 1, byref(error))
        _checked(library, error.value, f"no Opus decoder for {rate} Hz")
        weakref.finalize(self, library.opus_decoder_destroy, self._state)
        self._longest = rate * LONGEST_PACKET_MS // 1000
        self._step = rate // 400  # libopus conceals in multiples of 2.5 ms
        self._pcm = ctypes.create_string_buffer(self._longest * SAMPLE_BYTES)

    def decode(self, packet: bytes) -> bytes:
        """Return all samples of a packet, 2.5 to 120 ms.

        Raises:
            MediaError: It is not an Opus packet.
        """
        if not packet:
            raise MediaError("an empty packet is not an Opus packet")  # to libopus it means a lost one
        return self._decode(packet, self._longest, fec=0)

    def conceal(self, samples: int) -> bytes:
        """Return what probably was in `samples` lost samples, at most 120 ms; it fades."""
        return self._whole_steps(None, samples, fec=0)

    def recover(self, next_packet: bytes, samples: int) -> bytes:
        """Return the `samples` before `next_packet`, as its copy of them (FEC) says; without one, as `conceal`.

        Raises:
            MediaError: `next_packet` is not an Opus packet.
        """
        return self._whole_steps(next_packet, samples, fec=1)

    def reset(self) -> None:
        """Forget the stream."""
        _checked(self._library, self._library.opus_decoder_ctl(self._state, _RESET_STATE), "Opus reset failed")

    def _whole_steps(self, packet: bytes | None, samples: int, fec: int) -> bytes:
        steps = -(-samples // self._step) * self._step
        if not 0 < steps <= self._longest:
            raise MediaError(f"Opus conceals 1 to {self._longest} samples at once, not {samples}")
        return self._decode(packet, steps, fec)[: samples * SAMPLE_BYTES]

    def _decode(self, packet: bytes | None, samples: int, fec: int) -> bytes:
        size = 0 if packet is None else len(packet)
        count = self._library.opus_decode(self._state, packet, size, self._pcm, samples, fec)
        if count < 0:
            raise MediaError(f"this is not an Opus packet: {self._library.opus_strerror(count).decode()}")
        return ctypes.string_at(self._pcm, count * SAMPLE_BYTES)


def _frame_ms(toc: int) -> float:
    """Return the length of a packet's frames, from its first byte. Source: RFC 6716, section 3.1, table 2."""
    config = toc >> 3
    if config < 12:
        return (10, 20, 40, 60)[config % 4]
    return (10, 20)[config % 2] if config < 16 else (2.5, 5, 10, 20)[config % 4]


_FRAME_TICKS = tuple(int(_frame_ms(toc) * 48) for toc in range(256))
_SPEECH_MODES = 16 << 3  # below it SILK and hybrid, which know FEC; from it on CELT


def packet_ticks(packet: bytes) -> int:
    """Return the length of a packet at 48000 Hz; 0 if it is not an Opus packet. Source: RFC 6716, section 3."""
    if not packet:
        return 0
    toc = packet[0]
    code = toc & 3
    frames = (1, 2, 2)[code] if code < 3 else packet[1] & 63 if len(packet) > 1 else 0
    ticks = frames * _FRAME_TICKS[toc]
    return ticks if ticks <= LONGEST_PACKET_MS * 48 else 0


def has_fec(packet: bytes) -> bool:
    """Return whether a packet of one frame carries a copy of the frame before it; False for packets of several.

    Source: RFC 6716, sections 4.2.3 and 4.2.4: a SILK frame begins with a bit for each of its 20 ms, saying whether
    there is speech, and then the bit that is asked for; each has an even chance, so that it stands as it is.
    """
    if len(packet) < 2 or packet[0] & 3 or packet[0] >= _SPEECH_MODES:
        return False
    periods = max(1, _FRAME_TICKS[packet[0]] // 960)
    stereo = bool(packet[0] & 4)
    bits = packet[1] >> (7 - periods)
    return bool(bits & 1 or (stereo and packet[1] >> max(6 - 2 * periods, 0) & 1))
