"""Pydantic AI: an Agent's realtime session over OpenAIRealtimeModel."""

from contextlib import asynccontextmanager

from common import LONG_ANSWER_QUESTION, QUESTION, WEATHER, WEATHER_QUESTION, in_background, main, microphone
from pydantic_ai import Agent
from pydantic_ai.messages import ModelRequest, ModelResponse, SpeechPart, TextPart
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import (
    RealtimeError,
    RealtimeInputSpeechStartEvent,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
)
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

PLAYED_MS = 700


class Call:
    def __init__(self, session, cities):
        self.session = session
        self.cities = cities
        self.errors = []
        self.events = session.__aiter__()

    async def until(self, kind):
        async for event in self.events:
            if isinstance(event, RealtimeSessionErrorEvent):
                self.errors.append(event.message)
            if isinstance(event, kind):
                return event
        raise EOFError("the session ended")

    def said(self, kind):
        """What was said in messages of that kind (requests by the user, responses by the agent), one text a part."""
        parts = [part for message in self.session.all_messages() if isinstance(message, kind) for part in message.parts]
        return [part.content for part in parts if isinstance(part, SpeechPart | TextPart)]


@asynccontextmanager
async def call(task, key=None, **settings):
    cities = []

    def get_weather(city: str) -> str:
        """Get the weather in a city."""
        cities.append(city)
        return WEATHER

    model = OpenAIRealtimeModel(
        "gpt-realtime", provider=OpenAIProvider(base_url=task.base_url, api_key=key or task.key), settings=settings
    )
    agent = Agent(instructions="Answer briefly.", tools=[get_weather])
    async with agent.realtime(model).session() as session:
        yield Call(session, cities)


async def play(stream, played):
    async for chunk in stream:
        played.append(chunk)


async def text(task):
    async with call(task, output_modality="text") as watched:
        await watched.session.send(QUESTION)
        await watched.until(RealtimeTurnCompleteEvent)
        return {"answer": watched.said(ModelResponse)[-1], "errors": watched.errors}


async def audio(task):
    async with call(task) as watched:
        played = []
        playing = play(watched.session.stream_audio(), played)
        async with in_background(watched.session.send_audio(microphone(task))), in_background(playing):
            await watched.until(RealtimeTurnCompleteEvent)
            while not watched.said(ModelRequest):  # transcribed
                await anext(watched.events)
        return {
            "answer": watched.said(ModelResponse)[-1],
            "heard": watched.said(ModelRequest)[0],
            "audio_bytes": sum(map(len, played)),
            "errors": watched.errors,
        }


async def function(task):
    async with call(task, output_modality="text") as watched:
        await watched.session.send(WEATHER_QUESTION)
        await watched.until(RealtimeTurnCompleteEvent)
        return {
            "answer": watched.said(ModelResponse)[-1],
            "called_with": {"city": watched.cities[0]},
            "errors": watched.errors,
        }


def interrupted_parts(watched):
    messages = [message for message in watched.session.all_messages() if isinstance(message, ModelResponse)]
    parts = [part for message in messages for part in message.parts if isinstance(part, SpeechPart)]
    return [part.interrupted_at_ms for part in parts if part.interrupted_at_ms is not None]


async def interruption(task):
    async with call(task) as watched:
        stream = watched.session.stream_audio()
        await watched.session.send(LONG_ANSWER_QUESTION)
        heard = 0
        while heard < PLAYED_MS * 48:
            heard += len(await anext(stream))
        async with in_background(watched.session.send_audio(microphone(task))):
            await watched.until(RealtimeInputSpeechStartEvent)
            interrupted = await watched.session.interrupt(played_bytes=PLAYED_MS * 48)
            answer = ""
            while "bedrooms" not in answer or len(watched.said(ModelResponse)) < 2:
                await watched.until(RealtimeTurnCompleteEvent)
                answer = watched.said(ModelResponse)[-1]
        return {
            "interrupted": interrupted,
            "played_ms": interrupted_parts(watched)[0],
            "answer": answer,
            "errors": watched.errors,
        }


async def wrong_key(task):
    try:
        async with call(task, key=task.wrong_key):
            return {"told": None}
    except RealtimeError as error:
        return {"told": str(error)}


main(text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
