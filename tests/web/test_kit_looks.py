"""The kit's looks at pages: axe finds what is wrong with them, pictures show how they are."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.site import served
from tests.web.kit.accessibility import violations
from tests.web.kit.chromium import Chromium
from tests.web.kit.pictures import ON_A_SHEET, Pictures

PNG = b"\x89PNG"
# Buttons that say nothing: one in the page, one in the shadow tree of an element.
BUTTON = "(where) => where.append(document.createElement('button'))"
PLANT = f"({BUTTON})(document.querySelector('main'))"
PLANT_IN_SHADOW = f"""() => {{
  const host = document.createElement('div');
  document.querySelector('main').append(host);
  ({BUTTON})(host.attachShadow({{ mode: 'open' }}));
}}"""
FAINT = "document.querySelector('h1').style.color = '#ddd'"


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """The address of a page with a strict policy and without a fault."""
    with served(Path(__file__).parent / "pages") as address:
        yield f"{address}/kit-plain.html"


@pytest.fixture
def page(axe: Callable[[Page], None], open_page: Callable[..., Page], plain: str) -> Page:
    return open_page(plain)


def test_a_good_page_passes(page: Page, axe: Callable[[Page], None]) -> None:
    axe(page)
    axe(page)


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (PLANT, r"button-name \(critical\) at button: .*Element does not have inner text"),
        (PLANT_IN_SHADOW, r"button-name \(critical\) at .*div.* > button"),
        (FAINT, r"color-contrast \(serious\) at h1: Element has insufficient color contrast of"),
    ],
)
def test_a_planted_fault_is_found(plant: str, found: str, page: Page, axe: Callable[[Page], None]) -> None:
    page.evaluate(plant)
    with pytest.raises(AssertionError, match=found):
        axe(page)
    assert len(violations(page)) == 1


def test_axe_leaves_the_page_as_it_is(page: Page) -> None:
    violations(page)
    assert page.evaluate("typeof globalThis.axe") == "undefined"


def test_pictures_are_taken_and_shown_together(
    chromium: Chromium, open_page: Callable[..., Page], plain: str, tmp_path: Path
) -> None:
    pictures = Pictures(tmp_path / "pictures")
    page = open_page(plain, viewport={"width": 390, "height": 844})
    for number in range(ON_A_SHEET + 1):
        assert pictures.take(page, f"plain-{number}").read_bytes().startswith(PNG)
    assert pictures.write_sheet().read_text().count("<img") == ON_A_SHEET + 1
    sheets = pictures.take_sheets(chromium.browser)
    assert [sheet.name for sheet in sheets] == ["sheet-1.png", "sheet-2.png"]
    assert all(sheet.read_bytes().startswith(PNG) for sheet in sheets)


def test_pictures_of_an_earlier_run_are_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(PNG)
    assert not list(Pictures(tmp_path).folder.iterdir())
