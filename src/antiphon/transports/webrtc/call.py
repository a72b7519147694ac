"""WebRTC calls: events over the data channel `oai-events`, audio as media.

Source: Realtime API, "WebRTC", as real traffic has it.
"""

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field

import msgspec

from antiphon.errors import MediaError
from antiphon.protocol.ids import Ids
from antiphon.transports.admission import Admission
from antiphon.transports.base import Engine, MediaSession
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
from antiphon.transports.rtp.packet import ReceiverReport
from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.peer import Peer
from antiphon.transports.webrtc.sdp import CNAME, Audio, parse_offer

_log = logging.getLogger("antiphon.webrtc")

_SLOW, _NO_LONGER_SLOW = 512_000, 128_000  # bytes that wait for the data channel
_MAX_UNSENT = 16_000_000
_GOODBYE_SECONDS = 0.5  # for what was sent last to leave
_REPORT_TICKS = 250  # 5 s between RTCP reports
_CHECK_TICKS = 25  # 0.5 s between looks at how much waits


@dataclass(frozen=True)
class WebRtcOptions:
    """What the operator chose.

    Args:
        ice: How this server is reached.
        media_seconds: How long a connected client may send no audio before it is told so.
    """

    ice: IceOptions = field(default_factory=IceOptions)
    media_seconds: float = 15.0


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
        self._calls: set[WebRtcCall] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._calls)

    async def begin(self, sdp: bytes, admission: Admission) -> Answered | None:
        """Answer an offer and begin its call, or go on with one; None when there is none to go on with.

        Raises:
            ClientEventError: `invalid_offer`, saying what is wrong with it.
            MediaError: No UDP port could be had.
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
        """Drop every call."""
        for call in tuple(self._calls):
            call.abort()

    async def empty(self) -> None:
        """Wait until no call is left, and nothing of any."""
        await self._empty.wait()

    def discard(self, call: "WebRtcCall") -> None:
        self._calls.discard(call)
        if not self._calls:
            self._empty.set()


class WebRtcCall:
    """One client: a `Client` for its session, the listener of its peer, and a member of the ticker."""

    def __init__(self, calls: WebRtcCalls, sdp: bytes, admission: Admission) -> None:
        self._calls = calls
        self._admission: Admission | None = admission
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._session: MediaSession | None = None
        offer = parse_offer(sdp)
        self._peer = Peer(offer, calls.options.ice, self)
        self._receiver, self._sender = _media(offer.audio, self._peer.ssrc)
        self._hears = offer.audio is not None and offer.audio.receives
        self._connected_at = 0.0
        self._heard_media = False
        self._told_silent = False
        self._slow = False
        self._ticks = 0
        self._closing: asyncio.TimerHandle | None = None
        self._ended: tuple[int, str] | None = None
        self._cleaning: asyncio.Task[None] | None = None

    # --- beginning --------------------------------------------------------------------------------------------

    async def begin(self) -> Answered | None:
        try:
            answer = await self._peer.answer()
        except BaseException:
            self._finish(lost=False)
            raise
        session = self._open()
        if session is None:
            self.abort()
            return None
        return Answered(session.call_id, session.token, answer)

    def _open(self) -> MediaSession | None:
        admission = self._admission
        if admission is None:  # the server went down meanwhile
            return None
        resume = admission.resume
        session = resume(self) if resume else self._calls.engine.open(admission.start, self)
        if not isinstance(session, MediaSession):
            return None
        self._session = session
        _log.info("call %s began: model %s", session.call_id, admission.start.model)
        return session

    # --- Client, for the session ------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if self._ended is None and (problem := self._peer.send_message(message)):
            self._not_sent(message, problem)

    def _not_sent(self, message: bytes, problem: str) -> None:
        # Without a data channel there is nobody to tell; a message that is too large can be replaced by a smaller one.
        if self._peer.channel_is_open and len(message) > _CHECK_TICKS * 1000:
            error = {"type": "invalid_request_error", "code": "message_too_large", "message": problem, "param": None}
            event = {"type": "error", "event_id": self._calls.ids.event(), "error": {**error, "event_id": None}}
            self._peer.send_message(msgspec.json.encode(event))

    def close(self, code: int, reason: str) -> None:
        self.end(code, reason, lost=False)

    def end(self, code: int, reason: str, lost: bool) -> None:
        """End the call's connection after what was sent."""
        if self._ended is not None:
            return
        self._ended = (code, reason)
        self._calls.ticker.discard(self)
        self._closing = self._loop.call_later(_GOODBYE_SECONDS if self._peer.unsent else 0, self.abort)
        # Later, because the session itself may be asking for this from within one of its methods.
        self._loop.call_soon(self._end_session, lost)

    def abort(self) -> None:
        """Drop the connection at once."""
        self._peer.close()
        self._finish(lost=False)

    @property
    def unsent(self) -> int:
        return self._peer.unsent

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
        self._heard_media = True
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
        pass  # what waits for it is sent by the peer

    def on_channel_close(self) -> None:
        pass  # the call goes on as one without a data channel

    def on_message(self, data: bytes) -> None:
        if self._session is not None and self._ended is None:
            self._session.receive(data)

    def on_closed(self, reason: str, lost: bool) -> None:
        self._ended = self._ended or (1006 if lost else 1000, reason)
        self._finish(lost)

    # --- every 20 ms ------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        session = self._session
        if session is None:
            return
        receiver, sender = self._receiver, self._sender
        if receiver is not None and (pcm := receiver.pull(now)):
            session.hear(pcm)
        # Pulled even where it cannot be sent: time goes on, and events tell of it.
        frame = session.pull()
        if sender is not None and (packet := sender.packet(frame)) is not None:
            self._peer.send_media(packet)
        self._ticks += 1
        if self._ticks % _CHECK_TICKS == 0:
            self._check(now)

    def ticker_failed(self, error: Exception) -> None:
        self.end(1011, f"the call failed: {type(error).__name__}", lost=False)

    def _check(self, now: float) -> None:
        unsent = self._peer.unsent
        if unsent > _MAX_UNSENT:
            self.end(1013, f"the client does not read: {unsent} bytes wait to be sent", lost=True)
            return
        if unsent > _SLOW or (self._slow and unsent < _NO_LONGER_SLOW):
            self._tell_slow(unsent > _SLOW)
        if not self._heard_media and not self._told_silent and self._hears:
            self._check_media(now)
        if self._ticks % _REPORT_TICKS == 0:
            self._report(now)

    def _tell_slow(self, slow: bool) -> None:
        if slow is not self._slow and self._session is not None:
            self._slow = slow
            self._session.client_slow(slow)

    def _check_media(self, now: float) -> None:
        """Tell a client whose audio does not come, so that it can choose another transport."""
        waited = now - self._connected_at
        if waited < self._calls.options.media_seconds:
            return
        self._told_silent = True
        _log.warning("call %s: no audio came within %.0f s of connecting", self._id, waited)
        if self._admission is not None and self._admission.start.extensions:
            told = {"type": "antiphon.media.missing", "event_id": self._calls.ids.event(), "seconds": int(waited)}
            self.send(msgspec.json.encode(told))

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

    def _end_session(self, lost: bool) -> None:
        session, admission = self._session, self._admission
        if admission is None:
            return
        self._admission = None
        call_id = self._id
        self._session = None
        try:
            if session is not None:
                session.close(lost=lost)
        except Exception:
            _log.exception("call %s could not be closed", call_id)
        finally:
            admission.release()
        code, reason = self._ended or (1006, "dropped")
        _log.info("call %s ended after %.1f s: %d %s", call_id, self._loop.time() - self._began, code, reason)

    def _finish(self, lost: bool) -> None:
        """Let everything go; safe to call twice."""
        self._calls.ticker.discard(self)
        if self._closing is not None:
            self._closing.cancel()
        self._end_session(lost)
        if self._cleaning is None:
            self._cleaning = self._loop.create_task(self._clean())

    async def _clean(self) -> None:
        await self._peer.wait_closed()
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
