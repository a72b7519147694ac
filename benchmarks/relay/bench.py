"""The measurements: one gateway at a time, with the same upstream and the same clients."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.relay.gateways import Gateway, realtime_url
from benchmarks.relay.histogram import Histogram
from benchmarks.relay.messages import APPENDS_PER_SECOND, now
from benchmarks.relay.processes import cpu_seconds, memory
from benchmarks.relay.tools import Tool, tool

THROUGH = "through"  # sessions that take the gateway
WITNESS = "witness"  # sessions that go straight to the upstream, beside the others
WITNESS_SHARE = 0.05
LEAST_WITNESSES = 4  # of each load process
CONNECT_AT_ONCE = 20
LIMIT_MS = 10.0  # at the 99th percentile of what a gateway adds
START_NS = 200_000_000  # until all tools know the window
LEAST_SENT = 0.97  # of the appends that the clients should send; with less it is the clients that were measured
CALM_SECONDS = 1.0


@dataclass(frozen=True)
class Cores:
    """Who runs where."""

    gateway: int
    upstream: int
    load: tuple[int, ...]

    @classmethod
    def of(cls, available: list[int]) -> "Cores":
        """Divide the machine's cores: the gateway's is never shared, the others are when there are few."""
        gateway, upstream, *rest = available if len(available) > 1 else available * 2
        return cls(gateway, upstream, tuple(rest) or (upstream,))


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds."""

    warm_up: float
    measured: float
    connects: float


@dataclass(frozen=True)
class Step:
    """What became of a number of sessions.

    Args:
        events: Forwarded in the window, both directions.
        cpu: Seconds of the gateway's processor in the window.
        lost: Events sent in the window that did not arrive, or not in order.
        refusals: Why sessions could not be opened.
    """

    sessions: int
    events: int = 0
    cpu: float = 0.0
    seconds: float = 0.0
    lost: int = 0
    dropped: int = 0
    latencies: Histogram | None = None
    witness: Histogram | None = None
    kept_pace: bool = True
    refusals: tuple[str, ...] = ()

    @property
    def cpu_ms(self) -> float:
        """Of the gateway for 1,000 events."""
        return self.cpu / self.events * 1e6 if self.events else float("nan")

    @property
    def core_share(self) -> float:
        return self.cpu / self.seconds if self.seconds else 0.0

    def latency(self, share: float) -> float:
        """Milliseconds from one end to the other."""
        return self.latencies.percentile(share) if self.latencies else float("nan")

    def added(self, share: float) -> float:
        """Milliseconds that the gateway adds to what the sessions beside it have without one."""
        return self.latency(share) - self.witness.percentile(share) if self.witness else float("nan")

    @property
    def tools_kept_up(self) -> bool:
        return self.kept_pace and not (self.witness and self.witness.percentile(0.99) > LIMIT_MS)

    @property
    def passes(self) -> bool:
        clean = not self.refusals and not self.dropped and not self.lost
        return clean and self.events > 0 and self.added(0.99) < LIMIT_MS

    def __str__(self) -> str:
        if self.refusals:
            return f"{self.sessions:5} sessions: could not be opened: {self.refusals[0]}"
        text = f"{self.sessions:5} sessions: {self.cpu_ms:6.1f} CPU ms per 1,000 events, core {self.core_share:4.0%}, "
        text += f"added p50 {self.added(0.5):.2f} p99 {self.added(0.99):.2f} ms"
        faults = ((self.lost, f"{self.lost} events lost"), (self.dropped, f"{self.dropped} sessions dropped"))
        text += "".join(f", {fault}" for count, fault in faults if count)
        return text + ("" if self.tools_kept_up else ", the load generator did not keep up")


class Bench:
    """Upstream and clients, in processes of their own."""

    def __init__(self, cores: Cores, pace: Pace, upstream: Tool, loads: list[Tool]) -> None:
        self.cores = cores
        self.pace = pace
        self._upstream = upstream
        self._loads = loads
        self.upstream_port: int = upstream.do("port")["port"]

    # --- the load ---------------------------------------------------------------------------------------------

    def step(self, gateway: Gateway, sessions: int, at_begin: Callable[[], None] = lambda: None) -> Step:
        """Put the load of so many sessions through, and measure.

        Args:
            at_begin: Called when the measured window begins; must return at once.
        """
        refusals = self.open(gateway, sessions)
        try:
            return Step(sessions, refusals=refusals) if refusals else self._run(gateway, sessions, at_begin)
        finally:
            self.close()
            time.sleep(CALM_SECONDS)

    def _run(self, gateway: Gateway, sessions: int, at_begin: Callable[[], None]) -> Step:
        begin = now() + START_NS + int(self.pace.warm_up * 1e9)
        end = begin + int(self.pace.measured * 1e9)
        self._upstream.do("window", begin=begin, end=end)
        for load in self._loads:
            load.ask("run", begin=begin, end=end)
        sleep_until(begin)
        at_begin()
        cpu = cpu_until(gateway, end)
        reports = [load.answer() for load in self._loads]
        said = self._upstream.do("report")
        clients = [report["groups"] for report in reports]
        told = [*clients, said]
        through = gather(told, THROUGH)
        dropped = sum(report["dropped"] for report in reports)
        expected = sessions * APPENDS_PER_SECOND * self.pace.measured
        return Step(
            sessions,
            through.received,
            cpu,
            self.pace.measured,
            through.sent - through.received + through.disorder,
            dropped,
            through.latencies,
            gather(told, WITNESS).latencies,
            dropped > 0 or gather(clients, THROUGH).sent > LEAST_SENT * expected,
        )

    def open(self, gateway: Gateway, sessions: int, witnesses: bool = True) -> tuple[str, ...]:
        """Open sessions through the gateway, and some beside it; return why it did not go well."""
        refusals = self._open(gateway, sessions, THROUGH)
        if witnesses and not refusals:
            beside = max(LEAST_WITNESSES * len(self._loads), round(WITNESS_SHARE * sessions))
            refusals = self._open(Gateway(realtime_url(self.upstream_port)), beside, WITNESS)
        return refusals

    def _open(self, gateway: Gateway, sessions: int, group: str) -> tuple[str, ...]:
        count = len(self._loads)
        at_once = max(1, CONNECT_AT_ONCE // count)
        where = {"url": gateway.url, "headers": gateway.headers, "at_once": at_once, "group": group}
        for number, load in enumerate(self._loads):
            load.ask("open", sessions=sessions // count + (number < sessions % count), **where)
        return tuple(refusal for load in self._loads for refusal in load.answer()["refusals"])

    def close(self) -> None:
        for load in self._loads:
            load.ask("close")
        for load in self._loads:
            load.answer()

    # --- what idle sessions take, and how fast they begin -----------------------------------------------------

    def idle_kib(self, gateway: Gateway, sessions: int) -> float:
        """Return the KiB of memory that each of so many idle sessions takes."""
        assert gateway.pid is not None
        if self.open(gateway, sessions // 10, witnesses=False):  # so that what is made once is there already
            return float("nan")
        self.close()
        time.sleep(CALM_SECONDS)
        before = memory(gateway.pid)
        refusals = self.open(gateway, sessions, witnesses=False)
        time.sleep(CALM_SECONDS)
        taken = memory(gateway.pid) - before
        self.close()
        return float("nan") if refusals else taken / sessions / 1024

    def connects(self, gateway: Gateway) -> tuple[float, float]:
        """Return how many sessions begin in a second, and the gateway's CPU milliseconds for one."""
        before = cpu_seconds(gateway.pid) if gateway.pid else 0.0
        at_once = max(1, CONNECT_AT_ONCE // len(self._loads))
        for load in self._loads:
            load.ask("connects", url=gateway.url, headers=gateway.headers, at_once=at_once, seconds=self.pace.connects)
        connected = sum(load.answer()["connected"] for load in self._loads)
        cpu = (cpu_seconds(gateway.pid) if gateway.pid else 0.0) - before
        return connected / self.pace.connects, cpu / connected * 1000 if connected else float("nan")


@dataclass(frozen=True)
class Gathered:
    """What all tools together counted for one group."""

    sent: int
    received: int
    disorder: int
    latencies: Histogram


def gather(told: list[dict[str, Any]], group: str) -> Gathered:
    tallies = [report[group] for report in told if group in report]
    sent, received, disorder = (sum(tally[key] for tally in tallies) for key in ("sent", "received", "disorder"))
    return Gathered(sent, received, disorder, Histogram.unpacked(tally["latencies"] for tally in tallies))


def cpu_until(gateway: Gateway, end: int) -> float:
    """Sleep until `end`; return the CPU seconds of the gateway from now on."""
    before = cpu_seconds(gateway.pid) if gateway.pid else 0.0
    sleep_until(end)
    return (cpu_seconds(gateway.pid) if gateway.pid else 0.0) - before


def sleep_until(moment: int) -> None:
    time.sleep(max(0.0, (moment - now()) / 1e9))


@contextlib.contextmanager
def bench(cores: Cores, pace: Pace) -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(tool("benchmarks.relay.upstream", cores.upstream))
        loads = [stack.enter_context(tool("benchmarks.relay.load", core)) for core in cores.load]
        yield Bench(cores, pace, upstream, loads)


def most_sessions(passes: Callable[[int], bool], first: int, most: int, growth: float, precision: float) -> int:
    """Return the largest number of sessions that passes: by steps of `growth`, then by halving; 0 when none does.

    Args:
        precision: Share of the result by which it may be too small.
    """
    low, high = 0, first
    while high <= most and passes(high):
        low, high = high, int(high * growth)
    high = min(high, most + 1)
    while high - low > max(1, precision * low):
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low
