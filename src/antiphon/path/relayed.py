"""The driver of relayed sessions: runs the relay's timers and legs."""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from antiphon.path.leg_state import LegState
from antiphon.path.legs import Leg, LegEnd, LegStart, Route
from antiphon.path.options import RelayOptions
from antiphon.path.relay import Relay
from antiphon.protocol.edge import Edge, edge_for
from antiphon.protocol.ids import Ids
from antiphon.session.start import SessionStart

log = logging.getLogger("antiphon.relay")


class Client(Protocol):
    """Where a session's events go."""

    def send(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@runtime_checkable
class Startable(Protocol):
    """A route that has something to load, or connections to keep."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class RelayEngine:
    """Answers clients over routes.

    Args:
        routes: The engines to choose from, best first; at least one.
        options: What the operator chose.
    """

    def __init__(self, routes: Sequence[Route], options: RelayOptions | None = None) -> None:
        assert routes
        self.routes = tuple(routes)
        self.options = options or RelayOptions()
        self.ready = False
        self._sessions: set[RelayedSession] = set()
        self._starting: list[asyncio.Future[None]] = []

    async def start(self) -> None:
        """Start the routes; the first that is ready is enough to answer calls, and the others follow.

        Raises:
            AntiphonError: That one cannot work; the message says what to mend.
        """
        self._starting = [asyncio.ensure_future(route.start()) for route in self.routes if isinstance(route, Startable)]
        if self._starting:
            done, _ = await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        self.ready = True

    async def close(self) -> None:
        self.ready = False
        for session in tuple(self._sessions):
            session.close()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(route.close() for route in self.routes if isinstance(route, Startable)))

    def open(self, start: SessionStart, client: Client) -> "RelayedSession":
        """Begin a session; `session.created` is sent as soon as a route has one."""
        return RelayedSession(self, start, client)

    # --- for its sessions -------------------------------------------------------------------------------------

    def add(self, session: "RelayedSession") -> None:
        self._sessions.add(session)

    def discard(self, session: "RelayedSession") -> None:
        self._sessions.discard(session)


class RelayedSession:
    """One client's session, answered over routes."""

    def __init__(self, engine: RelayEngine, start: SessionStart, client: Client) -> None:
        self._engine = engine
        self._start = start
        self._client: Client | None = client
        self._loop = asyncio.get_running_loop()
        ids = Ids(os.urandom)
        self._edge: Edge = edge_for(start.dialect, client.send, ids)
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._leg: LegState | None = None
        self._slow = False
        self._closed = False
        self._relay = Relay(start, engine.routes, engine.options, self, ids, self._loop.time(), time.time())
        engine.add(self)
        self._set_timer()

    # --- the client's side ------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        """Take one client event; what is wrong with it is told by the model's server."""
        inward = self._edge.inward(message)
        if inward is not None and not self._closed:
            self._relay.receive(inward, self._loop.time())
            if self._relay.timers.changed:
                self._set_timer()

    def client_slow(self, slow: bool) -> None:
        """Hold back the model's server while the client does not keep up."""
        self._slow = slow
        if self._leg is not None:
            (self._leg.leg.pause_reading if slow else self._leg.leg.resume_reading)()

    def close(self, lost: bool = False) -> None:  # noqa: ARG002 - who may come back is the call's business
        """The client is gone: end the session for good. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._client = self._leg = None
        self._engine.discard(self)
        self._relay.close()
        if self._handle is not None:
            self._handle.cancel()

    # --- the relay's ports ------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if self._client is not None:
            self._edge.outward(message)

    def open_leg(self, state: LegState, route: Route) -> Leg:
        identifier = self._start.safety_identifier
        headers = (("OpenAI-Safety-Identifier", identifier),) if identifier else ()
        return route.open(LegStart(self._start, headers), _Ear(self, state))

    def serve_by(self, state: LegState | None) -> None:
        self._leg = state
        if self._client is not None:
            self._client.resume_reading()
        if state is not None and self._slow:
            state.leg.pause_reading()

    def log(self, message: str) -> None:
        log.warning("%s", message)

    def close_client(self, code: int, reason: str) -> None:
        client = self._client
        self.close()
        if client is not None:
            client.close(code, reason)

    # --- what legs tell ---------------------------------------------------------------------------------------

    def leg_received(self, state: LegState, message: bytes) -> None:
        if self._closed:
            return
        self._relay.leg_received(state, message, self._loop.time())
        if self._relay.timers.changed:
            self._set_timer()

    def leg_ended(self, state: LegState, end: LegEnd) -> None:
        if not self._closed:
            self._relay.leg_ended(state, end, self._loop.time())
            self._set_timer()

    def leg_slow(self, state: LegState, slow: bool) -> None:
        if state is self._leg and self._client is not None:
            (self._client.pause_reading if slow else self._client.resume_reading)()

    # --- timers -----------------------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        self._relay.timers.changed = False
        deadline = None if self._closed else self._relay.timers.next()
        if self._handle is not None:
            # A timer that rings early finds nothing due and is set anew: cheaper than moving it.
            if deadline is not None and self._rings_at <= deadline:
                return
            self._handle.cancel()
            self._handle = None
        if deadline is not None:
            self._rings_at = deadline
            self._handle = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._handle = None
        if not self._closed:
            self._relay.handle_deadline(self._loop.time())
            self._set_timer()


class _Ear:
    """A leg's listener."""

    __slots__ = ("_session", "_state")

    def __init__(self, session: RelayedSession, state: LegState) -> None:
        self._session = session
        self._state = state

    def leg_received(self, message: bytes) -> None:
        self._session.leg_received(self._state, message)

    def leg_ended(self, end: LegEnd) -> None:
        self._session.leg_ended(self._state, end)

    def leg_slow(self, slow: bool) -> None:
        self._session.leg_slow(self._state, slow)
