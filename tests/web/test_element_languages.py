"""The element in each of its languages: all of it is translated, and has room."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.running import ROOT
from tests.web.kit.chromium import Chromium
from tests.web.state_page import MARGIN, StatePage, in_all, opened

LANGUAGES = tuple(sorted(path.stem for path in (ROOT / "src/antiphon/web/texts").glob("??.js")))
WIDTHS = (240, 360)
HEIGHT = 1200
# Keys of the texts, which must never be seen, such as `hint_idle`, and placeholders that were not filled.
RAW = re.compile(
    r"\b(state|hint|told|tool|transport|problem|microphone|device|said|text)_[a-z_]+\b|[{}]|undefined|\[object"
)
NAMES_OF_TOOLS = re.compile(r"\b(find_schools|look_up_price|open_map|book_a_visit)\b")
# All that is read by people and by screen readers, but for what was said.
TEXTS = """() => {
  const root = document.querySelector('antiphon-voice').shadowRoot;
  const attributes = [...root.querySelectorAll('*')].flatMap((one) =>
    ['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name) ?? ''));
  const said = new Set([...root.querySelectorAll('[part=heard], [part=unheard], code')]);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (!said.has(node.parentElement)) texts.push(node.data);
  return [...attributes, ...texts].map((text) => text.trim()).filter(Boolean);
}"""


ENGLISH = """import('/src/antiphon/web/texts/en.js').then(({ default: { problems, ...texts } }) =>
  [...Object.values(texts), ...Object.values(problems).flatMap(Object.values)])"""
# Words that are the same in English.
SAME = {"fr": {"Conversation"}}


@pytest.fixture
def element(chromium: Chromium) -> Iterator[StatePage]:
    with opened(chromium, "element") as page:
        yield page


def texts(element: StatePage) -> set[str]:
    """Return all that is read of the element as it is now."""
    found: list[str] = element.page.evaluate(TEXTS)
    return {NAMES_OF_TOOLS.sub("", text) for text in found}


def test_there_are_eight_languages() -> None:
    assert LANGUAGES == ("ar", "de", "en", "es", "fr", "ja", "pt", "zh")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_of_it_is_in_its_language_and_has_room(lang: str, element: StatePage) -> None:
    """No key is seen, no word of English is left over, and no word is cut off."""
    seen: set[str] = set()

    def look(state: str) -> list[str]:
        element.show(state, lang=lang)
        seen.update(texts(element))
        return element.faults()

    for width in WIDTHS:
        element.resize(width + MARGIN, HEIGHT)
        assert not in_all(element.states, look), f"at {width} px"
    assert not [text for text in seen if RAW.search(text)]
    if lang != "en":
        assert seen & set(element.page.evaluate(ENGLISH)) == SAME.get(lang, set())
    frame = element.page.locator("antiphon-voice [part=frame]")
    expect(frame).to_have_attribute("lang", lang)
    expect(frame).to_have_css("direction", "rtl" if lang == "ar" else "ltr")


def test_the_language_of_the_page_is_taken_where_it_has_none_of_its_own(element: StatePage) -> None:
    element.page.evaluate("""async () => {
      document.documentElement.lang = 'fr-CA';
      const voice = document.createElement('antiphon-voice');
      document.querySelector('antiphon-voice').replaceWith(voice);
      await app.shown(voice);
    }""")
    expect(element.page.locator("antiphon-voice [part=frame]")).to_have_attribute("lang", "fr")


def test_another_language_is_taken_at_once(element: StatePage) -> None:
    element.show("speaking", lang="en")
    element.page.evaluate("document.querySelector('antiphon-voice').lang = 'ja'")
    expect(element.page.locator("antiphon-voice [part=frame]")).to_have_attribute("lang", "ja")
    expect(element.page.get_by_role("button", name="会話を終了")).to_be_visible()
