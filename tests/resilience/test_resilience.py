"""Whatever goes wrong, and whenever: the call goes on, nothing is lost, and docs/resilience.md says what was seen."""

import pytest

from tests.resilience.faults import TROUBLES
from tests.resilience.matrix import Cell
from tests.resilience.phases import PHASES
from tests.resilience.table import run, to_markdown, without_gaps
from tests.running import ROOT

PLACES = [pytest.param(trouble.name, phase.name) for trouble in TROUBLES for phase in PHASES]


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return run()


@pytest.mark.parametrize(("trouble", "phase"), PLACES)
def test_nothing_is_lost_and_nothing_said_twice(trouble: str, phase: str, cells: list[Cell]) -> None:
    (cell,) = [cell for cell in cells if (cell.trouble, cell.phase) == (trouble, phase)]
    assert cell.problems == []


def test_the_page_says_what_was_seen(cells: list[Cell]) -> None:
    page = (ROOT / "docs" / "resilience.md").read_text()
    assert without_gaps(page) == without_gaps(to_markdown(cells)), "mend with: make docs"
