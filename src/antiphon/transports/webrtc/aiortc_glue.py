"""Everything that reaches into aiortc and aioice: their ICE, DTLS and SCTP without its senders and receivers.

What is used of their private members, and why; tests/transports/webrtc/test_aiortc_glue.py fails when one changes:

- `Connection.get_component_candidates`, `data_received`, `check_incoming` are overridden: our own sockets (port range,
  loopback, errors that close nothing), packets only from addresses that proved themselves, bounds.
- `Connection._nominated`, `_protocols`, `_closing`: to send in the caller's own call, and to leave nothing open.
- `RTCDtlsTransport._recv_next`, `_send_data` are overridden and `_ssl`, `_rx_srtp`, `_tx_srtp`, `_data_receiver` used:
  media goes from the socket to the listener and back with no task, queue or parsing between.
- `RTCSctpTransport._handle_data`, `_receive`, `_set_state` are overridden, and its queues read: packets are checked
  first, since some that a client may send make the library's parser run forever or eat memory.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable
from typing import Any, cast

from antiphon.errors import MediaError, MissingExtraError
from antiphon.transports.webrtc.ice import Candidate, IceOptions, receiving_addresses
from antiphon.transports.webrtc.sctp_checks import acceptable
from antiphon.transports.webrtc.server_failures import ServerFailures
from antiphon.transports.webrtc.shared_udp import SharedUdp
from antiphon.transports.webrtc.udp import UdpSocket, bound

try:
    import aioice.ice
    import pylibsrtp
    from aioice import Candidate as IceCandidate
    from aioice import Connection
    from aioice.candidate import candidate_foundation, candidate_priority
    from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate
    from aioice.stun import Message
    from aioice.utils import random_string
    from aiortc.rtcconfiguration import RTCIceServer
    from aiortc.rtcdatachannel import RTCDataChannel
    from aiortc.rtcdtlstransport import (
        RTCCertificate,
        RTCDtlsFingerprint,
        RTCDtlsParameters,
        RTCDtlsTransport,
        State,
    )
    from aiortc.rtcicetransport import RTCIceTransport, connection_kwargs
    from aiortc.rtcsctptransport import (
        LOCAL_MAX_MESSAGE_SIZE,
        USERDATA_MAX_LENGTH,
        WEBRTC_BINARY,
        WEBRTC_STRING,
        RTCSctpCapabilities,
        RTCSctpTransport,
    )
    from OpenSSL import SSL
except ImportError as error:
    raise MissingExtraError("transport webrtc", "aiortc", "webrtc") from error

_log = logging.getLogger("antiphon.webrtc")

LOCAL_MAX_MESSAGE_BYTES: int = LOCAL_MAX_MESSAGE_SIZE
MAX_REMOTE_ADDRESSES = 64
MAX_QUEUED_DTLS = 128
MAX_STREAMS = 1024
# What a client may send beyond the window that it was given, in bytes, and out of order, in packets.
MAX_OVERRUN_BYTES = 1_048_576
MAX_MISORDERED = 4096
MAX_RECORD_BYTES = 2048
_RTCP_TYPES = range(192, 224)  # RFC 5761, the second byte
_LOOPBACK = ("127.0.0.1", "::1")
_failures = ServerFailures()  # of all calls
_Address = tuple[str, int]


class _Datagrams(StunProtocol):
    """One socket's packets: STUN goes to aioice, the rest to the connection with the address it came from."""

    receiver: "IceConnection"

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        packet = cast(bytes, data)
        if not packet or not addr[1]:
            return
        if packet[0] > 3:
            self.receiver.packet_received(packet, (addr[0], addr[1]))
            return
        try:
            super().datagram_received(packet, addr)
        except Exception as error:  # whatever the parser makes of a stranger's bytes
            _log.debug("a STUN packet was dropped: %r", error)

    async def request(
        self,
        request: Message,
        addr: _Address,
        integrity_key: bytes | None = None,
        retransmissions: int | None = None,
    ) -> tuple[Message, _Address]:
        """Ask the client something; its answer, which proved itself, is a sign of life."""
        answered = await super().request(request, addr, integrity_key, retransmissions)
        self.receiver.was_heard = True
        return answered


class IceConnection(Connection):
    """ICE with our sockets.

    Args:
        options: How this server is reached.
        controlling: Our role.
        on_media: Gets SRTP and SRTCP packets; DTLS waits for `recv`.
        shared: The port to use, where all calls share one.
    """

    def __init__(
        self,
        options: IceOptions,
        controlling: bool,
        on_media: Callable[[bytes], None],
        shared: SharedUdp | None = None,
    ) -> None:
        super().__init__(
            ice_controlling=controlling,
            local_username=random_string(8),
            local_password=random_string(24),
            **connection_kwargs(_servers(options)),
        )
        self._options = options
        self._shared = shared
        self._on_media = on_media
        self._proven: set[_Address] = set()  # where authenticated checks came from
        self.was_heard = False  # set with each packet of the client's, for whoever clears it

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ARG002, ASYNC109 - aioice's signature
    ) -> list[IceCandidate]:
        if self._closing:
            return []
        for address in receiving_addresses(self._options, [*addresses, *_LOOPBACK]):
            self._open_socket(address, component)
        if not self._protocols:
            if self._shared is not None:
                raise MediaError(f"UDP port {self._shared.port} could not be opened for a call; give another one")
            lowest, highest = self._options.ports
            raise MediaError(f"no UDP port could be opened for a call (ports {lowest} to {highest}); give more ports")
        found = [protocol.local_candidate for protocol in self._protocols]
        return [*found, *await self._ask_servers(component)]

    def _open_socket(self, address: str, component: int) -> None:
        protocol = _Datagrams(self)
        transport = self._transport(address, protocol)
        if transport is None:
            return
        protocol.connection_made(transport)
        protocol.local_candidate = IceCandidate(
            foundation=candidate_foundation("host", "udp", address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=address,
            port=transport.get_extra_info("sockname")[1],
            type="host",
        )
        self._protocols.append(protocol)

    def _transport(self, address: str, protocol: _Datagrams) -> asyncio.DatagramTransport | None:
        if self._shared is not None:
            return self._shared.join(address, self.local_username, protocol)
        sock = bound(address, self._options.ports)
        return UdpSocket(sock, protocol) if sock is not None else None

    async def _ask_servers(self, component: int) -> list[IceCandidate]:
        """Return what STUN and TURN servers add within `gather_seconds`."""
        tasks: list[asyncio.Task[tuple[IceCandidate, StunProtocol | None]]] = []
        if self.stun_server:
            # A loopback socket gets no answer from elsewhere, and would have all wait for it.
            local = self.stun_server[0].startswith("127.")
            hosts = [each for each in self._protocols if ":" not in each.local_candidate.host]
            hosts = [each for each in hosts if each.local_candidate.host.startswith("127.") is local]
            tasks += [asyncio.create_task(server_reflexive_candidate(each, self.stun_server)) for each in hosts]
        if self.turn_server:
            tasks.append(asyncio.create_task(self._relayed(component)))
        if not tasks:
            return []
        try:
            await asyncio.wait(tasks, timeout=self._options.gather_seconds)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        relayed = [results.pop()] if self.turn_server else []
        self._tell_failure(self._options.stun, results)
        self._tell_failure(self._options.turn.url if self._options.turn else "", relayed)
        return self._taken([each for each in (*results, *relayed) if not isinstance(each, BaseException)])

    def _tell_failure(self, url: str, results: list[Any]) -> None:
        # That some of this machine's addresses do not reach a server is usual.
        if results and all(isinstance(each, BaseException) for each in results):
            _failures.tell(url, results[0], asyncio.get_running_loop().time())

    async def _relayed(self, component: int) -> tuple[IceCandidate, StunProtocol | None]:
        assert self.turn_server is not None
        return await relayed_candidate(
            component=component,
            hide_related_address=False,
            protocol_factory=lambda: _Datagrams(self),
            turn_server=self.turn_server,
            turn_username=self.turn_username,
            turn_password=self.turn_password,
            turn_ssl=self.turn_ssl,
            turn_transport=self.turn_transport,
        )

    def _taken(self, results: list[tuple[IceCandidate, StunProtocol | None]]) -> list[IceCandidate]:
        for _, protocol in results:
            if protocol is not None and self._closing:
                protocol.transport.close()
            elif protocol is not None:
                self._protocols.append(protocol)
        return [candidate for candidate, _ in results]

    def check_incoming(self, message: Any, addr: _Address, protocol: StunProtocol) -> None:
        """Take an authenticated check; the client itself could make up addresses without end."""
        if addr not in self._proven:
            if len(self._proven) >= MAX_REMOTE_ADDRESSES:
                return
            self._proven.add(addr)
        self.was_heard = True
        super().check_incoming(message, addr, protocol)

    def packet_received(self, data: bytes, addr: _Address) -> None:
        """Take a packet that is no STUN, if it comes from where an authenticated check came from."""
        if addr not in self._proven:
            return
        self.was_heard = True
        first = data[0]
        if 127 < first < 192:
            self._on_media(data)
        elif 19 < first < 64 and self._queue.qsize() < MAX_QUEUED_DTLS:
            self._queue.put_nowait((data, 1))

    def data_received(self, data: bytes, component: int) -> None:
        """Drop what looked like STUN and is none."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Ours, as they were gathered."""
        return tuple(_candidate(each) for each in self.local_candidates)

    async def add(self, candidate: Candidate) -> None:
        """Add a candidate of the client's."""
        await self.add_remote_candidate(
            IceCandidate(
                candidate.foundation, 1, "udp", candidate.priority, candidate.address, candidate.port, candidate.kind
            )
        )

    def send_now(self, data: bytes) -> None:
        """Send one packet in this very call; it is lost where there is no way to the client."""
        pair = self._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(data, pair.remote_addr)

    # --- what RTCDtlsTransport sees of an RTCIceTransport ---------------------------------------------------------

    @property
    def role(self) -> str:
        return "controlling" if self.ice_controlling else "controlled"

    async def _recv(self) -> bytes:
        return await self.recv()

    async def _send(self, data: bytes) -> None:
        self.send_now(data)


def addresses_of_calls(options: IceOptions) -> tuple[str, ...]:
    """Return this machine's addresses that a call that begins now would receive at."""
    own = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True)
    return receiving_addresses(options, [*own, *_LOOPBACK])


def _servers(options: IceOptions) -> list[RTCIceServer]:
    stun = [RTCIceServer(urls=options.stun)] if options.stun else []
    turn = options.turn
    return [*stun, RTCIceServer(urls=turn.url, username=turn.username, credential=turn.password)] if turn else stun


def _candidate(each: IceCandidate) -> Candidate:
    related = (each.related_address, each.related_port or 0) if each.related_address else None
    return Candidate(each.host, each.port, each.type, each.foundation, each.priority, related)


class Dtls(RTCDtlsTransport):
    """DTLS and SRTP over an `IceConnection`.

    `closed_by_client` says, once it is closed, whether the client said so.
    """

    def __init__(self, ice: IceConnection, server: bool) -> None:
        self._certificate = RTCCertificate.generateCertificate()
        super().__init__(cast(RTCIceTransport, ice), [self._certificate])
        self._set_role("server" if server else "client")
        self._ice = ice
        self._settled = False
        self.closed_by_client = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of our certificate, as SDP writes it."""
        return next(each.value for each in self._certificate.getFingerprints() if each.algorithm == "sha-256")

    @property
    def is_connected(self) -> bool:
        return self._state is State.CONNECTED

    async def handshake(self, fingerprints: tuple[tuple[str, str], ...]) -> bool:
        """Return whether the client's certificate is the one of its offer, and SRTP keys could be agreed on."""
        known = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        await self.start(RTCDtlsParameters(known))
        # aiortc leaves our last flight to the first data that follows. A call without a channel has none, and its
        # client would ask for the flight again, a second later.
        await self._write_ssl()
        return self.is_connected

    async def stop(self) -> None:
        """Say goodbye, and stop; a client that was refused is told as well."""
        await super().stop()
        if self._state is State.FAILED and self.encrypted:
            with contextlib.suppress(SSL.Error):
                self._ssl_connection.shutdown()
            await self._write_ssl()

    def protect(self, packet: bytes) -> bytes:
        return self._tx_srtp.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self._tx_srtp.protect_rtcp(packet)

    def unprotect(self, packet: bytes) -> tuple[bytes, bool] | None:
        """Return the packet in clear and whether it is RTCP, None for one that is not the client's."""
        if self._state is not State.CONNECTED or len(packet) < 12:
            return None
        try:
            if packet[1] in _RTCP_TYPES:
                return self._rx_srtp.unprotect_rtcp(packet), True
            return self._rx_srtp.unprotect(packet), False
        except (pylibsrtp.Error, ValueError):
            return None

    async def _recv_next(self) -> None:
        """Take one DTLS packet, or let the handshake's timer run out."""
        timeout = None if self._settled else self._ssl_connection.DTLSv1_get_timeout()
        self._settled = timeout is None and self.encrypted
        try:
            data = await asyncio.wait_for(self._ice.recv(), timeout) if timeout is not None else await self._ice.recv()
        except TimeoutError:
            self._ssl_connection.DTLSv1_handle_timeout()
            await self._write_ssl()
            return
        self._ssl_connection.bio_write(data)
        if self.encrypted:
            await self._read_records()
            await self._write_ssl()

    @property
    def _ssl_connection(self) -> SSL.Connection:
        assert self._ssl is not None
        return self._ssl

    async def _read_records(self) -> None:
        while True:
            try:
                data = self._ssl_connection.recv(MAX_RECORD_BYTES)
            except SSL.ZeroReturnError:
                self.closed_by_client = True
                raise ConnectionError from None
            except SSL.Error:
                return
            if self._data_receiver is not None:
                await self._data_receiver._handle_data(data)

    async def _send_data(self, data: bytes) -> None:
        # SCTP's timers and tasks outlive the connection by a moment, and nobody would hear their errors.
        if self._state is State.CONNECTED:
            try:
                self._ssl_connection.send(data)
            except SSL.Error as error:
                _log.debug("a DTLS record was not sent: %r", error)
            await self._write_ssl()


class Association(RTCSctpTransport):
    """SCTP, with one data channel for events.

    Args:
        dtls: What it goes over.
        port: The SCTP port, the same on both sides.
        on_channel: Told of each data channel that the client opens.
        on_data: Gets each message of `channel`.
        on_ended: Told once when an association that was there is gone.
    """

    channel: RTCDataChannel | None = None

    def __init__(
        self,
        dtls: Dtls,
        port: int,
        on_channel: Callable[[RTCDataChannel], None],
        on_data: Callable[[bytes], None],
        on_ended: Callable[[], None],
    ) -> None:
        super().__init__(dtls, port)
        self._inbound_streams_max = MAX_STREAMS
        self._on_data = on_data
        self._on_ended = on_ended
        self._was_established = False
        self._flushing: asyncio.Task[None] | None = None
        self.add_listener("datachannel", on_channel)

    async def begin(self, max_message_bytes: int) -> None:
        await self.start(RTCSctpCapabilities(max_message_bytes), self.port)

    @property
    def max_message_bytes(self) -> int:
        """The largest message that the client takes, 0 for any."""
        return self._remote_max_message_size

    @property
    def unsent(self) -> int:
        """Bytes that the client has not been sent yet, but for part of a packet."""
        waiting = self.channel.bufferedAmount if self.channel is not None else 0
        return waiting + len(self._outbound_queue) * USERDATA_MAX_LENGTH

    @property
    def is_settled(self) -> bool:
        """Whether the client has acknowledged all that it was to be sent."""
        return not (self._data_channel_queue or self._outbound_queue or self._sent_queue)

    def send_text(self, data: bytes) -> None:
        """Queue one message of UTF-8 text on `channel`, which is open."""
        assert self.channel is not None
        self.channel._addBufferedAmount(len(data))
        self._data_channel_queue.append((self.channel, WEBRTC_STRING, data))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._data_channel_flush())

    async def _handle_data(self, data: bytes) -> None:
        if not acceptable(data, MAX_STREAMS, len(self._sent_queue)):
            _log.debug("an SCTP packet was dropped")
            return
        try:
            await super()._handle_data(data)
        except (AssertionError, ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error) as error:
            _log.debug("an SCTP packet was dropped: %r", error)
        if self._advertised_rwnd < -MAX_OVERRUN_BYTES or len(self._sack_misordered) > MAX_MISORDERED:
            _log.info("a client sends more over its data channel than it may")
            await self._abort()
            self._set_state(self.State.CLOSED)

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id in (WEBRTC_STRING, WEBRTC_BINARY):
            if self.channel is not None and stream_id == self.channel.id:
                self._on_data(data)
        else:
            await super()._receive(stream_id, pp_id, data)

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        if state is self.State.ESTABLISHED:
            self._was_established = True
        elif state is self.State.CLOSED and self._was_established:
            self._was_established = False
            self._on_ended()
        super()._set_state(state)


__all__ = [
    "LOCAL_MAX_MESSAGE_BYTES",
    "Association",
    "Dtls",
    "IceConnection",
    "RTCDataChannel",
    "addresses_of_calls",
]
