"""The figures as a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.machine import machine, percentile
from benchmarks.web.measures import Press, Turns
from benchmarks.web.processes import KINDS, OTHERS, Cpu
from benchmarks.web.room import TRANSPORTS
from benchmarks.web.weight import STAGES, Weight

FIRST, COLUMN = 50, 17
TITLES = {"webrtc": "WebRTC", "websocket": "WebSocket", "http": "HTTP", "talk": "antiphon talk"}
NOTHING = "-"
EARLY = 2  # interruptions, in which the browser still learns


@dataclass
class Findings:
    """What one run found out; times in milliseconds, by transport."""

    presses: dict[str, list[Press]] = field(default_factory=dict)
    turns: dict[str, Turns] = field(default_factory=dict)
    talk: list[float] = field(default_factory=list)
    interruptions: dict[str, list[float]] = field(default_factory=dict)
    idle: dict[str, Cpu] = field(default_factory=dict)
    weights: dict[str, tuple[Weight, ...]] = field(default_factory=dict)
    counted: str = ""
    sound_server: list[float] = field(default_factory=list)
    browser_alone: list[float] = field(default_factory=list)
    leads: list[float] = field(default_factory=list)
    date: str = ""
    browser: str = ""


HEAD = """# The voice in a page: results

The block is what the command printed, on an otherwise idle machine: Chromium without a window, `antiphon serve` with
its embedded engine, and a sound server whose microphone and loudspeaker have no hardware, all on the same machine. The
page embeds the element from another origin, with one step of the ladder alone. Nothing is subtracted.

- *Button*: the page has loaded, and nothing of it was in a cache before. From the click to `connected`, and to the
  first loud sample (-40 dB of full scale) in the loudspeaker. The question is written: it goes out in the very moment
  of `connected`. In between the microphone is opened, and the code of the step is loaded.
- *Speech*: from the end of speech at the microphone, as any program hears it that opens it, to the first loud sample in
  the loudspeaker. That includes what the server waits for to be sure that a turn is over (500 ms), the silence at the
  beginning of an answer, and the devices. `antiphon talk` asks the same recordings of the same server over a WebSocket,
  and stops its clock when the first audio comes: its column has neither devices nor that silence in it.
- *Interruption*: from the first loud sample of the user at the microphone to the last one of the answer in the
  loudspeaker. The first two of a conversation stand apart: until Chromium's echo cancellation and noise suppression
  know the room, they hold back what the user says while something is playing.
- *Microphone to loudspeaker*: how late the one is behind the other when the sound server itself joins them, and when a
  page plays its microphone and does nothing else. The sound server works in blocks of 50 ms, so that single figures are
  that uncertain.
- *CPU*: of the browser's processes, from /proc, in milliseconds a second: 1000 are a core. Talking: spoken questions
  and answers in turns, without a break. The page draws its level meter meanwhile, without a GPU.

    python -m benchmarks.web > benchmarks/web/RESULTS.md
"""


def page(found: Findings) -> str:
    """Return everything as Markdown."""
    blocks = [_times(found), _devices(found), _cpu(found), _weights(found)]
    about = f"{machine()}\n{found.browser}, {found.date}"
    return f"{HEAD}\n```\n{about}\n\n" + "\n\n".join(filter(None, blocks)) + "\n```\n"


def spread(values: Sequence[float]) -> str:
    """Return median and worst; of the few values that there are, more would say less."""
    return f"{percentile(list(values), 0.5):.0f} / {max(values):.0f}" if values else NOTHING


def row(title: str, cells: Sequence[str]) -> str:
    return f"{title:{FIRST}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)


def _times(found: Findings) -> str:
    presses = [found.presses.get(name, []) for name in TRANSPORTS]
    turns = [found.turns[name].answered if name in found.turns else [] for name in TRANSPORTS]
    cut = [found.interruptions.get(name, []) for name in TRANSPORTS]
    counts = [_count("presses", presses), _count("spoken questions", turns), _count("interruptions", cut)]
    return "\n".join(
        [
            row("milliseconds: median / worst", list(TITLES.values())),
            row("button to connected", [spread([each.connected for each in all_]) for all_ in presses]),
            row("button to first sound", [spread([each.sound for each in all_]) for all_ in presses]),
            row("end of speech to first sound", [*map(spread, turns), spread(found.talk)]),
            row(f"interruption to silence, the first {EARLY}", [spread(values[:EARLY]) for values in cut]),
            row("interruption to silence, later ones", [spread(values[EARLY:]) for values in cut]),
            f"{', '.join(counts)} each",
        ]
    )


def _count(what: str, values: Sequence[Sequence[object]]) -> str:
    return f"{max(map(len, values), default=0)} {what}"


def _devices(found: Findings) -> str:
    lines = [
        row("microphone to loudspeaker, ms: median / worst", []),
        row("  the sound server by itself", [spread(found.sound_server)]),
        row("  through a page that plays its microphone", [spread(found.browser_alone)]),
        row("silence at the beginning of an answer, ms", [spread(found.leads)]),
    ]
    return "\n".join(lines)


def _cpu(found: Findings) -> str:
    columns = {f"{TITLES[name]}, talking": turns.cpu for name, turns in found.turns.items()}
    columns |= {f"{TITLES[name]}, idle": cpu for name, cpu in found.idle.items()}
    columns = {title: columns[title] for title in sorted(columns, key=lambda title: title.split(",")[0], reverse=True)}
    lines = [_cpu_line(title, cpu) for title, cpu in columns.items()]
    return "\n".join([row("CPU, ms a second", [*KINDS, OTHERS, "all"]), *lines]) if lines else ""


def _cpu_line(title: str, cpu: Cpu) -> str:
    cells = [f"{cpu.ms[kind]:.0f}" for kind in (*KINDS, OTHERS)]
    return row(f"  {title}, {cpu.seconds:.0f} s", [*cells, f"{cpu.total:.0f}"])


def _weights(found: Findings) -> str:
    lines = [row("loaded from the server", ["files", "bytes", "with heads"])]
    for title, weights in found.weights.items():
        lines += [_weight(f"  {title}, {stage}", weight) for stage, weight in zip(STAGES, weights, strict=True)]
    return (
        "\n".join([*lines, "", "bytes of the bodies, counted from the files:", found.counted]) if found.weights else ""
    )


def _weight(title: str, weight: Weight) -> str:
    return row(title, [str(weight.files), f"{weight.bodies:,}", f"{weight.sent:,}"])
