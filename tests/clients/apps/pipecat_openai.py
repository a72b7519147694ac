"""Pipecat: a pipeline around OpenAIRealtimeLLMService; its ears and mouth are ours."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

from common import LONG_ANSWER_QUESTION, QUESTION, RATE, WEATHER, WEATHER_QUESTION, in_background, main, microphone
from loguru import logger
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

logger.remove()


class Watch(BaseObserver):
    """What passes through the pipeline, each frame once."""

    def __init__(self, service):
        super().__init__()
        self.service = service
        self.answer = ""
        self.answers = asyncio.Queue()
        self.heard = asyncio.Queue()
        self.errors = asyncio.Queue()
        self.spoken = asyncio.Event()
        self.audio_bytes = 0

    async def on_push_frame(self, data):
        frame = data.frame
        if isinstance(frame, ErrorFrame):
            self.errors.put_nowait(frame.error)
        if data.source is not self.service:
            return
        if isinstance(frame, TTSAudioRawFrame):
            self.audio_bytes += len(frame.audio)
            self.spoken.set()
        elif isinstance(frame, LLMTextFrame):
            self.answer += frame.text
        elif isinstance(frame, LLMFullResponseEndFrame):
            self.answers.put_nowait(self.answer)
            self.answer = ""
        elif isinstance(frame, TranscriptionFrame):
            self.heard.put_nowait(frame.text)

    async def next_answer(self):
        """The next answer that has words; a function call alone has none."""
        while not (answer := await self.answers.get()):
            pass
        return answer

    def told(self):
        return [self.errors.get_nowait() for _ in range(self.errors.qsize())]


class Call:
    def __init__(self, service, worker, watch, cities):
        self.service = service
        self.worker = worker
        self.watch = watch
        self.cities = cities
        self.items = []

        @service.event_handler("on_conversation_item_created")
        async def _(_service, item_id, item):
            if item.role == "assistant":
                self.items.append(item_id)

    async def speak(self, task):
        async for packet in microphone(task):
            await self.worker.queue_frame(InputAudioRawFrame(packet, RATE, 1))


@asynccontextmanager
async def call(task, question=None, key=None, modality="audio"):
    cities = []

    async def get_weather(params, city: str):
        """Get the weather in a city.

        Args:
            city: name of the city
        """
        cities.append(city)
        await params.result_callback(json.loads(WEATHER))

    audio_input = AudioInput(transcription=InputAudioTranscription(), turn_detection=SemanticTurnDetection())
    properties = SessionProperties(output_modalities=[modality], audio=AudioConfiguration(input=audio_input))
    service = OpenAIRealtimeLLMService(
        api_key=key or task.key,
        base_url=task.socket_url,
        settings=OpenAIRealtimeLLMService.Settings(
            model="gpt-realtime", system_instruction="Answer briefly.", session_properties=properties
        ),
    )
    messages = [{"role": "user", "content": question}] if question else []
    aggregators = LLMContextAggregatorPair(LLMContext(messages, tools=[get_weather]))
    watch = Watch(service)
    worker = PipelineWorker(
        Pipeline([aggregators.user(), service, aggregators.assistant()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        observers=[watch],
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        if question:
            await worker.queue_frame(LLMRunFrame())
        yield Call(service, worker, watch, cities)
    finally:
        await worker.cancel()
        await running


async def text(task):
    async with call(task, QUESTION, modality="text") as watched:
        return {"answer": await watched.watch.next_answer(), "errors": watched.watch.told()}


async def audio(task):
    async with call(task) as watched, in_background(watched.speak(task)):
        heard = await watched.watch.heard.get()
        answer = await watched.watch.next_answer()
        return {
            "answer": answer,
            "heard": heard,
            "audio_bytes": watched.watch.audio_bytes,
            "errors": watched.watch.told(),
        }


async def function(task):
    async with call(task, WEATHER_QUESTION, modality="text") as watched:
        answer = await watched.watch.next_answer()
        return {"answer": answer, "called_with": {"city": watched.cities[0]}, "errors": watched.watch.told()}


async def interruption(task):
    async with call(task, LONG_ANSWER_QUESTION) as watched:
        await watched.watch.spoken.wait()
        async with in_background(watched.speak(task)):
            await watched.watch.next_answer()
            answer = await watched.watch.next_answer()
        cut = await watched.service.retrieve_conversation_item(watched.items[0])
        part = cut.content[0]
        return {
            "interrupted": part.transcript is None,
            "played_ms": len(base64.b64decode(part.audio or "")) // 48,
            "answer": answer,
            "errors": watched.watch.told(),
        }


async def wrong_key(task):
    async with call(task, key=task.wrong_key) as watched:
        return {"told": await watched.watch.errors.get()}


main(text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
