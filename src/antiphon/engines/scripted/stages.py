"""The stages of one emulated session: they hear, answer and speak as the script says."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import cache

import numpy as np

from antiphon.engines.scripted.play import Play
from antiphon.engines.scripted.script import Call, Turn
from antiphon.errors import StageError
from antiphon.session.context import ContextMessage, ContextToolResult, ModelContext
from antiphon.stages.base import (
    GenerationEvent,
    GenerationFinished,
    Speech,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    WordMark,
)
from antiphon.stages.stt.scripted import ScriptedUtterance

RATE = 24_000
SAMPLE_BYTES = 2
NOTHING_SAID = "Hello."
_TONE_HZ = 400  # a whole number of samples to its period
_PARTIAL_BYTES = 9600  # a word more of the transcript is understood every 300 ms, at 16000 Hz


def hearings(play: Play) -> Iterator[ScriptedUtterance]:
    """Yield what each utterance gives."""
    while True:
        turn = play.hear()
        error = StageError("stt scripted", turn.hear_error, "transcription_failed") if turn.hear_error else None
        text = turn.hear or ""
        words = text.split(" ")
        partials = tuple(" ".join(words[: n + 1]) for n in range(len(words))) if text else ()
        yield ScriptedUtterance(text, partials, _PARTIAL_BYTES, error)


def said_last(context: ModelContext) -> str:
    """Return the last message of the user, or the result of a function call after it; "" without any."""
    for item in reversed(context.items):
        if isinstance(item, ContextToolResult):
            return item.output
        if isinstance(item, ContextMessage) and item.role == "user":
            return item.text
    return ""


class Mind:
    """Answers with the turns of a script.

    Args:
        play: Where the script stands.
        answered: Called with each turn when its generation begins.
    """

    def __init__(self, play: Play, answered: Callable[[Turn], None]) -> None:
        self._play = play
        self._answered = answered

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        said = said_last(context)
        turn = self._play.answer(said)
        self._answered(turn)
        await asyncio.sleep(turn.pace.first_delay)
        seconds = 1 / turn.pace.words_per_second if turn.pace.words_per_second else 0.0
        count = 0
        for event in _events(turn, said):
            yield event
            count += 1
            # Without a pace too: whoever cancels, and other sessions, shall have their turn.
            await asyncio.sleep(seconds)
        if turn.fail is not None:
            raise StageError("llm scripted", turn.fail.message, turn.fail.code)
        yield GenerationFinished(turn.stop, output_tokens=count)


def _events(turn: Turn, said: str) -> Iterator[GenerationEvent]:
    text = turn.say if turn.answers else "{user}"
    for word in _pieces(text.replace("{user}", said or NOTHING_SAID)):
        yield TextDelta(word)
    for index, call in enumerate(turn.calls):
        yield from _call_events(index, call)


def _call_events(index: int, call: Call) -> Iterator[GenerationEvent]:
    yield ToolCallStarted(index, call.name, call.call_id)
    for piece in _pieces(call.arguments):
        yield ToolCallDelta(index, piece)


def _pieces(text: str) -> list[str]:
    """Cut text before each space; the pieces joined are the text."""
    return [piece for piece in re.split(r"(?=\s)", text) if piece]


class Throat:
    """Speaks the turn that was answered last: its recording, or a tone as long as the text."""

    rate = RATE

    def __init__(self) -> None:
        self._turn = Turn()
        self._spoken = 0  # characters of the turn

    def turn_to(self, turn: Turn) -> None:
        """Speak this turn from now on."""
        self._turn = turn
        self._spoken = 0

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:  # noqa: ARG002
        pace = self._turn.pace
        pcm = (
            self._recorded(text)
            if self._turn.audio is not None
            else _tone(round(len(text) * pace.character_ms / speed))
        )
        samples = len(pcm) // SAMPLE_BYTES
        marks = [
            WordMark(word.start(), word.end(), word.start() * samples // len(text))
            for word in re.finditer(r"\S+", text)
        ]
        chunk = pace.chunk_ms * RATE // 1000
        for start in range(0, samples, chunk):
            words = tuple(mark for mark in marks if start <= mark.sample < start + chunk)
            piece = pcm[start * SAMPLE_BYTES : (start + chunk) * SAMPLE_BYTES]
            yield Speech(piece, words)
            await asyncio.sleep(len(piece) / SAMPLE_BYTES / RATE / pace.audio_speed if pace.audio_speed else 0)

    def _recorded(self, text: str) -> bytes:
        """Return the part of the recording that belongs to `text`, by its share of what is said."""
        pcm, say = self._turn.audio or b"", self._turn.say
        begin = self._spoken
        found = say.find(text, begin)
        end = found + len(text) if found >= 0 else begin + len(text)
        self._spoken = end
        samples = len(pcm) // SAMPLE_BYTES
        first = samples * begin // max(1, len(say))
        last = samples if end >= len(say.rstrip()) else samples * end // len(say)
        return pcm[first * SAMPLE_BYTES : last * SAMPLE_BYTES]


@cache
def _second() -> bytes:
    wave = 8000 * np.sin(2 * np.pi * _TONE_HZ * np.arange(RATE) / RATE)
    return bytes(np.rint(wave).astype("<i2").tobytes())


def _tone(ms: int) -> bytes:
    size = ms * RATE // 1000 * SAMPLE_BYTES
    return (_second() * (size // len(_second()) + 1))[:size]
