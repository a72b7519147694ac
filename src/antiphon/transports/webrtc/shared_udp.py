"""One UDP port for all calls: a socket at each of this machine's addresses, and each call's part of it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterable
from typing import Any

from antiphon.errors import ConfigError
from antiphon.transports.webrtc.demultiplexer import Demultiplexer
from antiphon.transports.webrtc.udp import Address, Receiver, UdpSocket, bound_to

_log = logging.getLogger("antiphon.webrtc")

# Addresses come and go on some machines, IPv6's daily. Above this many, sockets that no call uses are closed.
MAX_SOCKETS = 16
# For a loop that is held up for a moment while many calls speak. The system may allow less (net.core.rmem_max).
BUFFER_BYTES = 4_194_304
_LAST_OF_STUN = 3  # RFC 7983, the first byte


class SharedUdp:
    """The sockets at one port.

    Args:
        port: Above 0.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._sockets: dict[str, _SharedSocket] = {}

    @property
    def sockets(self) -> tuple["_SharedSocket", ...]:
        return tuple(self._sockets.values())

    @property
    def dropped(self) -> int:
        """Datagrams that were for no call."""
        return sum(each.dropped for each in self._sockets.values())

    def open(self, addresses: Iterable[str]) -> None:
        """Take the port at these addresses before any call wants it; those that the machine has not are passed over.

        Raises:
            ConfigError: The port cannot be had, as while another server has it.
        """
        try:
            for address in addresses:
                self._socket_at(address)
        except OSError as error:
            self.close()
            raise ConfigError(
                f"webrtc.port: cannot receive at {address}, UDP port {self.port}: {error.strerror or error}; "
                "give another port or stop what is using this one"
            ) from None

    def join(self, address: str, ufrag: str, receiver: Receiver) -> "SharedPort | None":
        """Return a transport for one call, None where the port cannot be had.

        Args:
            address: Of this machine.
            ufrag: The one that the call's client names in its checks.
            receiver: Gets what is for the call.
        """
        try:
            shared = self._socket_at(address)
        except OSError as error:
            _log.warning("UDP port %d cannot be had at %s: %s", self.port, address, error)
            return None
        return shared.join(ufrag, receiver) if shared is not None else None

    def _socket_at(self, address: str) -> "_SharedSocket | None":
        if address not in self._sockets:
            self._close_unused()
            sock = bound_to(address, self.port) if len(self._sockets) < MAX_SOCKETS else None
            if sock is None:
                return None
            self._sockets[address] = _SharedSocket(sock)
        return self._sockets[address]

    def _close_unused(self) -> None:
        if len(self._sockets) >= MAX_SOCKETS:
            for address, each in tuple(self._sockets.items()):
                if not each.calls:
                    self._sockets.pop(address).close()

    def close(self) -> None:
        """Free the port; calls that still use it lose it."""
        if self.dropped:
            _log.info("UDP port %d: %d datagrams were for no call", self.port, self.dropped)
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()


class _BusyUdp(UdpSocket):
    """Takes what is there at once: packets of several calls, however small, wait behind each other."""

    burst_bytes = 0


class _SharedSocket:
    """One socket, and the calls that use it."""

    def __init__(self, sock: socket.socket) -> None:
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with contextlib.suppress(OSError):  # some systems refuse what others cut
                sock.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        self.dropped = 0
        self.calls: Demultiplexer[SharedPort] = Demultiplexer()
        self.udp = _BusyUdp(sock, self)

    def join(self, ufrag: str, receiver: Receiver) -> "SharedPort":
        port = SharedPort(self, receiver)
        self.calls.add(ufrag, port)
        return port

    def datagram_received(self, data: bytes, addr: Address) -> None:
        port = self.calls.owner(data, addr)
        if port is None:
            self.dropped += 1
            return
        try:
            port.receiver.datagram_received(data, addr)
        except Exception:
            _log.exception("a datagram could not be handled")

    def connection_lost(self, exc: Exception | None) -> None:
        """Its calls are told when it is closed."""

    def close(self) -> None:
        for port in self.calls.members:
            port.close()
        self.udp.close()


class SharedPort(asyncio.DatagramTransport):
    """One call's part of a shared socket; closing it leaves the others alone."""

    def __init__(self, shared: _SharedSocket, receiver: Receiver) -> None:
        super().__init__({name: shared.udp.get_extra_info(name) for name in ("socket", "sockname")})
        self.receiver = receiver
        self._udp = shared.udp
        self._calls = shared.calls
        self._closed = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send, or lose, one datagram; `addr` is a literal address and a port."""
        if self._closed:
            return
        if data and data[0] <= _LAST_OF_STUN:
            self._calls.sent(self, data, addr)
        self._udp.sendto(data, addr)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._calls.discard(self)
            asyncio.get_running_loop().call_soon(self.receiver.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed
