"""Runs apps that are written with the Node clients of tests/clients/node, each in a process of its own."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.running import ROOT, clean_environment

FOLDER = Path(__file__).parent / "node"
CACHE = ROOT / ".cache" / "clients"
INSTALL_SECONDS = 300
APP_SECONDS = 120
# Apps spend their time listening at the pace of speech; more of them at once only wait for the server's ears.
AT_ONCE = 4


class NodeMissingError(Exception):
    """This machine cannot run the apps; the message says why."""


@dataclass(frozen=True)
class App:
    """One client as an app uses it.

    Args:
        script: Name of its file in tests/clients/node/apps, without the ending.
        url: Where the app is told to find the server.
        variant: Which of the client's own ways to connect, where it has several.
        flags: For Node.
    """

    script: str
    url: str
    variant: str = ""
    flags: tuple[str, ...] = ()


@dataclass
class Report:
    """What an app saw in each scenario: the lines it printed, by scenario."""

    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    stderr: str = ""

    def result(self, scenario: str) -> dict[str, Any]:
        """Return what the app saw.

        Raises:
            AssertionError: The app failed, with its own words.
        """
        line = self.lines.get(scenario)
        assert line is not None, f"the app told nothing of {scenario!r}: {self.stderr[-3000:]}"
        assert "failure" not in line, f"{line['failure']}\nseen: {line['seen']}\n{self.stderr[-3000:]}"
        result: dict[str, Any] = line["result"]
        return result

    def errors(self, scenario: str) -> list[str]:
        """Return the codes of the error events that the app saw."""
        return [event["error"]["code"] for event in self.lines[scenario]["errors"]]


def node_major() -> int:
    """Return Node's major version.

    Raises:
        NodeMissingError: There is none, no npm, or one too old.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        raise NodeMissingError("Node.js and npm are not installed; install Node.js 20 or newer")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = int(version.removeprefix("v").split(".")[0])
    if major < 20:
        raise NodeMissingError(f"Node.js is {version}; install 20 or newer")
    return major


def install() -> Path:
    """Return a `node_modules` with exactly what the lock file says, made at the first call on a machine.

    Raises:
        NodeMissingError: npm could not install, for example without a network.
    """
    recipe = b"".join((FOLDER / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))
    done = CACHE / f"node-{hashlib.sha256(recipe).hexdigest()[:16]}"
    if not done.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="node-new-") as name:
            _install_into(Path(name))
            _publish(Path(name), done)
    return done / "node_modules"


def _install_into(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(FOLDER / name, folder)
    try:
        npm = subprocess.run(
            ["npm", "ci"], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NodeMissingError(f"npm ci was not done after {INSTALL_SECONDS} s; is there a network?") from None
    if npm.returncode:
        reasons = [line for line in npm.stderr.splitlines() if line.startswith("npm error")]
        raise NodeMissingError("npm ci failed: " + " ".join(reasons[:4]))


def _publish(new: Path, done: Path) -> None:
    """Put a finished installation in its place at once, so that no other process ever sees half of one."""
    staged = Path(tempfile.mkdtemp(dir=CACHE, prefix="node-done-"))
    (new / "node_modules").rename(staged / "node_modules")
    try:
        staged.rename(done)
    except OSError:  # another process was first
        shutil.rmtree(staged)


class Apps:
    """Apps that run in the background; each is started once, and asked for its report as often as wanted."""

    def __init__(self, pool: ThreadPoolExecutor, folder: Path, settings: dict[str, Any], certificates: Path) -> None:
        self._pool = pool
        self._folder = folder
        self._settings = settings
        self._certificates = certificates
        self._reports: dict[str, Future[Report]] = {}

    def start(self, name: str, app: App) -> None:
        """Begin to run `app`, to be asked for as `name`."""
        self._reports[name] = self._pool.submit(self._run, app)

    @property
    def names(self) -> set[str]:
        return set(self._reports)

    def wait(self) -> None:
        """Return when all of them have ended."""
        for report in self._reports.values():
            report.result()

    def report(self, name: str) -> Report:
        """Wait for an app's end and return what it saw."""
        return self._reports[name].result()

    def _run(self, app: App) -> Report:
        settings = json.dumps({**self._settings, "url": app.url, "variant": app.variant})
        command = ["node", *app.flags, str(self._folder / f"{app.script}.mjs"), settings]
        environment = {**clean_environment(), "NODE_EXTRA_CA_CERTS": str(self._certificates)}
        report = Report()
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                stdout, report.stderr = process.communicate(timeout=APP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, report.stderr = process.communicate()
        for line in stdout.splitlines():
            if line.startswith('{"scenario"'):
                told = json.loads(line)
                report.lines[told["scenario"]] = told
        return report


@contextmanager
def apps_in(folder: Path, modules: Path, settings: dict[str, Any], certificates: Path) -> Iterator[Apps]:
    """Give `Apps`, with the apps' files in `folder`, where Node finds the packages of `modules`.

    Args:
        folder: Has neither apps nor node_modules yet.
        modules: What `install` returned.
        settings: What all apps are told.
        certificates: A PEM file of the authorities that the apps trust beside the usual ones.
    """
    (folder / "node_modules").symlink_to(modules)
    shutil.copytree(FOLDER / "apps", folder / "apps")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Apps(pool, folder / "apps", settings, certificates)
        pool.shutdown(cancel_futures=True)


def is_required() -> bool:
    """Whether a machine that has Node must also run these tests: continuous integration."""
    return os.environ.get("CI") == "true" and shutil.which("node") is not None
