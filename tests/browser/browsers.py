"""A browser with one page, driven by a small Node program (driver.mjs) through Puppeteer.

Chromium is driven over its own protocol, Firefox over WebDriver BiDi; to a test both look alike.
"""

import base64
import json
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aioice.ice import get_host_addresses
from tests.running import clean_environment

ANSWER_SECONDS = 90
END_SECONDS = 10

# A browser that keeps to itself: nothing is fetched but what the test's page wants.
CHROMIUM_FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The microphone is granted without asking, and is a file.
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Without it WebRTC passes over 127.0.0.1, and has no address of its own where there is no other. No flag is needed
    # against mDNS names: the clients here post their offer before there is a candidate in it.
    "--allow-loopback-in-peer-connection",
)
# Firefox plays its own tone as a fake microphone, never a file: pages bring their own stream instead. Its WebAudio does
# not run at all without a sound device; `running_sound_device` is one.
FIREFOX_SETTINGS = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # Do not ask the network for codecs and plug-ins.
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-provider.enabled": False,
}


class ProgramMissingError(Exception):
    """This machine has no such program; the message says how to get it."""


def find(command: str) -> str:
    """Return the path of a browser, or of what it needs.

    Raises:
        ProgramMissingError: It is not installed.
    """
    found = shutil.which(command)
    if found is None:
        raise ProgramMissingError(f"{command} is not installed; run scripts/system_packages as root")
    return found


def has_network() -> bool:
    """Whether there is an address besides loopback: Firefox has none to offer on other hosts, whatever its settings.

    `media.peerconnection.ice.loopback` makes no difference to Firefox 153, nor to what it reaches: a server that names
    127.0.0.1 alone is out of its reach on any host.
    """
    return bool(get_host_addresses(use_ipv4=True, use_ipv6=True))


def chromium_options(profile: Path, microphone: Path) -> dict[str, Any]:
    """Return what Puppeteer launches Chromium with.

    Args:
        profile: An empty folder.
        microphone: A WAV file, which the microphone gives once, from when a page opens it.
    """
    fake = f"--use-file-for-fake-audio-capture={microphone}%noloop"
    return {
        "browser": "chrome",
        "executablePath": find("chromium"),
        "headless": True,  # the new headless mode: the whole browser without a window
        "userDataDir": str(profile),
        "args": [*CHROMIUM_FLAGS, fake],
        # Puppeteer mutes headless browsers; a muted one still plays, but let nothing depend on it.
        "ignoreDefaultArgs": ["--mute-audio"],
    }


def firefox_options(profile: Path) -> dict[str, Any]:
    """Return what Puppeteer launches Firefox with; `profile` is an empty folder."""
    return {
        "browser": "firefox",
        "executablePath": find("firefox-esr"),
        "headless": True,
        "userDataDir": str(profile),
        "extraPrefsFirefox": FIREFOX_SETTINGS,
    }


@dataclass(frozen=True)
class Seen:
    """An event as the page logged it.

    Args:
        index: Position in the page's log.
        seconds: When it came, on the page's audio clock.
    """

    event: dict[str, Any]
    index: int
    seconds: float


@dataclass(frozen=True)
class Heard:
    """What came out of the page's loudspeaker: PCM16 at `rate` Hz, from `begin` on the page's audio clock."""

    pcm: bytes
    rate: int
    begin: float

    def between(self, begin: float, end: float) -> bytes:
        """Return the audio from `begin` to `end`, times of the page's audio clock."""
        first, last = (2 * max(0, round((at - self.begin) * self.rate)) for at in (begin, end))
        return self.pcm[first:last]


class Page:
    """The page that a browser shows: one of tests/browser/pages, which offer functions to be called from here."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._answers: queue.Queue[str] = queue.Queue()
        self._told: list[str] = []
        self._threads = [
            threading.Thread(target=self._read_answers, daemon=True),
            threading.Thread(target=self._read_console, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put('{"failure": "the browser ended"}')

    def _read_console(self) -> None:
        assert self._process.stderr is not None
        self._told.extend(self._process.stderr)

    def close(self) -> None:
        """End the browser."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:  # a command hangs; Puppeteer ends the browser when it is told to end itself
            self._process.terminate()
            self._process.wait(timeout=END_SECONDS)
        for thread in self._threads:
            thread.join(timeout=10)

    @property
    def faults(self) -> list[str]:
        """Errors in the console, and what was thrown and not caught, up to now."""
        return [line for line in self._told if line.startswith(("error:", "page:"))]

    def open(self, url: str) -> None:
        self._command(command="open", url=url)

    def call(self, name: str, **argument: Any) -> Any:
        """Call a function of the page and return what it gives.

        Raises:
            AssertionError: It threw, or gave nothing in time; with the page's console.
        """
        return self._command(command="call", name=name, argument=argument)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript in the page, or what its promise gives."""
        return self._command(command="evaluate", expression=expression)

    def click(self, selector: str) -> None:
        """Click as a user does, as soon as it can be clicked.

        Args:
            selector: Puppeteer's: `>>>` looks into shadow trees, too.
        """
        self._command(command="click", selector=selector)

    def write(self, selector: str, text: str) -> None:
        """Fill in a field, and press Enter."""
        self._command(command="write", selector=selector, text=text)

    def wait(self, kind: str, after: Seen | None = None) -> Seen:
        """Return the first event of a type, or the first one behind `after`."""
        return Seen(**self.call("wait", type=kind, **({"from": after.index + 1} if after else {})))

    def heard(self) -> Heard:
        """Return what the user heard up to now."""
        told = self.call("heard")
        return Heard(base64.b64decode(told["pcm"]), told["rate"], told["begin"])

    def _command(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._answers.get(timeout=ANSWER_SECONDS))
        except (BrokenPipeError, queue.Empty) as error:
            answer = {"failure": f"no answer: {error!r}"}
        assert "failure" not in answer, f"{command}: {answer['failure']}\n{''.join(self._told)[-4000:]}"
        return answer.get("value")


@contextmanager
def running_browser(folder: Path, options: dict[str, Any], **environment: str) -> Iterator[Page]:
    """Run a browser until the block ends.

    Args:
        folder: Has driver.mjs and node_modules.
        options: Puppeteer's for `launch`.
        environment: In addition to this process's own.
    """
    command = ["node", str(folder / "driver.mjs"), json.dumps(options)]
    with subprocess.Popen(
        command,
        env={**clean_environment(), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        page = Page(process)
        try:
            yield page
        finally:
            page.close()


@contextmanager
def running_sound_device() -> Iterator[dict[str, str]]:
    """Run a sound server whose loudspeaker plays into nothing; gives the environment of those that shall use it.

    Raises:
        ProgramMissingError: PulseAudio is not installed.
    """
    program = find("pulseaudio")
    with tempfile.TemporaryDirectory(prefix="sound-") as name:
        door = Path(name) / "socket"
        modules = (f"module-native-protocol-unix auth-anonymous=1 socket={door}", "module-null-sink")
        loads = [word for module in modules for word in ("--load", module)]
        command = [program, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", *loads]
        environment = {**clean_environment(), "HOME": name, "XDG_RUNTIME_DIR": name}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(door, process)
                yield {"PULSE_SERVER": f"unix:{door}"}
            finally:
                process.terminate()


def _wait_for(door: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while not door.exists():
        assert process.poll() is None, f"pulseaudio ended with code {process.returncode}"
        assert time.monotonic() < end, "pulseaudio did not start"
        time.sleep(0.02)
