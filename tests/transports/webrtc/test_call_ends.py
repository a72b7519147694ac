"""How calls end, by whomever and whenever: nothing of them is left, and nobody waits for who is gone."""

import asyncio
import gc
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from antiphon.audio.opus import OpusDecoder, OpusEncoder
from antiphon.errors import ClientEventError
from antiphon.transports.rtp import RtpReceiver
from antiphon.transports.webrtc import peer
from antiphon.transports.webrtc.aiortc_glue import Association, Dtls, IceConnection, _Datagrams
from antiphon.transports.webrtc.call import WebRtcCall, WebRtcOptions
from antiphon.transports.webrtc.peer import Peer
from antiphon.transports.webrtc.udp import UdpSocket
from tests.sdk_events import check_server_event
from tests.transports.webrtc.call_kit import START, Caller, Session, Switchboard, tone
from tests.transports.webrtc.kit import LOOPBACK, PATIENCE, open_files
from tests.transports.webrtc.offers import CHROME, FIREFOX, SAFARI

pytestmark = [pytest.mark.usefixtures("no_errors_logged"), pytest.mark.asyncio(loop_factories=["uvloop"])]

QUICK = WebRtcOptions(LOOPBACK, silent_seconds=1.0)
SOON = 2.9  # seconds; what "at once" may take on a busy machine


async def connected(board: Switchboard, extensions: bool = False) -> Caller:
    caller = Caller()
    answered = await board.begin(await caller.offer(), replace(START, extensions=extensions))
    caller.call_id = answered.id
    await caller.take(answered.answer)
    await caller.wait_for(lambda it: it.is_open)
    return caller


@pytest.fixture
async def board() -> AsyncIterator[Switchboard]:
    board = Switchboard(QUICK)
    yield board
    await board.stop()


# --- by the client ----------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_ends_its_call(board: Switchboard) -> None:
    caller = await connected(board, extensions=True)
    await caller.close()
    await board.session.closed.wait()
    await board.calls.empty()
    assert (board.session.lost, board.house.parked, board.released) == (False, 0, 1)


async def test_a_client_that_vanishes_is_missed_and_may_come_back(board: Switchboard) -> None:
    caller = await connected(board, extensions=True)
    session, token = board.session, (await caller.told("antiphon.session.resumable"))["token"]
    await caller.vanish()
    async with asyncio.timeout(5):
        await board.calls.empty()
    assert (board.house.parked, board.released) == (1, 1)
    session.tell("meanwhile")
    again = Caller()
    answered = await board.calls.begin((await again.offer()).encode(), board.admission(resume=token))
    assert answered is not None
    await again.take(answered.answer)
    await again.told("meanwhile")
    assert board.session is session
    await asyncio.gather(caller.close(), again.close())


# --- by the server ----------------------------------------------------------------------------------------------------


async def test_a_call_that_is_hung_up_tells_its_client(board: Switchboard) -> None:
    caller = await connected(board)
    board.session.tell("the.last")
    assert board.house.hang_up(caller.call_id)
    await caller.wait_for(lambda it: it.pc.connectionState == "closed")
    assert caller.types[-1] == "the.last"
    await caller.close()


async def test_a_server_stops_at_once_though_its_clients_have_vanished(board: Switchboard) -> None:
    board.calls.options = WebRtcOptions(LOOPBACK)
    callers = [await connected(board, extensions=True) for _ in range(5)]
    for offer in (CHROME, FIREFOX, SAFARI):
        await board.begin(offer)
    for caller in callers:
        await caller.vanish()
    async with asyncio.timeout(SOON):
        board.calls.close(1001, "The server is shutting down.")
        await board.calls.empty()
    assert board.released == 8
    await asyncio.gather(*(caller.close() for caller in callers))


async def test_a_turn_server_that_does_not_let_go_is_not_waited_for(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(protocol: _Datagrams) -> None:
        protocol.transport.close()
        await asyncio.sleep(PATIENCE)

    monkeypatch.setattr(_Datagrams, "close", close)
    monkeypatch.setattr(peer, "_GOODBYE_SECONDS", 0.05)
    await board.begin(CHROME)
    board.calls.abort()
    async with asyncio.timeout(SOON):
        await board.calls.empty()


async def test_a_call_that_fails_leaves_the_others_alone(board: Switchboard, caplog: pytest.LogCaptureFixture) -> None:
    broken = await connected(board)
    (call,) = board.calls._calls
    sound = await connected(board)
    with mock.patch.object(call._receiver, "pull", side_effect=ValueError("broken")):
        assert check_server_event(await broken.told("error")).error.code == "server_error"
        await broken.wait_for(lambda it: it.pc.connectionState == "closed")
    failed, session = board.engine.sessions
    assert (failed.lost, session.closed.is_set(), len(board.calls), len(board.calls.ticker)) == (False, False, 1, 1)
    said = len(session.received)
    await session.wait_for(lambda it: len(it.received) > said + 5)
    await asyncio.gather(broken.close(), sound.close())
    caplog.clear()


# --- 500 of them ------------------------------------------------------------------------------------------------------


async def client_closes(board: Switchboard) -> None:
    caller = await connected(board)
    board.session.answer(tone(500))
    await caller.close()


async def client_vanishes(board: Switchboard) -> None:
    caller = await connected(board, extensions=True)
    await caller.vanish()
    await caller.close()


async def server_hangs_up(board: Switchboard) -> None:
    caller = await connected(board)
    board.house.hang_up(caller.call_id)
    await caller.wait_for(lambda it: it.pc.connectionState == "closed")
    await caller.close()


async def hung_up_while_connecting(board: Switchboard) -> None:
    caller = Caller()
    answered = await board.begin(await caller.offer())
    board.house.hang_up(answered.id)
    await caller.pc.close()


async def answer_never_taken(board: Switchboard) -> None:
    answered = await board.begin(random.choice((CHROME, FIREFOX, SAFARI)))
    await asyncio.sleep(random.random() * 0.05)
    board.house.hang_up(answered.id)


async def asker_gives_up(board: Switchboard) -> None:
    asking = asyncio.create_task(board.begin(CHROME))
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    if not asking.cancelled():
        board.house.hang_up(asking.result().id)


async def offer_is_none(board: Switchboard) -> None:
    with pytest.raises(ClientEventError):
        await board.begin("v=0")


WAYS = [
    *[client_closes, client_vanishes, server_hangs_up, hung_up_while_connecting],
    *[answer_never_taken] * 8,
    *[asker_gives_up] * 6,
    *[offer_is_none] * 2,
]
KINDS = (WebRtcCall, Peer, IceConnection, Dtls, Association, UdpSocket, RtpReceiver, OpusEncoder, OpusDecoder, Session)


def things_left() -> dict[str, int]:
    """Count what calls are made of."""
    gc.collect()
    kinds = Counter(type(thing) for thing in gc.get_objects())
    return {kind.__name__: kinds[kind] for kind in KINDS if kinds[kind]}


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1_000_000


async def drop_calls(board: Switchboard, count: int) -> None:
    ways = itertools.cycle(WAYS)
    for _ in range(count // len(WAYS)):
        await asyncio.gather(*(next(ways)(board) for _ in WAYS))
    async with asyncio.timeout(PATIENCE):
        await board.calls.empty()


async def test_of_500_calls_that_are_dropped_in_every_way_nothing_is_left() -> None:
    board = Switchboard(QUICK, resume_seconds=0.01)
    tasks, files, things = asyncio.all_tasks(), open_files(), things_left()
    await drop_calls(board, 100)
    memory = memory_mb()
    await drop_calls(board, 400)
    await asyncio.sleep(0.05)
    board.engine.sessions.clear()
    assert (len(board.calls), len(board.calls.ticker), len(board.house), board.house.parked) == (0, 0, 0, 0)
    assert board.released == board.admitted
    assert asyncio.all_tasks() == tasks
    assert open_files() == files
    assert things_left() == things
    assert memory_mb() - memory < 30
    await board.stop()
