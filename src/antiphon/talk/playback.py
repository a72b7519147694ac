"""What waits to be played, and the ledger of what was: an interruption must name the part that was heard."""

import threading
from collections import deque
from dataclasses import dataclass

from antiphon.audio.pcm import SAMPLE_BYTES

RATE = 24_000  # Hz, of audio/pcm on the wire


@dataclass(frozen=True)
class Cut:
    """Audio that was not heard to its end.

    Args:
        item_id: The item it belongs to.
        content_index: Its place in the item.
        heard_ms: How much of it was heard, in milliseconds, rounded down.
    """

    item_id: str
    content_index: int
    heard_ms: int


class _Track:
    """The audio of one content part: what came, what was played, and whether more may come."""

    def __init__(self, item_id: str, content_index: int) -> None:
        self.item_id = item_id
        self.content_index = content_index
        self.waiting: deque[bytes] = deque()
        self.samples = 0
        self.played = 0
        self.ended = False

    @property
    def is_over(self) -> bool:
        return self.ended and self.played == self.samples


class Playback:
    """A queue of answer audio, PCM16 at 24000 Hz, that counts what leaves it.

    The loudspeaker takes from a thread of its own, so every method may be called from any thread.

    Args:
        delay: Seconds from taking a sample to hearing it: a loudspeaker's own buffer.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self._lock = threading.Lock()
        self._tracks: deque[_Track] = deque()

    def add(self, item_id: str, content_index: int, pcm: bytes) -> None:
        """Queue audio behind what is there."""
        with self._lock:
            track = self._find(item_id, content_index)
            track.waiting.append(pcm)
            track.samples += len(pcm) // SAMPLE_BYTES

    def end(self, item_id: str, content_index: int) -> None:
        """Note that no more audio of this part comes."""
        with self._lock:
            for track in self._tracks:
                if (track.item_id, track.content_index) == (item_id, content_index):
                    track.ended = True
            self._drop_finished()

    def end_all(self) -> None:
        """Note that no more audio comes of any part: its response is over, or was cut off."""
        with self._lock:
            for track in self._tracks:
                track.ended = True
            self._drop_finished()

    def take(self, samples: int) -> bytes:
        """Return exactly `samples` to play now; where there is nothing, silence."""
        with self._lock:
            taken = bytearray()
            for track in self._tracks:
                taken += _take_from(track, samples * SAMPLE_BYTES - len(taken))
                if not track.ended:
                    break  # later parts wait for the rest of this one
            self._drop_finished()
        return bytes(taken) + bytes(samples * SAMPLE_BYTES - len(taken))

    def flush(self) -> list[Cut]:
        """Drop everything; return what was cut, in the order of playing."""
        with self._lock:
            delayed = round(self.delay * RATE)
            cuts = [
                Cut(track.item_id, track.content_index, max(0, track.played - delayed) * 1000 // RATE)
                for track in self._tracks
            ]
            self._tracks.clear()
        return cuts

    @property
    def is_waiting(self) -> bool:
        """Whether there is audio still to be played."""
        with self._lock:
            return any(track.waiting for track in self._tracks)

    def _find(self, item_id: str, content_index: int) -> _Track:
        for track in self._tracks:
            if (track.item_id, track.content_index) == (item_id, content_index):
                return track
        self._tracks.append(_Track(item_id, content_index))
        return self._tracks[-1]

    def _drop_finished(self) -> None:
        while self._tracks and self._tracks[0].is_over:
            self._tracks.popleft()


def _take_from(track: _Track, wanted: int) -> bytes:
    taken = bytearray()
    while track.waiting and len(taken) < wanted:
        chunk = track.waiting.popleft()
        rest = wanted - len(taken)
        taken += chunk[:rest]
        if len(chunk) > rest:
            track.waiting.appendleft(chunk[rest:])
    track.played += len(taken) // SAMPLE_BYTES
    return bytes(taken)
