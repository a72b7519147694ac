"""OpenAI Agents SDK for Python: a RealtimeAgent in a RealtimeRunner's session."""

from contextlib import asynccontextmanager

from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner
from common import LONG_ANSWER_QUESTION, QUESTION, WEATHER, WEATHER_QUESTION, in_background, main, microphone
from websockets.exceptions import ConnectionClosed

from agents import function_tool

cities = []


@function_tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    cities.append(city)
    return WEATHER


@asynccontextmanager
async def session(task, key=None, **settings):
    agent = RealtimeAgent(name="Assistant", instructions="Answer briefly.", tools=[get_weather])
    tracker = RealtimePlaybackTracker()
    connection = await RealtimeRunner(agent).run(
        model_config={
            "url": f"{task.socket_url}?model=gpt-realtime",
            "api_key": key or task.key,
            "initial_model_settings": settings,
            "playback_tracker": tracker,
        }
    )
    async with connection:
        connection.tracker = tracker
        yield connection


def kind_of(event):
    """The type of the server's event inside, if there is one, else of the session's own."""
    if event.type == "raw_model_event" and event.data.type == "raw_server_event":
        return event.data.data.get("type")
    return event.type


def answer_of(item):
    parts = [getattr(part, "text", None) or getattr(part, "transcript", None) or "" for part in item.content]
    return "".join(parts)


def last_answer(history, but_not=None):
    items = [item for item in history if getattr(item, "role", "") == "assistant" and item.item_id != but_not]
    return answer_of(items[-1]) if items else ""


class Watch:
    """What an app sees of a session."""

    def __init__(self, connection):
        self.connection = connection
        self.events = connection.__aiter__()
        self.history = []
        self.audio = {}
        self.errors = []

    async def until(self, kind):
        async for event in self.events:
            if event.type == "history_updated":
                self.history = event.history
            if event.type == "audio":
                self.audio[event.item_id] = self.audio.get(event.item_id, 0) + len(event.audio.data)
            if event.type == "error":
                self.errors.append(str(event.error))
            if kind_of(event) == kind:
                return event
        raise EOFError("the session ended")

    async def answer(self):
        await self.until("response.done")
        return last_answer(self.history)


async def speak(connection, task):
    async for packet in microphone(task):
        await connection.send_audio(packet)


async def text(task):
    async with session(task, output_modalities=["text"]) as connection:
        watch = Watch(connection)
        await connection.send_message(QUESTION)
        return {"answer": await watch.answer(), "errors": watch.errors}


async def audio(task):
    async with session(task) as connection:
        watch = Watch(connection)
        async with in_background(speak(connection, task)):
            answer = await watch.answer()
        user = [item for item in watch.history if getattr(item, "role", "") == "user"]
        heard = answer_of(user[0])
        return {"answer": answer, "heard": heard, "audio_bytes": sum(watch.audio.values()), "errors": watch.errors}


async def function(task):
    async with session(task, output_modalities=["text"]) as connection:
        watch = Watch(connection)
        await connection.send_message(WEATHER_QUESTION)
        await watch.until("tool_end")
        answer = ""
        while not answer:
            answer = await watch.answer()
        return {"answer": answer, "called_with": {"city": cities[-1]}, "errors": watch.errors}


async def interruption(task):
    async with session(task) as connection:
        watch = Watch(connection)
        await connection.send_message(LONG_ANSWER_QUESTION)
        event = await watch.until("audio")
        connection.tracker.on_play_ms(event.item_id, event.content_index, 700)
        async with in_background(speak(connection, task)):
            interrupted = await watch.until("audio_interrupted")
            truncated = (await watch.until("conversation.item.truncated")).data.data
            answer = ""
            while not answer:
                await watch.until("response.done")
                answer = last_answer(watch.history, but_not=event.item_id)
        return {
            "interrupted": interrupted.item_id == event.item_id == truncated["item_id"],
            "played_ms": truncated["audio_end_ms"],
            "answer": answer,
            "errors": watch.errors,
        }


async def wrong_key(task):
    try:
        async with session(task, key=task.wrong_key) as connection:
            async for event in connection:
                if event.type == "error":
                    return {"told": str(event.error)}
    except ConnectionClosed as error:  # when it comes before the session's own first message has gone out
        return {"told": str(error)}


main(text=text, audio=audio, function=function, interruption=interruption, wrong_key=wrong_key)
