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
# Datagrams that are taken at once, so that one busy socket does not hold up the others.
_BATCH = 32

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENODEV)

Address = tuple[str, int]


class Receiver(Protocol):
    """What datagrams go to; asyncio's DatagramProtocol fits."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class UdpSocket(asyncio.DatagramTransport):
    """One bound socket, read by the running loop."""

    burst_bytes = 600  # a datagram as long is part of a large message, and has others behind it

    def __init__(self, sock: socket.socket, receiver: Receiver) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()[:2]})
        self._socket = sock
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(sock, self._read)

    def _read(self) -> None:
        for _ in range(_BATCH):
            try:
                data, address = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of something sent before
            self._receiver.datagram_received(data, address[:2])
            # Audio comes packet by packet; to find that there is no second one costs as much as taking the first. The
            # loop comes back for what is left.
            if self._closed or len(data) < self.burst_bytes:
                return

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
    try:
        return _bound(address, ports)
    except OSError:
        return None


def bound_to(address: str, port: int) -> socket.socket | None:
    """Return a socket at `address` and `port`, None if this machine has no such address.

    Raises:
        OSError: The port may not be had, mostly because somebody else has it.
    """
    try:
        return _bound(address, (port, port))
    except OSError as error:
        if error.errno in _NO_SUCH_ADDRESS:
            return None
        raise


def _bound(address: str, ports: tuple[int, int]) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        _bind(sock, address, ports)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, address: str, ports: tuple[int, int]) -> None:
    lowest, highest = ports
    count = highest - lowest + 1
    # From anywhere in the range on, so that calls do not try the taken ones first.
    start = random.randrange(count)  # noqa: S311 - no secret
    for offset in range(count):
        try:
            return sock.bind((address, lowest + (start + offset) % count))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or offset == count - 1:
                raise
    raise AssertionError("a range of ports has at least one")
