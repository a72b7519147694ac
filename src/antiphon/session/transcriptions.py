"""The transcriptions under way: what goes to STT for each utterance, and what the client is told of it."""

from dataclasses import dataclass, field

from antiphon.errors import ClientEventError
from antiphon.protocol.config import NoiseReduction
from antiphon.protocol.server_events import (
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionError,
    TranscriptionFailed,
    TranscriptionUsage,
)
from antiphon.session.context import TranscriptionHint
from antiphon.session.interim import InterimTranscript
from antiphon.session.limits import SAMPLE_BYTES, Limits
from antiphon.session.outbox import Outbox
from antiphon.session.requests import (
    CancelTranscription,
    FinishTranscription,
    StartTranscription,
    TranscribeAudio,
)
from antiphon.session.results import TranscriptFailed, TranscriptFinal, TranscriptPartial


@dataclass
class _Utterance:
    item_id: str
    shown: bool  # whether the client asked for transcripts
    fed: int = 0  # position up to which STT has the audio
    running: bool = False
    finished: bool = False
    fed_at: float = 0.0
    interim: InterimTranscript = field(default_factory=InterimTranscript)


class Transcriptions:
    """Feeds STT utterance by utterance; at most one of them is still being spoken."""

    def __init__(self, outbox: Outbox, limits: Limits) -> None:
        self.noise_reduction: NoiseReduction | None = None  # of utterances that begin from now on
        self._outbox = outbox
        self._limits = limits
        self._utterances: dict[str, _Utterance] = {}
        self._open: _Utterance | None = None
        self._failures: dict[str, str] = {}

    def begin(self, item_id: str, start: int, hint: TranscriptionHint, shown: bool, now: float) -> None:
        """Begin the utterance that will become `item_id`, with audio from position `start`."""
        self.cancel()
        if self.full:
            self._failures = {item_id: self._full_message()}
            return
        self._open = _Utterance(item_id, shown, fed=start)
        self._utterances[item_id] = self._open
        self._start(self._open, hint, now)

    @property
    def full(self) -> bool:
        """Whether as many transcripts are awaited as may be."""
        return len(self._utterances) >= self._limits.utterances

    def check_room(self, more: int = 1) -> None:
        """Refuse what would need `more` transcripts than may be awaited.

        Raises:
            ClientEventError: `rate_limit_exceeded`.
        """
        waiting = len(self._utterances) - (self._open is not None)
        if waiting + more > self._limits.utterances:
            raise ClientEventError("rate_limit_exceeded", self._full_message())

    @property
    def open(self) -> bool:
        """Whether an utterance is being spoken and transcribed."""
        return self._open is not None

    @property
    def fed(self) -> int:
        """Position up to which STT has the open utterance's audio."""
        return self._open.fed if self._open else 0

    @property
    def stalled(self) -> bool:
        """Whether the open utterance was given up for want of audio; its audio must be fed anew."""
        return self._open is not None and not self._open.running

    def resume(self, start: int, hint: TranscriptionHint, now: float) -> None:
        """Begin a stalled utterance anew, with audio from position `start`."""
        assert self._open is not None
        self._open.fed = start
        self._start(self._open, hint, now)

    def feed(self, pcm: bytes, now: float) -> None:
        """Give the open utterance more of its audio."""
        if self._open is None or not pcm:
            return
        self._outbox.request(TranscribeAudio(self._open.item_id, pcm))
        self._open.fed += len(pcm) // SAMPLE_BYTES
        self._open.fed_at = now

    def finish(self) -> None:
        """The open utterance is complete; its final transcript will come."""
        if self._open is not None:
            self._open.finished = True
            self._outbox.request(FinishTranscription(self._open.item_id))
            self._open = None

    def transcribe(self, item_id: str, pcm: bytes, hint: TranscriptionHint, shown: bool) -> None:
        """Transcribe audio that is complete, beside the open utterance."""
        self._utterances[item_id] = _Utterance(item_id, shown, running=True, finished=True)
        self._outbox.request(StartTranscription(item_id, hint, self.noise_reduction))
        self._outbox.request(TranscribeAudio(item_id, pcm))
        self._outbox.request(FinishTranscription(item_id))

    def cancel(self) -> None:
        """Drop the open utterance."""
        if self._open is not None:
            self._drop(self._open.item_id)
            self._open = None

    def forget(self, item_id: str) -> None:
        """The item was deleted: its transcript is no longer wanted."""
        if item_id in self._utterances and self._utterances[item_id] is not self._open:
            self._drop(item_id)

    def receive_partial(self, result: TranscriptPartial) -> None:
        utterance = self._utterances.get(result.item_id)
        if utterance is not None and utterance.shown:
            self._emit_delta(utterance, utterance.interim.update(result.text))

    def receive_final(self, result: TranscriptFinal) -> bool | None:
        """Tell the client the final transcript; None if nobody waits for it, else whether the client sees it."""
        utterance = self._utterances.pop(result.item_id, None)
        if utterance is None:
            return None
        if utterance.shown:
            self._emit_delta(utterance, utterance.interim.finish(result.text))
            usage = TranscriptionUsage(round(result.seconds, 3))
            self._outbox.emit(TranscriptionCompleted(result.item_id, 0, result.text, usage))
        return utterance.shown

    def receive_failure(self, result: TranscriptFailed) -> bool:
        """Tell the client that STT failed; False if nobody waits for it."""
        utterance = self._utterances.pop(result.item_id, None)
        if utterance is None:
            return False
        if utterance is self._open:
            # The turn is still being spoken: its item will ask when it comes.
            self._open = None
            self._failures = {result.item_id: result.message}
        if utterance.shown:
            error = TranscriptionError("transcription_error", result.code, result.message)
            self._outbox.emit(TranscriptionFailed(result.item_id, 0, error))
        return True

    def failure_of(self, item_id: str) -> str | None:
        """Return why STT failed in an utterance that was still open, None if it did not."""
        return self._failures.pop(item_id, None)

    def next_deadline(self) -> float | None:
        if self._open is None or not self._open.running:
            return None
        return self._open.fed_at + self._limits.stalled_seconds

    def handle_deadline(self, now: float) -> None:
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            assert self._open is not None
            # A recogniser is shared; a client that stopped sending must not hold one.
            self._outbox.request(CancelTranscription(self._open.item_id))
            self._open.running = False

    def _full_message(self) -> str:
        return (
            f"{self._limits.utterances} utterances await their transcripts, the most at once; "
            "wait for conversation.item.input_audio_transcription.completed."
        )

    def _start(self, utterance: _Utterance, hint: TranscriptionHint, now: float) -> None:
        utterance.running = True
        utterance.fed_at = now
        self._outbox.request(StartTranscription(utterance.item_id, hint, self.noise_reduction))

    def _drop(self, item_id: str) -> None:
        if self._utterances.pop(item_id).running:
            self._outbox.request(CancelTranscription(item_id))

    def _emit_delta(self, utterance: _Utterance, delta: str) -> None:
        if delta:
            self._outbox.emit(TranscriptionDelta(utterance.item_id, 0, delta))
