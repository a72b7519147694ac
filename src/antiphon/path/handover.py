"""How a fresh leg takes a call over: it is told all that was said, and what was going on goes on.

The order: configuration, items, the user's running speech, client events without an answer, the response that was cut
short. The client's further events follow behind, so that each is delivered in order and once.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.path.events import create_response, encoded
from antiphon.path.exchange import LOST, OWN_ID, RESTORE_ID, Exchange
from antiphon.path.ledger import OpenResponse
from antiphon.path.ledger.cut import endings_of_open_items
from antiphon.path.leg_state import Continued, LegState
from antiphon.path.notices import Notices
from antiphon.path.scheduler import Ask

CONTINUE = (
    "The connection broke while you were speaking. Your last message above is what the user has received so far. Go on "
    "from exactly where it stops, with the rest of the same answer; repeat nothing of it, and do not mention the break."
)


class Handover:
    """Brings legs up to date.

    Args:
        exchange: The call's events, both ways.
        notices: Tells the client.
        continues: Whether a response that was cut short is to be completed.
    """

    def __init__(self, exchange: Exchange, notices: Notices, *, continues: bool) -> None:
        self._exchange = exchange
        self._ledger = exchange.ledger
        self._notices = notices
        self._continues = continues

    def take_over(self, leg: LegState, *, can_continue: bool) -> None:
        """Make `leg` the one that serves the call.

        Args:
            leg: It has sent its session.created.
            can_continue: Whether its model goes on in the middle of an answer.
        """
        exchange, ledger = self._exchange, self._ledger
        # What the client was about to do to the responses, before its events are sent again.
        cancelled = any(sent.kind == "response.cancel" for sent in exchange.in_flight)
        exchange.leg = leg
        exchange.configure(leg, ledger.config)
        running = self._end_what_cannot_go_on(cancelled, can_continue)
        for event in ledger.owed_events():
            exchange.emit(event)
        self._restore(leg)
        self._resend_audio(leg)
        self._resend(leg)
        self._give_up_transcripts()
        for response in running:
            self._go_on(leg, response)
        self._ask_again(leg)

    # --- what was said ----------------------------------------------------------------------------------------

    def _restore(self, leg: LegState) -> None:
        for one in self._ledger.restored_items():
            if "id" in one.event["item"]:
                leg.restored.add(one.event["item"]["id"])
            elif one.item_id is not None:
                leg.unnamed.append(one.item_id)
            leg.send(encoded({"event_id": self._exchange.own_id(RESTORE_ID), **one.event}))

    def _resend_audio(self, leg: LegState) -> None:
        for message in self._ledger.pending_input():
            leg.send(message)
        leg.lead_bytes = self._exchange.appended - self._ledger.pending_audio_bytes
        leg.replayed_speech = self._ledger.speech_item_id

    def _resend(self, leg: LegState) -> None:
        again, hopeless = self._exchange.in_flight.again()
        for sent in hopeless:
            message = f"No answer to this {sent.kind} came from any connection to the model's server."
            self._notices.refuse("upstream_did_not_answer", message, sent.client_event_id)
        for sent in again:
            if sent.kind == "response.cancel":
                self._exchange.in_flight.refused(sent.event_id)  # carried out already, by ending the response
            elif sent.kind != "input_audio_buffer.commit":  # those went out among the audio
                leg.send(sent.message)

    def _give_up_transcripts(self) -> None:
        """The audio is an item's now, and a server transcribes only what is spoken to it."""
        owed, self._exchange.untranscribed = self._exchange.untranscribed, set()
        for item_id in sorted(owed):
            self._exchange.emit(
                {
                    "type": "conversation.item.input_audio_transcription.failed",
                    "item_id": item_id,
                    "content_index": 0,
                    "error": LOST,
                }
            )

    # --- what was being said ----------------------------------------------------------------------------------

    def _end_what_cannot_go_on(self, cancelled: bool, can_continue: bool) -> list[OpenResponse]:
        """End responses as they would have ended; return those that are to go on, with their open items ended."""
        running = []
        for response in tuple(self._ledger.responses.values()):
            ending = self._ending(response, cancelled, can_continue)
            if ending is None:
                for event in endings_of_open_items(response):
                    self._exchange.emit(event)
                running.append(response)
            else:
                self._exchange.end_response(response.id, *ending)
        return running

    def _ending(
        self, response: OpenResponse, cancelled: bool, can_continue: bool
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return status and details of a response that must end here, None for one that can go on."""
        if response.in_conversation and cancelled:
            return "cancelled", {"type": "cancelled", "reason": "client_cancelled"}
        if response.in_conversation and self._ledger.speech_item_id is not None:
            return "cancelled", {"type": "cancelled", "reason": "turn_detected"}
        if not response.items:
            return None  # nothing was said: it can be asked for as if for the first time
        if all(item.is_done for item in response.items):
            return "completed", {"type": "completed"}
        if not self._continues or not response.in_conversation or (_has_said(response) and not can_continue):
            return "failed", {"type": "failed", "error": LOST}
        return None

    def _go_on(self, leg: LegState, response: OpenResponse) -> None:
        options = dict(self._exchange.asks.get(response.id, {}))
        if _has_said(response):
            said = options.get("instructions") or self._ledger.instructions
            options["instructions"] = f"{said}\n\n{CONTINUE}" if said else CONTINUE
        earlier = [dict(item.shown()) for item in response.items]
        event_id = self._exchange.own_id(OWN_ID)
        continued = Continued(response.id, event_id, response.in_conversation, earlier)
        self._exchange.ask_to_continue(leg, continued, options)

    def _ask_again(self, leg: LegState) -> None:
        """Ask for the response that was asked for, by the client or by the end of a turn, and never came."""
        scheduler = self._exchange.scheduler
        asked = scheduler.forget_asked()
        if asked is None and self._ledger.awaits_response and not self._ledger.responses:
            event_id = self._exchange.own_id(OWN_ID)
            asked = Ask(event_id, True, create_response(event_id, {}))
        if asked is not None:
            scheduler.asked = asked
            leg.send(asked.message)


def _has_said(response: OpenResponse) -> bool:
    """Whether the client has received some of an answer in words."""
    return any(item.is_message and item.text for item in response.items)
