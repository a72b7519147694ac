"""A client that costs little: ICE, DTLS and SCTP as ever, but packets that are encoded already, and none decoded."""

import asyncio
import os
import secrets
import struct
from collections.abc import Callable
from itertools import cycle
from urllib.parse import urlsplit

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters

from antiphon.transports.webrtc.aiortc_glue import Association, Dtls, IceConnection
from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.peer import CHANNEL_LABEL
from antiphon.transports.webrtc.sdp import parse_offer
from benchmarks.relay.messages import now
from benchmarks.webrtc.arrivals import FRAME_TICKS

CONNECT_SECONDS = 20.0
PAYLOAD_TYPE = 111
SCTP_PORT = 5000
LOOPBACK = IceOptions(addresses=("127.0.0.1",))
_HEADER = struct.Struct("!BBHII")
_TRANSPORT = """\
a=ice-ufrag:{ufrag}
a=ice-pwd:{password}
a=fingerprint:sha-256 {fingerprint}
a=setup:active
"""
_OFFER = f"""\
v=0
o=- {{id}} 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS bench
m=audio 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:{PAYLOAD_TYPE} opus/48000/2
a=fmtp:{PAYLOAD_TYPE} minptime=10;useinbandfec=1
a=msid:bench audio
a=ssrc:{{ssrc}} cname:bench
{{candidates}}{_TRANSPORT}\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=sctp-port:{SCTP_PORT}
a=max-message-size:262144
{_TRANSPORT}"""


class CallEndedError(Exception):
    """There was no call, or it is over."""


def _ignore_packet(_packet: bytes, _at: int) -> None:
    pass


def _ignore_message(_message: bytes) -> None:
    pass


class ClientPeer:
    """One call, seen from its client.

    `on_packet` gets each RTP packet as it came, encrypted but for its header, and the time; `on_message` what the data
    channel brings.
    """

    def __init__(self) -> None:
        self.posted = self.answered = self.first_packet = 0  # nanoseconds
        self.on_packet: Callable[[bytes, int], None] = _ignore_packet
        self.on_message: Callable[[bytes], None] = _ignore_message
        self.alive = False
        self.channel_open = asyncio.Event()
        self._ice = IceConnection(LOOPBACK, controlling=True, on_media=self._received)
        self._dtls = Dtls(self._ice, server=False)
        self._sctp: Association | None = None
        self._ssrc = secrets.randbelow(2**31) + 1
        self._number = secrets.randbelow(2**15)
        self._timestamp = 0

    async def connect(self, url: str) -> None:
        """Begin a call.

        Raises:
            CallEndedError: It could not be; the message says why.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connect(url)
        except (TimeoutError, OSError) as error:
            raise CallEndedError(f"{type(error).__name__}: {error}") from error

    async def _connect(self, url: str) -> None:
        await self._ice.gather_candidates()
        self.posted = now()
        answer = parse_offer(await post(url, self._offer()))  # an answer reads like an offer
        self.answered = now()
        self._ice.remote_username, self._ice.remote_password = answer.ufrag, answer.password
        for candidate in answer.candidates:
            await self._ice.add(candidate)
        await self._ice.connect()
        if not await self._dtls.handshake(answer.fingerprints):
            raise CallEndedError("DTLS failed")
        self.alive = True
        sctp = self._sctp = Association(self._dtls, SCTP_PORT, self._refuse, self._told, self._ended)
        await sctp.begin(65_536)
        sctp.channel = RTCDataChannel(sctp, RTCDataChannelParameters(label=CHANNEL_LABEL))
        sctp.channel.add_listener("open", self.channel_open.set)

    def _offer(self) -> str:
        text = _OFFER.format(
            id=secrets.randbelow(2**62),
            ssrc=self._ssrc,
            candidates="".join(f"a=candidate:{candidate}\n" for candidate in self._ice.candidates),
            ufrag=self._ice.local_username,
            password=self._ice.local_password,
            fingerprint=self._dtls.fingerprint,
        )
        return text.replace("\n", "\r\n")

    def _refuse(self, channel: RTCDataChannel) -> None:
        channel.close()

    def _told(self, message: bytes) -> None:
        self.on_message(message)

    def _ended(self) -> None:
        self.alive = False

    def _received(self, packet: bytes) -> None:
        if 192 <= packet[1] < 224:
            return
        at = now()
        self.first_packet = self.first_packet or at
        self.on_packet(packet, at)

    def clear(self, packet: bytes) -> bytes | None:
        """Return a packet that came without its encryption; None if it cannot be read."""
        found = self._dtls.unprotect(packet)
        return found[0] if found is not None else None

    def say(self, payload: bytes) -> None:
        """Send the packet of the next 20 ms."""
        header = _HEADER.pack(0x80, PAYLOAD_TYPE, self._number, self._timestamp, self._ssrc)
        self._number = self._number + 1 & 0xFFFF
        self._timestamp = self._timestamp + FRAME_TICKS & 0xFFFF_FFFF
        if self._dtls.is_connected:
            self._ice.send_now(self._dtls.protect(header + payload))

    def send(self, message: bytes) -> None:
        assert self._sctp is not None
        self._sctp.send_text(message)

    async def close(self) -> None:
        self.alive = False
        if self._sctp is not None:
            await self._sctp.stop()
        await self._dtls.stop()
        await self._ice.close()


async def post(url: str, offer: str) -> str:
    """Post an offer; return the answer. Written by hand: an HTTP library would cost more than the call's beginning."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        body = offer.encode()
        head = f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        if b" 201 " not in status.partition(b"\r\n")[0]:
            raise CallEndedError(f"the offer was refused: {status[:100]!r} {answer[:300]!r}")
        return answer.decode()
    finally:
        writer.close()


def endless(packets: list[bytes]) -> Callable[[], bytes]:
    """Return what gives the next packet of speech, beginning anywhere in it."""
    at = int.from_bytes(os.urandom(2)) % len(packets)
    return cycle(packets[at:] + packets[:at]).__next__
