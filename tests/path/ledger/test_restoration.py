"""What a fresh leg is told: every kind of item, as the API can keep it."""

import base64
from typing import Any

import pytest

from antiphon.path.ledger import LedgerLimits
from antiphon.path.ledger.restoration import NO_IMAGE, SILENCE, UNAVAILABLE, UNHEARD
from tests.path.ledger.kit import MS, Conversation, pcm

PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_nothing_was_said(talk: Conversation) -> None:
    assert talk.ledger.restoration() == []


def test_an_item_comes_back_as_a_create_with_its_own_id(talk: Conversation) -> None:
    item_id = talk.say("Hello")
    assert talk.ledger.restoration() == [
        {
            "type": "conversation.item.create",
            "item": {
                "id": item_id,
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Hello"}],
            },
        }
    ]


def test_a_conversation_comes_back_in_order(talk: Conversation) -> None:
    talk.say("You sell houses.", role="system")
    talk.speak(pcm(600), "How many bedrooms?")
    talk.answer("Four bedrooms.")
    talk.say("And baths?")
    assert talk.texts() == ["You sell houses.", "How many bedrooms?", "Four bedrooms.", "And baths?"]
    assert [item["id"] for item in talk.restored()] == talk.ids()


# --- the user's audio -----------------------------------------------------------------------------------------


def test_speech_with_a_transcript_comes_back_as_text(talk: Conversation) -> None:
    talk.speak(pcm(600), "How many bedrooms?")
    assert talk.restored()[0]["content"] == [{"type": "input_text", "text": "How many bedrooms?"}]


def test_speech_without_a_transcript_comes_back_as_the_very_audio(talk: Conversation) -> None:
    said = pcm(300, 3) + pcm(500, 4)
    talk.speak(said)
    [part] = talk.restored()[0]["content"]
    assert part == {"type": "input_audio", "audio": base64.b64encode(said).decode()}


def test_the_audio_of_a_turn_is_cut_inside_large_messages() -> None:
    talk = Conversation()
    talk.append(pcm(500, 1) + pcm(700, 2) + pcm(800, 3), size_ms=2000)
    talk.server("input_audio_buffer.speech_started", audio_start_ms=500, item_id="item_a")
    talk.server("input_audio_buffer.speech_stopped", audio_end_ms=1200, item_id="item_a")
    talk.commit("item_a")
    assert base64.b64decode(talk.restored()[0]["content"][0]["audio"]) == pcm(700, 2)
    # What came behind it has not been heard yet, and what was committed is not heard twice.
    [rest] = talk.ledger.pending_appends()
    assert talk.ledger.pending_audio_bytes == 800 * MS
    assert base64.b64encode(pcm(800, 3)) in rest


def test_the_audio_is_let_go_when_the_transcript_comes(talk: Conversation) -> None:
    item_id = talk.speak(pcm(600))
    entry = talk.ledger.entry(item_id)
    assert entry is not None
    assert entry.audio_size > 600 * MS
    talk.transcribe(item_id, "Hello")
    assert entry.audio_size == 0


def test_a_transcript_may_come_before_its_item(talk: Conversation) -> None:
    talk.transcribe("item_a", "Hello")
    talk.append(pcm(500))
    talk.commit("item_a")
    assert talk.texts() == ["Hello"]


def test_a_transcript_may_come_after_the_response(talk: Conversation) -> None:
    item_id = talk.speak(pcm(600))
    talk.answer("Four.")
    talk.transcribe(item_id, "How many?")
    assert talk.texts() == ["How many?", "Four."]


def test_a_failed_transcript_leaves_the_audio(talk: Conversation) -> None:
    item_id = talk.speak(pcm(600))
    talk.server(
        "conversation.item.input_audio_transcription.failed",
        item_id=item_id,
        content_index=0,
        error={"type": "server_error", "code": "x", "message": "y"},
    )
    assert talk.restored()[0]["content"][0]["type"] == "input_audio"


def test_a_transcript_is_taken_from_a_retrieved_item(talk: Conversation) -> None:
    item_id = talk.speak(pcm(600))
    content = [{"type": "input_audio", "transcript": "Hello", "audio": "AAAA"}]
    talk.server("conversation.item.retrieved", item={"id": item_id, "type": "message", "content": content})
    assert talk.texts() == ["Hello"]


def test_the_transcript_of_a_deleted_item_is_not_another_items(talk: Conversation) -> None:
    item_id = talk.speak(pcm(600))
    talk.server("conversation.item.deleted", item_id=item_id)
    talk.transcribe(item_id, "Hello")
    talk.append(pcm(600))
    talk.commit(item_id)
    assert talk.restored()[0]["content"][0]["type"] == "input_audio"


def test_silence_is_told_as_silence(talk: Conversation) -> None:
    """A server commits the silence of an idle timeout with an empty transcript."""
    talk.append(pcm(6000))
    talk.server("input_audio_buffer.timeout_triggered", audio_start_ms=1000, audio_end_ms=6000, item_id="item_u")
    system = [{"type": "input_text", "text": "The user has said nothing."}]
    talk.add({"id": "item_s", "type": "message", "status": "completed", "role": "system", "content": system})
    talk.commit("item_u")
    talk.transcribe("item_u", "")
    assert [(item["id"], item["content"][0]["text"]) for item in talk.restored()] == [
        ("item_s", "The user has said nothing."),
        ("item_u", SILENCE),
    ]


def test_kept_audio_is_bounded_and_the_oldest_goes_first() -> None:
    talk = Conversation(LedgerLimits(kept_audio_bytes=400_000))
    first, second = talk.speak(pcm(2000, 1)), talk.speak(pcm(2000, 2))
    talk.speak(pcm(2000, 3))
    contents = [item["content"][0] for item in talk.restored()]
    assert contents[0] == {"type": "input_text", "text": UNAVAILABLE}
    assert [part["type"] for part in contents[1:]] == ["input_audio", "input_audio"]
    assert talk.ids()[:2] == [first, second]


def test_audio_in_another_format_cannot_be_told(talk: Conversation) -> None:
    talk.speak(pcm(600))
    talk.ledger.merge_config({"audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    assert talk.texts() == [UNAVAILABLE]


def test_audio_that_the_client_brought_comes_back(talk: Conversation) -> None:
    """The acknowledgement shows no audio, so what was sent counts."""
    audio = base64.b64encode(pcm(300)).decode()
    parts: list[dict[str, Any]] = [{"type": "input_audio", "audio": audio}, {"type": "input_text", "text": "Listen."}]
    talk.create({"type": "message", "role": "user", "content": parts})
    assert talk.restored()[0]["content"] == parts


def test_audio_that_the_client_brought_with_its_transcript_comes_back_as_text(talk: Conversation) -> None:
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "Hello"}
    talk.create({"type": "message", "role": "user", "content": [part]})
    assert talk.texts() == ["Hello"]


# --- images ---------------------------------------------------------------------------------------------------


def test_images_come_back_as_they_were_created(talk: Conversation) -> None:
    parts = [{"type": "input_image", "image_url": PNG, "detail": "low"}, {"type": "input_text", "text": "What is it?"}]
    talk.create({"type": "message", "role": "user", "content": parts})
    assert talk.restored()[0]["content"] == parts


def test_kept_images_are_bounded() -> None:
    talk = Conversation(LedgerLimits(kept_image_bytes=50))
    for _ in range(2):
        content = [{"type": "input_image", "image_url": PNG}]
        talk.create({"type": "message", "role": "user", "content": content})
    first, second = (item["content"][0] for item in talk.restored())
    assert first == {"type": "input_text", "text": NO_IMAGE}
    assert second["image_url"] == PNG


# --- the assistant --------------------------------------------------------------------------------------------


def test_speech_of_the_assistant_comes_back_as_text(talk: Conversation) -> None:
    item_id = talk.answer("Four bedrooms.")
    assert talk.restored() == [
        {
            "id": item_id,
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Four bedrooms."}],
        }
    ]


def test_an_item_that_a_running_response_writes_is_left_out(talk: Conversation) -> None:
    talk.say("Hello")
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "Good morning")
    assert talk.texts() == ["Hello"]


def test_out_of_band_responses_leave_nothing(talk: Conversation) -> None:
    response_id = talk.created(conversation_id=None)
    item_id = talk.open_message(response_id, shown=False)
    talk.stream(response_id, item_id, "A summary")
    item = {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": []}
    talk.server("response.output_item.done", response_id=response_id, output_index=0, item=item)
    talk.done(response_id)
    assert talk.ids() == []


# --- tools ----------------------------------------------------------------------------------------------------


def test_a_call_and_its_output_come_back_verbatim(talk: Conversation) -> None:
    call, output = talk.call("book", "call_1", '{"day":"Monday"}'), talk.result("call_1", '{"ok":true}')
    assert talk.restored() == [
        {"id": call, "type": "function_call", "name": "book", "call_id": "call_1", "arguments": '{"day":"Monday"}'},
        {"id": output, "type": "function_call_output", "call_id": "call_1", "output": '{"ok":true}'},
    ]


def test_a_call_that_nobody_answered_yet_comes_back(talk: Conversation) -> None:
    talk.call("book", "call_1")
    talk.say("Are you there?")
    assert [item["type"] for item in talk.restored()] == ["function_call", "message"]


def test_an_output_without_its_call_is_told_in_words(talk: Conversation) -> None:
    """Servers refuse an output of a call that they do not know."""
    item_id = talk.result("call_gone", "sunny")
    [item] = talk.restored()
    assert (item["id"], item["role"]) == (item_id, "system")
    assert "sunny" in item["content"][0]["text"]


def test_mcp_items_are_left_out(talk: Conversation) -> None:
    """A client cannot create them, and the fresh leg lists its tools itself."""
    talk.server(
        "conversation.item.done",
        previous_item_id=None,
        item={"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "s", "tools": []},
    )
    talk.say("Hello")
    assert talk.ids() == ["mcpl_1", "item_1"]
    assert talk.texts() == ["Hello"]


# --- order and ids --------------------------------------------------------------------------------------------


def test_added_decides_the_order_and_not_done(talk: Conversation) -> None:
    """`done` says null of the predecessor where it is the conversation's first item."""
    first = talk.say("one")
    second = talk.answer("two")
    assert talk.ids() == [first, second]


def test_root_is_the_front(talk: Conversation) -> None:
    talk.say("two")
    talk.say("one", previous_item_id="root")
    assert talk.texts() == ["one", "two"]


def test_an_item_goes_behind_the_one_it_names(talk: Conversation) -> None:
    first = talk.say("one")
    talk.say("three")
    talk.say("two", previous_item_id=first)
    assert talk.texts() == ["one", "two", "three"]


def test_a_committed_turn_stands_where_added_says(talk: Conversation) -> None:
    first = talk.say("one")
    talk.append(pcm(500))
    talk.server("input_audio_buffer.committed", previous_item_id=first, item_id="item_u")
    second = talk.say("two", previous_item_id=first)  # came between
    content = [{"type": "input_audio", "transcript": "three"}]
    item = {"id": "item_u", "type": "message", "status": "completed", "role": "user", "content": content}
    talk.server("conversation.item.added", previous_item_id=first, item=item)
    assert talk.ids() == [first, "item_u", second]
    talk.server("input_audio_buffer.committed", previous_item_id=None, item_id="item_v")
    talk.server("conversation.item.added", previous_item_id=first, item={**item, "id": "item_v"})
    assert talk.ids() == [first, "item_v", "item_u", second]
    talk.server("input_audio_buffer.committed", previous_item_id=first, item_id="item_w")
    talk.server("conversation.item.added", previous_item_id="item_v", item={**item, "id": "item_w"})
    assert talk.ids() == [first, "item_v", "item_w", "item_u", second]


def test_a_server_that_never_names_an_item_appends(talk: Conversation) -> None:
    for text in ("one", "two"):
        content = [{"type": "input_text", "text": text}]
        item = {"id": f"item_{text}", "type": "message", "role": "user", "content": content}
        talk.client("conversation.item.create", item=item)
        talk.server("conversation.item.added", previous_item_id=None, item=item)
    assert talk.texts() == ["one", "two"]


def test_a_deleted_item_is_gone_for_good(talk: Conversation) -> None:
    item_id = talk.say("Forget this")
    talk.server("conversation.item.deleted", item_id=item_id)
    item = {"id": item_id, "type": "message", "role": "user", "content": []}
    talk.server("conversation.item.done", previous_item_id=None, item=item)  # was under way
    assert talk.ids() == []
    assert item_id not in talk.ledger
    assert talk.say("Again", previous_item_id="root") in talk.ledger


def test_an_id_longer_than_servers_take_is_left_to_the_server(talk: Conversation) -> None:
    long = "item_" + "x" * 28
    talk.create({"id": long, "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]})
    [restored] = talk.ledger.restored_items()
    assert "id" not in restored.event["item"]
    assert restored.item_id == long
    assert talk.ledger.unnamed == [long]


def test_a_create_that_was_refused_is_not_part_of_it(talk: Conversation) -> None:
    item = {"id": "item_x", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    talk.client("conversation.item.create", item=item)
    assert talk.restored() == []
    talk.ledger.drop_pending("item_x")
    talk.server("conversation.item.added", previous_item_id=None, item={**item, "content": []})
    assert talk.restored()[0]["content"] == []


def test_an_item_without_an_id_is_matched_to_its_acknowledgement(talk: Conversation) -> None:
    audio = {"type": "input_audio", "audio": base64.b64encode(pcm(100)).decode()}
    item = {"type": "message", "role": "user", "content": [audio]}
    talk.client("conversation.item.create", item={"type": "message", "role": "system", "content": []}, event_id="bad")
    talk.client("conversation.item.create", item=item)
    talk.server("error", error={"type": "invalid_request_error", "code": "invalid_value", "event_id": "bad"})
    shown = {**item, "id": "item_s", "content": [{"type": "input_audio", "transcript": None}]}
    talk.server("conversation.item.added", previous_item_id=None, item=shown)
    assert talk.restored() == [{"id": "item_s", **item}]


# --- one item again -------------------------------------------------------------------------------------------


def test_one_item_can_be_made_anew_where_it_stood(talk: Conversation) -> None:
    first, second = talk.say("one"), talk.answer("two")
    talk.say("three")
    again = talk.ledger.restored_item(second)
    assert again is not None
    assert again["previous_item_id"] == first
    assert again["item"]["content"][0]["text"] == "two"
    assert (talk.ledger.restored_item(first) or {})["previous_item_id"] == "root"
    assert talk.ledger.restored_item("nowhere") is None


def test_an_item_is_shown_as_its_events_showed_it(talk: Conversation) -> None:
    item_id = talk.answer("Four bedrooms.")
    shown = talk.ledger.shown_item(item_id)
    assert shown is not None
    assert shown["content"] == [{"type": "output_audio", "transcript": "Four bedrooms."}]
    assert shown["status"] == "completed"


def test_events_that_a_lost_leg_owes_can_be_made_up(talk: Conversation) -> None:
    """Lost between `committed` and `conversation.item.added`, the turn is there all the same."""
    first = talk.say("Hello")
    talk.append(pcm(500))
    talk.server("input_audio_buffer.committed", previous_item_id=first, item_id="item_u")
    assert [item["id"] for item in talk.restored()] == [first, "item_u"]
    events = talk.ledger.owed_events()
    assert [event["type"] for event in events] == ["conversation.item.added", "conversation.item.done"]
    assert {event["previous_item_id"] for event in events} == {first}
    talk.feed(events)
    assert talk.ledger.owed_events() == []
    assert talk.ids() == [first, "item_u"]


def test_an_answer_of_which_nothing_was_heard_keeps_its_place(talk: Conversation) -> None:
    item_id = talk.answer("Four bedrooms.")
    assert talk.ledger.truncate(item_id, 0, 0) == ""
    assert talk.texts() == [UNHEARD]
