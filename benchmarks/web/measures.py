"""What is measured in the room, each for one transport; times are in milliseconds."""

import asyncio
import json
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.caller import RATE, Caller
from benchmarks.web.processes import Cpu, Processes
from benchmarks.web.room import Room, Talk, talking
from benchmarks.web.sound import Question, begin_of_sound, end_of_sound, loud

WRITTEN = "How many bedrooms does this property have?"
EVERYTHING = "Tell me everything about the property."
DRAINED = 0.3  # of silence: nothing is left in any buffer
PAUSE = 0.6  # of silence: an answer is over
TALK_SECONDS = 120
HEARD_SECONDS = 1.5  # of an answer, before it is interrupted
# Longer than any pause in the answer that is interrupted, shorter than what the user says.
QUIET = 1.0
LOOP = """async () => {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  globalThis.loop = new AudioContext();
  loop.createMediaStreamSource(stream).connect(loop.destination);
  await loop.resume();
}"""


@dataclass(frozen=True)
class Press:
    """From the press of the button."""

    connected: float
    sound: float


@dataclass(frozen=True)
class Turns:
    """Spoken questions in one conversation.

    Args:
        answered: From the end of speech at the microphone to the first sound.
        cpu: What the browser used meanwhile.
    """

    answered: list[float]
    cpu: Cpu


def press(room: Room, transport: str) -> Press:
    """Press the button; a written question is asked in the moment in which it is connected."""
    with talking(room, transport, WRITTEN) as talk:
        pressed = talk.time_of("pressed")
        sound = room.sound_after(pressed)
        # Chromium plays the last 20 ms of what was broken off when it sounds for the next time.
        talk.interrupt()
        room.silence_after(sound, DRAINED)
        return Press((talk.time_of("connected") - pressed) * 1000, (sound - pressed) * 1000)


def turns(room: Room, transport: str, questions: Sequence[Question], count: int) -> Turns:
    """Ask spoken questions, one after the other, and listen to each answer to its end."""
    with talking(room, transport):
        _ask(room, questions[0])  # the first one finds nothing ready: recognisers, codecs, caches
        processes = Processes(room.chromium.browser)
        processes.begin()
        answered = [_ask(room, question) for question in islice(cycle(questions), count)]
        return Turns(answered, processes.end())


def _ask(room: Room, question: Question) -> float:
    ended = room.say(question)
    sound = room.sound_after(ended)
    room.silence_after(sound, PAUSE)
    return (sound - ended) * 1000


def idle(room: Room, transport: str, seconds: float) -> Cpu:
    """Return what the browser uses while it is connected, and nobody says anything."""
    with talking(room, transport):
        time.sleep(2)
        processes = Processes(room.chromium.browser)
        processes.begin()
        time.sleep(seconds)
        return processes.end()


def interruptions(room: Room, transport: str, question: Question, count: int) -> list[float]:
    """Speak into long answers; returns the times from the first sample of speech to the last of the answer."""
    with talking(room, transport) as talk:
        return [_interrupt(room, talk, question) for _ in range(count)]


def _interrupt(room: Room, talk: Talk, question: Question) -> float:
    asked = room.machine.now()
    talk.write(EVERYTHING)
    room.sound_after(asked)
    time.sleep(HEARD_SECONDS)
    spoke = room.machine.now()
    room.machine.begin_to_say(question.path)
    onset = room.wait(lambda: begin_of_sound(room.at_the_microphone(spoke)))
    silent = room.wait(lambda: end_of_sound(room.machine.heard(spoke), QUIET))
    # Its own answer ends the turn, and the next one begins in silence.
    room.silence_after(room.sound_after(silent + QUIET), PAUSE)
    return (silent - onset) * 1000


# --- without a page, or with one that does nothing else -----------------------------------------------------------


def talk_client(port: int, questions: Sequence[Question], count: int) -> list[float]:
    """Return what `antiphon talk` measures for the same recordings: to the first audio that comes, without devices."""
    asked = [flag for question in islice(cycle(questions), count + 1) for flag in ("--in", str(question.path))]
    command = [sys.executable, "-m", "antiphon", "talk", "--url", f"ws://127.0.0.1:{port}", "--json", *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TALK_SECONDS)
    if done.returncode:
        raise RuntimeError(f"antiphon talk: {done.stderr}")
    lines = (json.loads(line) for line in done.stdout.splitlines())
    found = [line["first_audio_ms"] for line in lines if line["type"] == "turn"]
    return [float(each) for each in found[1:] if each is not None]


def leads(url: str, questions: Sequence[str]) -> list[float]:
    """Return how long the answers to written questions are silent at their beginning."""
    with ThreadPoolExecutor(1) as other_thread:  # Playwright's loop runs in this one
        return other_thread.submit(asyncio.run, _leads(url, questions)).result()


async def _leads(url: str, questions: Sequence[str]) -> list[float]:
    async with Caller(url) as caller:
        return [await _lead(caller, question) for question in questions]


async def _lead(caller: Caller, question: str) -> float:
    caller.forget()
    content = [{"type": "input_text", "text": question}]
    await caller.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await caller.send("response.create")
    await caller.wait_for("response.done")
    deltas = (event["delta"] for _, event in caller.heard.events if event["type"] == "response.output_audio.delta")
    return float(loud(b"".join(map(b64decode, deltas)))[0]) / RATE * 1000


def sound_server(room: Room, question: Question, count: int) -> list[float]:
    """Return how late the loudspeaker is behind the microphone, when the sound server itself joins them."""
    with room.joined():
        return [_through(room, question) for _ in range(count)]


def browser_alone(room: Room, question: Question, count: int) -> list[float]:
    """Return how late it is with a page that plays its microphone."""
    page = room.chromium.open(f"{room.site}/webrtc.html")
    page.evaluate(LOOP)
    try:
        return [_through(room, question) for _ in range(count)]
    finally:
        page.context.close()


def _through(room: Room, question: Question) -> float:
    since = room.machine.now()
    utterance = room.machine.begin_to_say(question.path)
    onset = room.wait(lambda: begin_of_sound(room.at_the_microphone(since)))
    late = (room.sound_after(since) - onset) * 1000
    utterance.stop()
    time.sleep(PAUSE)
    return late
