"""The input audio buffer: user audio that is not yet an item."""

from antiphon.session.limits import SAMPLE_BYTES


class InputAudioBuffer:
    """Audio with positions: sample 0 is the first one of the session, whatever was taken out since."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self.start = 0

    @property
    def end(self) -> int:
        """Position behind the last sample."""
        return self.start + len(self._pcm) // SAMPLE_BYTES

    @property
    def samples(self) -> int:
        return len(self._pcm) // SAMPLE_BYTES

    def append(self, pcm: bytes) -> None:
        """Add PCM16 at 24000 Hz, a whole number of samples."""
        self._pcm += pcm

    def peek(self, start: int, end: int) -> bytes:
        """Return the audio from `start` to `end`, as far as it is held."""
        first = max(start - self.start, 0) * SAMPLE_BYTES
        last = max(end - self.start, 0) * SAMPLE_BYTES
        return bytes(self._pcm[first:last])

    def take(self, start: int, end: int) -> bytes:
        """Return the audio from `start` to `end`, and let go of all up to `end`."""
        pcm = self.peek(start, end)
        self.drop(end)
        return pcm

    def drop(self, end: int) -> None:
        """Let go of the audio before `end`."""
        count = min(max(end - self.start, 0), self.samples)
        del self._pcm[: count * SAMPLE_BYTES]
        self.start += count
