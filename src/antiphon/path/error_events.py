"""Errors of a leg: whose they are, and what is tried again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from antiphon.path.events import CREATE, LOST, Event, encoded, text_in
from antiphon.path.ledger.event_fields import text_of
from antiphon.path.leg_state import LegState
from antiphon.path.scheduler import ALREADY_ACTIVE

if TYPE_CHECKING:
    from antiphon.path.exchange import Exchange

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
# What events of our own are for, as their ids tell.
RESTORE_ID = "restore_"
CONFIG_ID = "config_"
PROBE_ID = "probe_"


def on_error(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    error = event.get("error")
    if not isinstance(error, dict) or text_in(error.get("code")) in CLOSING:
        return False
    event_id = text_of(error, "event_id")
    if _concerns_us(exchange, leg, error, event_id):
        return False
    _give_back(exchange, event_id)
    if exchange.is_own(event_id):
        exchange.ledger.note_server("error", event)  # which knows it by that id, and the client by none
        exchange.send(encoded({**event, "error": {**error, "event_id": None}}))
        return False
    return True


def _concerns_us(exchange: "Exchange", leg: LegState, error: Mapping[str, Any], event_id: str) -> bool:
    """Handle an error that is about something which the client did not do, or which is tried again."""
    if exchange.is_own(event_id, CONFIG_ID):
        exchange.refused_configuration(leg, error)
        return True
    if exchange.is_own(event_id, PROBE_ID):
        leg.watchdog.answers = True
        return True
    if exchange.is_own(event_id, RESTORE_ID):
        _restore_in_words(exchange, leg, leg.refused(event_id))
        return True
    if _continues_no_more(exchange, leg, event_id):
        return True
    decisions = exchange.scheduler.rejected(event_id, exchange.now) if error.get("code") == ALREADY_ACTIVE else None
    exchange.carry_out(decisions or [])
    return decisions is not None


def _restore_in_words(exchange: "Exchange", leg: LegState, item_id: str | None) -> None:
    """Tell a leg of a turn that it would not hear again as of any other item."""
    creation = exchange.ledger.restored_item(item_id) if item_id is not None else None
    if item_id is not None and creation is not None:
        leg.restored.add(item_id)
        leg.send(encoded(exchange.own(creation)))


def _give_back(exchange: "Exchange", event_id: str) -> None:
    """An event was refused, and the client will see why."""
    sent = exchange.in_flight.refused(event_id)
    if sent is not None and sent.kind == CREATE:
        exchange.ledger.drop_pending(sent.item_id)
    exchange.carry_out(exchange.scheduler.failed(event_id))


def _continues_no_more(exchange: "Exchange", leg: LegState, event_id: str) -> bool:
    """A leg refuses to go on with a response: it ends for the client."""
    for response_id, continued in tuple(leg.continued.items()):
        if continued.event_id == event_id and continued.begun:
            return True  # the server began one of its own just before, which was taken for it
        if continued.event_id == event_id:
            del leg.continued[response_id]
            exchange.end_response(response_id, "failed", {"type": "failed", "error": LOST})
            return True
    return False


FROM_LEG = {"error": on_error}
