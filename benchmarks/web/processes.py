"""What a browser's processes use of the processor, by what they do."""

import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.relay.processes import cpu_seconds, tree

# In the order of the table; what a page needs of its browser. The rest is the browser's own process and what draws.
KINDS = {
    "renderer": "--type=renderer",
    "audio": "--utility-sub-type=audio.mojom.AudioService",
    "network": "--utility-sub-type=network.mojom.NetworkService",
}
OTHERS = "browser, drawing"


@dataclass(frozen=True)
class Cpu:
    """Milliseconds of processor time in each second, by kind of process."""

    seconds: float
    ms: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.ms.values())


def kind_of(command: str) -> str:
    """Return the kind of a process by its command line."""
    words = command.replace("\0", " ").split()
    return next((kind for kind, flag in KINDS.items() if flag in words), OTHERS)


class Processes:
    """The processes of a browser.

    Args:
        browser: It runs on this machine.
    """

    def __init__(self, browser: Browser) -> None:
        session = browser.new_browser_cdp_session()
        told = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        self._root = next(int(each["id"]) for each in told if each["type"] == "browser")
        self._began = 0.0
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        self._began, self._before = time.monotonic(), self._used()

    def end(self) -> Cpu:
        """Return what was used since `begin`."""
        seconds, used = time.monotonic() - self._began, self._used()
        return Cpu(seconds, {kind: (used[kind] - self._before[kind]) * 1000 / seconds for kind in used})

    def _used(self) -> dict[str, float]:
        used = dict.fromkeys((*KINDS, OTHERS), 0.0)
        for pid in tree(self._root):
            kind = kind_of(Path(f"/proc/{pid}/cmdline").read_text())
            if kind != OTHERS:  # these have no children
                used[kind] += cpu_seconds(pid)
        used[OTHERS] = cpu_seconds(self._root) - sum(used.values())
        return used
