"""Calls over networks that lose, double and delay packets: audio comes through, and events come all and in order."""

import asyncio

import numpy as np
import pytest

import antiphon.transports.webrtc.call as under_test
from tests.transports.webrtc.bad_network import Fates, losing, network
from tests.transports.webrtc.call_kit import RATE, Caller, Floats, Session, floats, level_of, on_the_line, tone
from tests.transports.webrtc.kit import PATIENCE

pytestmark = [pytest.mark.usefixtures("no_errors_logged"), pytest.mark.asyncio(loop_factories=["uvloop"])]

NETWORKS: dict[str, Fates] = {
    "one in ten is lost": losing([True] * 9 + [False]),
    "three in a row are lost": losing([True] * 40 + [False] * 3),
    "every third comes twice": [(0.0,), (0.0,), (0.0, 0.0)],
    "every fourth is overtaken": [(0.0,), (0.0,), (0.0,), (0.045,)],
    "delays jump": [(0.0,), (0.04,), (0.01,), (0.06,), (0.02,)],
    "all of it": [
        (0.01,),
        (0.03, 0.04),
        (),
        (0.0,),
        (0.05,),
        (0.02,),
        (0.0,),
        (0.03,),
        (0.0,),
        (0.01,),
        (0.04,),
        (0.0,),
    ],
}
EVENTS = 40


def share_of(audio: Floats, hz: float, rate: int) -> float:
    """Return which share of `audio` is the tone as it was sung, judged by 100 ms."""
    step = rate // 10
    levels = [level_of(audio[at : at + step], hz, rate) for at in range(0, audio.size - step + 1, step)]
    return float(np.mean([0.22 < level < 0.38 for level in levels]))


def exchange(caller: Caller, session: Session) -> None:
    """Let both sides send events, small ones and some of many packets."""
    for number in range(EVENTS):
        padding = "x" * (number % 5 * 1000)
        session.tell("from.the.server", number=number, padding=padding)
        caller.tell("from.the.client", number=number, padding=padding)


async def the_last(number: int) -> str:
    """Return the type of the last event that a call's client got before the server hung up."""
    async with on_the_line(Caller(direction="")) as (caller, board):
        for _ in range(number):
            board.session.tell("before", padding="x" * 2000)
        board.session.tell("the.last")
        board.session.client.close(1000, "done")
        await board.calls.empty()
        await asyncio.sleep(0.01)
        return caller.types[-1]


async def test_what_was_sent_last_arrives_before_the_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_GOODBYE_SECONDS", PATIENCE)
    with network(losing([True] * 5 + [False]), spared=13):
        assert set(await asyncio.gather(*map(the_last, range(8)))) == {"the.last"}


@pytest.mark.parametrize("name", NETWORKS)
async def test_a_bad_network_is_heard_through(name: str) -> None:
    with network(NETWORKS[name], spared=0 if name == "all of it" else 30):
        async with on_the_line(Caller(sings=440)) as (caller, board):
            session = board.session
            session.answer(tone(20_000, 700))
            exchange(caller, session)
            await session.wait_for(lambda it: len(it.asked) == EVENTS and len(it.heard) > 2 * RATE)
            await caller.wait_for(lambda it: caller.types.count("from.the.server") == EVENTS)
            await caller.wait_for(lambda it: caller.seconds_of(700) > 0.6)
            assert [event["number"] for event in session.asked] == list(range(EVENTS))
            told = [event["number"] for event in caller.events if event["type"] == "from.the.server"]
            assert told == list(range(EVENTS))
            assert share_of(floats(session.heard)[RATE // 4 :], 440, RATE) > 0.7
            assert caller.seconds_of(700) > 0.6 * 0.02 * caller.frames  # aiortc leaves out what was lost
