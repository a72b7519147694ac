"""A Chromium on a machine with sound, driven by Playwright: pages as their users have them.

Names that end in `.test` lead to this machine: pages from there are no secure context. No other name leads anywhere.
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright

from tests.browser.browsers import CHROMIUM_FLAGS, find
from tests.web.kit.machine import MICROPHONE, Machine

FLAGS = (
    # The microphone is a real device here, and the user is asked for it.
    *(flag for flag in CHROMIUM_FLAGS if not flag.startswith("--use-fake")),
    # Samples at a time, to a loudspeaker of 44.1 kHz: with less, speech stutters when the machine has much else to do.
    "--audio-buffer-size=2048",
    "--headless=new",
    "--no-startup-window",  # a page that is being made while Playwright connects makes it wait for ever
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
END_SECONDS = 10
PATIENCE = 30.0
# Nobody can answer a browser without a window, so that it refuses at once: let the question wait for `Chromium.answer`.
ASKING = """
if (navigator.mediaDevices) {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const answered = new Promise((resolve) => Object.defineProperty(globalThis, '__answered', { value: resolve }));
  navigator.mediaDevices.getUserMedia = (constraints) => answered.then(() => ask(constraints));
}
"""


class Microphone(StrEnum):
    """What a page meets that asks for the microphone."""

    GRANTED = "granted"
    REFUSED = "denied"
    MISSING = "missing"
    ASKS = "prompt"  # the user has not answered yet


class Faults:
    """What pages complained of: errors in the console, of which violated policies are some, and uncaught exceptions."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def expect(self, pattern: str) -> None:
        """Take faults that `pattern` is found in for part of the test."""
        self._expected.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self._seen if not any(pattern.search(fault) for pattern in self._expected)]

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._take)
        context.on("weberror", lambda error: self._seen.append(f"uncaught: {error.error}"))

    def _take(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._seen.append(f"{message.text} ({message.location.get('url')})")


class Chromium:
    """A browser, new for this test.

    Args:
        browser: As Playwright has it.
        process: Of the browser itself, with its children in a group.
        machine: It runs there.
    """

    def __init__(self, browser: Browser, process: "subprocess.Popen[str]", machine: Machine) -> None:
        self.faults = Faults()
        self.browser = browser
        self._session = browser.new_browser_cdp_session()  # what is permitted ends with it
        self._process = process
        self._machine = machine
        # Its pages are tabs side by side; Playwright keeps those of other contexts visible, whatever is before them.
        self._window = browser.contexts[0]
        self.faults.watch(self._window)

    def open(self, url: str, microphone: Microphone = Microphone.GRANTED, **context: Any) -> Page:
        """Open a page in a window of its own, as a user who was never here before.

        Args:
            url: Its address.
            microphone: What it meets that asks for the microphone.
            context: Playwright's options for `new_context`: `color_scheme`, `viewport`, `reduced_motion`, `locale`...
        """
        made = self.browser.new_context(**context)
        self.faults.watch(made)
        return self._opened(made, url, microphone)

    def open_tab(self, url: str, microphone: Microphone = Microphone.GRANTED) -> Page:
        """Open a page in a tab: it is hidden when another tab comes to the front, and may fall asleep."""
        return self._opened(self._window, url, microphone)

    def _opened(self, context: BrowserContext, url: str, microphone: Microphone) -> Page:
        page = context.new_page()
        if microphone == Microphone.MISSING:
            self._machine.unplug(MICROPHONE)
        elif microphone == Microphone.ASKS:
            page.add_init_script(ASKING)
        self.permit(page, Microphone.GRANTED if microphone == Microphone.MISSING else microphone)
        page.goto(url)
        return page

    def permit(self, page: Page, microphone: Microphone) -> None:
        """Set what the page and the others of its window may do from now on, as the browser's settings do."""
        session = page.context.new_cdp_session(page)
        window = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        session.detach()
        permission = {"permission": {"name": "microphone"}, "setting": microphone.value, "browserContextId": window}
        self._session.send("Browser.setPermission", permission)

    def answer(self, page: Page, microphone: Microphone) -> None:
        """Answer a page that was opened with `Microphone.ASKS`; to answer `ASKS` is to close the question."""
        self.permit(page, microphone)
        page.evaluate("__answered()")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stop the browser for the block, as a closed laptop does; nothing can be asked of its pages meanwhile."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def close_pages(self) -> None:
        """Close all pages, before what they are connected with ends."""
        for context in self.browser.contexts:
            for page in context.pages:
                with contextlib.suppress(Error):  # it is gone
                    page.evaluate("0")  # what it complained of before comes before the answer
                    page.close()

    def check(self) -> None:
        """Fail if a page had a fault that was not expected."""
        assert not self.faults.unexpected, "\n".join(self.faults.unexpected)


def until(page: Page, expression: str, patience: float = PATIENCE) -> None:
    """Wait until an expression is true in the page.

    Playwright's `wait_for_function` evaluates text within the page, which pages with a strict policy do not allow.

    Raises:
        AssertionError: It was not true within `patience` seconds.
    """
    end = time.monotonic() + patience
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not true after {patience} s: {expression}"
        page.wait_for_timeout(50)


def look_for_devices(page: Page) -> None:
    """Let the browser see which devices were plugged in and taken away.

    It hears of that from the hardware, of which there is none here, or when a page lists the devices.
    """
    page.evaluate("navigator.mediaDevices.enumerateDevices().then(() => null)")


@contextmanager
def in_background(page: Page) -> Iterator[None]:
    """Put another tab before `page`, which is from `Chromium.open_tab`: it is hidden, and its timers are slow."""
    front = page.context.new_page()
    front.bring_to_front()
    until(page, "document.visibilityState === 'hidden'")
    try:
        yield
    finally:
        front.close()
        page.bring_to_front()
        until(page, "document.visibilityState === 'visible'")


@contextmanager
def asleep(page: Page) -> Iterator[None]:
    """Let a page from `Chromium.open_tab` sleep in the background: none of its tasks run until the block ends."""
    with in_background(page):
        session = page.context.new_cdp_session(page)
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        try:
            yield
        finally:
            session.send("Page.setWebLifecycleState", {"state": "active"})
            session.detach()


@contextmanager
def running_chromium(playwright: Playwright, machine: Machine, flags: tuple[str, ...] = FLAGS) -> Iterator[Chromium]:
    """Run a browser with an empty profile until the block ends.

    Args:
        playwright: Drives it.
        machine: It runs there.
        flags: For its command line.

    Raises:
        ProgramMissingError: Chromium is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [find("chromium"), *flags, f"--user-data-dir={profile}"]
        with subprocess.Popen(
            command, env=machine.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                # Without Playwright's defaults: they would keep tabs in the background visible.
                browser = playwright.chromium.connect_over_cdp(_door(process), no_defaults=True)
                yield Chromium(browser, process, machine)
                browser.close()
            finally:
                _end(process)


def _door(process: "subprocess.Popen[str]") -> str:
    """Return where the browser can be driven; what it writes later is passed over."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if "DevTools listening on" in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return line.split()[-1]
    raise AssertionError(f"Chromium did not start: {''.join(told)[-2000:]}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
