"""The events of one call, both ways, over the leg that serves it now.

An event that nobody here wants passes as the bytes it came as. Of the others only what the ledger, the scheduler and
the client's unanswered events need is parsed: no audio at all, and text deltas only if their response is cut short.
"""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.path import audio_events, error_events, item_events, response_events, session_events
from antiphon.path.error_events import CONFIG_ID, PROBE_ID, RESTORE_ID
from antiphon.path.events import (
    APPEND,
    CANCEL,
    CLEAR,
    COMMIT,
    LOST,
    RETRIEVE,
    Event,
    create_response,
    decoded,
    encoded,
    is_broken,
    text_in,
    without,
)
from antiphon.path.in_flight import InFlight, Sent
from antiphon.path.ledger import DELTAS, PARSED, Ledger
from antiphon.path.ledger.cut import endings
from antiphon.path.ledger.event_fields import text_of
from antiphon.path.leg_state import Continued, LegState
from antiphon.path.notices import Notices
from antiphon.path.scheduler import ALREADY_ACTIVE, CancelActive, Decision, Refuse, ResponseScheduler, Send
from antiphon.path.steady import SteadySession
from antiphon.path.transcripts import Transcripts
from antiphon.protocol.heads import audio_size, field_of, plain_audio_delta, type_of, with_event_id
from antiphon.protocol.ids import Ids

AUDIO_DELTA = "response.output_audio.delta"
TRANSCRIPT_DELTA = "conversation.item.input_audio_transcription.delta"
OWN_ID = "antiphon_"

FromClient = Callable[["Exchange", LegState, Event, bytes], None]
FromLeg = Callable[["Exchange", LegState, Event], bool | Event]


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
        self.news = 0  # items of the client and turns of the user so far
        self.answered_news = 0  # of these, what the newest response was begun with
        self.asks: dict[str, Mapping[str, Any]] = {}  # running responses that clients asked for: their options
        self.transcripts = Transcripts()
        self.steady = steady
        self.notices = notices
        self.send = send
        self.ids = ids
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
        return f"{OWN_ID}{self._mark}_{kind}{self.ids.letters(12)}"

    def is_own(self, event_id: str, kind: str = "") -> bool:
        """Whether `own_id` gave that id, to an event of that kind."""
        return event_id.startswith(f"{OWN_ID}{self._mark}_{kind}")

    def emit(self, event: Event) -> None:
        """Send an event of our making to the client, as if the leg had sent it."""
        if event["type"] in PARSED:
            self.ledger.note_server(event["type"], event)
        self.notices.event(event)

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
            self.notices.refuse("rate_limit_exceeded", message_, text_in(event.get("event_id")))
        else:
            handler(self, self.leg, event, message)

    def append(self, message: bytes, audio_bytes: int) -> None:
        """Take an `input_audio_buffer.append`; there must be a leg."""
        assert self.leg is not None
        self.ledger.note_append(message, audio_bytes)
        self.appended += audio_bytes
        self.leg.leg.send(message)

    def track(self, event: Event, message: bytes, item_id: str = "") -> Sent:
        """Give an event an id if it has none, so that an error can be matched to it."""
        event_id = event.get("event_id")
        kind = event["type"]
        if isinstance(event_id, str) and event_id:
            return Sent(kind, event_id, False, message, item_id)
        own_id = self.own_id()
        has_null = "event_id" in event
        message = encoded({**event, "event_id": own_id}) if has_null else with_event_id(message, own_id)
        return Sent(kind, own_id, True, message, item_id)

    def pass_on(self, leg: LegState, sent: Sent) -> None:
        self.in_flight.add(sent)
        leg.send(sent.message)

    def pass_event(self, leg: LegState, event: Event, message: bytes) -> None:
        """Send a client event that needs nothing but an answer."""
        sent = self.track(event, message, text_of(event, "item_id"))
        self.ledger.note_client(event["type"], {**event, "event_id": sent.event_id})
        self.pass_on(leg, sent)

    def resume_asking(self) -> None:
        """Ask for what waited, if nothing is active on the leg that has taken over."""
        self.carry_out(self.scheduler.resume(self.ledger.responses))

    def own(self, event: Mapping[str, Any]) -> Event:
        return {"event_id": self.own_id(RESTORE_ID), **event}

    def cancel(self, leg: LegState, event: Event, message: bytes) -> None:
        continued = leg.continued.get(text_of(event, "response_id"))
        if continued is not None and not continued.begun:
            continued.cancels.append(message)
        else:
            leg.send(message)

    def carry_out(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Send(ask):
                    # Without a leg it stays with the scheduler as asked for, and the next leg is asked.
                    self.answered_news = self.news
                    if self.leg is not None:
                        self.leg.send(ask.message)
                case CancelActive(response_id):
                    event = self.own({"type": CANCEL, "response_id": response_id})
                    if self.leg is not None:
                        self.cancel(self.leg, event, encoded(event))
                case Refuse(ask, message):
                    self.asks.pop(ask.event_id, None)
                    self.notices.refuse(ALREADY_ACTIVE, message, ask.client_event_id)

    def retry(self) -> None:
        """Ask again for what was rejected for no reason that could be seen."""
        if self.leg is not None:
            self.carry_out(self.scheduler.retry(self.now))

    def from_leg(self, leg: LegState, message: bytes) -> None:
        """Take a server event of the leg that serves the call."""
        leg.watchdog.heard = True
        if leg.is_translated:
            message = leg.to_client(message)
        audio = plain_audio_delta(message)
        if audio is not None:
            self.ledger.note_audio_delta(*audio)
            self.send(message)
            return
        kind = type_of(message)
        if kind == AUDIO_DELTA:
            self.ledger.note_audio_delta(field_of(message, "item_id"), audio_size(message, b'"delta"'))
        elif kind in DELTAS:
            self.ledger.note_delta(field_of(message, "response_id"), message)
        elif kind == TRANSCRIPT_DELTA and field_of(message, "item_id") in leg.restored:
            return  # the client may have had some of it; all of it comes in the end
        elif kind in PARSED or kind in _FROM_LEG:
            self._parse(leg, kind, message)
            return
        elif not kind or not message.endswith(b"}"):
            leg.is_broken = is_broken(message)
            return  # no event at all
        self.send(message)

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
        self.send(message)
        after = response_events.AFTER.get(kind)
        if after is not None:
            after(self, event)

    def give_up_transcripts(self) -> None:
        """No transcript will come any more of what an earlier leg heard."""
        kind = "conversation.item.input_audio_transcription.failed"
        for item_id in self.transcripts.give_up():
            self.emit({"type": kind, "item_id": item_id, "content_index": 0, "error": LOST})

    def end_response(self, response_id: str, status: str, details: Mapping[str, Any]) -> None:
        """End a response that no leg will end."""
        response = self.ledger.responses.get(response_id)
        if response is None:
            return
        for event in endings(response, status, details):
            self.emit(event)
            if event["type"] == "response.done":
                response_events.after_response_done(self, event)

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
        param = text_of(error, "param")
        config = without(leg.config, param.removeprefix("session.").split("."))
        if config != leg.config:
            self.configure(leg, config)

    def probe(self, leg: LegState) -> None:
        """Ask a leg for what nobody has, to hear that it is there."""
        event = {"type": RETRIEVE, "item_id": "item_antiphon_probe"}
        leg.send(encoded({"event_id": self.own_id(PROBE_ID), **event}))

    def ask_to_continue(self, leg: LegState, continued: Continued, options: Mapping[str, Any]) -> None:
        """Have a leg go on with a response that another one began."""
        leg.go_on_with(continued)
        leg.send(create_response(continued.event_id, options))


_FROM_CLIENT: dict[str, FromClient] = {
    "session.update": Exchange.pass_event,
    COMMIT: Exchange.pass_event,
    CLEAR: Exchange.pass_event,
    **item_events.FROM_CLIENT,
    **response_events.FROM_CLIENT,
}
_FROM_LEG: dict[str, FromLeg] = {
    **session_events.FROM_LEG,
    **item_events.FROM_LEG,
    **audio_events.FROM_LEG,
    **response_events.FROM_LEG,
    **error_events.FROM_LEG,
}
