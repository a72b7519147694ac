"""What a chat completion server is sent."""

from antiphon.session.context import (
    ContextItem,
    ContextMessage,
    ContextToolCall,
    ContextToolResult,
    FactValue,
    Knowledge,
    ModelContext,
    Tool,
    ToolChoice,
)
from antiphon.stages.llm.chat_request import Json, messages, render_facts, request_body


def sent(*items: ContextItem) -> list[Json]:
    return messages(ModelContext("", items, spoken=False))


def call(call_id: str) -> Json:
    return {"id": call_id, "type": "function", "function": {"name": "show", "arguments": "{}"}}


def test_facts_are_lines_with_dotted_keys() -> None:
    facts: dict[str, FactValue] = {
        "price": {"amount": 489000, "currency": "USD"},
        "pool": False,
        ("living room"): "bright",
        "dishes": ["soup", "pie"],
    }
    assert render_facts(Knowledge(facts)).splitlines() == [
        "price.amount = 489000",
        'price.currency = "USD"',
        "pool = false",
        '"living room" = "bright"',
        'dishes = ["soup", "pie"]',
    ]


def test_the_system_prompt_holds_instructions_facts_and_that_it_is_spoken() -> None:
    prompt = messages(ModelContext("Be kind.", (), Knowledge({"beds": 2})))[0]["content"]
    assert prompt.startswith("Be kind.\n\n")
    assert "beds = 2" in prompt
    assert "read aloud" in prompt
    assert messages(ModelContext("Be kind.", (), spoken=False)) == [{"role": "system", "content": "Be kind."}]


def test_calls_made_together_are_one_message_with_the_words_before_them() -> None:
    told = sent(
        ContextMessage("user", "Show both"),
        ContextMessage("assistant", "One moment."),
        ContextToolCall("a", "show", "{}"),
        ContextToolCall("b", "show", ""),
        ContextToolResult("a", "done"),
        ContextToolResult("b", "done too"),
    )
    assert told[1:] == [
        {"role": "assistant", "content": "One moment.", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "done"},
        {"role": "tool", "tool_call_id": "b", "content": "done too"},
    ]


def test_a_result_follows_its_call_though_the_user_spoke_between() -> None:
    told = sent(ContextToolCall("a", "show", "{}"), ContextMessage("user", "And?"), ContextToolResult("a", "done"))
    assert [message["role"] for message in told] == ["assistant", "tool", "user"]
    assert told[1]["content"] == "done"


def test_a_call_without_a_result_gets_a_stand_in() -> None:
    told = sent(ContextToolCall("a", "show", "{}"), ContextMessage("user", "Never mind"))
    assert told[1] == {"role": "tool", "tool_call_id": "a", "content": "The result has not arrived."}


def test_a_result_without_its_call_is_told_as_news() -> None:
    assert sent(ContextToolResult("gone", "12 degrees")) == [
        {"role": "system", "content": "A function call returned: 12 degrees"}
    ]


def test_images_become_parts() -> None:
    assert sent(ContextMessage("user", "What is it?", ("data:image/png;base64,AA==",)))[0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]


def test_a_turn_that_nobody_understood_is_marked() -> None:
    assert sent(ContextMessage("user", ""))[0]["content"] == "(inaudible)"


def test_tool_fields_are_sent_only_with_tools() -> None:
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & request_body("m", ModelContext("", ())).keys()


def test_a_chosen_function_and_serial_calls() -> None:
    context = ModelContext(
        "",
        (),
        tools=(Tool("show"),),
        tool_choice=ToolChoice(function="show"),
        parallel_tool_calls=False,
        max_output_tokens=9,
    )
    body = request_body("m", context, "max_completion_tokens")
    assert body["tool_choice"] == {"type": "function", "function": {"name": "show"}}
    assert body["parallel_tool_calls"] is False
    assert body["max_completion_tokens"] == 9
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
