"""LiteLLM's proxy, in front of the server; the app behind it is openai-python."""

import asyncio
import base64
import json
import os
import secrets
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

from common import LONG_ANSWER_QUESTION, QUESTION, WEATHER, WEATHER_QUESTION, in_background, main, microphone
from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosed

MASTER_KEY = f"sk-{secrets.token_hex(24)}"
START_SECONDS = 90
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PROXY_PORT = free_port()


def model(name, task, key):
    parameters = {"model": "openai/gpt-realtime", "api_base": task.base_url, "api_key": key}
    return {"model_name": name, "litellm_params": parameters}


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness") as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


@asynccontextmanager
async def proxy(task):
    """Run LiteLLM's proxy as its command line does, with two models: the second one's key is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        config = {"model_list": [model("right", task, task.key), model("wrong", task, task.wrong_key)]}
        (Path(folder) / "config.yaml").write_text(json.dumps(config))  # JSON is YAML too
        command = [Path(sys.executable).parent / "litellm", "--config", "config.yaml", "--host", "127.0.0.1"]
        environment = {**os.environ, "LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with (Path(folder) / "log").open("w+") as log:
            process = await asyncio.create_subprocess_exec(
                *command, "--port", str(PROXY_PORT), cwd=folder, env=environment, stdout=log, stderr=log
            )
            try:
                async with asyncio.timeout(START_SECONDS):
                    while not answers(PROXY_PORT):
                        if process.returncode is not None:
                            log.seek(0)
                            raise RuntimeError(f"the proxy ended: {log.read()[-2000:]}")
                        await asyncio.sleep(0.2)
                yield
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()


@asynccontextmanager
async def connect(name="right", **session):
    base_url = f"http://127.0.0.1:{PROXY_PORT}/v1"
    async with (
        AsyncOpenAI(base_url=base_url, api_key=MASTER_KEY) as sdk,
        # The library under the SDK stops reading while much is unread, and would then wait 10 s for the CLOSE frame.
        sdk.realtime.connect(model=name, websocket_connection_options={"max_queue": None}) as connection,
    ):
        if session:
            await connection.session.update(session={"type": "realtime", **session})
        yield connection


async def until(connection, kind, errors=None):
    """The next event of that type."""
    while True:
        event = await connection.recv()
        if event.type == kind:
            return event
        if event.type == "error" and errors is not None:
            errors.append(event.error.message)


async def say(connection, words):
    content = [{"type": "input_text", "text": words}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()


async def speak(connection, task):
    async for packet in microphone(task):
        await connection.input_audio_buffer.append(audio=base64.b64encode(packet).decode())


async def text(task):
    async with connect(output_modalities=["text"]) as connection:
        errors = []
        await say(connection, QUESTION)
        answer = await until(connection, "response.output_text.done", errors)
        return {"answer": answer.text, "errors": errors}


async def audio(task):
    transcription = {"input": {"transcription": {"model": "whisper-1"}}}
    async with connect(audio=transcription) as connection, in_background(speak(connection, task)):
        seen = {}
        while "response.done" not in seen or "conversation.item.input_audio_transcription.completed" not in seen:
            event = await connection.recv()
            seen.setdefault(event.type, []).append(event)
        return {
            "answer": seen["response.output_audio_transcript.done"][0].transcript,
            "heard": seen["conversation.item.input_audio_transcription.completed"][0].transcript,
            "audio_bytes": sum(len(base64.b64decode(event.delta)) for event in seen["response.output_audio.delta"]),
            "errors": [event.error.message for event in seen.get("error", [])],
        }


async def function(task):
    async with connect(output_modalities=["text"], tools=[TOOL]) as connection:
        errors = []
        await say(connection, WEATHER_QUESTION)
        call = await until(connection, "response.function_call_arguments.done", errors)
        await until(connection, "response.done", errors)
        output = {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        answer = await until(connection, "response.output_text.done", errors)
        return {"answer": answer.text, "called_with": json.loads(call.arguments), "errors": errors}


async def interruption(task):
    async with connect() as connection:
        errors = []
        await say(connection, LONG_ANSWER_QUESTION)
        delta = await until(connection, "response.output_audio.delta", errors)
        async with in_background(speak(connection, task)):
            await until(connection, "input_audio_buffer.speech_started", errors)
            await connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=700)
            truncated = await until(connection, "conversation.item.truncated", errors)
            answer = await until(connection, "response.output_audio_transcript.done", errors)
            while answer.item_id == delta.item_id:
                answer = await until(connection, "response.output_audio_transcript.done", errors)
        return {
            "interrupted": truncated.item_id == delta.item_id,
            "played_ms": truncated.audio_end_ms,
            "answer": answer.transcript,
            "errors": errors,
        }


async def wrong_key(task):
    told = []
    try:
        async with connect("wrong") as connection:
            while True:
                event = await connection.recv()
                told.append(f"{event.type} {event.error.code}" if event.type == "error" else event.type)
    except ConnectionClosed as error:
        return {"told": f"{told} {error}"}


main(around=proxy, text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
