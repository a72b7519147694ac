"""UDP sockets that no packet and no address can break.

asyncio's own datagram transports raise on some addresses, and close for good on some errors; a media port is open to
anybody. Here a datagram that cannot be sent is lost, as UDP has it.
"""

import asyncio
import errno
import random
import socket
from typing import Any, Protocol

MAX_DATAGRAM_BYTES = 2048  # a path's MTU is 1500; what is longer is cut, and fails its checks
RECEIVE_BUFFER_BYTES = 262_144

Address = tuple[str, int]


class Receiver(Protocol):
    """What datagrams go to; asyncio's DatagramProtocol fits."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class UdpSocket(asyncio.DatagramTransport):
    """One bound socket, read by the running loop."""

    def __init__(self, sock: socket.socket, receiver: Receiver) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()[:2]})
        self._socket = sock
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(sock, self._read)

    def _read(self) -> None:
        # One at a time: media comes packet by packet, and to find that there is no second one costs as much as taking
        # the first. The loop comes back at once for what is left, after the other sockets.
        try:
            data, address = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
        except OSError:
            return  # an ICMP error of something sent before, or nothing there
        self._receiver.datagram_received(data, address[:2])

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send, or lose, one datagram; `addr` is a literal address and a port."""
        if not self._closed:
            try:
                self._socket.sendto(data, addr)
            except (OSError, OverflowError, ValueError):
                return  # a full buffer, no route, an address that is none: the peer's checks or timers will tell

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._loop.call_soon(self._receiver.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed


def bound(address: str, ports: tuple[int, int]) -> socket.socket | None:
    """Return a socket at `address` and a free port out of `ports` (any with (0, 0)), None if there is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None  # a machine without IPv6
    sock.setblocking(False)
    if _bind(sock, address, ports):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return sock
    sock.close()
    return None


def _bind(sock: socket.socket, address: str, ports: tuple[int, int]) -> bool:
    lowest, highest = ports
    count = highest - lowest + 1
    # From anywhere in the range on, so that calls do not try the taken ones first.
    start = random.randrange(count)  # noqa: S311 - no secret
    for offset in range(count):
        try:
            sock.bind((address, lowest + (start + offset) % count))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return False
        else:
            return True
    return False
