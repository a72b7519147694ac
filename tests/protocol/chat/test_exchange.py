"""One request on a session of its own, and within a conversation of others."""

from typing import Any

import pytest

from antiphon.protocol.chat.answer import CallArguments, CallBegun, Finished, TextPiece
from antiphon.protocol.chat.failures import ChatError
from tests.protocol.chat.kit import Talk, user

# --- a session of its own -------------------------------------------------------------------------------------


def test_all_is_said_once_the_session_is_there() -> None:
    talk = Talk(user("One."), user("Two."))
    assert talk.said == []
    talk.hear("session.created", session={})
    assert talk.kinds() == ["conversation.item.create"] * 2 + ["response.create"]
    talk.hear("session.created", session={})
    assert len(talk.said) == 3


def test_the_answer_of_a_server_that_forgets_metadata() -> None:
    talk = begun()
    talk.hear_text("Hello.")
    talk.hear_done()
    assert talk.pieces == [TextPiece("Hello."), Finished("stop", None)]


def begun(**options: Any) -> Talk:
    talk = Talk(**options)
    talk.hear("session.created", session={})
    talk.hear_begun(key=None)
    return talk


def test_text_that_is_not_streamed_comes_with_its_end() -> None:
    talk = begun()
    ids = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}
    talk.hear("response.output_text.delta", delta="Hel", **ids)
    talk.hear("response.output_text.done", text="Hello.", **ids)
    assert talk.pieces == [TextPiece("Hel"), TextPiece("lo.")]


def test_a_spoken_answer_is_its_transcript() -> None:
    """Of servers that speak all the same."""
    talk = begun()
    ids = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}
    talk.hear("response.output_audio_transcript.delta", delta="Hello.", **ids)
    talk.hear("response.output_audio_transcript.done", transcript="Hello.", **ids)
    assert talk.pieces == [TextPiece("Hello.")]


def test_two_messages_of_an_answer_are_kept_apart() -> None:
    talk = begun()
    talk.hear_text("One moment.", item="item_1")
    talk.hear_text("Here", item="item_2")
    talk.hear_text(" it is.", item="item_2")
    assert "".join(piece.text for piece in talk.pieces) == "One moment.\nHere it is."


def hear_call(talk: Talk, item: str, call_id: str) -> None:
    call = {"id": item, "type": "function_call", "call_id": call_id, "name": "f", "arguments": ""}
    talk.hear("response.output_item.added", response_id="resp_1", item=call)


def test_calls_are_counted_and_their_arguments_streamed() -> None:
    talk = begun()
    hear_call(talk, "item_1", "call_1")
    hear_call(talk, "item_2", "call_2")
    talk.hear("response.function_call_arguments.delta", response_id="resp_1", item_id="item_2", delta='{"a"')
    done = {"response_id": "resp_1", "item_id": "item_2", "call_id": "call_2", "name": "f", "arguments": '{"a":1}'}
    talk.hear("response.function_call_arguments.done", **done)
    talk.hear_done()
    assert talk.pieces == [
        CallBegun(0, "call_1", "f"),
        CallBegun(1, "call_2", "f"),
        CallArguments(1, '{"a"'),
        CallArguments(1, ":1}"),
        Finished("tool_calls", None),
    ]


def test_a_call_that_is_announced_at_its_end_alone() -> None:
    talk = begun()
    done = {"response_id": "resp_1", "item_id": "item_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    talk.hear("response.function_call_arguments.done", **done)
    assert talk.pieces == [CallBegun(0, "call_1", "f"), CallArguments(0, "{}")]


@pytest.mark.parametrize(
    ("reason", "told"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "length")]
)
def test_why_an_answer_is_cut(reason: str | None, told: str) -> None:
    talk = begun()
    talk.hear_done(status="incomplete", status_details={"type": "incomplete", "reason": reason})
    assert talk.pieces == [Finished(told, None)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "status"),
    [("rate_limit_exceeded", 429), ("insufficient_quota", 429), ("stage_failed", 502), (None, 502)],
)
def test_a_failed_response_has_a_status(code: str | None, status: int) -> None:
    talk = begun()
    error = {"type": "server_error", "code": code, "message": "It broke."}
    with pytest.raises(ChatError, match=r"It broke\.") as failed:
        talk.hear_done(status="failed", status_details={"type": "failed", "error": error})
    assert (failed.value.status, failed.value.code) == (status, code)


@pytest.mark.parametrize("error", [None, {}, {"message": 3}, "no"])
def test_a_failure_without_words_is_one_all_the_same(error: Any) -> None:
    talk = begun()
    with pytest.raises(ChatError, match="did not say why"):
        talk.hear_done(status="failed", status_details={"error": error})


@pytest.mark.parametrize(
    ("event_id", "param", "told"),
    [
        ("chat_k_i1", "item.content[2].type", "messages[1].content[2].type"),
        ("chat_k_i1", "item.call_id", "messages[1]"),
        ("chat_k_i0", None, "messages[0]"),
        ("chat_k_r1", "response.tools[0].name", "tools[0].name"),
        ("chat_k_r1", "response.max_output_tokens", "max_completion_tokens"),
        ("chat_k_r1", None, None),
    ],
)
def test_a_refusal_is_about_a_field_of_the_request(event_id: str, param: str | None, told: str | None) -> None:
    talk = Talk(user("One."), user("Two."))
    talk.hear("session.created", session={})
    with pytest.raises(ChatError) as refused:
        talk.hear_error(type="invalid_request_error", code="x", message="No.", param=param, event_id=event_id)
    assert (refused.value.status, refused.value.param) == (400, told)


def test_a_refusal_that_names_no_event_is_ours_too() -> None:
    talk = begun()
    with pytest.raises(ChatError) as failed:
        talk.hear_error(type="invalid_request_error", code="weird", message="No.", event_id=None)
    assert failed.value.status == 502


def test_a_model_that_is_not_there_is_not_found() -> None:
    talk = Talk()
    with pytest.raises(ChatError) as failed:
        talk.hear_error(type="invalid_request_error", code="model_not_found", message="No such model.")
    assert failed.value.status == 404


# --- within a conversation ------------------------------------------------------------------------------------


def joined(*messages: Any) -> Talk:
    return Talk(*messages or (user(),), joins=True)


def test_the_answer_is_asked_for_when_all_messages_are_taken() -> None:
    talk = joined(user("One."), user("Two."))
    assert talk.kinds() == ["conversation.item.create"] * 2
    talk.hear("conversation.item.added", item={"id": "item_of_another"})
    talk.hear("conversation.item.added", item={"id": talk.said[0]["item"]["id"]})
    assert len(talk.said) == 2
    talk.hear("conversation.item.added", item={"id": talk.said[1]["item"]["id"]})
    assert talk.said[2]["response"] == {"output_modalities": ["text"], "metadata": {"antiphon_chat": "chat_k"}}


def asked() -> Talk:
    talk = joined()
    talk.hear_taken()
    return talk


def test_only_its_own_response_is_the_answer() -> None:
    talk = asked()
    talk.hear_begun("resp_0", key="chat_other")
    talk.hear_text("Not this.", response_id="resp_0")
    talk.hear_done("resp_0")
    talk.hear_begun("resp_2", key=None)
    talk.hear_begun("resp_1")
    talk.hear_text("Hello.")
    talk.hear_done()
    assert talk.pieces == [TextPiece("Hello."), Finished("stop", None)]


def test_an_active_response_is_waited_for() -> None:
    talk = asked()
    refused = {"code": "conversation_already_has_active_response", "type": "invalid_request_error", "message": "No."}
    talk.hear_error(**refused, event_id="chat_k_r1")
    assert talk.kinds().count("response.create") == 1
    talk.hear_done("resp_0", status="cancelled")
    assert talk.kinds().count("response.create") == 2
    talk.hear_done("resp_of_another")
    assert talk.kinds().count("response.create") == 2
    talk.hear_error(**refused, event_id="chat_k_r2")
    talk.hear_done("resp_3")
    assert talk.said[-1]["event_id"] == "chat_k_r3"


def test_errors_of_others_are_theirs() -> None:
    talk = asked()
    talk.hear_error(type="invalid_request_error", code="x", message="No.", event_id="mine")
    talk.hear_error(type="server_error", code="x", message="No.", event_id=None)
    talk.hear_begun()
    talk.hear_done()
    assert talk.pieces == [Finished("stop", None)]


@pytest.mark.parametrize(("reason", "text"), [("turn_detected", "the user began to speak"), (None, "before its end")])
def test_an_answer_that_is_cancelled(reason: str | None, text: str) -> None:
    talk = asked()
    talk.hear_begun()
    with pytest.raises(ChatError, match=text) as failed:
        talk.hear_done(status="cancelled", status_details={"type": "cancelled", "reason": reason})
    assert (failed.value.status, failed.value.code) == (409, "response_cancelled")
    assert talk.exchange.withdraw() == []


def test_what_is_withdrawn_is_its_own_response() -> None:
    talk = asked()
    assert talk.exchange.withdraw() == []
    talk.hear_begun("resp_7")
    assert talk.exchange.withdraw() == [b'{"type":"response.cancel","response_id":"resp_7"}']


def test_a_conversation_owes_a_response_from_the_question_to_its_beginning() -> None:
    talk = joined()
    assert not talk.exchange.is_pending
    talk.hear_taken()
    assert talk.exchange.is_pending
    talk.exchange.overhear({"type": "response.created", "response": {"id": "resp_0", "metadata": None}})
    talk.exchange.overhear({"type": "response.done", "response": {"id": "resp_0"}})
    assert talk.exchange.is_pending
    talk.exchange.overhear(
        {"type": "response.created", "response": {"id": "r", "metadata": {"antiphon_chat": "chat_k"}}}
    )
    assert not talk.exchange.is_pending
    assert talk.exchange.withdraw() == [b'{"type":"response.cancel","response_id":"r"}']
    talk.exchange.overhear({"type": "response.done", "response": {"id": "r"}})
    assert talk.exchange.withdraw() == []


@pytest.mark.parametrize("kind", ["error", "response.created", "response.done", "conversation.item.added"])
@pytest.mark.parametrize("field", [None, 3, "x", [], {}])
def test_events_of_any_shape_are_survived(kind: str, field: Any) -> None:
    talk = asked()
    talk.hear(kind, error=field, response=field, item=field)
    assert talk.pieces == []
