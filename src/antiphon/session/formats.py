"""Between the audio formats of the wire and the one inside a session: PCM16 at 24000 Hz."""

from antiphon.audio import g711
from antiphon.audio.resample import Resampler
from antiphon.errors import ClientEventError
from antiphon.protocol.config import TELEPHONE_RATE, AudioFormat, PcmFormat, PcmuFormat
from antiphon.session.limits import RATE


class AudioDecoder:
    """Turns what a client sends into PCM16 at 24000 Hz, chunk by chunk."""

    def __init__(self, form: AudioFormat) -> None:
        self.form = form
        self._resampler = None if isinstance(form, PcmFormat) else Resampler(TELEPHONE_RATE, RATE)

    def samples(self, data: bytes) -> int:
        """Return about how many samples at 24000 Hz `data` will be."""
        return len(data) // 2 if self._resampler is None else len(data) * RATE // TELEPHONE_RATE

    def decode(self, data: bytes) -> bytes:
        """Return `data` as PCM16 at 24000 Hz.

        Raises:
            ClientEventError: PCM16 with half a sample.
        """
        if self._resampler is None:
            if len(data) % 2:
                raise ClientEventError(
                    "invalid_value",
                    f"Invalid 'audio': {len(data)} bytes are no whole number of 16-bit samples; send an even number.",
                    "audio",
                )
            return data
        expand = g711.decode_pcmu if isinstance(self.form, PcmuFormat) else g711.decode_pcma
        return self._resampler.process(expand(data))

    def flush(self) -> bytes:
        """Return what the resampler still holds at the end of a stream."""
        return b"" if self._resampler is None else self._resampler.flush()


class AudioEncoder:
    """Turns PCM16 at 24000 Hz into what a client hears, chunk by chunk."""

    def __init__(self, form: AudioFormat) -> None:
        self.form = form
        self._resampler = None if isinstance(form, PcmFormat) else Resampler(RATE, TELEPHONE_RATE)

    def encode(self, pcm: bytes) -> bytes:
        if self._resampler is None:
            return pcm
        return self._compress(self._resampler.process(pcm))

    def flush(self) -> bytes:
        """Return what the resampler still holds at the end of a stream."""
        return b"" if self._resampler is None else self._compress(self._resampler.flush())

    def _compress(self, pcm: bytes) -> bytes:
        return g711.encode_pcmu(pcm) if isinstance(self.form, PcmuFormat) else g711.encode_pcma(pcm)
