"""Which addresses are received at and announced, and sockets that no address can break."""

import asyncio
from typing import Any

import pytest

from antiphon.transports.webrtc.ice import Candidate, IceOptions, TurnServer, announced, receiving_addresses
from antiphon.transports.webrtc.udp import UdpSocket, bound

OWN = ("192.168.1.5", "172.17.0.1", "2001:db8::5", "fe80::1", "127.0.0.1", "::1")
GATHERED = (
    Candidate("127.0.0.1", 5000),
    Candidate("192.168.1.5", 5001),
    Candidate("172.17.0.1", 5002),
    Candidate("2001:db8::5", 5003),
)


def shown(*public: str) -> list[str]:
    return [f"{each.address} {each.port}" for each in announced(GATHERED[1:], public)]


def test_all_addresses_of_the_machine_are_received_at_but_those_that_nobody_reaches() -> None:
    assert receiving_addresses(IceOptions(), OWN) == ("192.168.1.5", "172.17.0.1", "2001:db8::5")
    with_loopback = receiving_addresses(IceOptions(include_loopback=True), OWN)
    assert with_loopback == ("127.0.0.1", "::1", "192.168.1.5", "172.17.0.1", "2001:db8::5")
    assert receiving_addresses(IceOptions(addresses=("192.168.1.5",)), OWN) == ("192.168.1.5",)


def test_addresses_are_bounded() -> None:
    """Each costs a socket for each call."""
    assert len(receiving_addresses(IceOptions(), [f"10.0.0.{number}" for number in range(1, 50)])) == 8


def test_without_public_addresses_the_own_ones_are_announced() -> None:
    assert shown() == ["192.168.1.5 5001", "172.17.0.1 5002", "2001:db8::5 5003"]


def test_a_public_address_takes_the_place_of_all_of_its_kind() -> None:
    assert shown("203.0.113.7") == ["203.0.113.7 5001", "203.0.113.7 5002"]


def test_a_public_address_may_stand_for_one_address() -> None:
    assert shown("203.0.113.7/192.168.1.5") == ["203.0.113.7 5001"]


def test_an_own_address_that_is_listed_is_announced_as_it_is() -> None:
    assert shown("203.0.113.7/192.168.1.5", "192.168.1.5") == ["203.0.113.7 5001", "192.168.1.5 5001"]


def test_loopback_is_announced_whatever_is_public() -> None:
    addresses = [each.address for each in announced(GATHERED, ("203.0.113.7/192.168.1.5",))]
    assert addresses == ["127.0.0.1", "203.0.113.7"]


def test_candidates_have_priorities_and_foundations_of_their_own() -> None:
    relay = Candidate("198.51.100.1", 6000, "relay", related=("203.0.113.7", 5001))
    made = announced((*GATHERED, relay), ())
    assert len({each.priority for each in made}) == len({each.foundation for each in made}) == 5
    assert [each.priority for each in made] == sorted((each.priority for each in made), reverse=True)
    assert str(made[-1]).endswith("198.51.100.1 6000 typ relay raddr 203.0.113.7 rport 5001")


def test_a_turn_servers_password_is_not_shown() -> None:
    assert "hush" not in repr(IceOptions(turn=TurnServer("turn:turn.example.com", "us", "hush")))


class Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.packets.put_nowait((data, addr))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


@pytest.mark.parametrize(
    "address",
    [("127.0.0.1", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1), ("240.0.0.1", 9), ("255.255.255.255", 9), ("::1", 9)],
)
async def test_an_address_that_cannot_be_sent_to_leaves_the_socket_as_it_is(address: tuple[str, int]) -> None:
    sock = bound("127.0.0.1", (0, 0))
    assert sock is not None
    inbox = Inbox()
    udp = UdpSocket(sock, inbox)
    udp.sendto(b"lost", address)
    udp.sendto(b"x" * 70_000, sock.getsockname())  # more than a datagram holds
    udp.sendto(b"arrives", sock.getsockname())
    packet, _ = await asyncio.wait_for(inbox.packets.get(), 10)
    assert packet == b"arrives"
    udp.close()
    udp.close()
    udp.sendto(b"late", ("127.0.0.1", 9))
    await asyncio.wait_for(inbox.closed.wait(), 10)
