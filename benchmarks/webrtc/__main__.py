"""WebRTC calls beside a plain aiortc server, in one run: calls on one core, delays, memory, interruptions.

    python -m benchmarks.webrtc [--quick] [--only antiphon,plain,parts,local] [--profile CALLS]

Prints RESULTS.md, and says on the standard error how it goes. A whole run takes about five minutes.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import replace

from benchmarks.connections import raise_file_limit
from benchmarks.machine import machine
from benchmarks.relay.processes import cpu_seconds
from benchmarks.serving import server as served
from benchmarks.webrtc.arrivals import Load
from benchmarks.webrtc.bench import Clients, Pace, Result, Server, clients, interruptions, one_call, served_by
from benchmarks.webrtc.parts import parts
from benchmarks.webrtc.report import OURS, PLAIN, Findings, page

FULL = Pace(measured=5.0, warm_up=1.5, begun=20, interrupted=20, idle=100)
QUICK = Pace(measured=2.0, warm_up=1.0, begun=5, interrupted=4, idle=20)
PARTS = ("antiphon", "plain", "parts", "local")
BESIDE = 30
ASKING, ASKING_SECONDS = 4, 30.0
FIRST_ENGINE, FIRST_PLAIN = 30, 6
FEWEST_CORES = 3


def progress(name: str, what: object) -> None:
    print(f"{name}: {what}", file=sys.stderr, flush=True)


def measure_ours(using: Clients, core: int) -> Result:
    result = Result(OURS)
    with served_by("server", core) as (server, _):
        # First, while no memory lies ready from earlier calls.
        result = replace(result, idle_kib=using.idle_kib(server, using.pace.idle))
        progress(result.name, f"{result.idle_kib:.0f} KiB a call")
        result = one_call(using, server, result)
        result = interruptions(using, server, result, BESIDE)
        loads = using.most(server, FIRST_ENGINE, lambda load: progress(result.name, load))
    return replace(result, loads=tuple(loads))


def measure_plain(using: Clients, core: int) -> Result:
    result = Result(PLAIN)
    with served_by("plain", core) as (server, _):
        result = one_call(using, server, result)
        loads = using.most(server, FIRST_PLAIN, lambda load: progress(result.name, load))
    return replace(result, loads=tuple(loads))


def measure_local(using: Clients, core: int) -> Load:
    """Have callers ask the embedded engine, which recognises, answers and speaks on the same core."""
    os.environ["ANTIPHON_WEBRTC_ADDRESS"] = "127.0.0.1"
    with served(cores={core}) as running:
        server = Server(running.port, running.pid, lambda: 0.0)
        refusals = using.set_calls(server.url(), ASKING, "questions")
        time.sleep(ASKING_SECONDS / 3)  # the first turns load recognisers
        load = using.load(server, 2 * ASKING_SECONDS / 3)
        using.set_calls(server.url(), 0)
    progress("embedded engine", load)
    return replace(load, refusals=refusals + load.refusals)


def profile(using: Clients, core: int, calls: int) -> None:
    """Print which functions of the server take the time, as cProfile sees them: small ones look larger."""
    with served_by("server", core) as (server, tool):
        progress(OURS, using.loaded(server, calls))
        tool.do("trace")
        before, began = cpu_seconds(server.pid), time.monotonic()
        time.sleep(using.pace.measured)
        print(f"{calls} calls, {(cpu_seconds(server.pid) - before) / (time.monotonic() - began):.0%} of the core")
        print(tool.do("traced")["text"], flush=True)
        using.set_calls(server.url(), 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="rough figures, for development")
    parser.add_argument(
        "--only", default=",".join(PARTS), metavar="PARTS", help="what to measure (default: %(default)s)"
    )
    parser.add_argument("--profile", type=int, default=0, metavar="CALLS", help="instead, show where the time goes")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    if unknown := set(arguments.only) - set(PARTS):
        parser.error(f"nothing is called {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    return arguments


def main() -> None:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped too
    raise_file_limit()
    cores = sorted(os.sched_getaffinity(0))
    progress("machine", machine())
    if len(cores) < FEWEST_CORES:
        progress("machine", f"only {len(cores)} cores: the load generator gives out early")
    core, rest = cores[0], cores[1:] or cores
    pace, only = QUICK if arguments.quick else FULL, arguments.only
    with clients(rest, pace) as using:
        if arguments.profile:
            profile(using, core, arguments.profile)
            return
        results = [measure_ours(using, core)] if "antiphon" in only else []
        results += [measure_plain(using, core)] if "plain" in only else []
        split = parts() if "parts" in only else {}
        busy = measure_local(using, core) if "local" in only else None
    print(page(Findings(results, split, busy, pace.idle, BESIDE)), end="", flush=True)


if __name__ == "__main__":
    main()
