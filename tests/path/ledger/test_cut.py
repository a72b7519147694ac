"""How a response ends whose leg was lost: in the events of an interruption, with what was sent so far."""

import json
from typing import Any

import pytest

from antiphon.path.ledger import LedgerLimits, OpenResponse
from antiphon.path.ledger.cut import endings, endings_of_open_items
from tests.path.ledger.kit import Conversation, response_object
from tests.sdk_events import check_server_event

FAILED = {"type": "failed", "error": {"type": "server_error", "code": "lost", "message": "lost"}}
SPOKEN_CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
]


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def types(events: list[dict[str, Any]]) -> list[str]:
    for event in events:
        check_server_event({"event_id": "event_1", **event})
    return [event["type"] for event in events]


def response_of(talk: Conversation) -> OpenResponse:
    [response] = talk.ledger.responses.values()
    return response


def test_a_response_that_said_nothing_just_ends(talk: Conversation) -> None:
    talk.created()
    [done] = endings(response_of(talk), "failed", FAILED)
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"] == FAILED
    assert done["response"]["output"] == []


def test_a_spoken_answer_ends_as_an_interruption_ends_it(talk: Conversation) -> None:
    talk.say("Hello")
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "Good morning to", ms=700)
    events = endings(response_of(talk), "cancelled", {"type": "cancelled", "reason": "turn_detected"})
    assert types(events) == [*SPOKEN_CLOSING, "response.done"]
    assert events[1]["transcript"] == "Good morning to "
    assert events[2]["part"] == {"type": "audio", "transcript": "Good morning to "}
    assert events[3]["previous_item_id"] == "item_1"
    item = events[4]["item"]
    assert item["status"] == "incomplete"
    assert item["content"] == [{"type": "output_audio", "transcript": "Good morning to "}]
    assert events[3]["item"] == item
    assert events[5]["response"]["output"] == [item]
    assert all(event.get("response_id", response_id) == response_id for event in events)


def test_response_done_has_the_keys_of_response_created_in_their_order(talk: Conversation) -> None:
    response_id = talk.created()
    [done] = endings(response_of(talk), "failed", FAILED)
    assert list(done["response"]) == list(response_object(response_id))
    assert done["response"]["metadata"] == {"topic": "x"}
    assert done["response"]["usage"] is None


def test_a_text_answer_ends_with_its_text(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id, kind="text")
    talk.stream(response_id, item_id, "Four bed", kind="output_text")
    events = endings(response_of(talk), "failed", FAILED)
    assert types(events) == [
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[0]["text"] == "Four bed "
    assert events[3]["item"]["content"] == [{"type": "output_text", "text": "Four bed "}]


def test_only_what_was_not_sent_yet_is_sent(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "Good morning")
    place = talk.place(response_id, item_id)
    sent: list[tuple[str, dict[str, Any]]] = [
        ("response.output_audio.done", {}),
        ("response.output_audio_transcript.done", {"transcript": "Good morning"}),
        ("response.content_part.done", {"part": {"type": "audio", "transcript": "Good morning"}}),
    ]
    for count, (kind, fields) in enumerate(sent, 1):
        talk.server(kind, **place, **fields)
        assert types(endings_of_open_items(response_of(talk))) == SPOKEN_CLOSING[count:]
    content = [{"type": "output_audio", "transcript": "Good morning"}]
    item = {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": content}
    talk.server("conversation.item.done", previous_item_id=None, item=item)
    [last] = endings_of_open_items(response_of(talk))
    assert last["type"] == "response.output_item.done"
    assert last["item"] == item  # it was shown as done: it stays that


def test_a_call_cut_in_its_arguments_is_never_run(talk: Conversation) -> None:
    """No `function_call_arguments.done`, at which clients run the tool, and it is not restored."""
    response_id = talk.created()
    item_id = talk.open_call(response_id, "book", "call_1")
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "call_id": "call_1"}
    talk.server("response.function_call_arguments.delta", **place, delta='{"day":')
    events = endings(response_of(talk), "failed", FAILED)
    assert types(events) == ["conversation.item.done", "response.output_item.done", "response.done"]
    assert events[1]["item"]["status"] == "incomplete"
    assert events[1]["item"]["arguments"] == '{"day":'
    talk.feed(events)
    assert item_id in talk.ledger
    assert talk.restored() == []


def test_a_call_whose_arguments_were_complete_ends_as_completed(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_call(response_id, "book", "call_1")
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "call_id": "call_1"}
    talk.server("response.function_call_arguments.done", **place, name="book", arguments='{"day":1}')
    events = endings(response_of(talk), "failed", FAILED)
    assert types(events) == ["conversation.item.done", "response.output_item.done", "response.done"]
    assert events[1]["item"]["status"] == "completed"
    talk.feed(events)
    assert [item["arguments"] for item in talk.restored()] == ['{"day":1}']


def test_several_open_items_end_in_the_order_of_their_indexes(talk: Conversation) -> None:
    response_id = talk.created()
    message = talk.open_message(response_id, output_index=0)
    call = talk.open_call(response_id, "book", "call_1", output_index=1)
    talk.stream(response_id, message, "One moment")
    events = endings(response_of(talk), "failed", FAILED)
    assert types(events) == [*SPOKEN_CLOSING, "conversation.item.done", "response.output_item.done", "response.done"]
    assert [item["id"] for item in events[-1]["response"]["output"]] == [message, call]


def test_out_of_band_items_are_not_shown_in_the_conversation(talk: Conversation) -> None:
    response_id = talk.created(conversation_id=None)
    talk.open_message(response_id, shown=False)
    events = endings(response_of(talk), "failed", FAILED)
    assert "conversation.item.done" not in types(events)
    assert events[-1]["response"]["conversation_id"] is None


def test_a_deleted_item_is_not_shown_in_the_conversation_again(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.server("conversation.item.deleted", item_id=item_id)
    events = endings(response_of(talk), "failed", FAILED)
    assert "conversation.item.done" not in types(events)
    talk.feed(events)
    assert item_id not in talk.ledger


def test_a_cut_answer_stays_in_the_conversation(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "Good morning to")
    talk.feed(endings(response_of(talk), "failed", FAILED))
    assert talk.ledger.responses == {}
    [item] = talk.restored()
    assert item["id"] == item_id
    assert item["status"] == "incomplete"
    assert item["content"] == [{"type": "output_text", "text": "Good morning to "}]


def test_another_leg_may_go_on_with_further_items(talk: Conversation) -> None:
    response_id = talk.created()
    first = talk.open_message(response_id)
    talk.stream(response_id, first, "Good morning")
    response = response_of(talk)
    events = endings_of_open_items(response)
    assert types(events) == SPOKEN_CLOSING
    talk.feed(events)
    assert [item.is_done for item in response.items] == [True]
    assert response.items[0].text == "Good morning "
    second = talk.open_message(response_id, output_index=1)
    talk.stream(response_id, second, "to you")
    done = endings(response, "completed", None)[-1]["response"]
    texts = [item["content"][0]["transcript"] for item in done["output"]]
    assert texts == ["Good morning ", "to you "]


def test_text_so_far_is_read_only_when_asked_for(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "Good")
    assert response_of(talk).text_so_far(item_id) == "Good "
    talk.stream(response_id, item_id, "morning")
    assert response_of(talk).text_so_far(item_id) == "Good morning "
    assert response_of(talk).text_so_far("nowhere") == ""


def test_deltas_are_bounded_and_their_text_survives() -> None:
    talk = Conversation(LedgerLimits(pending_bytes=2000))
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    words = [f"word{number}" for number in range(60)]
    for word in words:
        talk.stream(response_id, item_id, word)
        assert response_of(talk).size <= 2000
    assert response_of(talk).text_so_far(item_id).split() == words


def test_a_text_without_end_is_given_up() -> None:
    talk = Conversation(LedgerLimits(pending_bytes=2000))
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    for _ in range(100):
        talk.stream(response_id, item_id, "x" * 500)
        assert len(response_of(talk).text_so_far(item_id)) <= 2000


def test_a_response_is_forgotten_when_it_is_done(talk: Conversation) -> None:
    talk.answer("Four.")
    assert talk.ledger.responses == {}


def test_a_delta_that_is_no_json_is_passed_over(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.ledger.note_delta(response_id, b"{half")
    talk.ledger.note_delta(response_id, json.dumps({"item_id": item_id, "delta": "Hi"}).encode())
    talk.ledger.note_delta("resp_unknown", b"{}")
    assert response_of(talk).text_so_far(item_id) == "Hi"
