"""All calls over one UDP port, by clients on real sockets."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aioice.ice
import pytest
from aioice.stun import Class, Message, Method

from antiphon.errors import ConfigError, MediaError
from antiphon.transports.webrtc import shared_udp
from antiphon.transports.webrtc.call import WebRtcOptions
from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.shared_udp import SharedPort, SharedUdp
from antiphon.transports.webrtc.udp import bound, bound_to
from tests.transports.webrtc.call_kit import Caller, Session, Switchboard, tone
from tests.transports.webrtc.kit import LOOPBACK, PATIENCE, open_files
from tests.transports.webrtc.offers import CHROME
from tests.transports.webrtc.test_hostile import garbage
from tests.transports.webrtc.test_ice import Inbox
from tests.transports.webrtc.test_peer import nothing_left, ports_of

pytestmark = pytest.mark.usefixtures("no_errors_logged")

HERE = "127.0.0.1"


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with bound(HERE, (0, 0)) as free:  # type: ignore[union-attr]
        return int(free.getsockname()[1])


@contextlib.asynccontextmanager
async def one_port(port: int, **options: Any) -> AsyncIterator[Switchboard]:
    board = Switchboard(WebRtcOptions(replace(LOOPBACK, port=port, **options)))
    try:
        yield board
    finally:
        await board.stop()
    assert shared(board).sockets == ()


def shared(board: Switchboard) -> SharedUdp:
    assert board.calls.shared is not None
    return board.calls.shared


def known(board: Switchboard) -> tuple[int, int, int]:
    """Return how many calls, addresses and transactions the port knows."""
    pools = [each.calls for each in shared(board).sockets]
    return (
        sum(map(len, pools)),
        sum(pool.addresses for pool in pools),
        sum(pool.transactions for pool in pools),
    )


class Line:
    """A caller, and the session that answers it."""

    def __init__(self, caller: Caller, session: Session, answer: str) -> None:
        self.caller, self.session, self.answer = caller, session, answer

    async def works(self) -> None:
        """Audio and events go both ways."""
        heard, number = len(self.session.heard), len(self.session.asked)
        frames = self.caller.frames
        self.caller.tell("from.the.client", number=number)
        await self.session.wait_for(lambda it: len(it.asked) > number and len(it.heard) > heard)
        self.session.answer(tone(300), f"resp_{number}")
        await self.caller.wait_for(lambda it: f"resp_{number}" in str(it.received) and it.frames > frames + 3)


@contextlib.asynccontextmanager
async def line(board: Switchboard, **how: Any) -> AsyncIterator[Line]:
    caller = Caller(**how)
    try:
        answered = await board.begin(await caller.offer())
        session = board.session
        await caller.take(answered.answer)
        await caller.wait_for(lambda it: it.is_open)
        yield Line(caller, session, answered.answer)
    finally:
        await caller.close()


@contextlib.asynccontextmanager
async def lines(board: Switchboard, number: int) -> AsyncIterator[list[Line]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(line(board)) for _ in range(number)]


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_calls_share_the_port_and_nothing_else(port: int) -> None:
    async with one_port(port) as board, lines(board, 3) as all_lines:
        for number, each in enumerate(all_lines):
            assert ports_of(each.answer) == [(HERE, port)]
            each.session.tell("the.number", number=number)
            each.caller.tell("the.number", number=number)
        await asyncio.gather(*(each.works() for each in all_lines))
        for number, each in enumerate(all_lines):
            assert [event["number"] for event in each.caller.events if event["type"] == "the.number"] == [number]
            assert [event["number"] for event in each.session.asked if event["type"] == "the.number"] == [number]
        assert known(board)[:2] == (3, 3)


async def test_callers_may_come_at_the_same_time(port: int) -> None:
    async with one_port(port) as board, contextlib.AsyncExitStack() as stack:
        lines = await asyncio.gather(*(stack.enter_async_context(line(board, direction="")) for _ in range(5)))
        assert len({each.caller.channel for each in lines}) == 5
        assert known(board)[:2] == (5, 5)


async def test_a_call_that_ends_leaves_the_others_alone(port: int) -> None:
    async with one_port(port) as board, line(board) as stays:
        async with line(board) as hangs_up:
            await hangs_up.works()
        async with line(board) as is_hung_up:
            is_hung_up.session.client.close(1000, "done")
            await is_hung_up.caller.wait_for(lambda it: it.pc.connectionState == "closed")
        await stays.works()
        async with asyncio.timeout(PATIENCE):
            while len(board.calls) > 1:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        assert known(board)[:2] == (1, 1)


async def test_a_hundred_calls_leave_nothing(port: int) -> None:
    """Offers that nobody follows up, and calls that were connected."""
    files = open_files()
    async with one_port(port) as board:
        for _ in range(5):
            await asyncio.gather(*(board.begin(CHROME) for _ in range(19)))
            async with line(board):
                assert known(board)[0] == 20
                for call in tuple(board.calls._calls):
                    call.abort()
            await board.calls.empty()
            assert known(board) == (0, 0, 0)
        assert len(shared(board).sockets) == 1
    await nothing_left(files)


async def test_each_address_has_its_socket(port: int) -> None:
    if (probe := bound("::1", (0, 0))) is None:
        pytest.skip("this machine has no IPv6")
    probe.close()
    async with one_port(port, addresses=(HERE, "::1")) as board:
        offer = re.sub("a=candidate:.*\r\n", "", CHROME)
        answered = await board.begin(offer)
        assert ports_of(answered.answer) == [(HERE, port), ("::1", port)]
        for family, address in ((socket.AF_INET, HERE), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.bind((address, 0))
                reply = await ask(client, (address, port), check(answered.answer))
                assert reply.message_class == Class.RESPONSE
                assert reply.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()[:2]
        assert known(board)[:2] == (2, 2)


# --- addresses --------------------------------------------------------------------------------------------------------


def check(answer: str, password: str = "") -> Message:
    """A check of a client of that answer."""
    theirs = dict(re.findall(r"a=(ice-ufrag|ice-pwd):(\S+)", answer))
    ufrag = dict(re.findall(r"a=(ice-ufrag):(\S+)", CHROME))["ice-ufrag"]
    message = Message(Method.BINDING, Class.REQUEST)
    message.attributes.update({"USERNAME": f"{theirs['ice-ufrag']}:{ufrag}", "PRIORITY": 1, "ICE-CONTROLLING": 7})
    message.add_message_integrity((password or theirs["ice-pwd"]).encode())
    return message


async def ask(client: socket.socket, server: tuple[str, int], message: Message) -> Message:
    """Return the answer to `message`; the server's own checks are passed over."""
    loop = asyncio.get_running_loop()
    client.sendto(bytes(message), server)
    async with asyncio.timeout(PATIENCE):
        while True:
            reply = aioice.stun.parse_message(await loop.sock_recv(client, 2048))
            if reply.transaction_id == message.transaction_id:
                return reply


async def test_an_address_is_of_the_call_whose_password_it_knows(port: int) -> None:
    """It moves with a check that is right, and with no other."""
    async with one_port(port) as board:
        first, second = [(await board.begin(CHROME)).answer for _ in range(2)]
        pool = shared(board).sockets[0].calls
        one, two = pool.members
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.bind((HERE, 0))
            owners = []
            for message in (check(first, "x" * 24), check(first), check(second, "x" * 24), check(second), check(first)):
                await ask(client, (HERE, port), message)
                owners.append(pool.owner(b"\x80", client.getsockname()))
            assert owners == [None, one, one, two, one]
        assert known(board)[:2] == (2, 1)


class Nat(asyncio.DatagramProtocol):
    """Between a client and the server; to the server it shows a port of its own, and another one once it is told to."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._client: Any = None
        self._outside: list[asyncio.DatagramTransport] = []
        self._inside: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inside = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._client = addr
        self._outside[-1].sendto(data, self._server)

    @property
    def ports(self) -> list[int]:
        return [each.get_extra_info("sockname")[1] for each in self._outside]

    async def change_port(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Outside(self), local_addr=(HERE, 0))
        self._outside.append(transport)

    def inward(self, data: bytes) -> None:
        self._inside.sendto(data, self._client)

    def close(self) -> None:
        for each in (self._inside, *self._outside):
            each.close()


class _Outside(asyncio.DatagramProtocol):
    def __init__(self, nat: Nat) -> None:
        self._nat = nat

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._nat.inward(data)


async def test_a_client_whose_port_changes_is_heard_on(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    loop = asyncio.get_running_loop()
    inside, nat = await loop.create_datagram_endpoint(lambda: Nat((HERE, port)), local_addr=(HERE, 0))
    await nat.change_port()
    async with one_port(port) as board, line(board) as other:
        caller = Caller()
        answered = await board.begin(re.sub("a=candidate:.*\r\n", "", await caller.offer()))
        await caller.take(answered.answer.replace(f" {port} typ", f" {inside.get_extra_info('sockname')[1]} typ"))
        await caller.wait_for(lambda it: it.is_open)
        moving = Line(caller, board.session, answered.answer)
        await moving.works()
        await nat.change_port()
        await moving.works()
        await other.works()
        owner = shared(board).sockets[0].calls.owner
        before, after = (owner(b"\x80", (HERE, each)) for each in nat.ports)
        assert before is after is not None
        await caller.close()
    nat.close()


# --- strangers --------------------------------------------------------------------------------------------------------


async def test_garbage_from_strangers_is_counted_and_changes_nothing(port: int) -> None:
    async with one_port(port) as board, lines(board, 2) as both:
        everything = list(garbage())
        before = shared(board).dropped
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((HERE, 0))
            for number, packet in enumerate(everything):
                stranger.sendto(packet, (HERE, port))
                if number % 20 == 0:
                    await asyncio.sleep(0.001)
        await asyncio.gather(*(each.works() for each in both))
        assert shared(board).dropped - before == len(everything)
        assert known(board)[:2] == (2, 2)


async def test_garbage_from_a_client_is_its_own_affair(port: int) -> None:
    async with one_port(port) as board, lines(board, 2) as both:
        assert both[0].caller.pc.sctp is not None
        connection = both[0].caller.pc.sctp.transport.transport._connection
        for number, packet in enumerate(garbage()):
            await connection.send(packet)
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        await asyncio.gather(*(each.works() for each in both))


class Ports:
    """Two calls' parts of a port, without the calls."""

    def __init__(self, port: int) -> None:
        self.udp = SharedUdp(port)
        self.inboxes = [Inbox(), Inbox()]
        joined = [self.udp.join(HERE, ufrag, inbox) for ufrag, inbox in zip(("anna", "ben"), self.inboxes, strict=True)]
        self.anna, self.ben = (each for each in joined if each is not None)

    async def arrives(self, number: int, data: bytes) -> None:
        packet, _ = await asyncio.wait_for(self.inboxes[number].packets.get(), PATIENCE)
        assert packet == data


@pytest.fixture
async def ports(port: int) -> AsyncIterator[Ports]:
    made = Ports(port)
    yield made
    made.udp.close()
    for inbox in made.inboxes:
        await asyncio.wait_for(inbox.closed.wait(), PATIENCE)


def stun(kind: int, number: int = 0) -> bytes:
    return struct.pack("!HHI", kind, 0, 0x2112A442) + number.to_bytes(12, "big")


@pytest.mark.parametrize(
    "address",
    [(HERE, 0), (HERE, 70_000), (HERE, -1), ("240.0.0.1", 9), ("255.255.255.255", 9), ("::1", 9), ("no address", 9)],
)
async def test_an_address_that_cannot_be_sent_to_harms_nobody(ports: Ports, address: tuple[str, int]) -> None:
    for data in (b"", b"\x80lost", stun(1), stun(0x101), b"\x80" * 70_000):
        ports.anna.sendto(data, address)
    for number, each in enumerate((ports.anna, ports.ben)):
        own = each.get_extra_info("sockname")
        each.sendto(stun(1, 77 + number), own)  # a check that names nobody
        each.sendto(stun(0x101, 77 + number), own)  # and its answer, which is for who asked
        await ports.arrives(number, stun(0x101, 77 + number))


async def test_a_port_that_is_closed_on_the_other_side_harms_nobody(ports: Ports) -> None:
    """The system tells of it by an error of the socket, on some systems."""
    with bound(HERE, (0, 0)) as gone:  # type: ignore[union-attr]
        nobody = gone.getsockname()
    for _ in range(20):
        ports.anna.sendto(b"\x80knock", nobody)
        await asyncio.sleep(0.001)
    own = ports.ben.get_extra_info("sockname")
    ports.ben.sendto(stun(0x101), own)  # to itself, as if it had checked
    ports.anna.sendto(b"\x80hello", own)
    await ports.arrives(1, b"\x80hello")


async def test_a_call_that_fails_on_a_datagram_harms_no_other(ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    def fail(data: bytes, addr: Any) -> None:
        raise RuntimeError("as a test does")

    ports.inboxes[0].datagram_received = fail  # type: ignore[method-assign]
    own = ports.anna.get_extra_info("sockname")
    ports.anna.sendto(stun(1, 1), own)
    ports.ben.sendto(stun(1, 2), own)
    ports.anna.sendto(stun(0x111, 1), own)
    ports.ben.sendto(stun(0x111, 2), own)
    await ports.arrives(1, stun(0x111, 2))
    assert [record.getMessage() for record in caplog.records] == ["a datagram could not be handled"]
    caplog.clear()


async def test_what_is_there_is_taken_at_once_but_not_without_end(ports: Ports) -> None:
    """Packets of many calls wait in one socket, and other sockets beside it."""
    own = ports.ben.get_extra_info("sockname")
    ports.ben.sendto(stun(0x101), own)
    for _ in range(39):
        ports.anna.sendto(b"\x80", own)
    (each,) = ports.udp.sockets
    taken = []
    for _ in range(3):
        each.udp._read()
        taken.append(ports.inboxes[1].packets.qsize())
    assert taken == [31, 39, 39]


async def test_a_closed_part_sends_and_gets_nothing(ports: Ports) -> None:
    own = ports.anna.get_extra_info("sockname")
    ports.anna.sendto(stun(1, 1), own)
    ports.anna.close()
    ports.anna.close()
    assert ports.anna.is_closing()
    await asyncio.wait_for(ports.inboxes[0].closed.wait(), PATIENCE)
    ports.anna.sendto(stun(0x111, 2), own)
    ports.ben.sendto(stun(1, 2), own)
    ports.ben.sendto(stun(0x111, 1), own)
    ports.ben.sendto(stun(0x111, 2), own)
    await ports.arrives(1, stun(0x111, 2))
    assert ports.inboxes[0].packets.empty()
    assert ports.inboxes[1].packets.empty()


# --- the sockets ------------------------------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_told_at_the_start(port: int) -> None:
    async with one_port(port) as board, one_port(port) as other:
        board.calls.open()
        with pytest.raises(ConfigError, match=f"webrtc.port: cannot receive at {HERE}, UDP port {port}: Address"):
            other.calls.open()
        with pytest.raises(MediaError, match=f"UDP port {port} could not be opened"):
            await other.begin(CHROME)


async def test_addresses_that_the_machine_has_not_are_passed_over(port: int) -> None:
    udp = SharedUdp(port)
    udp.open(("192.0.2.1", HERE, "2001:db8::1"))
    assert [each.udp.get_extra_info("sockname") for each in udp.sockets] == [(HERE, port)]
    assert udp.join("192.0.2.1", "anna", Inbox()) is None
    udp.close()


async def test_the_port_is_free_once_the_server_has_stopped(port: int) -> None:
    async with one_port(port) as board:
        board.calls.open()
        async with line(board, direction=""):
            board.calls.close(1001, "going down")
        await board.calls.empty()
        assert len(shared(board).sockets) == 1
    with bound_to(HERE, port):  # type: ignore[union-attr]
        pass


async def test_sockets_at_addresses_that_are_gone_are_closed_when_they_are_many(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of 127.0.0.0/8 is this machine's."""
    monkeypatch.setattr(shared_udp, "MAX_SOCKETS", 3)
    udp = SharedUdp(port)
    inbox = Inbox()
    assert udp.join("127.0.0.2", "anna", inbox) is not None
    for last in range(3, 8):
        used = udp.join(f"127.0.0.{last}", "ben", Inbox())
        assert isinstance(used, SharedPort)
        used.close()
    assert len(udp.sockets) <= 3
    assert not inbox.closed.is_set()
    busy = [udp.join(f"127.0.0.{last}", "carl", Inbox()) for last in (2, 7, 8, 9)]
    assert [each is None for each in busy] == [False, False, False, True]
    udp.close()
    await asyncio.wait_for(inbox.closed.wait(), PATIENCE)


async def test_without_the_setting_each_call_has_its_own_port() -> None:
    board = Switchboard(WebRtcOptions(IceOptions(addresses=(HERE,))))
    answers = [(await board.begin(CHROME)).answer for _ in range(2)]
    assert board.calls.shared is None
    board.calls.open()
    assert len({each for answer in answers for each in ports_of(answer)}) == 2
    await board.stop()
