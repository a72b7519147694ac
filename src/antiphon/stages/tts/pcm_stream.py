"""What a speech server answers, as PCM16 at 24000 Hz: raw samples or a WAV, however the network cut them. No I/O."""

import re
import struct
from dataclasses import dataclass

from antiphon.audio.resample import Resampler
from antiphon.errors import MediaError

RATE = 24_000
_LONGEST_HEADER = 64 * 1024  # tags may stand before the audio
_RATE_PARAMETER = re.compile(r"rate=(\d{4,6})")
_PCM, _EXTENSIBLE = 1, 0xFFFE
# Begins of files that servers send when they know no `response_format`, and types that say so.
_MAGIC = {b"ID3": "MP3", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\x1aE\xdf": "WebM"}
_TYPES = {"mpeg": "MP3", "mp3": "MP3", "ogg": "Ogg", "opus": "Ogg", "flac": "FLAC", "aac": "AAC", "webm": "WebM"}


class WrongAudioError(Exception):
    """The server sent something else than PCM16 mono; the message says what."""


@dataclass(frozen=True)
class _Format:
    rate: int
    length: int | None  # bytes of audio; None is until the end of the stream


class PcmStream:
    """Turns the bytes of an answer into PCM16 at 24000 Hz.

    Args:
        content_type: As the server named it; a `rate` parameter is believed.

    Raises:
        WrongAudioError: The type names another format.
    """

    def __init__(self, content_type: str) -> None:
        subtype = content_type.partition("/")[2].partition(";")[0]
        if kind := next((kind for name, kind in _TYPES.items() if name in subtype), None):
            raise WrongAudioError(f"{kind} audio")
        named = _RATE_PARAMETER.search(content_type)
        self._raw = _Format(int(named[1]) if named else RATE, None)
        self._format: _Format | None = None
        self._rest = b""
        self._left: int | None = None
        self._resampler: Resampler | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the samples that `data` completes.

        Raises:
            WrongAudioError: It is not PCM16 mono.
        """
        self._rest += data
        if self._format is None and not self._begin(final=False):
            return b""
        return self._samples()

    def finish(self) -> bytes:
        """Return the samples that an ended stream held back.

        Raises:
            WrongAudioError: It ended in a WAV's header.
        """
        if self._format is None and not self._begin(final=True):
            raise WrongAudioError("a WAV that ends within its header")
        assert self._resampler is not None
        return self._samples() + self._resampler.flush()

    @property
    def is_cut(self) -> bool:
        """Whether a WAV promised more audio than came."""
        return bool(self._left)

    def _begin(self, final: bool) -> bool:
        """Find out the format once enough came to tell; return whether it is known."""
        if len(self._rest) < 4 and not final:
            return False
        if self._rest[:4] != b"RIFF":
            self._start(self._raw)
            return True
        found = _wav_header(self._rest)
        if found is not None:
            self._rest = self._rest[found[1] :]
            self._start(found[0])
        elif len(self._rest) > _LONGEST_HEADER:
            raise WrongAudioError("a WAV without audio in it")
        return found is not None

    def _start(self, given: _Format) -> None:
        if kind := next((kind for magic, kind in _MAGIC.items() if self._rest.startswith(magic)), None):
            raise WrongAudioError(f"{kind} audio")
        self._format, self._left = given, given.length
        try:
            self._resampler = Resampler(given.rate, RATE)
        except MediaError as error:
            raise WrongAudioError(f"audio at {given.rate} Hz, which is no usual rate") from error

    def _samples(self) -> bytes:
        assert self._resampler is not None
        whole = len(self._rest) if self._left is None else min(len(self._rest), self._left)
        whole -= whole % 2
        pcm, self._rest = self._rest[:whole], self._rest[whole:]
        if self._left is not None:
            self._left -= whole
            # What follows the audio in a WAV is not audio.
            self._rest = self._rest if self._left else b""
        return self._resampler.process(pcm)


def _wav_header(data: bytes) -> tuple[_Format, int] | None:
    """Return the format of a WAV and where its audio begins; None while the header is not whole.

    Raises:
        WrongAudioError: It is not PCM16 mono.
    """
    at, rate = 12, 0
    while len(data) >= at + 8:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            if not rate:
                raise WrongAudioError("a WAV that does not tell its format")
            # A WAV that is made while it is sent does not know its length: 0, or near the most that fits.
            return _Format(rate, length - length % 2 if 0 < length < 0x7FFF0000 else None), at
        if name == b"fmt ":
            if len(data) < at + 16:
                return None
            rate = _rate_of(data[at : at + 16])
        at += length + length % 2
    return None


def _rate_of(fmt: bytes) -> int:
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fmt)
    if tag not in (_PCM, _EXTENSIBLE) or (channels, bits) != (1, 16):
        raise WrongAudioError(f"a WAV with {channels} channel(s) of {bits} bits in format {tag}")
    return int(rate)
