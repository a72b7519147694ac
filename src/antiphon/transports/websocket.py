"""The Realtime API over WebSocket: one `WebSocketClient` for each connection.

Source: RFC 6455; Realtime API, "WebSocket connect". Compression is not negotiated.
"""

import asyncio
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, cast, runtime_checkable

from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport

from antiphon.errors import ClientEventError
from antiphon.protocol import codec
from antiphon.protocol.heads import field_of, is_utf8
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import Engine, EngineSession, Resumable
from antiphon.transports.handshake import Handshake
from antiphon.transports.picows_glue import Listener, PatientTransport, Takeover

_log = logging.getLogger("antiphon.websocket")
_ids = Ids(os.urandom)

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL = 1006
INVALID_TEXT = 1007
TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
UNAUTHORIZED = 3000
BAD_REQUEST = 4000

PATH = "/v1/realtime"
TRANSLATIONS_PATH = "/v1/realtime/translations"
AZURE_PATH = "/openai/v1/realtime"
AZURE_BETA_PATH = "/openai/realtime"
PATHS = (PATH, TRANSLATIONS_PATH, AZURE_PATH, AZURE_BETA_PATH)
_FAULTS = (PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG)
_MAX_REASON_BYTES = 123


@dataclass(frozen=True)
class WebSocketLimits:
    """What one connection may cost.

    Args:
        max_message: Bytes of one message from the client.
        max_unsent: Bytes waiting for a client that does not read; with more, the next message closes the connection.
        ping_seconds: Between pings. A client that gave no sign of life for two pings is dropped.
        close_seconds: How long a client may take to answer a CLOSE frame.
    """

    max_message: int = 22_000_000
    max_unsent: int = 16_000_000
    ping_seconds: float = 20.0
    close_seconds: float = 5.0


Admit = Callable[[Handshake], Admission | Refusal]


@runtime_checkable
class Gatekeeper(Protocol):
    """An engine that looks at every connection before it is answered, as the emulator's does."""

    def knock(self, client: "WebSocketClient", handshake: Handshake) -> Takeover | None:
        """Return None to let `client` in, or what gets the raw connection instead."""
        ...


class _State(Enum):
    OPEN = auto()
    CLOSING = auto()  # a CLOSE frame was sent; the client's is awaited
    CLOSED = auto()


class WebSockets:
    """All WebSocket connections of a server.

    Args:
        engine: Answers them.
        admit: Decides who may begin a session, and with what.
        limits: What each may cost.
    """

    def __init__(self, engine: Engine, admit: Admit, limits: WebSocketLimits | None = None) -> None:
        self.engine = engine
        self.limits = limits or WebSocketLimits()
        self.admit = admit
        self._gatekeeper = engine if isinstance(engine, Gatekeeper) else None
        self._clients: set[WebSocketClient] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    def accept(self, handshake: Handshake) -> "WebSocketClient | Takeover | None":
        """Return what listens to a new connection, None on a wrong path; whether it gets a session shows once open."""
        if handshake.path.rstrip("/") not in PATHS:
            return None
        client = WebSocketClient(self, handshake)
        taken = self._gatekeeper.knock(client, handshake) if self._gatekeeper is not None else None
        return taken or client

    def close(self, code: int, reason: str) -> None:
        """Close every connection."""
        for client in tuple(self._clients):
            client.end(code, reason, lost=True)

    def abort(self) -> None:
        """Drop every connection."""
        for client in tuple(self._clients):
            client.abort()

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await self._empty.wait()

    def add(self, client: "WebSocketClient") -> None:
        self._clients.add(client)
        self._empty.clear()

    def discard(self, client: "WebSocketClient") -> None:
        self._clients.discard(client)
        if not self._clients:
            self._empty.set()


class WebSocketClient(Listener):
    """One client: a `Client` for its engine's session, and picows' listener for its frames.

    `pong_seconds` is how long a PING waits for its PONG. With None the connection is as that of a process that hangs:
    neither PING nor CLOSE is answered, and no PING sent. Only faults change it.
    """

    _transport: WSTransport
    _raw: PatientTransport

    def __init__(self, server: WebSockets, handshake: Handshake) -> None:
        self.max_message = server.limits.max_message
        self.id = _ids.letters(8)
        self._server = server
        self._limits = server.limits
        self._handshake: Handshake | None = handshake
        self._peer = handshake.peer
        self._admission: Admission | None = None  # until the session has ended
        self._admitted = False
        self._session: EngineSession | None = None
        self._state = _State.OPEN
        self._parts: bytearray | None = None  # of a fragmented message
        self._skipping = False  # the rest of a fragmented binary message
        self._ended: tuple[int, str] | None = None  # close code and reason
        self._lost = True  # unless somebody ends it
        self.pong_seconds: float | None = 0.0
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._silent_pings = 0
        self._waiting = 0  # bytes that waited to be sent at the last ping
        self._sent = 0

    # --- Client, for the engine's session ---------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Send one event; it is dropped once the connection is closing, which includes a client that does not read."""
        # A dead transport's file descriptor may already be another connection's, and picows writes to it directly.
        if self._state is not _State.OPEN or self._raw.is_closing():
            return
        # What waits already counts, so that one message may be of any size.
        if self._raw.get_write_buffer_size() > self._limits.max_unsent:
            reason = f"the client does not read: {self._limits.max_unsent} bytes wait to be sent"
            self.end(TRY_AGAIN_LATER, reason, lost=True)
            return
        self._sent += len(message)
        self._transport.send(WSMsgType.TEXT, message)

    def close(self, code: int, reason: str) -> None:
        self.end(code, reason, lost=False)

    def end(self, code: int, reason: str, lost: bool) -> None:
        """Close the connection; `lost` tells the session whether the client may come back."""
        if self._state is not _State.OPEN:
            return
        reason = _shortened(reason)
        self._state = _State.CLOSING
        self.closing = True
        self._ended = (code, reason)
        self._lost = lost
        self._raw.resume_reading()  # the client's CLOSE frame is awaited
        if not self._raw.is_closing():
            self._transport.send_close(cast(WSCloseCode, code), reason)
            if code in _FAULTS:  # no more is expected of this client
                self._transport.disconnect()
        self._schedule(self._limits.close_seconds, self.abort)
        # Later, because the session itself may be asking for this from within one of its methods.
        self._loop.call_soon(self._end_session)

    def abort(self) -> None:
        """Drop the connection, with whatever waits to be sent."""
        self._state = _State.CLOSED
        self._raw.abort()

    @property
    def unsent(self) -> int:
        return 0 if self._raw.is_closing() else self._raw.get_write_buffer_size()

    def pause_reading(self) -> None:
        if self._state is _State.OPEN:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    @property
    def raw(self) -> PatientTransport:
        """The connection below, for who sends what is no event."""
        return self._raw

    # --- picows' listener -------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._raw = cast(PatientTransport, transport.underlying_transport)
        self._server.add(self)
        self._schedule(self._limits.ping_seconds, self._ping)
        assert self._handshake is not None
        decision = self._server.admit(self._handshake)
        self._handshake = None  # it may hold keys
        if isinstance(decision, Refusal):
            _log.info("client %s refused: %s", self._peer, decision.close_reason)
            self._refuse(decision)
        else:
            self._admission = decision
            self._admitted = True
            self._open(decision)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002 - picows' signature
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._receive_close(frame)
        elif self._state is not _State.OPEN:
            return
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(PROTOCOL_ERROR, "a reserved bit is set, but no extension was negotiated")
        elif kind == WSMsgType.PING:
            self._pong(frame)
        elif kind == WSMsgType.TEXT and frame.fin and self._parts is None and not self._skipping:
            self._receive(frame.get_payload_as_bytes())
        elif kind != WSMsgType.PONG:
            self._receive_fragment(frame)

    def on_broken_frame(self) -> None:
        self._state = _State.CLOSING
        self._lost = False
        sent = self._transport.close_handshake.sent
        self._ended = (int(cast(int, sent.code)), sent.reason) if sent else None
        self._transport.disconnect()
        self._schedule(self._limits.close_seconds, self.abort)
        self._loop.call_soon(self._end_session)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self._state = _State.CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self._server.discard(self)
        self._end_session()
        self._log_end()

    def pause_writing(self) -> None:
        self._tell_slow(True)

    def resume_writing(self) -> None:
        self._tell_slow(False)

    def _tell_slow(self, slow: bool) -> None:
        # Later, because the session itself may be sending just now.
        if self._state is _State.OPEN:
            self._loop.call_soon(self._session_slow, slow)

    def _session_slow(self, slow: bool) -> None:
        try:
            if self._session is not None:
                self._session.client_slow(slow)
        except Exception:
            _log.exception("session %s failed on a slow client", self.id)

    # --- a session's beginning and end ------------------------------------------------------------------------

    def _open(self, admission: Admission) -> None:
        start, resume = admission.start, admission.resume
        _log.info("session %s began: model %s, client %s", self.id, start.model, self._peer)
        try:
            self._session = resume(self) if resume else self._server.engine.open(start, self)
        except Exception:
            _log.exception("session %s could not be opened", self.id)
            self._refuse(_failed("The session could not be opened; the server's log says why."))

    def _refuse(self, refusal: Refusal) -> None:
        self.send(codec.encode(Error(refusal.error), _ids))
        self.close(refusal.close_code, refusal.close_reason)

    def _end_session(self) -> None:
        session, self._session = self._session, None
        admission, self._admission = self._admission, None
        try:
            if session is not None:
                session.close(lost=self._lost)
        except Exception:
            _log.exception("session %s could not be closed", self.id)
        finally:
            if admission is not None:
                admission.release()

    def _log_end(self) -> None:
        if not self._admitted:
            return
        code, reason = self._ended or (ABNORMAL, "the connection was lost")
        seconds = self._loop.time() - self._began
        _log.info("session %s ended after %.1f s: %d %s", self.id, seconds, code, reason)

    # --- messages ---------------------------------------------------------------------------------------------

    def _receive(self, message: bytes) -> None:
        if not is_utf8(message):
            self.close(INVALID_TEXT, "a text message is not valid UTF-8")
            return
        if self._session is None:
            return
        try:
            self._session.receive(message)
        except Exception:
            _log.exception("session %s failed on a message", self.id)
            self._refuse(_failed("The server failed on this message; its log says why."))

    def _receive_fragment(self, frame: WSFrame) -> None:
        """Handle the first, a middle or the last frame of a fragmented message, and all of a binary one."""
        begun = self._parts is not None or self._skipping
        if (frame.msg_type == WSMsgType.CONTINUATION) != begun:
            self.close(PROTOCOL_ERROR, "a continuation frame without a beginning, or a new message inside another")
        elif frame.msg_type == WSMsgType.BINARY:
            self._skipping = not frame.fin
            self._complain(
                "invalid_event", "Binary messages are not supported; send each event as JSON in a text message."
            )
        elif self._skipping:
            self._skipping = not frame.fin
        else:
            self._add_part(frame)

    def _add_part(self, frame: WSFrame) -> None:
        parts = self._parts = self._parts if self._parts is not None else bytearray()
        if len(parts) + frame.payload_size > self.max_message:
            self._parts = None
            self.close(TOO_BIG, f"a message is larger than {self.max_message} bytes")
            return
        parts += frame.get_payload_as_memoryview()
        if frame.fin:
            self._parts = None
            self._receive(bytes(parts))

    def _complain(self, code: str, message: str) -> None:
        event = codec.encode(codec.error_event(ClientEventError(code, message)), _ids)
        if isinstance(self._session, Resumable):
            self._session.note_own(field_of(event, "event_id"))
        self.send(event)

    # --- control frames ---------------------------------------------------------------------------------------

    def _receive_close(self, frame: WSFrame) -> None:
        if self.pong_seconds is None:
            return
        if self._state is _State.OPEN:
            payload = frame.get_payload_as_bytes()
            code = struct.unpack("!H", payload[:2])[0] if payload else NO_STATUS
            if payload and not _may_be_sent(code):
                self.close(PROTOCOL_ERROR, f"the close code {code} may not be sent")
                return
            self._ended = (code, "closed by the client")
            self._lost = code == GOING_AWAY
            # The client's code is echoed (RFC 6455, section 5.5.1); no code is answered by none.
            self._transport.send(WSMsgType.CLOSE, payload[:2])
        self._state = _State.CLOSED
        self._transport.disconnect()
        self._schedule(self._limits.close_seconds, self.abort)
        self._loop.call_soon(self._end_session)

    def _pong(self, frame: WSFrame) -> None:
        # A client that pings and does not read must not fill the memory with pongs.
        if self._raw.get_write_buffer_size() < self._limits.max_unsent // 2:
            payload = frame.get_payload_as_bytes()
            if self.pong_seconds == 0:
                self._transport.send_pong(payload)
            elif self.pong_seconds is not None:
                self._loop.call_later(self.pong_seconds, self._send_late_pong, payload)

    def _send_late_pong(self, payload: bytes) -> None:
        if self._state is _State.OPEN and not self._raw.is_closing():
            self._transport.send_pong(payload)

    def _ping(self) -> None:
        if self.pong_seconds is None:
            return
        # Of a client that is not read from, nothing can be known.
        if self._shows_life() or self._raw.held:
            self._silent_pings = 0
        if self._silent_pings == 2:
            self._ended = (ABNORMAL, "no sign of life from the client")
            self.abort()
            return
        self._silent_pings += 1
        self._transport.send_ping()
        self._schedule(self._limits.ping_seconds, self._ping)

    def _shows_life(self) -> bool:
        """Whether anything came, or went out that waited: a slow reader's pong is far behind what it still reads."""
        waiting = self._raw.get_write_buffer_size()
        drained = self._waiting + self._sent > waiting and self._waiting > 0
        heard, self.heard = self.heard, False
        self._waiting, self._sent = waiting, 0
        return heard or drained

    def _schedule(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, call)


def _failed(message: str) -> Refusal:
    return Refusal(ErrorDetail("server_error", "server_error", message), INTERNAL_ERROR)


def _may_be_sent(code: int) -> bool:
    """Whether a CLOSE frame may hold `code` (RFC 6455, section 7.4)."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, NO_STATUS, ABNORMAL))


def _shortened(reason: str) -> str:
    return reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
