"""docs/conformance.md says what the code does today."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_script_writes() -> None:
    written = subprocess.run(
        [sys.executable, "scripts/conformance.py"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert written == (ROOT / "docs" / "conformance.md").read_text(), "run: make docs"
