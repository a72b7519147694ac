"""The relay beside other gateways, in one run: CPU, added latency, sessions on one core, memory, connects.

    python -m benchmarks.relay [--quick] [--only nginx,Antiphon] [--profile]

Each session sends 50 appends of 20 ms and hears 15 deltas a second. A gateway has a core of its own; upstream and
clients have the others. Besides the sessions through the gateway, some go straight to the upstream, and what a gateway
adds is the difference between the two. nginx comes from `apt-get install nginx-light`, LiteLLM from the environment
that `tests/clients` makes.
"""

import argparse
import os
import signal
import sys

from benchmarks.connections import raise_file_limit
from benchmarks.machine import machine
from benchmarks.relay.bench import CONNECT_AT_ONCE, Bench, Cores, Pace, Step, bench, most_sessions
from benchmarks.relay.gateways import GATEWAYS, Gateway, GatewayMissingError
from benchmarks.relay.profile import profile
from benchmarks.relay.report import Result, table, targets

FULL = Pace(warm_up=4.0, measured=8.0, connects=5.0)
QUICK = Pace(warm_up=2.5, measured=3.0, connects=2.0)
PROFILED_SESSIONS = 200
MOST_SESSIONS = 2000
FEWEST_CORES = 4


def progress(name: str, what: object) -> None:
    print(f"{name}: {what}", file=sys.stderr, flush=True)


class Run:
    """One run over all gateways."""

    def __init__(self, using: Bench, arguments: argparse.Namespace) -> None:
        self._bench = using
        self._arguments = arguments
        self.idle_sessions = 100 if arguments.quick else 500
        self.loads = [50] if arguments.quick else [50, 150, 300]

    def measure(self, name: str) -> Result | None:
        result = Result(name)
        try:
            with GATEWAYS[name](self._bench.upstream_port, self._bench.cores.gateway) as gateway:
                self._measure(gateway, result)
        except GatewayMissingError as error:
            progress(name, error)
            return None
        return result

    def _measure(self, gateway: Gateway, result: Result) -> None:
        if gateway.pid is not None:  # first, while no memory lies ready from earlier sessions
            result.idle_kib = self._bench.idle_kib(gateway, self.idle_sessions)
            progress(result.name, f"{result.idle_kib:.0f} KiB an idle session")
        result.connects, result.connect_cpu_ms = self._bench.connects(gateway)
        progress(result.name, f"{result.connects:.0f} connects/s")
        self._find_most(gateway, result)
        for sessions in self.loads:
            result.steps[sessions] = self._step(gateway, result.name, sessions)

    def _find_most(self, gateway: Gateway, result: Result) -> None:
        def passes(sessions: int) -> bool:
            for _ in range(2):  # other programs may have disturbed the first
                step = self._step(gateway, result.name, sessions)
                if step.passes and step.tools_kept_up:
                    result.most = step
                    return True
            result.most_is_ours = not step.tools_kept_up
            return False

        growth, precision = (2.0, 0.25) if self._arguments.quick else (1.5, 0.05)
        most_sessions(passes, 50, MOST_SESSIONS, growth, precision)

    def _step(self, gateway: Gateway, name: str, sessions: int) -> Step:
        step = self._bench.step(gateway, sessions)
        progress(name, step)
        return step


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a few minutes, for development: rough figures")
    parser.add_argument("--only", default=",".join(GATEWAYS), metavar="NAMES", help="gateways (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="instead, show where Antiphon's time goes")
    parser.add_argument("--sessions", type=int, default=PROFILED_SESSIONS, help="for --profile (default: %(default)s)")
    arguments = parser.parse_args()
    known = {name.lower(): name for name in GATEWAYS}
    try:
        arguments.only = [known[name.lower()] for name in arguments.only.split(",")]
    except KeyError as error:
        parser.error(f"no gateway {error}; there are: {', '.join(GATEWAYS)}")
    return arguments


def main() -> None:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the gateway is stopped too
    raise_file_limit()
    cores = sorted(os.sched_getaffinity(0))
    print(machine(), flush=True)
    if len(cores) < FEWEST_CORES:
        print(f"only {len(cores)} cores: the load generator gives out early", flush=True)
    with bench(Cores.of(cores), QUICK if arguments.quick else FULL) as using:
        if arguments.profile:
            profile(using, arguments.sessions)
            return
        run = Run(using, arguments)
        results = [result for name in arguments.only if (result := run.measure(name))]
    print("\n" + table(results, run.loads, run.idle_sessions, CONNECT_AT_ONCE))
    print("\n" + targets(results, run.loads), flush=True)


if __name__ == "__main__":
    main()
