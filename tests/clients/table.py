"""The page of clients, made of clients.toml: `python -m tests.clients.table > docs/clients.md`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
# What a client is tried with, and how the page calls it.
SCENARIOS = {
    "text": "text",
    "audio": "audio",
    "function": "function call",
    "interruption": "interruption",
    "wrong_key": "wrong key",
}
HEAD = """\
# Clients that work

Each of these ran unmodified, as its package registry gives it, over a real socket against a server started with
`antiphon serve`; the only change is the setting shown. They run again with the tests of Antiphon, wherever
they can be installed.

What a mark stands for:

- **text**: a written question gets the right written answer.
- **audio**: a spoken question is heard, turn detection ends the turn, and the right answer is spoken.
- **function call**: the model calls the app's function with the right argument and answers from its result.
- **interruption**: the user speaks while an answer plays, the client truncates it to what was played, and the next
  answer is to what the user said.
- **wrong key**: the app is told `invalid_api_key`, not just that the connection closed.

The table holds four times over, each with the same tests:

- against a server with the embedded engine;
- over a [relay](relay.md) to a second server with the embedded engine;
- over a relay to the [emulator](emulator.md), which answers from a script;
- over a relay to a second server that is spoken to in the beta shape of the API, whatever the client speaks.

A client that is not here most likely works as well: see [connect.md](connect.md), and tell us if it does not.

"""


@dataclass(frozen=True)
class Client:
    """One client of clients.toml, whose head says what the fields mean."""

    name: str
    package: str
    version: str
    pinned: str
    tests: str
    setting: str
    passes: frozenset[str]
    app: str = ""
    notes: str = ""

    @property
    def lock(self) -> Path:
        """The file that pins it."""
        return next(folder / self.pinned for folder in (FOLDER, ROOT) if (folder / self.pinned).exists())


def clients() -> list[Client]:
    entries = tomllib.loads((FOLDER / "clients.toml").read_text())["client"]
    return [Client(**{**entry, "passes": frozenset(entry["passes"])}) for entry in entries]


def to_markdown(listed: list[Client]) -> str:
    """Return docs/clients.md."""
    marks = " | ".join(SCENARIOS.values())
    lines = [f"| client | version | {marks} |", f"|---|---|{'---|' * len(SCENARIOS)}"]
    for client in listed:
        cells = ["yes" if scenario in client.passes else "no" for scenario in SCENARIOS]
        lines.append(f"| {client.name} | `{client.package}` {client.version} | {' | '.join(cells)} |")
    lines += ["", "## How to point each at Antiphon", "", "| client | setting |", "|---|---|"]
    lines += [f"| {client.name} | {client.setting} |" for client in listed]
    noted = [client for client in listed if client.notes]
    if noted:
        lines += ["", "## To know", "", *(f"- **{client.name}**: {client.notes}." for client in noted)]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(to_markdown(clients()), end="")  # noqa: T201
