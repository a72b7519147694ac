"""The embedded engine: a session core with VAD, STT, LLM and TTS behind it.

It runs what the core asks for and reports what came of it; it decides nothing about the protocol.
"""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from typing import Protocol

from antiphon.engines.stage_work import Detection, Generation, Synthesis, Tasks, Transcription
from antiphon.errors import ClientEventError
from antiphon.protocol.codec import event_id_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail, ServerEvent
from antiphon.session import Equipment, Session, SessionStart
from antiphon.session.context import TranscriptionHint
from antiphon.session.requests import (
    CancelGeneration,
    CancelSpeech,
    CancelTranscription,
    CloseSession,
    DetectSpeech,
    FinishTranscription,
    Generate,
    PrepareTranscription,
    Request,
    ResetDetection,
    Speak,
    StartTranscription,
    TranscribeAudio,
)
from antiphon.session.results import Result
from antiphon.stages.base import (
    LanguageModel,
    NoiseReduction,
    SpeechToText,
    Stage,
    TextToSpeech,
    VoiceActivityDetector,
)

log = logging.getLogger(__name__)


class Client(Protocol):
    """Where a session's events go."""

    def send(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


@dataclass(frozen=True)
class Stages:
    """The cascade's four links, and what may stand in front of STT; shared by all sessions."""

    vad: VoiceActivityDetector
    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    noise: NoiseReduction | None = None

    def all(self) -> tuple[Stage, ...]:
        stages = (self.vad, self.stt, self.llm, self.tts)
        return stages if self.noise is None else (*stages, self.noise)


class LocalEngine:
    """Answers clients with its own stages.

    Args:
        stages: The cascade.
        equipment: What every session is given: knowledge, capabilities, limits.
    """

    def __init__(self, stages: Stages, equipment: Equipment | None = None) -> None:
        self.stages = stages
        self.equipment = equipment or Equipment()
        self.ready = False

    async def start(self) -> None:
        """Load and warm all stages, side by side.

        Raises:
            StageError: One of them cannot work; the message says what to do.
        """
        await asyncio.gather(*(stage.start() for stage in self.stages.all()))
        await self.stages.stt.prepare(TranscriptionHint(knowledge=self.equipment.knowledge))
        self.ready = True

    async def close(self) -> None:
        self.ready = False
        await asyncio.gather(*(stage.close() for stage in self.stages.all()))

    def open(self, start: SessionStart, client: Client) -> "LocalSession":
        """Begin a session; `session.created` goes to `client` before this returns."""
        return LocalSession(self, start, client)


class LocalSession:
    """One client's session: the core, and the stages' work for it."""

    def __init__(self, engine: LocalEngine, start: SessionStart, client: Client) -> None:
        self._client = client
        self._dialect = start.dialect
        self._loop = asyncio.get_running_loop()
        self._ids = Ids(os.urandom)
        self._core = Session(start, self._ids, self._loop.time(), int(time.time()), engine.equipment)
        stages = engine.stages
        self._tasks = Tasks(self._report)
        self._detection = Detection(stages.vad, self._tasks, self._report)
        self._transcription = Transcription(stages.stt, stages.noise, self._tasks, self._report)
        self._generation = Generation(stages.llm, self._tasks, self._report)
        self._synthesis = Synthesis(stages.tts, self._tasks, self._report)
        self.id = self._core.id
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0  # uvloop's handle for a time that has passed does not tell when it was
        self._delivering = False
        self._closed = False
        self._deliver()

    def receive(self, message: bytes) -> None:
        """Handle one client event; whatever is wrong with it becomes an `error` event."""
        if self._closed:
            return
        try:
            event = self._dialect.decode(message)
        except ClientEventError as error:
            self._core.refuse(error, event_id_of(message))
        else:
            try:
                self._core.receive_event(event, self._loop.time())
            except Exception:
                self._survive(event.event_id)
        self._deliver()

    def client_slow(self, slow: bool) -> None:
        """Nothing to do: audio runs ahead of its playback by a few seconds only."""

    def close(self, lost: bool = False) -> None:  # noqa: ARG002 - a lost client's session is not kept here
        """The client is gone: stop all work for it."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._core.close()
        self._tasks.close()
        self._transcription.close()
        self._detection.close()
        # What the session held goes now; megabytes of audio would wait long for the garbage collector.
        del self._core

    def _report(self, result: Result) -> None:
        if self._closed:
            return
        try:
            self._core.receive_result(result, self._loop.time())
        except Exception:
            self._survive(None)
        self._deliver()

    def _survive(self, event_id: str | None) -> None:
        # A fault of ours is told and logged; the session goes on with what it has.
        log.exception("session %s: an event could not be handled", self.id)
        detail = ErrorDetail("server_error", "server_error", "The server could not handle this.", None, event_id)
        self._send(Error(detail))

    def _deliver(self) -> None:
        """Send events and run requests until the core has no more; results that come meanwhile queue up behind."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while not self._closed and (outputs := self._core.outputs()):
                for output in outputs:
                    if self._closed:
                        break  # the client went while it was being told
                    if isinstance(output, ServerEvent):
                        self._send(output)
                    else:
                        self._run(output)
        finally:
            self._delivering = False
        self._set_timer()

    def _send(self, event: ServerEvent) -> None:
        for message in self._dialect.encode(event, self._ids):
            self._client.send(message)

    def _run(self, request: Request) -> None:
        match request:
            case DetectSpeech():
                self._detection.add(request)
            case ResetDetection():
                self._detection.reset()
            case PrepareTranscription():
                self._transcription.prepare(request)
            case StartTranscription():
                self._transcription.start(request)
            case TranscribeAudio():
                self._transcription.feed(request)
            case FinishTranscription():
                self._transcription.finish(request)
            case CancelTranscription():
                self._transcription.cancel(request)
            case Generate():
                self._generation.start(request)
            case CancelGeneration():
                self._generation.cancel(request)
            case Speak():
                self._synthesis.start(request)
            case CancelSpeech():
                self._synthesis.cancel(request)
            case CloseSession():
                self._client.close(request.code, request.reason)

    def _set_timer(self) -> None:
        deadline = None if self._closed else self._core.next_deadline()
        if self._timer is not None:
            # A timer that rings early finds nothing due and is set anew: cheaper than moving it with every event.
            if deadline is not None and self._rings_at <= deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._rings_at = deadline
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._closed:
            self._core.handle_deadline(self._loop.time())
            self._deliver()
