"""Two halves of the tests, for two processes at once: those with browsers mostly wait for sound."""

import time
from pathlib import Path

import pytest

from tests.web.kit.pictures import SHEET_NAME, default_folder

BEGAN = time.time()
HERE = Path(__file__).parent
# What drives browsers. One process does it all, so that no two browsers speak at the same moment.
WITH_BROWSERS = ("web", "browser", "docs/test_browser_pages.py", "docs/test_web_pages.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell `--dist loadgroup` which half each test belongs to."""
    for item in items:
        half = "browsers" if _has_browsers(item.path) else "others"
        item.add_marker(pytest.mark.xdist_group(half))


def _has_browsers(path: Path) -> bool:
    return any(path.is_relative_to(HERE / name) for name in WITH_BROWSERS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the pictures are that this run took of pages."""
    sheet = default_folder() / SHEET_NAME
    if sheet.exists() and sheet.stat().st_mtime >= BEGAN:
        terminalreporter.write_line(f"pictures of pages: {sheet}")
