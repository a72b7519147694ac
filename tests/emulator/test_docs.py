"""docs/emulator.md has every key, and its samples load."""

import re
from pathlib import Path

import pytest

from antiphon.engines.scripted import parse_script
from antiphon.engines.scripted.api_errors import ERRORS
from antiphon.engines.scripted.faults import GROUPS

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
SAMPLES = re.findall(r"^```toml emulator\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", SAMPLES)
def test_a_sample_loads(text: str) -> None:
    script = parse_script(text)
    assert script.faults or len(script.turns) > 1


@pytest.mark.parametrize("name", [*GROUPS, *(name for name, error in ERRORS.items() if error.close_code)])
def test_every_fault_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE
