"""The work of the stages for one session: requests in, results out, nothing decided."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from antiphon.audio.resample import Resampler
from antiphon.engines.cleaning import Cleaning
from antiphon.errors import StageError
from antiphon.session.context import ModelContext, TranscriptionHint
from antiphon.session.limits import RATE, SAMPLE_BYTES
from antiphon.session.requests import (
    CancelGeneration,
    CancelSpeech,
    CancelTranscription,
    DetectSpeech,
    FinishTranscription,
    Generate,
    PrepareTranscription,
    Speak,
    StartTranscription,
    TranscribeAudio,
)
from antiphon.session.results import (
    DetectionFailed,
    GeneratedArguments,
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    GenerationFailed,
    Result,
    SpeechDetected,
    SpeechDone,
    SpeechFailed,
    SpokenAudio,
    SpokenWord,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from antiphon.stages.base import (
    GenerationEvent,
    GenerationFinished,
    LanguageModel,
    NoiseFilter,
    NoiseReduction,
    Speech,
    SpeechToText,
    TextDelta,
    TextToSpeech,
    ToolCallDelta,
    ToolCallStarted,
    Transcript,
    TranscriptionStream,
    VoiceActivityDetector,
)

log = logging.getLogger(__name__)

Report = Callable[[Result], None]
Failed = Callable[[str, str], Result]


class Tasks:
    """A session's tasks by key; each reports its failure as a result, and all end with the session."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tasks: dict[object, asyncio.Task[None]] = {}

    def start(self, key: object, work: Coroutine[Any, Any, None], failed: Failed | None = None) -> None:
        """Run `work`; if it raises, report what `failed(code, message)` makes of it."""
        task = asyncio.get_running_loop().create_task(self._guard(work, failed))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._forget(key, done, work))

    def cancel(self, key: object) -> None:
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    def close(self) -> None:
        for key in list(self._tasks):
            self.cancel(key)

    def _forget(self, key: object, task: asyncio.Task[None], work: Coroutine[Any, Any, None]) -> None:
        work.close()  # a task that was cancelled before it began has not touched it
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _guard(self, work: Coroutine[Any, Any, None], failed: Failed | None) -> None:
        try:
            await work
        except StageError as error:
            log.warning("%s", error)
            if failed is not None:
                self._report(failed(error.code, str(error)))
        except Exception:
            # A fault of ours in one session must not end the others, nor go unseen.
            log.exception("a stage failed unexpectedly")
            if failed is not None:
                self._report(failed("internal_error", "a stage failed unexpectedly; the server's log has the cause"))


class Detection:
    """Turn detection for one session: audio is cut into the detector's frames and looked at in batches."""

    BATCH_BYTES = RATE * SAMPLE_BYTES  # looked at in one go: a second; with more, other sessions would have to wait

    def __init__(self, vad: VoiceActivityDetector, tasks: Tasks, report: Report) -> None:
        self._vad = vad
        self._tasks = tasks
        self._report = report
        self._stream = vad.open()
        self._frame_bytes = vad.frame_samples * SAMPLE_BYTES
        self._frame_samples = vad.frame_samples * RATE // vad.rate  # at 24000 Hz
        self._resampler = Resampler(RATE, vad.rate)
        self._waiting = bytearray()  # at 24000 Hz
        self._pcm = bytearray()  # at the detector's rate, less than a frame between two batches
        self._position: int | None = None  # of the first sample in `_pcm`, at 24000 Hz
        self._round = 0
        self._running = False
        self._failed = False

    def add(self, request: DetectSpeech) -> None:
        if self._failed:
            return
        if self._position is None:
            self._position = request.start
        self._waiting += request.pcm
        if not self._running and self._has_frame():
            self._running = True
            self._tasks.start(self, self._run(), self._fail)

    def reset(self) -> None:
        self._round += 1
        self._waiting.clear()
        self._pcm.clear()
        self._position = None
        self._resampler.reset()
        self._stream.reset()

    def close(self) -> None:
        self._stream.close()

    def _has_frame(self) -> bool:
        have = len(self._pcm) // SAMPLE_BYTES * RATE // self._vad.rate + len(self._waiting) // SAMPLE_BYTES
        return have >= self._frame_samples

    def _fail(self, code: str, message: str) -> Result:
        # Once is enough: the client can go on with manual commits.
        self._failed = True
        return DetectionFailed(code, message)

    async def _run(self) -> None:
        try:
            while self._has_frame() and self._waiting:
                piece = bytes(self._waiting[: self.BATCH_BYTES])
                del self._waiting[: self.BATCH_BYTES]
                self._pcm += self._resampler.process(piece)
                if count := len(self._pcm) // self._frame_bytes:
                    await self._look(count)
                # A detector may answer without ever waiting; others shall have their turn.
                await asyncio.sleep(0)
        finally:
            self._running = False

    async def _look(self, count: int) -> None:
        assert self._position is not None
        pcm = bytes(self._pcm[: count * self._frame_bytes])
        del self._pcm[: count * self._frame_bytes]
        start, self._position = self._position, self._position + count * self._frame_samples
        this_round = self._round
        probabilities = await self._stream.detect(pcm)
        if self._round == this_round:
            self._report(SpeechDetected(start, self._frame_samples, tuple(probabilities)))


class _Utterance:
    """One utterance on its way to STT: cleaned if wanted, and at the recogniser's rate."""

    def __init__(self, stream: TranscriptionStream, rate: int, noise_filter: NoiseFilter | None) -> None:
        self.stream = stream
        self._resampler = Resampler(RATE, rate)
        self._cleaning = Cleaning(noise_filter, self._hear) if noise_filter is not None else None

    def feed(self, pcm: bytes) -> None:
        if self._cleaning is not None:
            self._cleaning.add(pcm)
        else:
            self._hear(pcm)

    async def finish(self) -> Transcript:
        if self._cleaning is not None:
            await self._cleaning.finish()
        self.stream.feed(self._resampler.flush())
        return await self.stream.finish()

    def cancel(self) -> None:
        if self._cleaning is not None:
            self._cleaning.close()
        self.stream.cancel()

    def _hear(self, pcm: bytes) -> None:
        self.stream.feed(self._resampler.process(pcm))


@dataclass
class Transcription:
    """STT for one session; several utterances may be under way."""

    stt: SpeechToText
    noise: NoiseReduction | None
    tasks: Tasks
    report: Report
    _utterances: dict[str, _Utterance] = field(default_factory=dict)
    _preparing: bool = False
    _wanted: TranscriptionHint | None = None

    def prepare(self, request: PrepareTranscription) -> None:
        """Prepare for a hint: one after the other, and of those that wait only the newest."""
        self._wanted = request.hint
        if not self._preparing:
            self._preparing = True
            self.tasks.start("prepare", self._prepare())

    async def _prepare(self) -> None:
        try:
            while self._wanted is not None:
                hint, self._wanted = self._wanted, None
                await self.stt.prepare(hint)
        finally:
            self._preparing = False

    def start(self, request: StartTranscription) -> None:
        item_id = request.item_id
        try:
            utterance = self._open(request)
        except StageError as error:
            log.warning("%s", error)
            self.report(TranscriptFailed(item_id, error.code, str(error)))
            return
        self._utterances[item_id] = utterance
        self.tasks.start(("partials", item_id), self._follow(item_id, utterance.stream))

    def feed(self, request: TranscribeAudio) -> None:
        utterance = self._utterances.get(request.item_id)
        if utterance is not None:
            utterance.feed(request.pcm)

    def finish(self, request: FinishTranscription) -> None:
        utterance = self._utterances.get(request.item_id)
        if utterance is not None:
            self.tasks.start(
                ("final", request.item_id),
                self._finish(request.item_id, utterance),
                lambda code, message: TranscriptFailed(request.item_id, code, message),
            )

    def cancel(self, request: CancelTranscription) -> None:
        utterance = self._utterances.pop(request.item_id, None)
        if utterance is not None:
            self.tasks.cancel(("partials", request.item_id))
            self.tasks.cancel(("final", request.item_id))
            utterance.cancel()

    def close(self) -> None:
        for utterance in self._utterances.values():
            utterance.cancel()
        self._utterances.clear()

    def _open(self, request: StartTranscription) -> _Utterance:
        # STT refuses what it cannot hear, such as a language: before a filter is made that nobody would free.
        stream = self.stt.open(request.hint)
        noise_filter = None
        if self.noise is not None and request.noise_reduction is not None:
            noise_filter = self.noise.open(request.noise_reduction)
        return _Utterance(stream, self.stt.rate, noise_filter)

    async def _follow(self, item_id: str, stream: TranscriptionStream) -> None:
        async for text in stream.partials():
            self.report(TranscriptPartial(item_id, text))

    async def _finish(self, item_id: str, utterance: _Utterance) -> None:
        try:
            transcript = await utterance.finish()
        finally:
            self._utterances.pop(item_id, None)
            self.tasks.cancel(("partials", item_id))
            utterance.cancel()
        self.report(TranscriptFinal(item_id, transcript.text, transcript.seconds))


@dataclass
class Generation:
    """The language model for one session."""

    llm: LanguageModel
    tasks: Tasks
    report: Report

    def start(self, request: Generate) -> None:
        self.tasks.start(
            ("generate", request.response_id),
            self._generate(request.response_id, request.context),
            lambda code, message: GenerationFailed(request.response_id, code, message),
        )

    def cancel(self, request: CancelGeneration) -> None:
        self.tasks.cancel(("generate", request.response_id))

    async def _generate(self, response_id: str, context: ModelContext) -> None:
        async with aclosing(self.llm.generate(context)) as events:
            async for event in events:
                self.report(_generated(response_id, event))


def _generated(response_id: str, event: GenerationEvent) -> Result:
    match event:
        case TextDelta(text=text):
            return GeneratedText(response_id, text)
        case ToolCallStarted():
            return GeneratedCall(response_id, event.index, event.name, event.call_id)
        case ToolCallDelta():
            return GeneratedArguments(response_id, event.index, event.arguments)
        case GenerationFinished():
            return GenerationDone(
                response_id, event.reason, event.input_tokens, event.output_tokens, event.cached_tokens
            )


@dataclass
class Synthesis:
    """TTS for one session."""

    tts: TextToSpeech
    tasks: Tasks
    report: Report

    def start(self, request: Speak) -> None:
        self.tasks.start(
            ("speak", request.speech_id),
            self._speak(request),
            lambda code, message: SpeechFailed(request.speech_id, code, message),
        )

    def cancel(self, request: CancelSpeech) -> None:
        self.tasks.cancel(("speak", request.speech_id))

    async def _speak(self, request: Speak) -> None:
        resampler = Resampler(self.tts.rate, RATE)
        async with aclosing(self.tts.speak(request.text, request.voice, request.speed)) as pieces:
            async for piece in pieces:
                self._report_audio(request.speech_id, resampler.process(piece.pcm), piece)
        self._report_audio(request.speech_id, resampler.flush(), None)
        self.report(SpeechDone(request.speech_id))

    def _report_audio(self, speech_id: str, pcm: bytes, piece: Speech | None) -> None:
        words = piece.words if piece else ()
        if pcm or words:
            marks = tuple(SpokenWord(word.start, word.end, word.sample * RATE // self.tts.rate) for word in words)
            self.report(SpokenAudio(speech_id, pcm, marks))
