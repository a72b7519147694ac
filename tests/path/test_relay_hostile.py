"""Clients that flood, servers that lie: nothing raises, nothing grows without bound, and whoever erred is told."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.path.in_flight import MOST_EVENTS
from antiphon.path.ledger.limits import OPEN_RESPONSES
from antiphon.path.legs import Cause, LegEnd
from antiphon.path.options import RelayOptions
from antiphon.path.scheduler import MOST_WAITING
from antiphon.session import SessionStart
from tests.fuzz.shapes import JSON_VALUES
from tests.fuzz.strategies import MESSAGES
from tests.fuzz.targets import ECHOED
from tests.path.kit import HANG, LOUD, QUIET, Call, FakeRoute
from tests.sdk_events import KNOWN_EXTRAS

Event = dict[str, Any]


class Unjudged(Call):
    """A call whose client looks at nothing: what a lying server says is the server's."""

    def send(self, message: bytes) -> None:
        self.events.append(json.loads(message))


def tell(call: Call, *events: Event | bytes) -> None:
    """Have the server say something."""
    for event in events:
        call.server.extra.append(event if isinstance(event, bytes) else json.dumps(event).encode())
    call.settle()


def finish(call: Call) -> None:
    """Let another server take the call over, twice, and time pass."""
    for _ in range(2):
        call.drop()
        call.wait(30.0)
    call.drop(LegEnd(Cause.EXPIRED, "it is over"))
    call.relay.close()


# --- clients that flood ---------------------------------------------------------------------------------------


def test_a_flood_while_no_leg_is_ready_is_refused_by_its_ids() -> None:
    call = Call(FakeRoute("first", HANG), options=RelayOptions(held_bytes=20_000))
    names = [f"mine_{number}" for number in range(400)]
    for name in names:
        call.say("Hello", event_id=name)
        call.hear((QUIET, 20))
    refused = [event["error"]["event_id"] for event in call.all_sent("error") if event["error"]["event_id"]]
    assert refused == names[-len(refused) :]
    call.routes[0].plan.clear()
    call.settle()
    kept = call.server.all_received("conversation.item.create")
    assert [event["event_id"] for event in kept] == names[: len(kept)]
    assert len(kept) + len(refused) == len(names)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "session.update", "session": {"type": "realtime", "instructions": "x" * 100}},
        {"type": "response.create", "response": {"conversation": "none"}},
        {"type": "conversation.item.delete", "item_id": "nothing"},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {"type": "response.cancel"},
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
        },
    ],
    ids=lambda fields: fields["type"],
)
def test_a_flood_at_a_server_that_never_answers_is_refused_by_its_ids(fields: Event) -> None:
    call = Call()
    call.server.deaf = True
    for number in range(MOST_EVENTS + 50):
        call.client(**{"kind": fields["type"]}, **{**_without_type(fields), "event_id": f"mine_{number}"})
    refused = [event["error"] for event in call.all_sent("error")]
    assert [error["event_id"] for error in refused] == [f"mine_{MOST_EVENTS + number}" for number in range(50)]
    assert {error["code"] for error in refused} == {"rate_limit_exceeded"}
    assert len(call.relay._exchange.in_flight) == MOST_EVENTS


def test_a_flood_of_responses_is_refused_by_its_ids() -> None:
    call = Call()
    call.server.deaf = True
    for number in range(50):
        call.client("response.create", event_id=f"mine_{number}", response={"instructions": f"Say {number}."})
    refused = [event["error"]["event_id"] for event in call.all_sent("error")]
    assert refused == [f"mine_{number}" for number in range(1 + MOST_WAITING, 50)]


def test_audio_that_no_server_ever_takes_is_bounded() -> None:
    call = Call(options=RelayOptions(kept_audio_bytes=200_000))
    call.configure(audio={"input": {"turn_detection": None}})
    call.server.deaf = True
    for _ in range(40):
        call.client("input_audio_buffer.append", audio=base64.b64encode(LOUD * 12_000).decode())
    kept = call.relay._exchange.ledger.pending_input()
    assert sum(map(len, kept)) <= 200_000


# --- clients that send anything -------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(MESSAGES, max_size=8), restored=st.booleans(), ready=st.booleans())
def test_no_client_event_raises(messages: list[bytes], restored: bool, ready: bool) -> None:
    call = Unjudged(FakeRoute("first", *([] if ready else [HANG])))
    if ready:
        call.client("conversation.item.create", item=_message("One two three."))
        call.client("conversation.item.create", item={**_message("x"), "id": "item_b"})
    if restored and ready:
        call.drop()
    with patch.dict(KNOWN_EXTRAS, ECHOED):
        for message in messages:
            call.client_raw(message)
        call.routes[0].plan.clear()
        call.settle()
        finish(call)


# --- servers that send anything -------------------------------------------------------------------------------


def _real_events() -> list[Event]:
    """Return events of each type as a real server sends them in a talk with all that there is."""
    call = Call()
    call.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    call.hear((LOUD, 600), (QUIET, 800))
    call.transcribe("Hello")
    call.generate("One.")
    call.speak()
    call.core.transcribe("Late.", call.sent("input_audio_buffer.committed")["item_id"])
    call.say("Call it.")
    call.client("response.create")
    call.core.call("clock", '{"zone":"UTC"}')
    call.settle()
    call.client("conversation.item.retrieve", item_id=call.sent("conversation.item.added")["item"]["id"])
    call.client("conversation.item.delete", item_id=call.sent("conversation.item.added")["item"]["id"])
    call.client("conversation.item.delete", item_id="nothing", event_id="mine")
    call.client("input_audio_buffer.clear")
    events: dict[str, Event] = {}
    for event in call.core.events:
        events.setdefault(event["type"], event)
    return list(events.values())


REAL = _real_events()
ABSURD = [
    *JSON_VALUES,
    -(2**63),
    2**63,
    1e308,
    "x" * 5_000,
    "item_a",
    {"id": "item_a"},
    {"id": 5},
    [{"type": 5}],
    False,
]


@st.composite
def lies(draw: st.DrawFn) -> Event:
    """Return a real event in which up to three values, at any depth, are others."""
    event: Event = json.loads(json.dumps(draw(st.sampled_from(REAL))))
    for _ in range(draw(st.integers(0, 3))):
        paths = [path for path in _paths(event) if path != ("type",)]
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        node: Any = event
        for key in way:
            node = node[key]
        if draw(st.booleans()) or isinstance(node, list):
            node[last] = json.loads(json.dumps(draw(st.sampled_from(ABSURD))))
        else:
            del node[last]
    return event


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, node in inner:
        yield (*path, key)
        yield from _paths(node, (*path, key))


def test_the_examples_are_of_nearly_all_types() -> None:
    assert len(REAL) >= 22


@settings(max_examples=250, deadline=None)
@given(told=st.lists(lies(), max_size=10), restored=st.booleans(), asked=st.booleans(), speaks=st.booleans())
def test_no_server_event_raises(told: list[Event], restored: bool, asked: bool, speaks: bool) -> None:
    call = Unjudged()
    call.client("conversation.item.create", item={**_message("One."), "id": "item_a"})
    if asked:
        call.client("response.create")
        call.core.generate("One. Two.", done=False)
        call.settle()
    if speaks:
        call.hear((LOUD, 600))
    if restored:
        call.drop()
    tell(call, *told)
    call.client("response.create")
    call.client("session.update", session=5)
    call.client("conversation.item.truncate", item_id="item_a", content_index=0, audio_end_ms=5)
    tell(call, *told)
    finish(call)


@settings(max_examples=100, deadline=None)
@given(told=st.lists(lies(), max_size=5), ready=st.booleans())
def test_no_first_words_of_a_server_raise(told: list[Event], ready: bool) -> None:
    """Before the client has its session: while the leg begins, and while it is configured."""
    start = SessionStart("gpt-realtime", extensions=True, asked={"instructions": "Be brief."})
    call = Unjudged(FakeRoute("first", HANG), start=start)
    state, server = call._states[0]
    if ready:
        server.accept(call.now)
        call.relay.leg_received(state, json.dumps(server.core.events[0]).encode(), call.now)  # type: ignore[union-attr]
    for event in told:
        if server.core is None and isinstance(event.get("session"), dict):
            server.accept(call.now)
        call.relay.leg_received(state, json.dumps(event).encode(), call.now)
    call.relay.close()


# --- servers that lie -----------------------------------------------------------------------------------------


def test_a_server_that_begins_its_session_again_is_not_believed() -> None:
    call = Call()
    tell(call, {**call.core.events[0], "event_id": "event_again"})
    assert len(call.all_sent("session.created")) == 1


def test_responses_that_never_end_are_bounded() -> None:
    call = Unjudged()
    created = next(event for event in REAL if event["type"] == "response.created")
    added = next(event for event in REAL if event["type"] == "response.output_item.added")
    for number in range(3 * OPEN_RESPONSES):
        call.client("response.create", response={"conversation": "none"})
        name = f"resp_{number % (2 * OPEN_RESPONSES)}"
        response = {**created["response"], "id": name, "conversation_id": None}
        tell(call, {**created, "event_id": f"event_{number}", "response": response})
        item = {**added["item"], "id": f"item_{number}"}
        tell(call, {**added, "event_id": f"event_i{number}", "response_id": name, "item": item})
    exchange = call.relay._exchange
    assert len(exchange.ledger.responses) <= OPEN_RESPONSES
    assert len(exchange.asks) <= 256
    assert len(exchange.ledger._responses._items) <= OPEN_RESPONSES


def test_items_without_end_are_bounded() -> None:
    call = Unjudged()
    added = next(event for event in REAL if event["type"] == "conversation.item.added")
    for number in range(600):
        item = {**added["item"], "id": f"item_{number}", "content": [{"type": "input_text", "text": "word " * 200}]}
        call.relay.leg_received(
            call._states[0][0],
            json.dumps({**added, "event_id": f"event_{number}", "previous_item_id": None, "item": item}).encode(),
            call.now,
        )
    assert call.relay._exchange.ledger._entries.tokens < 100_000
    call.drop()
    assert sum(len(json.dumps(event)) for event in call.server.received) < 400_000


def test_items_in_a_circle_are_all_kept() -> None:
    call = Unjudged()
    added = next(event for event in REAL if event["type"] == "conversation.item.added")
    for name, previous in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")):
        tell(
            call,
            {**added, "event_id": f"event_{name}", "previous_item_id": previous, "item": {**added["item"], "id": name}},
        )
    assert {entry.id for entry in call.relay._exchange.ledger.items()} == {"a", "b", "c"}
    finish(call)


def test_a_server_that_refuses_all_that_it_is_told_still_serves() -> None:
    """And what it calls the next item is not taken for one of those that it refused."""
    call = Call()
    call.configure(instructions="Be brief.", output_modalities=["text"])
    long_id = "item_" + "x" * 40
    item = {**_message("Kept."), "id": long_id, "status": "completed"}
    for kind in ("conversation.item.added", "conversation.item.done"):
        tell(call, {"type": kind, "event_id": f"event_{kind}", "previous_item_id": None, "item": item})
    call.say("And this.")
    call.routes[0].most_words = 1
    call.drop()
    restoring = [event for event in call.server.received if event["event_id"].startswith("antiphon_")]
    assert [event["type"] for event in restoring] == ["session.update", *["conversation.item.create"] * 2]
    assert call.server.core is not None
    call.server.core.events.clear()
    call.server.told = call.server.most_words = 0
    call.server.mute = False
    call.forget()
    for event in restoring:
        error = {"type": "invalid_request_error", "code": "no", "message": "No.", "param": None}
        tell(
            call,
            {
                "type": "error",
                "event_id": f"event_{event['event_id']}",
                "error": {**error, "event_id": event["event_id"]},
            },
        )
    assert call.events == []
    call.say("Hello", event_id="mine")
    assert call.sent("conversation.item.added")["item"]["content"][0]["text"] == "Hello"
    call.client("response.create")
    call.generate("Hi.")
    assert call.all_sent("response.created")
    assert len(call.relay._exchange.in_flight) == 0


def test_a_user_who_interrupts_while_a_server_is_told_slowly_is_heard() -> None:
    call = Call()
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(1000)
    response_id = call.sent("response.created")["response"]["id"]
    call.routes[0].most_words = 1
    call.drop()
    call.client("response.cancel", response_id=response_id, event_id="mine")
    call.hear((LOUD, 700), (QUIET, 800))
    call.server.mute, call.server.most_words = False, 0
    call.settle()
    done = [event["response"] for event in call.all_sent("response.done")]
    assert [(each["id"], each["status"]) for each in done] == [(response_id, "cancelled")]
    # The user's own voice may have been faster.
    assert {event["error"]["code"] for event in call.all_sent("error")} <= {"response_cancel_not_active"}
    assert len(call.all_sent("input_audio_buffer.committed")) == 1
    assert len(call.all_sent("response.created")) == 2


def _message(text: str) -> Event:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _without_type(fields: Event) -> Event:
    return {key: value for key, value in fields.items() if key != "type"}
