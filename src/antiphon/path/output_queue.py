"""Audio that waits to be played: one response after the other, counted by item in bytes of PCM16 at 24000 Hz."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from antiphon.path.playback_events import AudioChunk
from antiphon.protocol.config import TELEPHONE_RATE, AudioFormat, PcmFormat
from antiphon.session.formats import AudioDecoder, AudioEncoder
from antiphon.session.limits import BYTES_PER_SECOND, RATE, SAMPLE_BYTES

BYTES_PER_MS = BYTES_PER_SECOND // 1000
FRAME_BYTES = 20 * BYTES_PER_MS
FULL_SECONDS = 600.0
ROOM_SECONDS = 300.0
MOST_ITEMS = 128  # spoken in one response
# How much that was played may still prove unheard: longer than a transport needs to find that its client is gone.
MOST_UNCONFIRMED = 45 * BYTES_PER_SECOND


@dataclass(eq=False)
class SpokenItem:
    """One item's audio.

    Args:
        latest: Its newest delta, without the audio.
        decoder: For formats other than PCM16.
        came: Bytes that the engine sent.
        played: Bytes that were played, and always the first ones.
        limit: Bytes behind which nothing of it is played any more, as the client asked.
        audio_done: Whether all its audio came.
        done: Whether the engine has closed it: before, not every engine lets it be truncated.
        truncated: Whether the engine was told how much of it was heard.
    """

    latest: AudioChunk
    decoder: AudioDecoder | None = None
    came: int = 0
    played: int = 0
    limit: int | None = None
    audio_done: bool = False
    done: bool = False
    truncated: bool = False

    @property
    def id(self) -> str:
        return self.latest.item_id

    @property
    def heard_ms(self) -> int:
        return self.played // BYTES_PER_MS

    @property
    def is_cut(self) -> bool:
        """Whether the user heard less than the engine believes."""
        return self.played < (self.came if self.limit is None else min(self.came, self.limit))

    def size_of(self, audio: bytes) -> int:
        """Return how many bytes a delta will be as PCM16."""
        return len(audio) if self.decoder is None else len(audio) * SAMPLE_BYTES * RATE // TELEPHONE_RATE


@dataclass(eq=False)
class _Piece:
    """Audio of one delta that waits; small ones are put together."""

    item: SpokenItem
    delta: AudioChunk  # its ids
    at: int  # where in the item it begins
    pcm: bytes
    taken: int = 0

    @property
    def waiting(self) -> int:
        return len(self.pcm) - self.taken


@dataclass(eq=False)
class _Played:
    """So many bytes of a piece were played, and the client has given no sign of life since."""

    answer: "Answer"
    piece: _Piece
    size: int


@dataclass(eq=False)
class Answer:
    """What is to be heard of one response.

    Args:
        id: The response's.
        form: How its deltas are coded.
        in_conversation: Whether its items can be truncated.
        started: Whether the user hears it, or heard it.
        cancelled: Whether the client asked for its end.
        muted: Whether nothing of it is played any more, as the user or the client interrupted it.
        done: Whether its `response.done` passed.
        stops_at: Number of the pull from which on its end may be told.
    """

    id: str
    form: AudioFormat
    in_conversation: bool = True
    started: bool = False
    cancelled: bool = False
    muted: bool = False
    done: bool = False
    stops_at: int = 0
    items: dict[str, SpokenItem] = field(default_factory=dict)
    pieces: deque[_Piece] = field(default_factory=deque)
    waiting: int = 0  # bytes

    @property
    def is_whole(self) -> bool:
        """Whether all audio came that was begun."""
        return self.done or all(item.audio_done for item in self.items.values())

    @property
    def is_playing(self) -> bool:
        """Whether there is something to cut: audio that waits, or that must still come to go on."""
        return bool(self.waiting) or (self.started and not self.is_whole)

    def item_of(self, delta: AudioChunk, heard: int = 0) -> SpokenItem | None:
        """Return the item that a delta belongs to, a new one if need be; None when there are too many.

        Args:
            delta: One of this response.
            heard: Bytes of the item that were played before, elsewhere.
        """
        item = self.items.get(delta.item_id)
        if item is None:
            if len(self.items) >= MOST_ITEMS:
                return None
            decoder = None if isinstance(self.form, PcmFormat) else AudioDecoder(self.form)
            item = self.items[delta.item_id] = SpokenItem(delta, decoder, came=heard, played=heard)
        item.latest = replace(delta, audio=b"")
        return item


class OutputQueue:
    """The answers that wait, the one that is being played first."""

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque()
        self._bytes = 0
        self._unconfirmed: deque[_Played] = deque()
        self._unconfirmed_bytes = 0
        self.is_full = False

    @property
    def seconds(self) -> float:
        return self._bytes / BYTES_PER_SECOND

    @property
    def head(self) -> Answer | None:
        return self._answers[0] if self._answers else None

    def __contains__(self, answer: Answer) -> bool:
        return answer in self._answers

    def __iter__(self) -> Iterator[Answer]:
        return iter(tuple(self._answers))

    def add(self, answer: Answer, item: SpokenItem, audio: bytes) -> None:
        """Add audio of an item as it came; what nobody will hear is counted only."""
        self._add_pcm(answer, item, audio if item.decoder is None else item.decoder.decode(audio))

    def finish(self, answer: Answer, item: SpokenItem) -> None:
        """All audio of an item came."""
        if not item.audio_done:
            item.audio_done = True
            self._add_pcm(answer, item, b"" if item.decoder is None else item.decoder.flush())

    def frame(self) -> bytes | None:
        """Return the next 20 ms; None while there is less, and more to come."""
        answer = self.head
        if answer is None:
            return None
        if answer.done and answer.waiting < FRAME_BYTES:
            for spoken in answer.items.values():
                self.finish(answer, spoken)
        if not (answer.waiting >= FRAME_BYTES or (answer.waiting and answer.is_whole)):
            return None
        frame = b""
        item: SpokenItem | None = None
        while answer.pieces and len(frame) < FRAME_BYTES:
            if answer.pieces[0].item is not item:
                item, frame = answer.pieces[0].item, _whole_samples(frame)
            frame += self._take(answer, FRAME_BYTES - len(frame))
        return _whole_samples(frame).ljust(FRAME_BYTES, b"\0")

    def confirm(self) -> None:
        """What was played so far reached the client."""
        if self._unconfirmed:
            self._unconfirmed.clear()
            self._unconfirmed_bytes = 0

    def take_back(self) -> list[Answer]:
        """Put what was played since the last `confirm` back in front; return the answers that it is of."""
        changed: dict[int, Answer] = {}
        while self._unconfirmed:
            played = self._unconfirmed.pop()
            answer, piece = played.answer, played.piece
            changed[id(answer)] = answer
            piece.taken -= played.size
            piece.item.played -= played.size
            if not answer.muted:
                self._put_back(answer, piece, played.size)
        self._unconfirmed_bytes = 0
        for answer in changed.values():
            for item in answer.items.values():
                if item.limit is not None:
                    self.cut(answer, item, item.limit)
        return list(changed.values())

    def _put_back(self, answer: Answer, piece: _Piece, size: int) -> None:
        if not (answer.pieces and answer.pieces[0] is piece):
            answer.pieces.appendleft(piece)
        if self.head is not answer:
            if answer in self._answers:
                self._answers.remove(answer)
            self._answers.appendleft(answer)
        self._weigh(answer, size)

    def remove(self, answer: Answer) -> None:
        """Drop what waits of an answer, and its place in the queue."""
        self._weigh(answer, -answer.waiting)
        answer.pieces.clear()
        if answer in self._answers:
            self._answers.remove(answer)

    def cut(self, answer: Answer, item: SpokenItem, limit: int) -> None:
        """Play nothing of an item behind its first `limit` bytes; more of it than that may have been played."""
        item.limit = limit
        kept: deque[_Piece] = deque()
        for piece in answer.pieces:
            if piece.item is item and piece.at + len(piece.pcm) > limit:
                self._weigh(answer, -piece.waiting)
                piece.pcm = piece.pcm[: max(limit - piece.at, piece.taken)]
                self._weigh(answer, piece.waiting)
            if piece.waiting:
                kept.append(piece)
        answer.pieces = kept

    def deltas(self) -> Iterator[AudioChunk]:
        """Yield what waits as it came; the delta that is being played is cut to its rest."""
        for answer in self._answers:
            last = {piece.item.id: piece for piece in answer.pieces}
            encoders = {item_id: AudioEncoder(answer.form) for item_id in last}
            for piece in answer.pieces:
                encoder = encoders[piece.item.id]
                audio = encoder.encode(piece.pcm[piece.taken :])
                if piece is last[piece.item.id]:
                    audio += encoder.flush()
                if audio:
                    yield replace(piece.delta, audio=audio)

    def _add_pcm(self, answer: Answer, item: SpokenItem, pcm: bytes) -> None:
        at = item.came
        item.came += len(pcm)
        if item.limit is not None:
            pcm = pcm[: max(item.limit - at, 0)]
        if answer.muted or not pcm:
            return
        if answer not in self._answers:
            self._answers.append(answer)
        last = answer.pieces[-1] if answer.pieces else None
        if last is not None and last.item is item and len(last.pcm) < FRAME_BYTES:
            last.pcm += pcm
        else:
            answer.pieces.append(_Piece(item, item.latest, at, pcm))
        self._weigh(answer, len(pcm))

    def _take(self, answer: Answer, most: int) -> bytes:
        piece = answer.pieces[0]
        pcm = piece.pcm[piece.taken : piece.taken + most]
        piece.taken += len(pcm)
        piece.item.played += len(pcm)
        if not piece.waiting:
            answer.pieces.popleft()
        self._weigh(answer, -len(pcm))
        self._note_played(answer, piece, len(pcm))
        return pcm

    def _note_played(self, answer: Answer, piece: _Piece, size: int) -> None:
        last = self._unconfirmed[-1] if self._unconfirmed else None
        if last is not None and last.piece is piece:
            last.size += size
        else:
            self._unconfirmed.append(_Played(answer, piece, size))
        self._unconfirmed_bytes += size
        while self._unconfirmed_bytes > MOST_UNCONFIRMED and len(self._unconfirmed) > 1:
            self._unconfirmed_bytes -= self._unconfirmed.popleft().size

    def _weigh(self, answer: Answer, change: int) -> None:
        answer.waiting += change
        self._bytes += change
        if self.seconds > FULL_SECONDS:
            self.is_full = True
        elif self.seconds < ROOM_SECONDS:
            self.is_full = False


def _whole_samples(pcm: bytes) -> bytes:
    """Drop half a sample, at an item's end."""
    return pcm[:-1] if len(pcm) % SAMPLE_BYTES else pcm
