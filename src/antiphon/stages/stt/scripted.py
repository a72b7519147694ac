"""A recogniser that says what a test tells it to: the STT stage's fake."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from antiphon.errors import StageError
from antiphon.session.context import TranscriptionHint
from antiphon.stages.base import Transcript


@dataclass(frozen=True)
class ScriptedUtterance:
    """What one utterance will give.

    Args:
        text: The final transcript.
        partials: Hypotheses, each told when `partial_bytes` more were fed.
        partial_bytes: Audio between two hypotheses; 3200 is 100 ms.
        error: Raised by `finish` instead of a transcript.
        released: `finish` waits until the test sets it; None is at once.
    """

    text: str = ""
    partials: tuple[str, ...] = ()
    partial_bytes: int = 3200
    error: StageError | None = None
    released: asyncio.Event | None = None


@dataclass
class ScriptedSpeechToText:
    """Plays a script, one entry for each utterance in the order that they open; afterwards hears nothing.

    Args:
        script: What the utterances give; a string is a transcript without partials.
        rate: Sample rate to ask for, Hz.

    `streams` holds every utterance that was opened, `prepared` every hint that was announced.
    """

    script: Iterable[ScriptedUtterance | str] = ()
    rate: int = 16000
    streams: list["ScriptedTranscription"] = field(default_factory=list)
    prepared: list[TranscriptionHint] = field(default_factory=list)
    running: bool = False

    def __post_init__(self) -> None:
        self._entries = iter(self.script)

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False

    async def prepare(self, hint: TranscriptionHint) -> None:
        self.prepared.append(hint)

    def open(self, hint: TranscriptionHint) -> "ScriptedTranscription":
        entry = next(self._entries, ScriptedUtterance())
        utterance = ScriptedUtterance(entry) if isinstance(entry, str) else entry
        self.streams.append(ScriptedTranscription(hint, utterance, self.rate))
        return self.streams[-1]


class ScriptedTranscription:
    """One scripted utterance; records what it was fed in `pcm`, and how it ended."""

    def __init__(self, hint: TranscriptionHint, utterance: ScriptedUtterance, rate: int) -> None:
        self.hint = hint
        self.pcm = bytearray()
        self.finishing = asyncio.Event()
        self.cancelled = False
        self._utterance = utterance
        self._rate = rate
        self._ended = False
        self._over = asyncio.Event()
        self._news = asyncio.Event()

    def feed(self, pcm: bytes) -> None:
        if not (self.cancelled or self.finishing.is_set()):
            self.pcm += pcm
            self._news.set()

    async def partials(self) -> AsyncIterator[str]:
        told = ""
        while not self._ended:
            newest = self._newest_partial()
            if newest != told:
                told = newest
                yield told
            else:
                self._news.clear()
                await self._news.wait()

    async def finish(self) -> Transcript:
        self.finishing.set()
        await self._released()
        self._end()
        if self._utterance.error is not None and not self.cancelled:
            raise self._utterance.error
        text = "" if self.cancelled else self._utterance.text
        return Transcript(text, len(self.pcm) / 2 / self._rate, "en")

    def cancel(self) -> None:
        self.cancelled = True
        self._end()

    async def _released(self) -> None:
        """Wait until the test lets the transcript go, or the utterance is cancelled."""
        if self._utterance.released is None or self._ended:
            return
        waits = [asyncio.ensure_future(event.wait()) for event in (self._utterance.released, self._over)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _newest_partial(self) -> str:
        due = len(self.pcm) // self._utterance.partial_bytes
        due = min(due, len(self._utterance.partials))
        return self._utterance.partials[due - 1] if due else ""

    def _end(self) -> None:
        self._ended = True
        self._over.set()
        self._news.set()
