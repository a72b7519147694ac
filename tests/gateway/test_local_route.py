"""The embedded engine as a leg: order, pauses, ends, and nothing told from within a call."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.engines import LocalEngine, Stages
from antiphon.engines.local import LocalSession
from antiphon.errors import StageError
from antiphon.gateway.local_route import LocalLeg, LocalRoute
from antiphon.path.legs import Cause, LegEnd, LegStart
from antiphon.protocol.config import SessionConfig
from antiphon.session import Equipment
from antiphon.session.limits import Limits
from antiphon.session.start import SessionStart
from antiphon.stages.llm.scripted import ScriptedLanguageModel, says
from antiphon.stages.stt.scripted import ScriptedSpeechToText
from antiphon.stages.tts.scripted import ScriptedTextToSpeech
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector

START = LegStart(SessionStart("any-model", SessionConfig(instructions="of the client")))


class Listener:
    """Keeps what it is told; `on` may act at an event."""

    def __init__(self, on: Callable[[str], None] = lambda kind: None) -> None:
        self.events: list[dict[str, Any]] = []
        self.end: LegEnd | None = None
        self._on = on
        self._news = asyncio.Event()

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def leg_received(self, message: bytes) -> None:
        assert self.end is None
        self.events.append(json.loads(message))
        self._news.set()
        self._on(self.types[-1])

    def leg_ended(self, end: LegEnd) -> None:
        assert self.end is None
        self.end = end
        self._news.set()

    def leg_slow(self, slow: bool) -> None:
        raise AssertionError("the embedded engine always takes what it is sent")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()


def make_engine(*answers: Any, session_seconds: float = 3600.0) -> LocalEngine:
    stages = Stages(
        ScriptedVoiceActivityDetector(),
        ScriptedSpeechToText(),
        ScriptedLanguageModel(answers),
        ScriptedTextToSpeech(),
    )
    return LocalEngine(stages, Equipment(limits=Limits(session_seconds=session_seconds)))


async def make_route(*answers: Any, session_seconds: float = 3600.0) -> LocalRoute:
    route = LocalRoute(
        make_engine(*answers, session_seconds=session_seconds), SessionConfig(instructions="of the agent")
    )
    await route.start()
    return route


def send(leg: LocalLeg, kind: str, **fields: Any) -> None:
    leg.send(json.dumps({"type": kind, **fields}).encode())


def say(leg: LocalLeg, text: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    send(leg, "conversation.item.create", item=item)


async def test_a_leg_begins_with_session_created_after_it_was_handed_out() -> None:
    route = await make_route()
    listener = Listener()
    leg = route.open(START, listener)
    assert listener.events == []
    await listener.until(lambda: bool(listener.events))
    (created,) = listener.events
    assert created["type"] == "session.created"
    assert created["session"]["model"] == "any-model"
    assert created["session"]["instructions"] == "of the agent"
    leg.close()


async def test_a_turn_goes_through_in_order_and_never_from_within_send() -> None:
    route = await make_route(says("Four bedrooms."))
    listener = Listener()
    leg = route.open(START, listener)
    await listener.until(lambda: listener.types == ["session.created"])
    say(leg, "How many?")
    send(leg, "response.create", response={"output_modalities": ["text"]})
    assert listener.types == ["session.created"]
    await listener.until(lambda: "response.done" in listener.types)
    assert listener.types[1:4] == ["conversation.item.added", "conversation.item.done", "response.created"]
    done = next(event for event in listener.events if event["type"] == "response.done")["response"]
    assert (done["status"], done["output"][0]["content"][0]["text"]) == ("completed", "Four bedrooms.")
    leg.close()


async def test_nothing_is_told_after_close_not_even_what_waited() -> None:
    route = await make_route()
    listener = Listener()
    leg = route.open(START, listener)
    leg.close()
    leg.close()
    send(leg, "input_audio_buffer.clear")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (listener.events, listener.end) == ([], None)


async def test_a_paused_leg_keeps_what_it_has_to_tell() -> None:
    route = await make_route()
    listener = Listener()
    leg = route.open(START, listener)
    leg.pause_reading()
    say(leg, "one")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert listener.events == []
    leg.resume_reading()
    await listener.until(lambda: len(listener.events) == 3)
    assert listener.types == ["session.created", "conversation.item.added", "conversation.item.done"]
    leg.close()


async def test_a_listener_may_pause_at_any_event() -> None:
    route = await make_route()
    legs: list[LocalLeg] = []
    listener = Listener(lambda kind: legs[0].pause_reading())
    legs.append(route.open(START, listener))
    say(legs[0], "one")
    for count in (1, 2, 3):
        await listener.until(lambda count=count: len(listener.events) == count)  # type: ignore[misc]
        await asyncio.sleep(0)
        assert len(listener.events) == count
        legs[0].resume_reading()
    assert listener.types == ["session.created", "conversation.item.added", "conversation.item.done"]
    legs[0].close()


async def test_a_listener_may_close_the_leg_at_any_event() -> None:
    route = await make_route()
    legs: list[LocalLeg] = []
    listener = Listener(lambda kind: legs[0].close())
    legs.append(route.open(START, listener))
    say(legs[0], "one")
    await listener.until(lambda: bool(listener.events))
    await asyncio.sleep(0)
    assert listener.types == ["session.created"]


async def test_a_session_at_its_longest_ends_as_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    route = await make_route(session_seconds=0.01)
    closed: list[LocalSession] = []

    def close(session: LocalSession) -> None:
        closed.append(session)

    monkeypatch.setattr(LocalSession, "close", close)
    listener = Listener()
    leg = route.open(START, listener)
    await listener.until(lambda: listener.end is not None)
    assert listener.end is not None
    assert (listener.end.cause, listener.end.close_code) == (Cause.EXPIRED, 1001)
    assert listener.end.error is not None
    assert listener.end.error.code == "session_expired"
    assert listener.types == ["session.created", "error"]
    assert len(closed) == 1  # whether or not anybody closes the leg
    leg.close()
    assert len(closed) == 1


async def test_a_failure_of_ours_ends_the_leg_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    route = await make_route()

    def fail(*arguments: Any) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(route.engine, "open", fail)
    listener = Listener()
    route.open(START, listener)
    await listener.until(lambda: listener.end is not None)
    assert listener.end is not None
    assert listener.end.cause is Cause.LOST


async def test_an_engine_that_cannot_load_is_a_route_not_worth_trying(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    route = LocalRoute(make_engine(), SessionConfig())

    async def broken() -> None:
        raise StageError("tts", "no voice; install one")

    monkeypatch.setattr(route.engine.stages.tts, "start", broken)
    await route.start()
    assert "no voice; install one" in caplog.text
    assert route.rests_until == math.inf
    listener = Listener()
    route.open(START, listener)
    await listener.until(lambda: listener.end is not None)
    assert listener.end is not None
    assert listener.end.cause is Cause.UNREACHABLE


async def test_failures_make_the_route_rest_longer_and_success_forgets_them() -> None:
    route = await make_route()
    assert route.rests_until < 0
    rests = []
    for _ in range(10):
        route.failed(Cause.LOST, 100.0, had_session=False)
        rests.append(route.rests_until - 100.0)
    assert rests[:3] == [0.5, 1.0, 2.0]
    assert rests[-1] == 30.0
    route.worked()
    for cause in (Cause.EXPIRED, Cause.LOST, Cause.SILENT):
        route.failed(cause, 100.0, had_session=True)
    assert route.rests_until < 0
    route.failed(Cause.LOST, 100.0, had_session=False)
    assert route.rests_until == 100.5
