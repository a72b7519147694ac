"""The jitter buffer: puts packets in order, and says what to play when.

It knows positions on a stream's RTP clock and the time that is passed in, but neither codecs nor samples. What is
played moves the *head*, the position that is due next. How late the head is, is measured against the fastest packets of
the last seconds: that holds through pauses, and follows the drift of the sender's clock.
"""

from enum import Enum
from typing import NamedTuple

MAX_PACKETS = 100  # 2 s of usual packets; what a burst brings beyond them is thrown away, the oldest first
MIN_DELAY, MAX_DELAY = 0.020, 0.200
FRAME = 0.020
JITTERS = 4  # of this mean deviation: all of evenly spread delays, 98 % of exponential ones
PATIENCE = 500  # packets over which the delay shrinks to a third when the network gets quiet: 10 s
PAUSE = 0.100  # what was filled longer than this is a pause, in which the delay may be changed freely
LATE, EARLY = 0.030, 0.0  # a pause is cut or stretched beyond these; a frame lies between, so that it does not swing
DISCONTINUITY = 1.0  # a timestamp that leads or lags by more belongs to a new time line
LONGEST_EXCESS = 4.0  # what is in the buffer, and a stall of the network before it
STALL = 0.250  # a packet that is slower by more tells nothing of those that come after it
WINDOW = 5.0  # half of the time in which the fastest packet is looked for
NEVER = float("inf")


class Entry(NamedTuple):
    """A packet in the buffer, with 64-bit sequence number and timestamp: they do not wrap.

    Attributes:
        sequence_number: Unwrapped.
        timestamp: Unwrapped.
        ticks: Its length on the RTP clock; 0 takes a place in the sequence, but no time (telephone events).
        payload_type: Which codec.
        payload: For it.
    """

    sequence_number: int
    timestamp: int
    ticks: int
    payload_type: int
    payload: bytes


class Cause(Enum):
    """Why there is nothing to play: it is lost, or nothing more is there, or the sender paused."""

    LOST = "lost"
    STARVED = "starved"
    PAUSED = "paused"


class Gap(NamedTuple):
    """So many ticks without a packet.

    Attributes:
        cause: Why.
        ticks: How many.
        following: The packet that comes right after the gap, and may carry a copy of what was in it.
    """

    cause: Cause
    ticks: int
    following: Entry | None = None


class Arrival(Enum):
    """What became of a packet that arrived."""

    KEPT = "kept"
    LATE = "late"
    DUPLICATE = "duplicate"


class JitterBuffer:
    """The packets of one stream between their arrival and their playing.

    Args:
        clock_rate: Of the RTP timestamps, in Hz.
        sequence_number: Of the stream's first packet, which is still to be put in.
        timestamp: Likewise.
    """

    def __init__(self, clock_rate: int, sequence_number: int, timestamp: int) -> None:
        self.clock_rate = clock_rate
        self.first = self.highest = sequence_number  # of what arrived, unwrapped
        self.jitter = 0.0  # RFC 3550, section 6.4.1, in seconds
        self.target = MIN_DELAY  # how much later than the fastest packet the head is to be, in seconds
        self.lost = 0  # packets that were given up
        self.discarded = 0  # packets thrown away because there were too many
        self._frame = round(clock_rate * FRAME)
        self._discontinuity = round(clock_rate * DISCONTINUITY)
        self._packets: dict[int, Entry] = {}
        self._given_up: set[int] = set()
        self._newest_timestamp = timestamp
        self._next = sequence_number  # to be played next
        self._started = False
        self._end = timestamp  # where what was played last ended
        self._filled = 0  # ticks since then that were filled with something else
        self._transit = NEVER  # arrival time less timestamp, of the newest packet
        self._fastest = self._fastest_before = NEVER
        self._window_ends = 0.0

    @property
    def empty(self) -> bool:
        return not self._packets

    def unwrap(self, sequence_number: int, timestamp: int) -> tuple[int, int]:
        """Return both without their wraps: those nearest to the newest packet's."""
        return _nearest(self.highest, sequence_number, 16), _nearest(self._newest_timestamp, timestamp, 32)

    def put(self, entry: Entry, now: float) -> Arrival:
        """Take a packet that arrived now; its numbers are unwrapped."""
        number = entry.sequence_number
        if number in self._packets:
            return Arrival.DUPLICATE
        if number < self._next and self._started:
            return self._too_late(entry, now)
        if number < self._next:
            self.first, self._next, self._end = number, number, entry.timestamp
        if number > self.highest:
            self.highest, self._newest_timestamp = number, entry.timestamp
        self._measure(entry, now)
        self._packets[number] = entry
        if len(self._packets) > MAX_PACKETS:
            self._discard_oldest()
        return Arrival.KEPT

    def _too_late(self, entry: Entry, now: float) -> Arrival:
        if entry.sequence_number not in self._given_up:
            return Arrival.DUPLICATE
        self._given_up.discard(entry.sequence_number)
        self._measure(entry, now)  # for it is what the delay has to grow for
        return Arrival.LATE

    def _discard_oldest(self) -> None:
        oldest = self._packets.pop(min(self._packets))
        self.discarded += 1
        self._played(oldest)

    def _measure(self, entry: Entry, now: float) -> None:
        """Follow the packets' transit times: how much they vary, and the shortest. The clocks' difference is in all."""
        transit = now - entry.timestamp / self.clock_rate
        change = abs(transit - self._transit)
        self._transit = transit
        if change > STALL:  # the first packet, a new time line, or a stall; what it held back comes sooner and sooner
            self._fastest, self._fastest_before, self._window_ends = transit, NEVER, now + WINDOW
            return
        self.jitter += (change - self.jitter) / 16
        wanted = min(MIN_DELAY + JITTERS * self.jitter, MAX_DELAY)
        self.target = max(wanted, self.target + (wanted - self.target) / PATIENCE)
        if now > self._window_ends:
            self._fastest, self._fastest_before, self._window_ends = transit, self._fastest, now + WINDOW
        elif transit < self._fastest:
            self._fastest = transit

    def excess(self, now: float) -> float:
        """Return by how many seconds the head is later than it need be; below 0, than it should be. 0 when empty."""
        if not self._packets:
            return 0.0
        head = self._end + self._filled
        first = self._packets.get(self._next)
        if first and not 0 <= first.timestamp - head <= self._discontinuity:
            head = first.timestamp
        return self._excess(head, now)

    def _excess(self, head: int, now: float) -> float:
        excess = now - head / self.clock_rate - min(self._fastest, self._fastest_before) - self.target
        # Beyond these bounds the head and the fastest packet are of different time lines, which nothing compares.
        return excess if -2 * MAX_DELAY < excess < LONGEST_EXCESS else 0.0

    def take(self, now: float) -> Entry | Gap:
        """Return what comes next, and move the head behind it."""
        entry = self._first()
        if entry is None:
            self._filled += self._frame
            return Gap(Cause.STARVED, self._frame)
        missing = entry.timestamp - self._end - self._filled
        if missing > self._discontinuity:
            missing = 0
        if missing > 0 and entry.sequence_number != self._next:
            return self._loss(entry, missing)
        if gap := self._pause(entry, missing, now):
            return gap
        self._packets.pop(entry.sequence_number)
        self._played(entry)
        return entry

    def _first(self) -> Entry | None:
        """Return the earliest packet with a length; those without one are passed over, the time goes on by itself."""
        while (entry := self._packets.get(self._next)) is not None:
            if entry.ticks:
                return entry
            self._packets.pop(self._next)
            self._next += 1
        if not self._packets:
            return None
        first = min((entry for entry in self._packets.values() if entry.ticks), default=None)
        if first is None:
            self._give_up(self.highest + 1)
            self._next = self.highest + 1
        return first

    def _played(self, entry: Entry) -> None:
        self._give_up(entry.sequence_number)
        self._next = entry.sequence_number + 1
        self._end, self._filled, self._started = entry.timestamp + entry.ticks, 0, True

    def _give_up(self, before: int) -> None:
        """Count the packets that are missing from the next one to `before` as lost; they are too late from now on."""
        if before <= self._next:
            return
        there = [number for number in self._packets if number < before]  # they have no length
        for number in there:
            del self._packets[number]
        self.lost += before - self._next - len(there)
        # The numbers may jump by thousands; those far back are not kept, for their packets will hardly come.
        self._given_up.update(range(max(self._next, before - MAX_PACKETS), before))
        self._given_up.difference_update(there)
        if len(self._given_up) > 2 * MAX_PACKETS:
            self._given_up = {number for number in self._given_up if number >= before - MAX_PACKETS}

    def _pause(self, entry: Entry, missing: int, now: float) -> Gap | None:
        """Return the silence that is due before a packet which follows the last one, in a pause as long as it fits.

        Only here the delay is changed without anybody hearing it.
        """
        if missing > 0:
            excess = self._excess(self._end + self._filled, now)
            if excess > LATE:
                cut = min(missing, int(excess / FRAME) * self._frame)
                self._filled += cut
                missing -= cut
            if missing <= 0:
                return None
            ticks = min(missing, self._frame)
            self._filled += ticks
            return Gap(Cause.PAUSED, ticks)
        in_pause = not self._started or self._filled >= self.clock_rate * PAUSE
        if in_pause and self._excess(entry.timestamp, now) < EARLY:
            return Gap(Cause.PAUSED, self._frame)
        return None

    def _loss(self, entry: Entry, missing: int) -> Gap:
        """Return the next piece of what is lost before a packet: one frame, or just what its copy can fill."""
        ticks = missing if missing <= entry.ticks else min(missing - entry.ticks, self._frame)
        self._filled += ticks
        # Packets whose time has now passed are given up; those with time left may still come.
        may_come = -(-(missing - ticks) // entry.ticks)
        given_up = max(self._next, entry.sequence_number - may_come)
        self._give_up(given_up)
        self._next = given_up
        return Gap(Cause.LOST, ticks, entry if ticks == missing else None)


def _nearest(reference: int, value: int, bits: int) -> int:
    """Return the number nearest to `reference` whose low bits are `value`."""
    half = 1 << (bits - 1)
    return reference + ((value - reference + half) & ((1 << bits) - 1)) - half
