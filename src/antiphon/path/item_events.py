"""Events about items, both ways.

A leg that took over knows restored items by their words alone, and some not at all: what it could not answer for them
is answered here.
"""

# ruff: noqa: ARG001 - all handlers are called alike

from typing import TYPE_CHECKING, Any

from antiphon.path.events import ADDED, CREATE, DELETE, RETRIEVE, TRUNCATE, Event, decoded, encoded, text_in
from antiphon.path.in_flight import Sent
from antiphon.path.ledger.event_fields import text_of
from antiphon.path.leg_state import LegState

if TYPE_CHECKING:
    from antiphon.path.exchange import Exchange


def on_item_create(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    item = event.get("item")
    if isinstance(item, dict) and not isinstance(item.get("id"), str):
        # The answer does not repeat audio and pictures; with an id of ours it can be matched to them.
        event = {**event, "item": {**item, "id": exchange.ids.item()}}
        message = encoded(event)
    event, message = _placed(exchange, leg, event, message)
    item_id = text_in(event["item"].get("id")) if isinstance(item, dict) else None
    if item_id and item_id not in exchange.ledger:
        exchange.ledger.note_client(event["type"], event)
    exchange.news += 1
    exchange.pass_on(leg, exchange.track(event, message, item_id or ""))


def _placed(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> tuple[Event, bytes]:
    """Name a place that the leg knows, where the client names an item that this leg could not be told of."""
    previous = text_in(event.get("previous_item_id"))
    if previous not in leg.left_out or previous not in exchange.ledger:
        return event, message
    event = {**event, "previous_item_id": exchange.ledger.told_before(previous, _leaving(exchange))}
    return event, encoded(event)


def _leaving(exchange: "Exchange") -> set[str]:
    """Return the items whose deletion was asked for and not confirmed."""
    return {sent.item_id for sent in exchange.in_flight if sent.kind == DELETE}


def on_truncate(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    item_id = text_of(event, "item_id")
    end_ms: Any = event.get("audio_end_ms")
    index: Any = event.get("content_index", 0)
    if _answers(exchange, leg, TRUNCATE, item_id) and exchange.ledger.can_truncate(item_id, index, end_ms):
        _truncate_restored(exchange, leg, item_id, index, end_ms)
    else:
        exchange.pass_on(leg, exchange.track(event, message, item_id))


def _truncate_restored(
    exchange: "Exchange", leg: LegState, item_id: str, content_index: int, audio_end_ms: int
) -> None:
    """Cut an item of which this leg has the text alone: it could not."""
    exchange.emit(
        {
            "type": "conversation.item.truncated",
            "item_id": item_id,
            "content_index": content_index,
            "audio_end_ms": audio_end_ms,
        }
    )
    again = exchange.ledger.restored_item(item_id, _leaving(exchange))
    if again is None:
        return
    delete = exchange.own({"type": DELETE, "item_id": item_id})
    leg.own_deletes.append((delete["event_id"], item_id))
    leg.send(encoded(delete))
    leg.send(encoded(exchange.own(again)))


def on_retrieve(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    item_id = text_of(event, "item_id")
    item = exchange.ledger.shown_item(item_id) if _answers(exchange, leg, RETRIEVE, item_id) else None
    if item is None:
        exchange.pass_event(leg, event, message)
    else:
        exchange.notices.event({"type": "conversation.item.retrieved", "item": item})


def on_delete(exchange: "Exchange", leg: LegState, event: Event, message: bytes) -> None:
    item_id = text_of(event, "item_id")
    if _answers(exchange, leg, DELETE, item_id):
        exchange.emit({"type": "conversation.item.deleted", "item_id": item_id})
    else:
        exchange.pass_event(leg, event, message)


def _answers(exchange: "Exchange", leg: LegState, kind: str, item_id: str) -> bool:
    """Whether the ledger answers for a leg that has an item's words alone, or nothing of it."""
    if item_id not in exchange.ledger or not (item_id in leg.left_out or (item_id in leg.restored and kind != DELETE)):
        return False
    return item_id not in _leaving(exchange)


def send_again(exchange: "Exchange", leg: LegState, sent: Sent) -> None:
    """Send an event to a leg that no other leg answered."""
    event = decoded(sent.message) if sent.kind in FROM_CLIENT else None
    if event is None:
        leg.send(sent.message)
    elif sent.kind == CREATE:
        leg.send(_placed(exchange, leg, event, sent.message)[1])
    elif sent.item_id in leg.left_out or sent.item_id in leg.restored:
        exchange.in_flight.refused(sent.event_id)
        FROM_CLIENT[sent.kind](exchange, leg, event, sent.message)
    else:
        leg.send(sent.message)


def on_item(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
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
    exchange.in_flight.answered(CREATE, item_id)
    return exchange.ledger.placed(event, item_id) if event["type"] == ADDED else True


def on_retrieved(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    item = event.get("item")
    exchange.in_flight.answered(RETRIEVE, str(item.get("id")) if isinstance(item, dict) else "")
    return True


def on_truncated(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    exchange.in_flight.answered(TRUNCATE, str(event.get("item_id")))
    return True


def on_deleted(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    item_id = str(event.get("item_id"))
    own = next((one for one in leg.own_deletes if one[1] == item_id), None)
    if own is not None:
        leg.own_deletes.remove(own)
        return False
    leg.restored.discard(item_id)  # another item may get its id
    exchange.in_flight.answered(DELETE, item_id)
    return True


FROM_CLIENT = {
    CREATE: on_item_create,
    TRUNCATE: on_truncate,
    RETRIEVE: on_retrieve,
    DELETE: on_delete,
}
FROM_LEG = {
    ADDED: on_item,
    "conversation.item.created": on_item,
    "conversation.item.done": on_item,
    "conversation.item.retrieved": on_retrieved,
    "conversation.item.truncated": on_truncated,
    "conversation.item.deleted": on_deleted,
}
