"""What the user hears of a call's answers: the API's output audio buffer, for transports that play media.

It stands between the session and the client. It needs no clock: every pull is 20 ms.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from msgspec import UNSET

from antiphon.path.output_queue import BYTES_PER_MS, Answer, OutputQueue, SpokenItem
from antiphon.path.playback_events import (
    AUDIO_DELTA,
    PCM,
    AudioChunk,
    ErrorEvent,
    OutputItemEvent,
    ResponseEvent,
    SessionEvent,
    Truncation,
    append_event,
    audio_chunk,
    buffer_event,
    read,
    truncate_event,
)
from antiphon.protocol.config import AudioFormat
from antiphon.protocol.heads import field_of, plain_append, type_of
from antiphon.protocol.ids import Ids
from antiphon.session.formats import AudioEncoder

# `rate_limits.updated` follows `response.done` within 40 ms, and clients expect it before `stopped`.
STOP_PULLS = 3
MOST_ANSWERS = 1024  # responses that have not ended
MOST_REMEMBERED = 64  # of what is over

V = TypeVar("V")


class Playback:
    """One call's output audio buffer.

    Args:
        to_client: Takes server events.
        to_session: Takes client events.
        ids: Source of ids.
        heard: What was played of each item before, by another playback: its `heard`.
    """

    def __init__(
        self,
        to_client: Callable[[bytes], None],
        to_session: Callable[[bytes], None],
        ids: Ids,
        heard: Mapping[str, int] | None = None,
    ) -> None:
        self._to_client = to_client
        self._to_session = to_session
        self._ids = ids
        self._queue = OutputQueue()
        self._answers: dict[str, Answer] = {}  # by response, until it is done and played
        self._over: dict[str, None] = {}  # responses that were done and played lately
        self._heard = {item_id: ms * BYTES_PER_MS for item_id, ms in (heard or {}).items()}  # of items that are over
        self._asked: dict[str, None] = {}  # ids of truncations of ours
        self._last_id = ""  # of the newest response
        self._pulls = 0
        self._closed = False
        self._interrupts = True
        self._output_form: AudioFormat = PCM
        self._input = AudioEncoder(PCM)

    # --- the session's events -----------------------------------------------------------------------------------

    def take(self, message: bytes) -> None:
        """Take a server event: audio is queued, all else goes to the client as it came."""
        chunk = None if self._closed else audio_chunk(message)
        if chunk is not None:
            if chunk.response_id not in self._over:  # or it was interrupted, and this comes late
                self._add(chunk)
            return
        kind = type_of(message)
        if (kind == AUDIO_DELTA and not self._closed) or (kind == "error" and self._answers_us(message)):
            return
        self._to_client(message)
        self._note(kind, message)

    def catch_up(self, messages: Iterable[bytes]) -> None:
        """Learn from server events that the client had over another transport.

        Their audio was heard, besides what an earlier playback has told of.
        """
        for message in messages:
            chunk = audio_chunk(message)
            if chunk is None:
                self._note(type_of(message), message)
                continue
            answer, item = self._item_of(chunk)
            if item is not None:
                item.came += item.size_of(chunk.audio)
                item.played = item.came
            self._settle(answer)

    def queue(self, message: bytes) -> bool:
        """Take a server event that the client has missed; return whether it is audio, and need not be told.

        Audio is played even of responses whose end was told.
        """
        chunk = audio_chunk(message)
        if chunk is not None:
            self._add(chunk)
            return True
        kind = type_of(message)
        self._note(kind, message)
        return kind == AUDIO_DELTA

    # --- the client's events ------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        """Take a client event: `output_audio_buffer.clear` is answered here, all else goes to the session."""
        kind = "" if self._closed or plain_append(message) >= 0 else type_of(message)
        if kind == "output_audio_buffer.clear":
            self._clear_for_client()
            return
        if kind == "response.cancel":
            self._note_cancel(field_of(message, "response_id"))
        elif kind == "conversation.item.truncate":
            self._cut_for_client(message)
        self._to_session(message)

    def hear(self, pcm: bytes) -> None:
        """Append what the user said to the session's input, in the session's format.

        Args:
            pcm: PCM16 at 24000 Hz.
        """
        audio = self._input.encode(pcm)
        if audio:
            self._to_session(append_event(audio))

    # --- playing ------------------------------------------------------------------------------------------------

    def pull(self) -> bytes | None:
        """Return the next 20 ms to play, PCM16 at 24000 Hz, 960 bytes; None while there is nothing.

        Call it once every 20 ms. What was pulled counts as played, unless the client is gone before the next `confirm`.
        """
        if self._closed:
            return None
        self._pulls += 1
        while (answer := self._queue.head) is not None:
            frame = self._queue.frame()
            if frame is not None:
                self._start(answer)
                return frame
            if not answer.done or self._pulls < answer.stops_at:
                return None
            self._stop(answer)
        return None

    def confirm(self) -> None:
        """The client has given a sign of life: it heard what was pulled until now."""
        self._queue.confirm()

    @property
    def seconds(self) -> float:
        """Audio that waits to be played."""
        return self._queue.seconds

    @property
    def is_full(self) -> bool:
        """Whether the session should pause: true above 600 s, false again below 300 s."""
        return self._queue.is_full

    def heard_ms(self, item_id: str) -> int:
        """Return how much of an item was played; 0 for one that is not known, or not any more."""
        return self.heard.get(item_id, 0)

    @property
    def heard(self) -> dict[str, int]:
        """How much was played of each of the latest items, in ms."""
        over = {item_id: size // BYTES_PER_MS for item_id, size in self._heard.items()}
        return over | {item.id: item.heard_ms for answer in self._answers.values() for item in answer.items.values()}

    def unplayed(self) -> list[bytes]:
        """End the playback; return the audio that nobody heard, as events with their ids.

        What was pulled since the last sign of life was not heard. The delta that was being played is cut to its rest.
        From here on all events pass.
        """
        if self._closed:
            return []
        taken_back = self._take_back()
        rest = [chunk.wire() for chunk in self._queue.deltas()]
        self._closed = True
        for answer in {**taken_back, **self._answers}.values():
            self._truncate(answer, at_once=True)
        return rest

    def _take_back(self) -> dict[str, Answer]:
        """Take for unplayed what nobody may have heard; return the responses that it is of."""
        answers = {answer.id: answer for answer in self._queue.take_back()}
        for answer in answers.values():
            for item in answer.items.values():
                item.truncated = False  # the session was told of too much
                if answer.id not in self._answers:
                    _remember(self._heard, item.id, item.played)
        return answers

    # --- audio comes and goes -----------------------------------------------------------------------------------

    def _add(self, chunk: AudioChunk) -> None:
        answer, item = self._item_of(chunk)
        if item is not None:
            self._queue.add(answer, item, chunk.audio)
        self._settle(answer)

    def _item_of(self, chunk: AudioChunk) -> tuple[Answer, SpokenItem | None]:
        answer = self._answers.get(chunk.response_id) or self._open(chunk.response_id)
        return answer, answer.item_of(chunk, self._heard.get(chunk.item_id, 0))

    def _open(self, response_id: str) -> Answer:
        if len(self._answers) >= MOST_ANSWERS:
            oldest = next(iter(self._answers.values()))
            self._queue.remove(oldest)
            self._forget(oldest)
        self._last_id = response_id
        answer = Answer(response_id, self._output_form, done=response_id in self._over)
        self._over.pop(response_id, None)
        self._answers[response_id] = answer
        return answer

    def _forget(self, answer: Answer) -> None:
        self._answers.pop(answer.id, None)
        _remember(self._over, answer.id, None)
        for item in answer.items.values():
            _remember(self._heard, item.id, item.played)

    def _start(self, answer: Answer) -> None:
        if not answer.started:
            answer.started = True
            self._to_client(buffer_event("started", answer.id, self._ids))

    def _stop(self, answer: Answer) -> None:
        """All of a response was played."""
        self._queue.remove(answer)
        self._forget(answer)
        if answer.started:
            self._to_client(buffer_event("stopped", answer.id, self._ids))

    def _settle(self, answer: Answer) -> None:
        """Forget a response that is done, unless something of it is still to be played."""
        if answer.done and answer not in self._queue:
            self._forget(answer)

    # --- interruptions ------------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        """The user speaks: the session ends what is running in the conversation, and nothing of it is wanted."""
        self._clear({answer.id: answer for answer in self._answers.values() if answer.in_conversation})

    def _clear_for_client(self) -> None:
        cancelled = {answer.id: answer for answer in self._answers.values() if answer.cancelled}
        if not self._clear(cancelled):
            self._to_client(buffer_event("cleared", self._last_id, self._ids))

    def _clear(self, unwanted: dict[str, Answer]) -> bool:
        """Drop what waits, and what is still to come of it and of `unwanted`; return whether the client was told."""
        while (head := self._queue.head) is not None and head.done and not head.waiting:
            self._stop(head)
            unwanted.pop(head.id, None)
        heard = self._queue.head
        was_playing = any(answer.is_playing for answer in self._queue)
        unwanted |= {answer.id: answer for answer in self._queue if answer.is_playing or not answer.done}
        for answer in unwanted.values():
            answer.muted = True
            if was_playing:
                self._queue.remove(answer)
        if was_playing and heard is not None:
            self._to_client(buffer_event("cleared", heard.id, self._ids))
        for answer in unwanted.values():
            self._truncate(answer)
            self._settle(answer)
        return was_playing

    def _truncate(self, answer: Answer, *, at_once: bool = False) -> None:
        """Tell the session what was heard of items that were interrupted, once it has closed them."""
        if not (answer.muted and answer.in_conversation):
            return
        for item in tuple(answer.items.values()):
            if item.is_cut and not item.truncated and (item.done or answer.done or at_once):
                item.truncated = True
                event_id = self._ids.event()
                _remember(self._asked, event_id, None)
                self._to_session(truncate_event(event_id, item.id, item.latest.content_index, item.heard_ms))

    def _answers_us(self, message: bytes) -> bool:
        """Whether an error is about a truncation of ours: the client knows nothing of it."""
        event = read(message, ErrorEvent) if self._asked else None
        return event is not None and event.error.event_id in self._asked

    def _note_cancel(self, response_id: str) -> None:
        for answer in self._answers.values():
            if not answer.done and (answer.id == response_id if response_id else answer.in_conversation):
                answer.cancelled = True

    def _cut_for_client(self, message: bytes) -> None:
        event = read(message, Truncation)
        for answer, item in self._known(event.item_id) if event is not None else ():
            assert event is not None
            if 0 <= event.audio_end_ms * BYTES_PER_MS <= item.came:
                self._queue.cut(answer, item, event.audio_end_ms * BYTES_PER_MS)

    def _known(self, item_id: str) -> list[tuple[Answer, SpokenItem]]:
        return [(one, one.items[item_id]) for one in self._answers.values() if item_id in one.items]

    # --- what events tell ---------------------------------------------------------------------------------------

    def _note(self, kind: str, message: bytes) -> None:
        handler = _HANDLERS.get(kind)
        if handler is not None and not self._closed:
            handler(self, message)

    def _on_session(self, message: bytes) -> None:
        event = read(message, SessionEvent)
        audio = event.session.audio if event is not None else None
        if audio is None:
            return
        if audio.output is not None and audio.output.format is not None:
            self._output_form = audio.output.format.known()
        if audio.input is None:
            return
        if audio.input.format is not None and audio.input.format.known() != self._input.form:
            self._input = AudioEncoder(audio.input.format.known())
        detection = audio.input.turn_detection
        if detection is not UNSET:
            self._interrupts = detection is not None and detection.interrupt_response is not False

    def _on_response_created(self, message: bytes) -> None:
        event = read(message, ResponseEvent)
        if event is None or event.response.id in self._answers:
            return
        answer = self._open(event.response.id)
        answer.in_conversation = event.response.conversation_id is not None
        answer.form = event.response.format or self._output_form

    def _on_audio_done(self, message: bytes) -> None:
        for answer, item in self._known(field_of(message, "item_id")):
            self._queue.finish(answer, item)

    def _on_item_done(self, message: bytes) -> None:
        event = read(message, OutputItemEvent)
        for answer, item in self._known(event.item.id) if event is not None else ():
            self._queue.finish(answer, item)
            item.done = True
            self._truncate(answer)

    def _on_response_done(self, message: bytes) -> None:
        event = read(message, ResponseEvent)
        answer = self._answers.get(event.response.id) if event is not None else None
        if answer is None:
            return
        answer.done = True
        answer.stops_at = self._pulls + STOP_PULLS
        for item in answer.items.values():
            self._queue.finish(answer, item)
        self._truncate(answer)
        self._settle(answer)

    def _on_rate_limits(self, _message: bytes) -> None:
        for answer in self._queue:
            answer.stops_at = 0

    def _on_speech_started(self, _message: bytes) -> None:
        if self._interrupts:
            self._interrupt()

    def _on_item_deleted(self, message: bytes) -> None:
        for answer, item in self._known(field_of(message, "item_id")):
            self._queue.cut(answer, item, 0)


_HANDLERS: dict[str, Callable[[Playback, bytes], None]] = {
    "session.created": Playback._on_session,
    "session.updated": Playback._on_session,
    "response.created": Playback._on_response_created,
    "response.output_audio.done": Playback._on_audio_done,
    "response.output_item.done": Playback._on_item_done,
    "response.done": Playback._on_response_done,
    "rate_limits.updated": Playback._on_rate_limits,
    "input_audio_buffer.speech_started": Playback._on_speech_started,
    "conversation.item.deleted": Playback._on_item_deleted,
}


def _remember(known: dict[str, V], key: str, value: V) -> None:
    """Keep the newest few."""
    known.pop(key, None)
    known[key] = value
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]
