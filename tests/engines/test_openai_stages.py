"""A whole turn through the local engine with every stage but the VAD on a server, over real sockets."""

import asyncio
import base64
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from tests.engines.test_local import LOUD, QUIET, Call, Client, settled
from tests.stages.fake_server import Connection, FakeServer, refuses, streams, streams_bytes
from tests.stages.llm.fake_chat_server import answers

from antiphon.audio.pcm import read_wav, seconds_of
from antiphon.engines import LocalEngine, Stages
from antiphon.stages.llm.openai import ChatSettings, OpenAIChat
from antiphon.stages.stt.openai import OpenAITranscription, TranscriptionSettings
from antiphon.stages.tts.openai import OpenAISpeech, SpeechSettings
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector

VOICE = bytes(range(240)) * 40  # 200 ms
HEARD = "conversation.item.input_audio_transcription"


class Servers:
    """One fake for each of STT, LLM and TTS, and the stages on them."""

    def __init__(self) -> None:
        self.stt, self.llm, self.tts = FakeServer(), FakeServer(), FakeServer()

    def stages(self) -> Stages:
        return Stages(
            ScriptedVoiceActivityDetector(),
            OpenAITranscription(TranscriptionSettings(self.stt.base_url, "ears")),
            OpenAIChat(ChatSettings(self.llm.base_url, "mind")),
            OpenAISpeech(SpeechSettings(self.tts.base_url, "voice")),
        )


class ServedCall(Call):
    """A client's session with an engine on servers."""

    def __init__(self, servers: Servers) -> None:
        self.engine = LocalEngine(servers.stages())
        self.client = Client()

    def ask(self) -> None:
        self.configure(audio={"input": {"transcription": {"model": "whisper-1", "language": "en"}}})
        self.hear((QUIET, 400), (LOUD, 1000), (QUIET, 800))

    def audio(self) -> bytes:
        return b"".join(base64.b64decode(event["delta"]) for event in self.client.all("response.output_audio.delta"))


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    made = Servers()
    async with made.stt, made.llm, made.tts:
        yield made


@pytest.fixture
async def call(servers: Servers) -> AsyncIterator[ServedCall]:
    made = ServedCall(servers)
    await made.begin()
    yield made
    made.session.close()
    await made.engine.close()
    await settled()
    assert [task for task in asyncio.all_tasks() if "Tasks._guard" in repr(task)] == []


async def test_a_spoken_turn(call: ServedCall, servers: Servers) -> None:
    servers.stt.then(
        streams(
            [
                *({"type": "transcript.text.delta", "delta": word} for word in ("How", " many", " bedrooms?")),
                {"type": "transcript.text.done", "text": "How many bedrooms?"},
            ]
        )
    )
    servers.llm.then(answers("There are ", "four bedrooms."))
    servers.tts.then(streams_bytes(VOICE, 777, "audio/pcm"))
    call.ask()
    done = await call.client.until("response.done")
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"][0]["transcript"] == "There are four bedrooms."
    assert call.audio() == VOICE
    assert (await call.client.until(f"{HEARD}.completed"))["transcript"] == "How many bedrooms?"
    wav = read_wav(BytesIO(servers.stt.requests[0].body["file"]))
    # The turn with its padding: 300 + 1000 + 500 ms.
    assert seconds_of(wav.pcm, wav.rate) == pytest.approx(1.8, abs=0.07)
    assert servers.stt.requests[0].body["language"] == "en"
    assert servers.llm.requests[0].body["messages"][-1]["content"] == "How many bedrooms?"
    assert servers.tts.requests[0].body["input"].strip() == "There are four bedrooms."


async def test_a_voice_that_fails_ends_the_response_and_not_the_session(call: ServedCall, servers: Servers) -> None:
    servers.llm.then(answers("Hello."), answers("Hello again."))
    servers.tts.then(
        refuses("429 Too Many Requests", {"error": {"message": "slow down"}}), streams_bytes(VOICE, 1, "audio/pcm")
    )
    call.say("Hello")
    failed = await call.client.until("response.done")
    assert failed["response"]["status"] == "failed"
    assert "slow down" in failed["response"]["status_details"]["error"]["message"]
    call.say("Hello?")
    assert (await call.client.until("response.done", 2))["response"]["status"] == "completed"
    assert call.audio() == VOICE


async def test_ears_that_fail_are_told_and_the_session_goes_on(call: ServedCall, servers: Servers) -> None:
    servers.stt.then(refuses("401 Unauthorized", {"error": {"message": "who are you"}}))
    servers.llm.then(answers("Hello."))
    servers.tts.then(streams_bytes(VOICE, content_type="audio/pcm"))
    call.ask()
    failed = await call.client.until(f"{HEARD}.failed")
    assert "check the api key" in failed["error"]["message"]
    assert (await call.client.until("response.done"))["response"]["status"] == "failed"  # nothing to answer
    call.say("Hello?")
    assert (await call.client.until("response.done", 2))["response"]["status"] == "completed"


async def test_an_interruption_hangs_up_on_the_voice(call: ServedCall, servers: Servers) -> None:
    gone = asyncio.Event()

    async def endless(connection: Connection) -> None:
        await connection.start(content_type="audio/pcm")
        await connection.send(VOICE)
        await connection.closed_by_client()
        gone.set()

    servers.llm.then(answers("A long story."))
    servers.tts.then(endless)
    call.say("Tell me")
    await call.client.until("response.output_audio.delta")
    call.hear((QUIET, 200), (LOUD, 300))
    done = await call.client.until("response.done")
    assert done["response"]["status_details"]["reason"] == "turn_detected"
    await asyncio.wait_for(gone.wait(), 5)
