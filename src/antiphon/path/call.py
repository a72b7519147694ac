"""The driver of relayed calls: runs the relay's timers and legs, and lets lost clients come back."""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from antiphon.path.edge import Edge, edge_for
from antiphon.path.leg_state import LegState
from antiphon.path.legs import Leg, LegEnd, LegStart, Route
from antiphon.path.options import RelayOptions
from antiphon.path.relay import Relay
from antiphon.path.replay import Replay
from antiphon.protocol.heads import field_of
from antiphon.protocol.ids import Ids
from antiphon.session.start import SessionStart

log = logging.getLogger("antiphon.relay")

_NORMAL = 1000


class Client(Protocol):
    """Where a call's events go."""

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
        self.parked = 0  # calls whose client was lost and may come back
        self._resumable: dict[str, Call] = {}
        self._calls: set[Call] = set()
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
        for call in tuple(self._calls):
            call.end()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(route.close() for route in self.routes if isinstance(route, Startable)))

    def open(self, start: SessionStart, client: Client) -> "Attachment":
        """Begin a call; `session.created` is sent as soon as a route has a session."""
        return Call(self, start).attach(client)

    def resume(self, token: str, client: Client, last_event_id: str | None) -> "Attachment | None":
        """Give a call whose client was lost to the client that has come back.

        Args:
            token: Of its `antiphon.session.resumable` event.
            client: The new connection.
            last_event_id: Of the last event that the client received; None when it does not know.

        Returns:
            None when there is no such call, or not any more.
        """
        call = self._resumable.get(token)
        return None if call is None else call.resume(client, last_event_id)

    # --- for its calls ----------------------------------------------------------------------------------------

    def add(self, call: "Call") -> None:
        self._calls.add(call)
        if call.token:
            self._resumable[call.token] = call

    def discard(self, call: "Call") -> None:
        self._calls.discard(call)
        self._resumable.pop(call.token, None)


class Call:
    """One relayed call, which may outlive its client's connection."""

    def __init__(self, engine: RelayEngine, start: SessionStart) -> None:
        self._engine = engine
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._ids = Ids(os.urandom)
        self.token = secrets.token_urlsafe(32) if start.extensions and engine.options.resume_seconds > 0 else ""
        self._replay = Replay() if self.token else None
        self._edge: Edge = edge_for(start.dialect, self._to_client, self._ids)
        self.attached: Attachment | None = None
        self._client: Client | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._parting: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._leg: LegState | None = None
        self._slow = False
        self._closed = False
        self._announced = False
        self._relay = Relay(start, engine.routes, engine.options, self, self._ids, self._loop.time(), time.time())
        engine.add(self)
        self._set_timer()

    # --- the client's side, as its attachment tells it --------------------------------------------------------

    def attach(self, client: Client) -> "Attachment":
        """Let `client` be the one that the call is with."""
        self._client = client
        self.attached = Attachment(self)
        return self.attached

    def resume(self, client: Client, last_event_id: str | None) -> "Attachment":
        """Go on with a client that has come back; a connection that it still seems to have is closed."""
        assert self._replay is not None
        self._stop_waiting()
        before = self._detach()
        if before is not None:
            before.close(_NORMAL, "The session goes on over another connection.")
        missed, is_all = self._replay.missed(last_event_id)
        resumed = _event(self._ids, "antiphon.session.resumed", events=len(missed), complete=is_all)
        self._replay.returned(field_of(resumed, "event_id"), len(missed))
        client.send(resumed)
        for message in missed:
            client.send(message)
        return self.attach(client)

    def receive(self, message: bytes) -> None:
        inward = self._edge.inward(message)
        if inward is not None and not self._closed:
            self._relay.receive(inward, self._loop.time())
            if self._relay.timers.changed:
                self._set_timer()

    def client_slow(self, slow: bool) -> None:
        self._slow = slow
        if self._leg is not None:
            (self._leg.leg.pause_reading if slow else self._leg.leg.resume_reading)()

    def client_gone(self, lost: bool) -> None:
        """The client is gone; a lost one may come back for a while, if it asked for that."""
        if lost and self._replay is not None and self._announced and not self._closed:
            self._detach()
            seconds = self._engine.options.resume_seconds
            log.info("a client was lost; its call waits %g s for it", seconds)
            self._parting = self._loop.call_later(seconds, self.end)
            self._engine.parked += 1
        else:
            self.end()

    def end(self) -> None:
        """End the call for good. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.attached = self._client = self._leg = None
        self._engine.discard(self)
        self._relay.close()
        self._stop_waiting()
        if self._handle is not None:
            self._handle.cancel()

    def _stop_waiting(self) -> None:
        if self._parting is not None:
            self._parting.cancel()
            self._parting = None
            self._engine.parked -= 1

    def _detach(self) -> Client | None:
        assert self._replay is not None
        client, self._client, self.attached = self._client, None, None
        if client is not None:
            self._replay.mark_lost()
        self.client_slow(False)
        return client

    # --- the relay's ports ------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
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
        if state is not None and not self._announced:
            self._announced = True
            if self.token:
                seconds = self._engine.options.resume_seconds
                self._to_client(
                    _event(self._ids, "antiphon.session.resumable", token=self.token, resume_seconds=seconds)
                )

    def log(self, message: str) -> None:
        log.warning("%s", message)

    def _to_client(self, message: bytes) -> None:
        if self._replay is not None:
            self._replay.add(message)
        if self._client is not None:
            self._client.send(message)

    def close_client(self, code: int, reason: str) -> None:
        client = self._client
        self.end()
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


class Attachment:
    """One connection of a client to its call: an `EngineSession` to the transport.

    Once the client has come back over another connection, this one has no say any more.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def receive(self, message: bytes) -> None:
        """Take one client event; what is wrong with it is told by the model's server."""
        if self._call.attached is self:
            self._call.receive(message)

    def client_slow(self, slow: bool) -> None:
        """Hold back the model's server while the client does not keep up."""
        if self._call.attached is self:
            self._call.client_slow(slow)

    def close(self, lost: bool = False) -> None:
        """The connection is gone."""
        if self._call.attached is self:
            self._call.client_gone(lost)


class _Ear:
    """A leg's listener."""

    __slots__ = ("_call", "_state")

    def __init__(self, call: Call, state: LegState) -> None:
        self._call = call
        self._state = state

    def leg_received(self, message: bytes) -> None:
        self._call.leg_received(self._state, message)

    def leg_ended(self, end: LegEnd) -> None:
        self._call.leg_ended(self._state, end)

    def leg_slow(self, slow: bool) -> None:
        self._call.leg_slow(self._state, slow)


def _event(ids: Ids, kind: str, **fields: object) -> bytes:
    return msgspec.json.encode({"type": kind, "event_id": ids.event(), **fields})
