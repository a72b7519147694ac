"""The model at the far end: it hears and speaks tones that survive a telephone line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from antiphon.engines.local import LocalEngine, Stages
from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.context import TranscriptionHint
from antiphon.session.limits import Limits
from antiphon.stages.base import Speech, Transcript, WordMark
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector
from tests.resilience.model import ASK, HELD_WORDS, NOON, STORY, Mind, Plain, World
from tests.transitions.sound import RATE, SYLLABLES, WORD_MS, syllables_in, word

_HELD = {"speaking": (STORY, HELD_WORDS), "telling": (NOON, 2)}  # where which answer waits


@dataclass
class ToneWorld(World):
    """What all stages of one engine share; `hold` may also be `telling`, in the middle of a function's answer."""

    def engine(self) -> LocalEngine:
        stages = Stages(ScriptedVoiceActivityDetector(), Ear(self), Mind(self), Voice(self))
        limits = Limits(session_seconds=self.session_seconds, speak_ahead_seconds=86_400.0)
        return LocalEngine(stages, Equipment(capabilities=Capabilities(), limits=limits))


class Ear(Plain):
    """Understands the question if it heard every syllable of it, once and in order."""

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
        heard = syllables_in(bytes(self._pcm))
        await self._world.pass_gate("hearing")
        text = ASK if heard == list(range(SYLLABLES)) else f"(heard of the question: {heard})"
        return Transcript(text, len(self._pcm) / 2 / RATE, "en")

    def cancel(self) -> None: ...


class Voice(Plain):
    """Speaks each word as a tone of its own."""

    rate = RATE

    def __init__(self, world: World) -> None:
        self._world = world

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        begin = 0
        for count, each in enumerate(text.split()):
            for hold, (held, at) in _HELD.items():
                if count == at and text.startswith(held[:10]):
                    await self._world.pass_gate(hold)
            start = text.index(each, begin)
            begin = start + len(each)
            mark = WordMark(start, begin, count * WORD_MS * RATE // 1000)
            yield Speech(word(each), (mark,))
            await asyncio.sleep(0)
