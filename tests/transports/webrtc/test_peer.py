"""A `Peer` and its client over real sockets."""

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import aioice
import aioice.ice
import pytest

from antiphon.errors import MediaError
from antiphon.transports.webrtc.ice import IceOptions, TurnServer
from antiphon.transports.webrtc.peer import MAX_EARLY_BYTES, Peer
from antiphon.transports.webrtc.sdp import parse_offer
from antiphon.transports.webrtc.udp import bound
from tests.transports.webrtc.kit import LOOPBACK, PATIENCE, Call, Client, Recorder, calling, connected, open_files
from tests.transports.webrtc.offers import CHROME


def rtp(call: Call, number: int) -> bytes:
    """A packet of 20 ms of PCMU silence."""
    return struct.pack("!BBHII", 0x80, 0, number, number * 160, call.peer.ssrc) + b"\xff" * 160


async def send_until_heard(call: Call, frames: int = 5) -> None:
    async with asyncio.timeout(PATIENCE):
        number = 0
        while call.client.frames < frames:
            number += 1
            call.peer.send_media(rtp(call, number))
            await asyncio.sleep(0.005)


async def everything_works(call: Call) -> None:
    """Audio and messages go both ways."""
    heard, told = len(call.listener.media), len(call.listener.messages)
    assert call.client.channel is not None
    call.client.channel.send("from the client")
    await call.listener.wait_for(lambda it: len(it.media) > heard + 2 and len(it.messages) > told)
    assert call.listener.messages[-1] == b"from the client"
    assert call.peer.send_message(b"from us") == ""
    await call.client.wait_for(lambda it: "from us" in it.received)
    await send_until_heard(call, call.client.frames + 3)


# --- what goes over it ------------------------------------------------------------------------------------------------


async def test_audio_and_events_go_both_ways() -> None:
    async with connected() as call:
        await everything_works(call)
        packet = call.listener.media[0]
        assert packet[0] >> 6 == 2
        assert packet[1] & 0x7F == 96  # as aiortc numbers Opus in its offers


async def test_a_call_may_be_audio_alone() -> None:
    async with connected(channel="") as call:
        await call.listener.wait_for(lambda it: len(it.media) > 2)
        await send_until_heard(call)
        assert call.peer.send_message(b"{}") == "the client's offer has no data channel"


async def test_a_call_may_be_events_alone() -> None:
    async with connected(audio=False) as call:
        call.peer.send_message(b"hello")
        await call.client.wait_for(lambda it: it.received == ["hello"])


async def test_rtcp_goes_both_ways() -> None:
    async with connected() as call:
        # An empty receiver report; it is a packet of its own to SRTCP.
        call.peer.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, call.peer.ssrc))
        await call.listener.wait_for(lambda it: bool(it.rtcp))
        assert call.listener.rtcp[0][1] in (200, 201)


async def test_messages_keep_their_order_and_their_bytes() -> None:
    async with connected(audio=False) as call:
        texts = [f"{number} \u00e9 " + "x" * (number * 997 % 60_000) for number in range(40)]
        for text in texts:
            assert call.peer.send_message(text.encode()) == ""
        assert call.peer.unsent > 0
        await call.client.wait_for(lambda it: len(it.received) == len(texts))
        assert call.client.received == texts
        assert call.client.channel is not None
        for text in texts:
            call.client.channel.send(text)
        await call.listener.wait_for(lambda it: len(it.messages) == len(texts))
        assert call.listener.messages == [text.encode() for text in texts]


async def test_what_was_sent_is_not_unsent_any_more() -> None:
    async with connected(audio=False) as call:
        call.peer.send_message(b"x" * 100_000)
        assert call.peer.unsent > 50_000
        await call.client.wait_for(lambda it: bool(it.received))
        assert call.peer.unsent == 0


async def test_a_message_as_large_as_the_client_takes_arrives_and_a_larger_one_is_refused() -> None:
    async with connected(audio=False) as call:
        assert call.peer.send_message(b"x" * 262_144) == ""
        refusal = call.peer.send_message(b"x" * 262_145)
        assert refusal == "the message has 262145 bytes; the client's offer takes 262144 (a=max-message-size)"
        await call.client.wait_for(lambda it: bool(it.received))
        assert len(call.client.received[0]) == 262_144


async def test_messages_wait_for_the_channel() -> None:
    """`session.created` is sent when the session begins, which is before the client's channel is open."""
    client, listener = Client(), Recorder()
    peer = Peer(parse_offer(await client.offer()), LOOPBACK, listener)
    texts = [f"early {number}" for number in range(5)]
    assert [peer.send_message(text.encode()) for text in texts] == [""] * 5
    assert peer.unsent == sum(map(len, texts))
    await client.take(await peer.answer())
    await client.wait_for(lambda it: it.received == texts)
    peer.close()
    await client.close()
    await peer.wait_closed()


async def test_what_waits_for_the_channel_is_bounded() -> None:
    offer = CHROME.replace("a=max-message-size:262144", "a=max-message-size:0")
    peer = Peer(parse_offer(offer), LOOPBACK, Recorder())
    assert peer.send_message(b"x" * MAX_EARLY_BYTES) == ""
    assert "is not open" in peer.send_message(b"x")
    peer.close()
    assert peer.unsent == 0
    await peer.wait_closed()


async def test_a_channel_with_another_name_is_taken_until_there_is_the_right_one() -> None:
    async with connected(audio=False, channel="chat") as call:
        call.peer.send_message(b"over the first")
        await call.client.wait_for(lambda it: it.received == ["over the first"])
        heard: asyncio.Queue[str] = asyncio.Queue()
        events = call.client.pc.createDataChannel("oai-events")
        events.on("open", lambda: events.send("now here"))
        events.on("message", heard.put_nowait)
        await call.listener.wait_for(lambda it: it.messages == [b"now here"])
        call.peer.send_message(b"over the second")
        assert await asyncio.wait_for(heard.get(), PATIENCE) == "over the second"


async def test_a_channel_that_is_closed_leaves_the_audio() -> None:
    async with connected() as call:
        assert call.client.channel is not None
        call.client.channel.close()
        await call.listener.wait_for(lambda it: it.channel == ["open", "closed"])
        await send_until_heard(call)
        assert not call.listener.closed


# --- how it is reached ------------------------------------------------------------------------------------------------


def ports_of(answer: str) -> list[tuple[str, int]]:
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    return [(address, int(port)) for address, port in found]


async def answer_with(options: IceOptions, offer: str = CHROME) -> str:
    peer = Peer(parse_offer(offer), options, Recorder())
    answer = await peer.answer()
    peer.close()
    await peer.wait_closed()
    return answer


async def test_loopback_addresses_are_offered_only_when_wanted() -> None:
    answer = await answer_with(IceOptions(include_loopback=True))
    assert "127.0.0.1" in [address for address, _ in ports_of(answer)]
    with pytest.raises(MediaError, match="no UDP port could be opened"):
        await answer_with(IceOptions())  # there is no other address here


async def test_ports_are_taken_from_the_range() -> None:
    with bound("127.0.0.1", (0, 0)) as free:  # type: ignore[union-attr]
        port = free.getsockname()[1]
    answer = await answer_with(replace(LOOPBACK, ports=(port, port)))
    assert ports_of(answer) == [("127.0.0.1", port)]


async def test_a_range_that_is_used_up_is_told() -> None:
    with bound("127.0.0.1", (0, 0)) as taken:  # type: ignore[union-attr]
        port = taken.getsockname()[1]
        with pytest.raises(MediaError, match=f"no UDP port could be opened for a call \\(ports {port} to {port}\\)"):
            await answer_with(replace(LOOPBACK, ports=(port, port)))


async def test_a_client_without_candidates_is_learned_from_its_checks() -> None:
    """A browser that hides its address behind a name sends nothing else that is of use."""
    async with calling(edit=lambda offer: re.sub("a=candidate:.*\r\n", "", offer)) as call:
        await call.client.wait_for(lambda it: it.is_open)
        await everything_works(call)


async def test_a_client_may_be_the_dtls_server() -> None:
    async with calling(audio=False, edit=lambda offer: offer.replace("setup:actpass", "setup:passive")) as call:
        await call.listener.wait_for(lambda it: it.channel == ["open"])
        call.peer.send_message(b"hello")
        await call.client.wait_for(lambda it: it.received == ["hello"])


class StunServer(asyncio.DatagramProtocol):
    """Says that everybody comes from 203.0.113.77:4567; with `silent`, nothing."""

    silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = aioice.stun.parse_message(data)
        response = aioice.stun.Message(
            request.message_method, aioice.stun.Class.RESPONSE, transaction_id=request.transaction_id
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.77", 4567)
        response.add_fingerprint()
        if not self.silent:
            self.transport.sendto(bytes(response), addr)


@contextlib.asynccontextmanager
async def stun_server(silent: bool) -> AsyncIterator[str]:
    """A STUN server; yields its URL."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(StunServer, local_addr=("127.0.0.1", 0))
    server.silent = silent
    try:
        yield f"stun:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.mark.parametrize("silent", [False, True])
async def test_a_stun_server_adds_a_candidate_if_it_answers(silent: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with stun_server(silent) as url:
        answer = await answer_with(replace(LOOPBACK, stun=url, gather_seconds=0.3))
    assert ("203.0.113.77 4567 typ srflx" in answer) is not silent
    assert (f"{url} is of no use to calls" in caplog.text) is silent
    assert [address for address, _ in ports_of(answer)] == ["127.0.0.1"]


async def test_a_turn_server_that_fails_is_named_without_its_credentials(caplog: pytest.LogCaptureFixture) -> None:
    async with stun_server(silent=False) as url:  # it knows nothing of TURN
        turn = TurnServer(url.replace("stun:", "turn:"), "us", "hush")
        await answer_with(replace(LOOPBACK, turn=turn, gather_seconds=0.3))
    assert f"{turn.url} is of no use to calls" in caplog.text
    assert "hush" not in caplog.text


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_is_not_lost() -> None:
    async with connected() as call:
        await call.client.close()
        await call.listener.wait_for(lambda it: bool(it.closed))
        assert call.listener.closed == [("the client closed the connection", False)]
        assert call.listener.channel == ["open"]
        assert call.peer.is_closed
        assert call.peer.send_message(b"x") == "the call is closed"


async def test_a_client_that_closes_an_audio_call_is_not_lost() -> None:
    async with connected(channel="") as call:
        await call.client.close()
        await call.listener.wait_for(lambda it: bool(it.closed))
        assert call.listener.closed == [("the client closed the connection", False)]


async def test_a_client_that_vanishes_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 1)
    async with connected() as call:
        await call.client.vanish()
        await call.listener.wait_for(lambda it: bool(it.closed))
        assert call.listener.closed == [("the client is not there any more", True)]


async def test_ice_that_never_completes_ends_the_call() -> None:
    peer = Peer(parse_offer(CHROME), replace(LOOPBACK, connect_seconds=0.1), listener := Recorder())
    await peer.answer()
    await listener.wait_for(lambda it: bool(it.closed))
    assert listener.closed == [("ICE did not complete within 0.1 seconds", True)]
    await peer.wait_closed()


async def ice_alone(offer: str, options: IceOptions) -> tuple[Peer, Recorder, aioice.Connection]:
    """A client that speaks ICE and nothing after it."""
    connection = aioice.Connection(ice_controlling=True)
    await connection.gather_candidates()
    offer = re.sub("a=ice-ufrag:.*", f"a=ice-ufrag:{connection.local_username}\r", offer)
    offer = re.sub("a=ice-pwd:.*", f"a=ice-pwd:{connection.local_password}\r", offer)
    peer = Peer(parse_offer(offer), options, listener := Recorder())
    answer = await peer.answer()
    found = dict(re.findall(r"a=(ice-ufrag|ice-pwd|candidate):(.*)\r", answer))
    connection.remote_username, connection.remote_password = found["ice-ufrag"], found["ice-pwd"]
    await connection.add_remote_candidate(aioice.Candidate.from_sdp(found["candidate"]))
    await connection.add_remote_candidate(None)
    await connection.connect()
    return peer, listener, connection


async def test_dtls_that_never_completes_ends_the_call() -> None:
    peer, listener, connection = await ice_alone(CHROME, replace(LOOPBACK, connect_seconds=1.0))
    await listener.wait_for(lambda it: bool(it.closed))
    assert listener.closed == [("DTLS did not complete within 1 seconds", True)]
    await connection.close()
    await peer.wait_closed()


async def test_a_client_with_another_certificate_is_refused() -> None:
    fingerprints = re.compile("(a=fingerprint:sha-256) (..)")
    async with calling(
        edit=lambda offer: fingerprints.sub(lambda at: f"{at[1]} {int(at[2], 16) ^ 1:02X}", offer)
    ) as call:
        await call.listener.wait_for(lambda it: bool(it.closed))
        reason, lost = call.listener.closed[0]
        assert reason.startswith("DTLS failed: the client's certificate")
        assert not lost
        assert not call.listener.connected
        await call.client.wait_for(lambda it: it.pc.connectionState in ("failed", "closed"))


# --- closing in every phase -------------------------------------------------------------------------------------------


async def nothing_left(files: int) -> None:
    """All sockets and tasks are gone, but for this test's own."""
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert open_files() == files


async def test_it_may_be_closed_before_it_is_answered() -> None:
    files = open_files()
    peer = Peer(parse_offer(CHROME), LOOPBACK, listener := Recorder())
    peer.close()
    peer.close()
    with pytest.raises(MediaError, match="closed before it was answered"):
        await peer.answer()
    await peer.wait_closed()
    await nothing_left(files)
    assert not listener.closed


async def test_it_may_be_closed_while_it_gathers() -> None:
    async with stun_server(silent=True) as url:
        files = open_files()
        peer = Peer(parse_offer(CHROME), replace(LOOPBACK, stun=url, gather_seconds=0.2), Recorder())
        answering = asyncio.create_task(peer.answer())
        await asyncio.sleep(0.05)
        peer.close()
        with pytest.raises(MediaError):
            await answering
        await peer.wait_closed()
        await nothing_left(files)


async def test_a_caller_that_gives_up_while_it_gathers_leaves_nothing() -> None:
    async with stun_server(silent=True) as url:
        files = open_files()
        peer = Peer(parse_offer(CHROME), replace(LOOPBACK, stun=url), Recorder())
        answering = asyncio.create_task(peer.answer())
        await asyncio.sleep(0.05)
        answering.cancel()
        await asyncio.wait([answering])
        await peer.wait_closed()
        await nothing_left(files)


async def test_it_may_be_closed_during_ice() -> None:
    files = open_files()
    peer = Peer(parse_offer(CHROME), LOOPBACK, listener := Recorder())
    await peer.answer()
    await asyncio.sleep(0.05)
    peer.close()
    peer.close()
    await peer.wait_closed()
    await nothing_left(files)
    assert not listener.closed


async def test_it_may_be_closed_during_dtls() -> None:
    files = open_files()
    peer, listener, connection = await ice_alone(CHROME, LOOPBACK)
    await asyncio.sleep(0.05)
    peer.close()
    await peer.wait_closed()
    await connection.close()
    await nothing_left(files)
    assert not listener.closed


async def test_a_connected_one_tells_its_client_when_it_is_closed() -> None:
    async with connected() as call:
        told = asyncio.Event()
        call.client.pc.on("connectionstatechange", told.set)
        call.peer.close()
        call.peer.close()
        call.peer.send_media(rtp(call, 1))
        call.peer.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))
        await call.peer.wait_closed()
        async with asyncio.timeout(PATIENCE):
            await told.wait()
        assert call.client.pc.connectionState == "closed"
        assert not call.listener.closed


async def test_a_listener_may_close_it_from_within() -> None:
    files = open_files()

    class Closing(Recorder):
        def on_message(self, data: bytes) -> None:
            super().on_message(data)
            peer.close()

    client, listener = Client(), Closing()
    peer = Peer(parse_offer(await client.offer()), LOOPBACK, listener)
    await client.take(await peer.answer())
    await client.wait_for(lambda it: it.is_open)
    assert client.channel is not None
    client.channel.send("one")
    client.channel.send("two")
    await listener.wait_for(lambda it: bool(it.messages))
    await peer.wait_closed()
    await client.close()
    assert listener.messages == [b"one"]
    await nothing_left(files)


class Failing(Recorder):
    """Fails whenever media comes."""

    def on_media(self, packet: bytes, now: float) -> None:
        super().on_media(packet, now)
        raise RuntimeError("as a test does")


async def test_a_listener_that_fails_does_not_end_the_call(caplog: pytest.LogCaptureFixture) -> None:
    client, listener = Client(), Failing()
    peer = Peer(parse_offer(await client.offer()), LOOPBACK, listener)
    await client.take(await peer.answer())
    await listener.wait_for(lambda it: len(it.media) > 2)
    assert not listener.closed
    assert "a media packet could not be handled" in caplog.text
    peer.close()
    await client.close()
    await peer.wait_closed()


async def test_a_hundred_calls_leave_nothing() -> None:
    """Offers that nobody follows up, and calls that were connected."""
    files = open_files()
    for _ in range(10):
        peers = [Peer(parse_offer(CHROME), LOOPBACK, Recorder()) for _ in range(9)]
        await asyncio.gather(*(peer.answer() for peer in peers))
        async with connected() as call:
            await call.listener.wait_for(lambda it: len(it.media) > 1)
        for peer in peers:
            peer.close()
        await asyncio.gather(*(peer.wait_closed() for peer in peers))
    await nothing_left(files)
