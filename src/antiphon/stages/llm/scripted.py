"""A language model that says what a test wrote down, when the test lets it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field

from antiphon.errors import StageError
from antiphon.session.context import ModelContext
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta


@dataclass(frozen=True)
class Gate:
    """A point in a script that waits until the test opens it; `reached` tells that the generation waits there."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Let the generation go on."""
        self.opened.set()

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()


ScriptStep = GenerationEvent | StageError | Gate
Script = Sequence[ScriptStep]


def says(text: str) -> Script:
    """Return the script of an answer that streams `text` word by word and finishes."""
    words = text.split(" ")
    deltas = [TextDelta(word if i == 0 else f" {word}") for i, word in enumerate(words)]
    return (*deltas, GenerationFinished(output_tokens=len(words)))


class ScriptedLanguageModel:
    """Plays one script for each generation, in order.

    A script is a sequence of generation events; a `StageError` in it is raised there and a `Gate` waits there. A
    generation without a script raises `StageError`, code `script_ended`.

    Attributes:
        contexts: What each generation was asked, in order.
        closed: Indices of the generations that were closed before their end.
        finished: Indices of the generations that came to their end or to their error.
    """

    def __init__(self, scripts: Iterable[Script] = ()) -> None:
        self._scripts = list(scripts)
        self.contexts: list[ModelContext] = []
        self.closed: list[int] = []
        self.finished: list[int] = []

    def add(self, script: Script) -> None:
        """Add the script of one more generation."""
        self._scripts.append(script)

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        """Play the next script."""
        turn = len(self.contexts)
        self.contexts.append(context)
        try:
            for step in self._script(turn):
                if isinstance(step, Gate):
                    await step.wait()
                elif isinstance(step, StageError):
                    raise step
                else:
                    yield step
        except (GeneratorExit, asyncio.CancelledError):
            self.closed.append(turn)
            raise
        except StageError:
            self.finished.append(turn)
            raise
        self.finished.append(turn)

    def _script(self, turn: int) -> Script:
        if turn < len(self._scripts):
            return self._scripts[turn]
        message = f"generation {turn + 1} has no script; only {len(self._scripts)} were given"
        return (StageError("llm scripted", message, "script_ended"),)
