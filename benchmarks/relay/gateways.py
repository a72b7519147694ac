"""What is measured: each gateway started as its users start it, on one core, in front of the load's upstream."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.clients import environments

START_SECONDS = 120
STOP_SECONDS = 20
MODEL = "gpt-realtime"
MAX_SESSIONS = 20_000
LOG_TAIL = 3000  # characters
# Debian puts nginx where only root's PATH leads.
SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"


class GatewayMissingError(Exception):
    """The gateway is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Gateway:
    """One that is ready; `pid` is None for the direct connection."""

    url: str
    pid: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


Starter = Callable[[int, int], AbstractContextManager[Gateway]]


def realtime_url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/v1/realtime?model={MODEL}"


@contextlib.contextmanager
def direct(upstream_port: int, core: int) -> Iterator[Gateway]:  # noqa: ARG001 - fits Starter
    """No gateway at all."""
    yield Gateway(realtime_url(upstream_port))


NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections {files}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /healthz {{ return 200; }}
    location / {{
      proxy_pass http://127.0.0.1:{upstream_port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(upstream_port: int, core: int) -> Iterator[Gateway]:
    """One worker that passes on WebSockets, and sees nothing of what is in them."""
    program = shutil.which("nginx", path=SEARCH_PATH)
    if program is None:
        raise GatewayMissingError("nginx is not installed; apt-get install nginx-light")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(
            NGINX.format(folder=folder, port=port, upstream_port=upstream_port, files=min(MAX_SESSIONS, file_limit()))
        )
        command = [program, "-p", folder, "-e", "stderr", "-c", str(config)]
        with process(command, core, f"http://127.0.0.1:{port}/healthz") as pid:
            yield Gateway(realtime_url(port), pid)


@contextlib.contextmanager
def litellm(upstream_port: int, core: int) -> Iterator[Gateway]:
    """LiteLLM's proxy in the environment of `tests/clients`, as its command line starts it, without a database."""
    try:
        python = environments.make("litellm")
    except environments.NotInstalledError as error:
        raise GatewayMissingError(f"LiteLLM could not be installed: {error}") from error
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    parameters = {
        "model": f"openai/{MODEL}",
        "api_base": f"http://127.0.0.1:{upstream_port}/v1",
        "api_key": "sk-benchmark",
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": parameters}]}))
        command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        more = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with process(command, core, f"http://127.0.0.1:{port}/health/liveliness", more) as pid:
            yield Gateway(realtime_url(port), pid, {"Authorization": f"Bearer {key}"})


ANTIPHON = """
[server]
port = {port}
max_sessions = {sessions}
[engine]
kind = "relay"
[relay]
fallback = "none"
[[upstream]]
name = "load"
base_url = "http://127.0.0.1:{upstream_port}/v1"
api_key = "sk-benchmark"
"""


@contextlib.contextmanager
def antiphon(upstream_port: int, core: int, *profiler: str) -> Iterator[Gateway]:
    """Our relay, with everything on that is on by default; `profiler` is what Python is to run it under."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "antiphon.toml"
        config.write_text(ANTIPHON.format(port=port, sessions=MAX_SESSIONS, upstream_port=upstream_port))
        command = [
            sys.executable,
            *profiler,
            "-m",
            "antiphon",
            "serve",
            "--config",
            str(config),
            "--log-level",
            "warning",
        ]
        with process(command, core, f"http://127.0.0.1:{port}/readyz") as pid:
            yield Gateway(realtime_url(port), pid)


@contextlib.contextmanager
def resumable(upstream_port: int, core: int) -> Iterator[Gateway]:
    """Our relay with clients that ask for extension events: what they hear is kept for when they come back."""
    with antiphon(upstream_port, core) as gateway:
        yield replace(gateway, url=gateway.url + "&antiphon_events=true")


# In the table's order; the direct connection is what the others are compared with.
GATEWAYS: dict[str, Starter] = {
    "direct": direct,
    "nginx": nginx,
    "LiteLLM": litellm,
    "Antiphon": antiphon,
    "resumable": resumable,
}


@contextlib.contextmanager
def process(command: list[str], core: int, health: str, more: dict[str, str] | None = None) -> Iterator[int]:
    """Run a server on one core until the block ends; begin once `health` answers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANTIPHON_", "OPENAI_"))}
    with tempfile.TemporaryFile("w+") as log:
        started = subprocess.Popen(
            on_core(core, command),
            env={**environment, "OPENBLAS_NUM_THREADS": "1", **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            if not wait_until_ready(health, started):
                log.seek(0)
                raise SystemExit(f"{command[0]} did not become ready; it said:\n{log.read()[-LOG_TAIL:]}")
            yield started.pid
        finally:
            stop(started)


def on_core(core: int, command: list[str]) -> list[str]:
    """Return the command that runs `command` on that core from its first thread on."""
    return ["taskset", "--cpu-list", str(core), *command]


def wait_until_ready(health: str, started: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and started.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(health) as answer:
            if answer.status == 200:
                return True
        time.sleep(0.1)
    return False


def stop(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    try:
        started.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def file_limit() -> int:
    """Open files that a process may have."""
    return os.sysconf("SC_OPEN_MAX")
