"""A relayed call with a clock in the test's hand: real session cores serve its legs, and the SDK's types judge."""

import contextlib
import itertools
import json
from collections import deque
from typing import Any

from antiphon.path.leg_state import LegState
from antiphon.path.legs import Cause, Leg, LegEnd, Route
from antiphon.path.options import RelayOptions
from antiphon.path.relay import Relay
from antiphon.protocol.ids import Ids
from antiphon.session import Equipment, SessionStart
from antiphon.session.limits import Limits
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, QUIET, ClientHand, CoreClient, in_base_62

__all__ = ["LOST", "LOUD", "QUIET", "Call", "FakeRoute", "Server"]

UNIX = 1_700_000_000
LOST = LegEnd(Cause.LOST, "the connection broke")
ACCEPT = "accept"
HANG = "hang"  # neither a session nor an end

_serial = itertools.count()


class _Core(CoreClient):
    """A session core whose ids no other server gives."""

    def __init__(self, start: SessionStart, equipment: Equipment, now: float, unix_time: int) -> None:
        self._serial = next(_serial)
        super().__init__(start, equipment, now, unix_time)

    def _entropy(self, count: int) -> bytes:
        serial = bytes([self._serial // 62**2 % 62, self._serial // 62 % 62, self._serial % 62])
        return serial[:count] + super()._entropy(max(0, count - 3))


class Server:
    """One leg, and the session core that serves it once it has accepted."""

    def __init__(self, route: "FakeRoute") -> None:
        self.route = route
        self.core: CoreClient | None = None
        self.received: list[dict[str, Any]] = []
        self.told = 0  # of the core's events
        self.extra: deque[bytes] = deque()  # messages besides the core's
        self.mute = False
        self.last_word = ""  # the type of the last event before it falls silent
        self.most_words = 0  # how many events come before it falls silent; 0 for all
        self.deaf = False  # takes events and never handles them
        self.closed = False
        self.ending: LegEnd | None = None
        self.ended = False

    # --- Leg ---

    def send(self, message: bytes) -> None:
        assert self.core is not None, "sent before session.created"
        assert not self.closed, "sent to a leg that was closed"
        with contextlib.suppress(ValueError):
            self.received.append(json.loads(message))
        if not self.deaf:
            self.core.send_raw(message)

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    # --- the test's hand ---

    def accept(self, now: float) -> None:
        equipment = Equipment(limits=Limits(session_seconds=self.route.cap))
        self.core = _Core(SessionStart("upstream-model"), equipment, now, int(UNIX + now))

    def end(self, end: LegEnd = LOST) -> None:
        """Drop the connection; what was not delivered yet is lost."""
        self.ending = end

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.received if event["type"] != "input_audio_buffer.append"]

    def all_received(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.received if event["type"] == kind]


class FakeRoute:
    """A route whose connections do what the test wrote down; `accept` when nothing is left."""

    def __init__(self, name: str, *plan: str | LegEnd, continues: bool = True, cap: float = 3600.0) -> None:
        self.name = name
        self.continues = continues
        self.cap = cap
        self.rests_until = 0.0
        self.most_words = 0  # of each further server
        self.plan: deque[str | LegEnd] = deque(plan)
        self.servers: list[Server] = []
        self.failures: list[tuple[Cause, bool]] = []  # each cause, and whether the leg had its session

    def open(self) -> Server:
        server = Server(self)
        server.most_words = self.most_words
        self.servers.append(server)
        return server

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:
        self.failures.append((cause, had_session))

    def worked(self) -> None: ...


class Call(ClientHand):
    """One call over the routes, and its client."""

    def __init__(
        self, *routes: FakeRoute, options: RelayOptions | None = None, start: SessionStart | None = None
    ) -> None:
        self.now = 1000.0
        self.routes = routes or (FakeRoute("first"),)
        self.events: list[dict[str, Any]] = []
        self.logged: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.wakes = 0  # how often a deadline was handled
        self.served_by: LegState | None = None
        self._states: list[tuple[LegState, Server]] = []
        self._counter = itertools.count()
        self.relay = Relay(
            start or SessionStart("gpt-realtime", extensions=True),
            self.routes,  # type: ignore[arg-type]
            options or RelayOptions(),
            self,
            Ids(self._entropy),
            self.now,
            UNIX + self.now,
        )
        self.settle()

    def _entropy(self, count: int) -> bytes:
        return in_base_62(next(self._counter), count)

    # --- ports ---

    def send(self, message: bytes) -> None:
        event = json.loads(message)
        assert event["event_id"]
        if not event["type"].startswith("antiphon."):
            check_server_event(event)
        self.events.append(event)

    def close_client(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def open_leg(self, state: LegState, route: Route) -> Leg:
        assert isinstance(route, FakeRoute)
        server = route.open()
        self._states.append((state, server))
        return server

    def serve_by(self, state: LegState | None) -> None:
        self.served_by = state

    def log(self, message: str) -> None:
        self.logged.append(message)

    # --- time and deliveries ---

    def settle(self) -> None:
        """Deliver what servers have to say until none has anything left."""
        self._states = [(state, server) for state, server in self._states if not (server.closed or server.ended)]
        moved = True
        while moved:
            moved = sum(self._deliver(state, server) for state, server in list(self._states)) > 0

    def _deliver(self, state: LegState, server: Server) -> bool:
        if server.closed or server.ended:
            return False
        if server.ending is not None:
            server.ended = True
            self.relay.leg_ended(state, server.ending, self.now)
            return True
        if server.core is None:
            return self._answer(server)
        if server.extra:
            self.relay.leg_received(state, server.extra.popleft(), self.now)
            return True
        if server.mute or server.told >= len(server.core.events):
            return False
        event = server.core.events[server.told]
        server.told += 1
        server.mute = event["type"] == server.last_word or server.told == server.most_words
        self.relay.leg_received(state, json.dumps(event, separators=(",", ":")).encode(), self.now)
        return True

    def _answer(self, server: Server) -> bool:
        plan = server.route.plan
        step = plan[0] if plan else ACCEPT
        if step == HANG:
            return False
        if plan:
            plan.popleft()
        if isinstance(step, LegEnd):
            server.ending = step
        else:
            server.accept(self.now)
        return True

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            cores = [server.core for _, server in self._states if server.core and not (server.closed or server.ended)]
            due = [self.relay.timers.next(), *(core.session.next_deadline() for core in cores)]
            self.now = min(end, *(max(self.now + 1e-6, at) for at in due if at is not None), end)
            for core in cores:
                core.wait(max(0.0, self.now - core.now))
            if not self.relay.is_closed:
                self._wake()
            self.settle()

    def _wake(self) -> None:
        due = self.relay.timers.next()
        self.wakes += due is not None and due <= self.now
        self.relay.handle_deadline(self.now)
        due = self.relay.timers.next()
        assert due is None or due > self.now, "a deadline is due that was just handled"

    # --- the client's hand ---

    def client(self, kind: str, **fields: Any) -> None:
        self.client_raw(json.dumps({"type": kind, **fields}, separators=(",", ":")).encode())

    def client_raw(self, message: bytes) -> None:
        self.relay.receive(message, self.now)
        self.settle()

    # --- the server's hand ---

    @property
    def server(self) -> Server:
        """The leg that serves the client."""
        return next(server for state, server in self._states if state is self.served_by)

    @property
    def core(self) -> CoreClient:
        core = self.server.core
        assert core is not None
        return core

    def generate(self, *texts: str, done: bool = True) -> None:
        self.core.generate(*texts, done=done)
        self.settle()

    def speak(self, ms: int = 1000, done: bool = True) -> None:
        self.core.speak(ms, done=done)
        self.settle()

    def transcribe(self, text: str) -> None:
        self.core.transcribe(text)
        self.settle()

    def drop(self, end: LegEnd = LOST) -> None:
        """The connection that serves the client breaks."""
        self.server.end(end)
        self.settle()

    # --- what the client saw ---

    def forget(self) -> None:
        self.events.clear()
