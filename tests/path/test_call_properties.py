"""Over all its connections, with media and without, a client hears each sample once, and gets each event once."""

import asyncio
import base64
import json
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.path.calls import Calls
from antiphon.path.connections import Client
from antiphon.session.start import SessionStart
from tests.path.test_call import MemoryClient

FRAMES_TO_THE_END = 400


class Engine:
    """Answers with one speaker."""

    ready = True

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> "Speaker":
        self.speaker = Speaker(client)
        return self.speaker


class Speaker:
    """A session that the test speaks for."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.said: dict[str, bytes] = {}  # audio by item
        self.told: list[str] = []  # ids of events that are not audio
        self.truncated: list[dict[str, Any]] = []
        self._numbers = 0
        self._samples = 0
        self._responses = 0
        self._open = ""
        self.tell("session.created", session={"type": "realtime", "audio": {}})

    def close(self, lost: bool = False) -> None: ...

    def receive(self, message: bytes) -> None:
        self.truncated.append(json.loads(message))

    def client_slow(self, slow: bool) -> None: ...

    def tell(self, kind: str, **fields: Any) -> None:
        self._numbers += 1
        event_id = f"event_{self._numbers:04}"
        if kind != "response.output_audio.delta":
            self.told.append(event_id)
        event = {"type": kind, "event_id": event_id, **fields}
        self._client.send(json.dumps(event, separators=(",", ":")).encode())

    def say(self, tens_of_ms: int) -> None:
        """Say a stretch in which no two samples are alike."""
        if not self._open:
            self._responses += 1
            self._open = f"i{self._responses}"
            self.said[self._open] = b""
            self.tell("response.created", response={"id": f"of_{self._open}", "conversation_id": "c"})
            self.tell("response.content_part.added", **self._place)
        samples = 240 * tens_of_ms
        audio = np.arange(self._samples + 1, self._samples + samples + 1).astype("<u2").tobytes()
        self._samples += samples
        self.said[self._open] += audio
        self.tell("response.output_audio.delta", **self._place, delta=base64.b64encode(audio).decode())

    @property
    def _place(self) -> dict[str, Any]:
        return {"response_id": f"of_{self._open}", "item_id": self._open, "output_index": 0, "content_index": 0}

    def finish(self) -> None:
        """End the response, if there is one."""
        if self._open:
            self.tell("response.output_audio.done", **self._place)
            item = {"id": self._open}
            self.tell("response.output_item.done", response_id=f"of_{self._open}", output_index=0, item=item)
            self.tell("response.done", response={"id": f"of_{self._open}", "conversation_id": "c"})
            self._open = ""


class Traveller:
    """A client that changes its transport again and again, and may be gone for a while before that is noticed."""

    def __init__(self) -> None:
        engine = Engine()
        self.calls = Calls(engine)
        self.got: list[dict[str, Any]] = []
        self.heard: list[bytes] = []
        self.lives = True
        self.connection = MemoryClient()
        self.line: Any = self.calls.open(SessionStart("m", extensions=True, media=True), self.connection)
        self.speaker = engine.speaker
        self.take(10)
        (self.token,) = [event["token"] for event in self.got if "token" in event]

    def take(self, events: int) -> None:
        """Receive so many of the events that are on their way."""
        if self.lives:
            self.got += self.connection.events[:events]
            for event in self.connection.events[:events]:
                if event["type"] == "response.output_audio.delta":
                    self.heard.append(base64.b64decode(event["delta"]))
            del self.connection.events[:events]

    def pull(self, frames: int) -> None:
        """Let time pass."""
        for _ in range(frames):
            frame = self.line.pull()
            if self.lives and frame is not None:
                self.heard.append(frame)
            if self.lives:
                self.line.still_there(events=not self.connection.events)

    def come_back(self, *, media: bool, noticed: bool) -> None:
        if noticed:
            self.line.close(lost=True)
            self.speaker.say(3)
        self.connection, self.lives = MemoryClient(), True
        start = SessionStart("m", media=media)
        self.line = self.calls.resume(self.token, self.connection, self.got[-1]["event_id"], start)

    def hear_out(self) -> None:
        self.speaker.finish()
        self.take(10_000)
        self.pull(FRAMES_TO_THE_END)
        self.take(10_000)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "finish", "take", "pull", "vanish", "to media", "to events"]),
        st.integers(1, 6),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, media=st.booleans())
def test_each_sample_is_heard_once_and_each_event_told_once(steps: list[tuple[str, int, bool]], media: bool) -> None:
    asyncio.run(_travel(steps, media))


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, frames=st.integers(0, 9))
def test_who_interrupts_has_heard_what_came_over_all_connections(
    steps: list[tuple[str, int, bool]], frames: int
) -> None:
    asyncio.run(_interrupt(steps, frames))


async def _interrupt(steps: list[tuple[str, int, bool]], frames: int) -> None:
    client = _after(steps)
    client.come_back(media=True, noticed=False)
    client.pull(frames)
    client.speaker.tell("input_audio_buffer.speech_started", item_id="user_1", audio_start_ms=0)
    client.speaker.finish()
    told = {event["item_id"]: event["audio_end_ms"] for event in client.speaker.truncated}
    heard = np.frombuffer(b"".join(client.heard), "<u2")
    for item_id, audio in client.speaker.said.items():
        samples = int(np.isin(np.frombuffer(audio, "<u2"), heard).sum())
        assert told.get(item_id, len(audio) // 48) == samples // 24
    client.line.close()


def _after(steps: list[tuple[str, int, bool]]) -> Traveller:
    client = Traveller()
    for step, count, noticed in steps:
        match step:
            case "say":
                client.speaker.say(count)
            case "finish":
                client.speaker.finish()
            case "take":
                client.take(count)
            case "pull":
                client.pull(count)
            case "vanish":
                client.lives = False
            case _:
                client.come_back(media=step == "to media", noticed=noticed)
    return client


async def _travel(steps: list[tuple[str, int, bool]], media: bool) -> None:
    client = _after(steps)
    if not client.lives:
        client.come_back(media=media, noticed=False)
    client.hear_out()
    heard = np.frombuffer(b"".join(client.heard), "<u2")
    whole = np.frombuffer(b"".join(client.speaker.said.values()), "<u2")
    assert np.array_equal(np.sort(heard[heard > 0]), np.sort(whole))
    ids = [event["event_id"] for event in client.got if event["type"] != "response.output_audio.delta"]
    assert [event_id for event_id in ids if event_id in client.speaker.told] == client.speaker.told
    assert len(set(ids)) == len(ids)
    assert all(event["complete"] for event in client.got if event["type"] == "antiphon.session.resumed")
    assert client.speaker.truncated == []
    _check_order(client.got)
    client.line.close()
    assert client.calls.parked == len(client.calls) == 0


def _check_order(got: list[dict[str, Any]]) -> None:
    """No audio comes before its part, and what is told of one item is in its order."""
    begun = set()
    for event in got:
        if event["type"] == "response.content_part.added":
            begun.add(event["item_id"])
        elif event["type"] == "response.output_audio.delta":
            assert event["item_id"] in begun
    deltas = [(event["item_id"], event["event_id"]) for event in got if event["type"] == "response.output_audio.delta"]
    for (item, name), (next_item, next_name) in pairwise(deltas):
        assert item != next_item or name < next_name
