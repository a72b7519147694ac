"""The user's audio as raw messages: the turn that is not committed yet, and what committed items keep of theirs.

Positions are milliseconds of audio appended since the session began, as the client sees them in `audio_start_ms`.
Audio stays base64 inside the messages it came in; it is decoded when a new leg needs it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Literal

import msgspec
import pybase64

from antiphon.path.ledger.configuration import AudioForm
from antiphon.path.ledger.limits import MARKS
from antiphon.protocol.heads import with_event_id

COMMIT = b'{"type":"input_audio_buffer.commit"}'
CLEAR = b'{"type":"input_audio_buffer.clear"}'


class _Append(msgspec.Struct):
    audio: bytes = b""


_decoder = msgspec.json.Decoder(_Append)


class Chunk(msgspec.Struct, gc=False, frozen=True):
    """One append: the message, the size of its audio, and where that ends in ms."""

    message: bytes
    audio_bytes: int
    end_ms: float

    def audio(self) -> bytes:
        """Return what was in it; empty if that was no base64."""
        try:
            return _decoder.decode(self.message).audio
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return b""


@dataclass(frozen=True)
class KeptAudio:
    """The audio of one content part: the messages it lies in, and from where to where in ms."""

    chunks: tuple[Chunk, ...]
    start_ms: float
    end_ms: float
    form: AudioForm

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return sum(len(chunk.message) for chunk in self.chunks)

    @property
    def seconds(self) -> float:
        return max(self.end_ms - self.start_ms, 0.0) / 1000

    def base64(self) -> str:
        """Return the audio itself, in its form."""
        if not self.chunks:
            return ""
        audio = b"".join(chunk.audio() for chunk in self.chunks)
        first = self.chunks[0]
        begins = first.end_ms - self.form.milliseconds(first.audio_bytes)
        origin = round(begins * self.form.bytes_per_second / 1000)
        start, end = self.form.bytes_at(self.start_ms), self.form.bytes_at(self.end_ms)
        return pybase64.b64encode(audio[max(start - origin, 0) : max(end - origin, 0)]).decode("ascii")


def given_audio(audio: str, form: AudioForm) -> KeptAudio:
    """Return what a client brought in an item, base64, in the shape in which audio is kept."""
    size = len(audio) * 3 // 4 - audio[-2:].count("=")
    length = form.milliseconds(size)
    return KeptAudio((Chunk(b'{"audio":"%b"}' % audio.encode(errors="replace"), size, length),), 0.0, length, form)


@dataclass
class Turn:
    """A turn that the server detected; `end_ms` is None while the user speaks, `silent` if nobody does."""

    item_id: str
    start_ms: float
    end_ms: float | None = None
    silent: bool = False


@dataclass(frozen=True)
class Mark:
    """A commit or clear that the client sent, with the position it was sent at."""

    kind: Literal["commit", "clear"]
    position_ms: float
    event_id: str = ""

    def message(self) -> bytes:
        """Return the event again, under its id: an error must name it."""
        event = COMMIT if self.kind == "commit" else CLEAR
        return with_event_id(event, self.event_id) if self.event_id else event


@dataclass(frozen=True)
class Commit:
    """What `committed` made of a turn; `detected` when the server ended it and not the client."""

    audio: KeptAudio | None
    detected: bool


class InputAudio:
    """The input audio buffer as the server has it, or should have it.

    Args:
        preroll_seconds: How much is kept while nobody speaks.
    """

    def __init__(self, preroll_seconds: float) -> None:
        self.form = AudioForm()
        self.size = 0  # bytes of memory
        self.end_ms = 0.0  # of all audio that was appended
        self.turn: Turn | None = None
        self._preroll_ms = preroll_seconds * 1000
        self._chunks: deque[Chunk] = deque()
        self._from_ms = 0.0  # what comes before was committed or cleared
        self._marks: deque[Mark] = deque(maxlen=MARKS)
        self._manual = False
        self._holding = False  # nothing is let go: all of it will be committed

    def configure(self, form: AudioForm, manual: bool) -> None:
        """Take over the session's format and whether the client commits its turns itself."""
        self.form = form
        self._manual = manual
        self._hold()

    def append(self, message: bytes, audio_bytes: int) -> None:
        """Keep a raw append; `audio_bytes` is the size of its audio when decoded."""
        self.end_ms = end_ms = self.end_ms + audio_bytes * 1000 / self.form.bytes_per_second
        chunks = self._chunks
        chunks.append(Chunk(message, audio_bytes, end_ms))
        self.size += len(message)
        if not self._holding and chunks[0].end_ms <= end_ms - self._preroll_ms:
            self._drop_before(end_ms - self._preroll_ms)

    # --- what the client sent -------------------------------------------------------------------------------

    def commit_sent(self, event_id: str) -> None:
        self._marks.append(Mark("commit", self.end_ms, event_id))
        self._hold()

    def clear_sent(self, event_id: str = "") -> None:
        self._marks.append(Mark("clear", self.end_ms, event_id))
        self._hold()

    # --- what the server said -------------------------------------------------------------------------------

    def speech_started(self, item_id: str, start_ms: float) -> None:
        # A position that is not of this audio (a server with its own count) means: all there is.
        self.turn = Turn(item_id, start_ms if start_ms <= self.end_ms else self._from_ms)
        self._hold()

    def speech_stopped(self, item_id: str, end_ms: float) -> None:
        if self.turn is not None and self.turn.item_id == item_id:
            self.turn.end_ms = end_ms if self.turn.start_ms <= end_ms <= self.end_ms else self.end_ms

    def timed_out(self, item_id: str, start_ms: float, end_ms: float) -> None:
        """The server will commit a stretch in which nobody spoke."""
        self.speech_started(item_id, start_ms)
        self.speech_stopped(item_id, end_ms)
        if self.turn is not None:
            self.turn.silent = True

    def committed(self, item_id: str) -> Commit:
        """Hand over the audio of the turn that was committed."""
        turn, self.turn = self.turn, None
        if turn is not None and turn.item_id == item_id and turn.end_ms is not None:
            commit = Commit(self._take(turn.start_ms, turn.end_ms), detected=True)
        else:
            mark = self._answered("commit")
            start = turn.start_ms if turn is not None and turn.item_id == item_id else self._from_ms
            end = self.end_ms if mark is None else mark.position_ms
            commit = Commit(self._take(start, end), detected=mark is None and not self._manual)
        self._hold()
        return commit

    def refused(self, event_id: str, *, empty: bool) -> None:
        """An event of the client was refused; `empty` says that it was a commit, though its id may be unknown."""
        mark = next((mark for mark in self._marks if event_id and mark.event_id == event_id), None)
        if mark is not None:
            self._marks.remove(mark)
        elif empty:
            self._answered("commit")
        self._hold()

    def cleared(self) -> None:
        mark = self._answered("clear")
        self.turn = None
        self._forget_before(self.end_ms if mark is None else mark.position_ms)
        self._hold()

    # --- for another leg ------------------------------------------------------------------------------------

    def pending(self) -> list[Chunk]:
        """Return what another leg must hear again, the first chunk cut to what was not committed."""
        start = self._pending_from()
        chunks = [chunk for chunk in self._chunks if chunk.end_ms > start]
        if chunks and chunks[0].end_ms - self.form.milliseconds(chunks[0].audio_bytes) < self._begin(start):
            chunks[0] = self._cut(chunks[0], self._begin(start))
        return chunks

    def pending_input(self) -> list[bytes]:
        """Return the raw messages of `pending`, the client's unanswered commits and clears in their places.

        A clear in front of the first commit has nothing to take and is left out.
        """
        messages: list[bytes] = []
        marks = deque(self._from_first_commit())
        for chunk in self.pending():
            while marks and marks[0].position_ms < chunk.end_ms:
                messages.append(marks.popleft().message())
            messages.append(chunk.message)
        return messages + [mark.message() for mark in marks]

    def drop_oldest(self, size: int) -> None:
        """Let go of the oldest chunks, at least `size` bytes of memory if there is as much."""
        goal = self.size - size
        while self._chunks and self.size > goal:
            self._drop_first()

    # --- inside ---------------------------------------------------------------------------------------------

    def _pending_from(self) -> float:
        clears = takewhile(lambda mark: mark.kind == "clear", self._marks)
        least = max(self._from_ms, *(mark.position_ms for mark in clears), 0.0)
        if self.turn is not None:
            return max(least, self.turn.start_ms)
        return least if self._manual or self._from_first_commit() else max(least, self.end_ms - self._preroll_ms)

    def _begin(self, start: float) -> float:
        # A preroll begins anywhere, so it is not worth a cut; what was committed must not be heard twice.
        return start if self.turn is not None or self._manual else self._from_ms

    def _from_first_commit(self) -> list[Mark]:
        # What a clear took before that is not sent again, and what a commit took must be.
        return list(dropwhile(lambda mark: mark.kind == "clear", self._marks))

    def _cut(self, chunk: Chunk, start_ms: float) -> Chunk:
        rest = KeptAudio((chunk,), start_ms, chunk.end_ms, self.form).base64()
        message = b'{"type":"input_audio_buffer.append","audio":"%b"}' % rest.encode("ascii")
        return Chunk(message, len(pybase64.b64decode(rest)), chunk.end_ms)

    def _take(self, start_ms: float, end_ms: float) -> KeptAudio | None:
        start_ms = max(start_ms, self._from_ms)
        chunks = tuple(self._overlapping(start_ms, end_ms))
        self._forget_before(end_ms)
        return KeptAudio(chunks, start_ms, end_ms, self.form) if chunks else None

    def _overlapping(self, start_ms: float, end_ms: float) -> Iterable[Chunk]:
        for chunk in self._chunks:
            if chunk.end_ms - self.form.milliseconds(chunk.audio_bytes) >= end_ms:
                return
            if chunk.end_ms > start_ms:
                yield chunk

    def _answered(self, kind: str) -> Mark | None:
        # Answers come in order, so older marks of the other kind got theirs already, or never will.
        if not any(mark.kind == kind for mark in self._marks):
            return None
        mark = self._marks.popleft()
        while mark.kind != kind:
            mark = self._marks.popleft()
        return mark

    def _hold(self) -> None:
        self._holding = self._manual or self.turn is not None or bool(self._marks)

    def _forget_before(self, ms: float) -> None:
        self._from_ms = max(self._from_ms, ms)
        self._drop_before(ms)

    def _drop_before(self, ms: float) -> None:
        while self._chunks and self._chunks[0].end_ms <= ms:
            self._drop_first()

    def _drop_first(self) -> None:
        self.size -= len(self._chunks.popleft().message)
