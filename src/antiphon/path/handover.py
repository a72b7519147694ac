"""How a fresh leg takes a call over: it is told all that was said, and what was going on goes on.

The order: configuration, items (turns whose transcript is owed are spoken again in their places), client events without
an answer and the user's running speech, the response that was cut short. The client's further events follow behind, so
that each is delivered in order and once.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.path.error_events import RESTORE_ID
from antiphon.path.events import (
    APPEND,
    CANCEL,
    CLEAR,
    COMMIT,
    LOST,
    RESPOND,
    create_response,
    decoded,
    encoded,
    text_in,
)
from antiphon.path.exchange import Exchange
from antiphon.path.in_flight import MOST_ATTEMPTS, Sent
from antiphon.path.item_events import send_again
from antiphon.path.ledger import OpenResponse
from antiphon.path.ledger.cut import endings_of_open_items
from antiphon.path.leg_state import Continued, LegState
from antiphon.path.notices import Notices
from antiphon.path.scheduler import Ask

SHORTEST_COMMIT = 0.1  # seconds; servers take no less
APPEND_LETTERS = 1_000_000  # of base64 in one event, a multiple of four
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
        self._running: list[OpenResponse] = []  # to go on with, once a leg is told all
        self._tries: dict[str, tuple[int, int]] = {}  # of running responses: legs asked again in vain, what was said

    def take_over(self, leg: LegState, *, can_continue: bool) -> None:
        """Tell `leg` all that was said; `finish` follows once it has confirmed what it was made to hear again.

        Args:
            leg: It has sent its session.created.
            can_continue: Whether its model goes on in the middle of an answer.
        """
        exchange, ledger = self._exchange, self._ledger
        exchange.leg = None  # what an end lets through now waits until the leg knows the conversation
        self._running = self._end_what_cannot_go_on(self._cancelled(), can_continue)
        for event in ledger.owed_events():
            exchange.emit(event)
        turns = self._untranscribed_turns()
        exchange.configure(leg, self._config_for(None) if turns else ledger.config)
        self._restore(leg, turns)
        if turns:
            exchange.configure(leg, self._config_for(ledger.turn_detection))
        exchange.transcripts.take_over(turns)

    def stop_waiting(self, leg: LegState) -> None:
        """Do without what `leg` has not confirmed: nobody knows by which ids it has those turns."""
        leg.left_out |= {item_id for _, item_id in leg.spoken_again}
        leg.spoken_again.clear()
        self._exchange.transcripts.take_over(())

    def finish(self, leg: LegState) -> None:
        """Have `leg` do what was going on, and serve the client from now on."""
        exchange = self._exchange
        exchange.leg = leg
        before, behind = self._again()
        self._resend(leg, before)
        self._resend_audio(leg)
        self._resend(leg, behind)
        running = [response for response in self._running if response.id in self._ledger.responses]
        for response in running:
            self._go_on(leg, response)
        self._ask_again(leg)
        if not running and exchange.scheduler.asked is None:
            exchange.give_up_transcripts()
        for sent in exchange.in_flight:
            if sent.kind == CANCEL:  # of what was just asked for again, or of nothing that runs
                leg.send(sent.message)

    # --- what was said ----------------------------------------------------------------------------------------

    def _restore(self, leg: LegState, turns: Mapping[str, str]) -> None:
        leg.left_out = {entry.id for entry in self._ledger.items()}
        for one in self._ledger.restored_items():
            leg.left_out.discard(one.item_id or "")
            event_id = self._exchange.own_id(RESTORE_ID)
            if one.item_id in turns:
                leg.spoken_again.append((event_id, str(one.item_id)))
                self._speak_again(leg, event_id, turns[str(one.item_id)])
                continue
            if "id" in one.event["item"]:
                leg.restored.add(one.event["item"]["id"])
            elif one.item_id is not None:
                leg.unnamed.append((event_id, one.item_id))
            leg.send(encoded({"event_id": event_id, **one.event}))

    def _untranscribed_turns(self) -> dict[str, str]:
        """Return the audio, base64, of turns whose transcript the client waits for, by item.

        A server transcribes what is spoken to it, and not what it is told of as an item.
        """
        least = self._ledger.audio_bytes_per_second * SHORTEST_COMMIT * 4 / 3
        turns = {}
        for item_id in self._exchange.transcripts.owed:
            creation = self._ledger.restored_item(item_id)
            content = creation["item"].get("content") if creation is not None else None
            audio = content[0].get("audio") if content and len(content) == 1 else None
            if isinstance(audio, str) and len(audio) >= least:
                turns[item_id] = audio
        return turns

    def _speak_again(self, leg: LegState, event_id: str, audio: str) -> None:
        """Have a leg hear a turn; it detects none itself at the moment."""
        for begin in range(0, len(audio), APPEND_LETTERS):
            piece = audio[begin : begin + APPEND_LETTERS]
            leg.send(encoded({"type": APPEND, "audio": piece}))
            leg.lead_bytes -= len(piece) * 3 // 4
        leg.send(encoded({"event_id": event_id, "type": COMMIT}))

    def _config_for(self, turn_detection: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the configuration with another turn detection."""
        config = self._ledger.config
        audio = config.get("audio") or {}
        heard = {**(audio.get("input") or {}), "turn_detection": turn_detection}
        return {**config, "audio": {**audio, "input": heard}}

    def _resend_audio(self, leg: LegState) -> None:
        for message in self._ledger.pending_input():
            leg.send(message)
        leg.lead_bytes += self._exchange.appended - self._ledger.pending_audio_bytes
        leg.replayed_speech = self._ledger.speech_item_id
        leg.replayed_stop = leg.replayed_speech if self._ledger.speech_has_stopped else None

    def _again(self) -> tuple[list[Sent], list[Sent]]:
        """Return what to send again before the user's audio, which is not committed yet, and behind it.

        Behind it is what came after a commit: an item would stand before the turn. All else is before it: a clear would
        take what was spoken since, and an update says how to hear it.
        """
        again, hopeless = self._exchange.in_flight.again()
        for sent in hopeless:
            self._notices.unanswered(sent.kind, sent.client_event_id)
            self._ledger.note_server("error", {"error": {"event_id": sent.event_id}})
        kinds = [sent.kind for sent in again]
        first = kinds.index(COMMIT) if COMMIT in kinds else len(again)
        # Commits, and clears behind them, go out among the audio.
        return again[:first], [sent for sent in again[first:] if sent.kind not in (COMMIT, CLEAR)]

    def _resend(self, leg: LegState, again: list[Sent]) -> None:
        for sent in again:
            if sent.kind != CANCEL:  # those go out last
                send_again(self._exchange, leg, sent)

    # --- what was being said ----------------------------------------------------------------------------------

    def _cancelled(self) -> set[str | None]:
        """Return the ids of the responses that the client has cancelled in vain; None for the active one."""
        cancels = (decoded(sent.message) for sent in self._exchange.in_flight if sent.kind == CANCEL)
        return {text_in(event.get("response_id")) for event in cancels if event is not None}

    def _end_what_cannot_go_on(self, cancelled: set[str | None], can_continue: bool) -> list[OpenResponse]:
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
        self, response: OpenResponse, cancelled: set[str | None], can_continue: bool
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return status and details of a response that must end here, None for one that can go on."""
        if response.id in cancelled or (response.in_conversation and None in cancelled):
            return "cancelled", {"type": "cancelled", "reason": "client_cancelled"}
        if response.in_conversation and self._ledger.speech_item_id is not None:
            return "cancelled", {"type": "cancelled", "reason": "turn_detected"}
        if response.items and all(item.is_done and item.item.get("status") != "incomplete" for item in response.items):
            return "completed", {"type": "completed"}
        continues = self._continues and response.in_conversation and (can_continue or not _has_said(response))
        # Where nothing was said, it can be asked for as if for the first time.
        if self._is_hopeless(response) or (response.items and not continues):
            return "failed", {"type": "failed", "error": LOST}
        return None

    def _is_hopeless(self, response: OpenResponse) -> bool:
        """Whether so many legs were lost over a response that the next one would be, too; each costs money."""
        tries, before = self._tries.get(response.id, (0, -1))
        return tries >= MOST_ATTEMPTS - 1 and _progress(response) == before

    def _count(self, response: OpenResponse) -> None:
        now = _progress(response)
        tries, before = self._tries.get(response.id, (0, now))
        self._tries = {name: tried for name, tried in self._tries.items() if name in self._ledger.responses}
        self._tries[response.id] = (tries + 1 if now == before else 1, now)

    def _go_on(self, leg: LegState, response: OpenResponse) -> None:
        self._count(response)
        options = dict(self._exchange.asks.get(response.id, {}))
        if _has_said(response):
            said = options.get("instructions") or self._ledger.instructions
            options["instructions"] = f"{said}\n\n{CONTINUE}" if said else CONTINUE
        earlier = [dict(item.shown()) for item in response.items]
        event_id = self._exchange.own_id()
        continued = Continued(response.id, event_id, response.in_conversation, earlier)
        self._exchange.ask_to_continue(leg, continued, options)

    def _ask_again(self, leg: LegState) -> None:
        """Ask for the response that was asked for, by the client or by the end of a turn, and never came."""
        scheduler = self._exchange.scheduler
        asked = scheduler.forget_asked()
        if asked is not None and asked.legs >= MOST_ATTEMPTS:
            self._ledger.awaits_response = False
            self._notices.unanswered(RESPOND, asked.client_event_id)
            asked = None
        if asked is None and self._ledger.awaits_response and not self._ledger.responses:
            event_id = self._exchange.own_id()
            asked = Ask(event_id, True, create_response(event_id, {}))
        if asked is not None:
            asked.legs += 1
            scheduler.asked = asked
            leg.send(asked.message)
        self._exchange.resume_asking()


def _progress(response: OpenResponse) -> int:
    """Return a number that grows with each item and letter of a response."""
    return sum(1 + len(item.text) for item in response.items)


def _has_said(response: OpenResponse) -> bool:
    """Whether the client has received some of an answer in words."""
    return any(item.is_message and item.text for item in response.items)
