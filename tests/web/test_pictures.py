"""The element and the talk page in every state, pictured for people, and measured: nothing is cut off or covered."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import product

import pytest
from playwright.sync_api import expect

from tests.web.kit.chromium import Chromium
from tests.web.kit.pictures import Pictures
from tests.web.state_page import (
    ELEMENT_WIDTHS,
    MARGIN,
    TALK_SIZES,
    THEMES,
    StatePage,
    in_all,
    opened,
    without_most_problems,
)

ELEMENT_HEIGHT = 720
# Faults, in the shadow tree of the element and beside it, each with the words that tell of it.
PLANTED = (
    ("main.append(made('button', 'position: absolute; inset: 0; z-index: 9'))", '"Start talking" is under button'),
    ("frame.append(made('button', 'position: absolute; inset: 0'))", '"Start talking" is under button'),
    ("frame.append(made('button', 'inline-size: 40px; white-space: nowrap'))", r'"A button" is \d+ px wide in \d+ px'),
    ("frame.append(made('button', 'position: fixed; left: -40px'))", '"A button" is outside the window'),
    ("main.append(made('p', 'inline-size: 2000px'))", r"the page is 20\d\d px wide"),
    ("main.append(made('p', 'position: absolute; top: 2000px'))", r"the page is 20\d\d px long"),
)
PLANT = """(plant) => {
  const main = document.querySelector('main');
  const frame = document.querySelector('antiphon-voice').shadowRoot.querySelector('.frame');
  const made = (tag, style) => Object.assign(document.createElement(tag), { style, textContent: 'A button' });
  new Function('main', 'frame', 'made', plant)(main, frame, made);
}"""


@pytest.fixture
def element(chromium: Chromium) -> Iterator[StatePage]:
    with opened(chromium, "element") as page:
        yield page


@pytest.fixture
def talk(chromium: Chromium) -> Iterator[StatePage]:
    with opened(chromium, "talk") as page:
        yield page


def look(page: StatePage, state: str, **options: str) -> list[str]:
    """Show a state, and return what is wrong with it."""
    page.show(state, **options)
    return page.faults()


def pictured(page: StatePage, pictures: Pictures, name: str, state: str, **options: str) -> list[str]:
    """Show a state, take its picture under `name` with the state in it, and return what is wrong with it."""
    page.show(state, **options)
    pictures.take(page.page, name.format(state))
    return page.faults()


def test_planted_faults_are_found(element: StatePage) -> None:
    for plant, told in PLANTED:
        assert not look(element, "idle")
        element.page.evaluate(PLANT, plant)
        assert re.search(told, "\n".join(element.faults())), plant
        element.page.reload()
        element.prepare()


@pytest.mark.parametrize("width", ELEMENT_WIDTHS)
def test_the_element_shows_all_of_each_state(width: int, element: StatePage, pictures: Pictures) -> None:
    element.resize(width + MARGIN, ELEMENT_HEIGHT)
    for theme in THEMES:
        states = element.states if (width, theme) == (360, "light") else without_most_problems(element.states)
        assert not in_all(states, partial(pictured, element, pictures, f"element-{{}}-{theme}-{width}", theme=theme))


def test_what_opens_in_the_element_has_room(element: StatePage, pictures: Pictures) -> None:
    for width, theme in product(ELEMENT_WIDTHS, THEMES):
        element.resize(width + MARGIN, 1200)
        element.show("without_microphone", theme=theme)
        element.page.get_by_text("Details for developers").click()
        element.page.get_by_role("button", name="Microphone and loudspeaker").focus()
        element.page.keyboard.press("Enter")
        expect(element.page.get_by_role("combobox", name="Microphone")).to_be_visible()
        pictures.take(element.page, f"element-all-open-{theme}-{width}")
        assert not element.faults()


def test_the_element_is_mirrored(element: StatePage, pictures: Pictures) -> None:
    """What it has room for in each language is in test_element_languages.py."""
    element.resize(360 + MARGIN, ELEMENT_HEIGHT)
    states = without_most_problems(element.states)
    assert not in_all(states, partial(pictured, element, pictures, "element-{}-ar-360", lang="ar"))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", TALK_SIZES)
def test_the_talk_page_shows_all_of_each_state(width: int, theme: str, talk: StatePage, pictures: Pictures) -> None:
    talk.resize(width, TALK_SIZES[width])
    assert not in_all(talk.states, partial(pictured, talk, pictures, f"talk-{{}}-{theme}-{width}", theme=theme))


def test_the_talk_page_is_mirrored(talk: StatePage, pictures: Pictures) -> None:
    talk.resize(320, TALK_SIZES[320])
    assert not in_all(talk.states, partial(pictured, talk, pictures, "talk-{}-ar-320", lang="ar"))


def test_the_talk_page_has_room_for_other_languages(talk: StatePage) -> None:
    talk.stand_still()
    for lang, width in (("ar", 1440), *((lang, 320) for lang in ("de", "es", "fr", "ja", "pt", "zh"))):
        talk.resize(width, TALK_SIZES[width])
        assert not in_all(talk.states, partial(look, talk, lang=lang)), lang
