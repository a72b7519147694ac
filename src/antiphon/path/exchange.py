"""The events of one call, both ways, over the leg that serves it now.

An event that nobody here wants passes as the bytes it came as. Of the others only what the ledger, the scheduler and
the client's unanswered events need is parsed: no audio at all, and text deltas only if their response is cut short.
"""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.path.events import Event, create_response, decoded, encoded, is_broken, text_in, without
from antiphon.path.in_flight import InFlight, Sent
from antiphon.path.ledger import PARSED, Ledger
from antiphon.path.ledger.cut import endings
from antiphon.path.leg_state import Continued, LegState
from antiphon.path.notices import Notices
from antiphon.path.scheduler import ALREADY_ACTIVE, Ask, CancelActive, Decision, Refuse, ResponseScheduler, Send
from antiphon.path.steady import SteadySession
from antiphon.path.transcripts import Transcripts
from antiphon.protocol.heads import audio_size, field_of, plain_audio_delta, type_of, with_event_id
from antiphon.protocol.ids import Ids

CANCEL = "response.cancel"
ADDED = "conversation.item.added"
TRUNCATE, RETRIEVE, DELETE = "conversation.item.truncate", "conversation.item.retrieve", "conversation.item.delete"
APPEND = "input_audio_buffer.append"
AUDIO_DELTA = "response.output_audio.delta"
DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
    }
)
# An upstream says these and closes: what is to be done about it is the relay's business, and not yet the client's.
CLOSING = frozenset(
    {
        "session_expired",
        "invalid_api_key",
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "account_deactivated",
    }
)
MOST_ASKS = 256
OWN_ID = "antiphon_"
RESTORE_ID = "restore_"
CONFIG_ID = "config_"
PROBE_ID = "probe_"
LOST = {
    "type": "server_error",
    "code": "upstream_connection_lost",
    "message": "The connection to the model's server was lost.",
}


class Exchange:
    """Both directions of one call.

    Args:
        ledger: Is told of everything.
        scheduler: Decides when responses are asked for.
        steady: Shows the session.
        notices: Tells the client.
        send: Takes messages to the client.
        ids: For ids of our own.
    """

    def __init__(  # noqa: PLR0917 - its parts, put together in one place
        self,
        ledger: Ledger,
        scheduler: ResponseScheduler,
        steady: SteadySession,
        notices: Notices,
        send: Callable[[bytes], None],
        ids: Ids,
    ) -> None:
        self.ledger = ledger
        self.scheduler = scheduler
        self.in_flight = InFlight()
        self.leg: LegState | None = None
        self.now = 0.0
        self.appended = 0  # bytes of user audio, over all legs
        self.asks: dict[str, Mapping[str, Any]] = {}  # running responses that clients asked for: their options
        self.transcripts = Transcripts()
        self._steady = steady
        self._notices = notices
        self._send = send
        self._ids = ids
        # A client may be a gateway like this one, with ids of the same kind.
        self._mark = ids.letters(8)

    @property
    def is_calm(self) -> bool:
        """Whether another leg could take over with nobody hearing anything."""
        ledger = self.ledger
        return (
            not ledger.responses
            and self.scheduler.is_idle
            and not self.in_flight
            and not self.transcripts
            and not ledger.awaits_response
            and ledger.speech_item_id is None
        )

    @property
    def is_owed(self) -> bool:
        """Whether the leg has something to say."""
        scheduler = self.scheduler
        return bool(
            self.ledger.responses or self.in_flight or scheduler.asked is not None or self.ledger.awaits_response
        )

    def own_id(self, kind: str = "") -> str:
        return f"{OWN_ID}{self._mark}_{kind}{self._ids.letters(12)}"

    def is_own(self, event_id: str, kind: str = "") -> bool:
        """Whether `own_id` gave that id, to an event of that kind."""
        return event_id.startswith(f"{OWN_ID}{self._mark}_{kind}")

    def emit(self, event: Event) -> None:
        """Send an event of our making to the client, as if the leg had sent it."""
        if event["type"] in PARSED:
            self.ledger.note_server(event["type"], event)
        self._notices.event(event)

    # --- from the client --------------------------------------------------------------------------------------

    def from_client(self, kind: str, message: bytes) -> None:
        """Take a client event; there must be a leg."""
        assert self.leg is not None
        if kind == APPEND:
            self.append(message, audio_size(message))
            return
        handler = _FROM_CLIENT.get(kind)
        event = decoded(message) if handler else None
        if handler is None or event is None:
            self.leg.send(message)  # the server is the one to judge it
        elif self.in_flight.is_full:
            message_ = f"{len(self.in_flight)} events wait for their answer already; wait before you send more."
            self._notices.refuse("rate_limit_exceeded", message_, text_in(event.get("event_id")))
        else:
            handler(self, self.leg, event, message)

    def append(self, message: bytes, audio_bytes: int) -> None:
        """Take an `input_audio_buffer.append`; there must be a leg."""
        assert self.leg is not None
        self.ledger.note_append(message, audio_bytes)
        self.appended += audio_bytes
        self.leg.leg.send(message)

    def _track(self, event: Event, message: bytes, item_id: str = "") -> Sent:
        """Give an event an id if it has none, so that an error can be matched to it."""
        event_id = event.get("event_id")
        kind = event["type"]
        if isinstance(event_id, str) and event_id:
            return Sent(kind, event_id, False, message, item_id)
        own_id = self.own_id()
        has_null = "event_id" in event
        message = encoded({**event, "event_id": own_id}) if has_null else with_event_id(message, own_id)
        return Sent(kind, own_id, True, message, item_id)

    def _pass_on(self, leg: LegState, sent: Sent) -> None:
        self.in_flight.add(sent)
        leg.send(sent.message)

    def send_again(self, leg: LegState, sent: Sent) -> None:
        """Send an event to a leg that no other leg answered."""
        event = decoded(sent.message) if sent.kind in (TRUNCATE, RETRIEVE, DELETE) else None
        if event is not None and (sent.item_id in leg.left_out or sent.item_id in leg.restored):
            self.in_flight.refused(sent.event_id)
            _FROM_CLIENT[sent.kind](self, leg, event, sent.message)
        else:
            leg.send(sent.message)

    def resume_asking(self) -> None:
        """Ask for what waited, if nothing is active on the leg that has taken over."""
        self._carry_out(self.scheduler.resume(self.ledger.responses))

    def _on_plain(self, leg: LegState, event: Event, message: bytes) -> None:
        sent = self._track(event, message, text_in(event.get("item_id")) or "")
        self.ledger.note_client(event["type"], {**event, "event_id": sent.event_id})
        self._pass_on(leg, sent)

    def _on_item_create(self, leg: LegState, event: Event, message: bytes) -> None:
        item = event.get("item")
        if isinstance(item, dict) and not isinstance(item.get("id"), str):
            # The answer does not repeat audio and pictures; with an id of ours it can be matched to them.
            event = {**event, "item": {**item, "id": self._ids.item()}}
            message = encoded(event)
        previous = text_in(event.get("previous_item_id"))
        if previous in leg.left_out and previous in self.ledger:
            event = {**event, "previous_item_id": self.ledger.told_before(previous)}
            message = encoded(event)
        item_id = text_in(event["item"].get("id")) if isinstance(item, dict) else None
        if item_id and item_id not in self.ledger:
            self.ledger.note_client(event["type"], event)
        self._pass_on(leg, self._track(event, message, item_id or ""))

    def _on_truncate(self, leg: LegState, event: Event, message: bytes) -> None:
        item_id = text_in(event.get("item_id")) or ""
        end_ms: Any = event.get("audio_end_ms")
        index: Any = event.get("content_index", 0)
        if self._answers(leg, TRUNCATE, item_id) and self.ledger.can_truncate(item_id, index, end_ms):
            self._truncate_restored(leg, item_id, index, end_ms)
        else:
            self._pass_on(leg, self._track(event, message, item_id))

    def _truncate_restored(self, leg: LegState, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut an item of which this leg has the text alone: it could not."""
        self.emit(
            {
                "type": "conversation.item.truncated",
                "item_id": item_id,
                "content_index": content_index,
                "audio_end_ms": audio_end_ms,
            }
        )
        again = self.ledger.restored_item(item_id)
        if again is None:
            return
        delete = self._own({"type": "conversation.item.delete", "item_id": item_id})
        leg.own_deletes.append((delete["event_id"], item_id))
        leg.send(encoded(delete))
        leg.send(encoded(self._own(again)))

    def _own(self, event: Mapping[str, Any]) -> Event:
        return {"event_id": self.own_id(RESTORE_ID), **event}

    def _on_retrieve(self, leg: LegState, event: Event, message: bytes) -> None:
        item_id = text_in(event.get("item_id")) or ""
        item = self.ledger.shown_item(item_id) if self._answers(leg, RETRIEVE, item_id) else None
        if item is None:
            self._on_plain(leg, event, message)
        else:
            self._notices.event({"type": "conversation.item.retrieved", "item": item})

    def _on_delete(self, leg: LegState, event: Event, message: bytes) -> None:
        item_id = text_in(event.get("item_id")) or ""
        if self._answers(leg, DELETE, item_id):
            self.emit({"type": "conversation.item.deleted", "item_id": item_id})
        else:
            self._on_plain(leg, event, message)

    def _answers(self, leg: LegState, kind: str, item_id: str) -> bool:
        """Whether the ledger answers for a leg that has an item's words alone, or nothing of it."""
        if item_id not in self.ledger or not (item_id in leg.left_out or (item_id in leg.restored and kind != DELETE)):
            return False
        return not any(sent.kind == DELETE and sent.item_id == item_id for sent in self.in_flight)

    def _on_response_create(self, leg: LegState, event: Event, message: bytes) -> None:
        options = event.get("response")
        options = options if isinstance(options, dict) else {}
        sent = self._track(event, message)
        if options.get("conversation") == "none":
            self._pass_on(leg, sent)
            return
        self._carry_out(self.scheduler.request(Ask(sent.event_id, sent.is_ours, sent.message, options)))

    def _on_cancel(self, leg: LegState, event: Event, message: bytes) -> None:
        sent = self._track(event, message)
        self.in_flight.add(sent)
        self._cancel(leg, event, sent.message)

    def _cancel(self, leg: LegState, event: Event, message: bytes) -> None:
        continued = leg.continued.get(text_in(event.get("response_id")) or "")
        if continued is not None and not continued.begun:
            continued.cancels.append(message)
        else:
            leg.send(message)

    def _carry_out(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Send(ask):
                    # Without a leg it stays with the scheduler as asked for, and the next leg is asked.
                    if self.leg is not None:
                        self.leg.send(ask.message)
                case CancelActive(response_id):
                    event = self._own({"type": CANCEL, "response_id": response_id})
                    if self.leg is not None:
                        self._cancel(self.leg, event, encoded(event))
                case Refuse(ask, message):
                    self.asks.pop(ask.event_id, None)
                    self._notices.refuse(ALREADY_ACTIVE, message, ask.client_event_id)

    def retry(self) -> None:
        """Ask again for what was rejected for no reason that could be seen."""
        if self.leg is not None:
            self._carry_out(self.scheduler.retry(self.now))

    # --- from the leg -----------------------------------------------------------------------------------------

    def from_leg(self, leg: LegState, message: bytes) -> None:
        """Take a server event of the leg that serves the call."""
        leg.watchdog.heard = True
        if leg.is_translated:
            message = leg.to_client(message)
        audio = plain_audio_delta(message)
        if audio is not None:
            self.ledger.note_audio_delta(*audio)
            self._send(message)
            return
        kind = type_of(message)
        if kind == AUDIO_DELTA:
            self.ledger.note_audio_delta(field_of(message, "item_id"), audio_size(message, b'"delta"'))
        elif kind in DELTAS:
            self.ledger.note_delta(field_of(message, "response_id"), message)
        elif kind in PARSED or kind in _FROM_LEG:
            self._parse(leg, kind, message)
            return
        elif not kind or not message.endswith(b"}"):
            leg.is_broken = is_broken(message)
            return  # no event at all
        self._send(message)

    def _parse(self, leg: LegState, kind: str, message: bytes) -> None:
        event = decoded(message)
        if event is None:
            leg.is_broken = True
            return
        handler = _FROM_LEG.get(kind)
        answer = handler(self, leg, event) if handler else True
        if answer is False:
            return
        if isinstance(answer, dict):
            event, message = answer, encoded(answer)
        if kind in PARSED:
            self.ledger.note_server(kind, event)
        self._send(message)
        after = _AFTER.get(kind)
        if after is not None:
            after(self, event)

    def _on_session_created(self, leg: LegState, event: Event) -> bool:  # noqa: ARG002 - all handlers are called alike
        return False  # the client has had its own

    def _on_session_updated(self, leg: LegState, event: Event) -> bool | Event:
        session = event.get("session")
        if not isinstance(session, dict):
            return False
        self.ledger.session_shown(session)
        if leg.own_updates:
            leg.own_updates -= 1
            return False
        sent = self.in_flight.answered("session.update")
        update = decoded(sent.message) if sent else None
        if update is not None and isinstance(update.get("session"), dict):
            self.ledger.merge_config(update["session"])
        return {**event, "session": self._steady.show(session)}

    def _on_item(self, leg: LegState, event: Event) -> bool | Event:
        item = event.get("item")
        item_id = str(item.get("id")) if isinstance(item, dict) else ""
        if leg.unnamed and item_id not in leg.restored:
            # Answers come in the order of the questions, and the restoring ones were the first.
            client_id = leg.unnamed.popleft()[1]
            leg.add_alias(item_id, client_id)
            leg.restored.add(client_id)
            return False
        if item_id in leg.restored:
            return False
        self.in_flight.answered("conversation.item.create", item_id)
        return self.ledger.placed(event, item_id) if event["type"] == ADDED else True

    def _on_retrieved(self, leg: LegState, event: Event) -> bool:  # noqa: ARG002 - all handlers are called alike
        item = event.get("item")
        self.in_flight.answered("conversation.item.retrieve", str(item.get("id")) if isinstance(item, dict) else "")
        return True

    def _on_truncated(self, leg: LegState, event: Event) -> bool:  # noqa: ARG002
        self.in_flight.answered("conversation.item.truncate", str(event.get("item_id")))
        return True

    def _on_deleted(self, leg: LegState, event: Event) -> bool:
        item_id = str(event.get("item_id"))
        own = next((one for one in leg.own_deletes if one[1] == item_id), None)
        if own is not None:
            leg.own_deletes.remove(own)
            return False
        leg.restored.discard(item_id)  # another item may get its id
        self.in_flight.answered("conversation.item.delete", item_id)
        return True

    def _on_speech_started(self, leg: LegState, event: Event) -> bool | Event:
        if leg.replayed_speech is not None:
            # The client knows of this speech, and under another id.
            leg.add_alias(str(event.get("item_id")), leg.replayed_speech)
            leg.replayed_speech = None
            return False
        return self._moved(leg, event, "audio_start_ms")

    def _on_speech_stopped(self, leg: LegState, event: Event) -> bool | Event:
        moved = self._moved(leg, event, "audio_end_ms")
        stopped, leg.replayed_stop = leg.replayed_stop, None
        if stopped is None or event.get("item_id") != stopped:
            return moved
        self.ledger.note_server("input_audio_buffer.speech_stopped", moved if isinstance(moved, dict) else event)
        return False

    def _on_timeout(self, leg: LegState, event: Event) -> bool | Event:
        return self._moved(leg, event, "audio_start_ms", "audio_end_ms")

    def _moved(self, leg: LegState, event: Event, *keys: str) -> bool | Event:
        """Count positions from the beginning of the call, and not of the leg."""
        lead_ms = round(1000 * leg.lead_bytes / self.ledger.audio_bytes_per_second)
        if not lead_ms:
            return True
        return {**event, **{key: event[key] + lead_ms for key in keys if isinstance(event.get(key), int)}}

    def _on_committed(self, leg: LegState, event: Event) -> bool | Event:  # noqa: ARG002
        self.in_flight.answered("input_audio_buffer.commit")
        if self.ledger.transcription is not None:
            self.transcripts.owed.add(str(event.get("item_id")))
        return self.ledger.placed(event, str(event.get("item_id")))

    def _on_cleared(self, leg: LegState, event: Event) -> bool:  # noqa: ARG002
        self.in_flight.answered("input_audio_buffer.clear")
        return True

    def _on_transcribed(self, leg: LegState, event: Event) -> bool:  # noqa: ARG002
        is_news = self.transcripts.came(str(event.get("item_id")))
        if not is_news:
            self.ledger.note_server(event["type"], event)  # other legs can be told of it in words
        return is_news

    def give_up_transcripts(self) -> None:
        """No transcript will come any more of what an earlier leg heard."""
        kind = "conversation.item.input_audio_transcription.failed"
        for item_id in self.transcripts.give_up():
            self.emit({"type": kind, "item_id": item_id, "content_index": 0, "error": LOST})

    # --- responses --------------------------------------------------------------------------------------------

    def _on_response_created(self, leg: LegState, event: Event) -> bool:
        response = event.get("response")
        if not isinstance(response, dict):
            return False
        response_id = str(response.get("id"))
        in_conversation = response.get("conversation_id") is not None
        awaited = (each for each in leg.continued.values() if not each.begun)
        for continued in awaited:
            if continued.in_conversation == in_conversation:
                continued.begun = True
                cancels, continued.cancels = continued.cancels, []
                leg.add_alias(response_id, continued.response_id)
                for message in cancels:
                    leg.send(message)
                return False
        self._credit(response_id, in_conversation)
        return True

    def _credit(self, response_id: str, in_conversation: bool) -> None:
        """Note what a response was asked for with, so that it can be asked for again."""
        if in_conversation:
            ask = self.scheduler.created(response_id)
            if ask is not None:
                self.asks[response_id] = ask.options
            return
        sent = self.in_flight.answered("response.create")
        event = decoded(sent.message) if sent else None
        options = event.get("response") if event is not None else None
        if event is not None:
            self.asks[response_id] = options if isinstance(options, dict) else {}
        while len(self.asks) > MOST_ASKS:  # a server that ends none of them
            del self.asks[next(iter(self.asks))]

    def _on_response_done(self, leg: LegState, event: Event) -> bool | Event:
        response = event.get("response")
        if not isinstance(response, dict):
            return False
        continued = leg.continued.pop(str(response.get("id")), None)
        if continued is None or not continued.earlier:
            return True
        return {**event, "response": {**response, "output": [*continued.earlier, *(response.get("output") or [])]}}

    def _after_response_done(self, event: Event) -> None:
        response = event["response"]
        response_id = str(response.get("id"))
        self.asks.pop(response_id, None)
        self.in_flight.answered("response.cancel")
        self.give_up_transcripts()
        details = response.get("status_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        self._carry_out(self.scheduler.done(response_id, interrupted=reason == "turn_detected"))

    # --- errors -----------------------------------------------------------------------------------------------

    def _on_error(self, leg: LegState, event: Event) -> bool | Event:
        error = event.get("error")
        if not isinstance(error, dict) or text_in(error.get("code")) in CLOSING:
            return False
        event_id = text_in(error.get("event_id")) or ""
        if self._concerns_us(leg, error, event_id):
            return False
        self._give_back(event_id)
        if self.is_own(event_id):
            self.ledger.note_server("error", event)  # which knows it by that id, and the client by none
            self._send(encoded({**event, "error": {**error, "event_id": None}}))
            return False
        return True

    def _concerns_us(self, leg: LegState, error: Mapping[str, Any], event_id: str) -> bool:
        """Handle an error that is about something which the client did not do, or which is tried again."""
        if self.is_own(event_id, CONFIG_ID):
            self.refused_configuration(leg, error)
            return True
        if self.is_own(event_id, PROBE_ID):
            leg.watchdog.answers = True
            return True
        if self.is_own(event_id, RESTORE_ID):
            leg.refused(event_id)
            return True
        if self._continues_no_more(leg, event_id):
            return True
        decisions = self.scheduler.rejected(event_id, self.now) if error.get("code") == ALREADY_ACTIVE else None
        self._carry_out(decisions or [])
        return decisions is not None

    def _give_back(self, event_id: str) -> None:
        """An event was refused, and the client will see why."""
        sent = self.in_flight.refused(event_id)
        if sent is not None and sent.kind == "conversation.item.create":
            self.ledger.drop_pending(sent.item_id)
        self._carry_out(self.scheduler.failed(event_id))

    def _continues_no_more(self, leg: LegState, event_id: str) -> bool:
        """A leg refuses to go on with a response: it ends for the client."""
        for response_id, continued in tuple(leg.continued.items()):
            if continued.event_id == event_id and continued.begun:
                return True  # the server began one of its own just before, which was taken for it
            if continued.event_id == event_id:
                del leg.continued[response_id]
                self.end_response(response_id, "failed", {"type": "failed", "error": LOST})
                return True
        return False

    def end_response(self, response_id: str, status: str, details: Mapping[str, Any]) -> None:
        """End a response that no leg will end."""
        response = self.ledger.responses.get(response_id)
        if response is None:
            return
        for event in endings(response, status, details):
            self.emit(event)
            if event["type"] == "response.done":
                self._after_response_done(event)

    # --- configuration of a leg that takes over ------------------------------------------------------------------

    def configure(self, leg: LegState, config: Mapping[str, Any]) -> None:
        """Send a leg the configuration that the client made."""
        leg.config = dict(config)
        if config.keys() <= {"type"}:
            return
        leg.own_updates += 1
        event = {"event_id": self.own_id(CONFIG_ID), "type": "session.update", "session": leg.config}
        leg.send(encoded(event))

    def refused_configuration(self, leg: LegState, error: Mapping[str, Any]) -> None:
        """Configure a leg once more without what it refused: it refused all the rest with it."""
        leg.own_updates -= 1
        param = text_in(error.get("param")) or ""
        config = without(leg.config, param.removeprefix("session.").split("."))
        if config != leg.config:
            self.configure(leg, config)

    def probe(self, leg: LegState) -> None:
        """Ask a leg for what nobody has, to hear that it is there."""
        event = {"type": "conversation.item.retrieve", "item_id": "item_antiphon_probe"}
        leg.send(encoded({"event_id": self.own_id(PROBE_ID), **event}))

    def ask_to_continue(self, leg: LegState, continued: Continued, options: Mapping[str, Any]) -> None:
        """Have a leg go on with a response that another one began."""
        leg.go_on_with(continued)
        leg.send(create_response(continued.event_id, options))


_FROM_CLIENT: dict[str, Callable[[Exchange, LegState, Event, bytes], None]] = {
    "session.update": Exchange._on_plain,
    "input_audio_buffer.commit": Exchange._on_plain,
    "input_audio_buffer.clear": Exchange._on_plain,
    "conversation.item.create": Exchange._on_item_create,
    TRUNCATE: Exchange._on_truncate,
    RETRIEVE: Exchange._on_retrieve,
    DELETE: Exchange._on_delete,
    "response.create": Exchange._on_response_create,
    "response.cancel": Exchange._on_cancel,
}
_FROM_LEG: dict[str, Callable[[Exchange, LegState, Event], bool | Event]] = {
    "session.created": Exchange._on_session_created,
    "session.updated": Exchange._on_session_updated,
    ADDED: Exchange._on_item,
    "conversation.item.created": Exchange._on_item,
    "conversation.item.done": Exchange._on_item,
    "conversation.item.retrieved": Exchange._on_retrieved,
    "conversation.item.truncated": Exchange._on_truncated,
    "conversation.item.deleted": Exchange._on_deleted,
    "conversation.item.input_audio_transcription.completed": Exchange._on_transcribed,
    "conversation.item.input_audio_transcription.failed": Exchange._on_transcribed,
    "input_audio_buffer.speech_started": Exchange._on_speech_started,
    "input_audio_buffer.speech_stopped": Exchange._on_speech_stopped,
    "input_audio_buffer.timeout_triggered": Exchange._on_timeout,
    "input_audio_buffer.committed": Exchange._on_committed,
    "input_audio_buffer.cleared": Exchange._on_cleared,
    "response.created": Exchange._on_response_created,
    "response.done": Exchange._on_response_done,
    "error": Exchange._on_error,
}
# What is done once the client has the event.
_AFTER: dict[str, Callable[[Exchange, Event], None]] = {"response.done": Exchange._after_response_done}
