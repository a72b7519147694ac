"""A server of the beta shape, spoken to in GA.

The tables are those that serve beta clients, used the other way round. Audio goes by untouched.

Source: Realtime API, beta; PROTOCOL's table of server events and its sequences.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from antiphon.protocol import server_events as server
from antiphon.protocol.beta.dialect import NAMES
from antiphon.protocol.beta.inward import ga_error, ga_item, ga_response, ga_session
from antiphon.protocol.beta.outward import beta_item, beta_options, beta_session
from antiphon.protocol.beta.sessions import REALTIME, SHAPES, SessionShape
from antiphon.protocol.codec import tag_of
from antiphon.protocol.heads import retyped, type_of

Event = dict[str, Any]

# Events that have another name in GA, and are alike but for that.
_RENAMED: dict[str, bytes] = {
    name.decode(): tag_of(event)
    for event, name in NAMES.items()
    if name != tag_of(event) and event is not server.ConversationItemAdded
}
_FAULTS = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
_UNCOUNTED = {"type": "duration", "seconds": 0}


class BetaUpstream:
    """Between one connection to a beta server and those who speak GA to it.

    A message that is no event, or of a type that has no other form in the other shape, passes as it is.

    Args:
        shape: The kind of session.
    """

    def __init__(self, shape: SessionShape = REALTIME) -> None:
        self._shape = shape
        self._conversation_id: str | None = None
        self._response_of: dict[str, str] = {}  # of items that responses are making
        self._names: dict[str, str] = {}  # of the functions that are being called, by item
        # Items that are in the conversation and not done, and what each stands behind.
        self._previous: dict[str, str | None] = {}

    # --- to the server ------------------------------------------------------------------------------------------

    def to_upstream(self, message: bytes) -> Sequence[bytes]:
        """Return a client event of GA as messages for the server."""
        rewrite = _REQUESTS.get(type_of(message))
        event = None if rewrite is None else _parsed(message)
        if rewrite is None or event is None:
            return (message,)
        return (_encoded(rewrite(self, event), message),)

    def _tell_update(self, event: Event) -> Event:
        return {**event, "type": self._shape.update, "session": beta_session(self._shape, event.get("session"))}

    def _tell_item(self, event: Event) -> Event:
        return {**event, "item": beta_item(event.get("item"))}

    def _tell_response(self, event: Event) -> Event:
        return {**event, "response": beta_options(event["response"])} if event.get("response") else event

    # --- from the server ----------------------------------------------------------------------------------------

    def from_upstream(self, message: bytes) -> Sequence[bytes]:
        """Return a server event of the beta shape as GA events."""
        kind = type_of(message)
        if (name := _RENAMED.get(kind)) is not None:
            return (_renamed(message, name),)
        rewrite = _ANSWERS.get(kind)
        event = None if rewrite is None else _parsed(message)
        if rewrite is None or event is None:
            return (message,)
        return [_encoded(each, message) for each in rewrite(self, event)]

    def _take_created(self, event: Event) -> Sequence[Event]:
        session = _mapping(event.get("session"))
        if self._shape.converses and self._conversation_id is None and session.get("id"):
            # For servers that announce no conversation.
            self._conversation_id = "conv_" + str(session["id"]).removeprefix("sess_")
        return [{**event, "type": "session.created", "session": ga_session(self._shape, session)}]

    def _take_updated(self, event: Event) -> Sequence[Event]:
        session = ga_session(self._shape, _mapping(event.get("session")))
        return [{**event, "type": "session.updated", "session": session}]

    def _take_conversation(self, event: Event) -> Sequence[Event]:
        self._conversation_id = _mapping(event.get("conversation")).get("id") or self._conversation_id
        return []

    def _take_item_created(self, event: Event) -> Sequence[Event]:
        item, previous = ga_item(event.get("item")), event.get("previous_item_id")
        added = {**event, "type": "conversation.item.added", "previous_item_id": previous, "item": item}
        item_id = _id_of(item)
        if item_id in self._response_of or _mapping(item).get("status") == "in_progress":
            self._previous[item_id] = previous
            return [added]
        return [added, _item_done(previous, item)]

    def _take_item(self, event: Event) -> Sequence[Event]:
        return [{**event, "item": ga_item(event.get("item"))}]

    def _take_output_added(self, event: Event) -> Sequence[Event]:
        item = ga_item(event.get("item"))
        self._response_of[_id_of(item)] = str(event.get("response_id"))
        if (name := _mapping(item).get("name")) is not None:
            self._names[_id_of(item)] = name
        return [{**event, "item": item}]

    def _take_output_done(self, event: Event) -> Sequence[Event]:
        item = ga_item(event.get("item"))
        return [*self._finished(item), {**event, "item": item}]

    def _finished(self, item: Any) -> Sequence[Event]:
        item_id = _id_of(item)
        self._response_of.pop(item_id, None)
        self._names.pop(item_id, None)
        if item_id not in self._previous:  # a response outside the conversation
            return []
        return [_item_done(self._previous.pop(item_id), item)]

    def _take_arguments(self, event: Event) -> Sequence[Event]:
        return [{**event, "name": event.get("name") or self._names.get(str(event.get("item_id")), "")}]

    def _take_response(self, event: Event) -> Sequence[Event]:
        return [{**event, "response": ga_response(_mapping(event.get("response")), self._conversation_id)}]

    def _take_response_done(self, event: Event) -> Sequence[Event]:
        [done] = self._take_response(event)
        response = done["response"]
        # For servers that leave items open when a response is cut short.
        late = [each for item in response["output"] for each in self._finished(item)]
        for item_id in [each for each, owner in self._response_of.items() if owner == str(response["id"])]:
            self._finished({"id": item_id})
        return [*late, done]

    def _take_transcript(self, event: Event) -> Sequence[Event]:
        return [{**event, "usage": event.get("usage") or _UNCOUNTED}]

    def _take_transcript_failed(self, event: Event) -> Sequence[Event]:
        # agents-js drops the event when a field is null.
        error = {key: value for key, value in _mapping(event.get("error")).items() if value is not None}
        return [{**event, "error": error}]

    def _take_error(self, event: Event) -> Sequence[Event]:
        return [{**event, "error": ga_error(event.get("error"))}]


_REQUESTS: dict[str, Callable[[BetaUpstream, Event], Event]] = {
    "session.update": BetaUpstream._tell_update,
    "conversation.item.create": BetaUpstream._tell_item,
    "response.create": BetaUpstream._tell_response,
}
_ANSWERS: dict[str, Callable[[BetaUpstream, Event], Sequence[Event]]] = {
    **{shape.created.decode(): BetaUpstream._take_created for shape in SHAPES.values()},
    **{shape.updated.decode(): BetaUpstream._take_updated for shape in SHAPES.values()},
    "conversation.created": BetaUpstream._take_conversation,
    "conversation.item.created": BetaUpstream._take_item_created,
    "conversation.item.retrieved": BetaUpstream._take_item,
    "conversation.item.input_audio_transcription.completed": BetaUpstream._take_transcript,
    "conversation.item.input_audio_transcription.failed": BetaUpstream._take_transcript_failed,
    "response.created": BetaUpstream._take_response,
    "response.done": BetaUpstream._take_response_done,
    "response.output_item.added": BetaUpstream._take_output_added,
    "response.output_item.done": BetaUpstream._take_output_done,
    "response.function_call_arguments.done": BetaUpstream._take_arguments,
    "error": BetaUpstream._take_error,
}


def _item_done(previous: Any, item: Any) -> Event:
    event_id = f"event_done_{_id_of(item)}"  # items are done once
    return {"type": "conversation.item.done", "event_id": event_id, "previous_item_id": previous, "item": item}


def _parsed(message: bytes) -> Event | None:
    try:
        event = msgspec.json.decode(message)
    except _FAULTS:
        return None
    return event if isinstance(event, dict) else None


def _encoded(event: Event, original: bytes) -> bytes:
    try:
        return msgspec.json.encode(event)
    except _FAULTS:
        return original


def _renamed(message: bytes, name: bytes) -> bytes:
    try:
        return retyped(message, name)
    except _FAULTS:
        return message


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _id_of(item: Any) -> str:
    return str(_mapping(item).get("id"))
