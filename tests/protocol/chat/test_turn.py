"""What a session is told of a chat request; the API's own types judge the items."""

import base64
from typing import Any

import pytest

from antiphon.errors import ClientEventError
from antiphon.protocol import codec
from antiphon.protocol.client_events import ConversationItemCreate, ResponseCreate
from tests.protocol.chat.kit import Talk, bare, turn, user

PNG = "data:image/png;base64,AAAA"
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
TOOL: Any = {"type": "function", "function": {"name": "f", "description": "does f", "parameters": {}, "strict": True}}


@pytest.mark.parametrize(
    ("message", "item"),
    [
        (
            {"role": "system", "content": "Be brief."},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
        ),
        (
            {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}]},
            {
                "type": "message",
                "role": "system",
                "content": [{"type": "input_text", "text": "Be"}, {"type": "input_text", "text": "brief."}],
            },
        ),
        (
            user("Hello."),
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
        ),
        (
            user([{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]),
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": PNG, "detail": "low"}],
            },
        ),
        (
            user([{"type": "input_audio", "input_audio": {"data": base64.b64encode(b"x").decode(), "format": "wav"}}]),
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_audio", "audio": base64.b64encode(b"pcm of x").decode()}],
            },
        ),
        (
            {"role": "assistant", "content": "Hello.", "refusal": None, "annotations": [], "tool_calls": None},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "No."}]},
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
        ),
        (
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "19"}]},
            {"type": "function_call_output", "call_id": "call_1", "output": "19"},
        ),
    ],
)
def test_a_message_becomes_an_item(message: Any, item: Any) -> None:
    told = turn(message)
    assert [bare(item) for item in told.items] == [item]
    assert told.paths == ("messages[0]",)


def test_words_before_a_call_are_an_item_of_their_own() -> None:
    told = turn(user(), {"role": "assistant", "content": "One moment.", "tool_calls": [CALL, {**CALL, "id": "call_2"}]})
    assert [item["type"] for item in told.items] == ["message", "message", "function_call", "function_call"]
    assert told.paths == ("messages[0]", "messages[1]", "messages[1]", "messages[1]")


def test_every_event_is_one_of_the_api() -> None:
    """The strict decoder of client events takes all that is sent."""
    messages = [
        {"role": "system", "content": "Be brief."},
        user([{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": PNG}}]),
        {"role": "assistant", "content": "Well.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "19"},
    ]
    talk = Talk(
        *messages,
        tools=[TOOL],
        tool_choice="required",
        max_tokens=9,
        parallel_tool_calls=False,
        reasoning_effort="low",
    )
    sent = [output.message for output in talk.exchange.receive({"type": "session.created"})]  # type: ignore[union-attr]
    events = [codec.decode(message) for message in sent]
    assert [type(event) for event in events] == [ConversationItemCreate] * 5 + [ResponseCreate]


def test_ids_of_items_are_short_enough_for_every_server() -> None:
    assert all(len(item["id"]) <= 32 for item in turn(user(), user()).items)


def test_a_long_id_of_a_call_is_shortened_alike_for_its_result() -> None:
    """Another server made it; the Realtime API takes 32 characters."""
    call_id = "toolu_" + "x" * 60
    told = turn(
        {"role": "assistant", "tool_calls": [{**CALL, "id": call_id}]},
        {"role": "tool", "tool_call_id": call_id, "content": "19"},
    )
    call, result = told.items
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 32


@pytest.mark.parametrize(
    ("content", "param"),
    [
        ([{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}], "[0].image_url.url"),
        (
            [{"type": "text", "text": ""}, {"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}}],
            "[1].input_audio",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_by_its_place(content: Any, param: str) -> None:
    with pytest.raises(ClientEventError) as refused:
        turn(user(content))
    assert refused.value.param == f"messages[0].content{param}"


def test_audio_is_refused_in_a_running_conversation() -> None:
    """Its input format is the business of whoever speaks there."""
    with pytest.raises(ClientEventError, match="running conversation"):
        turn(user([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]), joins=True)


@pytest.mark.parametrize(
    ("messages", "paths"),
    [
        ([user()], ["messages[0]"]),
        ([{"role": "system", "content": "x"}, user()], ["messages[0]", "messages[1]"]),
        ([user(), {"role": "assistant", "content": "x"}, user(), user()], ["messages[2]", "messages[3]"]),
        (
            [
                user(),
                {"role": "assistant", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": ""},
            ],
            ["messages[2]"],
        ),
    ],
)
def test_a_running_conversation_is_told_what_is_behind_the_last_answer(messages: Any, paths: list[str]) -> None:
    assert list(turn(*messages, joins=True).paths) == paths


# --- options --------------------------------------------------------------------------------------------------


def test_nothing_asked_is_nothing_overridden() -> None:
    assert turn(user(), temperature=0.1, metadata={"a": "b"}).options == {"output_modalities": ["text"]}


def test_a_tool_is_told_without_strict() -> None:
    assert turn(user(), tools=[TOOL]).options["tools"] == [
        {"type": "function", "name": "f", "description": "does f", "parameters": {}}
    ]


def test_no_tools_are_tools_too() -> None:
    """An empty list takes the agent's away."""
    assert turn(user(), tools=[]).options["tools"] == []


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, 6),
        ({"max_tokens": 100_000}, 4096),  # the most that the Realtime API can be asked for
    ],
)
def test_a_token_limit(options: Any, limit: int) -> None:
    assert turn(user(), **options).options["max_output_tokens"] == limit


@pytest.mark.parametrize(("effort", "told"), [("none", None), ("low", {"effort": "low"})])
def test_the_effort_of_reasoning(effort: str, told: Any) -> None:
    assert turn(user(), reasoning_effort=effort).options.get("reasoning") == told
