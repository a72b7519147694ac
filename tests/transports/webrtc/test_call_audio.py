"""Calls by real clients over real sockets: what is said is heard on the other side, and events come beside it."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from OpenSSL import SSL

from tests.sdk_events import check_server_event
from tests.transports.webrtc.call_kit import (
    RATE,
    Caller,
    Session,
    Switchboard,
    floats,
    level_of,
    loudness,
    on_the_line,
    tone,
)
from tests.transports.webrtc.test_hostile import garbage

CODECS = ["opus", "PCMU", "PCMA"]
pytestmark = [pytest.mark.usefixtures("no_errors_logged"), pytest.mark.asyncio(loop_factories=["uvloop"])]


def has_heard(ms: int) -> Callable[[Session], bool]:
    return lambda session: len(session.received) * 20 >= ms


@pytest.mark.parametrize("codec", CODECS)
async def test_audio_goes_both_ways(codec: str) -> None:
    async with on_the_line(Caller(sings=440, codec=codec)) as (caller, board):
        board.session.answer(tone(700, 700))
        await board.session.wait_for(has_heard(700))
        await caller.told("output_audio_buffer.stopped")
        sung = floats(board.session.heard)[RATE // 4 :]
        assert level_of(sung, 440) == pytest.approx(0.3, rel=0.15)
        assert loudness(sung) == pytest.approx(0.3 / 2**0.5, rel=0.15)
        await caller.wait_for(lambda it: caller.seconds_of(700) >= 0.4)
        assert caller.rate == (48_000 if codec == "opus" else 8000)


async def test_audio_goes_on_for_as_long_as_the_client_sends() -> None:
    """20 ms a packet, without a break and without more than was sent."""
    async with on_the_line() as (caller, board):
        await board.session.wait_for(has_heard(1000))
        heard_ms = len(board.session.heard) / 48
        assert heard_ms == pytest.approx(caller.microphone.ms, abs=200)  # the jitter buffer, and a clock each


async def test_a_client_that_only_listens_hears() -> None:
    async with on_the_line(Caller(direction="recvonly")) as (caller, board):
        board.session.answer(tone(20_000, 700))
        await caller.wait_for(lambda it: caller.seconds_of(700) >= 0.4)
        assert board.session.heard == b""


async def test_a_client_that_only_speaks_is_heard() -> None:
    async with on_the_line(Caller(direction="sendonly")) as (caller, board):
        board.session.answer(tone(200))
        await board.session.wait_for(has_heard(600))
        await caller.told("output_audio_buffer.stopped")
        assert level_of(floats(board.session.heard)[RATE // 4 :], 440) > 0.2
        assert caller.frames == 0


async def test_a_call_without_a_channel_is_audio_alone() -> None:
    async with on_the_line(Caller(channel="")) as (caller, board):
        board.session.answer(tone(20_000, 700))
        await caller.wait_for(lambda it: caller.seconds_of(700) >= 0.4)
        await board.session.wait_for(has_heard(400))


async def test_a_call_without_a_channel_is_connected_as_fast_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the handshake is left to its timers."""
    monkeypatch.setattr(SSL.Connection, "DTLSv1_handle_timeout", lambda self: pytest.fail("a packet was late"))
    async with on_the_line(Caller(channel="")) as (_, board):
        await board.session.wait_for(has_heard(20))


async def test_a_call_without_audio_is_events_alone() -> None:
    async with on_the_line(Caller(direction="")) as (caller, board):
        caller.tell("response.create")
        await board.session.wait_for(lambda it: bool(it.received))
        board.session.answer(tone(100))
        await caller.told("output_audio_buffer.stopped")
        assert board.session.asked == [{"type": "response.create"}]


async def test_an_interruption_is_heard_at_once() -> None:
    async with on_the_line() as (caller, board):
        board.session.answer(tone(20_000, 700))
        await caller.wait_for(lambda it: caller.seconds_of(700) >= 0.3)
        board.session.tell("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")
        await caller.told("output_audio_buffer.cleared")
        # Comfort noise comes now and then; what was on its way is played out of the jitter buffer.
        frames = caller.frames
        await caller.wait_for(lambda it: it.frames > frames + 8)
        assert loudness(caller.parts(60)[-1]) < 0.01
        assert check_server_event(await caller.told("output_audio_buffer.cleared")).response_id == "resp_1"


async def test_the_client_clears_its_buffer() -> None:
    async with on_the_line() as (caller, board):
        board.session.answer(tone(20_000, 700))
        await caller.told("output_audio_buffer.started")
        caller.tell("output_audio_buffer.clear")
        await caller.told("output_audio_buffer.cleared")
        await board.session.wait_for(lambda it: bool(it.asked))
        assert [event["type"] for event in board.session.asked] == ["conversation.item.truncate"]


async def test_events_of_before_the_channel_is_open_come_in_order() -> None:
    caller, board = Caller(), Switchboard()
    answered = await board.begin(await caller.offer())
    for number in range(20):
        board.session.tell("early", number=number)
    await caller.take(answered.answer)
    await caller.wait_for(lambda it: it.is_open)
    board.session.tell("late")
    await caller.told("late")
    assert caller.types == ["session.created", *["early"] * 20, "late"]
    assert [event["number"] for event in caller.events[1:-1]] == list(range(20))
    await caller.close()
    await board.stop()


async def test_what_is_no_text_and_no_json_leaves_the_call_as_it_is() -> None:
    async with on_the_line() as (caller, board):
        assert caller.channel is not None
        for message in (b"\xff\xfe\x00", b"", "", "no json", "[", "\x00", b'{"type":"as.bytes"}', "[" * 5000):
            caller.channel.send(message)
        caller.tell("the.last")
        await board.session.wait_for(lambda it: b'{"type": "the.last"}' in it.received)
        assert check_server_event(await caller.told("error")).error.code == "invalid_json"
        assert b'{"type":"as.bytes"}' in board.session.received


async def test_a_slow_client_is_told_of() -> None:
    """A client that acknowledges nothing any more."""
    async with on_the_line() as (caller, board):
        caller.channel.transport._handle_data = swallow  # type: ignore[union-attr, method-assign]
        for _ in range(7):
            board.session.tell("large", padding="x" * 100_000)
        await asyncio.sleep(0)
        assert board.session.slow == [True]
        for _ in range(160):
            board.session.tell("large", padding="x" * 100_000)
        async with asyncio.timeout(5):
            await board.session.closed.wait()


async def swallow(data: bytes) -> None:
    """Take an SCTP packet and say nothing."""


async def test_both_sides_tell_how_they_receive_each_other() -> None:
    async with on_the_line() as (caller, board):
        (call,) = board.calls._calls
        board.session.answer(tone(20_000))
        receiver = call._receiver
        assert receiver is not None
        await board.session.wait_for(lambda it: receiver._reported.last_report > 0)
        call._report(asyncio.get_running_loop().time())
        await caller.wait_for(lambda it: it.frames > 20)
        told = {report.type: report for report in (await caller.pc.getStats()).values()}
        assert told["remote-inbound-rtp"].roundTripTime >= 0
        assert told["remote-inbound-rtp"].packetsLost == 0
        assert told["remote-outbound-rtp"].packetsSent > 0


async def test_garbage_at_the_media_port_changes_nothing() -> None:
    """Of a stranger, and from the client's own address."""
    async with on_the_line() as (caller, board):
        (call,) = board.calls._calls
        at = call._peer._ice.local_candidates[0]
        assert caller.pc.sctp is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for packet in garbage():
                stranger.sendto(packet, (at.host, at.port))
                await caller.pc.sctp.transport.transport._connection.send(packet)
                await asyncio.sleep(0)
        said = len(board.session.received)
        board.session.answer(tone(2000, 700))
        caller.tell("still.here")
        await caller.wait_for(lambda it: caller.seconds_of(700) > 0.4)
        await board.session.wait_for(lambda it: len(it.received) > said + 20 and bool(it.asked))
        assert board.session.asked == [{"type": "still.here"}]
        assert level_of(floats(board.session.heard)[-RATE // 5 :], 440) == pytest.approx(0.3, rel=0.15)
