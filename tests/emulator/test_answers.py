"""What a script says, calls, hears and counts, as the official SDK and strict types see it."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from antiphon.audio.pcm import Wav, write_wav
from antiphon.testing import emulator
from tests.emulator.kit import QUIET, say, send, speak, speech, until
from tests.sdk_beta_events import check_beta_event
from tests.sdk_events import check_server_event

EXAMPLES = Path(__file__).parents[2] / "examples" / "emulator"


def text_of(done: Any) -> str:
    part = done["response"]["output"][0]["content"][0]
    return str(part.get("transcript") or part.get("text"))


async def test_a_text_turn_with_openai_python() -> None:
    async with (
        emulator(turn=[{"say": "There are four bedrooms."}]) as emu,
        AsyncOpenAI(base_url=emu.base_url, api_key="none") as sdk,
        sdk.realtime.connect(model="gpt-realtime") as connection,
    ):
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.response.create()
        text = ""
        async with asyncio.timeout(10):
            async for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type == "response.done":
                    break
        assert text == "There are four bedrooms."
        assert [event["type"] for event in emu.client_events] == ["session.update", "response.create"]


async def test_a_spoken_turn_is_as_the_sdks_types_want_it() -> None:
    script = {"turn": [{"hear": "how many bedrooms are there", "say": "Four bedrooms. And two baths."}]}
    async with emulator(script) as emu, connect(emu.url) as ws:
        session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        await send(ws, "session.update", session=session)
        await speak(ws, QUIET, speech(1000), QUIET)
        seen: list[Any] = []
        done = await until(ws, "response.done", seen)
        for event in seen:
            check_server_event(event)
        assert text_of(done) == "Four bedrooms. And two baths."
        kinds = [event["type"] for event in seen]
        assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.committed")
        heard = [event for event in seen if event["type"].endswith("transcription.completed")]
        assert [event["transcript"] for event in heard] == ["how many bedrooms are there"]
        audio = [base64.b64decode(event["delta"]) for event in seen if event["type"] == "response.output_audio.delta"]
        # 50 ms for each character, in deltas of 200 ms at most; the space between the sentences is not spoken.
        assert sum(map(len, audio)) == 2 * 24 * 50 * len("Four bedrooms.And two baths.")
        assert max(map(len, audio)) == 2 * 24 * 200


async def test_a_function_call_and_its_result() -> None:
    async with emulator(EXAMPLES / "conversation.toml") as emu, connect(emu.url) as ws:
        await say(ws, "What is the weather?")
        call = await until(ws, "response.function_call_arguments.done")
        assert (call["name"], json.loads(call["arguments"])) == ("get_weather", {"city": "Paris"})
        await until(ws, "response.done")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "19 degrees"}
        await send(ws, "conversation.item.create", item=output)
        await send(ws, "response.create")
        assert text_of(await until(ws, "response.done")) == "In Paris it is 19 degrees."
        await say(ws, "Bye then")
        done = await until(ws, "response.done")
        assert text_of(done) == "Goodbye!"
        usage = done["response"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (120, 8, 128)


async def test_a_message_and_two_calls_in_one_response() -> None:
    calls = [{"name": "f", "call_id": "call_1"}, {"name": "g", "arguments": {"x": 1}}]
    async with emulator(turn=[{"say": "One moment.", "call": calls}]) as emu, connect(emu.url) as ws:
        await say(ws, "Go")
        output = (await until(ws, "response.done"))["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        assert (output[1]["call_id"], output[1]["arguments"]) == ("call_1", "{}")
        assert output[2]["arguments"] == '{"x":1}'


async def test_a_transcription_session() -> None:
    async with (
        emulator(turn=[{"hear": "one two"}, {"hear_error": "too much noise"}]) as emu,
        connect(f"{emu.websocket_base_url}/realtime?intent=transcription") as ws,
    ):
        await until(ws, "session.created")
        await speak(ws, QUIET, speech(800), QUIET)
        kind = "conversation.item.input_audio_transcription.completed"
        assert (await until(ws, kind))["transcript"] == "one two"
        await speak(ws, speech(800), QUIET)
        failed = await until(ws, "conversation.item.input_audio_transcription.failed")
        assert "too much noise" in failed["error"]["message"]


async def test_a_beta_client_on_azures_old_path() -> None:
    async with emulator(turn=[{"say": "Hello."}]) as emu:
        url = f"ws://127.0.0.1:{emu.port}/openai/realtime?api-version=2025-04-01-preview&deployment=mine"
        async with connect(url, additional_headers={"api-key": "any"}) as ws:
            await until(ws, "session.created")
            await send(ws, "response.create", response={"modalities": ["text"]})
            seen: list[Any] = []
            await until(ws, "response.done", seen)
            for event in seen:
                check_beta_event(event)
            assert [event["text"] for event in seen if event["type"] == "response.text.done"] == ["Hello."]
        assert emu.connections[0].header("api-key") == "(hidden)"


async def test_a_beta_client_of_openai_python() -> None:
    async with (
        emulator(turn=[{"say": "Hello."}]) as emu,
        AsyncOpenAI(websocket_base_url=emu.websocket_base_url, base_url=emu.base_url, api_key="none") as sdk,
        sdk.beta.realtime.connect(model="gpt-realtime") as connection,
    ):
        await connection.response.create(response={"modalities": ["text"]})
        async with asyncio.timeout(10):
            async for event in connection:
                if event.type == "response.text.done":
                    assert event.text == "Hello."
                    break
        assert emu.connections[0].header("openai-beta") == "realtime=v1"


async def test_what_is_used_is_as_scripted() -> None:
    usage = {"input_tokens": 100, "output_tokens": 20, "input_token_details": {"cached_tokens": 64}}
    async with emulator(turn=[{"say": "A."}, {"say": "B.", "usage": usage}]) as emu, connect(emu.url) as ws:
        await say(ws, "a")
        counted = (await until(ws, "response.done"))["response"]["usage"]
        await say(ws, "b")
        scripted = (await until(ws, "response.done"))["response"]["usage"]
        assert counted["total_tokens"] == counted["input_tokens"] + counted["output_tokens"] != 120
        assert (scripted["total_tokens"], scripted["input_token_details"]["cached_tokens"]) == (120, 64)
        assert "audio_tokens" in scripted["input_token_details"]


@pytest.mark.parametrize(
    ("turn", "status", "reason"),
    [
        ({"say": "x", "stop": "length"}, "incomplete", {"reason": "max_output_tokens"}),
        ({"say": "x", "stop": "content_filter"}, "incomplete", {"reason": "content_filter"}),
        ({"fail": {"code": "overloaded", "message": "too busy"}}, "failed", {}),
    ],
)
async def test_how_an_answer_may_end(turn: dict[str, Any], status: str, reason: dict[str, str]) -> None:
    async with emulator(turn=[turn]) as emu, connect(emu.url) as ws:
        await say(ws, "a")
        response = (await until(ws, "response.done"))["response"]
        assert response["status"] == status
        assert reason.items() <= response["status_details"].items()
        if status == "failed":
            assert response["status_details"]["error"]["code"] == "overloaded"


async def test_a_recording_is_heard_whole(tmp_path: Path) -> None:
    pcm = speech(1500)
    write_wav(tmp_path / "answer.wav", Wav(pcm, 24_000))
    turn = {"say": "First sentence. Second one.", "audio": str(tmp_path / "answer.wav")}
    async with emulator(turn=[turn]) as emu, connect(emu.url) as ws:
        await say(ws, "a")
        seen: list[Any] = []
        await until(ws, "response.done", seen)
        audio = b"".join(base64.b64decode(each["delta"]) for each in seen if each["type"].endswith("audio.delta"))
        lost = (len(pcm) - len(audio)) // 2
        assert 0 <= lost <= len(pcm) // 2 // len(turn["say"]) + 1  # the space between the sentences is not spoken


async def test_an_answer_that_takes_its_time_can_be_cancelled() -> None:
    async with emulator(EXAMPLES / "slow.toml") as emu, connect(emu.url) as ws:
        await say(ws, "a")
        await until(ws, "response.output_audio.delta")
        await send(ws, "response.cancel")
        done = await until(ws, "response.done")
        assert done["response"]["status"] == "cancelled"


@pytest.mark.parametrize(("shared", "second"), [(True, "Two."), (False, "One.")])
async def test_who_comes_back_goes_on_where_the_script_stood_or_begins_anew(shared: bool, second: str) -> None:
    async with emulator(shared=shared, turn=[{"say": "One."}, {"say": "Two."}]) as emu:
        for expected in ("One.", second):
            async with connect(emu.url) as ws:
                await say(ws, "a")
                assert text_of(await until(ws, "response.done")) == expected


async def test_without_a_script_it_says_hello_and_repeats_what_it_hears() -> None:
    async with emulator() as emu, connect(emu.url) as ws:
        await say(ws, "a")
        assert "Hello" in text_of(await until(ws, "response.done"))
        await say(ws, "How are you?")
        assert text_of(await until(ws, "response.done")) == "How are you?"


async def test_a_wrong_key_is_refused_as_the_api_does() -> None:
    async with emulator(server={"keys": ["sk-right"]}) as emu:
        async with connect(emu.url, additional_headers={"Authorization": "Bearer sk-wrong"}) as ws:
            error = json.loads(await ws.recv())["error"]
            assert error["code"] == "invalid_api_key"
            await ws.wait_closed()
            assert (ws.close_code, ws.close_reason) == (3000, "invalid_request_error.invalid_api_key")
        async with connect(emu.url, additional_headers={"Authorization": "Bearer sk-right"}) as ws:
            await until(ws, "session.created")
        assert [connection.has_session for connection in emu.connections] == [False, True]
        assert "sk-" not in json.dumps([connection.shown() for connection in emu.connections])


async def test_models_are_listed() -> None:
    async with emulator() as emu, AsyncOpenAI(base_url=emu.base_url, api_key="none") as sdk:
        assert "gpt-realtime" in [model.id async for model in sdk.models.list()]


async def test_the_session_ends_at_its_cap() -> None:
    async with emulator(session={"seconds": 0.05}) as emu, connect(emu.url) as ws:
        created = await until(ws, "session.created")
        error = await until(ws, "error")
        assert error["error"]["code"] == "session_expired"
        await ws.wait_closed()
        assert ws.close_code == 1001
        assert ws.close_reason == error["error"]["message"]
        assert "Your session hit the maximum duration of" in error["error"]["message"]
        assert created["session"]["expires_at"] > 0
        connection = await emu.wait_for_end()
        assert connection.close == (1001, ws.close_reason)
