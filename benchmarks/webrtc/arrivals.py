"""How evenly a stream's packets came. Pure arithmetic: sequence numbers, timestamps and times come in."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.relay.histogram import Histogram

FRAME_TICKS = 960  # 20 ms at 48000 Hz
LIMIT_MS = 30.0  # at the 99th percentile of the gaps: half a packet late
LEAST_SHARE = 0.99  # of the packets that are due
HOPELESS_SHARE = 0.9
MOST_SHARE = 1.01  # with more the server catches up with what it did not do before
LEAST_HEARD = 0.97  # of the client's audio; what is under way at both ends of the window is not known


@dataclass
class Tally:
    """Of many streams, in one stretch of time.

    Args:
        gaps: Between packets that follow each other with no pause in the sound, nanoseconds.
        packets: That came.
        lost: That were missing between two that came.
    """

    gaps: Histogram = field(default_factory=Histogram)
    packets: int = 0
    lost: int = 0

    def report(self) -> dict[str, Any]:
        return {"gaps": self.gaps.packed(), "packets": self.packets, "lost": self.lost}


def gathered(reports: list[dict[str, Any]]) -> Tally:
    """Return the sum of what several processes reported."""
    gaps = Histogram.unpacked(report["gaps"] for report in reports)
    return Tally(gaps, sum(report["packets"] for report in reports), sum(report["lost"] for report in reports))


class Stream:
    """The packets of one call."""

    def __init__(self) -> None:
        self._number = self._timestamp = self._at = 0
        self._begun = False

    def packet(self, number: int, timestamp: int, at: int, tally: Tally | None) -> None:
        """Take a packet that came; without a tally it only counts as the one before the next.

        Args:
            number: Sequence number, 16 bits.
            timestamp: 32 bits.
            at: When it came, nanoseconds.
        """
        if tally is not None:
            tally.packets += 1
            if self._begun:
                self._count(number, timestamp, at, tally)
        self._number, self._timestamp, self._at, self._begun = number, timestamp, at, True

    def _count(self, number: int, timestamp: int, at: int, tally: Tally) -> None:
        step = number - self._number & 0xFFFF
        if step == 1 and timestamp - self._timestamp & 0xFFFF_FFFF == FRAME_TICKS:
            tally.gaps.add(at - self._at)
        elif 1 < step < 0x8000:
            tally.lost += step - 1


@dataclass(frozen=True)
class Load:
    """What a number of calls, each speaking and spoken to, met with.

    Args:
        seconds: That were measured.
        received: What came at the clients.
        sent: How evenly the clients sent: a load generator that cannot keep up measures itself.
        heard: Seconds of the clients' audio that the server decoded.
        cpu: Seconds of the server's processor.
        refusals: Why calls could not be begun.
    """

    calls: int
    seconds: float = 0.0
    received: Tally = field(default_factory=Tally)
    sent: Tally = field(default_factory=Tally)
    heard: float = 0.0
    cpu: float = 0.0
    refusals: tuple[str, ...] = ()

    @property
    def cpu_ms(self) -> float:
        """Of the server, for one call and second."""
        return self.cpu / (self.calls * self.seconds) * 1000 if self.calls and self.seconds else float("nan")

    @property
    def core_share(self) -> float:
        return self.cpu / self.seconds if self.seconds else 0.0

    def gap(self, share: float) -> float:
        """Milliseconds."""
        return self.received.gaps.percentile(share)

    @property
    def due(self) -> float:
        """Packets that must come."""
        return self.calls * self.seconds * 50

    @property
    def tools_kept_up(self) -> bool:
        return self.sent.packets >= LEAST_SHARE * self.due and self.sent.gaps.percentile(0.99) < LIMIT_MS

    @property
    def is_hopeless(self) -> bool:
        """Whether it failed by more than what other programs on the machine, or calls that just began, may do."""
        return bool(self.refusals) or self.received.packets < HOPELESS_SHARE * self.due

    @property
    def passes(self) -> bool:
        """Whether everybody heard and was heard without a break."""
        came = LEAST_SHARE <= self.received.packets / self.due <= MOST_SHARE if self.due else False
        came = came and self.received.lost < (1 - LEAST_SHARE) * self.due
        was_heard = self.heard >= LEAST_HEARD * self.calls * self.seconds
        return not self.refusals and came and was_heard and self.gap(0.99) <= LIMIT_MS

    def __str__(self) -> str:
        if self.refusals:
            return f"{self.calls:4} calls: could not be begun: {self.refusals[0]}"
        came, heard = self.received.packets / self.due, self.heard / (self.calls * self.seconds)
        text = f"{self.calls:4} calls: core {self.core_share:4.0%}, {self.cpu_ms:5.1f} CPU ms a call and second, "
        text += f"gaps p50 {self.gap(0.5):.1f} p99 {self.gap(0.99):.1f} ms, came {came:.1%}, heard {heard:.1%}"
        lost = f", {self.received.lost} packets lost" if self.received.lost else ""
        slow = "" if self.tools_kept_up else ", the load generator did not keep up"
        return text + lost + slow
