"""One connection to an upstream: a `Leg` for the call, and picows' listener for the server's frames.

This is the hot path: an event is handed over as the bytes it came as.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from antiphon.engines.upstream.causes import (
    NO_STATUS,
    Ending,
    end_of_connection,
    end_of_failure,
    no_session,
    refused_without_close,
)
from antiphon.engines.upstream.masking import masked, one_line
from antiphon.path.legs import Cause, LegEnd, LegListener
from antiphon.protocol.server_events import ErrorDetail
from antiphon.wire.connect import MAX_MESSAGE, Endpoint, connect
from antiphon.wire.failures import ConnectError

_log = logging.getLogger("antiphon.upstream")

# A server may say why it refuses some time before it closes.
_CLOSE_FOLLOWS_SECONDS = 1.0
_HEAD_BYTES = 160
_TEXT = WSMsgType.TEXT  # a look-up less for each event
_FIRST = ("session.created", "transcription_session.created")


class Translator(Protocol):
    """Between GA events and the shape that the server speaks; one object serves one connection."""

    def to_upstream(self, message: bytes) -> Sequence[bytes]: ...

    def from_upstream(self, message: bytes) -> Sequence[bytes]: ...


@dataclass(frozen=True)
class LegSettings:
    """What a leg is made of.

    Args:
        endpoint: Where to connect.
        key: To be kept out of everything that is told.
        session_seconds: From the open WebSocket to `session.created`.
        ping_seconds: Between pings.
        close_seconds: How long the server may take to answer a CLOSE frame.
        max_unsent: Bytes waiting for a server that does not read; with more, the next event ends the leg.
        translator: Makes a translator for one connection; None where the server speaks GA.
    """

    endpoint: Endpoint
    key: str = field(default="", repr=False)
    session_seconds: float = 10.0
    ping_seconds: float = 20.0
    close_seconds: float = 2.0
    max_unsent: int = 22_000_000
    translator: Callable[[], Translator] | None = None


class _Detail(msgspec.Struct):
    type: str | None = None
    code: str | int | None = None
    message: str | None = None
    param: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    error: _Detail | None = None


class _Session(msgspec.Struct):
    expires_at: float = 0


class _Created(msgspec.Struct):
    session: _Session = msgspec.field(default_factory=_Session)


_event_decoder = msgspec.json.Decoder(_Event)
_created_decoder = msgspec.json.Decoder(_Created)


class Parked:
    """The listener of a leg that nobody uses yet: it keeps what was told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.end: LegEnd | None = None

    def leg_received(self, message: bytes) -> None:
        self.messages.append(message)

    def leg_ended(self, end: LegEnd) -> None:
        self.end = end

    def leg_slow(self, slow: bool) -> None:
        """Nothing is sent on such a leg."""


class UpstreamLeg(WSListener):
    """A connection to an upstream; `open` begins to make it.

    Args:
        settings: What it is made of.
        listener: Whom it tells.
    """

    _transport: WSTransport | None = None
    _raw: asyncio.Transport

    def __init__(self, settings: LegSettings, listener: LegListener) -> None:
        self.had_session = False
        self.on_end: Callable[[LegEnd], None] = _ignore  # told before the listener
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._listener = listener
        self._translator = settings.translator() if settings.translator else None
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._take: Callable[[bytes], None] = self._take_first
        self._is_open = False  # may send
        self._has_ended = False
        self._is_closed = False  # by us: nothing more is told
        self._error: ErrorDetail | None = None
        self._error_at = 0.0
        self._parts: bytearray | None = None  # of a fragmented message
        self._told_binary = False
        self._heard = True
        self._silent_pings = 0
        self._waiting = 0  # bytes that waited to be sent at the last ping
        self._is_paused = False
        self._is_slow = False
        self._told_slow = False

    def open(self) -> None:
        self._task = self._loop.create_task(self._connect())
        # Not in the task itself: cancelled before its first step, it does nothing at all.
        self._task.add_done_callback(self._tried)

    def _tried(self, _task: asyncio.Task[None]) -> None:
        if self._transport is None:
            self._vanish()

    # --- Leg --------------------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if not self._is_open:
            return
        if self._is_slow and self._raw.get_write_buffer_size() > self._settings.max_unsent:
            self._overflow()
        elif self._translator is None:
            self._transport.send(_TEXT, message)  # type: ignore[union-attr]
        else:
            for each in self._translator.to_upstream(message):
                self._transport.send(_TEXT, each)  # type: ignore[union-attr]

    def close(self) -> None:
        self._is_closed = True
        if self._has_ended:
            return
        self._stop()
        if self._transport is None:
            if self._task is not None:
                self._task.cancel()
        elif not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            self._raw.resume_reading()  # for the server's answer
            self._timer = self._loop.call_later(self._settings.close_seconds, self._raw.abort)

    def pause_reading(self) -> None:
        self._is_paused = True
        if self.had_session and not self._has_ended:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._is_paused = False
        if self.had_session and not self._has_ended:
            self._heard = True  # what waited could not be heard
            self._raw.resume_reading()

    @property
    def is_open(self) -> bool:
        """Whether events may be sent."""
        return self._is_open

    def hand_over(self, parked: "Parked", listener: LegListener) -> None:
        """Tell `listener` from now on: soon, and first, what `parked` was told."""
        self._loop.call_soon(self._switch, parked, listener)

    def _switch(self, parked: "Parked", listener: LegListener) -> None:
        self._listener = listener
        for message in parked.messages:
            if not self._is_closed:
                listener.leg_received(message)
        if parked.end is not None:
            self._tell_end(parked.end)

    # --- connecting -------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            await connect(self._settings.endpoint, self)
        except ConnectError as error:
            self._end(end_of_failure(error.failure, self._clean))
        except Exception as error:
            _log.exception("connecting failed in a way that nobody thought of")
            self._end(LegEnd(Cause.UNREACHABLE, f"{type(error).__name__}; see the log for where it happened"))

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._raw = transport.underlying_transport
        if self._has_ended:
            self._raw.abort()
        else:
            self._schedule(self._settings.session_seconds, self._no_session)

    def _no_session(self) -> None:
        self._end(no_session(self._settings.session_seconds))
        self._raw.abort()

    def _refused(self) -> None:
        assert self._error is not None
        self._end(refused_without_close(self._error, self._clean))
        self._raw.abort()

    # --- frames -----------------------------------------------------------------------------------------------

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._heard = True
        try:
            if frame.msg_type == _TEXT and frame.fin and self._parts is None:
                self._take(frame.get_payload_as_bytes())
            else:
                self._take_other(transport, frame)
        except Exception as error:  # picows would close the connection and tell nobody
            _log.exception("an upstream's message could not be handled")
            self._end(LegEnd(Cause.LOST, f"{type(error).__name__} in handling a message; the log says where"))
            transport.disconnect(graceful=False)

    def _take_event(self, message: bytes) -> None:
        # An `error` event has that word as type and as key, and no third key that could be longer than an id.
        if message.find(b'"error"', 0, _HEAD_BYTES) >= 0:
            message = self._note_error(message)
        if self._translator is None:
            self._listener.leg_received(message)
        else:
            for each in self._translator.from_upstream(message):
                self._listener.leg_received(each)

    def _take_first(self, message: bytes) -> None:
        self._note_error(message)
        if self._error is not None:
            self._schedule(_CLOSE_FOLLOWS_SECONDS, self._refused)
        if _read(message).type in _FIRST:
            self._begin(message)

    def _begin(self, message: bytes) -> None:
        self.had_session = self._is_open = True
        self._error = None
        self._take = self._take_event
        self._schedule(self._settings.ping_seconds, self._ping)
        if self._is_paused:
            self._raw.pause_reading()
        self._take_event(message)

    def _take_other(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self._take_close(transport, frame)
            return
        if frame.msg_type == WSMsgType.BINARY:  # the API has none, but some servers put their JSON there
            self._tell_of_binary()
        if frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self._take_part(transport, frame)

    def _take_part(self, transport: WSTransport, frame: WSFrame) -> None:
        parts = self._parts = self._parts if self._parts is not None else bytearray()
        parts += frame.get_payload_as_memoryview()
        if len(parts) > MAX_MESSAGE:
            self._end(LegEnd(Cause.LOST, f"the server sent a message larger than {MAX_MESSAGE} bytes"))
            transport.disconnect(graceful=False)
        elif frame.fin:
            self._parts = None
            self._take(bytes(parts))

    def _take_close(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        code = int.from_bytes(payload[:2]) if len(payload) >= 2 else NO_STATUS
        reason = payload[2:].decode(errors="replace")
        transport.send(WSMsgType.CLOSE, payload[:2])  # unless ours went first: then picows drops it
        transport.disconnect()
        self._end(self._ending(code, reason))
        self._schedule(self._settings.close_seconds, self._raw.abort)  # where something waits to be sent

    def _tell_of_binary(self) -> None:
        if not self._told_binary:
            self._told_binary = True
            _log.info("an upstream sends binary messages, which the Realtime API has not; they are taken as text")

    def _note_error(self, message: bytes) -> bytes:
        """Remember an `error` event, and return it without keys; return any other message as it is."""
        event = _read(message)
        if event.type != "error":
            return message
        detail = event.error or _Detail()
        code = str(detail.code) if detail.code is not None else None
        self._error = ErrorDetail(detail.type or "server_error", code, detail.message or "", detail.param)
        self._error_at = self._loop.time()
        return masked(message.decode(errors="replace"), self._settings.key).encode()

    # --- the end ----------------------------------------------------------------------------------------------

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._task = self._loop.create_task(self._disconnected(transport))

    async def _disconnected(self, transport: WSTransport) -> None:
        detail = ""
        try:
            await transport.wait_disconnected()
        except Exception as error:  # what of the WebSocket protocol the server broke
            detail = str(error)
        self._end(self._ending(None, "", detail))
        self._vanish()

    def _ending(self, code: int | None, reason: str, detail: str = "") -> LegEnd:
        error = self._error
        # A later close has other reasons: the session went on after most errors.
        if error is not None and self.had_session and self._loop.time() - self._error_at > _CLOSE_FOLLOWS_SECONDS:
            error = None
        return end_of_connection(Ending(code, reason, error, self.had_session, detail), self._clean)

    def _end(self, end: LegEnd) -> None:
        if self._has_ended:
            return
        self._stop()
        self._loop.call_soon(self._tell_end, end)

    def _tell_end(self, end: LegEnd) -> None:
        if not self._is_closed:
            self.on_end(end)
            self._listener.leg_ended(end)

    def _stop(self) -> None:
        self._has_ended = True
        self._is_open = False
        self._take = _drop
        self._cancel_timer()

    def _vanish(self) -> None:
        self._cancel_timer()
        if not self.gone.done():
            self.gone.set_result(None)

    def _clean(self, text: str) -> str:
        return one_line(text, self._settings.key)

    # --- a server that does not read, or says nothing ---------------------------------------------------------

    def pause_writing(self) -> None:
        self._is_slow = True
        self._loop.call_soon(self._tell_slow)

    def resume_writing(self) -> None:
        self._is_slow = False
        self._loop.call_soon(self._tell_slow)

    def _tell_slow(self) -> None:
        if self._is_slow != self._told_slow and self._is_open:
            self._told_slow = self._is_slow
            self._listener.leg_slow(self._is_slow)

    def _overflow(self) -> None:
        waits = self._settings.max_unsent
        self._end(LegEnd(Cause.LOST, f"the server does not read: more than {waits} bytes wait to be sent"))
        self._raw.abort()

    def _ping(self) -> None:
        if self._shows_life():
            self._silent_pings = 0
        if self._silent_pings == 2:
            seconds = 2 * self._settings.ping_seconds
            self._end(LegEnd(Cause.LOST, f"no sign of life from the server for {seconds:g} s"))
            self._raw.abort()
            return
        self._silent_pings += 1
        cast(WSTransport, self._transport).send_ping()
        self._schedule(self._settings.ping_seconds, self._ping)

    def _shows_life(self) -> bool:
        """Whether anything came, or could not come, or the server took of what waits for it."""
        waiting = self._raw.get_write_buffer_size()
        drained = waiting < self._waiting
        heard, self._heard, self._waiting = self._heard, False, waiting
        return heard or drained or self._is_paused

    def _schedule(self, seconds: float, call: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, call)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def expires_at(created: bytes) -> float:
    """Return the Unix time at which the session of a `session.created` ends; 0 where it does not say."""
    try:
        return _created_decoder.decode(created).session.expires_at
    except msgspec.DecodeError:
        return 0.0


def _read(message: bytes) -> _Event:
    try:
        return _event_decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Event()


def _ignore(_end: LegEnd) -> None:
    """Nobody else wants to know."""


def _drop(_message: bytes) -> None:
    """Take nothing any more."""
