"""WebRTC's media on the way through a network: the candidates of a call, and the datagrams that follow them."""

import contextlib
import re
import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

MTU = 65_536
_CANDIDATE = b"a=candidate:"
_IPV4_HOST = re.compile(rb"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", re.IGNORECASE)


def without_candidates(offer: bytes) -> bytes:
    """Return an offer whose maker cannot be reached but through the way on which it reaches the other."""
    return _lines(offer, lambda line: None if line.startswith(_CANDIDATE) else line)


def server_address(answer: bytes) -> tuple[str, int] | None:
    """Return where an answer's maker can be reached."""
    found = _IPV4_HOST.search(answer)
    return (found[1].decode(), int(found[2])) if found else None


def with_candidate(answer: bytes, server: tuple[str, int], instead: tuple[str, int]) -> bytes:
    """Return an answer that names `instead` where it named `server`, and nothing else."""
    name, new_name = (b" %b %d " % (host.encode(), port) for host, port in (server, instead))

    def mend(line: bytes) -> bytes | None:
        if not line.startswith(_CANDIDATE):
            return line
        return line.replace(name, new_name) if name in line else None

    return _lines(answer, mend)


def _lines(sdp: bytes, mend: Callable[[bytes], bytes | None]) -> bytes:
    return b"\r\n".join(line for line in map(mend, sdp.split(b"\r\n")) if line is not None)


class DatagramPath:
    """A door on this machine that leads to a server: who sends there is seen by the server as an address of its own.

    Args:
        loop: On it all of this happens.
        server: Its address.
        carry: Called for each datagram with how to send it on.
    """

    def __init__(
        self, loop: AbstractEventLoop, server: tuple[str, int], carry: Callable[[Callable[[], None]], None]
    ) -> None:
        self._loop = loop
        self._server = server
        self._carry = carry
        self._front = self._door("127.0.0.1", self._from_browser)
        self._backs: dict[tuple[str, int], socket.socket] = {}
        self.address: tuple[str, int] = self._front.getsockname()

    def _door(self, host: str, arrived: Callable[[bytes, tuple[str, int]], None]) -> socket.socket:
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        door.bind((host, 0))
        door.setblocking(False)

        def read() -> None:
            with contextlib.suppress(OSError):  # nothing more is there, or the other side has closed its door
                while True:
                    arrived(*door.recvfrom(MTU))

        self._loop.add_reader(door, read)
        return door

    def _from_browser(self, data: bytes, browser: tuple[str, int]) -> None:
        if browser not in self._backs:
            self._backs[browser] = self._door("", lambda data, _: self._send(self._front, data, browser))
        self._send(self._backs[browser], data, self._server)

    def _send(self, door: socket.socket, data: bytes, to: tuple[str, int]) -> None:
        def send() -> None:
            with contextlib.suppress(OSError):
                door.sendto(data, to)

        self._carry(send)

    def close(self) -> None:
        for door in (self._front, *self._backs.values()):
            self._loop.remove_reader(door)
            door.close()
