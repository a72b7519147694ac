"""A Firefox on a machine with sound, driven over WebDriver BiDi; the talk page and the element as users have them."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.browsers import FIREFOX_SETTINGS, Page, firefox_options, running_browser
from tests.browser.site import FOLDER as DRIVER_FOLDER
from tests.browser.site import served
from tests.clients.node_apps import install
from tests.web.kit.machine import Machine

PATIENCE = 30.0
# The microphone is the machine's, and is granted without asking. Sound waits for a click, as it does by default.
OWN_SETTINGS = {"media.navigator.streams.fake": False, "media.autoplay.default": 1}
EMBEDDED = """\
<!doctype html>
<html lang="en">
<title>A site</title>
<link rel="icon" href="data:,">
<script type="module" src="{origin}/web/antiphon-voice.js"></script>
<antiphon-voice transports="{transport}"></antiphon-voice>
</html>
"""


class Talker:
    """Something to talk with in a page.

    Args:
        page: Shows it.
        address: Where it is.
    """

    button: str  # selector of what begins a conversation
    transport: str  # expressions of JavaScript: what it is connected over, in lower case, or anything else
    answers: str  # what the assistant said, in order
    field: str  # selector of what one writes into
    marks: str  # the marks of answers that were cut off

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, transport: str) -> None:
        """Show it, with one step of the ladder alone."""
        raise NotImplementedError

    def begin(self, transport: str) -> None:
        """Show it, press its button, and wait until it is connected over the one step that it may take."""
        self.open(transport)
        self.page.click(self.button)
        self.until(f"{self.transport} === {json.dumps(transport)}")

    def write(self, text: str) -> None:
        self.page.write(self.field, text)

    def last_answer(self) -> str:
        return str(self.page.evaluate(f"{self.answers}.at(-1) ?? ''"))

    def is_cut(self) -> bool:
        """Whether an answer is shown to be cut off."""
        return bool(self.page.evaluate(f"{self.marks}.length"))

    def until(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + PATIENCE
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"not true after {PATIENCE} s: {expression}"
            time.sleep(0.05)


class TalkPage(Talker):
    """The talk page of a server."""

    button = ".talk-button"
    transport = "document.querySelector('.badge-name')?.textContent.toLowerCase()"
    answers = "[...document.querySelectorAll('[data-from=assistant] .entry-body')].map((row) => row.innerText)"
    field = ".write"
    marks = "document.querySelectorAll('.cut-note')"

    def open(self, transport: str) -> None:
        self.page.open(f"{self.address}/web/page/icon.svg")  # of the same origin
        choices = json.dumps({"transports": [transport]})
        self.page.evaluate(f"localStorage.setItem('antiphon.talk', {json.dumps(choices)})")
        self.page.open(f"{self.address}/?lang=en")


def _all_within(selector: str) -> str:
    return f"[...document.querySelector('antiphon-voice').shadowRoot.querySelectorAll('{selector}')]"


class Element(Talker):
    """The element in a page of another origin."""

    button = "antiphon-voice >>> [part=button]"
    transport = "document.querySelector('antiphon-voice').client?.state.transport"
    answers = f"{_all_within('.assistant [part=heard]')}.map((row) => row.innerText)"
    field = "antiphon-voice >>> textarea"
    marks = f"{_all_within('.cut-off')}.filter((mark) => !mark.hidden)"

    def open(self, transport: str) -> None:
        self.page.open(f"{self.address}/{transport}.html")


@contextmanager
def site_with_the_element(folder: Path, origin: str, transports: tuple[str, ...]) -> Iterator[str]:
    """Serve pages that embed the element of a server, one for each transport; gives their address."""
    for transport in transports:
        (folder / f"{transport}.html").write_text(EMBEDDED.format(origin=origin, transport=transport))
    with served(folder) as address:
        yield address


@contextmanager
def running_firefox(folder: Path, machine: Machine) -> Iterator[Page]:
    """Run a browser with an empty profile until the block ends.

    Args:
        folder: Empty.
        machine: It runs there.

    Raises:
        ProgramMissingError: Firefox is not installed.
        NodeMissingError: Node or Puppeteer is missing, which drives it.
    """
    (folder / "node_modules").symlink_to(install())
    shutil.copy(DRIVER_FOLDER / "driver.mjs", folder)
    options = firefox_options(folder / "profile") | {"extraPrefsFirefox": FIREFOX_SETTINGS | OWN_SETTINGS}
    with running_browser(folder, options, **machine.environment) as page:
        yield page
