"""One client over HTTP, as its session sees it: what it gets waits here for whoever brings it there."""

import asyncio
import logging
import os
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from antiphon.protocol import codec
from antiphon.protocol.heads import field_of, type_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ErrorDetail
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import EngineSession
from antiphon.transports.picows_glue import UNSENT_HIGH_BYTES, UNSENT_LOW_BYTES
from antiphon.transports.websocket import ABNORMAL, INTERNAL_ERROR, TRY_AGAIN_LATER

if TYPE_CHECKING:
    from antiphon.transports.http.call import HttpCall
    from antiphon.transports.http.sessions import HttpSessions

log = logging.getLogger("antiphon.http")
_ids = Ids(os.urandom)

_RESUMABLE = "antiphon.session.resumable"
_HEAD_BYTES = 200


class HttpClient:
    """A `Client` for its engine's session; a stream or a mailbox is built on it.

    Args:
        house: All clients over HTTP.
        peer: Its address, for logs.
    """

    def __init__(self, house: "HttpSessions", peer: str) -> None:
        self.id = _ids.letters(8)
        self.token = ""  # known once the session has begun
        self.paused = False
        self.ended: tuple[int, str] | None = None  # close code and reason
        self.lost = True  # unless somebody ends it
        self.call: HttpCall | None = None
        self.house = house
        self.limits = house.limits
        self.peer = peer
        self._admission: Admission | None = None  # until the session has ended
        self._session: EngineSession | None = None
        self.waiting: deque[bytes] = deque()  # events that were not taken
        self.waiting_bytes = 0
        self.news = asyncio.Event()
        self._has_begun = False
        self._slow = False
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None

    # --- Client, for the engine's session ---------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Keep one event for the client; it is dropped once the connection is ending."""
        if self.ended is not None:
            return
        # What waits already counts, so that one message may be of any size.
        if self.unsent > self.limits.max_unsent:
            reason = f"the client does not read: {self.limits.max_unsent} bytes wait to be sent"
            self.end(TRY_AGAIN_LATER, reason, lost=True)
            return
        self.waiting.append(message)
        self.waiting_bytes += len(message)
        if not self.token:
            self._look_for_token(message)
        self.news.set()
        self.tell_pace()

    def close(self, code: int, reason: str) -> None:
        self.end(code, reason, lost=False)

    def end(self, code: int, reason: str, lost: bool) -> None:
        """Send no more than what waits; `lost` tells the session whether the client may come back."""
        if self.ended is not None:
            return
        self.ended = (code, reason)
        self.lost = lost
        self.news.set()
        # Later, because the session itself may be asking for this from within one of its methods.
        self._loop.call_soon(self._end_session)
        self.ending()

    def ending(self) -> None:
        """Do what the end of the session asks for; what waits is to be delivered still."""

    def abort(self) -> None:
        """Drop the connection, with whatever waits to be sent."""
        self.waiting.clear()
        self.waiting_bytes = 0
        self.gone()

    @property
    def unsent(self) -> int:
        return self.waiting_bytes

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        if self.call is not None:
            self.call.changed()

    # --- a session's beginning and end ------------------------------------------------------------------------

    def admit(self, admission: Admission) -> None:
        """Begin the session, or go on with the one that the client comes back to."""
        self._admission = admission
        start, resume = admission.start, admission.resume
        try:
            session = resume(self) if resume else self.house.engine.open(start, self)
        except Exception:
            log.exception("session %s could not be opened", self.id)
            self._fail("The session could not be opened; the server's log says why.")
            return
        if self._admission is None:  # it was dropped meanwhile
            session.close(lost=self.lost)
            return
        self._session = session
        if self.ended is None:  # who comes back to nothing is told so at once
            self._began = self._loop.time()
            log.info("session %s began: model %s, client %s", self.id, start.model, self.peer)

    def begun(self, token: str) -> None:
        """From now on the client may be told what waits: others can name its session."""
        self.token = token
        self.house.attach(self)
        self.news.set()

    async def begins(self) -> Refusal | None:
        """Wait until the session has begun; return why it has not. Safe to call again."""
        if self._has_begun:
            return None
        try:
            async with asyncio.timeout(self.limits.begin_seconds):
                while not self.token and self.ended is None:
                    await self.next_news()
        except TimeoutError:
            self.end(TRY_AGAIN_LATER, "The session took too long to begin; try again later.", lost=False)
        refusal = self._refusal()
        self._has_begun = refusal is None
        return refusal

    async def next_news(self) -> None:
        self.news.clear()
        await self.news.wait()

    def receive(self, message: bytes) -> bool:
        """Hand a client event to the session; return whether this connection still has one."""
        if self._session is None:
            return False
        try:
            self._session.receive(message)
        except Exception:
            log.exception("session %s failed on a message", self.id)
            self._fail("The server failed on this message; its log says why.")
        return True

    def gone(self) -> None:
        """The connection is over, one way or the other. Safe to call twice."""
        if self.ended is None:
            self.ended = (ABNORMAL, "the connection was lost")
        self.news.set()
        self._end_session()
        self.house.discard(self)

    def tell_pace(self) -> None:
        """Tell the session when the client begins or ceases to be slow."""
        unsent = self.unsent
        changed = unsent < UNSENT_LOW_BYTES if self._slow else unsent >= UNSENT_HIGH_BYTES
        if changed and self.ended is None:
            self._slow = not self._slow
            # Later, because the session itself may be sending just now.
            self._loop.call_soon(self._tell_slow, self._slow)

    def _tell_slow(self, slow: bool) -> None:
        try:
            if self._session is not None:
                self._session.client_slow(slow)
        except Exception:
            log.exception("session %s failed on a slow client", self.id)

    def _fail(self, message: str) -> None:
        error = ErrorDetail("server_error", "server_error", message)
        self.send(codec.encode(Error(error), _ids))
        self.close(INTERNAL_ERROR, Refusal(error, INTERNAL_ERROR).close_reason)

    def _look_for_token(self, message: bytes) -> None:
        if _RESUMABLE.encode() in message[:_HEAD_BYTES] and type_of(message) == _RESUMABLE:
            self.begun(field_of(message, "token"))

    def _refusal(self) -> Refusal | None:
        """Return what a session that ended as soon as it began has to say."""
        if self.ended is None:
            return None
        code, reason = self.ended
        if self.waiting and type_of(self.waiting[0]) == "error":
            return Refusal(_error_in(self.waiting[0]), code)
        return None if self.token else Refusal(ErrorDetail("server_error", "server_error", reason), code)

    def _end_session(self) -> None:
        session, self._session = self._session, None
        admission, self._admission = self._admission, None
        if admission is None:
            return
        try:
            if session is not None:
                session.close(lost=self.lost)
        except Exception:
            log.exception("session %s could not be closed", self.id)
        finally:
            admission.release()
            self._log_end()

    def _log_end(self) -> None:
        code, reason = self.ended or (ABNORMAL, "")
        if self._began is None:
            log.info("client %s refused: %d %s", self.peer, code, reason)
        else:
            seconds = self._loop.time() - self._began
            log.info("session %s ended after %.1f s: %d %s", self.id, seconds, code, reason)


class _ErrorEvent(msgspec.Struct):
    error: ErrorDetail


def _error_in(message: bytes) -> ErrorDetail:
    try:
        return msgspec.json.decode(message, type=_ErrorEvent).error
    except msgspec.MsgspecError:
        return ErrorDetail("server_error", "server_error", "The session could not begin.")
