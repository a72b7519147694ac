"""What answers at the far end: a model that knows its story, hears each frame, and speaks words of levels of their own.

Nothing here is random, and audio says what it is: each 20 ms of the user's voice has a level of its own, and so has
each word of the assistant's. What is lost, doubled or out of order shows, in bytes and in what the model understood.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field

import numpy as np

from antiphon.engines.local import LocalEngine, Stages
from antiphon.path.handover import CONTINUE
from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.context import ContextItem, ContextMessage, ContextToolResult, ModelContext, TranscriptionHint
from antiphon.session.limits import Limits
from antiphon.stages.base import (
    GenerationEvent,
    GenerationFinished,
    Speech,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Transcript,
    WordMark,
)
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector

RATE = 24_000
FRAME_SAMPLES = RATE // 50  # 20 ms
WORD_SAMPLES = RATE // 10

INSTRUCTIONS = "You are a storyteller."
HELLO, ASK, CLOCK, CHECK, NOTE = "Hello.", "Tell me the story.", "What time is it?", "Are you there?", "Note: it rains."
STORY = "Once there lived a clever fox beside the wide cold river. Nobody knew his name until one winter morning."
ANSWERS = {HELLO: "Good morning Ada.", ASK: STORY, CHECK: "I am still here."}
NOON = "The clock says noon."
FORGOTTEN = "I have forgotten everything."
WORDS = list(dict.fromkeys(" ".join([*ANSWERS.values(), NOON, FORGOTTEN]).split()))

HELLO_FRAMES, ASK_FRAMES = 12, 40
_HELLO_LEVEL, _ASK_LEVEL, _WORD_LEVEL, _STEP = 4_000, 10_000, 1_000, 50
HELD_WORDS = 4  # of an answer, spoken before the gate


def hello() -> list[bytes]:
    """Return the frames of the first spoken turn, PCM16 at 24000 Hz."""
    return [_frame(_HELLO_LEVEL + _STEP * number) for number in range(HELLO_FRAMES)]


def ask() -> list[bytes]:
    """Return the frames of the turn that asks for the story."""
    return [_frame(_ASK_LEVEL + _STEP * number) for number in range(ASK_FRAMES)]


def silence(ms: int) -> list[bytes]:
    return [_frame(0)] * (ms // 20)


def frames_in(pcm: bytes, level: int = _ASK_LEVEL, count: int = ASK_FRAMES) -> list[int]:
    """Return the numbers of the frames of a turn in the order they are heard; -1 for one that is not whole."""
    return [
        (value - level) // _STEP if length == FRAME_SAMPLES else -1
        for value, length in _runs(pcm)
        if level <= value < level + _STEP * count
    ]


def words_in(pcm: bytes) -> list[str]:
    """Return the words in the assistant's audio; a word that is not whole has an ellipsis."""
    found = []
    for value, length in _runs(pcm):
        number = (value - _WORD_LEVEL) // _STEP
        if 0 <= number < len(WORDS):
            found += [WORDS[number]] * (length // WORD_SAMPLES) + (
                [f"{WORDS[number]}…"] if length % WORD_SAMPLES else []
            )
    return found


def _frame(level: int) -> bytes:
    return np.full(FRAME_SAMPLES, level, "<i2").tobytes()


def _runs(pcm: bytes) -> Iterator[tuple[int, int]]:
    for value, group in itertools.groupby(np.frombuffer(pcm, "<i2").tolist()):
        yield value, sum(1 for _ in group)


@dataclass
class World:
    """What all stages of one engine share.

    Args:
        hold: At what an answer to `ASK` waits for `release`: `hearing`, `thinking` or `speaking`, "" for nothing.
        session_seconds: How long a session may last.

    `contexts` holds what the model was told, each time that it was asked.
    """

    hold: str = ""
    session_seconds: float = 3600.0
    contexts: list[ModelContext] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let what is held go on, and what comes later go through."""
        self.released.set()

    async def pass_gate(self, name: str) -> None:
        if self.hold == name:
            await self.released.wait()

    def engine(self) -> LocalEngine:
        stages = Stages(ScriptedVoiceActivityDetector(), Ear(self), Mind(self), Voice(self))
        # What is said is sent as fast as it is made.
        limits = Limits(session_seconds=self.session_seconds, speak_ahead_seconds=86_400.0)
        return LocalEngine(stages, Equipment(capabilities=Capabilities(), limits=limits))


class Plain:
    """A stage with nothing to load."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


# --- hearing --------------------------------------------------------------------------------------------------


class Ear(Plain):
    """Understands a turn if it heard all of it, once and in order."""

    rate = RATE

    def __init__(self, world: World) -> None:
        self._world = world

    async def prepare(self, hint: TranscriptionHint) -> None: ...

    def open(self, hint: TranscriptionHint) -> "Hearing":
        return Hearing(self._world)


class Hearing:
    def __init__(self, world: World) -> None:
        self._world = world
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> None:
        self._pcm += pcm

    async def partials(self) -> AsyncIterator[str]:
        return
        yield

    async def finish(self) -> Transcript:
        text = understood(bytes(self._pcm))
        if text == ASK:
            await self._world.pass_gate("hearing")
        return Transcript(text, len(self._pcm) / 2 / RATE, "en")

    def cancel(self) -> None: ...


def understood(pcm: bytes) -> str:
    """Return what was said in user audio."""
    asked, greeted = frames_in(pcm), frames_in(pcm, _HELLO_LEVEL, HELLO_FRAMES)
    if asked:
        return ASK if asked == list(range(ASK_FRAMES)) else f"(heard of the question: {asked})"
    return HELLO if greeted == list(range(HELLO_FRAMES)) else f"(heard of the greeting: {greeted})"


# --- thinking -------------------------------------------------------------------------------------------------


class Mind(Plain):
    """Answers what the user said last; asked to go on, it says the rest of what it had begun and nothing else."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent, None]:
        self._world.contexts.append(context)
        turns = [item for item in context.items if not is_note(item)]
        if asks(turns) == ASK:
            await self._world.pass_gate("thinking")
        if asks(turns) == CLOCK:
            yield ToolCallStarted(0, "clock", "call_clock")
            yield ToolCallDelta(0, '{"zone":"UTC"}')
        else:
            for word in answer(turns, goes_on=CONTINUE in context.instructions).split(" "):
                yield TextDelta(f"{word} ")
                await asyncio.sleep(0)
        yield GenerationFinished("stop")


def is_note(item: ContextItem) -> bool:
    return isinstance(item, ContextMessage) and item.text == NOTE


def asks(turns: list[ContextItem]) -> str:
    """Return what waits for an answer: the user's last words, or `NOON` when a tool has answered."""
    for item in reversed(turns):
        if isinstance(item, ContextToolResult):
            return NOON
        if isinstance(item, ContextMessage) and item.role == "user":
            return item.text
    return ""


def answer(turns: list[ContextItem], *, goes_on: bool) -> str:
    """Return what to say, or the rest of it behind what the conversation shows as said already."""
    asked = asks(turns)
    whole = NOON if asked == NOON else ANSWERS.get(asked, FORGOTTEN)
    if not goes_on:
        return whole
    said = said_since(turns)
    return whole.removeprefix(said).strip() if whole.startswith(said) else FORGOTTEN


def said_since(turns: list[ContextItem]) -> str:
    """Return what the assistant has said since the user's last words."""
    texts: list[str] = []
    for item in reversed(turns):
        if not isinstance(item, ContextMessage) or item.role != "assistant":
            break
        texts.insert(0, item.text.strip())
    return " ".join(texts)


# --- speaking -------------------------------------------------------------------------------------------------


class Voice(Plain):
    """Speaks each word as 100 ms of a level of its own."""

    rate = RATE

    def __init__(self, world: World) -> None:
        self._world = world

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        begin = 0
        for count, word in enumerate(text.split()):
            if count == HELD_WORDS and text.startswith(STORY[:10]):
                await self._world.pass_gate("speaking")
            start = text.index(word, begin)
            begin = start + len(word)
            level = _WORD_LEVEL + _STEP * WORDS.index(word)
            mark = WordMark(start, begin, count * WORD_SAMPLES)
            yield Speech(np.full(WORD_SAMPLES, level, "<i2").tobytes(), (mark,))
            await asyncio.sleep(0)
