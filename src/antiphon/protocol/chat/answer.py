"""A response's events as the pieces of a chat answer: text, function calls, and how it ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from antiphon.protocol.chat.failures import ChatError, failure_of
from antiphon.protocol.chat.mappings import mapping_of

Event = Mapping[str, Any]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True)
class TextPiece:
    text: str


@dataclass(frozen=True)
class CallBegun:
    """A function is called; its arguments follow. `index` counts the calls of an answer."""

    index: int
    call_id: str
    name: str


@dataclass(frozen=True)
class CallArguments:
    index: int
    text: str


@dataclass(frozen=True)
class Finished:
    """The end of an answer; `usage` as the Realtime API counts it, None where the model's server does not."""

    reason: FinishReason
    usage: Event | None


Piece = TextPiece | CallBegun | CallArguments | Finished

TEXT_DELTAS = ("response.output_text.delta", "response.output_audio_transcript.delta")
TEXT_ENDS = {"response.output_text.done": "text", "response.output_audio_transcript.done": "transcript"}
ITEM_ADDED = "response.output_item.added"
ARGUMENTS_DELTA = "response.function_call_arguments.delta"
ARGUMENTS_DONE = "response.function_call_arguments.done"
RESPONSE_DONE = "response.done"

EVENTS = frozenset({*TEXT_DELTAS, *TEXT_ENDS, ITEM_ADDED, ARGUMENTS_DELTA, ARGUMENTS_DONE, RESPONSE_DONE})


@dataclass
class _Call:
    index: int
    sent: int = 0  # characters of its arguments


class Answer:
    """One answer while it is made. What a server does not stream is taken from the events that end a part."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, Any], int] = {}  # characters of each part of each message
        self._calls: dict[str, _Call] = {}  # by item

    def receive(self, event: Event) -> Iterator[Piece]:
        """Yield what an event of the response adds.

        Raises:
            ChatError: The response did not come to its end.
        """
        kind = event.get("type")
        if kind in TEXT_DELTAS:
            yield from self._add_text(event, str(event.get("delta") or ""))
        elif kind in TEXT_ENDS:
            text = str(event.get(TEXT_ENDS[kind]) or "")
            yield from self._add_text(event, text[self._sent.get(_part_of(event), 0) :])
        elif kind == ITEM_ADDED:
            item = mapping_of(event.get("item"))
            if item.get("type") == "function_call":
                yield from self._begin_call(str(item.get("id")), item)
        elif kind == ARGUMENTS_DELTA:
            yield from self._add_arguments(event, str(event.get("delta") or ""))
        elif kind == ARGUMENTS_DONE:
            yield from self._end_call(event)
        elif kind == RESPONSE_DONE:
            yield self._end(mapping_of(event.get("response")))

    def _add_text(self, event: Event, text: str) -> Iterator[Piece]:
        if not text:
            return
        part = _part_of(event)
        if part not in self._sent and self._sent:
            yield TextPiece("\n")  # between what are separate messages to the Realtime API
        self._sent[part] = self._sent.get(part, 0) + len(text)
        yield TextPiece(text)

    def _begin_call(self, item_id: str, call: Event) -> Iterator[Piece]:
        if item_id not in self._calls and call.get("name"):
            begun = self._calls[item_id] = _Call(len(self._calls))
            yield CallBegun(begun.index, str(call.get("call_id")), str(call["name"]))

    def _add_arguments(self, event: Event, text: str) -> Iterator[Piece]:
        call = self._calls.get(str(event.get("item_id")))
        if call is not None and text:
            call.sent += len(text)
            yield CallArguments(call.index, text)

    def _end_call(self, event: Event) -> Iterator[Piece]:
        item_id = str(event.get("item_id"))
        yield from self._begin_call(item_id, event)
        call = self._calls.get(item_id)
        if call is not None:
            yield from self._add_arguments(event, str(event.get("arguments") or "")[call.sent :])

    def _end(self, response: Event) -> Finished:
        details = mapping_of(response.get("status_details"))
        usage = response.get("usage")
        match response.get("status"):
            case "completed":
                reason: FinishReason = "tool_calls" if self._calls else "stop"
            case "incomplete":
                reason = "content_filter" if details.get("reason") == "content_filter" else "length"
            case "cancelled":
                raise _cancelled(details)
            case _:
                raise failure_of(mapping_of(details.get("error")), is_request=False)
        return Finished(reason, usage if isinstance(usage, Mapping) else None)


def _cancelled(details: Event) -> ChatError:
    if details.get("reason") == "turn_detected":
        return ChatError(409, "The answer was cancelled, because the user began to speak.", "response_cancelled")
    return ChatError(409, "The answer was cancelled before its end.", "response_cancelled")


def _part_of(event: Event) -> tuple[str, Any]:
    return str(event.get("item_id")), event.get("content_index")
