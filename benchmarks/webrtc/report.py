"""The figures as a page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.machine import machine, percentile
from benchmarks.webrtc.arrivals import LIMIT_MS, Load
from benchmarks.webrtc.bench import Result

OURS, PLAIN = "Antiphon", "plain aiortc"
TARGET_CALLS, TARGET_TIMES, TARGET_KIB = 70, 4.0, 512
NOTHING = "-"
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
FIRST, COLUMN = 58, 15
Cell = Callable[[Result], str]


@dataclass(frozen=True)
class Findings:
    """What one run found out.

    Args:
        parts: Microseconds by part of the path.
        busy: What callers of the embedded engine met with.
        idle_calls: How many there were when memory was measured.
        beside: Calls beside the one that was interrupted.
    """

    results: Sequence[Result]
    parts: dict[str, float]
    busy: Load | None
    idle_calls: int
    beside: int


def page(found: Findings) -> str:
    """Return everything as Markdown."""
    results = found.results
    blocks = [_table(found), _targets(results), _parts(found.parts, results), _ramps(results), _busy(found.busy)]
    text = "\n\n".join(block for block in blocks if block)
    return f"{HEAD}\n```\n{machine()}\n\n{text}\n```\n"


HEAD = f"""# WebRTC calls beside a plain aiortc server: results

The block is what the command printed, on an otherwise idle machine. In every call the client sends 50 Opus packets of
speech a second (20 ms each, as browsers send it), and the server sends speech all the time, with no pauses. Antiphon is
a whole gateway with an engine that costs next to nothing: each packet is decoded and handed to the engine as an event,
and the engine's audio events are encoded. Plain aiortc is what `plain.py` shows: `RTCPeerConnection`, a track with the
same speech (PCM16 at 24000 Hz), and `recv()` of what comes, which goes nowhere. Each server has a core to itself, the
clients have the other ones.

A server bears a number of calls when 99 % of the packets come, the gap between two is at most {LIMIT_MS:.0f} ms at the
99th percentile, and the clients' audio is heard. CPU is that of the whole server.

"Silence on the wire" is where the last packet with speech ends, 20 ms after it came.

    python -m benchmarks.webrtc > benchmarks/webrtc/RESULTS.md
"""


def number(value: float | None, form: str) -> str:
    return NOTHING if value is None or math.isnan(value) else format(value, form)


def _table(found: Findings) -> str:
    rows: list[tuple[str, Cell]] = [
        ("", lambda result: result.name),
        ("calls on one core", lambda result: _of_most(result, lambda load: load.calls, ",")),
        ("  CPU ms for a call and second", lambda result: _of_most(result, lambda load: load.cpu_ms, ".1f")),
        ("  gap between packets, ms: p50", lambda result: _of_most(result, lambda load: load.gap(0.5), ".1f")),
        ("  gap between packets, ms: p99", lambda result: _of_most(result, lambda load: load.gap(0.99), ".1f")),
        *_spread("POST to answer, ms", lambda result: result.answered),
        *_spread("POST to first audio, ms", lambda result: result.first_audio),
        *_spread("event over the data channel and back, ms", lambda result: result.round_trips),
        (f"KiB for one of {found.idle_calls} connected calls", lambda result: number(result.idle_kib, ",.0f")),
        *_spread("speech_started to silence on the wire, ms", lambda result: result.interrupted),
        *_spread(f"  beside {found.beside} calls", lambda result: result.interrupted_busy),
        *_spread("output_audio_buffer.clear to silence, ms", lambda result: result.cleared),
    ]
    return "\n".join(
        f"{title:{FIRST}}" + "".join(f"{cell(result):>{COLUMN}}" for result in found.results) for title, cell in rows
    )


def _of_most(result: Result, figure: Callable[[Load], float], form: str) -> str:
    return number(figure(result.most), form) if result.most else NOTHING


def _spread(title: str, values: Callable[[Result], Sequence[float]]) -> list[tuple[str, Cell]]:
    def cell(result: Result) -> str:
        found = list(values(result))
        return f"{percentile(found, 0.5):.1f} / {percentile(found, 0.95):.1f}" if found else NOTHING

    return [(f"{title}: p50 / p95", cell)]


def _targets(results: Sequence[Result]) -> str:
    """Say how Antiphon stands to its targets."""
    named = {result.name: result for result in results}
    ours = named.get(OURS)
    lines: list[str] = []
    if ours is not None and ours.most:
        lines.append(f"{ours.most.calls} calls on one core (target: {TARGET_CALLS})")
        lines += [_beside(ours.most, named[PLAIN])] if PLAIN in named else []
    if ours is not None and ours.idle_kib is not None:
        lines.append(f"{ours.idle_kib:,.0f} KiB a connected call (target: {TARGET_KIB})")
    return "\n".join(f"{OURS}: {line}" for line in lines if line)


def _beside(ours: Load, other: Result) -> str:
    if other.most is None:
        return ""
    times, cheaper = ours.calls / other.most.calls, other.most.cpu_ms / ours.cpu_ms
    return (
        f"{times:.1f} times the calls of {other.name} (target: {TARGET_TIMES:.0f}), each at 1/{cheaper:.1f} of the CPU"
    )


def _ramps(results: Sequence[Result]) -> str:
    return "\n\n".join(
        "\n".join([result.name, *(str(load) for load in sorted(result.loads, key=lambda load: load.calls))])
        for result in results
        if result.loads
    )


def _parts(parts: dict[str, float], results: Sequence[Result]) -> str:
    if not parts:
        return ""
    lines = [f"{name:{FIRST}}{value:8.1f}" for name, value in parts.items()]
    lines.append(f"{'sum':{FIRST}}{sum(parts.values()):8.1f}")
    most = next((result.most for result in results if result.name == OURS and result.most), None)
    if most:
        lines.append(f"{f'measured with {most.calls} calls':{FIRST}}{most.cpu_ms * 20:8.1f}")
    return "\n".join([f"{'µs of one call in 20 ms, each part by itself':{FIRST}}", *lines])


def _busy(busy: Load | None) -> str:
    if busy is None:
        return ""
    if busy.refusals:
        return f"embedded engine: {busy.refusals[0]}"
    gaps = ", ".join(f"{title} {busy.gap(share):.1f}" for title, share in SHARES.items())
    return (
        f"embedded engine, all of it on the same core, {busy.calls} callers asking all the time: "
        f"core {busy.core_share:.0%},\n{busy.received.packets:,} packets came, {busy.received.lost} lost; "
        f"gap between packets of an answer, ms: {gaps}"
    )
