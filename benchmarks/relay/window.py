"""What counts: the events sent between two moments, and how they came out at the other end."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.relay.histogram import Histogram


@dataclass
class Tally:
    """Of one direction in one group of sessions; only events whose stamp lies in the window count.

    Args:
        disorder: Events that were not the successor of the one before, in the window or not.
    """

    sent: int = 0
    received: int = 0
    disorder: int = 0
    latencies: Histogram = field(default_factory=Histogram)

    def report(self) -> dict[str, Any]:
        return {
            "sent": self.sent,
            "received": self.received,
            "disorder": self.disorder,
            "latencies": self.latencies.packed(),
        }


class Window:
    """Tallies by group.

    Args:
        begin: Of the window, nanoseconds of CLOCK_MONOTONIC.
        end: Likewise.
    """

    def __init__(self, begin: int = 0, end: int = 0) -> None:
        self.begin = begin
        self.end = end
        self.tallies: dict[str, Tally] = {}

    def tally(self, group: str) -> Tally:
        return self.tallies.setdefault(group, Tally())

    def sent(self, tally: Tally, at: int) -> None:
        if self.begin <= at < self.end:
            tally.sent += 1

    def received(self, tally: Tally, stamped: int, now: int) -> None:
        if self.begin <= stamped < self.end:
            tally.received += 1
            tally.latencies.add(now - stamped)

    def report(self) -> dict[str, Any]:
        return {group: tally.report() for group, tally in self.tallies.items()}
