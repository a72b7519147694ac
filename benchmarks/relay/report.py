"""The table: each gateway a column."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.relay.bench import LIMIT_MS, Step

FIRST = 46
COLUMN = 12
NOTHING = "-"
OURS = ("Antiphon", "resumable")
NGINX_TIMES = 3.0
LITELLM_SHARE = 6.0
TARGET_SESSIONS = 300
TARGET_KIB = 100_000 / 1024


@dataclass
class Result:
    """What was found out about one gateway.

    Args:
        steps: By number of sessions, those that the table shows.
        most: The largest step that passed.
        most_is_ours: Whether the load generator gave out before the gateway did.
        connect_cpu_ms: Of the gateway, for one connect.
    """

    name: str
    steps: dict[int, Step] = field(default_factory=dict)
    most: Step | None = None
    most_is_ours: bool = False
    idle_kib: float | None = None
    connects: float | None = None
    connect_cpu_ms: float | None = None


Cell = Callable[[Result], str]


def number(value: float | None, form: str) -> str:
    return NOTHING if value is None or math.isnan(value) else format(value, form)


def table(results: list[Result], loads: list[int], idle_sessions: int, at_once: int) -> str:
    rows: list[tuple[str, Cell]] = [("", lambda result: result.name)]
    for sessions in loads:
        rows += load_rows(sessions)
    rows += [
        (f"sessions on one core, p99 added < {LIMIT_MS:.0f} ms", most_sessions),
        ("  CPU ms for 1,000 events with that many", lambda result: cpu(result, result.most)),
        (f"KiB for one of {idle_sessions} idle sessions", lambda result: number(result.idle_kib, ",.0f")),
        (f"connects/s, {at_once} at once", lambda result: number(result.connects, ",.0f")),
        ("  CPU ms for one", lambda result: number(result.connect_cpu_ms or None, ".2f")),
    ]
    return "\n".join(
        f"{title:{FIRST}}" + "".join(f"{cell(result):>{COLUMN}}" for result in results) for title, cell in rows
    )


def load_rows(sessions: int) -> list[tuple[str, Cell]]:
    def step(result: Result) -> Step | None:
        found = result.steps.get(sessions)
        return found if found and found.events and not found.lost and not found.dropped else None

    def latency(share: float) -> Cell:
        return lambda result: added(result, step(result), share)

    return [
        (f"{sessions} sessions: CPU ms for 1,000 events", lambda result: cpu(result, step(result))),
        ("  added latency, ms: p50", latency(0.5)),
        ("  added latency, ms: p99", latency(0.99)),
    ]


def cpu(result: Result, step: Step | None) -> str:
    return number(step.cpu_ms if step and result.name != "direct" else None, ".1f")


def added(result: Result, step: Step | None, share: float) -> str:
    """Of the direct connection the latency itself, in brackets."""
    if step is None:
        return NOTHING
    return f"({step.latency(share):.2f})" if result.name == "direct" else f"{step.added(share):.2f}"


def most_sessions(result: Result) -> str:
    if result.most is None:
        return NOTHING
    return f"{'≥ ' if result.most_is_ours else ''}{result.most.sessions:,}"


def targets(results: list[Result], loads: list[int]) -> str:
    """Say how Antiphon stands to its targets, one a line."""
    named = {result.name: result for result in results}
    return "\n".join(line for name in OURS if name in named for line in _stand(named[name], named, loads))


def _stand(ours: Result, named: dict[str, Result], loads: list[int]) -> list[str]:
    lines = [_beside(ours, named[name], load) for load in loads for name in ("nginx", "LiteLLM") if name in named]
    if ours.most:
        lines.append(f"{most_sessions(ours)} sessions on one core (target: {TARGET_SESSIONS})")
    if ours.idle_kib is not None:
        lines.append(f"{ours.idle_kib:.0f} KiB an idle session (target: at most {TARGET_KIB:.0f})")
    return [f"{ours.name}: {line}" for line in lines if line]


def _beside(ours: Result, other: Result, load: int) -> str:
    mine, theirs = ours.steps.get(load), other.steps.get(load)
    if not (mine and theirs and mine.events and theirs.passes):  # one that lags is cheap for a while
        return ""
    ratio = mine.cpu_ms / theirs.cpu_ms
    if other.name == "nginx":
        return f"{load} sessions: {ratio:.1f} times nginx's CPU (target: at most {NGINX_TIMES:.0f})"
    return f"{load} sessions: 1/{1 / ratio:.1f} of LiteLLM's CPU (target: at most 1/{LITELLM_SHARE:.0f})"
