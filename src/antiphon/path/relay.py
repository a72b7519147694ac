"""Keeps a call going over changing legs: a pure state machine that is told what happened and when.

It chooses routes, holds what the client sends meanwhile, has fresh legs take over (after a loss, before a session's
cap, back to a better route), and ends the call when nothing is left to try.
"""

from collections.abc import Sequence
from typing import Any

from antiphon.path.error_events import CONFIG_ID
from antiphon.path.events import Event, decoded
from antiphon.path.exchange import Exchange
from antiphon.path.handover import Handover
from antiphon.path.held import Held, Kept
from antiphon.path.ledger import Ledger, LedgerLimits
from antiphon.path.ledger.event_fields import text_of
from antiphon.path.leg_state import LegState
from antiphon.path.legs import Cause, LegEnd, Route
from antiphon.path.notices import Notices, refusal_of
from antiphon.path.options import RelayOptions
from antiphon.path.ports import Ports
from antiphon.path.scheduler import ResponseScheduler
from antiphon.path.search import Search
from antiphon.path.steady import SteadySession
from antiphon.path.timers import Timers
from antiphon.path.watchdog import Verdict
from antiphon.protocol.codec import event_id_of
from antiphon.protocol.heads import plain_append, type_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart

# With another route to try, it is tried beside one that has not answered for this long.
HEDGE_SECONDS = 3.0
# A client that has heard nothing yet is better told soon; it may have servers of its own to try.
FIRST_PATIENCE = 15.0
# A session's cap comes this early at the latest, so that the server does not end it first.
CAP_MARGIN = 5.0
DEFAULT_CAP = 3600.0
CALM_CHECK_SECONDS = 0.1
# A leg that goes so soon after it took the call over did not stand what it was told of it: others are tried first, and
# then there is a pause, which no session in between makes shorter.
BRIEF_SECONDS = 1.0
# A first leg confirms its configuration at once; one that has not by now is given up for another.
BEGIN_SECONDS = 10.0
# So does one that is made to hear a turn again; the call does not wait longer for it.
HEAR_SECONDS = 2.0
PCM_BYTES_PER_SECOND = 48_000
_GOING_AWAY = 1001


class Relay:
    """One call.

    Args:
        start: How the client connected.
        routes: Best first; at least one.
        options: What the operator chose.
        ports: What it works on.
        ids: Source of ids and of chance.
        unix_time: Now, in Unix seconds; only differences to it are used later.
        now: The same moment on the caller's own clock.
    """

    def __init__(  # noqa: PLR0917 - its surroundings, all of them
        self,
        start: SessionStart,
        routes: Sequence[Route],
        options: RelayOptions,
        ports: Ports,
        ids: Ids,
        now: float,
        unix_time: float,
    ) -> None:
        self._routes = routes
        self._options = options
        self._ports = ports
        self._unix_offset = unix_time - now
        self.timers = Timers()
        notices = Notices(ports.send, ids, extensions=start.extensions)
        ledger = Ledger(
            {"type": start.kind.name, **start.asked},
            LedgerLimits(kept_audio_bytes=options.kept_audio_bytes),
            transcribes_only=not start.kind.responds,
        )
        self._steady = SteadySession(start.model, int(unix_time + options.session_seconds))
        scheduler = ResponseScheduler(options.responses)
        self._exchange = Exchange(ledger, scheduler, self._steady, notices, ports.send, ids)
        self._handover = Handover(self._exchange, notices, continues=options.cut_response == "continue")
        self._notices = notices
        self._held = Held(options.held_bytes, round(options.held_seconds * PCM_BYTES_PER_SECOND))
        self._main: LegState | None = None
        self._beginning: LegState | None = None  # it is being configured; the client knows of no session yet
        self._candidates: list[LegState] = []
        self._successor: LegState | None = None  # to take over in a pause
        self._successor_ready = False
        self._begun = False  # the client has its session.created
        self._closed = False
        self._search = Search(routes, options, ids)
        self._brief = 0  # legs, one behind the other, that were lost at once
        self._failing_since = 0.0  # when the first of them was
        self._last_end: LegEnd | None = None
        self._last_name = ""
        self._last_route = 0
        self._last_reason = ""  # for which a leg went, or goes
        self._replace_reason = "rollover"
        self.timers.set("end", now + options.session_seconds)
        self._seek(now)

    # --- what happens -----------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        return self._closed

    def receive(self, message: bytes, now: float) -> None:
        """Take a client event, GA-shaped JSON."""
        exchange = self._exchange
        audio_bytes = plain_append(message)
        if audio_bytes >= 0 and exchange.leg is not None:
            exchange.append(message, audio_bytes)
            return
        exchange.now = now
        kind = type_of(message)
        if not kind:
            self._notices.malformed(message)
        elif exchange.leg is not None:
            exchange.from_client(kind, message)
            if exchange.scheduler.deadline is not None:
                self.timers.set("retry", exchange.scheduler.deadline)
        elif not self._closed:
            self._hold(kind, message)

    def leg_received(self, leg: LegState, message: bytes, now: float) -> None:
        """Take a server event of a leg."""
        if message == leg.last and b'"event_id"' in message:
            return  # no two events have one id
        leg.last = message
        if leg is self._main:
            self._exchange.now = now
            self._exchange.from_leg(leg, message)
            if self._exchange.leg is None and not leg.spoken_again:
                self._finish(leg, now)
            if leg.is_broken:
                self._abandon(leg, Cause.LOST, "it sent an event that is no JSON", now)
            if self._exchange.scheduler.deadline is not None:
                self.timers.set("retry", self._exchange.scheduler.deadline)
        elif leg is self._beginning:
            self._begin_on(leg, decoded(message), now)
        elif leg.session is None:
            self._connected(leg, decoded(message), now)

    def leg_ended(self, leg: LegState, end: LegEnd, now: float) -> None:
        """A leg is gone, or was never had."""
        if self._closed or leg.ended is not None:
            return
        leg.ended = end
        self._routes[leg.route].failed(end.cause, now, had_session=leg.session is not None)
        if leg in (self._main, self._beginning):
            self._lose(leg, end, now)
        elif leg is self._successor:
            self._successor = None
            self._successor_ready = False
            self.timers.set("calm", None)
            again = "rollover" if self._replace_reason == "rollover" else "return"
            self.timers.set(again, now + self._options.return_seconds)
        elif leg in self._candidates:
            self._candidate_failed(leg, end, now)

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        self._exchange.now = now
        for name in self.timers.take_due(now):
            if not self._closed:
                _DUE[name](self, now)

    def close(self) -> None:
        """The client is gone for good: end all legs."""
        self._closed = True
        self.timers.clear()
        for leg in (self._main, self._beginning, self._successor, *self._candidates):
            if leg is not None and leg.ended is None:
                leg.leg.close()
        self._main = self._beginning = self._successor = None
        self._candidates.clear()
        self._exchange.leg = None

    # --- without a leg ----------------------------------------------------------------------------------------

    def _hold(self, kind: str, message: bytes) -> None:
        match self._held.add(kind, message):
            case Kept.NO_ROOM_FOR_AUDIO:
                self._notices.no_room_for_audio(self._options.held_seconds)
            case Kept.NO_ROOM:
                self._notices.no_room(event_id_of(message))
            case _:
                pass

    def _seek(self, now: float) -> None:
        """Look for a leg, best routes first."""
        if self._search.since is None:
            # What takes calls and does not serve them comes last.
            is_bad = self._brief or (len(self._routes) > 1 and self._last_reason == "silent")
            self._search.begin(now, self._brief, self._last_route if is_bad else None)
            since = self._failing_since if self._brief else now
            patience = self._options.give_up_seconds if self._begun else FIRST_PATIENCE
            self.timers.set("give_up", since + min(patience, self._options.give_up_seconds))
        self._try_next(now)

    def _try_next(self, now: float) -> None:
        route = self._search.take(now)
        if route is not None:
            self._candidates.append(self._open(route))
            if self._search.next(now) is not None:
                self.timers.set("hedge", now + HEDGE_SECONDS)
        elif not self._candidates:
            self._round_failed(now)

    def _open(self, index: int) -> LegState:
        route = self._routes[index]
        state = LegState(index, route.name)
        state.leg = self._ports.open_leg(state, route)
        return state

    def _candidate_failed(self, leg: LegState, end: LegEnd, now: float) -> None:
        self._candidates.remove(leg)
        self._last_end = end
        self._search.failed(end.cause)
        if end.cause is Cause.CLIENT and not self._begun:
            self._refuse(end)
        else:
            self._try_next(now)

    def _round_failed(self, now: float) -> None:
        """All routes were tried: wait a little, and begin again."""
        if not self._search.is_hopeful and self._last_end is not None and not self._begun:
            self._give_up(now)
        else:
            self.timers.set("try", self._search.next_round(now))

    def _give_up(self, _now: float) -> None:
        if self._exchange.leg is None:
            end = self._last_end or LegEnd(Cause.UNREACHABLE, "no route could be tried")
            self._ports.log(f"gave up: {end.message}")
            self._refuse(end)

    def _refuse(self, end: LegEnd) -> None:
        detail, code = refusal_of(end)
        self._notices.error(detail)
        reason = f"{detail.type}.{detail.code}" if detail.code else detail.type
        self.close()
        self._ports.close_client(code, reason)

    # --- a leg comes ------------------------------------------------------------------------------------------

    def _connected(self, leg: LegState, event: Event | None, now: float) -> None:
        if event is None or not isinstance(event.get("session"), dict):
            return
        leg.session = event["session"]
        self._routes[leg.route].worked()
        if leg is self._successor:
            self._successor_ready = True
            self._switch_if_calm(now)
        elif leg in self._candidates:
            self._win(leg, now)

    def _win(self, leg: LegState, now: float) -> None:
        """The first of the candidates that is ready gets the call."""
        for other in self._candidates:
            if other is not leg:
                other.leg.close()
        self._candidates.clear()
        for name in ("hedge", "try"):
            self.timers.set(name, None)
        if self._begun:
            self._take_over(leg, now)
        else:
            self._begin(leg, now)

    def _begin(self, leg: LegState, now: float) -> None:
        """Configure the first leg, so that the client's session.created shows what it asked for beforehand."""
        assert leg.session is not None
        self._beginning = leg
        self._exchange.configure(leg, self._exchange.ledger.config)
        if leg.own_updates:
            self.timers.set("begin", now + BEGIN_SECONDS)
        else:
            self._announce(leg, leg.session, now)

    def _begin_on(self, leg: LegState, event: Event | None, now: float) -> None:
        if event is None:
            return
        assert leg.session is not None
        if event.get("type") == "session.updated" and isinstance(event.get("session"), dict):
            leg.own_updates -= 1
            self._announce(leg, event["session"], now)
            return
        error = event.get("error") if event.get("type") == "error" else None
        if isinstance(error, dict) and self._exchange.is_own(text_of(error, "event_id"), CONFIG_ID):
            self._ports.log(f"route {leg.name}: the configuration was refused: {error.get('message')}")
            self._exchange.refused_configuration(leg, error)
            if not leg.own_updates:
                self._announce(leg, leg.session, now)

    def _begin_is_late(self, now: float) -> None:
        if self._beginning is not None:
            found = f"it did not confirm its configuration within {BEGIN_SECONDS:g} s"
            self._abandon(self._beginning, Cause.SILENT, found, now)

    def _announce(self, leg: LegState, session: Any, now: float) -> None:
        self._beginning = None
        self.timers.set("begin", None)
        self._begun = True
        self._exchange.ledger.session_shown(session)
        self._notices.event({"type": "session.created", "session": self._steady.show(session)})
        self._notices.extension("route.changed", route=leg.name, previous=None, reason="begun", gap_ms=0)
        self._exchange.leg = leg
        self._serve(leg, now)

    def _take_over(self, leg: LegState, now: float) -> None:
        assert leg.session is not None
        self._exchange.ledger.session_shown(leg.session)
        leg.took_over_at = now
        self._main = leg
        self._handover.take_over(leg, can_continue=self._routes[leg.route].continues)
        if leg.spoken_again:
            self.timers.set("hear", now + HEAR_SECONDS)
        else:
            self._finish(leg, now)

    def _finish(self, leg: LegState, now: float) -> None:
        """The leg knows all that was said."""
        previous, reason = self._last_name, self._last_reason
        gap = now - self._search.since if self._search.since is not None else 0.0
        self.timers.set("hear", None)
        self._handover.finish(leg)
        self._ports.log(f"{previous} -> {leg.name} ({reason}) after {gap * 1000:.0f} ms")
        self._notices.extension(
            "route.changed", route=leg.name, previous=previous, reason=reason, gap_ms=round(gap * 1000)
        )
        self._serve(leg, now)

    def _hears_late(self, now: float) -> None:
        if self._main is not None and self._exchange.leg is None:
            self._handover.stop_waiting(self._main)
            self._finish(self._main, now)

    def _serve(self, leg: LegState, now: float) -> None:
        self._main = leg
        self._search.end()
        self.timers.set("give_up", None)
        self._last_name = leg.name
        self._ports.serve_by(leg)
        self._set_leg_timers(leg, now)
        for kind, message in self._held.take():
            self._exchange.from_client(kind, message)

    def _set_leg_timers(self, leg: LegState, now: float) -> None:
        assert leg.session is not None
        expires_at = leg.session.get("expires_at")
        cap = expires_at - self._unix_offset - now if isinstance(expires_at, int | float) else 0.0
        if cap <= 0:  # it does not say, or one of the two clocks is wrong
            cap = DEFAULT_CAP
        self.timers.set("rollover", now + max(cap / 2, cap - self._options.rollover_seconds))
        self.timers.set("cap", now + max(cap * 0.75, cap - CAP_MARGIN))
        self.timers.set("watch", now + self._options.silence_seconds / 4)
        self.timers.set("return", now + self._options.return_seconds if leg.route > 0 else None)

    # --- a leg goes -------------------------------------------------------------------------------------------

    def _lose(self, leg: LegState, end: LegEnd, now: float) -> None:
        self._last_end = end
        self._search.failed(end.cause)
        self._last_reason = end.cause.name.lower()
        self._note_brevity(leg, now)
        self._main = self._beginning = self._exchange.leg = None
        self._ports.serve_by(None)
        for name in ("begin", "hear", "rollover", "cap", "watch", "return", "calm", "retry"):
            self.timers.set(name, None)
        if self._begun:
            self._ports.log(f"route {leg.name} was lost: {end.message}")
            self._notices.extension("route.lost", route=leg.name, reason=self._last_reason)
        successor, self._successor = self._successor, None
        ready, self._successor_ready = self._successor_ready, False
        if successor is not None and ready and self._begun:
            self._take_over(successor, now)
            return
        if successor is not None:
            self._candidates.append(successor)
        self._seek(now)

    def _note_brevity(self, leg: LegState, now: float) -> None:
        self._last_route = leg.route
        if leg is not self._main or now - leg.took_over_at >= BRIEF_SECONDS:
            self._brief = 0
        else:
            self._brief += 1
            self._failing_since = now if self._brief == 1 else self._failing_since

    def _watch(self, now: float) -> None:
        """Replace a leg that says nothing when it should."""
        leg = self._main
        if leg is None:
            return
        self.timers.set("watch", now + self._options.silence_seconds / 4)
        seconds, exchange = self._options.silence_seconds, self._exchange
        turn, streams = exchange.ledger.speech_item_id is not None, exchange.appended != leg.streamed
        leg.streamed = exchange.appended
        match leg.watchdog.look(now, seconds, owes=exchange.is_owed, turn=turn, streams=streams):
            case Verdict.ASK:
                exchange.probe(leg)
            case Verdict.DEAD:
                self._abandon(leg, Cause.SILENT, f"it said nothing for {seconds:g} s when it should have", now)
            case _:
                pass

    def _abandon(self, leg: LegState, cause: Cause, found: str, now: float) -> None:
        leg.leg.close()
        self.leg_ended(leg, LegEnd(cause, found), now)

    # --- replacement in a pause -------------------------------------------------------------------------------

    def _roll_over(self, now: float) -> None:
        """The session's cap comes near: have a fresh one ready."""
        if self._main is None or self._successor is not None:
            return
        self._replace_reason = "rollover"
        index = next((i for i, route in enumerate(self._routes) if route.rests_until <= now), self._main.route)
        self._successor = self._open(index)

    def _go_back(self, now: float) -> None:
        """See whether a better route works again."""
        if self._main is None or self._main.route == 0:
            return
        self.timers.set("return", now + self._options.return_seconds)
        if self._successor is not None:
            return
        better = [i for i in range(self._main.route) if self._routes[i].rests_until <= now]
        if better:
            self._replace_reason = "return"
            self._successor = self._open(better[0])

    def _switch_if_calm(self, now: float) -> None:
        leg = self._successor
        if leg is None or not self._successor_ready or self._main is None:
            return
        if self._exchange.is_calm:
            self._switch(now)
        else:
            self.timers.set("calm", now + CALM_CHECK_SECONDS)

    def _switch(self, now: float) -> None:
        assert self._main is not None
        assert self._successor is not None
        old, new = self._main, self._successor
        self._successor = None
        self._successor_ready = False
        self._last_reason = self._replace_reason
        old.leg.close()
        self._take_over(new, now)

    def _at_cap(self, now: float) -> None:
        """There was no pause: better cut than be cut off."""
        if self._successor is not None and self._successor_ready and self._main is not None:
            self._switch(now)

    def _retry_response(self, _now: float) -> None:
        self._exchange.retry()

    def _end(self, _now: float) -> None:
        minutes = self._options.session_seconds / 60
        text = f"Your session hit the maximum duration of {minutes:g} minutes."
        self._notices.error(ErrorDetail("invalid_request_error", "session_expired", text))
        self.close()
        self._ports.close_client(_GOING_AWAY, text)


_DUE = {
    "end": Relay._end,
    "try": Relay._seek,
    "hedge": Relay._try_next,
    "give_up": Relay._give_up,
    "begin": Relay._begin_is_late,
    "hear": Relay._hears_late,
    "watch": Relay._watch,
    "rollover": Relay._roll_over,
    "cap": Relay._at_cap,
    "return": Relay._go_back,
    "calm": Relay._switch_if_calm,
    "retry": Relay._retry_response,
}
