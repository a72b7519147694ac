"""A server of its own for a benchmark, started as users start it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime?model=gpt-realtime"

    def memory(self) -> int:
        """Bytes of memory in use by the server and its workers."""
        return sum(_resident(pid) for pid in (self.pid, *_children(self.pid)))

    def cpu_seconds(self) -> float:
        """Processor time that the server and its workers have used."""
        return sum(_cpu_seconds(pid) for pid in (self.pid, *_children(self.pid)))


@contextlib.contextmanager
def server(*flags: str, cores: set[int] | None = None) -> Iterator[Running]:
    """Run `antiphon serve` with `flags` on a free port, on those cores only if given."""
    port = _free_port()
    command = [sys.executable, "-m", "antiphon", "serve", "--port", str(port), "--log-level", "warning", *flags]
    process = subprocess.Popen(
        command,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)  # its threads and workers inherit it
    try:
        _wait_until_ready(port, process)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with code {process.returncode}")
        if _is_ready(port):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not become ready")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
