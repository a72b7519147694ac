"""Semantic Kernel: OpenAIRealtimeWebsocket with an AsyncOpenAI of ours, and a plugin whose function it calls itself."""

import base64
from contextlib import asynccontextmanager

from common import LONG_ANSWER_QUESTION, QUESTION, WEATHER, in_background, main, microphone
from openai import AsyncOpenAI
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import (
    OpenAIRealtimeExecutionSettings,
    OpenAIRealtimeWebsocket,
    SendEvents,
)
from semantic_kernel.contents import AudioContent, ChatHistory, RealtimeAudioEvent, RealtimeEvent, RealtimeTextEvent
from semantic_kernel.functions import kernel_function
from websockets.exceptions import ConnectionClosed

# Its own words for the usual question: a script tells by them that the function has the plugin's name in front.
PLUGIN_QUESTION = "What's the weather in Paris?"


class Weather:
    def __init__(self):
        self.cities = []

    @kernel_function
    def get_weather(self, city: str) -> str:
        """Get the weather in a city."""
        self.cities.append(city)
        return WEATHER


class Call:
    def __init__(self, service, weather):
        self.service = service
        self.weather = weather
        self.events = service.receive()
        self.words = {}
        self.audio_bytes = 0
        self.errors = []

    async def until(self, kind):
        """The server's event of that type, as the service hands it on."""
        async for event in self.events:
            if isinstance(event, RealtimeTextEvent):
                item_id = event.service_event.item_id
                self.words[item_id] = self.words.get(item_id, "") + event.text.text
            elif isinstance(event, RealtimeAudioEvent):
                self.audio_bytes += len(base64.b64decode(event.service_event.delta))
            elif event.service_type == "error":
                self.errors.append(f"{event.service_event.error.code}: {event.service_event.error.message}")
            if event.service_type == kind:
                return event.service_event
        raise EOFError("the session ended")

    async def answer(self, but_not=None):
        """The words of the next answer that has some."""
        while not (words := [text for item_id, text in self.words.items() if item_id != but_not]):
            await self.until("response.done")
        return words[-1]

    async def speak(self, task):
        async for packet in microphone(task):
            content = AudioContent(data=base64.b64encode(packet).decode(), data_format="base64")
            await self.service.send(RealtimeAudioEvent(audio=content))


@asynccontextmanager
async def call(task, question=None, key=None, modality="audio", **settings):
    history = ChatHistory()
    if question:
        history.add_user_message(question)
    weather = Weather()
    settings = OpenAIRealtimeExecutionSettings(
        output_modalities=[modality], function_choice_behavior=FunctionChoiceBehavior.Auto(), **settings
    )
    async with AsyncOpenAI(base_url=task.base_url, api_key=key or task.key) as client:
        service = OpenAIRealtimeWebsocket(ai_model_id="gpt-realtime", client=client)
        async with service(
            settings=settings, chat_history=history, plugins=[weather], create_response=bool(question)
        ) as session:
            yield Call(session, weather)


async def text(task):
    async with call(task, QUESTION, modality="text") as watched:
        return {"answer": await watched.answer(), "errors": watched.errors}


async def audio(task):
    async with call(task, input_audio_transcription={"model": "whisper-1"}) as watched:
        async with in_background(watched.speak(task)):
            heard = await watched.until("conversation.item.input_audio_transcription.completed")
            answer = await watched.answer()
        return {
            "answer": answer,
            "heard": heard.transcript,
            "audio_bytes": watched.audio_bytes,
            "errors": watched.errors,
        }


async def function(task):
    async with call(task, PLUGIN_QUESTION, modality="text") as watched:
        answer = await watched.answer()
        return {"answer": answer, "called_with": {"city": watched.weather.cities[0]}, "errors": watched.errors}


async def interruption(task):
    async with call(task, LONG_ANSWER_QUESTION) as watched:
        delta = await watched.until("response.output_audio.delta")
        async with in_background(watched.speak(task)):
            await watched.until("input_audio_buffer.speech_started")
            truncate = {"item_id": delta.item_id, "content_index": 0, "audio_end_ms": 700}
            await watched.service.send(
                RealtimeEvent(service_type=SendEvents.CONVERSATION_ITEM_TRUNCATE, service_event=truncate)
            )
            truncated = await watched.until("conversation.item.truncated")
            answer = await watched.answer(but_not=delta.item_id)
        return {
            "interrupted": truncated.item_id == delta.item_id,
            "played_ms": truncated.audio_end_ms,
            "answer": answer,
            "errors": watched.errors,
        }


async def wrong_key(task):
    watched = None
    try:
        async with call(task, key=task.wrong_key) as watched:
            await watched.until("response.done")
    except ConnectionClosed as error:
        return {"told": f"{watched.errors} {error}"}
    return {"told": watched.errors}


main(text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
