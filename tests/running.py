"""A server as users start it, in a process of its own, for tests that need the whole."""

import contextlib
import os
import re
import socket
import ssl
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
    has_tls: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What the official SDKs take as `base_url`."""
        return f"{origin(self.port, self.has_tls)}/v1"

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
def running_server(
    *flags: str,
    cwd: Path | None = None,
    tls: tuple[Path, Path] | None = None,
    port: int | None = None,
    **environment: str,
) -> Iterator[RunningServer]:
    """Run `antiphon serve` with `flags` until the block ends.

    Args:
        port: Where it listens; a free port unless it is given.
        tls: A certificate for localhost and its key; with them the server speaks https and wss.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "antiphon", "serve", "--port", str(port), *flags]
    if tls:
        command += ["--tls-cert", str(tls[0]), "--tls-key", str(tls[1])]
    with subprocess.Popen(
        command,
        cwd=cwd or ROOT / "tests",  # where no antiphon.toml and no .env lie
        env={**clean_environment(), **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = RunningServer(port, process, has_tls=tls is not None)
        reader = threading.Thread(target=_collect, args=(running,), daemon=True)
        reader.start()
        try:
            wait_until_ready(port, process, has_tls=running.has_tls)
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


def origin(port: int, has_tls: bool) -> str:
    return f"{'https://localhost' if has_tls else 'http://127.0.0.1'}:{port}"


def wait_until_ready(
    port: int, process: subprocess.Popen[str], seconds: float = START_SECONDS, has_tls: bool = False
) -> None:
    """Return when /readyz says 200; fail when the process ends or the time is over."""
    unverified = ssl._create_unverified_context() if has_tls else None  # it is our own process that we ask
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended with code {process.returncode}"
        try:
            with urllib.request.urlopen(f"{origin(port, has_tls)}/readyz", context=unverified) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not become ready")
