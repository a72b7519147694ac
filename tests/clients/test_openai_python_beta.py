"""openai-python's beta client, unmodified, over a real socket: only its WebSocket URL is changed."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai.resources.beta.realtime.realtime import AsyncRealtimeConnection
from tests.clients.speech import at_real_pace, question
from tests.clients.ways import DEPLOYMENT, KEY, WRONG_KEY
from tests.running import RunningServer
from tests.sdk_beta_events import check_beta_event
from websockets.exceptions import ConnectionClosedError

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "name of the city"}},
        "required": ["city"],
    },
}


def websocket_base_url(server: RunningServer) -> str:
    return f"ws://127.0.0.1:{server.port}/v1"


@asynccontextmanager
async def connect(
    server: RunningServer, key: str = KEY, model: str = "gpt-4o-realtime-preview", **query: str
) -> AsyncIterator[AsyncRealtimeConnection]:
    async with (
        AsyncOpenAI(base_url=server.base_url, websocket_base_url=websocket_base_url(server), api_key=key) as sdk,
        sdk.beta.realtime.connect(model=model, extra_query=query) as connection,
    ):
        yield connection


class Events:
    """What a connection received, each event judged strictly by the SDK's beta types.

    Read to the end of a response before the connection is closed: with events left unread, the library under the SDK
    may have stopped reading, and then waits 10 seconds for the CLOSE frame.
    """

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self.seen: list[dict[str, Any]] = []

    async def until(self, *kinds: str) -> dict[str, Any]:
        """Receive up to the first event of those types and return it."""
        async with asyncio.timeout(30):
            while True:
                message: dict[str, Any] = json.loads(await self._connection.recv_bytes())
                check_beta_event(message)
                self.seen.append(message)
                if message["type"] in kinds:
                    return message

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["type"] == kind]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.seen]


async def say(connection: AsyncRealtimeConnection, text: str) -> None:
    content: Any = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()


async def speak(connection: AsyncRealtimeConnection, pcm: bytes) -> None:
    async for packet in at_real_pace(pcm):
        await connection.input_audio_buffer.append(audio=base64.b64encode(packet).decode())


async def test_a_text_turn(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        await events.until("conversation.created")
        assert events.kinds == ["session.created", "conversation.created"]
        await connection.session.update(session={"modalities": ["text"], "temperature": 0.7})
        updated = await events.until("session.updated")
        assert (updated["session"]["modalities"], updated["session"]["temperature"]) == (["text"], 0.7)
        await say(connection, "How many bedrooms does this property have?")
        text = await events.until("response.text.done")
        assert "4 bedrooms" in text["text"]
        done = await events.until("response.done")
        assert done["response"]["status"] == "completed"
        assert done["response"]["modalities"] == ["text"]
        assert done["response"]["output"][0]["content"] == [{"type": "text", "text": text["text"]}]
        assert "".join(event["delta"] for event in events.all("response.text.delta")) == text["text"]


@pytest.mark.parametrize("about", ["bedrooms", "garage"])
async def test_a_spoken_question_gets_a_spoken_answer(server: RunningServer, about: str) -> None:
    pcm, expected = question(about)
    async with connect(server) as connection:
        events = Events(connection)
        await connection.session.update(session={"input_audio_transcription": {"model": "whisper-1"}})
        await speak(connection, pcm + bytes(48_000))
        answer = await events.until("response.audio_transcript.done")
        assert expected.search(answer["transcript"])
        done = await events.until("response.done")
        assert done["response"]["status"] == "completed"
        audio = b"".join(base64.b64decode(event["delta"]) for event in events.all("response.audio.delta"))
        assert len(audio) > 24_000
        heard = events.all("conversation.item.input_audio_transcription.completed")
        assert about in heard[0]["transcript"]
        for earlier, later in [
            ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
            ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed"),
            ("input_audio_buffer.committed", "conversation.item.created"),
            ("conversation.item.created", "response.created"),
            ("response.created", "response.output_item.added"),
            ("response.output_item.added", "response.content_part.added"),
            ("response.audio_transcript.delta", "response.audio.delta"),
            ("response.audio.delta", "response.audio.done"),
            ("response.audio.done", "response.audio_transcript.done"),
        ]:
            assert events.kinds.index(earlier) < events.kinds.index(later)


async def test_a_function_call_and_its_result(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        session: Any = {"modalities": ["text"], "tools": [WEATHER]}
        await connection.session.update(session=session)
        await say(connection, "What is the weather in Paris?")
        call = await events.until("response.function_call_arguments.done")
        assert json.loads(call["arguments"]) == {"city": "Paris"}
        done = await events.until("response.done")
        item = done["response"]["output"][0]
        assert (item["name"], item["status"], item["call_id"]) == ("get_weather", "completed", call["call_id"])
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"temperature": "19 degrees"}'}
        )
        await connection.response.create()
        text = await events.until("response.text.done")
        assert "19 degrees" in text["text"]
        await events.until("response.done")


async def test_speech_interrupts_an_answer(server: RunningServer) -> None:
    pcm, expected = question("bedrooms")
    async with connect(server) as connection:
        events = Events(connection)
        await say(connection, "Tell me everything about the property.")
        await events.until("response.audio.delta")
        speaking = asyncio.create_task(speak(connection, pcm + bytes(48_000)))
        await events.until("input_audio_buffer.speech_started")
        done = await events.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        item_id = done["response"]["output"][0]["id"]
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=700)
        truncated = await events.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 700
        answer = await events.until("response.audio_transcript.done")
        assert expected.search(answer["transcript"])
        await events.until("response.done")
        await speaking


async def test_a_mistake_is_told_in_the_clients_own_words(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        await connection.session.update(session={"turn_detection": {"threshold": 2.0}}, event_id="mine")
        error = await events.until("error")
        assert error["error"]["param"] == "session.turn_detection.threshold"
        assert error["error"]["event_id"] == "mine"
        await connection.session.update(session={"modalities": ["text"]})
        await events.until("session.updated")


async def test_a_transcription_session(server: RunningServer) -> None:
    pcm, _ = question("bedrooms")
    async with connect(server, model="", intent="transcription") as connection:
        events = Events(connection)
        await events.until("transcription_session.created")
        await connection.transcription_session.update(
            session={"input_audio_transcription": {"model": "whisper-1", "language": "en"}}
        )
        updated = await events.until("transcription_session.updated")
        assert updated["session"]["input_audio_transcription"]["language"] == "en"
        await speak(connection, pcm + bytes(48_000))
        heard = await events.until("conversation.item.input_audio_transcription.completed")
        assert "bedrooms" in heard["transcript"]
        assert not [kind for kind in events.kinds if kind.startswith("response.")]


async def test_azure(server: RunningServer) -> None:
    """The SDK's Azure client connects to Azure's beta path with the header `api-key`."""
    async with (
        AsyncAzureOpenAI(
            azure_endpoint=f"http://127.0.0.1:{server.port}",
            websocket_base_url=f"ws://127.0.0.1:{server.port}/openai",
            api_key=KEY,
            api_version="2024-10-01-preview",
        ) as sdk,
        sdk.beta.realtime.connect(model=DEPLOYMENT) as connection,
    ):
        events = Events(connection)
        created = await events.until("session.created")
        assert created["session"]["voice"]
        await connection.session.update(session={"modalities": ["text"]})
        await say(connection, "How many bedrooms does this property have?")
        assert "4 bedrooms" in (await events.until("response.text.done"))["text"]
        await events.until("response.done")


async def test_a_session_made_over_rest_is_the_one_that_begins(server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key=KEY) as sdk:
        session = await sdk.beta.realtime.sessions.create(
            instructions="Be brief.", modalities=["text"], temperature=1.1
        )
        assert session.modalities == ["text"]
    async with connect(server, session.client_secret.value) as connection:
        created = await Events(connection).until("session.created")
        assert created["session"]["instructions"] == "Be brief."
        assert created["session"]["modalities"] == ["text"]
        assert created["session"]["temperature"] == 1.1


async def test_a_transcription_session_made_over_rest(server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key=KEY) as sdk:
        session = await sdk.beta.realtime.transcription_sessions.create(
            input_audio_transcription={"model": "whisper-1", "language": "en"}
        )
        assert session.input_audio_transcription is not None
    async with connect(server, session.client_secret.value, model="", intent="transcription") as connection:
        created = await Events(connection).until("transcription_session.created")
        assert created["session"]["input_audio_transcription"]["language"] == "en"


async def test_a_wrong_key(server: RunningServer) -> None:
    async with connect(server, WRONG_KEY) as connection:
        error = await Events(connection).until("error")
        assert error["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.recv_bytes()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3000, "invalid_request_error.invalid_api_key")
    async with connect(server) as connection:
        await Events(connection).until("session.created")
    assert WRONG_KEY not in "".join(server.lines)
