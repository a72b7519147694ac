"""The figures as a page."""

import math
from collections.abc import Callable, Sequence

from benchmarks.machine import machine, percentile
from benchmarks.webrtc.arrivals import LIMIT_MS, Load
from benchmarks.webrtc.bench import Result

TARGET_CALLS, TARGET_TIMES, TARGET_KIB = 70, 4.0, 512
NOTHING = "-"
FIRST, COLUMN = 58, 15
Cell = Callable[[Result], str]


def page(
    results: Sequence[Result], parts: dict[str, float], busy: Load | None, idle_calls: int, beside: int, asking: int
) -> str:
    """Return everything as Markdown."""
    blocks = [_table(results, idle_calls, beside), _targets(results), _ramps(results), _parts(parts, results)]
    if busy is not None:
        blocks.append(_busy(busy, asking))
    text = "\n\n".join(block for block in blocks if block)
    return f"{HEAD}\n```\n{machine()}\n\n{text}\n```\n"


HEAD = f"""# WebRTC calls beside a plain aiortc server: results

The block is what the command printed, on an otherwise idle machine. In every call the client sends 50 Opus packets of
speech a second (20 ms each, as browsers send it), and the server sends speech all the time, with no pauses. Antiphon is
a whole gateway with an engine that costs next to nothing: each packet is decoded and handed to the engine as an event,
and the engine's audio events are encoded. The plain server is what `plain.py` shows: `RTCPeerConnection`, a track whose
frames need no resampling, and `recv()` of what comes. Each server has a core to itself, the clients the other ones.

A server bears a number of calls when 99 % of the packets come, half of a percent at the most is missing, the gap between
two is {LIMIT_MS:.0f} ms or less at the 99th percentile, and the clients' audio is heard.

    python -m benchmarks.webrtc
"""


def number(value: float | None, form: str) -> str:
    return NOTHING if value is None or math.isnan(value) else format(value, form)


def _table(results: Sequence[Result], idle_calls: int, beside: int) -> str:
    rows: list[tuple[str, Cell]] = [
        ("", lambda result: result.name),
        ("calls on one core", lambda result: number(result.most and result.most.calls, ",")),
        ("  CPU ms for a call and second", lambda result: number(result.most and result.most.cpu_ms, ".1f")),
        ("  gap between packets, ms: p50", lambda result: number(result.most and result.most.gap(0.5), ".1f")),
        ("  gap between packets, ms: p99", lambda result: number(result.most and result.most.gap(0.99), ".1f")),
        *_spread("POST to answer, ms", lambda result: result.answered),
        *_spread("POST to first audio, ms", lambda result: result.first_audio),
        *_spread("event over the data channel and back, ms", lambda result: result.round_trips),
        (f"KiB for one of {idle_calls} connected calls", lambda result: number(result.idle_kib, ",.0f")),
        *_spread("speech_started to silence on the wire, ms", lambda result: result.interrupted),
        *_spread(f"  beside {beside} calls", lambda result: result.interrupted_busy),
        *_spread("output_audio_buffer.clear to silence, ms", lambda result: result.cleared),
    ]
    return "\n".join(
        f"{title:{FIRST}}" + "".join(f"{cell(result):>{COLUMN}}" for result in results) for title, cell in rows
    )


def _spread(title: str, values: Callable[[Result], Sequence[float]]) -> list[tuple[str, Cell]]:
    def cell(result: Result) -> str:
        found = list(values(result))
        return f"{percentile(found, 0.5):.1f} / {percentile(found, 0.95):.1f}" if found else NOTHING

    return [(f"{title}: p50 / p95", cell)]


def _targets(results: Sequence[Result]) -> str:
    """Say how Antiphon stands to its targets."""
    named = {result.name: result for result in results}
    ours, plain = named.get("Antiphon"), named.get("plain aiortc")
    lines: list[str] = []
    if ours is not None and ours.most:
        lines.append(f"{ours.most.calls} calls on one core (target: {TARGET_CALLS})")
        if plain is not None and plain.most:
            times, cheaper = ours.most.calls / plain.most.calls, plain.most.cpu_ms / ours.most.cpu_ms
            lines.append(
                f"{times:.1f} times plain aiortc's calls (target: {TARGET_TIMES:.0f}), at 1/{cheaper:.1f} of its CPU"
            )
    if ours is not None and ours.idle_kib is not None:
        lines.append(f"{ours.idle_kib:,.0f} KiB a connected call (target: {TARGET_KIB})")
    return "\n".join(f"Antiphon: {line}" for line in lines)


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
    most = next((result.most for result in results if result.name == "Antiphon" and result.most), None)
    if most:
        lines.append(f"{f'measured with {most.calls} calls':{FIRST}}{most.cpu_ms * 20:8.1f}")
    return "\n".join([f"{'µs of one call in 20 ms, each part by itself':{FIRST}}", *lines])


def _busy(busy: Load, asking: int) -> str:
    if busy.refusals:
        return f"embedded engine: {busy.refusals[0]}"
    return (
        f"embedded engine, all of it on the same core, {asking} callers asking all the time: core {busy.core_share:.0%}, "
        f"{busy.received.packets:,} packets came,\n"
        f"{busy.received.lost} lost; gap between packets of an answer, ms: p50 {busy.gap(0.5):.1f}, "
        f"p95 {busy.gap(0.95):.1f}, p99 {busy.gap(0.99):.1f}, p99.9 {busy.gap(0.999):.1f}"
    )
