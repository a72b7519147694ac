"""The browser client's pure parts, each file of tests/web/unit by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.node_apps import NodeMissingError, is_required, node_major
from tests.running import ROOT, clean_environment

FILES = sorted((Path(__file__).parent / "unit").glob("*.test.mjs"))
SECONDS = 120


@pytest.fixture(scope="module")
def node() -> str:
    """Node's command; where there is none, the tests are skipped, but not in continuous integration."""
    try:
        node_major()
    except NodeMissingError as error:
        if is_required():
            raise
        pytest.skip(str(error))
    return "node"


def test_there_are_unit_tests() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_unit(node: str, file: Path) -> None:
    """All tests of one file pass."""
    run = subprocess.run(
        [node, "--test", str(file)], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=SECONDS
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
