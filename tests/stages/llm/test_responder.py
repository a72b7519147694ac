"""The embedded responder: answers from facts, calls tools, and says so when it does not know."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

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
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta, ToolCallDelta, ToolCallStarted
from antiphon.stages.llm.responder import Responder
from tests.stages.llm.phrasings import (
    ACCOUNT,
    ACCOUNT_FACTS,
    HOTEL,
    HOTEL_FACTS,
    MISHEARD,
    PROPERTY,
    PROPERTY_FACTS,
    PROPERTY_LATER,
    RESTAURANT,
    RESTAURANT_FACTS,
    UNKNOWN,
)

PLUG_IN = "connect a language model with the llm setting"
DOES_NOT_KNOW = ("I only know the facts I was given, and that is not among them.", "I cannot do that.")


def schema(*required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


BOOK = Tool(
    "book_viewing",
    "Book a viewing of the property",
    schema(
        "date",
        "name",
        date={"type": "string", "description": "The date of the visit"},
        name={"type": "string", "description": "The visitor's name"},
    ),
)
WEATHER = Tool(
    "get_weather",
    "Get the current weather for a location",
    schema(
        "location",
        location={"type": "string", "description": "City name"},
        days={"type": "integer", "minimum": 1, "maximum": 10},
    ),
)
SHOW = Tool(
    "show_room",
    "Show a room on the screen",
    schema("room", room={"type": "string", "enum": ["kitchen", "living_room"]}),
)
NAVIGATE = Tool(
    "navigate", "Go to the next or previous property", schema("direction", direction={"enum": ["next", "previous"]})
)
LIGHT = Tool(
    "set_light", "Turn a light on or off", schema("room", "on", room={"type": "string"}, on={"type": "boolean"})
)
HANG_UP = Tool("end_call", "End the call")
TOOLS = (BOOK, WEATHER, SHOW, NAVIGATE, LIGHT, HANG_UP)


def user(text: str, *images: str) -> ContextMessage:
    return ContextMessage("user", text, images)


def assistant(text: str) -> ContextMessage:
    return ContextMessage("assistant", text)


def about(facts: Mapping[str, FactValue], *items: ContextItem, **changes: Any) -> ModelContext:
    return replace(ModelContext("", items, Knowledge(facts)), **changes)


async def generate(context: ModelContext) -> list[GenerationEvent]:
    return [event async for event in Responder().generate(context)]


async def reply(context: ModelContext) -> str:
    return "".join(event.text for event in await generate(context) if isinstance(event, TextDelta))


async def calls(context: ModelContext) -> list[tuple[str, dict[str, Any]]]:
    events = await generate(context)
    names = [event.name for event in events if isinstance(event, ToolCallStarted)]
    arguments = [json.loads(event.arguments) for event in events if isinstance(event, ToolCallDelta)]
    return list(zip(names, arguments, strict=True))


async def converse(facts: Mapping[str, FactValue], *questions: str, **changes: Any) -> list[str]:
    """Return the answers to `questions`, asked one after the other."""
    items: list[ContextItem] = []
    said = []
    for question in questions:
        items.append(user(question))
        said.append(await reply(about(facts, *items, **changes)))
        items.append(assistant(said[-1]))
    return said


# --- facts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "answer"), [*PROPERTY, *PROPERTY_LATER])
async def test_questions_about_a_property(question: str, answer: str) -> None:
    assert answer.lower() in (await reply(about(PROPERTY_FACTS, user(question)))).lower()


@pytest.mark.parametrize(("question", "answer"), HOTEL)
async def test_questions_about_a_hotel(question: str, answer: str) -> None:
    assert answer.lower() in (await reply(about(HOTEL_FACTS, user(question)))).lower()


@pytest.mark.parametrize(("question", "answer"), RESTAURANT)
async def test_questions_about_a_restaurant(question: str, answer: str) -> None:
    assert answer.lower() in (await reply(about(RESTAURANT_FACTS, user(question)))).lower()


@pytest.mark.parametrize(("question", "answer"), ACCOUNT)
async def test_questions_about_an_account(question: str, answer: str) -> None:
    assert answer.lower() in (await reply(about(ACCOUNT_FACTS, user(question)))).lower()


@pytest.mark.parametrize(("question", "answer"), [pair for pair in MISHEARD if pair[1]])
async def test_misheard_questions(question: str, answer: str) -> None:
    assert answer.lower() in (await reply(about(PROPERTY_FACTS, user(question)))).lower()


@pytest.mark.parametrize("question", [*UNKNOWN, *(heard for heard, meant in MISHEARD if meant is None)])
async def test_a_question_about_something_else_gets_no_fact(question: str) -> None:
    assert (await reply(about(PROPERTY_FACTS, user(question)))).startswith(DOES_NOT_KNOW)


async def test_how_to_plug_a_model_in_is_said_once() -> None:
    first, known, second = await converse(
        PROPERTY_FACTS, "who won the cup", "is there a pool", "who is the king of spain"
    )
    assert PLUG_IN in first
    assert known == "No, there is no swimming pool."
    assert second == "That is not among the facts I was given."


async def test_without_any_facts_it_says_so() -> None:
    assert (await reply(about({}, user("how many bedrooms are there")))).startswith("I was given no facts")


async def test_several_facts_in_one_question() -> None:
    assert await converse(PROPERTY_FACTS, "how many bedrooms and bathrooms") == [
        "There are 4 bedrooms. There are 3 bathrooms."
    ]
    assert await converse(PROPERTY_FACTS, "does it have a garage a pool and a garden") == [
        "Yes, there is a double garage. No, there is no swimming pool. Yes, the garden area is 640 square metres."
    ]


async def test_the_unknown_half_of_a_question_is_admitted() -> None:
    (said,) = await converse(PROPERTY_FACTS, "how far is the train station and the airport")
    assert said.endswith("1.2 kilometres away. The rest I do not know.")


async def test_a_follow_up_is_about_what_was_asked_before() -> None:
    assert (await converse(PROPERTY_FACTS, "is there a garden", "how big is it"))[
        1
    ] == "The garden area is 640 square metres."
    assert "Oakfield Central" in (await converse(PROPERTY_FACTS, "is there a station", "what is it called"))[1]


async def test_an_aspect_that_is_not_known_is_not_made_up() -> None:
    assert await converse(PROPERTY_FACTS, "how big is the garage") == [
        "I do not know that. What I know is this: there is a double garage."
    ]


async def test_a_doubtful_match_is_said_with_caution() -> None:
    assert (await converse(PROPERTY_FACTS, "is there parking outside"))[
        0
    ] == "What I know about that: there is a double garage."


async def test_everything_says_every_fact() -> None:
    (said,) = await converse(PROPERTY_FACTS, "tell me everything about the property")
    for part in (
        "maple-17",
        "17 Maple Street",
        "4 bedrooms",
        "489,000",
        "2,150",
        "1987",
        "no swimming pool",
        "640",
        "island",
        "Friday",
    ):
        assert part in said
    assert len(said) > 500


async def test_facts_stand_in_the_instructions_too() -> None:
    instructions = (
        "You sell boats.\n# Facts\n- Boat length: 12 metres\nEngine: diesel\n- Cabins: 3\nTone: friendly\nAlways: smile"
    )
    asked = [
        await reply(about({}, user(text), instructions=instructions))
        for text in ("how many cabins", "which engine does it have", "what is the tone")
    ]
    assert asked[:2] == ["There are 3 cabins.", "The engine is diesel."]
    assert asked[2].startswith(DOES_NOT_KNOW[0])


async def test_given_facts_outweigh_those_in_the_instructions() -> None:
    assert await reply(about({"cabins": 4}, user("how many cabins"), instructions="Cabins: 3")) == "There are 4 cabins."


async def test_facts_that_change_between_turns_are_read_anew() -> None:
    responder = Responder()
    for count in (2, 5):
        context = about({"cabins": count}, user("how many cabins"))
        events = [event async for event in responder.generate(context)]
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == f"There are {count} cabins."


# --- small talk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("hello", "Hello. I can answer questions about a detached family house."),
        ("good morning", "Hello."),
        ("thank you very much", "You are welcome."),
        ("yes that sounds good to me thank you very much", "You are welcome."),
        ("goodbye", "Goodbye."),
        ("bye bye", "Goodbye."),
        ("who are you", "I am a small rule-based responder, not a language model."),
        ("are you a real person", "I am a small rule-based responder"),
        ("do you like music", "I am a small rule-based responder"),
        ("how old are you", "I am a small rule-based responder"),
        ("what can you do", "I can answer questions about a detached family house"),
        ("hello my name is john and i need some help", "Hello. I can answer questions"),
        ("how are you", "I am only a small program"),
        ("stop please i want to ask something else", "All right."),
        ("no that is not what i meant", "Sorry, I misunderstood."),
        ("", "Sorry, I did not catch that."),
        ("hi how many bedrooms are there", "Hello. There are 4 bedrooms."),
        ("i would like to book a viewing", "I cannot do that myself, but I can tell you this. The viewings are"),
        ("turn on the lights in the living room", "I cannot do that."),
        ("can you play some music for me", "I cannot do that."),
    ],
)
async def test_small_talk(said: str, answer: str) -> None:
    assert (await reply(about(PROPERTY_FACTS, user(said)))).startswith(answer)


@pytest.mark.parametrize(
    "again", ["repeat that", "could you please repeat that more slowly", "say that again", "pardon", "what did you say"]
)
async def test_it_repeats_its_last_words(again: str) -> None:
    said = await converse(PROPERTY_FACTS, "is there a pool", again)
    assert said[0] == said[1]


async def test_it_greets_when_nobody_spoke_yet() -> None:
    assert (
        await reply(about(HOTEL_FACTS))
        == "Hello. I can answer questions about Sea View Hotel. What would you like to know?"
    )
    told = 'You are a guide. Greet the caller with "Welcome to the museum."'
    assert await reply(about({}, ContextMessage("system", "Be kind."), instructions=told)) == "Welcome to the museum."


@pytest.mark.parametrize("items", [(), (user(""),)])
async def test_after_a_silence_it_asks_whether_the_user_is_there(items: tuple[ContextItem, ...]) -> None:
    silence = ContextMessage("system", "The user has not said anything for 6 seconds.")
    context = about(PROPERTY_FACTS, user("is there a pool"), assistant("No."), silence, *items)
    assert await reply(context) == "Are you still there?"


async def test_it_cannot_see_pictures() -> None:
    assert (
        await reply(about(PROPERTY_FACTS, user("what is on this picture", "data:image/png;base64,AA==")))
    ).startswith("I cannot look at pictures.")
    assert await reply(about(PROPERTY_FACTS, user("", "data:image/png;base64,AA=="))) == "I cannot look at pictures."


# --- tools --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "name", "arguments"),
    [
        (
            "book a viewing on friday afternoon my name is john smith",
            "book_viewing",
            {"date": "friday afternoon", "name": "john smith"},
        ),
        ("what is the weather in paris", "get_weather", {"location": "paris"}),
        ("What's the weather like in New York?", "get_weather", {"location": "New York"}),
        ("weather forecast for berlin for three days", "get_weather", {"location": "berlin", "days": 3}),
        ("can you show me the kitchen", "show_room", {"room": "kitchen"}),
        ("please show the chicken room i mean the kitchen", "show_room", {"room": "kitchen"}),
        ("show me the next property", "navigate", {"direction": "next"}),
        ("go back to the previous one", "navigate", {"direction": "previous"}),
        ("turn on the lights in the living room", "set_light", {"room": "living room", "on": True}),
        ("turn the light in the kitchen off please", "set_light", {"room": "kitchen", "on": False}),
        ("please hang up", "end_call", {}),
    ],
)
async def test_a_request_calls_the_tool_that_fits(request_: str, name: str, arguments: dict[str, Any]) -> None:
    assert await calls(about(PROPERTY_FACTS, user(request_), tools=TOOLS)) == [(name, arguments)]


@pytest.mark.parametrize(
    "question",
    [
        "how many bedrooms are there",
        "when are the viewings",
        "tell me about the kitchen",
        "who won the cup",
        "hello",
        "thank you",
    ],
)
async def test_a_question_calls_no_tool(question: str) -> None:
    assert await calls(about(PROPERTY_FACTS, user(question), tools=TOOLS)) == []


async def test_a_missing_argument_is_asked_for_and_then_used() -> None:
    items: list[ContextItem] = []
    for said, asked in (
        ("i would like to book a viewing", "the date of the visit"),
        ("friday afternoon", "the visitor's name"),
    ):
        items.append(user(said))
        question = await reply(about(PROPERTY_FACTS, *items, tools=TOOLS))
        assert asked in question
        items.append(assistant(question))
    items.append(user("my name is john"))
    assert await calls(about(PROPERTY_FACTS, *items, tools=TOOLS)) == [
        ("book_viewing", {"date": "friday afternoon", "name": "john"})
    ]


async def test_another_question_is_no_answer_to_what_was_asked() -> None:
    said = await converse(PROPERTY_FACTS, "what is the weather", "how many bedrooms are there", tools=TOOLS)
    assert said[1] == "There are 4 bedrooms."


async def test_two_requests_are_two_calls() -> None:
    context = about(PROPERTY_FACTS, user("show me the kitchen and what is the weather in berlin"), tools=TOOLS)
    both = [("show_room", {"room": "kitchen"}), ("get_weather", {"location": "berlin"})]
    assert await calls(context) == both
    assert await calls(replace(context, parallel_tool_calls=False)) == both[:1]


async def test_without_parallel_calls_the_second_follows_the_first_result() -> None:
    asked = user("show me the kitchen and what is the weather in berlin")
    done = (ContextToolCall("c1", "show_room", '{"room":"kitchen"}'), ContextToolResult("c1", "ok"))
    context = about(PROPERTY_FACTS, asked, *done, tools=TOOLS, parallel_tool_calls=False)
    assert await calls(context) == [("get_weather", {"location": "berlin"})]


async def test_tool_choice_none_calls_nothing() -> None:
    context = about({}, user("what is the weather in paris"), tools=TOOLS, tool_choice=ToolChoice("none"))
    assert await calls(context) == []
    assert await reply(context)


async def test_tool_choice_required_calls_the_likeliest() -> None:
    context = about({}, user("is it going to rain in oslo"), tools=TOOLS, tool_choice=ToolChoice("required"))
    assert await calls(context) == [("get_weather", {"location": "oslo"})]


async def test_a_chosen_function_is_the_one_called() -> None:
    context = about({}, user("hello"), tools=TOOLS, tool_choice=ToolChoice(function="get_weather"))
    assert await calls(context) == [("get_weather", {})]


async def test_arguments_that_are_facts_come_from_the_facts() -> None:
    tool = Tool(
        "save_favourite", "Save a property as a favourite", schema("property_id", property_id={"type": "string"})
    )
    assert await calls(about(PROPERTY_FACTS, user("save it as a favourite"), tools=(tool,))) == [
        ("save_favourite", {"property_id": "maple-17"})
    ]


@pytest.mark.parametrize("hours", ["from 7 to 10 in the garden room", "daily until 10", "in the mornings"])
async def test_hours_in_plain_words_answer_when(hours: str) -> None:
    said = await reply(about({"breakfast": hours}, user("when is breakfast")))
    assert hours in said
    assert "not know" not in said


@pytest.mark.parametrize("text", ["thanks, bye", "thank you very much, goodbye", "ok bye then"])
async def test_a_goodbye_with_thanks_is_a_goodbye(text: str) -> None:
    assert await reply(about(PROPERTY_FACTS, user(text))) == "Goodbye."


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("It is raining.", "It is raining."),
        ('{"temperature_celsius": 18, "sky": "cloudy"}', "The temperature is 18 degrees Celsius. The sky is cloudy."),
        ('{"success": true}', "Done."),
        ("ok", "Done."),
        ('{"error": "no such city"}', "That did not work: no such city."),
        ('{"ok": false}', "That did not work."),
        ("[]", "There are no results."),
        ('{"message": "Your visit is booked."}', "Your visit is booked."),
        ("42", "42."),
        (json.dumps('{"temperature": "19 degrees"}'), "The temperature is 19 degrees."),  # encoded twice
    ],
)
@pytest.mark.parametrize("choice", [ToolChoice(), ToolChoice("required"), ToolChoice(function="get_weather")])
async def test_a_result_is_said_and_not_asked_for_again(output: str, said: str, choice: ToolChoice) -> None:
    call = ContextToolCall("c1", "get_weather", '{"location": "paris"}')
    context = about(
        {}, user("what is the weather in paris"), call, ContextToolResult("c1", output), tools=TOOLS, tool_choice=choice
    )
    assert await reply(context) == said
    assert await calls(context) == []


async def test_a_long_result_is_cut() -> None:
    call = ContextToolCall("c1", "get_weather", '{"location": "paris"}')
    assert (
        len(
            await reply(about({}, user("weather in paris"), call, ContextToolResult("c1", "word " * 1000), tools=TOOLS))
        )
        <= 510
    )


# --- streaming ----------------------------------------------------------------------------------------------


async def test_text_streams_in_words_and_ends_once() -> None:
    events = await generate(about(PROPERTY_FACTS, user("how many bedrooms are there")))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["There", " are", " 4", " bedrooms."]
    assert events[-1] == GenerationFinished("stop", input_tokens=7, output_tokens=6, cached_tokens=0)
    assert sum(isinstance(event, GenerationFinished) for event in events) == 1


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_the_token_limit_cuts_the_answer(limit: int) -> None:
    events = await generate(about(PROPERTY_FACTS, user("tell me everything"), max_output_tokens=limit))
    last = events[-1]
    assert isinstance(last, GenerationFinished)
    assert last.reason == "length"
    assert last.output_tokens is not None
    assert last.output_tokens <= limit


async def test_start_and_close_are_safe_in_any_order() -> None:
    responder = Responder()
    await responder.close()
    await responder.start()
    await responder.close()
    await responder.close()
