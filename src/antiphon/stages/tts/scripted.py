"""A text-to-speech stage without a voice, for tests: each character lasts equally long."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import numpy as np

from antiphon.errors import StageError
from antiphon.stages.base import Speech, WordMark


@dataclass
class SpeechRequest:
    """One call of `speak`, and what became of it."""

    text: str
    voice: str
    speed: float
    chunks: int = 0
    finished: bool = False
    cancelled: bool = False


@dataclass
class ScriptedTextToSpeech:
    """Speaks every character as the same number of samples of a tone, and says where each word begins.

    Args:
        rate: Hz.
        character_samples: Samples that one character lasts at speed 1.
        chunk_samples: Samples in a chunk.
        frequency: Of the tone in Hz; 0 gives silence.
        fail_after: Raise StageError once this many chunks of a request were yielded; None for never.
        gate: When given, each chunk waits until the test releases it, once for each chunk.
    """

    rate: int = 24000
    character_samples: int = 1200
    chunk_samples: int = 2400
    frequency: float = 440.0
    fail_after: int | None = None
    gate: asyncio.Semaphore | None = None
    requests: list[SpeechRequest] = field(default_factory=list)

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        request = SpeechRequest(text, voice, speed)
        self.requests.append(request)
        try:
            for speech in self._render(text, speed):
                await self._permit(request)
                request.chunks += 1
                yield speech
            if request.chunks == self.fail_after:
                self._fail(request)
            request.finished = True
        except (GeneratorExit, asyncio.CancelledError):
            request.cancelled = True
            raise

    async def _permit(self, request: SpeechRequest) -> None:
        if request.chunks == self.fail_after:
            self._fail(request)
        if self.gate is not None:
            await self.gate.acquire()

    def _fail(self, request: SpeechRequest) -> None:
        raise StageError("tts scripted", f"failed as scripted, after {request.chunks} chunk(s)", "scripted")

    def _render(self, text: str, speed: float) -> list[Speech]:
        """Cut the tone for `text` into chunks, each with the words that begin in it."""
        per_character = self.character_samples / speed
        total = round(len(text) * per_character)
        tone = np.rint(8000 * np.sin(2 * np.pi * self.frequency * np.arange(total) / self.rate)).astype("<i2").tobytes()
        marks = [
            WordMark(word.start(), word.end(), round(word.start() * per_character))
            for word in re.finditer(r"\S+", text)
        ]
        return [
            Speech(
                tone[2 * start : 2 * (start + self.chunk_samples)],
                tuple(mark for mark in marks if start <= mark.sample < start + self.chunk_samples),
            )
            for start in range(0, total, self.chunk_samples)
        ]
