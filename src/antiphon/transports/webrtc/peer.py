"""One client's media connection: ICE, DTLS, SRTP and a data channel.

    peer = Peer(parse_offer(sdp), IceOptions(), listener)
    answer = await peer.answer()      # the listener is told of all that follows
    peer.send_media(packet)
    peer.close()

Everything happens on the loop's thread. The listener's methods are called from the loop and must not block; after
`close()`, and after `on_closed`, none of them is called any more.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Protocol

from antiphon.errors import MediaError
from antiphon.transports.webrtc.aiortc_glue import (
    LOCAL_MAX_MESSAGE_BYTES,
    Association,
    Dtls,
    IceConnection,
    RTCDataChannel,
)
from antiphon.transports.webrtc.ice import IceOptions, announced
from antiphon.transports.webrtc.sdp import Local, Offer, write_answer
from antiphon.transports.webrtc.shared_udp import SharedUdp

_log = logging.getLogger("antiphon.webrtc")

CHANNEL_LABEL = "oai-events"
MAX_CHANNELS = 16
# What may wait for a data channel that is not open yet.
MAX_EARLY_BYTES = 4_000_000
# How long saying goodbye may take; only a TURN server that does not answer takes any time.
_GOODBYE_SECONDS = 2.0


class PeerListener(Protocol):
    """Whom a `Peer` tells what happens."""

    def on_connected(self) -> None:
        """Media can be sent and will come from now on."""
        ...

    def on_media(self, packet: bytes, now: float) -> None:
        """Take one RTP packet, decrypted; `now` is the loop's time."""
        ...

    def on_rtcp(self, packet: bytes) -> None:
        """Take one compound RTCP packet, decrypted."""
        ...

    def on_channel_open(self) -> None:
        """The data channel for events is open. Messages that were sent before go out now."""
        ...

    def on_channel_close(self) -> None:
        """The data channel was closed by the client; media goes on."""
        ...

    def on_message(self, data: bytes) -> None:
        """Take one message of the data channel, as it came: whether it is UTF-8 is not checked."""
        ...

    def on_closed(self, reason: str, lost: bool) -> None:
        """The connection is gone, and everything of it is being cleaned up.

        Args:
            reason: For logs.
            lost: The client did not end it: it could not be reached (any more), and may come back another way.
        """
        ...


class Peer:
    """One media connection.

    Args:
        offer: The client's, checked.
        options: How this server is reached.
        listener: Told of all that happens.
        shared: The UDP port to use, where all calls share one.
    """

    def __init__(
        self, offer: Offer, options: IceOptions, listener: PeerListener, shared: SharedUdp | None = None
    ) -> None:
        self.offer = offer
        self.ssrc = secrets.randbelow(2**32 - 1) + 1
        self._options = options
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._ice = IceConnection(options, controlling=offer.lite, on_media=self._media_received, shared=shared)
        self._dtls = Dtls(self._ice, server=offer.setup == "passive")
        self._sctp: Association | None = None
        self._early: deque[bytes] = deque()
        self._early_bytes = 0
        self._channels = 0
        self._closed = False
        self._connecting: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None

    # --- beginning --------------------------------------------------------------------------------------------------

    async def answer(self) -> str:
        """Return the SDP answer, and go on connecting in the background. Called once.

        Raises:
            MediaError: No UDP port could be opened, or it was closed meanwhile.
        """
        try:
            self._check_open()
            await self._ice.gather_candidates()
            self._check_open()
            text = write_answer(self.offer, self._local())
            for candidate in self.offer.candidates:
                await self._ice.add(candidate)
        except BaseException:
            self.close()
            raise
        self._connecting = self._loop.create_task(self._connect())
        return text

    def _check_open(self) -> None:
        if self._closed:
            raise MediaError("the call was closed before it was answered")

    def _local(self) -> Local:
        return Local(
            ufrag=self._ice.local_username,
            password=self._ice.local_password,
            fingerprint=self._dtls.fingerprint,
            candidates=announced(self._ice.candidates, self._options.public_addresses),
            ssrc=self.ssrc,
            max_message_bytes=LOCAL_MAX_MESSAGE_BYTES,
            session_id=secrets.randbelow(2**62) + 1,
        )

    async def _connect(self) -> None:
        stage = "ICE"
        try:
            async with asyncio.timeout(self._options.connect_seconds):
                self._ice.remote_username, self._ice.remote_password = self.offer.ufrag, self.offer.password
                self._ice.remote_is_lite = self.offer.lite
                # Its candidates are never said to have ended: a client behind mDNS is learned from what it sends.
                await self._ice.connect()
                stage = "DTLS"
                agreed = await self._dtls.handshake(self.offer.fingerprints)
        except TimeoutError:
            seconds = self._options.connect_seconds
            self._end(f"{stage} did not complete within {seconds:g} seconds", lost=True)
        except ConnectionError:
            self._end(f"{stage} failed", lost=True)
        except Exception:
            _log.exception("a WebRTC connection failed in %s", stage)
            self._end(f"{stage} failed", lost=True)
        else:
            await (self._connected() if agreed else self._refused())

    async def _refused(self) -> None:
        self._end("DTLS failed: the client's certificate is not that of its offer, or nothing could be agreed", False)

    async def _connected(self) -> None:
        if self._closed:
            return
        self._dtls.add_listener("statechange", self._dtls_changed)
        self._tell(self._listener.on_connected)
        channel = self.offer.channel
        if channel is not None and not self._closed:
            self._sctp = Association(self._dtls, channel.port, self._channel_opened, self._received, self._sctp_ended)
            await self._sctp.begin(channel.max_message_bytes)

    # --- media ------------------------------------------------------------------------------------------------------

    def send_media(self, packet: bytes) -> None:
        """Encrypt and send one RTP packet in this call; it is lost unless connected."""
        if self._dtls.is_connected and not self._closed:
            self._ice.send_now(self._dtls.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send one compound RTCP packet in this call; it is lost unless connected."""
        if self._dtls.is_connected and not self._closed:
            self._ice.send_now(self._dtls.protect_rtcp(packet))

    def was_heard(self) -> bool:
        """Return whether anything has come from the client since this was asked last."""
        heard, self._ice.was_heard = self._ice.was_heard, False
        return heard

    def _media_received(self, packet: bytes) -> None:
        clear = None if self._closed else self._dtls.unprotect(packet)
        if clear is None:
            return
        data, is_rtcp = clear
        try:
            if is_rtcp:
                self._listener.on_rtcp(data)
            else:
                self._listener.on_media(data, self._loop.time())
        except Exception:
            _log.exception("a media packet could not be handled")

    # --- the data channel -------------------------------------------------------------------------------------------

    @property
    def channel_is_open(self) -> bool:
        return self._sctp is not None and self._sctp.channel is not None

    @property
    def unsent(self) -> int:
        """Bytes of messages that wait to be sent."""
        return 0 if self._closed else self._early_bytes + (self._sctp.unsent if self._sctp is not None else 0)

    @property
    def is_settled(self) -> bool:
        """Whether no message waits, neither to be sent nor for the client's acknowledgement."""
        return self._closed or not (self._early or (self._sctp is not None and not self._sctp.is_settled))

    def send_message(self, data: bytes) -> str:
        """Queue one message of UTF-8 text, in order; before the channel is open, it waits for that.

        Returns:
            "" when it was queued, else why it was not.
        """
        if self._closed:
            return "the call is closed"
        channel = self.offer.channel
        if channel is None:
            return "the client's offer has no data channel"
        most = channel.max_message_bytes
        if most and len(data) > most:
            return f"the message has {len(data)} bytes; the client's offer takes {most} (a=max-message-size)"
        if self._sctp is not None and self._sctp.channel is not None:
            self._sctp.send_text(data)
        elif self._early_bytes + len(data) > MAX_EARLY_BYTES:
            return f"the data channel is not open, and {self._early_bytes} bytes wait for it"
        else:
            self._early.append(data)
            self._early_bytes += len(data)
        return ""

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        """Take the client's channel for events: the one with the API's label, or else its first one."""
        assert self._sctp is not None
        self._channels += 1
        current = self._sctp.channel
        if self._closed or self._channels > MAX_CHANNELS:
            channel.close()
            return
        if current is not None and (channel.label != CHANNEL_LABEL or current.label == CHANNEL_LABEL):
            return
        self._sctp.channel = channel
        channel.add_listener("close", lambda: self._channel_closed(channel))
        if current is None:
            self._tell(self._listener.on_channel_open)
        while self._early and not self._closed:
            self._sctp.send_text(self._early.popleft())
        self._early_bytes = 0

    def _channel_closed(self, channel: RTCDataChannel) -> None:
        if self._sctp is not None and self._sctp.channel is channel:
            self._sctp.channel = None
            self._tell(self._listener.on_channel_close)

    def _received(self, data: bytes) -> None:
        if not self._closed:
            try:
                self._listener.on_message(data)
            except Exception:
                _log.exception("a message could not be handled")

    # --- the end ----------------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        return self._closed

    def _dtls_changed(self) -> None:
        if not self._dtls.is_connected:
            said_so = self._dtls.closed_by_client
            self._end(
                "the client closed the connection" if said_so else "the client is not there any more", not said_so
            )

    def _sctp_ended(self) -> None:
        # A client that closes its channel alone resets a stream; one that aborts SCTP is gone. Some say it only here.
        self._end("the client closed the connection", lost=False)

    def _end(self, reason: str, lost: bool) -> None:
        if not self._closed:
            self.close()
            try:
                self._listener.on_closed(reason, lost)
            except Exception:
                _log.exception("the end of a call could not be handled")

    def _tell(self, method: Callable[[], None]) -> None:
        if not self._closed:
            try:
                method()
            except Exception:
                _log.exception("%s failed", getattr(method, "__name__", "a listener"))

    def close(self) -> None:
        """End the connection, telling the client so. Safe at any time and twice."""
        if not self._closed:
            self._closed = True
            self._early.clear()
            self._early_bytes = 0
            self._cleaning = self._loop.create_task(self._clean())

    async def wait_closed(self) -> None:
        """Wait until all sockets, tasks and timers are gone; `close()` was called, or `on_closed`."""
        if self._cleaning is not None:
            await asyncio.shield(self._cleaning)

    async def _clean(self) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                # Until it is done: where a packet comes in the same moment, `wait_for` forgets that it was cancelled.
                while self._connecting is not None and not self._connecting.done():
                    self._connecting.cancel()
                    await asyncio.wait([self._connecting], timeout=0.1)
                if self._sctp is not None:
                    await self._sctp.stop()
                await self._dtls.stop()
                await self._ice.close()
        except TimeoutError:
            _log.info("a TURN server did not take its leave in time")
        except Exception:
            _log.exception("a WebRTC connection could not be cleaned up")
