"""Where Antiphon's time goes under load: `python -m benchmarks.relay --profile`."""

import contextlib
import io
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.relay.bench import Bench, Step
from benchmarks.relay.gateways import antiphon

SAMPLES_PER_SECOND = 499  # not a divisor of what happens 50 times a second
FUNCTIONS = 25

# A sample belongs to the first of these that a frame of its stack shows, beginning with the innermost frame; what is
# called from several places (libc, the interpreter) belongs to its caller.
KERNEL = (
    (
        "kernel: send",
        re.compile(r"^(__x64_sys_(send|write)|__sys_send|ksys_write|do_writev|\w*(send|write)\w* \(.*libc)"),
    ),
    (
        "kernel: receive",
        re.compile(r"^(__x64_sys_(recv|read)|__sys_recv|ksys_read|do_readv|\w*(recv|read)\w* \(.*libc)"),
    ),
    ("kernel: poll", re.compile(r"^(__x64_sys_epoll|do_epoll|\w*epoll_p?wait)")),
    ("kernel: other", re.compile(r"^(__x64_sys_|do_syscall_64|asm_|entry_SYSCALL)")),
)
GARBAGE = re.compile(
    r"^(gc_collect|visit_(decref|reachable)|\w*_?traverse \(|subtract_refs|\w+_unreachable|update_refs)"
)
CODE = (
    ("our transport", re.compile(r"antiphon/transports/")),
    ("path", re.compile(r"antiphon/path/")),
    ("upstream leg", re.compile(r"antiphon/engines/upstream")),
    ("rest of Antiphon", re.compile(r"antiphon/.*\.py")),
    ("picows", re.compile(r"picows")),
    ("loop (uvloop, aiofastnet, asyncio)", re.compile(r"uvloop|aiofastnet|asyncio|loop\.c:|linux\.c:|uv_")),
    ("other libraries", re.compile(r"site-packages|/lib-dynload/|msgspec|json/")),
    ("Python", re.compile(r"libpython|python3[.\d]*\)|\.py:")),
)
INTERPRETER = re.compile(r"libpython|python3[.\d]*\)")
WAITING = re.compile(r"(epoll_p?wait|futex|sem_|cond_|clockwait)\w* \(libc")  # what py-spy takes for work
PYTHON_FRAME = re.compile(r"^(\S+) \((\S+\.py):\d+\)$")


@dataclass(frozen=True)
class Samples:
    """Stacks, innermost frame last, and how often each was seen."""

    tool: str
    stacks: Counter[tuple[str, ...]]

    def by_group(self) -> Counter[str]:
        groups: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            groups[group_of(stack)] += count
        return groups

    def by_function(self) -> Counter[str]:
        """Count for each Python function what it did itself, what it called in C and in the kernel included."""
        functions: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            found = (PYTHON_FRAME.match(frame) for frame in reversed(stack))
            innermost = next((match for match in found if match), None)
            functions[f"{innermost[1]} ({innermost[2]})" if innermost else "no Python function"] += count
        return functions


def group_of(stack: tuple[str, ...]) -> str:
    if any(GARBAGE.search(frame) for frame in stack):
        return "garbage collection"
    for group, pattern in KERNEL:
        if any(pattern.search(frame) for frame in stack):
            return group
    # Where Python's functions are seen, what the interpreter does is theirs.
    sees_python = any(PYTHON_FRAME.match(frame) for frame in stack)
    for frame in reversed(stack):
        if not (sees_python and INTERPRETER.search(frame)):
            for group, pattern in CODE:
                if pattern.search(frame):
                    return group
    return "unknown"


# --- tools ----------------------------------------------------------------------------------------------------


def perf(pid: int, seconds: float) -> Samples:
    """Sample with the kernel's profiler: exact about kernel and libraries, blind for Python's functions."""
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "perf.data")
        record = ["perf", "record", "-q", "-o", data, "-F", str(SAMPLES_PER_SECOND), "-g", "-p", str(pid)]
        subprocess.run([*record, "--", "sleep", str(seconds)], check=True, capture_output=True)
        script = ["perf", "script", "-i", data, "-F", "ip,sym,dso"]
        text = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    return Samples("perf, what each did itself", Counter(perf_stacks(text)))


def perf_stacks(text: str) -> Iterator[tuple[str, ...]]:
    for block in text.split("\n\n"):
        frames = [line.strip().partition(" ")[2] for line in block.splitlines() if line.strip()]
        if frames:
            yield tuple(reversed(frames))


def py_spy(program: str, pid: int, seconds: float) -> Samples:
    """Sample Python and C functions; the process stands still for each sample, so shares are less exact."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        rate = ["--duration", str(int(seconds)), "--rate", str(SAMPLES_PER_SECOND)]
        command = [program, "record", "--native", "--format", "raw", *rate, "--output", str(raw), "--pid", str(pid)]
        subprocess.run(command, check=True, capture_output=True)
        return Samples("py-spy", py_spy_stacks(raw.read_text()))


def py_spy_stacks(text: str) -> Counter[tuple[str, ...]]:
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        stack = tuple(frames.split(";"))
        if not WAITING.search(stack[-1]):
            stacks[stack] += int(count)
    return stacks


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


# --- runs -----------------------------------------------------------------------------------------------------


def profile(bench: Bench, sessions: int) -> None:
    """Print where Antiphon's time goes with so many sessions, by the tools that there are."""
    sampled = [name for name in ("perf", "py-spy") if find(name)]
    if sampled:
        _print_sampled(bench, sessions, sampled)
    if "py-spy" not in sampled:
        print(
            "py-spy is not installed (pip install py-spy): functions by cProfile, which makes small ones look large\n"
        )
        _print_traced(bench, sessions)


def _print_sampled(bench: Bench, sessions: int, tools: list[str]) -> None:
    for name in tools:
        with antiphon(bench.upstream_port, bench.cores.gateway) as gateway:
            assert gateway.pid is not None
            found: list[Samples] = []
            sampler = threading.Thread(target=_sample, args=(bench, name, gateway.pid, found))
            step = bench.step(gateway, sessions, at_begin=sampler.start)
            sampler.join()
        if not found:
            print(f"{name} could not sample; the step itself: {step}\n")
            continue
        print_groups(found[0], step)
        if name == "py-spy":
            print_functions(found[0])


def _sample(bench: Bench, name: str, pid: int, found: list[Samples]) -> None:
    seconds = bench.pace.measured
    with contextlib.suppress(subprocess.CalledProcessError):
        found.append(perf(pid, seconds) if name == "perf" else py_spy(find("py-spy") or "", pid, seconds))


def print_groups(samples: Samples, step: Step) -> None:
    """Print each group's share, and what that is for one event, at the cost that the same run had."""
    groups = samples.by_group()
    whole = groups.total()
    print(f"{step.sessions} sessions, {step.cpu_ms:.1f} µs of CPU an event; {whole} samples by {samples.tool}\n")
    print(f"{'':40}{'share':>8}{'µs an event':>14}")
    for group, count in groups.most_common():
        print(f"{group:40}{count / whole:8.1%}{count / whole * step.cpu_ms:14.2f}")
    print(flush=True)


def print_functions(samples: Samples) -> None:
    functions = samples.by_function()
    whole = functions.total()
    print("Python functions, with what each calls in C and in the kernel:\n")
    for name, count in functions.most_common(FUNCTIONS):
        print(f"{count / whole:8.1%}  {name}")
    print(flush=True)


def _print_traced(bench: Bench, sessions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder) / "profile"
        with antiphon(bench.upstream_port, bench.cores.gateway, "-m", "cProfile", "-o", str(traced)) as gateway:
            print(bench.step(gateway, sessions), end="\n\n")
        time.sleep(1)
        text = io.StringIO()
        pstats.Stats(str(traced), stream=text).strip_dirs().sort_stats("tottime").print_stats(FUNCTIONS)
        print(text.getvalue(), flush=True)
