"""LiveKit Agents: an AgentSession with the OpenAI plugin's RealtimeModel; its ears and mouth are ours."""

import asyncio
import time
from contextlib import asynccontextmanager

import aiohttp
from common import LONG_ANSWER_QUESTION, QUESTION, RATE, WEATHER, WEATHER_QUESTION, main, microphone
from livekit import rtc
from livekit.agents import Agent, AgentSession, APIError, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins.openai.realtime import RealtimeModel

PLAYED_SECONDS = 0.7


class Microphone(AudioInput):
    def __init__(self, task):
        super().__init__(label="microphone")
        self.packets = microphone(task)

    async def __anext__(self):
        packet = await anext(self.packets)
        return rtc.AudioFrame(packet, RATE, 1, len(packet) // 2)


class Speaker(AudioOutput):
    """Plays whole answers at once; one that is interrupted counts as played for PLAYED_SECONDS."""

    def __init__(self, at_once=True):
        super().__init__(label="speaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self.at_once = at_once
        self.seconds = 0.0
        self.audio_bytes = 0
        self.begun = asyncio.Event()

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if not self.seconds:
            self.on_playback_started(created_at=time.time())
        self.seconds += frame.duration
        self.audio_bytes += len(bytes(frame.data))
        self.begun.set()

    def flush(self):
        super().flush()
        if self.at_once:
            self.end(played=self.seconds, interrupted=False)

    def clear_buffer(self):
        self.end(played=PLAYED_SECONDS, interrupted=True)
        self.at_once = True

    def end(self, played, interrupted):
        if self.seconds:
            self.seconds = 0.0
            self.on_playback_finished(playback_position=played, interrupted=interrupted)


class Assistant(Agent):
    def __init__(self):
        super().__init__(instructions="Answer briefly.")
        self.cities = []

    @function_tool
    async def get_weather(self, city: str) -> str:
        """Get the weather in a city."""
        self.cities.append(city)
        return WEATHER


class Call:
    """A started session and what the app sees of it."""

    def __init__(self, session, agent):
        self.session = session
        self.agent = agent
        self.items = asyncio.Queue()
        self.heard = []
        self.errors = asyncio.Queue()
        self.truncated = asyncio.Queue()
        session.on("conversation_item_added", lambda event: self.items.put_nowait(event.item))
        session.on("user_input_transcribed", self.hear)
        session.on("error", lambda event: self.errors.put_nowait(event.error))

    def hear(self, event):
        if event.is_final:
            self.heard.append(event.transcript)

    def watch_server(self):
        self.agent.realtime_llm_session.on("openai_server_event_received", self.receive)

    def receive(self, event):
        if event["type"] == "conversation.item.truncated":
            self.truncated.put_nowait(event)

    async def message(self, role="assistant"):
        """The next message of the conversation in that role."""
        while True:
            item = await self.items.get()
            if item.type == "message" and item.role == role:
                return item

    def told(self):
        return [str(self.errors.get_nowait().error) for _ in range(self.errors.qsize())]


@asynccontextmanager
async def call(task, key=None, speaker=None, **settings):
    async with aiohttp.ClientSession() as http:
        model = RealtimeModel(base_url=task.base_url, api_key=key or task.key, http_session=http, **settings)
        # The microphone hears no loudspeaker here, so there is no echo canceller to wait for.
        session = AgentSession(llm=model, aec_warmup_duration=None)
        agent = Assistant()
        watched = Call(session, agent)
        session.output.audio = speaker
        await session.start(agent)
        watched.watch_server()
        try:
            yield watched
        finally:
            await session.aclose()


async def text(task):
    async with call(task, modalities=["text"]) as watched:
        watched.session.generate_reply(user_input=QUESTION)
        answer = await watched.message()
        return {"answer": answer.text_content, "errors": watched.told()}


async def audio(task):
    speaker = Speaker()
    async with call(task, speaker=speaker) as watched:
        watched.session.input.audio = Microphone(task)
        answer = await watched.message()
        return {
            "answer": answer.text_content,
            "heard": watched.heard[0],
            "audio_bytes": speaker.audio_bytes,
            "errors": watched.told(),
        }


async def function(task):
    async with call(task, modalities=["text"]) as watched:
        watched.session.generate_reply(user_input=WEATHER_QUESTION)
        answer = await watched.message()
        return {
            "answer": answer.text_content,
            "called_with": {"city": watched.agent.cities[0]},
            "errors": watched.told(),
        }


async def interruption(task):
    speaker = Speaker(at_once=False)
    async with call(task, speaker=speaker) as watched:
        watched.session.generate_reply(user_input=LONG_ANSWER_QUESTION)
        await speaker.begun.wait()
        watched.session.input.audio = Microphone(task)
        cut = await watched.message()
        truncated = await watched.truncated.get()
        answer = await watched.message()
        return {
            "interrupted": cut.interrupted and cut.id == truncated["item_id"],
            "played_ms": truncated["audio_end_ms"],
            "answer": answer.text_content,
            "errors": watched.told(),
        }


async def wrong_key(task):
    told = None
    try:
        async with call(task, key=task.wrong_key) as watched:
            error = (await watched.errors.get()).error
            told = f"{error} {error.body}"
    except APIError:  # the session ends with what ended it
        pass
    return {"told": told}


main(text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
