"""What any client may count on, checked event by event: a client that believes all that it is told."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass
class _Part:
    """A content part of an output item: which of its closing events came."""

    done: set[str] = field(default_factory=set)


@dataclass
class _Output:
    """An output item of a response."""

    index: int
    is_done: bool = False
    parts: dict[int, _Part] = field(default_factory=dict)


@dataclass
class _Response:
    """A response that was created and is not done."""

    items: dict[str, _Output] = field(default_factory=dict)
    last_index: int = -1


class Judge:
    """A client's picture of its session; raises `AssertionError` at the first event that does not fit into it."""

    def __init__(self) -> None:
        self.order: list[str] = []  # ids of the conversation's items, rebuilt from `previous_item_id`
        self.items: dict[str, Event] = {}  # as they were shown last
        self.deleted: set[str] = set()
        self.responses: dict[str, _Response] = {}
        self.finished: dict[str, Event] = {}  # responses that are done
        self.errors: Counter[str] = Counter()
        self.error_codes: dict[str, str] = {}
        self.speech: dict[str, str] = {}  # item id: started, stopped or committed
        self.committed: list[str] = []
        self._sessions: set[str] = set()
        self._created = 0
        self._event_ids: set[str] = set()
        self._shown: set[str] = set()  # ids that the client was told of
        self._done: set[str] = set()

    def hear(self, event: Event) -> None:
        """Take the next event."""
        kind = event["type"]
        assert event["event_id"] not in self._event_ids, f"{event['event_id']} came twice"
        self._event_ids.add(event["event_id"])
        handler = getattr(self, "_on_" + kind.replace(".", "_"), None)
        if handler is not None:
            handler(event)
        elif kind.startswith("response."):
            self._on_piece(kind, event)
        elif "item_id" in event and not kind.startswith("antiphon."):
            assert event["item_id"] in self._shown, f"{kind} names an item that nobody was told of"

    # --- the session ------------------------------------------------------------------------------------------

    def _on_session_created(self, event: Event) -> None:
        self._created += 1
        assert self._created == 1, "session.created came twice"
        self._on_session_updated(event)

    def _on_session_updated(self, event: Event) -> None:
        self._sessions.add(event["session"]["id"])
        assert len(self._sessions) == 1, "the session's id changed"

    def _on_error(self, event: Event) -> None:
        event_id = event["error"]["event_id"]
        if event_id is not None:
            assert not event_id.startswith("antiphon"), "an id of ours is shown"
            self.errors[event_id] += 1
            self.error_codes[event_id] = event["error"]["code"]
            assert self.errors[event_id] == 1, f"a second error for {event_id}"

    # --- the user's audio -------------------------------------------------------------------------------------

    def _on_input_audio_buffer_speech_started(self, event: Event) -> None:
        assert event["item_id"] not in self.speech, "speech began twice"
        self.speech[event["item_id"]] = "started"
        self._shown.add(event["item_id"])

    def _on_input_audio_buffer_speech_stopped(self, event: Event) -> None:
        assert self.speech.get(event["item_id"]) == "started", "speech stopped that did not run"
        self.speech[event["item_id"]] = "stopped"

    def _on_input_audio_buffer_timeout_triggered(self, event: Event) -> None:
        self._shown.add(event["item_id"])

    def _on_input_audio_buffer_committed(self, event: Event) -> None:
        assert event["item_id"] not in self.committed, "a turn was committed twice"
        self.speech[event["item_id"]] = "committed"
        self.committed.append(event["item_id"])
        self._shown.add(event["item_id"])

    # --- the conversation -------------------------------------------------------------------------------------

    def _on_conversation_item_added(self, event: Event) -> None:
        item_id, previous = event["item"]["id"], event.get("previous_item_id")
        assert item_id not in self.items, f"{item_id} was added twice"
        assert previous is None or previous in self._shown, f"{item_id} was added behind an unknown item"
        if previous is None:
            self.order.insert(0, item_id)
        elif previous in self.order:
            self.order.insert(self.order.index(previous) + 1, item_id)
        else:
            self.order.append(item_id)
        self.items[item_id] = event["item"]
        self._shown.add(item_id)
        self.deleted.discard(item_id)

    def _on_conversation_item_done(self, event: Event) -> None:
        item_id = event["item"]["id"]
        assert item_id in self._shown, f"{item_id} was done and not added"
        assert item_id not in self._done, f"{item_id} was done twice"
        self._done.add(item_id)
        self.items[item_id] = event["item"]

    def _on_conversation_item_deleted(self, event: Event) -> None:
        assert event["item_id"] in self.items, "an item was deleted that was not there"
        self.order.remove(event["item_id"])
        self.deleted.add(event["item_id"])
        del self.items[event["item_id"]]
        self._done.discard(event["item_id"])

    # --- responses --------------------------------------------------------------------------------------------

    def _on_response_created(self, event: Event) -> None:
        response_id = event["response"]["id"]
        assert response_id not in self.responses, f"{response_id} was created twice"
        assert response_id not in self.finished, f"{response_id} was created after its end"
        self.responses[response_id] = _Response()

    def _on_response_done(self, event: Event) -> None:
        response = event["response"]
        running = self.responses.pop(response["id"], None)
        assert running is not None, f"{response['id']} was done and did not run"
        assert all(item.is_done for item in running.items.values()), "a response ended before its items"
        assert [item["id"] for item in response["output"]] == list(running.items)
        self.finished[response["id"]] = response

    def _on_response_output_item_added(self, event: Event) -> None:
        response = self._running(event)
        item_id, index = event["item"]["id"], event["output_index"]
        assert item_id not in response.items, f"{item_id} was added to its response twice"
        assert index == response.last_index + 1, f"output_index {index} after {response.last_index}"
        response.last_index = index
        response.items[item_id] = _Output(index)
        self._shown.add(item_id)

    def _on_response_output_item_done(self, event: Event) -> None:
        item = self._running(event).items[event["item"]["id"]]
        assert not item.is_done, "an output item was done twice"
        assert item.index == event["output_index"]
        assert all("content_part" in part.done for part in item.parts.values()), "an item ended before its parts"
        item.is_done = True

    def _on_response_content_part_added(self, event: Event) -> None:
        item = self._open_item(event)
        assert event["content_index"] not in item.parts, "a content part was added twice"
        item.parts[event["content_index"]] = _Part()

    def _on_piece(self, kind: str, event: Event) -> None:
        """A delta, or the end of what deltas tell."""
        item = self._open_item(event)
        what, _, how = kind.removeprefix("response.").partition(".")
        part = item.parts.setdefault(0, _Part()) if "function_call" in what else item.parts[event["content_index"]]
        assert what not in part.done, f"{kind} after its end"
        assert "content_part" not in part.done, f"{kind} after its part"
        if how == "done":
            part.done.add("content_part" if "function_call" in what else what)

    def _running(self, event: Event) -> _Response:
        response = self.responses.get(event["response_id"])
        assert response is not None, f"{event['type']} of a response that does not run"
        return response

    def _open_item(self, event: Event) -> _Output:
        item = self._running(event).items.get(event["item_id"])
        assert item is not None, f"{event['type']} of an item that nobody was told of"
        assert not item.is_done, f"{event['type']} after the item's end"
        assert item.index == event["output_index"], "output_index changed"
        return item
