"""What strangers and hostile clients send to the media port."""

import asyncio
import contextlib
import os
import random
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiortc.rtcsctptransport import SCTP_MAX_PACKET_LENGTH
from google_crc32c import value as crc32c

from antiphon.transports.webrtc.sctp_checks import acceptable
from tests.transports.webrtc.kit import LOOPBACK, Call, connected, open_files
from tests.transports.webrtc.offers import CHROME
from tests.transports.webrtc.test_peer import everything_works, ice_alone, nothing_left

pytestmark = pytest.mark.usefixtures("no_errors_logged")

STUN_COOKIE = 0x2112A442


def stun(attributes: bytes, kind: int = 1) -> bytes:
    return struct.pack("!HHI12s", kind, len(attributes), STUN_COOKIE, os.urandom(12)) + attributes


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def garbage() -> Iterator[bytes]:
    """Datagrams of every kind that is told apart by its first byte, none of them right."""
    rng = random.Random(7)
    yield b""
    for first in range(256):
        yield bytes([first])
        yield bytes([first]) + rng.randbytes(rng.randrange(1, 1400))
    for kind in (0x0006, 0x0008, 0x0009, 0x0014, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029):
        for value in (b"", b"\x00", b"\xff" * 3, b"\xff" * 9, b"\xff" * 20):
            yield stun(attribute(kind, value))
            yield stun(attribute(kind, value), kind=0x0101)
            yield stun(attribute(0x0006, b"aaaa:bbbb") + attribute(kind, value) + attribute(0x0008, bytes(20)))
    yield stun(b"\xff" * 8)
    for content_type in (20, 21, 22, 23, 25):  # DTLS records: fragments, alerts, data nobody encrypted
        yield struct.pack("!BHHHIH", content_type, 0xFEFD, 0, 0, 1, 8) + bytes(8)
        yield struct.pack("!BHHHIH", content_type, 0xFEFD, 1, 0, 1, 65_535) + bytes(20)
    for payload_type in (0, 96, 111, 127, 200, 201, 205, 223):
        for length in (1, 2, 11, 12, 40, 1400, 2048):
            yield struct.pack("!BBHII", 0x80, payload_type, 1, 2, 3).ljust(length, b"\x00")[:length]
    yield os.urandom(9000)


def media_address(call: Call) -> tuple[str, int]:
    candidate = call.peer._ice.local_candidates[0]
    return candidate.host, candidate.port


async def test_garbage_from_a_stranger_changes_nothing() -> None:
    async with connected() as call:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            for number, packet in enumerate(garbage()):
                stranger.sendto(packet, media_address(call))
                if number % 50 == 0:
                    await asyncio.sleep(0)
        await everything_works(call)


async def test_garbage_from_the_client_itself_changes_nothing() -> None:
    async with connected() as call:
        assert call.client.pc.sctp is not None
        connection = call.client.pc.sctp.transport.transport._connection
        for number, packet in enumerate(garbage()):
            await connection.send(packet)
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        await everything_works(call)
        assert not call.listener.closed


async def test_packets_from_an_address_that_proved_nothing_are_not_kept() -> None:
    async with connected() as call:
        connection = call.peer._ice
        waiting = connection._queue.qsize()
        for packet in garbage():
            connection._protocols[0].datagram_received(packet, ("127.0.0.1", 9))
        assert connection._queue.qsize() == waiting
        await everything_works(call)


async def test_garbage_in_the_place_of_a_handshake_ends_the_call_once() -> None:
    files = open_files()
    peer, listener, connection = await ice_alone(CHROME, replace(LOOPBACK, connect_seconds=1.0))
    for packet in garbage():
        await connection.send(packet)
    await listener.wait_for(lambda it: bool(it.closed))
    await connection.close()
    await peer.wait_closed()
    assert [lost for _, lost in listener.closed] == [False] or listener.closed[0][0].startswith("DTLS did not complete")
    await nothing_left(files)


def sctp(call: Call, *chunks: bytes, tag: int | None = None) -> bytes:
    """A packet of the client's own association with these chunks, and a right checksum."""
    assert call.client.pc.sctp is not None
    verification = call.client.pc.sctp._remote_verification_tag if tag is None else tag
    packet = struct.pack("!HHLL", 5000, 5000, verification, 0) + b"".join(chunks)
    return packet[:8] + struct.pack("<L", crc32c(packet)) + packet[12:]


def chunk(kind: int, body: bytes, length: int | None = None, flags: int = 0) -> bytes:
    size = 4 + len(body) if length is None else length
    return struct.pack("!BBH", kind, flags, size) + body + bytes(-len(body) % 4)


def hostile_chunks() -> dict[str, bytes]:
    sack = struct.Struct("!LLHH")
    return {
        "a parameter of no length, which would be read for ever": chunk(4, struct.pack("!HH", 1, 0)),
        "an INIT with such a parameter": chunk(1, struct.pack("!LLHHL", 1, 1, 1, 1, 1) + struct.pack("!HH", 1, 0)),
        "an INIT that is cut": chunk(1, b"\x00" * 5),
        "a chunk of no length": chunk(0, b"", length=0),
        "a chunk longer than its packet": chunk(0, b"x", length=60_000),
        "data without a body": chunk(0, b""),
        "data on the last stream": chunk(0, struct.pack("!LHHL", 1, 65_535, 0, 51) + b"x", flags=3),
        "gaps that cover everything": chunk(3, sack.pack(1, 1, 200, 0) + struct.pack("!HH", 1, 65_535) * 200),
        "more gaps than there are": chunk(3, sack.pack(1, 1, 65_535, 65_535)),
        "a FORWARD TSN that is cut": chunk(192, b"\x00"),
        "a stream reset that is cut": chunk(130, struct.pack("!HH", 13, 4)),
        "an unknown chunk": chunk(77, os.urandom(40)),
        "a cookie of somebody else": chunk(10, os.urandom(24)),
        "a data channel acknowledged that is none": chunk(0, struct.pack("!LHHL", 7, 9, 0, 50) + b"\x02", flags=3),
    }


@pytest.mark.parametrize("name", hostile_chunks())
async def test_hostile_packets_inside_the_encryption_change_nothing(name: str) -> None:
    async with connected() as call:
        assert call.client.pc.sctp is not None
        dtls = call.client.pc.sctp.transport
        hostile = hostile_chunks()[name]
        await dtls._send_data(sctp(call, hostile))
        await dtls._send_data(sctp(call, hostile, tag=0))
        await dtls._send_data(os.urandom(SCTP_MAX_PACKET_LENGTH))
        await everything_works(call)


async def test_text_that_is_no_utf8_reaches_the_listener_as_it_is() -> None:
    async with connected() as call:
        assert call.client.channel is not None
        call.client.channel.send(b"\xff\xfe{")
        await call.listener.wait_for(lambda it: it.messages == [b"\xff\xfe{"])


async def test_a_client_that_sends_beyond_its_window_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a message that never ends fill memory, were it not for the bound."""
    monkeypatch.setattr("antiphon.transports.webrtc.aiortc_glue.MAX_OVERRUN_BYTES", 0)
    async with connected(audio=False) as call:
        assert call.client.pc.sctp is not None
        ours = call.client.pc.sctp
        for number in range(1200):
            body = struct.pack("!LHHL", (ours._local_tsn + number) % 2**32, 1, 0, 51) + b"x" * 1100
            with contextlib.suppress(ConnectionError):  # cut off already
                await ours.transport._send_data(sctp(call, chunk(0, body, flags=2 if number == 0 else 0)))
            if number % 20 == 0:
                await asyncio.sleep(0.001)
        await call.listener.wait_for(lambda it: bool(it.closed))


@pytest.mark.parametrize("name", hostile_chunks())
def test_any_lengths_are_checked_in_bounded_time(name: str) -> None:
    """Only what makes sense is let through; the rest is dropped before the library sees it."""
    packet = bytes(12) + hostile_chunks()[name]
    harmless = {"an unknown chunk", "a cookie of somebody else", "a data channel acknowledged that is none"}
    # aiortc reads a cut reset only from its own parameter's fields, and its error is caught.
    assert acceptable(packet, 1024, 10) is (name in harmless | {"a stream reset that is cut"})
