"""The `antiphon.*` events that are documented are those that are sent."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SENDERS = ("src/antiphon/path", "src/antiphon/transports")


def test_the_table_of_extension_events_is_complete() -> None:
    sources = "\n".join(path.read_text() for folder in SENDERS for path in (ROOT / folder).rglob("*.py"))
    sent = {f"antiphon.{name}" for name in re.findall(r'\.extension\(\s*"([a-z_.]+)"', sources)}
    # The names of loggers have one dot.
    sent |= set(re.findall(r'"(antiphon\.[a-z_]+\.[a-z_]+)"', sources))
    page = (ROOT / "docs/transports.md").read_text()
    documented = re.findall(r"^\| `(antiphon\.[a-z_.]+)` \|", page, re.MULTILINE)
    assert sorted(documented) == sorted(sent)
