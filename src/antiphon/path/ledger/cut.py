"""The events that end a response whose leg was lost, in the order in which a server would have sent them.

They come without `event_id`. The ledger must be told of them like of a server's; making them has not changed it.

Source: PROTOCOL.md 3.4, an interruption over WebSocket.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from antiphon.path.ledger.open_response import OpenItem, OpenResponse

Event = dict[str, Any]


def endings(response: OpenResponse, status: str, details: Mapping[str, Any] | None) -> list[Event]:
    """Return what ends a response: its open items, each incomplete with what was sent of it, then `response.done`.

    Args:
        response: As far as it came.
        status: The response's: `cancelled`, `failed`, `incomplete` or `completed`.
        details: Its `status_details`.
    """
    done = {
        **response.response,
        "status": status,
        "status_details": None if details is None else dict(details),
        "output": [item.shown() for item in response.items],
        "usage": None,
    }
    return [*endings_of_open_items(response), {"type": "response.done", "response": done}]


def endings_of_open_items(response: OpenResponse) -> list[Event]:
    """Return what ends the open items alone, so that another leg may go on with further ones."""
    return [event for item in response.items if not item.is_done for event in _endings_of_item(response, item)]


def _endings_of_item(response: OpenResponse, item: OpenItem) -> Iterator[Event]:
    """Yield the closing events of one item that it still lacks.

    A call whose arguments are not complete gets no `function_call_arguments.done`: clients run the tool at it.
    """
    for index in sorted(item.parts):
        if not item.parts[index].is_done:
            yield from _endings_of_part(response, item, index)
    shown = item.shown()
    if item.in_conversation and not item.is_settled:
        yield {"type": "conversation.item.done", "previous_item_id": item.previous_item_id, "item": shown}
    place = {"response_id": response.id, "output_index": item.output_index}
    yield {"type": "response.output_item.done", **place, "item": shown}


def _endings_of_part(response: OpenResponse, item: OpenItem, index: int) -> Iterator[Event]:
    part, text = item.parts[index], item.part_text(index)
    place = {
        "response_id": response.id,
        "item_id": item.id,
        "output_index": item.output_index,
        "content_index": index,
    }
    if part.is_audio:
        if not part.audio_done:
            yield {"type": "response.output_audio.done", **place}
        if not part.text_done:
            yield {"type": "response.output_audio_transcript.done", **place, "transcript": text}
        yield {"type": "response.content_part.done", **place, "part": {"type": "audio", "transcript": text}}
    else:
        if not part.text_done:
            yield {"type": "response.output_text.done", **place, "text": text}
        yield {"type": "response.content_part.done", **place, "part": {"type": "text", "text": text}}
