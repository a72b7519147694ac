"""The embedded engine as a route of the relay: what answers when no upstream can be had."""

import asyncio
import logging
import math
from collections.abc import Callable

import msgspec

from antiphon.engines.local import LocalEngine, LocalSession
from antiphon.errors import AntiphonError
from antiphon.path.legs import ENDS_OF_SESSIONS, Cause, LegEnd, LegListener, LegStart
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart

_log = logging.getLogger("antiphon.relay")

_EXPIRED = "session_expired"
_REST_SECONDS = 0.5
_REST_SECONDS_MOST = 30.0


class LocalRoute:
    """A route to sessions of the embedded engine.

    Args:
        engine: Answers; the route starts and closes it.
        defaults: The configuration that a session begins with.
        continues: Whether its language model can go on in the middle of an answer.
        name: What logs and messages call it.
    """

    def __init__(
        self, engine: LocalEngine, defaults: SessionConfig, *, continues: bool = False, name: str = "local"
    ) -> None:
        self.name = name
        self.continues = continues
        self.engine = engine
        self._defaults = defaults
        self._rests_until = -math.inf
        self._failures = 0

    @property
    def rests_until(self) -> float:
        # Until its stages are loaded there is nothing to try.
        return self._rests_until if self.engine.ready else math.inf

    async def start(self) -> None:
        """Load the engine. Without it calls are relayed all the same, so a failure is a warning."""
        try:
            await self.engine.start()
        except AntiphonError as error:
            _log.warning("the embedded engine cannot take over when upstreams fail: %s", error)

    async def close(self) -> None:
        await self.engine.close()

    def open(self, start: LegStart, listener: LegListener) -> "LocalLeg":
        asked = start.start
        # Legs are GA; the client's own dialect is the call's business.
        return LocalLeg(self.engine, SessionStart(asked.model, self._defaults, asked.kind), listener)

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:
        if had_session and cause in ENDS_OF_SESSIONS:
            return
        self._rests_until = now + min(_REST_SECONDS * 2**self._failures, _REST_SECONDS_MOST)
        self._failures = min(self._failures + 1, 10)

    def worked(self) -> None:
        self._failures, self._rests_until = 0, -math.inf


class LocalLeg:
    """A session of the embedded engine, told of as a leg is: never from within a call to it."""

    def __init__(self, engine: LocalEngine, start: SessionStart, listener: LegListener) -> None:
        self._outbox = _Outbox(listener, self._release)
        self._session: LocalSession | None = None
        if not engine.ready:
            self._outbox.end(
                LegEnd(Cause.UNREACHABLE, "the embedded engine is not loaded; the log of its start says why")
            )
            return
        try:
            self._session = engine.open(start, self._outbox)
        except Exception:
            _log.exception("a session of the embedded engine could not be opened")
            self._outbox.end(LegEnd(Cause.LOST, "the embedded engine failed to open a session; the log says why"))

    def send(self, message: bytes) -> None:
        if self._session is None or self._outbox.ended:
            return
        try:
            self._session.receive(message)
        except Exception:
            _log.exception("a session of the embedded engine failed on an event")
            self._outbox.end(LegEnd(Cause.LOST, "the embedded engine failed on an event; the log says why"))

    def close(self) -> None:
        self._outbox.forget()
        self._release()

    def pause_reading(self) -> None:
        self._outbox.paused = True

    def resume_reading(self) -> None:
        self._outbox.resume()

    def _release(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class _Outbox:
    """What the session says, kept in order until the event loop's next turn; its client, as it sees it.

    Args:
        listener: Is told.
        release: Called before it is told of the end: the session may ask for that from within one of its methods.
    """

    def __init__(self, listener: LegListener, release: Callable[[], None]) -> None:
        self._listener: LegListener | None = listener
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._messages: list[bytes] = []
        self._last = b""
        self._end: LegEnd | None = None
        self._scheduled = False
        self.paused = False

    @property
    def ended(self) -> bool:
        return self._end is not None

    # --- Client, for the session --------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if self._end is None and self._listener is not None:
            self._last = message
            self._messages.append(message)
            self._schedule()

    def close(self, code: int, reason: str) -> None:
        error = _error_in(self._last)
        expired = error is not None and error.code == _EXPIRED
        cause = Cause.EXPIRED if expired else Cause.LOST
        message = f"the embedded engine ended its session: {reason or code}"
        self.end(LegEnd(cause, message, error, code, reason))

    # --- for the leg --------------------------------------------------------------------------------------

    def end(self, end: LegEnd) -> None:
        if self._end is None:
            self._end = end
            self._schedule()

    def forget(self) -> None:
        """Tell nothing any more."""
        self._listener = None
        self._messages.clear()

    def resume(self) -> None:
        self.paused = False
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and not self.paused and self._listener is not None:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Tell what there is; the listener may pause or close the leg at any message."""
        self._scheduled = False
        messages, self._messages = self._messages, []
        for index, message in enumerate(messages):
            if self._listener is None:
                return
            if self.paused:
                self._messages[:0] = messages[index:]
                return
            self._listener.leg_received(message)
        # What it said while it was being told comes first.
        if self._end is not None and not self._messages and not self.paused and self._listener is not None:
            listener, self._listener = self._listener, None
            self._release()
            listener.leg_ended(self._end)


class _ErrorEvent(msgspec.Struct):
    type: str
    error: ErrorDetail | None = None


def _error_in(message: bytes) -> ErrorDetail | None:
    """Return the detail of an `error` event, None for any other."""
    try:
        event = msgspec.json.decode(message, type=_ErrorEvent)
    except msgspec.DecodeError:
        return None
    return event.error if event.type == "error" else None
