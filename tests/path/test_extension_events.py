"""The `antiphon.*` events that are documented are those that are sent."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_extension_events_is_complete() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src/antiphon/path").glob("*.py"))
    sent = {f"antiphon.{name}" for name in re.findall(r'\.extension\(\s*"([a-z_.]+)"', sources)}
    sent |= set(re.findall(r'_event\(self\._ids, "(antiphon\.[a-z_.]+)"', sources))
    documented = set(re.findall(r"^\| `(antiphon\.[a-z_.]+)` \|", (ROOT / "docs/relay.md").read_text(), re.MULTILINE))
    assert sent == documented
