"""The user's side of the session: audio comes in, turns are found in it, items go out."""

from collections.abc import Iterator

from antiphon.errors import ClientEventError
from antiphon.protocol.config import AudioFormat, PcmFormat, TurnDetection
from antiphon.protocol.items import InputAudio, Message
from antiphon.protocol.server_events import (
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    SpeechStarted,
    SpeechStopped,
    TimeoutTriggered,
)
from antiphon.session.context import TranscriptionHint
from antiphon.session.conversation import Conversation, Entry
from antiphon.session.formats import AudioDecoder
from antiphon.session.input_buffer import InputAudioBuffer
from antiphon.session.kit import Kit
from antiphon.session.limits import RATE, milliseconds, samples_of
from antiphon.session.patience import padding_ms, silence_ms, threshold
from antiphon.session.requests import DetectSpeech, ResetDetection
from antiphon.session.results import SpeechDetected, TranscriptPartial
from antiphon.session.transcriptions import Transcriptions
from antiphon.session.turn_detection import SpeechBegan, SpeechEnded, TurnDetector

LEAST_COMMIT_SAMPLES = RATE // 10  # the API refuses to commit less than 100 ms


class InputAudioTurns:
    """Input audio buffer, turn detection and commits.

    Args:
        kit: What every part of a session shares.
        conversation: Where committed turns go.
        hint: What STT may expect; changes with the session's configuration.
    """

    def __init__(self, kit: Kit, conversation: Conversation, hint: TranscriptionHint) -> None:
        self.transcriptions = Transcriptions(kit.outbox, kit.limits)
        self.speaking = False
        self._outbox = kit.outbox
        self._ids = kit.ids
        self._limits = kit.limits
        self.hint = hint
        self._conversation = conversation
        self._buffer = InputAudioBuffer()
        self._decoder = AudioDecoder(PcmFormat())
        self._vad: TurnDetection | None = None
        self._detector: TurnDetector | None = None
        self._turn_start = 0  # where the audio of the turn begins
        self._heard_to = 0  # up to where turn detection has looked
        self._item_id: str | None = None  # of the turn being spoken
        self._shown = False

    def configure(self, form: AudioFormat, vad: TurnDetection | None, transcripts_shown: bool) -> None:
        """Take over the session's configuration; audio already held stays."""
        self._shown = transcripts_shown
        if form != self._decoder.form:
            self._decoder = AudioDecoder(form)
        if vad != self._vad:
            self._configure_detection(vad)

    def _configure_detection(self, vad: TurnDetection | None) -> None:
        had_detection = self._vad is not None
        self._vad = vad
        if vad is None:
            self._detector = None
            self.speaking = False
            return
        detector = TurnDetector(threshold(vad), samples_of(silence_ms(vad, "")))
        if self._detector is not None:
            detector.speaking = self._detector.speaking
        self._detector = detector
        if not had_detection:
            self._heard_to = self._buffer.end
            self._outbox.request(ResetDetection())

    # --- what clients do ------------------------------------------------------------------------------------

    def append(self, audio: bytes, now: float) -> None:
        """Add user audio in the session's input format."""
        self._check_room(self._decoder.samples(audio))
        pcm = self._decoder.decode(audio)
        start = self._buffer.end
        self._buffer.append(pcm)
        if self._detector is not None:
            self._outbox.request(DetectSpeech(start, pcm))
        elif pcm:
            self._transcribe_ahead(now)

    def commit(self, now: float) -> None:
        """Make an item of all audio that is held."""
        if self._buffer.samples < LEAST_COMMIT_SAMPLES:
            held = self._buffer.samples * 1000 / RATE
            raise ClientEventError(
                "input_audio_buffer_commit_empty",
                f"Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                f"but buffer only has {held:.2f}ms of audio.",
            )
        if self._item_id is None:
            self.transcriptions.check_room()
        self._commit(self._turn_start if self.speaking else self._buffer.start, self._buffer.end, now)
        self._reset_detection()

    def clear(self) -> None:
        """Drop all audio that is held."""
        self._forget_turn()
        self._buffer.drop(self._buffer.end)
        self._reset_detection()
        self._outbox.emit(InputAudioBufferCleared())

    def time_out(self, idle_ms: int) -> None:
        """The user said nothing for `idle_ms`: tell the client which silence will be committed."""
        item_id = self._ids.item()
        end = self._buffer.end
        start = max(end - samples_of(idle_ms), 0)
        self._item_id = item_id
        self._outbox.emit(TimeoutTriggered(milliseconds(start), milliseconds(end), item_id))

    def commit_silence(self) -> str:
        """Commit the silence that `time_out` found, with an empty transcript, and return its item's id."""
        assert self._item_id is not None
        self._buffer.drop(self._buffer.end)
        item_id, self._item_id = self._item_id, None
        self._make_item(item_id, b"", transcript="")
        self._reset_detection()
        return item_id

    # --- what turn detection hears --------------------------------------------------------------------------

    def receive_speech(self, result: SpeechDetected, now: float) -> Iterator[SpeechBegan | SpeechEnded]:
        """Take speech probabilities; yield what begins and ends when the client was told, before what follows."""
        for index, probability in enumerate(result.probabilities):
            start = result.start + index * result.frame_samples
            if self._detector is None or start < self._heard_to:
                continue  # committed or cleared since
            self._heard_to = end = start + result.frame_samples
            turn = self._detector.hear(start, end, probability)
            if turn is None and self.speaking and self._too_long(end):
                self._detector.reset()
                turn = SpeechEnded(end)
            if turn is not None:
                self._handle_turn(turn, now)
                yield turn
        self._follow(now)

    def receive_partial(self, result: TranscriptPartial) -> None:
        """Take what STT understands so far: `semantic_vad` judges by it whether the user is done."""
        self.transcriptions.receive_partial(result)
        if result.item_id == self._item_id and self._vad is not None and self._detector is not None:
            self._detector.silence_samples = samples_of(silence_ms(self._vad, result.text))

    def _handle_turn(self, turn: SpeechBegan | SpeechEnded, now: float) -> None:
        if isinstance(turn, SpeechBegan):
            self._begin_turn(turn.position, now)
        else:
            self._end_turn(turn.position, now)

    def _begin_turn(self, onset: int, now: float) -> None:
        self.speaking = True
        self._turn_start = max(onset - samples_of(padding_ms(self._vad)), self._buffer.start)
        self._item_id = self._ids.item()
        self._expect_words()
        self._outbox.emit(SpeechStarted(milliseconds(self._turn_start), self._item_id))
        self.transcriptions.begin(self._item_id, self._turn_start, self.hint, self._shown, now)

    def _expect_words(self) -> None:
        # A new turn has no words yet, whatever the last one ended with.
        if self._vad is not None and self._detector is not None:
            self._detector.silence_samples = samples_of(silence_ms(self._vad, ""))

    def _end_turn(self, end: int, now: float) -> None:
        assert self._item_id is not None
        self.speaking = False
        self._outbox.emit(SpeechStopped(milliseconds(end), self._item_id))
        self._commit(self._turn_start, end, now)

    def _too_long(self, end: int) -> bool:
        return end - self._turn_start >= self._limits.utterance_seconds * RATE

    def _follow(self, now: float) -> None:
        # While someone speaks STT gets what turn detection has passed; else old quiet is let go.
        if self.speaking:
            self._feed_to(min(self._heard_to, self._buffer.end), now)
        else:
            self._buffer.drop(int(self._heard_to - self._limits.quiet_seconds * RATE))

    # --- commits --------------------------------------------------------------------------------------------

    def _check_room(self, samples: int) -> None:
        # Before decoding: telephone audio grows six-fold.
        if self._buffer.samples + samples > self._limits.buffer_seconds * RATE:
            raise ClientEventError(
                "input_audio_buffer_full",
                f"The input audio buffer holds at most {self._limits.buffer_seconds:.0f} s of audio, and these "
                f"{milliseconds(samples)} ms no longer fit; commit or clear it first.",
                "audio",
            )

    def _transcribe_ahead(self, now: float) -> None:
        """Without turn detection STT listens from the first audio on, so that a commit finds it nearly done."""
        if self._buffer.samples > self._limits.utterance_seconds * RATE:
            return
        if self._item_id is None:
            self._item_id = self._ids.item()
            self.transcriptions.begin(self._item_id, self._buffer.start, self.hint, self._shown, now)
            self._turn_start = self._buffer.start
        self._feed_to(self._buffer.end, now)

    def _feed_to(self, end: int, now: float) -> None:
        if not self.transcriptions.open:
            return
        if self.transcriptions.stalled:
            self.transcriptions.resume(self._turn_start, self.hint, now)
        self.transcriptions.feed(self._buffer.peek(self.transcriptions.fed, end), now)

    def _commit(self, start: int, end: int, now: float) -> None:
        if self._item_id is None:
            self._item_id = self._ids.item()
            self.transcriptions.begin(self._item_id, start, self.hint, self._shown, now)
            self._turn_start = start
        self._feed_to(end, now)
        self.transcriptions.finish()
        item_id, self._item_id = self._item_id, None
        self._make_item(item_id, self._buffer.take(start, end))

    def _make_item(self, item_id: str, pcm: bytes, transcript: str | None = None) -> None:
        item = Message("user", [InputAudio(transcript=None)], id=item_id)
        failure = self.transcriptions.failure_of(item_id)
        awaits = transcript is None and failure is None
        entry = Entry(item, audio=pcm, transcript=transcript, awaits_transcript=awaits, failure=failure)
        self._outbox.emit(InputAudioBufferCommitted(self._conversation.last_id, item_id))
        self._conversation.add(entry)

    def _forget_turn(self) -> None:
        self.transcriptions.cancel()
        self._item_id = None
        self.speaking = False

    def _reset_detection(self) -> None:
        self.speaking = False
        self._heard_to = self._buffer.end
        if self._detector is not None:
            self._detector.reset()
            self._outbox.request(ResetDetection())
