"""openai-python, unmodified, over a real socket: only its base URL is changed."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from tests.clients.speech import at_real_pace, question
from tests.clients.ways import KEY, WRONG_KEY
from tests.running import RunningServer
from tests.sdk_events import check_server_event
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


@asynccontextmanager
async def connect(server: RunningServer, key: str = KEY) -> AsyncIterator[AsyncRealtimeConnection]:
    async with (
        AsyncOpenAI(base_url=server.base_url, api_key=key) as sdk,
        sdk.realtime.connect(model="gpt-realtime") as connection,
    ):
        yield connection


class Events:
    """What a connection received, each event judged strictly by the SDK's types.

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
                check_server_event(message)
                self.seen.append(message)
                if message["type"] in kinds:
                    return message

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["type"] == kind]


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
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await say(connection, "How many bedrooms does this property have?")
        text = await events.until("response.output_text.done")
        assert "4 bedrooms" in text["text"]
        done = await events.until("response.done")
        assert done["response"]["status"] == "completed"
        assert done["response"]["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("about", ["bedrooms", "garage", "station"])
async def test_a_spoken_question_gets_a_spoken_answer(server: RunningServer, about: str) -> None:
    pcm, expected = question(about)
    async with connect(server) as connection:
        events = Events(connection)
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        )
        await speak(connection, pcm + bytes(48_000))
        answer = await events.until("response.output_audio_transcript.done")
        assert expected.search(answer["transcript"])
        done = await events.until("response.done")
        assert done["response"]["status"] == "completed"
        audio = b"".join(base64.b64decode(event["delta"]) for event in events.all("response.output_audio.delta"))
        assert len(audio) > 24_000
        heard = events.all("conversation.item.input_audio_transcription.completed")
        assert about in heard[0]["transcript"]
        kinds = [event["type"] for event in events.seen]
        for earlier, later in [
            ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
            ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed"),
            ("input_audio_buffer.committed", "conversation.item.added"),
            ("conversation.item.done", "response.created"),
            ("response.created", "response.output_item.added"),
            ("response.output_item.added", "response.content_part.added"),
            ("response.output_audio_transcript.delta", "response.output_audio.delta"),
            ("response.output_audio.delta", "response.output_audio.done"),
            ("response.output_audio.done", "response.output_audio_transcript.done"),
        ]:
            assert kinds.index(earlier) < kinds.index(later)


async def test_a_committed_question_gets_an_answer(server: RunningServer) -> None:
    pcm, expected = question("bedrooms")
    async with connect(server) as connection:
        events = Events(connection)
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        answer = await events.until("response.output_audio_transcript.done")
        assert expected.search(answer["transcript"])
        await events.until("response.done")


async def test_a_function_call_and_its_result(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        session: Any = {"type": "realtime", "output_modalities": ["text"], "tools": [WEATHER]}
        await connection.session.update(session=session)
        await say(connection, "What is the weather in Paris?")
        call = await events.until("response.function_call_arguments.done")
        assert call["name"] == "get_weather"
        assert json.loads(call["arguments"]) == {"city": "Paris"}
        done = await events.until("response.done")
        item = done["response"]["output"][0]
        assert (item["type"], item["status"], item["call_id"]) == ("function_call", "completed", call["call_id"])
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"temperature": "19 degrees"}'}
        )
        await connection.response.create()
        text = await events.until("response.output_text.done")
        assert "19 degrees" in text["text"]
        await events.until("response.done")


async def test_speech_interrupts_an_answer(server: RunningServer) -> None:
    pcm, expected = question("bedrooms")
    async with connect(server) as connection:
        events = Events(connection)
        await say(connection, "Tell me everything about the property.")
        await events.until("response.output_audio.delta")
        speaking = asyncio.create_task(speak(connection, pcm + bytes(48_000)))
        await events.until("input_audio_buffer.speech_started")
        done = await events.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        # The client says what it had played; the server forgets the rest.
        item_id = done["response"]["output"][0]["id"]
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=700)
        truncated = await events.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 700
        answer = await events.until("response.output_audio_transcript.done")
        assert expected.search(answer["transcript"])
        await events.until("response.done")
        await speaking


async def test_cancel(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        await say(connection, "Tell me everything about the property.")
        await events.until("response.output_audio.delta")
        await connection.response.cancel()
        done = await events.until("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


async def test_a_mistake_is_told_and_survived(server: RunningServer) -> None:
    async with connect(server) as connection:
        events = Events(connection)
        wrong: Any = {"type": "realtime", "modalities": ["text"]}
        await connection.session.update(session=wrong, event_id="mine")
        error = await events.until("error")
        assert error["error"]["code"] == "unknown_parameter"
        assert error["error"]["param"] == "session.modalities"
        assert error["error"]["event_id"] == "mine"
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await events.until("session.updated")


async def test_a_client_secret_carries_its_session(server: RunningServer) -> None:
    session: Any = {"type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"]}
    async with AsyncOpenAI(base_url=server.base_url, api_key=KEY) as sdk:
        secret = await sdk.realtime.client_secrets.create(session=session)
    async with connect(server, secret.value) as connection:
        created = await Events(connection).until("session.created")
        assert created["session"]["instructions"] == "Be brief."
        assert created["session"]["output_modalities"] == ["text"]


async def test_models(server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key=KEY) as sdk:
        models = [model.id async for model in sdk.models.list()]
    assert "gpt-realtime" in models


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
