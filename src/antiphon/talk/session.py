"""The talk client's side of a Realtime session, as a state machine: no I/O, no clock.

Server events and the user's audio come in, each with the time; outputs tell what to send and what to show. `tick` is
to be called every 20 ms or so: it notices what only time brings, such as audio that was played out.

Source: Realtime API, server events.
"""

import base64
import binascii
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from antiphon.audio.pcm import SAMPLE_BYTES
from antiphon.talk.configuration import full_update, mapping, plain_update, ready, turn_detection
from antiphon.talk.options import TalkOptions
from antiphon.talk.outputs import Failed, Notice, Output, Ready, Send, State, StateChanged, Transcript, TurnDone
from antiphon.talk.playback import RATE, Playback
from antiphon.talk.turn import Turn

UPDATE_ID = "talk_update"
PLAIN_UPDATE_ID = "talk_plain_update"
ASK_ID = "talk_ask"
# After this much more than the server's silence, it has noticed every turn that the audio so far holds.
TURN_MARGIN = 0.3
UNKNOWN_SILENCE = 0.5
# A transcript may come after the answer was played; it is not waited for longer.
TRANSCRIPT_GRACE = 2.0
MAX_TOOL_CALLS = 5
# The server's refusal of what came too late is no news: the answer was over already.
_TOO_LATE = frozenset({"response_cancel_not_active", "item_truncate_invalid_item_id"})
_TRUNCATE_PREFIX = "talk_truncate_"
_SENT_PACKETS = 3_000  # a minute of 20 ms packets: more than any server's turn detection looks back

Event = Mapping[str, Any]
_Handler = Callable[["TalkSession", Event, float], None]


class TalkSession:
    """One conversation.

    Args:
        options: What the user asked for; with questions, turns are opened by `begin_turn`, else by the user's speech.
        playback: Where answer audio goes.
        now: Time of connecting.
    """

    def __init__(self, options: TalkOptions, playback: Playback, now: float) -> None:
        self.state = State.LISTENING
        self.is_ready = False
        self.results: list[TurnDone] = []
        self._options = options
        self._playback = playback
        self._scripted = bool(options.questions)
        self._outputs: list[Output] = []
        self._progress = now  # the last sign of life that counts for the timeout
        self._created = False
        self._detection: Event = {}
        self._ready: Ready | None = None
        self._last_error: str | None = None
        self._turn: Turn | None = None
        self._turn_of_item: dict[str, Turn] = {}
        self._user_is_speaking = False
        self._response_is_due = False  # the user's turn ended, no response began yet
        self._active: set[str] = set()
        self._dropped: set[str] = set()  # responses that were interrupted
        self._sent: deque[tuple[int, float]] = deque(maxlen=_SENT_PACKETS)  # samples in all, and when
        self._sent_samples = 0

    # --- what the driver calls --------------------------------------------------------------------------------

    @property
    def turn_is_open(self) -> bool:
        return self._turn is not None

    @property
    def last_error(self) -> str | None:
        """What the server's last `error` event said."""
        return self._last_error

    def outputs(self) -> list[Output]:
        """Return what is to be done, once."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def receive_event(self, event: Event, now: float) -> None:
        """Take a server event; unknown and malformed ones change nothing."""
        handler = _HANDLERS.get(str(event.get("type")))
        if handler is not None:
            self._progress = max(self._progress, now)
            handler(self, event, now)
        self._show_state()

    def send_audio(self, pcm: bytes, now: float) -> None:
        """Send audio of the user: PCM16 at 24000 Hz."""
        self._sent_samples += len(pcm) // SAMPLE_BYTES
        self._sent.append((self._sent_samples, now))
        self._send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode("ascii"))

    def begin_turn(self, now: float) -> None:
        """Open a turn whose question is about to be sent; what the server said unasked becomes its beginning."""
        self._progress = now
        if self._turn is None:
            self._open_turn()

    def end_speech(self, at: float) -> None:
        """Note when the last sample of the question's speech was sent."""
        assert self._turn is not None
        self._turn.asked = True
        self._turn.speech_end = at
        self._turn.silence_ms = self._silence_ms
        self._progress = max(self._progress, at)

    def ask(self, text: str, now: float) -> None:
        """Send the open turn's question as text."""
        assert self._turn is not None
        self._turn.text = text
        self._turn.asked = True
        self._turn.speech_end = self._progress = now
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self._send("conversation.item.create", event_id=ASK_ID, item=item)
        self._send("response.create", event_id=ASK_ID)
        self._response_is_due = True
        self._emit(Transcript(self._turn.number, "user", text, final=True))
        self._show_state()

    def tick(self, now: float) -> None:
        """Notice what the passing of time brought."""
        if self._playback.is_waiting:
            self._progress = now
        if self._turn is not None and self._is_settled(self._turn, now):
            self._close_turn()
        self._check_timeout(now)
        self._show_state()

    def stop(self, reason: str) -> None:
        """End the conversation: an open turn stays without its answer."""
        if self._turn is not None:
            self._turn.status = self._turn.status if self._turn.status == "failed" else "unanswered"
            self._turn.reason = self._turn.reason or reason
            self._close_turn()

    # --- session ----------------------------------------------------------------------------------------------

    def _on_created(self, event: Event, _now: float) -> None:
        if not self._created:
            self._created = True
            update = full_update(self._options, mapping(event, "session"))
            self._send("session.update", event_id=UPDATE_ID, session=update)

    def _on_updated(self, event: Event, _now: float) -> None:
        session = mapping(event, "session")
        self._detection = turn_detection(session)
        if not self.is_ready:
            self.is_ready = True
            self._ready = ready(session)
            self._emit(self._ready)
            self._emit(StateChanged(self.state))

    def _on_error(self, event: Event, now: float) -> None:
        error = mapping(event, "error")
        code, event_id = error.get("code"), str(error.get("event_id"))
        message = str(error.get("message") or code or "no message")
        if code in _TOO_LATE or event_id.startswith(_TRUNCATE_PREFIX):
            return
        self._last_error = f"{message} ({code})" if code else message
        if event_id == UPDATE_ID and not self.is_ready:
            self._notice(f"the server refuses the full configuration, so only the flags are sent: {self._last_error}")
            self._send("session.update", event_id=PLAIN_UPDATE_ID, session=plain_update(self._options))
        elif event_id == PLAIN_UPDATE_ID:
            self._emit(Failed(f"the server refuses the configuration: {self._last_error}"))
        else:
            self._notice(f"the server says: {self._last_error}")
            if event_id == ASK_ID and self._turn is not None:
                self._response_is_due = False
                self._turn.end("failed", self._last_error, now)

    # --- the user's turn --------------------------------------------------------------------------------------

    def _on_speech_started(self, event: Event, now: float) -> None:
        self._user_is_speaking = True
        interrupted = self._detection.get("interrupt_response") is not False and self._interrupt()
        if not self._scripted:
            self._leave_answered_turn(interrupted)
        turn = self._turn or self._open_turn()
        if self._scripted and interrupted:
            # The rest of the same question; when it is committed, its own answer is to come.
            turn.end("interrupted", "speech in the question's file interrupted it", now)
        turn.transcripts.setdefault(self._item_of(event, turn), "")

    def _leave_answered_turn(self, interrupted: bool) -> None:
        """Close the microphone's turn when the user speaks again after, or into, its response."""
        if self._turn is not None and self._turn.response_id is not None:
            if interrupted:
                self._turn.status = "interrupted"
            self._close_turn()

    def _interrupt(self) -> bool:
        """Stop the answer and tell the server how much of it was heard; return whether there was one."""
        cuts = self._playback.flush()
        for number, cut in enumerate(cuts):
            self._send(
                "conversation.item.truncate",
                event_id=f"{_TRUNCATE_PREFIX}{number}",
                item_id=cut.item_id,
                content_index=cut.content_index,
                audio_end_ms=cut.heard_ms,
            )
        interrupted = bool(cuts or self._active)
        if cuts and self._turn is not None and self._turn.response_id is not None:
            self._dropped.add(self._turn.response_id)
        self._dropped |= self._active
        return interrupted

    def _on_speech_stopped(self, event: Event, now: float) -> None:
        self._user_is_speaking = False
        turn = self._turn_of(event)
        if turn is None or self._scripted:
            return
        turn.asked = True
        turn.silence_ms = self._silence_ms
        turn.speech_end = self._speech_end(event.get("audio_end_ms"), now)

    def _speech_end(self, audio_end_ms: object, now: float) -> float:
        """Return when the last sample of speech was sent; the server counts its configured silence into the turn."""
        silence = (self._silence_ms or 0) / 1000
        if not isinstance(audio_end_ms, int | float):
            return now - silence
        position = round(audio_end_ms * RATE / 1000 - silence * RATE)
        for samples, at in self._sent:
            if samples >= position:
                return at - (samples - position) / RATE
        return now - silence

    def _on_committed(self, event: Event, _now: float) -> None:
        self._user_is_speaking = False
        turn = self._turn_of(event) or self._open_turn()
        item_id = self._item_of(event, turn)
        turn.transcripts.setdefault(item_id, "")
        if self._options.transcription:
            turn.untranscribed.add(item_id)
        if turn is self._turn:
            turn.status = None
            self._response_is_due = True
        if self._detection.get("create_response") is False:
            self._send("response.create", event_id=ASK_ID)

    def _on_transcription_delta(self, event: Event, _now: float) -> None:
        turn = self._turn_of(event)
        if turn is not None:
            item_id = self._item_of(event, turn)
            turn.transcripts[item_id] = turn.transcripts.get(item_id, "") + str(event.get("delta") or "")
            self._emit(Transcript(turn.number, "user", turn.question, final=False))

    def _on_transcription_completed(self, event: Event, _now: float) -> None:
        turn = self._turn_of(event)
        if turn is not None:
            item_id = self._item_of(event, turn)
            turn.transcripts[item_id] = str(event.get("transcript") or "")
            turn.untranscribed.discard(item_id)
            self._emit(Transcript(turn.number, "user", turn.question, final=True))

    def _on_transcription_failed(self, event: Event, _now: float) -> None:
        turn = self._turn_of(event)
        if turn is not None:
            turn.untranscribed.discard(self._item_of(event, turn))
        self._notice(f"no transcript of the question: {mapping(event, 'error').get('message')}")

    # --- the response -----------------------------------------------------------------------------------------

    def _on_response_created(self, event: Event, _now: float) -> None:
        response_id = mapping(event, "response").get("id")
        if not isinstance(response_id, str):
            return
        self._response_is_due = False
        self._active.add(response_id)
        (self._turn or self._open_turn()).begin_response(response_id)

    def _on_answer_delta(self, event: Event, now: float) -> None:
        turn = self._answering(event)
        if turn is not None:
            turn.add_answer(_part_of(event), str(event.get("delta") or ""), now)
            self._emit(Transcript(turn.number, "assistant", turn.answer, final=False))

    def _on_answer_done(self, event: Event, _now: float) -> None:
        turn = self._answering(event)
        text = event.get("transcript", event.get("text"))
        if turn is not None and isinstance(text, str):
            turn.set_answer(_part_of(event), text)
            self._emit(Transcript(turn.number, "assistant", turn.answer, final=True))

    def _on_audio_delta(self, event: Event, now: float) -> None:
        turn = self._answering(event)
        if turn is None:
            return
        try:
            pcm = base64.b64decode(str(event.get("delta") or ""), validate=True)
        except binascii.Error:
            self._notice("the server sent audio that is not base64; it is left out")
            return
        if turn.first_audio is None:
            turn.first_audio = now
        self._playback.add(*_part_of(event), pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES])

    def _on_audio_done(self, event: Event, _now: float) -> None:
        self._playback.end(*_part_of(event))

    def _on_response_done(self, event: Event, now: float) -> None:
        response = mapping(event, "response")
        response_id = response.get("id")
        self._active.discard(str(response_id))
        if not self._active:
            self._playback.end_all()
        turn = self._turn
        if turn is None or turn.response_id != response_id or response_id in self._dropped:
            return
        status = str(response.get("status") or "completed")
        turn.end(status, _reason(response), now)
        calls = _function_calls(response) if status == "completed" else []
        if calls:
            self._refuse_calls(turn, calls)

    def _refuse_calls(self, turn: Turn, calls: list[Event]) -> None:
        """Tell the model that its tools cannot run here, so that it answers all the same."""
        turn.tool_calls += len(calls)
        names = ", ".join(str(call.get("name")) for call in calls)
        if turn.tool_calls > MAX_TOOL_CALLS:
            turn.status, turn.reason = "failed", f"the model keeps calling tools ({names}), which talk cannot run"
            return
        self._notice(f"the model calls {names}; talk runs no tools and tells it so")
        output = '{"error": "this client cannot run tools; answer without them"}'
        for call in calls:
            item = {"type": "function_call_output", "call_id": call.get("call_id"), "output": output}
            self._send("conversation.item.create", event_id=ASK_ID, item=item)
        self._send("response.create", event_id=ASK_ID)
        turn.status = None
        self._response_is_due = True

    # --- turns ------------------------------------------------------------------------------------------------

    @property
    def _silence_ms(self) -> int | None:
        return self._ready.silence_ms if self._ready else None

    def _open_turn(self) -> Turn:
        assert self._turn is None
        self._turn = Turn(len(self.results) + 1)
        return self._turn

    def _close_turn(self) -> None:
        assert self._turn is not None
        result = self._turn.result()
        self._turn = None
        self._response_is_due = False
        self.results.append(result)
        self._emit(result)

    def _turn_of(self, event: Event) -> Turn | None:
        """Return the turn that a user item belongs to."""
        return self._turn_of_item.get(str(event.get("item_id"))) or self._turn

    def _item_of(self, event: Event, turn: Turn) -> str:
        item_id = str(event.get("item_id"))
        self._turn_of_item.setdefault(item_id, turn)
        return item_id

    def _answering(self, event: Event) -> Turn | None:
        """Return the turn that a piece of a response belongs to, None when it is no longer wanted."""
        turn, response_id = self._turn, event.get("response_id")
        if turn is None or response_id in self._dropped or turn.response_id != response_id:
            return None
        return turn

    def _is_settled(self, turn: Turn, now: float) -> bool:
        """Whether nothing of this turn is still to come."""
        if turn.status is None or self._active or self._user_is_speaking:
            return False
        if self._playback.is_waiting or (turn.untranscribed and now < turn.done_at + TRANSCRIPT_GRACE):
            return False
        if not self._scripted or turn.text is not None:
            return True
        # The file may go on after a pause that the server took for the end.
        silence = UNKNOWN_SILENCE if self._silence_ms is None else self._silence_ms / 1000
        return turn.speech_end is not None and now >= turn.speech_end + silence + TURN_MARGIN

    def _check_timeout(self, now: float) -> None:
        if now - self._progress < self._options.timeout:
            return
        waited = f"{self._options.timeout:g} s"
        if not self.is_ready:
            missing = "session.updated" if self._created else "session.created"
            self._emit(Failed(f"no {missing} came within {waited}; is this a Realtime server in GA shape?"))
            self._progress = now
        elif self._turn is not None and self._turn.asked:
            heard = bool(self._turn.transcripts) or self._turn.text is not None or self._turn.response_id is not None
            missing = "the answer did not end" if self._turn.response_id else "no answer began"
            missing = missing if heard else "the server heard no speech in the question"
            self._turn.end("timeout", f"{missing} within {waited}", now)
            self._active.clear()
            self._playback.flush()
            self._user_is_speaking = False
            self._close_turn()

    # --- outputs ----------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        state = self._current_state()
        if state is not self.state:
            self.state = state
            if self.is_ready:
                self._emit(StateChanged(state))

    def _current_state(self) -> State:
        if self._user_is_speaking:
            return State.LISTENING
        writes = self._options.text_only and self._turn is not None and bool(self._turn.answer)
        if self._playback.is_waiting or (self._active and writes):
            return State.SPEAKING
        return State.THINKING if self._active or self._response_is_due else State.LISTENING

    def _send(self, kind: str, **fields: Any) -> None:
        self._emit(Send({"type": kind, **fields}))

    def _notice(self, message: str) -> None:
        self._emit(Notice(message))

    def _emit(self, output: Output) -> None:
        self._outputs.append(output)


def _part_of(event: Event) -> tuple[str, int]:
    index = event.get("content_index")
    return str(event.get("item_id")), index if isinstance(index, int) else 0


def _reason(response: Event) -> str | None:
    """Return why a response did not complete."""
    details = mapping(response, "status_details")
    error = mapping(details, "error")
    reason = error.get("message") or error.get("code") or details.get("reason")
    return str(reason) if reason else None


def _function_calls(response: Event) -> list[Event]:
    output = response.get("output")
    items = [item for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []
    return [item for item in items if item.get("type") == "function_call"]


_HANDLERS: dict[str, _Handler] = {
    "session.created": TalkSession._on_created,
    "session.updated": TalkSession._on_updated,
    "error": TalkSession._on_error,
    "input_audio_buffer.speech_started": TalkSession._on_speech_started,
    "input_audio_buffer.speech_stopped": TalkSession._on_speech_stopped,
    "input_audio_buffer.committed": TalkSession._on_committed,
    "conversation.item.input_audio_transcription.delta": TalkSession._on_transcription_delta,
    "conversation.item.input_audio_transcription.completed": TalkSession._on_transcription_completed,
    "conversation.item.input_audio_transcription.failed": TalkSession._on_transcription_failed,
    "response.created": TalkSession._on_response_created,
    "response.output_text.delta": TalkSession._on_answer_delta,
    "response.output_text.done": TalkSession._on_answer_done,
    "response.output_audio_transcript.delta": TalkSession._on_answer_delta,
    "response.output_audio_transcript.done": TalkSession._on_answer_done,
    "response.output_audio.delta": TalkSession._on_audio_delta,
    "response.output_audio.done": TalkSession._on_audio_done,
    "response.done": TalkSession._on_response_done,
}
