"""Text to speech by espeak-ng, in a process of its own."""

import asyncio
import json
import re
import sys
import unicodedata
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count

from antiphon.errors import StageError
from antiphon.stages.base import Speech, WordMark
from antiphon.stages.tts.espeak_worker import HEADER, MARK, MARK_COUNT

STAGE = "tts espeak"
WORDS_PER_MINUTE = 175  # espeak's usual speed
SLOWEST, FASTEST = 80, 450  # what espeak can do, in words per minute
PIECE_CHARACTERS = 300  # of a long text at a time: bounds memory and how long others wait, about 30 ms
START_SECONDS = 20.0
STALL_SECONDS = 20.0  # without a sign of life while work is due
EXIT_SECONDS = 1.0
RESTARTS = 3  # in a row, with no text spoken in between
ERROR_BYTES = 4000  # of the worker's error output, kept for messages

_OWN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,40}(\+[A-Za-z0-9][A-Za-z0-9_ -]{0,40})?")
_SENTENCE_END = re.compile(
    r"[.!?\u2026\u3002\uff01\uff1f]+[\"'\u201d\u2019)\]]*\s+|\n+"
)  # also ... and the CJK full stops


@dataclass(frozen=True)
class Voice:
    """An espeak voice, `language+variant`, with its pitch and pitch range from 0 to 100."""

    name: str
    pitch: int = 50
    pitch_range: int = 50


# Language codes that users know and espeak does not take as names.
_LANGUAGES = {"en-gb": "en", "fr-fr": "fr", "zh": "cmn"}

# The API's voices, told apart by accent, variant and pitch.
VOICES = {
    "alloy": Voice("en-us+f2", 45, 50),
    "ash": Voice("en-us+m3", 42, 55),
    "ballad": Voice("en+m1", 48, 65),
    "cedar": Voice("en-us+m1", 32, 50),
    "coral": Voice("en-us+f3", 60, 60),
    "echo": Voice("en-us+m7", 45, 50),
    "marin": Voice("en-us+f4", 50, 60),
    "sage": Voice("en-gb-x-rp+f2", 50, 45),
    "shimmer": Voice("en-us+f5", 66, 60),
    "verse": Voice("en+m3", 38, 70),
}
DEFAULT_VOICE = VOICES["alloy"]


def find_voice(name: str) -> Voice:
    """Return the voice for an API name or one of espeak's own names, such as `de` or `fr+f2`; else the default."""
    if name in VOICES:
        return VOICES[name]
    if not _OWN_NAME.fullmatch(name):
        return DEFAULT_VOICE
    language, plus, variant = name.partition("+")
    return Voice(_LANGUAGES.get(language.lower(), language) + plus + variant)


def speakable(text: str) -> str:
    """Replace what is not text (control characters, lone surrogates) by spaces, so that every index stays."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cs", "Cn") else letter for letter in text)


def pieces(text: str, limit: int = PIECE_CHARACTERS) -> Iterator[tuple[int, str]]:
    """Cut a long text into pieces of at most `limit` characters, each with its index.

    A piece ends with a sentence where it can, else with a word, else anywhere.
    """
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        ends = [match.end() for match in _SENTENCE_END.finditer(window)]
        end = ends[-1] if ends else window.rfind(" ") + 1 or limit
        yield start, window[:end]
        start += end
    yield start, text[start:]


_Answer = Speech | StageError | None  # audio, a failure, the end


class Espeak:
    """espeak-ng for many sessions: over 100 languages, no model, about 1 ms of work for a second of speech.

    The library is GPL-3.0 and keeps global state, so a worker process holds it and speaks texts one after the other;
    a long text is cut into pieces, and sessions take turns by piece. A worker that dies is replaced.

    Args:
        command: How to start the worker, for tests.
    """

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "antiphon.stages.tts.espeak_worker")) -> None:
        self._command = command
        self._rate = 22050  # until the worker says; espeak's own voices all have this one
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._failures = 0  # in a row
        self._failure: StageError | None = None
        self._closed = False

    @property
    def rate(self) -> int:
        return self._rate

    async def start(self) -> None:
        if find_spec("espeakng_loader") is None:
            raise StageError(
                STAGE,
                "the package 'espeakng-loader' is not installed; pip install espeakng-loader "
                "(it is GPL-3.0, hence optional), or set tts to 'none' for a server that answers in text",
                "missing_extra",
            )
        self._failures, self._closed = 0, False
        async for _ in self.speak("Ready.", "alloy"):  # loads the language, so that the first answer need not
            pass

    async def close(self) -> None:
        self._closed = True
        await self._drop_worker()

    async def _drop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        """Speak as `TextToSpeech` says. Below 0.46 times the usual speed espeak gets no slower."""
        chosen, sample, heard = find_voice(voice), 0, 0
        for start, piece in pieces(speakable(text)):
            if not piece.strip():
                continue
            begin = sample
            worker = await self._ready_worker()
            # An iterator that is left early must be closed at once, not when it is collected: that stops the worker.
            async with aclosing(worker.speak(_request(piece, chosen, speed))) as audio:
                async for speech in audio:
                    words = _clean_marks(speech.words, text, start, begin, heard)
                    heard = words[-1].end if words else heard
                    sample += len(speech.pcm) // 2
                    yield Speech(speech.pcm, words)
            self._failures = 0

    async def _ready_worker(self) -> "_Worker":
        """Return the running worker, or start one in its place."""
        async with self._starting:
            if self._worker is not None:
                if self._worker.failure is None:
                    return self._worker
                self._failure, self._failures = self._worker.failure, self._failures + 1
                await self._drop_worker()
            if self._closed:
                raise StageError(STAGE, "it was closed", "closed")
            if self._failure is not None and self._failures > RESTARTS:
                raise self._failure
            try:
                self._worker = await _Worker.start(self._command)
            except StageError as error:
                self._failure, self._failures = error, self._failures + 1
                raise
            self._rate = self._worker.rate
            return self._worker


def _request(text: str, voice: Voice, speed: float) -> bytes:
    return json.dumps(
        {
            "text": text,
            "rate": round(min(max(speed * WORDS_PER_MINUTE, SLOWEST), FASTEST)),
            "voices": [(one.name, one.pitch, one.pitch_range) for one in (voice, DEFAULT_VOICE)],
        }
    ).encode()


def _clean_marks(marks: tuple[WordMark, ...], text: str, start: int, begin: int, heard: int) -> tuple[WordMark, ...]:
    """Move marks of a piece to the whole text; espeak marks the parts of a number more than once: keep the first.

    Args:
        start: Index of the piece in `text`.
        begin: The piece's first sample.
        heard: Index in `text` up to which words have been marked.
    """
    words: list[WordMark] = []
    for mark in marks:
        first, last = start + mark.start, min(start + mark.end, len(text))
        last = first + len(text[first:last].rstrip())
        if first >= heard and last > first:
            words.append(WordMark(first, last, begin + mark.sample))
            heard = last
    return tuple(words)


class _Worker:
    """A running worker process and the requests it has."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.rate = 0
        self.failure: StageError | None = None
        self._process = process
        self._answers: dict[int, asyncio.Queue[_Answer]] = {}
        self._numbers = count(1)
        self._error_output = bytearray()
        self._error_reader = asyncio.create_task(self._read_errors())
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, command: tuple[str, ...]) -> "_Worker":
        """Start a process and wait until it is ready.

        Raises:
            StageError: It did not start; the message has what it wrote to its error output.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            worker = cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe))
        except OSError as error:
            raise StageError(STAGE, f"its process did not start: {error}", "worker_failed") from error
        try:
            async with asyncio.timeout(START_SECONDS):
                _, _, payload = await worker._receive()
        except (asyncio.IncompleteReadError, TimeoutError):
            worker.failure = await worker._exit_error()
            raise worker.failure from None
        worker.rate = int(json.loads(payload)["rate"])
        worker._reader = asyncio.create_task(worker._read_answers())
        return worker

    async def close(self) -> None:
        """End the process: without its input it stops by itself."""
        await self._exit()
        if self._reader is not None:
            await self._reader

    async def speak(self, request: bytes) -> AsyncGenerator[Speech, None]:
        """Yield the audio of one piece; marks count from its first sample."""
        if self.failure is not None:
            raise self.failure
        number = next(self._numbers)
        answers: asyncio.Queue[_Answer] = asyncio.Queue()  # bounded by the piece
        self._answers[number] = answers
        self._send(b"S", number, request)
        try:
            while (answer := await self._next(answers)) is not None:
                if isinstance(answer, StageError):
                    raise answer
                yield answer
        finally:
            if self._answers.pop(number, None) is not None:
                self._send(b"C", number)

    async def _next(self, answers: "asyncio.Queue[_Answer]") -> _Answer:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                return await answers.get()
        except TimeoutError:
            self._process.kill()
            message = f"nothing came for {STALL_SECONDS:g} s; its process is replaced"
            raise StageError(STAGE, message, "worker_stalled") from None

    def _send(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(HEADER.pack(kind, number, len(payload)) + payload)

    async def _receive(self) -> tuple[bytes, int, bytes]:
        assert self._process.stdout is not None
        kind, number, size = HEADER.unpack(await self._process.stdout.readexactly(HEADER.size))
        return kind, number, await self._process.stdout.readexactly(size)

    async def _read_answers(self) -> None:
        """Hand answers to those who wait; the end of the process is the answer to all of them."""
        try:
            while True:
                kind, number, payload = await self._receive()
                waiting = self._answers.get(number)
                if kind in (b"D", b"E"):
                    self._answers.pop(number, None)
                if waiting is not None:
                    waiting.put_nowait(_read_answer(kind, payload))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.failure = await self._exit_error()
        for waiting in self._answers.values():
            waiting.put_nowait(self.failure)
        self._answers.clear()

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(ERROR_BYTES):
            self._error_output = (self._error_output + data)[-ERROR_BYTES:]

    async def _exit(self) -> int:
        """Wait for the process to end, not for long, and return its status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                status = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            status = await self._process.wait()
        await self._error_reader
        return status

    async def _exit_error(self) -> StageError:
        """Say how the process ended and what it wrote last."""
        status = await self._exit()
        said = self._error_output.decode(errors="replace").strip()
        return StageError(STAGE, f"its process ended with status {status}: {said or 'no message'}", "worker_failed")


def _read_answer(kind: bytes, payload: bytes) -> _Answer:
    if kind == b"D":
        return None
    if kind == b"E":
        return StageError(STAGE, payload.decode(errors="replace"))
    (marks,) = MARK_COUNT.unpack_from(payload)
    audio = MARK_COUNT.size + marks * MARK.size
    words = (
        WordMark(start, start + length, at) for start, length, at in MARK.iter_unpack(payload[MARK_COUNT.size : audio])
    )
    return Speech(payload[audio:], tuple(words))
