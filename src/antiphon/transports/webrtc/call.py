"""WebRTC calls: events over the data channel `oai-events`, audio as media.

Source: Realtime API, "WebRTC", as real traffic has it.
"""

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field

import msgspec

from antiphon.errors import ClientEventError, MediaError
from antiphon.protocol import codec
from antiphon.protocol.heads import field_of, is_utf8, type_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail
from antiphon.transports.admission import Admission
from antiphon.transports.base import Engine, MediaSession, Resumable
from antiphon.transports.rtp import (
    CODECS,
    Codec,
    RtpReceiver,
    RtpSender,
    SenderReport,
    Ticker,
    ntp_time,
    parse_rtcp,
    write_cname,
    write_report,
)
from antiphon.transports.rtp.codecs import RATE
from antiphon.transports.rtp.packet import ReceiverReport
from antiphon.transports.rtp.ticker import PERIOD
from antiphon.transports.webrtc.aiortc_glue import addresses_of_calls
from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.peer import Peer
from antiphon.transports.webrtc.sdp import CNAME, Audio, parse_offer
from antiphon.transports.webrtc.shared_udp import SharedUdp

_log = logging.getLogger("antiphon.webrtc")

_SLOW, _NO_LONGER_SLOW = 512_000, 128_000  # bytes that wait for the data channel
_MAX_UNSENT = 16_000_000
_GOODBYE_SECONDS = 1.5  # for what was sent last to leave
_GOODBYE_LOOK = 0.02  # seconds between looks at whether it has left
# What comes first over a way that was gone is what keeps it open. Whether the client heard what was played meanwhile,
# or comes back for that, shows soon. Clients that only listen say something every 2.5 s.
_GAP_SECONDS = 3.0
_DOUBT_SECONDS = 3.0
_REPORT_TICKS = 250  # 5 s between RTCP reports
_CHECK_TICKS = 25  # 0.5 s between looks at what has come and what waits
_ABNORMAL, _INTERNAL_ERROR, _TRY_AGAIN_LATER = 1006, 1011, 1013  # as a WebSocket is closed with


@dataclass(frozen=True)
class WebRtcOptions:
    """What the operator chose.

    Args:
        ice: How this server is reached.
        media_seconds: How long a connected client may send no audio before it is told so.
        silent_seconds: How long a connected client may send nothing at all before it counts as lost. Even one without
            audio checks every 5 s or so whether we still want to hear from it (RFC 7675).
    """

    ice: IceOptions = field(default_factory=IceOptions)
    media_seconds: float = 15.0
    silent_seconds: float = 14.0


@dataclass(frozen=True)
class Answered:
    """A call that was begun: its id, what its client may come back with ("" for nothing), and the SDP answer."""

    id: str
    token: str
    answer: str


class WebRtcCalls:
    """All WebRTC calls of a server.

    Args:
        engine: Answers them; its sessions must be a `MediaSession` where the client plays media.
        options: What the operator chose.
    """

    def __init__(self, engine: Engine, options: WebRtcOptions | None = None) -> None:
        self.engine = engine
        self.options = options or WebRtcOptions()
        self.ticker = Ticker()
        self.ids = Ids(secrets.token_bytes)
        self.shared = SharedUdp(self.options.ice.port) if self.options.ice.port else None
        self._calls: set[WebRtcCall] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._aborted = False

    def open(self) -> None:
        """Take the port that all calls share, if they do, before the first one comes.

        Raises:
            ConfigError: It cannot be had.
        """
        if self.shared is not None:
            self.shared.open(addresses_of_calls(self.options.ice))

    def __len__(self) -> int:
        return len(self._calls)

    async def begin(self, sdp: bytes, admission: Admission) -> Answered | None:
        """Answer an offer and begin its call, or go on with one; None when there is none to go on with.

        Raises:
            ClientEventError: `invalid_offer`, saying what is wrong with it.
            MediaError: No UDP port could be had, or the server is shutting down.
        """
        try:
            call = WebRtcCall(self, sdp, admission)
        except BaseException:
            admission.release()
            raise
        self._calls.add(call)
        self._empty.clear()
        return await call.begin()

    def close(self, code: int, reason: str) -> None:
        """End every call; those that may be come back to wait for their clients."""
        for call in tuple(self._calls):
            call.end(code, reason, lost=True)

    def abort(self) -> None:
        """Drop every call; the port that they share is free once they are gone."""
        self._aborted = True
        for call in tuple(self._calls):
            call.abort()
        self._note_empty()

    async def empty(self) -> None:
        """Wait until no call is left, and nothing of any."""
        await self._empty.wait()

    def discard(self, call: "WebRtcCall") -> None:
        self._calls.discard(call)
        self._note_empty()

    def _note_empty(self) -> None:
        if not self._calls:
            self._empty.set()
            if self._aborted and self.shared is not None:
                self.shared.close()


class WebRtcCall:
    """One client: a `Client` for its session, the listener of its peer, and a member of the ticker."""

    def __init__(self, calls: WebRtcCalls, sdp: bytes, admission: Admission) -> None:
        self._calls = calls
        self._admission: Admission | None = admission  # until the session has ended
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._session: MediaSession | None = None
        offer = parse_offer(sdp)
        self._peer = Peer(offer, calls.options.ice, self, calls.shared)
        self._receiver, self._sender = _media(offer.audio, self._peer.ssrc)
        self._awaits_media = self._receiver is not None
        self._connected_at = 0.0
        self._channel = offer.channel
        self._channel_closed = False  # by the client
        self._told_unsent = False
        self._slow = False
        self._ticks = 0
        self._silent_ticks = 0  # since anything came from the client
        self._gave_sign = False  # that is not counted yet
        self._doubtful_until = 0.0
        self._ended: tuple[int, str] | None = None  # close code and reason
        self._lost = True  # unless somebody ends it
        self._closing: asyncio.Handle | None = None
        self._cleaning: asyncio.Task[None] | None = None

    # --- beginning --------------------------------------------------------------------------------------------

    async def begin(self) -> Answered | None:
        """Answer the offer and open the session, or go on with one; None when there is none to go on with."""
        try:
            answer = await self._peer.answer()
            session = self._open()
        except BaseException:
            self.abort()
            raise
        if session is None:
            self.abort()
            return None
        return Answered(session.call_id, session.token, answer)

    def _open(self) -> MediaSession | None:
        admission = self._admission
        if admission is None or self._ended is not None:
            raise MediaError("the server is shutting down; try another one, or later")
        resume = admission.resume
        session = resume(self) if resume else self._calls.engine.open(admission.start, self)
        if not isinstance(session, MediaSession):
            session.close()
            return None
        self._session = session
        _log.info("call %s began: model %s", session.call_id, admission.start.model)
        return session

    # --- Client, for the session ------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Send one event; it is dropped once the call is ending, and while the client has closed its channel."""
        if self._ended is not None or self._channel_closed:
            return
        unsent = self.unsent
        if unsent > _SLOW:
            self._note_unsent(unsent)
        if self._ended is None and (problem := self._peer.send_message(message)):
            self._not_sent(message, problem)

    def _note_unsent(self, unsent: int) -> None:
        if unsent > _MAX_UNSENT:
            self.end(_TRY_AGAIN_LATER, f"the client does not read: {unsent} bytes wait to be sent", lost=True)
        elif not self._slow:
            self._slow = True
            # Later, because the session itself may be sending just now.
            self._loop.call_soon(self._tell_slow)

    def _not_sent(self, message: bytes, problem: str) -> None:
        """Tell of an event that the client is too small for; without a channel there is nobody to tell."""
        if self._channel is None:
            return
        most = self._channel.max_message_bytes
        if most and len(message) > most:
            what = f"{type_of(message)} ({field_of(message, 'event_id')})"
            told = f"{what} was left out: it has {len(message)} bytes, and the offer's a=max-message-size is {most}"
            self._complain("message_too_large", told)
        elif not self._told_unsent:
            self._told_unsent = True
            _log.warning("call %s: events are dropped: %s", self._id, problem)

    def _complain(self, code: str, message: str) -> None:
        self._tell(codec.encode(codec.error_event(ClientEventError(code, message)), self._calls.ids))

    def _tell(self, event: bytes) -> None:
        """Send an event of our own, which the client may name as the last one when it comes back."""
        if isinstance(self._session, Resumable):
            self._session.note_own(field_of(event, "event_id"))
        self._peer.send_message(event)

    def close(self, code: int, reason: str) -> None:
        self.end(code, reason, lost=False)

    def end(self, code: int, reason: str, lost: bool) -> None:
        """End the connection after what was sent; `lost` tells the session whether the client may come back."""
        if self._ended is not None:
            return
        self._ended, self._lost = (code, reason), lost
        self._calls.ticker.discard(self)
        # Later, because the session itself may be asking for this from within one of its methods.
        self._loop.call_soon(self._end_session)
        self._closing = self._loop.call_soon(self._part, self._loop.time() + _GOODBYE_SECONDS)

    def _part(self, deadline: float) -> None:
        """Drop the connection once the client has everything, or does not take it."""
        if not self._peer.is_settled and self._loop.time() < deadline:
            self._closing = self._loop.call_later(_GOODBYE_LOOK, self._part, deadline)
        else:
            self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._peer.close()
        self._finish()

    @property
    def unsent(self) -> int:
        # A client that opens no channel reads nothing, but is not slow.
        return self._peer.unsent if self._peer.channel_is_open else 0

    def pause_reading(self) -> None:
        """Nothing to do: media comes in real time, and what the engine cannot take, it holds within its bounds."""

    def resume_reading(self) -> None:
        pass

    # --- the peer's listener ----------------------------------------------------------------------------------

    def on_connected(self) -> None:
        self._connected_at = self._loop.time()
        if self._ended is None:
            _log.info("call %s connected after %.2f s", self._id, self._connected_at - self._began)
            self._calls.ticker.add(self)

    def on_media(self, packet: bytes, now: float) -> None:
        self._awaits_media = False
        if self._receiver is not None:
            self._receiver.receive(packet, now)

    def on_rtcp(self, packet: bytes) -> None:
        try:
            reports = parse_rtcp(packet)
        except MediaError:
            return
        for report in reports:
            if isinstance(report, SenderReport) and self._receiver is not None:
                self._receiver.sender_report(report, self._loop.time())
            if isinstance(report, (SenderReport, ReceiverReport)) and self._sender is not None:
                for block in report.blocks:
                    if block.ssrc == self._sender.ssrc:
                        self._sender.expect_loss(block.loss)

    def on_channel_open(self) -> None:
        self._channel_closed = False  # what waits for it is sent by the peer

    def on_channel_close(self) -> None:
        self._channel_closed = True  # the call goes on as one without a data channel

    def on_message(self, data: bytes) -> None:
        if self._session is None or self._ended is not None:
            return
        if not is_utf8(data):
            self._complain("invalid_json", "A message is not valid UTF-8; send each event as JSON text.")
            return
        try:
            self._session.receive(data)
        except Exception:
            _log.exception("call %s failed on a message", self._id)
            self._fail("The server failed on this message; its log says why.")

    def on_closed(self, reason: str, lost: bool) -> None:
        if self._ended is None:
            self._ended, self._lost = (_ABNORMAL if lost else 1000, reason), lost
        self._finish()

    # --- every 20 ms ------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        session = self._session
        if session is None:
            return
        receiver, sender = self._receiver, self._sender
        if receiver is not None and (pcm := receiver.pull(now)):
            session.hear(pcm)
        self._silent_ticks += 1
        if self._peer.was_heard():
            self._note_sign(now)
        if self._gave_sign and now >= self._doubtful_until:
            self._gave_sign = False
            session.still_there(events=self._peer.channel_is_open and not self._peer.unsent)
        # Pulled even where it cannot be sent: time goes on, and events tell of it.
        frame = session.pull()
        if sender is not None and (packet := sender.packet(frame)) is not None:
            self._peer.send_media(packet)
        self._ticks += 1
        if self._ticks % _CHECK_TICKS == 0:
            self._check(now)

    def _note_sign(self, now: float) -> None:
        """Note a sign of life, which is counted at once unless it is the first one after a gap."""
        if self._silent_ticks * PERIOD > _GAP_SECONDS:
            self._doubtful_until = now + _DOUBT_SECONDS
        self._silent_ticks = 0
        self._gave_sign = True

    def ticker_failed(self, error: Exception) -> None:  # noqa: ARG002 - the ticker has logged it
        self._fail("The server failed on this call; its log says why.")

    def _fail(self, message: str) -> None:
        """End the call because of a fault of ours."""
        self.send(codec.encode(Error(ErrorDetail("server_error", "server_error", message)), self._calls.ids))
        self.end(_INTERNAL_ERROR, "server_error.server_error", lost=False)

    def _check(self, now: float) -> None:
        if self._silent_ticks * PERIOD > self._calls.options.silent_seconds:
            # A goodbye would reach nobody.
            self._ended = (_ABNORMAL, "no sign of life from the client")
            self.abort()
            return
        unsent = self.unsent
        if unsent > _SLOW:
            self._note_unsent(unsent)
        elif self._slow and unsent < _NO_LONGER_SLOW:
            self._slow = False
            self._tell_slow()
        if self._awaits_media:
            self._check_media(now)
        if self._ticks % _REPORT_TICKS == 0:
            self._report(now)

    def _tell_slow(self) -> None:
        try:
            if self._session is not None:
                self._session.client_slow(self._slow)
        except Exception:
            _log.exception("call %s failed on a slow client", self._id)

    def _check_media(self, now: float) -> None:
        """Tell a client whose audio does not come, so that it can choose another transport."""
        waited = now - self._connected_at
        if waited < self._calls.options.media_seconds:
            return
        self._awaits_media = False
        _log.warning("call %s: no audio came within %.0f s of connecting", self._id, waited)
        if self._knows_extensions:
            told = {"type": "antiphon.media.missing", "event_id": self._calls.ids.event(), "seconds": int(waited)}
            self._tell(msgspec.json.encode(told))

    def _report(self, now: float) -> None:
        block = self._receiver.report(now) if self._receiver is not None else None
        blocks = (block,) if block is not None else ()
        if self._sender is not None:
            report = self._sender.report(ntp_time(time.time()), blocks)
        else:
            report = write_report(ReceiverReport(self._peer.ssrc, blocks))
        self._peer.send_rtcp(report + write_cname(self._peer.ssrc, CNAME))

    # --- the end ----------------------------------------------------------------------------------------------

    @property
    def _id(self) -> str:
        return self._session.call_id if self._session is not None else "(not begun)"

    @property
    def _knows_extensions(self) -> bool:
        # One that came back says nothing of it, but has its token.
        asked = self._admission is not None and self._admission.start.extensions
        return asked or (self._session is not None and self._session.token != "")

    def _end_session(self) -> None:
        session, self._session = self._session, None
        admission, self._admission = self._admission, None
        if session is not None:
            code, reason = self._ended or (_ABNORMAL, "the connection was dropped")
            seconds = self._loop.time() - self._began
            quality = _quality(self._receiver)
            _log.info("call %s ended after %.1f s%s: %d %s", session.call_id, seconds, quality, code, reason)
        try:
            if session is not None:
                session.close(lost=self._lost)
        except Exception:
            _log.exception("a call's session could not be closed")
        finally:
            if admission is not None:
                admission.release()

    def _finish(self) -> None:
        """Let everything go; safe to call twice."""
        self._calls.ticker.discard(self)
        if self._closing is not None:
            self._closing.cancel()
        self._end_session()
        if self._cleaning is None:
            self._cleaning = self._loop.create_task(self._clean())

    async def _clean(self) -> None:
        try:
            await self._peer.wait_closed()
        finally:
            self._calls.discard(self)


def _media(audio: Audio | None, ssrc: int) -> tuple[RtpReceiver | None, RtpSender | None]:
    """Return what receives and what sends a call's audio, where its offer has any."""
    if audio is None:
        return None, None
    codecs: dict[int, Codec] = {codec.payload_type: CODECS[codec.name]() for codec in audio.codecs}
    chosen = audio.codecs[0].payload_type
    # Random beginnings, as encryption wants them (RFC 3550, section 5.1).
    sender = RtpSender(codecs[chosen], chosen, ssrc, secrets.randbelow(2**16), secrets.randbelow(2**32))
    return RtpReceiver(codecs) if audio.receives else None, sender if audio.sends else None


def _quality(receiver: RtpReceiver | None) -> str:
    """Return how well the client's audio came, for the log."""
    if receiver is None:
        return ""
    stats = receiver.stats
    return f" ({stats.lost} packets lost, {stats.late} late, {stats.concealed * 1000 // RATE} ms concealed)"
