"""One call with all that belongs to it: client, gateway, and the servers behind that; and what goes wrong there."""

import asyncio
import base64
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from antiphon.config.settings import ServerSettings
from antiphon.engines.scripted import Fault, Side
from antiphon.engines.scripted.loading import read_fault
from antiphon.engines.scripted.tables import Table
from antiphon.engines.upstream import UpstreamConfig, UpstreamRoute
from antiphon.engines.upstream.leg import UpstreamLeg
from antiphon.gateway.engine import Backend
from antiphon.gateway.local_route import LocalRoute
from antiphon.gateway.server import Server
from antiphon.path.legs import Cause, LegListener, LegStart, Route
from antiphon.path.options import CutResponse, RelayOptions
from antiphon.path.relayed import RelayEngine
from antiphon.protocol.config import SessionConfig
from antiphon.testing import Connection, Emulator
from tests.resilience.caller import Caller
from tests.resilience.model import World, frames_in
from tests.running import ROOT

MODEL = "gpt-realtime"
SILENCE_SECONDS = 0.4  # relay.silence_seconds of these calls
PING_SECONDS = 0.2
CONNECT_SECONDS = 0.6


class WatchedRoute(UpstreamRoute):
    """An upstream whose failures can be waited for."""

    def __init__(self, config: UpstreamConfig) -> None:
        super().__init__(config)
        self.refusals = asyncio.Semaphore(0)
        self.opened = asyncio.Event()

    def open(self, start: LegStart, listener: LegListener) -> UpstreamLeg:
        self.opened.set()
        return super().open(start, listener)

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:
        super().failed(cause, now, had_session=had_session)
        if cause is Cause.UNREACHABLE:
            self.refusals.release()


@dataclass(frozen=True)
class House:
    """What stands behind a gateway.

    Args:
        upstreams: How many.
        local: Whether the embedded engine comes last.
        local_continues: Whether its model goes on in the middle of an answer.
        cut_response: `relay.cut_response`.
        process: Whether the upstream is a process of its own.
        session_seconds: How long an upstream's session may last.
        silence_seconds: `relay.silence_seconds`.
        give_up_seconds: `relay.give_up_seconds`.
        return_seconds: `relay.return_seconds`.
    """

    upstreams: int = 1
    local: bool = False
    local_continues: bool = False
    cut_response: CutResponse = "continue"
    process: bool = False
    session_seconds: float = 3600.0
    silence_seconds: float = SILENCE_SECONDS
    give_up_seconds: float = 20.0
    return_seconds: float = 60.0


class Scene:
    """One call.

    Args:
        house: What stands behind the gateway.
        hold: Where the model waits for `strike`, as in `World`.
        process: The upstream, where it is a process of its own.
    """

    def __init__(self, house: House, hold: str, process: "UpstreamProcess | None" = None) -> None:
        self.world = World(hold, house.session_seconds)
        self.house = house
        self.struck_at = 0.0
        self.struck = False
        self.was_switched = False  # somebody else serves already: the gap is the time until its first event
        self._later: list[asyncio.Task[None]] = []
        self._process = process
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Start everything but the client."""
        self.emulators = [await self.start_emulator() for _ in range(self.house.upstreams)]
        ports = [emulator.port for emulator in self.emulators]
        if self._process is not None:
            self._stack.push_async_callback(self._process.kill)
            ports = [await self._process.port()]
        self.routes = [WatchedRoute(_config(number, port)) for number, port in enumerate(ports, 1)]
        await self._start_gateway(RelayEngine([*self.routes, *self._fallback()], self._options()))

    async def _start_gateway(self, engine: RelayEngine) -> None:
        backend = Backend(engine, upstream_decides=True)
        self.gateway = Server(ServerSettings(port=0, drain_seconds=0.0), backend)
        await self.gateway.start()
        self._stack.push_async_callback(self.gateway.stop)
        self.caller = Caller(f"ws://127.0.0.1:{self.gateway.port}/v1/realtime?model={MODEL}&antiphon_events=true")
        self._stack.push_async_callback(self.caller.close)

    async def stop(self) -> None:
        """Stop whatever was started."""
        self.world.release()
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self._stack.aclose()

    async def start_emulator(self, port: int = 0) -> Emulator:
        emulator = Emulator(backend=Backend(self.world.engine()), port=port)
        await emulator.start()
        self._stack.push_async_callback(emulator.stop)
        return emulator

    def _fallback(self) -> list[Route]:
        if not self.house.local:
            return []
        return [LocalRoute(self.world.engine(), SessionConfig(), continues=self.house.local_continues)]

    def _options(self) -> RelayOptions:
        return RelayOptions(
            cut_response=self.house.cut_response,
            silence_seconds=self.house.silence_seconds,
            give_up_seconds=self.house.give_up_seconds,
            return_seconds=self.house.return_seconds,
            backoff_seconds=0.01,
        )

    # --- what goes wrong --------------------------------------------------------------------------------------

    @property
    def first(self) -> Emulator:
        return self.emulators[0]

    def strikes(self) -> None:
        """It goes wrong now; what the model held back goes on."""
        self.struck_at = time.monotonic()
        self.struck = True
        self.world.release()

    def act(self, do: str, **options: Any) -> None:
        """Do something to the running connection of the first upstream."""
        for session in tuple(self.first._engine.sessions):
            session.act(fault(at="server", do=do, **options), Side.SERVER, b"")

    def say(self, message: bytes) -> None:
        """Let the first upstream's session say something, past no fault."""
        for session in tuple(self.first._engine.sessions):
            session.pass_on(Side.SERVER, message)

    def later(self, deed: Callable[["Scene"], Coroutine[Any, Any, None]]) -> None:
        """Do something beside all else that happens."""
        self._later.append(asyncio.create_task(deed(self)))

    async def restart_first(self) -> None:
        """Start another emulator where the first one was."""
        port = self.first.port if self._process is None else await self._process.port()
        await self.first.stop()
        self.emulators[0] = await self.start_emulator(port)

    async def kill_process(self) -> None:
        assert self._process is not None
        await self._process.kill()

    # --- what can be seen -------------------------------------------------------------------------------------

    @property
    def serving(self) -> Connection:
        """The upstream connection that the call is with."""
        name = self.caller.last("antiphon.route.changed")["route"]
        emulator = self.emulators[int(name.rpartition("-")[2]) - 1]
        return [connection for connection in emulator.connections if connection.has_session][-1]

    @property
    def frames(self) -> list[int]:
        """The frames of the long question that the serving connection was sent."""
        appends = [event for event in self.serving.client_events if event.type == "input_audio_buffer.append"]
        return frames_in(b"".join(base64.b64decode(event["audio"]) for event in appends))

    @property
    def rollovers(self) -> list[float]:
        """When sessions were replaced before their end."""
        return [
            at
            for event, at in zip(self.caller.events, self.caller.times, strict=True)
            if event["type"] == "antiphon.route.changed" and event["reason"] == "rollover"
        ]

    def gap_ms(self) -> float | None:
        """From the fault to the first service behind it; None if nobody else came to serve."""
        times = [
            at
            for event, at in zip(self.caller.events, self.caller.times, strict=True)
            if at > self.struck_at and self._shows_service(event["type"])
        ]
        return 1000 * (times[0] - self.struck_at) if times else None

    def _shows_service(self, kind: str) -> bool:
        if self.was_switched:
            return not kind.startswith("antiphon.")
        return kind in ("antiphon.route.changed", "antiphon.session.resumed", "session.created")


class UpstreamProcess:
    """An upstream in a process of its own."""

    def __init__(self, hold: str, speaks: bool) -> None:
        command = [sys.executable, "-m", "tests.resilience.upstream", hold, "yes" if speaks else "no"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        self._port = 0

    async def port(self) -> int:
        """Return where it listens, as soon as it does."""
        if not self._port:
            assert self._process.stdout is not None
            self._port = int(await asyncio.to_thread(self._process.stdout.readline))
        return self._port

    async def kill(self) -> None:
        """Kill it; safe to call twice."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        if self._process.stdout is not None:
            self._process.stdout.close()


def fault(**table: Any) -> Fault:
    return read_fault(Table(table, "fault"))


def _config(number: int, port: int) -> UpstreamConfig:
    return UpstreamConfig(
        name=f"upstream-{number}",
        base_url=f"http://127.0.0.1:{port}/v1",
        connect_seconds=CONNECT_SECONDS,
        ping_seconds=PING_SECONDS,
        proxy="",
    )
