"""What a gateway's processes use, from /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return `pid` and everything that it started, and they in turn."""
    found = [pid]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            found += [int(word) for word in children.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time, user and system, of the tree's living processes."""
    return sum(_cpu_seconds(process) for process in tree(pid))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> int:
    """Bytes of memory of the tree; what processes share counts in parts, so that the sum is right (PSS)."""
    return sum(_memory(process) for process in tree(pid))


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
