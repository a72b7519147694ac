"""A network between two sockets that loses, doubles, delays and overtakes, by a pattern."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain, cycle, repeat
from typing import Any
from unittest import mock

from antiphon.transports.webrtc.udp import Receiver, UdpSocket

# For each packet in turn, after how many seconds it arrives: (0.0,) at once, () never, (0.0, 0.0) twice.
Fates = Sequence[tuple[float, ...]]


def losing(pattern: Sequence[bool]) -> Fates:
    """Return the fates of packets of which those with False are lost."""
    return [(0.0,) if arrives else () for arrives in pattern]


class _Impaired(UdpSocket):
    """The server's socket, with the network on both of its sides."""

    fates: Fates = ((0.0,),)
    spared: int = 0

    def __init__(self, sock: Any, receiver: Receiver) -> None:
        self._behind = receiver
        self._incoming, self._outgoing = self._turns(), self._turns()
        super().__init__(sock, self)

    def _turns(self) -> Iterator[tuple[float, ...]]:
        return chain(repeat((0.0,), self.spared), cycle(self.fates))

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        for delay in next(self._incoming):
            self._after(delay, self._behind.datagram_received, data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)

    def sendto(self, data: Any, addr: Any = None) -> None:
        for delay in next(self._outgoing):
            self._after(delay, super().sendto, data, addr)

    def _after(self, delay: float, call: Any, *args: Any) -> None:
        if delay:
            asyncio.get_running_loop().call_later(delay, call, *args)
        else:
            call(*args)


@contextlib.contextmanager
def network(fates: Fates, spared: int = 0) -> Iterator[None]:
    """All packets of calls that begin within meet these fates, on their way in and on their way out.

    The first ones are spared: a handshake takes about 30, and seconds for each that is lost.
    """
    with (
        mock.patch("antiphon.transports.webrtc.aiortc_glue.UdpSocket", _Impaired),
        mock.patch.object(_Impaired, "fates", fates),
        mock.patch.object(_Impaired, "spared", spared),
    ):
        yield
