"""Chat completions through the official SDK, over a real socket, answered by real sessions with scripted stages."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import openai
import pytest
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from starlette.requests import Request

from antiphon.config.settings import ServerSettings
from antiphon.engines.scripted import ScriptedEngine
from antiphon.gateway.auth import Keyring
from antiphon.gateway.chat import ChatRoutes
from antiphon.gateway.client_secrets import ClientSecret, ClientSecrets
from antiphon.gateway.engine import Backend
from antiphon.gateway.limits import Capacity
from antiphon.path.call import MOST_CLIENT_GUESTS
from antiphon.path.calls import Calls
from antiphon.protocol.dialect import GaDialect
from antiphon.session import Equipment, SessionStart
from antiphon.testing.emulator import script_of
from antiphon.transports.base import EngineSession
from antiphon.transports.chat import ChatLimits
from tests.gateway.chat_kit import Listener, chatting

NOW = 1_750_000_000
SIGNING_KEY = "x" * 32
EQUIPMENT_WITHOUT_IMAGES = Equipment()
QUESTION: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
CALL = {"name": "get_weather", "call_id": "call_1", "arguments": {"city": "Paris"}}
TURNS = [
    {"when": "weather", "call": CALL, "repeat": 0},
    {"when": "19 degrees", "say": "It is 19 degrees.", "repeat": 0},
    {"when": "poem", "say": "Roses are", "stop": "length", "repeat": 0},
    {"when": "secret", "say": "I may", "stop": "content_filter", "repeat": 0},
    {"when": "break", "say": "Half a", "fail": {"code": "model_broke", "message": "The model broke."}, "repeat": 0},
    {"when": "slow", "say": "One two three.", "pace": {"words_per_second": 20}, "repeat": 0},
    {"when": "never", "say": "Too late.", "pace": {"first_delay": 60}, "repeat": 0},
]


class Engine(ScriptedEngine):
    """Scripted sessions, and how each began, what each was told, and whether it is over."""

    def __init__(self, turns: list[dict[str, Any]]) -> None:
        super().__init__(script_of(None, {"turn": turns}))
        self.sessions: list[Session] = []
        self.opened = asyncio.Event()

    def open(self, start: SessionStart, client: Any) -> Any:
        session = Session(start, super().open(start, client))
        self.sessions.append(session)
        self.opened.set()
        return session


class Session:
    def __init__(self, start: SessionStart, inner: EngineSession) -> None:
        self.start = start
        self.inner = inner
        self.told: list[dict[str, Any]] = []
        self.closed = asyncio.Event()

    def receive(self, message: bytes) -> None:
        self.told.append(json.loads(message))
        self.inner.receive(message)

    def client_slow(self, slow: bool) -> None:
        self.inner.client_slow(slow)

    def close(self, lost: bool = False) -> None:
        self.closed.set()
        self.inner.close(lost)


@dataclass
class Chatting:
    """A gateway that chats, and the official SDK pointed at it."""

    sdk: AsyncOpenAI
    engine: Engine
    calls: Calls
    capacity: Capacity

    def raw(self, **options: Any) -> Any:
        return self.sdk.post("/chat/completions", body=options, cast_to=object)

    async def conversation(self) -> tuple[Listener, EngineSession, str]:
        """Return a running conversation's client, its session, and its token."""
        listener = Listener()
        session = self.calls.open(SessionStart("gpt-realtime", self.engine.defaults, extensions=True), listener)
        token = (await listener.until("antiphon.session.resumable"))["token"]
        return listener, session, token


Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return what starts a gateway: `await start(api_keys=("K",))`; all are stopped at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(
            limits: ChatLimits | None = None,
            key: str = "none",
            traits: Mapping[str, Any] | None = None,
            **settings: Any,
        ) -> Chatting:
            engine = Engine(TURNS)
            calls = Calls(engine)
            backend = Backend(engine, engine.defaults, **(traits or {}))
            capacity = Capacity(settings.get("max_sessions", 100))
            keyring = Keyring(settings.get("api_keys", ()), ClientSecrets(SIGNING_KEY))
            routes = ChatRoutes(
                backend,
                keyring,
                capacity,
                join=lambda token, client: calls.join_by_token(token, client, GaDialect()),
                clock=lambda: NOW,
                limits=limits,
            )
            sdk = await stack.enter_async_context(chatting(ServerSettings(port=0, **settings), backend, routes, key))
            return Chatting(sdk, engine, calls, capacity)

        yield begin


@pytest.fixture
async def chat(start: Start) -> Chatting:
    chatting: Chatting = await start()
    return chatting


# --- one answer -----------------------------------------------------------------------------------------------


async def test_an_answer_in_text(chat: Chatting) -> None:
    completion = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "user", "content": "Hello there."}]
    )
    assert completion.choices[0].message.content == "Hello there."
    assert completion.choices[0].finish_reason == "stop"
    assert (completion.object, completion.model, completion.created) == ("chat.completion", "gpt-realtime", NOW)
    assert completion.id.startswith("chatcmpl-")
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert chat.engine.sessions[0].closed.is_set()
    assert chat.capacity.sessions == 0


async def test_the_whole_conversation_so_far_is_told(chat: Chatting) -> None:
    await chat.sdk.chat.completions.create(
        model="gpt-realtime",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is the weather in Paris?"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "call_9", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_9", "content": "19 degrees"},
        ],
    )
    items = [event["item"] for event in chat.engine.sessions[0].told if event["type"] == "conversation.item.create"]
    assert [item.get("role", item["type"]) for item in items] == [
        "system",
        "user",
        "function_call",
        "function_call_output",
    ]


async def test_a_session_begins_with_the_agent_and_answers_in_text(chat: Chatting) -> None:
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    start = chat.engine.sessions[0].start
    assert start.config.instructions == chat.engine.defaults.instructions
    assert start.config.output_modalities == ["text"]
    assert start.config.audio.input.turn_detection is None
    assert start.asked["audio"]["input"]["turn_detection"] is None


async def test_what_the_agent_asks_of_upstreams_is_asked_here_too(start: Start) -> None:
    chat = await start(traits={"asked": {"instructions": "Be kind.", "output_modalities": ["audio"]}})
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    asked = chat.engine.sessions[0].start.asked
    assert (asked["instructions"], asked["output_modalities"]) == ("Be kind.", ["text"])


async def test_the_end_users_identifier_is_passed_on(chat: Chatting) -> None:
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION, safety_identifier="user-1")
    await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=QUESTION, extra_headers={"OpenAI-Safety-Identifier": "user-2"}
    )
    assert [session.start.safety_identifier for session in chat.engine.sessions] == ["user-1", "user-2"]


@pytest.mark.parametrize(
    ("said", "reason", "text"),
    [("a poem", "length", "Roses are"), ("a secret", "content_filter", "I may")],
)
async def test_why_an_answer_is_cut_is_told(chat: Chatting, said: str, reason: str, text: str) -> None:
    completion = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "user", "content": said}]
    )
    choice = completion.choices[0]
    assert (choice.finish_reason, choice.message.content) == (reason, text)


async def test_a_token_limit_is_passed_on(chat: Chatting) -> None:
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION, max_completion_tokens=50)
    assert chat.engine.sessions[0].told[-1]["response"]["max_output_tokens"] == 50


# --- a stream -------------------------------------------------------------------------------------------------


async def test_an_answer_as_a_stream(chat: Chatting) -> None:
    stream = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "user", "content": "Hello there, you."}], stream=True
    )
    chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert [delta.content for delta in deltas[1:-1]] == ["Hello", " there,", " you."]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_streams_usage_comes_last_if_asked_for(chat: Chatting) -> None:
    stream = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_the_stream_ends_as_the_api_says(chat: Chatting) -> None:
    body = {"model": "gpt-realtime", "messages": QUESTION, "stream": True}
    async with chat.sdk.with_streaming_response.chat.completions.create(**body) as response:
        text = "".join([part async for part in response.iter_text()])
        assert response.headers["content-type"].startswith("text/event-stream")
    lines = text.split("\n\n")
    assert all(line.startswith("data: {") for line in lines[:-2])
    assert lines[-2:] == ["data: [DONE]", ""]


async def test_the_sdks_own_accumulator_takes_it(chat: Chatting) -> None:
    async with chat.sdk.chat.completions.stream(model="gpt-realtime", messages=QUESTION, tools=[WEATHER]) as stream:
        kinds = [event.type async for event in stream]
        completion = await stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.parsed_arguments == {"city": "Paris"}


# --- tools ----------------------------------------------------------------------------------------------------


async def test_a_call_and_its_result(chat: Chatting) -> None:
    completion = await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION, tools=[WEATHER])
    choice = completion.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert choice.message.tool_calls is not None
    call: Any = choice.message.tool_calls[0]
    assert (call.id, call.type, call.function.name) == ("call_1", "function", "get_weather")
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    answer = await chat.sdk.chat.completions.create(
        model="gpt-realtime",
        messages=[
            *QUESTION,
            cast("Any", choice.message.model_dump()),
            {"role": "tool", "tool_call_id": call.id, "content": "19 degrees"},
        ],
        tools=[WEATHER],
    )
    assert answer.choices[0].message.content == "It is 19 degrees."


async def test_a_call_as_a_stream(chat: Chatting) -> None:
    stream = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=QUESTION, tools=[WEATHER], stream=True
    )
    deltas = [chunk.choices[0].delta async for chunk in stream]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    assert (calls[0].index, calls[0].id) == (0, "call_1")
    assert calls[0].function is not None
    assert calls[0].function.name == "get_weather"
    assert all(call.id is None and call.index == 0 for call in calls[1:])
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert json.loads(arguments) == {"city": "Paris"}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "name": "get_weather"},
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_weather"}}],
                },
            },
            "required",
        ),
    ],
)
async def test_every_choice_of_tools(chat: Chatting, choice: Any, told: Any) -> None:
    other: Any = {"type": "function", "function": {"name": "other"}}
    await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=QUESTION, tools=[WEATHER, other], tool_choice=choice
    )
    options = chat.engine.sessions[0].told[-1]["response"]
    names = [tool["name"] for tool in options["tools"]]
    is_narrowed = isinstance(choice, dict) and choice["type"] == "allowed_tools"
    assert names == (["get_weather"] if is_narrowed else ["get_weather", "other"])
    assert options["tool_choice"] == told


async def test_without_tools_the_agents_own_are_offered(chat: Chatting) -> None:
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    assert "tools" not in chat.engine.sessions[0].told[-1]["response"]


# --- what goes wrong ------------------------------------------------------------------------------------------


async def collect(stream: AsyncStream[ChatCompletionChunk], chunks: list[ChatCompletionChunk]) -> None:
    async for chunk in stream:
        chunks.append(chunk)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stop": ["\n"]}, "stop"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"colour": "blue"}, "colour"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0].type"),
        ({"tools": [], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages[0].content[0].type"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(chat: Chatting, options: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await chat.raw(**{"model": "gpt-realtime", "messages": QUESTION, **options})
    assert refused.value.param == param
    assert chat.engine.sessions == []


async def test_what_makes_no_difference_is_accepted(chat: Chatting) -> None:
    await chat.raw(
        model="gpt-realtime",
        messages=[{"role": "user", "content": "Hello.", "name": "Ann"}],
        n=1,
        logprobs=False,
        stop=None,
        response_format={"type": "text"},
        modalities=["text"],
        temperature=0.2,
        top_p=1,
        seed=7,
        logit_bias={"50256": -100},
        presence_penalty=0.1,
        frequency_penalty=0.1,
        user="ann",
        store=True,
        metadata={"a": "b"},
        service_tier="auto",
        verbosity="low",
    )
    assert chat.engine.sessions[0].closed.is_set()


async def test_an_unknown_model(start: Start) -> None:
    chat = await start()
    with pytest.raises(openai.NotFoundError) as refused:
        await chat.sdk.chat.completions.create(model="whisper-9", messages=QUESTION)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    assert chat.capacity.sessions == 0


async def test_a_key_is_needed(start: Start) -> None:
    chat = await start(api_keys=("sk-right",), key="sk-wrong")
    with pytest.raises(openai.AuthenticationError) as refused:
        await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    assert refused.value.code == "invalid_api_key"


async def test_a_client_secret_carries_its_session(start: Start) -> None:
    secrets = ClientSecrets(SIGNING_KEY)
    session = {"type": "realtime", "instructions": "Be brief."}
    value = secrets.mint(ClientSecret(2**33, session, None, None, None))
    chat = await start(api_keys=("sk-right",), key=value)
    await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    start_of = chat.engine.sessions[0].start
    assert (start_of.config.instructions, start_of.config.output_modalities) == ("Be brief.", ["text"])


async def test_a_client_secret_for_transcription_gets_no_answer(start: Start) -> None:
    value = ClientSecrets(SIGNING_KEY).mint(ClientSecret(2**33, {"type": "transcription"}, None, None, None))
    chat = await start(api_keys=("sk-right",), key=value)
    with pytest.raises(openai.BadRequestError) as refused:
        await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    assert refused.value.code == "invalid_client_secret"


@pytest.mark.parametrize("reason", ["server_full", "server_shutting_down", "server_not_ready"])
async def test_a_server_that_cannot_answer_now_says_when_to_ask_again(start: Start, reason: str) -> None:
    chat = await start(max_sessions=1)
    if reason == "server_full":
        chat.capacity.enter()
    elif reason == "server_shutting_down":
        chat.capacity.draining = True
    else:
        chat.engine.ready = False
    with pytest.raises(openai.InternalServerError) as refused:
        await chat.sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    assert (refused.value.status_code, refused.value.code) == (503, reason)
    assert refused.value.response.headers["retry-after"] == "5"


async def test_an_item_that_the_engine_refuses_is_named_by_its_message(chat: Chatting) -> None:
    call = {"id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    two = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    result = {"role": "tool", "tool_call_id": "no_such_call", "content": "x"}
    chat.engine.equipment = EQUIPMENT_WITHOUT_IMAGES
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await chat.raw(
            model="gpt-realtime",
            messages=[*two, result, {"role": "user", "content": [{"type": "text", "text": "Look."}, image]}],
        )
    assert refused.value.param == "messages[3].content[1].type"
    assert chat.capacity.sessions == 0


async def test_a_failure_before_the_answer_has_its_status(chat: Chatting) -> None:
    chat.engine.equipment = EQUIPMENT_WITHOUT_IMAGES
    tools = [{"type": "function", "function": {"name": "f"}}]
    with pytest.raises(openai.InternalServerError) as failed:
        await chat.raw(model="gpt-realtime", messages=[{"role": "user", "content": "break"}], tools=tools)
    assert (failed.value.status_code, failed.value.code) == (502, "model_broke")
    assert "The model broke." in failed.value.message


async def test_a_failure_within_a_stream_ends_it_with_the_error(chat: Chatting) -> None:
    stream = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "user", "content": "break"}], stream=True
    )
    chunks: list[ChatCompletionChunk] = []
    with pytest.raises(openai.APIError, match="The model broke") as failed:
        await collect(stream, chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Half a"
    assert failed.value.code == "model_broke"
    await asyncio.wait_for(chat.engine.sessions[0].closed.wait(), 5)
    assert chat.capacity.sessions == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_takes_too_long_is_given_up(start: Start, stream: bool) -> None:
    chat = await start(limits=ChatLimits(seconds=0.1))
    with pytest.raises(openai.InternalServerError) as failed:
        await chat.raw(model="gpt-realtime", messages=[{"role": "user", "content": "never"}], stream=stream)
    assert (failed.value.status_code, failed.value.code) == (504, "timeout")
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert chat.engine.sessions[0].closed.is_set()
    assert chat.capacity.sessions == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_before_the_answer_ends_the_session(chat: Chatting, stream: bool) -> None:
    asking = asyncio.create_task(
        chat.raw(model="gpt-realtime", messages=[{"role": "user", "content": "never"}], stream=stream)
    )
    async with asyncio.timeout(10):
        await chat.engine.opened.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await chat.engine.sessions[0].closed.wait()
        await chat.capacity.idle()
    assert chat.engine.sessions[0].told[-1]["type"] == "response.cancel"


async def test_a_client_that_goes_within_the_answer_ends_the_session(chat: Chatting) -> None:
    stream = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "user", "content": "slow, please"}], stream=True
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    async with asyncio.timeout(10):
        await chat.engine.sessions[0].closed.wait()
        await chat.capacity.idle()


async def test_an_engine_that_looks_at_every_connection_has_no_chat() -> None:
    """The emulator's: it finds a session's faults by its WebSocket."""

    class Watching(Engine):
        def knock(self, client: Any, handshake: Any) -> None: ...

    backend = Backend(Watching(TURNS))
    routes = ChatRoutes(backend, Keyring((), ClientSecrets()), Capacity(1))
    async with chatting(ServerSettings(port=0), backend, routes) as sdk:
        with pytest.raises(openai.InternalServerError) as refused:
            await sdk.chat.completions.create(model="gpt-realtime", messages=QUESTION)
    assert (refused.value.status_code, refused.value.code) == (501, "chat_not_available")


async def test_a_client_that_does_not_read_is_given_up() -> None:
    engine, capacity = Engine(TURNS), Capacity(1)
    await engine.start()
    limits = ChatLimits(seconds=0.05, last_seconds=0)
    routes = ChatRoutes(Backend(engine), Keyring((), ClientSecrets()), capacity, limits=limits)
    body = json.dumps({"model": "gpt-realtime", "messages": QUESTION, "stream": True}).encode()
    asked = asyncio.Queue[dict[str, Any]]()
    asked.put_nowait({"type": "http.request", "body": body})

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    response = await routes.create_completion(Request(scope, asked.get))
    await response(scope, asked.get, send)  # type: ignore[arg-type]
    assert engine.sessions[0].closed.is_set()
    assert capacity.sessions == 0


# --- a running conversation -----------------------------------------------------------------------------------


async def ask(chat: Chatting, token: str, *messages: Any, **options: Any) -> Any:
    return await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=list(messages), extra_headers={"Antiphon-Session": token}, **options
    )


async def test_a_question_within_a_conversation_is_heard_by_all(chat: Chatting) -> None:
    listener, _, token = await chat.conversation()
    completion = await ask(chat, token, {"role": "user", "content": "Hello there."})
    assert completion.choices[0].message.content == "Hello there."
    done = await listener.until("response.done")
    assert done["response"]["output"][0]["content"][0] == {"type": "output_text", "text": "Hello there."}
    assert done["response"]["conversation_id"] is not None
    added = await listener.until("conversation.item.added")
    assert added["item"]["content"][0]["text"] == "Hello there."
    assert not chat.engine.sessions[0].closed.is_set()
    assert len(chat.engine.sessions) == 1


async def test_the_token_may_come_in_the_body(chat: Chatting) -> None:
    _, _, token = await chat.conversation()
    await chat.raw(model="gpt-realtime", messages=[{"role": "user", "content": "Hello."}], session=token)
    assert len(chat.engine.sessions) == 1


async def test_only_what_is_new_is_added(chat: Chatting) -> None:
    listener, _, token = await chat.conversation()
    first = await ask(chat, token, {"role": "user", "content": "One."})
    await ask(
        chat,
        token,
        {"role": "user", "content": "One."},
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": "Two."},
    )
    await listener.until("response.done", nth=2)
    told = [event["item"] for event in chat.engine.sessions[0].told if event["type"] == "conversation.item.create"]
    assert [item["content"][0]["text"] for item in told] == ["One.", "Two."]


async def test_a_conversation_needs_something_new(chat: Chatting) -> None:
    _, _, token = await chat.conversation()
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(chat, token, {"role": "user", "content": "One."}, {"role": "assistant", "content": "Two."})
    assert refused.value.param == "messages"


async def test_a_stream_within_a_conversation(chat: Chatting) -> None:
    _, _, token = await chat.conversation()
    stream = await ask(chat, token, {"role": "user", "content": "Hello there."}, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "Hello there."


async def test_an_answer_under_way_is_waited_for(chat: Chatting) -> None:
    listener, session, token = await chat.conversation()
    say(session, "slow, please")
    await listener.until("response.created")
    completion = await ask(chat, token, {"role": "user", "content": "Hello there."})
    assert completion.choices[0].message.content == "Hello there."
    dones = [await listener.until("response.done", nth=1), await listener.until("response.done", nth=2)]
    assert [done["response"]["status"] for done in dones] == ["completed", "completed"]


async def test_questions_at_once_are_answered_one_after_the_other(chat: Chatting) -> None:
    listener, _, token = await chat.conversation()
    question = {"role": "user", "content": "slow, please"}
    answers = await asyncio.gather(*(ask(chat, token, question) for _ in range(3)))
    assert [answer.choices[0].message.content for answer in answers] == ["One two three."] * 3
    await listener.until("response.done", nth=3)
    ends = [event["type"] for event in listener.heard if event["type"] in ("response.created", "response.done")]
    assert ends == ["response.created", "response.done"] * 3


async def test_a_client_that_goes_cancels_its_own_answer_alone(chat: Chatting) -> None:
    listener, _, token = await chat.conversation()
    asking = asyncio.create_task(ask(chat, token, {"role": "user", "content": "never"}))
    created = await listener.until("response.created")
    asking.cancel()
    done = await listener.until("response.done")
    assert done["response"]["id"] == created["response"]["id"]
    assert done["response"]["status"] == "cancelled"
    assert not chat.engine.sessions[0].closed.is_set()


async def test_an_answer_that_the_conversation_cancels_is_told(chat: Chatting) -> None:
    listener, session, token = await chat.conversation()
    asking = asyncio.create_task(ask(chat, token, {"role": "user", "content": "never"}))
    await listener.until("response.created")
    session.receive(b'{"type":"response.cancel"}')
    with pytest.raises(openai.ConflictError) as failed:
        await asking
    assert failed.value.code == "response_cancelled"
    assert failed.value.response.headers["x-should-retry"] == "false"


async def test_a_conversation_that_ends_is_told(chat: Chatting) -> None:
    listener, _, token = await chat.conversation()
    asking = asyncio.create_task(ask(chat, token, {"role": "user", "content": "never"}))
    await listener.until("response.created")
    chat.calls.hang_up_by_token(token)
    with pytest.raises(openai.InternalServerError) as failed:
        await asking
    assert failed.value.code == "session_ended"


async def test_an_unknown_token(chat: Chatting) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await ask(chat, "nothing", *QUESTION)
    assert (refused.value.code, refused.value.param) == ("session_not_found", "session")
    assert chat.engine.sessions == []


async def test_more_questions_at_once_than_a_conversation_takes_are_put_off(chat: Chatting) -> None:
    _, _, token = await chat.conversation()
    guests = [chat.calls.join_by_token(token, Listener(), GaDialect()) for _ in range(MOST_CLIENT_GUESTS)]
    with pytest.raises(openai.RateLimitError) as refused:
        await ask(chat, token, *QUESTION)
    assert (refused.value.code, refused.value.response.headers["retry-after"]) == ("call_full", "5")
    assert guests[0] is not None
    guests[0].close()
    answer = await ask(chat, token, {"role": "user", "content": "Hello there."})
    assert answer.choices[0].message.content == "Hello there."


async def test_a_refused_message_leaves_no_answer_behind(chat: Chatting) -> None:
    chat.engine.equipment = EQUIPMENT_WITHOUT_IMAGES
    listener, _, token = await chat.conversation()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError):
        await ask(chat, token, {"role": "user", "content": [image]})
    assert [event for event in listener.heard if event["type"] == "response.created"] == []


def say(session: EngineSession, text: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    session.receive(json.dumps({"type": "conversation.item.create", "item": item}).encode())
    session.receive(b'{"type":"response.create","response":{"output_modalities":["text"]}}')
