"""Chat completions with the engines that the settings build: the embedded one, and relays to servers of both shapes."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from antiphon.audio.pcm import Wav, write_wav
from antiphon.config import load_settings
from antiphon.config.settings import ServerSettings
from antiphon.gateway.auth import Keyring
from antiphon.gateway.chat import ChatRoutes
from antiphon.gateway.client_secrets import ClientSecrets
from antiphon.gateway.engine import Backend, build_backend
from antiphon.gateway.limits import Capacity
from antiphon.path.calls import Calls
from antiphon.protocol.dialect import GaDialect
from antiphon.session.start import SessionStart
from antiphon.testing import emulator
from antiphon.transports.base import Client, EngineSession
from tests.clients.speech import question
from tests.gateway.chat_kit import Listener, chatting

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSTREAM_KEY = "sk-a-key-of-the-upstream"
SCRIPT = {
    "server": {"keys": [UPSTREAM_KEY]},
    "turn": [
        {"when": "bedrooms", "say": "The property has 4 bedrooms.", "repeat": 0},
        {"when": "weather", "call": {"name": "get_weather", "arguments": {"city": "Paris"}}, "repeat": 0},
        {"when": "19 degrees", "say": "In Paris it is 19 degrees.", "repeat": 0},
        {"when": "fail", "fail": {"code": "model_broke", "message": "The model broke."}, "repeat": 0},
    ],
}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "name of the city"}},
            "required": ["city"],
        },
    },
}
BEDROOMS: Any = {"role": "user", "content": "How many bedrooms does this property have?"}
WAYS = ("embedded", "relay", "relay-beta")


@dataclass(frozen=True)
class Chat:
    """The official SDK pointed at a gateway, and what is behind it."""

    sdk: AsyncOpenAI
    calls: Calls
    backend: Backend


def said(*parts: dict[str, Any]) -> Any:
    return [{"role": "user", "content": list(parts)}]


def built(folder: Path, environment: dict[str, str], config: str) -> Backend:
    folder.mkdir()
    (folder / "antiphon.toml").write_text(config)
    return build_backend(load_settings({}, environment, folder).settings)


@asynccontextmanager
async def server(folder: Path, environment: dict[str, str], config: str = "") -> AsyncIterator[Chat]:
    """Run a gateway as these settings build it."""
    backend = built(folder, environment, config)
    calls = Calls(backend.engine)

    def join(token: str, client: Client) -> EngineSession | None:
        return calls.join_by_token(token, client, GaDialect())

    routes = ChatRoutes(backend, Keyring((), ClientSecrets()), Capacity(10), join=join)
    async with chatting(ServerSettings(port=0), backend, routes) as sdk:
        yield Chat(sdk, calls, backend)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Chat]]:
    folder = tmp_path_factory.mktemp("chat")
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(emulator(SCRIPT))
        there = {
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_API_KEY": UPSTREAM_KEY,
            "ANTIPHON_RELAY_FALLBACK": "none",
        }
        beta = '[[upstream]]\nname = "openai"\ndialect = "beta"\n'
        yield {
            "embedded": await stack.enter_async_context(server(folder / "embedded", {})),
            "relay": await stack.enter_async_context(server(folder / "relay", there)),
            "relay-beta": await stack.enter_async_context(server(folder / "beta", there, beta)),
        }


@pytest.fixture(params=WAYS)
def chat(request: pytest.FixtureRequest, chats: dict[str, Chat]) -> Chat:
    return chats[request.param]


@pytest.fixture
def sdk(chat: Chat) -> AsyncOpenAI:
    return chat.sdk


async def test_a_question_about_what_the_agent_knows(sdk: AsyncOpenAI) -> None:
    completion = await sdk.chat.completions.create(
        model="gpt-realtime", messages=[{"role": "system", "content": "Be brief."}, BEDROOMS], temperature=0.3
    )
    assert "4 bedrooms" in (completion.choices[0].message.content or "")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


async def test_a_stream(sdk: AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(
        model="gpt-realtime", messages=[BEDROOMS], stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert "4 bedrooms" in text
    assert chunks[-1].usage is not None


async def test_a_function_call_and_its_result(sdk: AsyncOpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = await sdk.chat.completions.create(
        model="gpt-realtime", messages=messages, tools=[WEATHER], tool_choice="auto", max_tokens=100
    )
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    call: Any = choice.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": "19 degrees"}'}
    said_before: Any = choice.message.to_dict()
    second = await sdk.chat.completions.create(
        model="gpt-realtime", messages=[*messages, said_before, result], tools=[WEATHER]
    )
    assert "19 degrees" in (second.choices[0].message.content or "")


async def test_the_answer_before_is_known(sdk: AsyncOpenAI) -> None:
    completion = await sdk.chat.completions.create(
        model="gpt-realtime",
        messages=[
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": "Hello. How can I help?"},
            BEDROOMS,
        ],
    )
    assert "4 bedrooms" in (completion.choices[0].message.content or "")


async def test_a_question_within_a_running_conversation(chat: Chat) -> None:
    listener = Listener()
    session = chat.calls.open(SessionStart("gpt-realtime", chat.backend.defaults, extensions=True), listener)
    token = (await listener.until("antiphon.session.resumable"))["token"]
    completion = await chat.sdk.chat.completions.create(
        model="gpt-realtime", messages=[BEDROOMS], extra_headers={"Antiphon-Session": token}
    )
    assert "4 bedrooms" in (completion.choices[0].message.content or "")
    done = await listener.until("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == completion.choices[0].message.content
    session.close()


async def test_a_spoken_question(chats: dict[str, Chat]) -> None:
    pcm, expected = question("bedrooms")
    file = BytesIO()
    write_wav(file, Wav(pcm, 24_000))
    audio = {"data": base64.b64encode(file.getvalue()).decode(), "format": "wav"}
    completion = await chats["embedded"].sdk.chat.completions.create(
        model="gpt-realtime", messages=said({"type": "input_audio", "input_audio": audio})
    )
    assert expected.search(completion.choices[0].message.content or "")
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.audio_tokens


async def test_an_image_is_refused_where_the_model_sees_none(chats: dict[str, Chat]) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await chats["embedded"].sdk.chat.completions.create(model="gpt-realtime", messages=said(image))
    assert refused.value.param == "messages[0].content[0].type"


@pytest.mark.parametrize("way", ["relay", "relay-beta"])
async def test_a_failure_of_the_upstreams_model(chats: dict[str, Chat], way: str) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        await chats[way].sdk.chat.completions.create(
            model="gpt-realtime", messages=[{"role": "user", "content": "Please fail."}]
        )
    assert (failed.value.status_code, failed.value.code) == (502, "model_broke")


async def test_an_upstream_that_cannot_be_signed_in_to(tmp_path: Path) -> None:
    async with emulator(SCRIPT) as upstream:
        there = {
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_API_KEY": "sk-a-key-that-is-wrong",
            "ANTIPHON_RELAY_FALLBACK": "none",
        }
        async with server(tmp_path / "wrong", there) as chat:
            with pytest.raises(openai.InternalServerError) as failed:
                await chat.sdk.chat.completions.create(model="gpt-realtime", messages=[BEDROOMS])
    assert (failed.value.status_code, failed.value.code) == (502, "upstream_unauthorized")
