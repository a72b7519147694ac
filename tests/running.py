"""A server as users start it, in a process of its own, for tests that need the whole."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 90


@dataclass
class RunningServer:
    """A server that is ready to answer."""

    port: int
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What the official SDKs take as `base_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a client's process, without settings of ours and without keys."""
        return clean_environment()

    def rewritten(self, script: str) -> str:
        """Return a script of the documentation with this server in the place of the default one."""
        return re.sub(r"(127\.0\.0\.1|localhost):8080", f"127.0.0.1:{self.port}", script)


def clean_environment() -> dict[str, str]:
    hidden = ("ANTIPHON_", "OPENAI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


@contextlib.contextmanager
def running_server(*flags: str, cwd: Path | None = None, **environment: str) -> Iterator[RunningServer]:
    """Run `antiphon serve` with `flags` on a free port until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "antiphon", "serve", "--port", str(port), *flags]
    with subprocess.Popen(
        command,
        cwd=cwd or ROOT / "tests",  # where no antiphon.toml and no .env lie
        env={**clean_environment(), **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = RunningServer(port, process)
        reader = threading.Thread(target=_collect, args=(running,), daemon=True)
        reader.start()
        try:
            wait_until_ready(port, process)
            yield running
        finally:
            process.terminate()
            process.wait(timeout=60)
            reader.join(timeout=10)


def _collect(running: RunningServer) -> None:
    assert running.process.stderr is not None
    running.lines.extend(running.process.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(port: int, process: subprocess.Popen[str], seconds: float = START_SECONDS) -> None:
    """Return when /readyz says 200; fail when the process ends or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended with code {process.returncode}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not become ready")
