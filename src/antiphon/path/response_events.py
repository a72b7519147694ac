"""Events about responses, both ways: one at a time, and some begun on another leg."""

# ruff: noqa: ARG001 - all handlers are called alike

from typing import TYPE_CHECKING

from antiphon.path.events import CANCEL, RESPOND, Event, decoded
from antiphon.path.leg_state import LegState
from antiphon.path.scheduler import Ask

MOST_ASKS = 256

if TYPE_CHECKING:
    from antiphon.path.exchange import Exchange


def on_response_create(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    options = event.get("response")
    options = options if isinstance(options, dict) else {}
    sent = exchange.track(event, message)
    if options.get("conversation") == "none":
        exchange.pass_on(leg, sent)
        return
    is_bare = all(value is None or name == "metadata" for name, value in options.items())
    is_redundant = is_bare and exchange.news == exchange.answered_news
    ask = Ask(sent.event_id, sent.is_ours, sent.message, options, is_redundant)
    exchange.carry_out(exchange.scheduler.request(ask))


def on_cancel(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    sent = exchange.track(event, message)
    exchange.in_flight.add(sent)
    exchange.cancel(leg, event, sent.message)


def on_response_created(exchange: "Exchange", leg: LegState, event: Event) -> bool:
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
    _credit(exchange, response_id, in_conversation)
    return True


def _credit(exchange: "Exchange", response_id: str, in_conversation: bool) -> None:
    """Note what a response was asked for with, so that it can be asked for again."""
    if in_conversation:
        ask = exchange.scheduler.created(response_id)
        if ask is not None:
            exchange.asks[response_id] = ask.options
        return
    sent = exchange.in_flight.answered(RESPOND)
    event = decoded(sent.message) if sent else None
    options = event.get("response") if event is not None else None
    if event is not None:
        exchange.asks[response_id] = options if isinstance(options, dict) else {}
    while len(exchange.asks) > MOST_ASKS:  # a server that ends none of them
        del exchange.asks[next(iter(exchange.asks))]


def on_response_done(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    response = event.get("response")
    if not isinstance(response, dict):
        return False
    continued = leg.continued.pop(str(response.get("id")), None)
    if continued is None or not continued.earlier:
        return True
    return {**event, "response": {**response, "output": [*continued.earlier, *(response.get("output") or [])]}}


def after_response_done(exchange: "Exchange", event: Event) -> None:
    response = event["response"]
    response_id = str(response.get("id"))
    exchange.asks.pop(response_id, None)
    exchange.in_flight.answered(CANCEL)
    exchange.give_up_transcripts()
    details = response.get("status_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    exchange.carry_out(exchange.scheduler.done(response_id, interrupted=reason == "turn_detected"))


FROM_CLIENT = {RESPOND: on_response_create, CANCEL: on_cancel}
FROM_LEG = {"response.created": on_response_created, "response.done": on_response_done}
# What is done once the client has the event.
AFTER = {"response.done": after_response_done}
