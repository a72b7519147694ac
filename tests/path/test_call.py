"""The driver of a call, with legs and a client in memory: back-pressure, coming back, and the ends of things."""

import asyncio
import json
from typing import Any

import pytest

from antiphon.path.calls import Calls
from antiphon.path.legs import Cause, Leg, LegEnd, LegListener, LegStart
from antiphon.path.relayed import RelayEngine
from antiphon.protocol.beta import BetaDialect
from antiphon.session import SessionStart

SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 0,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "include": None,
}
RESUMABLE = SessionStart("gpt-realtime", extensions=True)


class MemoryLeg:
    """A leg that the test speaks for."""

    def __init__(self, start: LegStart, listener: LegListener) -> None:
        self.start = start
        self.listener = listener
        self.received: list[dict[str, Any]] = []
        self.reading = True
        self.closed = asyncio.Event()

    def send(self, message: bytes) -> None:
        self.received.append(json.loads(message))

    def close(self) -> None:
        self.closed.set()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def say(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": f"event_{kind}", **fields}
        self.listener.leg_received(json.dumps(event, separators=(",", ":")).encode())


class MemoryRoute:
    """A route whose legs have their session at once, unless they are told to fail."""

    name = "memory"
    continues = True
    rests_until = 0.0

    def __init__(self, *ends: LegEnd) -> None:
        self.ends = list(ends)
        self.legs: list[MemoryLeg] = []
        self.was_closed = False

    def open(self, start: LegStart, listener: LegListener) -> Leg:
        leg = MemoryLeg(start, listener)
        self.legs.append(leg)
        loop = asyncio.get_running_loop()
        if self.ends:
            loop.call_soon(listener.leg_ended, self.ends.pop(0))
        else:
            loop.call_soon(lambda: leg.say("session.created", session=SESSION))
        return leg

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None: ...

    def worked(self) -> None: ...

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.was_closed = True


class MemoryClient:
    """A client's connection."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.reading = True

    def send(self, message: bytes) -> None:
        self.events.append(json.loads(message))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None: ...

    @property
    def unsent(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def token(self) -> str:
        return str(next(event["token"] for event in self.events if event["type"] == "antiphon.session.resumable"))


class Scene:
    """One call with all that belongs to it."""

    def __init__(self, start: SessionStart | None = None, resume_seconds: float = 60.0) -> None:
        self.route = MemoryRoute()
        self.engine = Calls(RelayEngine([self.route]), resume_seconds)
        self.client = MemoryClient()
        self.call = self.engine.open(start or SessionStart("gpt-realtime"), self.client)

    @property
    def leg(self) -> MemoryLeg:
        return self.route.legs[-1]


async def settled() -> None:
    """Let what was put off happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


async def test_a_call_begins_and_passes_events_both_ways() -> None:
    scene = Scene()
    scene.call.receive(event("input_audio_buffer.clear"))
    await settled()
    assert scene.client.kinds == ["session.created"]
    assert [each["type"] for each in scene.leg.received] == ["input_audio_buffer.clear"]
    scene.leg.say("input_audio_buffer.cleared")
    assert scene.client.kinds[-1] == "input_audio_buffer.cleared"


async def test_the_end_user_s_identifier_is_passed_on() -> None:
    scene = Scene(SessionStart("gpt-realtime", safety_identifier="user-7"))
    assert scene.leg.start.headers == (("OpenAI-Safety-Identifier", "user-7"),)


async def test_a_slow_client_slows_the_leg_and_the_reverse() -> None:
    scene = Scene()
    await settled()
    scene.call.client_slow(True)
    assert not scene.leg.reading
    scene.call.client_slow(False)
    assert scene.leg.reading
    scene.leg.listener.leg_slow(True)
    assert not scene.client.reading
    scene.leg.listener.leg_slow(False)
    assert scene.client.reading


async def test_a_new_leg_is_as_slow_as_its_client_and_reads_from_it_at_once() -> None:
    scene = Scene()
    await settled()
    scene.call.client_slow(True)
    scene.leg.listener.leg_slow(True)
    scene.leg.listener.leg_ended(LegEnd(Cause.LOST, "broke"))
    await settled()
    assert len(scene.route.legs) == 2
    assert not scene.leg.reading
    assert scene.client.reading


async def test_a_client_that_says_goodbye_ends_its_call() -> None:
    scene = Scene(RESUMABLE)
    await settled()
    token = scene.client.token
    scene.call.close(lost=False)
    assert scene.leg.closed.is_set()
    assert scene.engine.resume(token, MemoryClient(), None) is None


async def test_a_lost_client_gets_what_it_missed_and_nothing_twice() -> None:
    scene = Scene(RESUMABLE)
    await settled()
    scene.leg.say("input_audio_buffer.cleared")
    scene.call.close(lost=True)
    scene.leg.say("rate_limits.updated", rate_limits=[])
    assert scene.engine.parked == 1
    again = MemoryClient()
    call = scene.engine.resume(scene.client.token, again, None)
    assert call is not None
    assert scene.engine.parked == 0
    assert again.kinds == ["antiphon.session.resumed", "rate_limits.updated"]
    assert again.events[0]["complete"] is True
    call.receive(event("input_audio_buffer.clear"))
    assert scene.leg.received[-1]["type"] == "input_audio_buffer.clear"
    scene.leg.say("input_audio_buffer.cleared")
    assert again.kinds[-1] == "input_audio_buffer.cleared"
    assert scene.client.kinds.count("rate_limits.updated") == 0


async def test_a_client_that_knows_its_last_event_gets_all_behind_it() -> None:
    """The server took for sent what was lost on the way."""
    scene = Scene(RESUMABLE)
    await settled()
    last = scene.client.events[-1]["event_id"]
    scene.leg.say("input_audio_buffer.cleared")
    scene.call.close(lost=True)
    again = MemoryClient()
    scene.engine.resume(scene.client.token, again, last)
    assert again.kinds == ["antiphon.session.resumed", "input_audio_buffer.cleared"]


async def test_a_client_may_come_back_before_its_loss_was_noticed() -> None:
    scene = Scene(RESUMABLE)
    await settled()
    again = MemoryClient()
    scene.engine.resume(scene.client.token, again, None)
    assert scene.client.closed is not None
    # The transport tells of the old connection's end only now.
    scene.call.close(lost=False)
    scene.call.receive(event("response.create"))
    assert scene.leg.received == []
    scene.leg.say("input_audio_buffer.cleared")
    assert again.kinds[-1] == "input_audio_buffer.cleared"
    assert not scene.leg.closed.is_set()


async def test_a_lost_client_is_waited_for_only_so_long() -> None:
    scene = Scene(RESUMABLE, resume_seconds=0.01)
    await settled()
    scene.call.close(lost=True)
    await asyncio.wait_for(scene.leg.closed.wait(), 10)
    assert scene.engine.parked == 0
    assert scene.engine.resume(scene.client.token, MemoryClient(), None) is None


async def test_who_did_not_ask_for_it_cannot_come_back() -> None:
    scene = Scene()
    await settled()
    assert scene.client.kinds == ["session.created"]
    scene.call.close(lost=True)
    assert scene.leg.closed.is_set()


async def test_a_client_of_the_beta_shape_is_served_in_it() -> None:
    scene = Scene(SessionStart("gpt-realtime", dialect=BetaDialect()))
    await settled()
    assert scene.client.events[0]["session"]["modalities"] == ["text", "audio"]
    scene.call.receive(event("session.update", session={"voice": "alloy"}))
    assert scene.leg.received[-1]["session"]["audio"]["output"]["voice"] == "alloy"
    scene.call.receive(event("session.update", session={"volume": 3}))
    assert scene.client.events[-1]["error"]["param"] == "session.volume"
    assert len(scene.leg.received) == 1


async def test_a_call_that_no_route_takes_is_refused() -> None:
    route = MemoryRoute(LegEnd(Cause.CREDENTIALS, "the key was refused"))
    client = MemoryClient()
    RelayEngine([route]).open(SessionStart("gpt-realtime"), client)
    await settled()
    assert client.kinds == ["error"]
    assert client.closed is not None
    assert client.closed[0] == 1011


async def test_an_engine_that_closes_ends_its_calls() -> None:
    scene = Scene()
    await scene.engine.start()
    assert scene.engine.ready
    await settled()
    await scene.engine.close()
    assert scene.leg.closed.is_set()
    assert scene.route.was_closed


@pytest.mark.parametrize("lost", [True, False])
async def test_closing_twice_is_harmless(lost: bool) -> None:
    scene = Scene()
    await settled()
    scene.call.close(lost)
    scene.call.close(lost)
    scene.call.receive(event("response.create"))
    scene.leg.listener.leg_ended(LegEnd(Cause.LOST, "broke"))
    assert len(scene.route.legs) == 1
