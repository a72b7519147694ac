"""axe finds nothing, in any state of the element and of the talk page; and they heed what their users need to see."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.web.kit.accessibility import violations
from tests.web.kit.chromium import Chromium
from tests.web.kit.pictures import Pictures
from tests.web.state_page import MARGIN, PROBLEMS, TALK_SIZES, StatePage, in_all, opened, without_most_problems

Axe = Callable[[Page], None]

ELEMENT_SIZE = (360 + MARGIN, 900)
WIDE, PHONE = 1440, 320
ROOT = "document.querySelector('antiphon-voice').shadowRoot"
OPEN_MENU = f"{ROOT}.querySelector('[part=settings]').click()"
OPEN_DETAILS = f"{ROOT}.querySelectorAll('details').forEach((one) => {{ one.open = true; }})"
MOVING = """() => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((one) =>
    [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  return document.getAnimations().length
    + all(document).filter(({ shadowRoot }) => shadowRoot)
      .reduce((sum, { shadowRoot }) => sum + shadowRoot.getAnimations().length, 0);
}"""


# What a shape that is nothing but a fill is filled with, and what it must differ from.
FILL = """(selector) => {
  const [name, pseudo] = selector.split('::');
  const root = document.querySelector('antiphon-voice')?.shadowRoot ?? document;
  return getComputedStyle(root.querySelector(name), pseudo && `::${pseudo}`).backgroundColor;
}"""
BACKGROUNDS = """['Canvas', 'transparent'].map((color) => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.backgroundColor = color;
  const { backgroundColor } = getComputedStyle(probe);
  probe.remove();
  return backgroundColor;
})"""


@pytest.fixture
def element(chromium: Chromium, axe: Axe) -> Iterator[StatePage]:
    with opened(chromium, "element") as page:
        page.resize(*ELEMENT_SIZE)
        yield page


@pytest.fixture
def talk(chromium: Chromium, axe: Axe) -> Iterator[StatePage]:
    with opened(chromium, "talk") as page:
        page.stand_still()  # what has not yet faded in would have too little contrast
        yield page


def found(page: StatePage, states: list[str], **options: str) -> dict[str, list[str]]:
    """Return what axe finds in these states."""

    def look(state: str) -> list[str]:
        page.show(state, **options)
        return violations(page.page)

    return in_all(states, look)


# --- the element ------------------------------------------------------------------------------------------------


def test_axe_finds_nothing_in_any_state_of_the_element(element: StatePage) -> None:
    assert not found(element, element.states)


def test_axe_finds_nothing_in_the_dark_element(element: StatePage) -> None:
    assert not found(element, without_most_problems(element.states), theme="dark")


def test_axe_finds_nothing_in_the_mirrored_element(element: StatePage) -> None:
    assert not found(element, ["idle", "speaking", "without_microphone", *PROBLEMS[:1]], lang="ar")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens_in_the_element(theme: str, element: StatePage) -> None:
    element.show("without_microphone", theme=theme)
    element.page.evaluate(OPEN_DETAILS)
    element.page.evaluate(OPEN_MENU)
    element.page.get_by_role("combobox", name="Microphone").wait_for()
    assert not violations(element.page)


# --- the talk page ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_in_any_state_of_the_talk_page(theme: str, width: int, talk: StatePage) -> None:
    talk.resize(width, TALK_SIZES[width])
    assert not found(talk, talk.states, theme=theme)


@pytest.mark.parametrize(("theme", "width"), [("dark", WIDE), ("light", PHONE)])
def test_axe_finds_nothing_in_the_talk_page_of_others(theme: str, width: int, talk: StatePage) -> None:
    talk.resize(width, TALK_SIZES[width])
    states = ["welcome", "key-wrong", "speaking", "turn", "event", "settings-refused", "check-bad"]
    assert not found(talk, states, theme=theme)


def test_axe_finds_nothing_in_the_mirrored_talk_page(talk: StatePage) -> None:
    assert not found(talk, ["welcome", "speaking", "settings"], lang="ar")


# --- what users ask of their systems ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["element", "talk"])
def test_nothing_moves_for_those_who_want_it_so(name: str, chromium: Chromium) -> None:
    with opened(chromium, name, reduced_motion="reduce") as page:
        for state in ("hearing", "thinking", "speaking", "connecting"):
            page.show(state)
            assert page.page.evaluate(MOVING) == 0, state
    with opened(chromium, name) as page:
        page.show("thinking")
        assert page.page.evaluate(MOVING) > 0


@pytest.mark.parametrize(("name", "shape"), [("element", ".dot"), ("talk", ".badge-dot"), ("talk", ".tab::after")])
def test_forced_colours_leave_all_to_be_seen(name: str, shape: str, chromium: Chromium, pictures: Pictures) -> None:
    with opened(chromium, name, forced_colors="active", viewport={"width": 1200, "height": 800}) as page:
        page.stand_still()
        for state in ("muted", "speaking", "connecting"):
            page.show(state)
            pictures.take(page.page, f"{name}-{state}-forced-colors")
            assert not page.faults()
        page.show("speaking")
        assert page.page.evaluate(FILL, shape) not in page.page.evaluate(BACKGROUNDS)
