"""Two halves of the tests, for two processes at once: those with sound mostly wait for it."""

import time
from pathlib import Path

import pytest

from tests.web.kit.pictures import SHEET_NAME, default_folder

BEGAN = time.time()
HERE = Path(__file__).parent
# Where most of the sound is played, and judged in real time; Firefox above all, of which two disturb each other.
SOUNDING = (
    "browser",
    "docs/test_web_pages.py",
    "web/test_element.py",
    "web/test_firefox.py",
    "web/test_talk_page.py",
    "web/test_talk_page_losses.py",
    "web/test_talk_page_networks.py",
)
# Others that a busy machine may disturb: they have a browser, or a network that breaks, in real time.
HURRIED = (
    "docs/test_browser_pages.py",
    "web/test_adapter.py",
    "web/test_kit_chromium.py",
    "web/test_kit_machine.py",
    "web/test_kit_network.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell `--dist loadgroup` which half each test belongs to.

    What is judged by ear in real time is played once more if it fails: a busy machine stutters, and the recogniser
    mishears. What is wrong fails twice.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group("sounding" if _is_in(SOUNDING, item.path) else "others"))
        if _is_in((*SOUNDING, *HURRIED), item.path):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _is_in(names: tuple[str, ...], path: Path) -> bool:
    return any(path.is_relative_to(HERE / name) for name in names)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the pictures are that this run took of pages."""
    sheet = default_folder() / SHEET_NAME
    if sheet.exists() and sheet.stat().st_mtime >= BEGAN:
        terminalreporter.write_line(f"pictures of pages: {sheet}")
