"""The measurements: a server on a core of its own, clients on the others."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.relay.bench import most_sessions, sleep_until
from benchmarks.relay.messages import now
from benchmarks.relay.processes import cpu_seconds, memory
from benchmarks.relay.tools import Tool, tool
from benchmarks.webrtc.arrivals import Load, gathered
from benchmarks.webrtc.server import SILENT, SPEAKING

CONNECT_AT_ONCE = 6
START_NS = 100_000_000  # until all tools know the window
CALM_SECONDS = 1.0
GROWTH, PRECISION = 1.5, 0.05
MOST_CALLS = 400
ATTEMPTS = 3  # other programs, or calls that just began, may have disturbed the first


@dataclass(frozen=True)
class Pace:
    """How much is measured: seconds of a load, seconds before it, calls begun, interruptions, idle calls."""

    measured: float
    warm_up: float
    begun: int
    interrupted: int
    idle: int


@dataclass(frozen=True)
class Server:
    """One that is measured."""

    port: int
    pid: int
    heard: Callable[[], float]  # seconds of audio, so far

    def url(self, model: str = SPEAKING) -> str:
        return f"http://127.0.0.1:{self.port}/v1/realtime/calls?model={model}"


class Clients:
    """The load generator's processes."""

    def __init__(self, loads: list[Tool], pace: Pace) -> None:
        self._loads = loads
        self._open = [0] * len(loads)
        self.pace = pace

    @property
    def first(self) -> Tool:
        """Who looks at single calls."""
        return self._loads[0]

    @property
    def calls(self) -> int:
        return sum(self._open)

    def set_calls(self, url: str, calls: int, says: str = "chatter") -> tuple[str, ...]:
        """Open calls or close some, until there are so many; return why some could not be opened."""
        count = len(self._loads)
        wanted = [calls // count + (number < calls % count) for number in range(count)]
        asked = [
            self._ask(load, url, more, says) for load, more in zip(self._loads, self._missing(wanted), strict=True)
        ]
        refusals = tuple(
            refusal
            for load, is_asked in zip(self._loads, asked, strict=True)
            if is_asked
            for refusal in load.answer().get("refusals", ())
        )
        self._open = wanted
        return refusals

    def _missing(self, wanted: list[int]) -> list[int]:
        return [goal - there for goal, there in zip(wanted, self._open, strict=True)]

    @staticmethod
    def _ask(load: Tool, url: str, more: int, says: str) -> bool:
        if more > 0:
            load.ask("open", url=url, calls=more, at_once=CONNECT_AT_ONCE, says=says)
        elif more < 0:
            load.ask("close", calls=-more)
        return more != 0

    def load(self, server: Server, seconds: float) -> Load:
        """Measure what goes on for so long."""
        begin = now() + START_NS
        end = begin + int(seconds * 1e9)
        for load in self._loads:
            load.ask("window", begin=begin, end=end)
        sleep_until(begin)
        cpu, heard = cpu_seconds(server.pid), server.heard()
        sleep_until(end)
        cpu, heard = cpu_seconds(server.pid) - cpu, server.heard() - heard
        told = [load.answer() for load in self._loads]
        ended = sum(each["ended"] for each in told)
        return Load(
            self.calls,
            seconds,
            gathered([each["received"] for each in told]),
            gathered([each["sent"] for each in told]),
            heard,
            cpu,
            (f"{ended} calls ended by themselves",) if ended else (),
        )

    def loaded(self, server: Server, calls: int) -> Load:
        """Have so many calls speak and be spoken to, and measure."""
        refusals = self.set_calls(server.url(), calls)
        if refusals:
            return Load(calls, refusals=refusals)
        time.sleep(self.pace.warm_up)
        return self.load(server, self.pace.measured)

    def most(self, server: Server, first: int, told: Callable[[Load], None]) -> list[Load]:
        """Find the largest number of calls that the server bears; return what was measured, the one found first."""
        measured: dict[int, Load] = {}

        def passes(calls: int) -> bool:
            for _ in range(ATTEMPTS):
                load = measured[calls] = self.loaded(server, calls)
                told(load)
                if load.passes and load.tools_kept_up:
                    return True
                if load.is_hopeless:
                    break
            return False

        found = most_sessions(passes, first, MOST_CALLS, GROWTH, PRECISION)
        self.set_calls(server.url(), 0)
        time.sleep(CALM_SECONDS)
        best = [measured.pop(found)] if found else []
        return best + [measured[calls] for calls in sorted(measured)]

    def idle_kib(self, server: Server, calls: int) -> float:
        """Return the KiB of memory of each of so many connected calls in which nobody speaks."""
        url = server.url(SILENT)
        self.set_calls(url, max(len(self._loads), calls // 10), "nothing")  # so that what is made once is there
        time.sleep(CALM_SECONDS)
        before, there = memory(server.pid), self.calls
        refusals = self.set_calls(url, there + calls, "nothing")
        time.sleep(2 * CALM_SECONDS)
        taken = memory(server.pid) - before
        self.set_calls(url, 0)
        time.sleep(CALM_SECONDS)
        return float("nan") if refusals else taken / calls / 1024


@contextlib.contextmanager
def clients(cores: list[int], pace: Pace) -> Iterator[Clients]:
    with contextlib.ExitStack() as stack:
        yield Clients([stack.enter_context(tool("benchmarks.webrtc.load", core)) for core in cores], pace)


@contextlib.contextmanager
def served_by(module: str, core: int) -> Iterator[tuple[Server, Tool]]:
    """Run a server of ours, `server` or `plain`, on that core."""
    with tool(f"benchmarks.webrtc.{module}", core) as running:
        about = running.do("about")
        yield Server(about["port"], about["pid"], lambda: float(running.do("heard")["seconds"])), running


@dataclass(frozen=True)
class Result:
    """What was found out about one server; lists are milliseconds."""

    name: str
    loads: tuple[Load, ...] = ()
    answered: tuple[float, ...] = ()
    first_audio: tuple[float, ...] = ()
    round_trips: tuple[float, ...] = ()
    idle_kib: float | None = None
    interrupted: tuple[float, ...] = ()
    interrupted_busy: tuple[float, ...] = ()
    cleared: tuple[float, ...] = ()

    @property
    def most(self) -> Load | None:
        """The largest load that passed."""
        return max(
            (load for load in self.loads if load.passes and load.tools_kept_up),
            key=lambda load: load.calls,
            default=None,
        )


def one_call(using: Clients, server: Server, result: Result) -> Result:
    """Measure how calls begin and what events take."""
    began: dict[str, Any] = using.first.do("first_audio", url=server.url(), times=using.pace.begun)
    trips = using.first.do("round_trips", url=server.url(SILENT), times=5 * using.pace.begun)["round_trips"]
    return replace(
        result, answered=tuple(began["answered"]), first_audio=tuple(began["heard"]), round_trips=tuple(trips)
    )


def interruptions(using: Clients, server: Server, result: Result, beside: int) -> Result:
    """Measure how soon it is silent, in an idle server and beside other calls."""

    def silence(by: str) -> tuple[float, ...]:
        found = using.first.do("interruptions", url=server.url(), times=using.pace.interrupted, by=by)
        return tuple(found["milliseconds"])

    result = replace(result, interrupted=silence("speech"), cleared=silence("clear"))
    using.set_calls(server.url(), beside)
    time.sleep(using.pace.warm_up)
    result = replace(result, interrupted_busy=silence("speech"))
    using.set_calls(server.url(), 0)
    return result
