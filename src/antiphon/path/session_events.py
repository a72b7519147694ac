"""Events about the session, which is the client's own whatever leg serves it."""

# ruff: noqa: ARG001 - all handlers are called alike

from typing import TYPE_CHECKING

from antiphon.path.events import Event, decoded
from antiphon.path.leg_state import LegState

if TYPE_CHECKING:
    from antiphon.path.exchange import Exchange


def on_session_created(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    return False  # the client has had its own


def on_session_updated(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    session = event.get("session")
    if not isinstance(session, dict):
        return False
    exchange.ledger.session_shown(session)
    if leg.own_updates:
        leg.own_updates -= 1
        return False
    sent = exchange.in_flight.answered("session.update")
    update = decoded(sent.message) if sent else None
    if update is not None and isinstance(update.get("session"), dict):
        exchange.ledger.merge_config(update["session"])
    return {**event, "session": exchange.steady.show(session)}


FROM_LEG = {"session.created": on_session_created, "session.updated": on_session_updated}
