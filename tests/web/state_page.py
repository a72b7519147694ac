"""The pages that show the element and the talk page in each of their states, and what can be measured in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.browser.site import served
from tests.running import ROOT
from tests.web.kit.chromium import Chromium, until

# Of the element's own box: the page has a margin of 16 px around it.
ELEMENT_WIDTHS = (240, 360, 480)
MARGIN = 32
TALK_SIZES = {320: 640, 834: 1112, 1440: 900}
THEMES = ("light", "dark")
# Most problems look alike: one that ends the conversation, one of the microphone, one that passes.
PROBLEMS = ("problem_server_unreachable", "problem_microphone_muted", "problem_conversation_lost")
MEASURE = """import('/tests/web/pages/measure.js').then(({ measure }) => {
  globalThis.measure = measure;
})"""


class StatePage:
    """A page that is put into one state after the other.

    Args:
        page: One of tests/web/pages that has `app.states` and `app.show`.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.prepare()

    def prepare(self) -> None:
        """Wait until the page is loaded, or was loaded anew."""
        until(self.page, "Boolean(globalThis.app?.states)")
        self.page.evaluate(MEASURE)

    @property
    def states(self) -> list[str]:
        states: list[str] = self.page.evaluate("app.states")
        return states

    def show(self, state: str, **options: str) -> None:
        """Put the page into a state.

        Args:
            state: One of `states`.
            options: `theme`, `lang`.
        """
        self.page.evaluate("([state, options]) => app.show(state, options).then(() => null)", [state, options])

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def stand_still(self) -> None:
        """Let nothing move from now on: what slides in is where it is meant to be at once."""
        self.page.emulate_media(reduced_motion="reduce")

    def faults(self) -> list[str]:
        """Return what lies outside the window or over something else, and what is cut off; a text for each."""
        found: list[str] = self.page.evaluate("measure()")
        return found


@contextmanager
def opened(chromium: Chromium, name: str, **context: Any) -> Iterator[StatePage]:
    """Open `element` or `talk`; with Playwright's options for its context."""
    with served(ROOT) as address:
        page = chromium.open(f"{address}/tests/web/pages/{name}.html", **context)
        yield StatePage(page)
        page.close()


def in_all(states: list[str], look: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """Return what was found in each state; those without a fault are left out."""
    found = {state: look(state) for state in states}
    return {state: faults for state, faults in found.items() if faults}


def without_most_problems(states: list[str]) -> list[str]:
    """Return the states that differ in more than their words."""
    return [state for state in states if state in PROBLEMS or not state.startswith("problem_")]
