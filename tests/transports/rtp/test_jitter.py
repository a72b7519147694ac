"""The jitter buffer by itself: positions on the RTP clock, and time that is passed in."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.transports.rtp.jitter import MAX_DELAY, MAX_PACKETS, MIN_DELAY, Arrival, Cause, Entry, Gap, JitterBuffer

TICKS = 960


def buffer_at(first: int = 0, start: int = 0) -> JitterBuffer:
    return JitterBuffer(48_000, first, start)


def put(buffer: JitterBuffer, number: int, now: float, timestamp: int | None = None, ticks: int = TICKS) -> Arrival:
    """Put a packet in as the network gives it: its numbers wrapped."""
    position = number * TICKS if timestamp is None else timestamp
    wide = buffer.unwrap(number & 0xFFFF, position & 0xFFFF_FFFF)
    return buffer.put(Entry(*wide, ticks, 111, b"%d" % number), now)


def take_all(buffer: JitterBuffer, now: float, count: int) -> list[int | tuple[Cause, int]]:
    """Take so often, 20 ms apart; packets by number, gaps by cause and length."""
    taken = [buffer.take(now + index * 0.020) for index in range(count)]
    return [(one.cause, one.ticks) if isinstance(one, Gap) else int(one.payload) for one in taken]


def started(numbers: Sequence[int], now: float = 1.0) -> JitterBuffer:
    """Return a buffer that these packets came into at once, and whose first is due at `now`."""
    buffer = buffer_at(numbers[0], numbers[0] * TICKS)
    for number in numbers:
        put(buffer, number, now - MIN_DELAY - 0.001 + (number - numbers[0]) * 0.020)
    return buffer


def test_packets_are_played_in_their_order() -> None:
    buffer = buffer_at()
    for number in (0, 2, 1, 3):
        put(buffer, number, 0.0)
    assert take_all(buffer, 0.06, 4) == [0, 1, 2, 3]
    assert buffer.lost == 0


def test_a_stream_may_begin_with_its_second_packet() -> None:
    """As long as nothing was played, an earlier packet is welcome."""
    buffer = buffer_at(5, 5 * TICKS)
    assert put(buffer, 5, 0.0) is Arrival.KEPT
    assert put(buffer, 4, 0.001) is Arrival.KEPT
    assert take_all(buffer, 0.06, 2) == [4, 5]
    assert buffer.first == 4


def test_the_first_packet_waits_for_those_that_may_be_slower() -> None:
    buffer = buffer_at()
    put(buffer, 0, 1.0)
    assert take_all(buffer, 1.001, 2) == [(Cause.PAUSED, TICKS), 0]


def test_a_packet_that_came_before_is_a_duplicate() -> None:
    buffer = started([0, 1])
    assert put(buffer, 1, 1.0) is Arrival.DUPLICATE
    assert take_all(buffer, 1.0, 1) == [0]
    assert put(buffer, 0, 1.0) is Arrival.DUPLICATE


def test_a_packet_whose_time_was_filled_is_late() -> None:
    buffer = started([0, 2, 3])
    assert take_all(buffer, 1.0, 3) == [0, (Cause.LOST, TICKS), 2]
    assert put(buffer, 1, 1.06) is Arrival.LATE
    assert put(buffer, 1, 1.06) is Arrival.DUPLICATE
    assert take_all(buffer, 1.06, 1) == [3]
    assert buffer.lost == 1


def test_a_packet_that_is_only_delayed_is_played() -> None:
    """Nothing came after it, so it was not lost: the stream goes on where it stood."""
    buffer = started([0])
    assert take_all(buffer, 1.0, 3) == [0, (Cause.STARVED, TICKS), (Cause.STARVED, TICKS)]
    assert put(buffer, 1, 1.06) is Arrival.KEPT
    assert take_all(buffer, 1.06, 1) == [1]
    assert buffer.lost == 0


def test_time_that_passed_without_packets_counts_for_the_lost_one() -> None:
    buffer = started([0])
    take_all(buffer, 1.0, 2)  # packet 0, and the time of packet 1
    put(buffer, 2, 1.03)
    assert take_all(buffer, 1.04, 1) == [2]
    assert buffer.lost == 1


def test_the_last_piece_of_a_loss_names_the_packet_after_it() -> None:
    """Which may carry a copy of that piece."""
    buffer = started([0, 4])
    pieces = [buffer.take(1.0 + index * 0.020) for index in range(5)]
    assert [piece.following for piece in pieces if isinstance(piece, Gap)] == [None, None, pieces[4]]
    assert buffer.lost == 3


def test_a_packet_still_in_time_is_played_within_a_loss() -> None:
    buffer = started([0, 4])
    assert take_all(buffer, 1.0, 2) == [0, (Cause.LOST, TICKS)]
    assert put(buffer, 3, 1.03) is Arrival.KEPT
    assert put(buffer, 1, 1.03) is Arrival.LATE
    assert take_all(buffer, 1.04, 3) == [(Cause.LOST, TICKS), 3, 4]


def test_a_jump_of_the_timestamp_alone_is_a_pause() -> None:
    """The sender's DTX: the packets follow one another, their times do not."""
    buffer = started([0])
    put(buffer, 1, 1.079, timestamp=5 * TICKS)
    assert take_all(buffer, 1.0, 6) == [0, *[(Cause.PAUSED, TICKS)] * 4, 1]
    assert buffer.lost == 0


def test_a_timestamp_far_off_begins_a_new_time_line() -> None:
    """A sender that starts its timestamps anew is not waited for."""
    buffer = started([0, 1])
    put(buffer, 2, 1.02, timestamp=10_000_000)
    put(buffer, 3, 1.04, timestamp=10_000_000 + TICKS)
    put(buffer, 4, 1.06, timestamp=-50_000_000)
    assert take_all(buffer, 1.0, 5) == [0, 1, 2, 3, 4]


def test_packets_without_a_length_are_passed_over() -> None:
    """Telephone events take sequence numbers, but no time of their own: the stream pauses, and nothing is lost."""
    buffer = started([0])
    for number in (1, 2, 3):
        put(buffer, number, 1.0, timestamp=TICKS, ticks=0)
    put(buffer, 4, 1.02, timestamp=3 * TICKS)
    assert take_all(buffer, 1.0, 4) == [0, (Cause.PAUSED, TICKS), (Cause.PAUSED, TICKS), 4]
    assert buffer.lost == 0


def test_a_loss_before_an_event_is_counted_once() -> None:
    buffer = started([0])
    put(buffer, 2, 1.0, timestamp=2 * TICKS, ticks=0)
    put(buffer, 3, 1.0, timestamp=2 * TICKS)
    assert take_all(buffer, 1.0, 3) == [0, (Cause.LOST, TICKS), 3]
    assert buffer.lost == 1


class CountedPackets(dict[int, Entry]):
    """Packets that count how often they are asked for one."""

    asked = 0

    def pop(self, number: int, *default: Any) -> Any:
        self.asked += 1
        return super().pop(number, *default)

    def get(self, number: int, default: Any = None) -> Any:
        self.asked += 1
        return super().get(number, default)

    def __delitem__(self, number: int) -> None:
        self.asked += 1
        super().__delitem__(number)


def test_a_jump_of_the_numbers_is_no_more_work_than_a_step() -> None:
    """3000 packets are counted as lost, but looked at by nobody."""
    buffer = started([0, 3000, 6000])
    buffer._packets = packets = CountedPackets(buffer._packets)
    assert take_all(buffer, 1.0, 3) == [0, 3000, 6000]
    assert buffer.lost == 2 * 2999
    assert packets.asked < 20


def test_of_a_jump_the_last_packets_may_still_come_late() -> None:
    buffer = started([0, 3000])
    take_all(buffer, 1.0, 2)
    assert put(buffer, 2999, 1.02) is Arrival.LATE
    assert put(buffer, 3000 - MAX_PACKETS, 1.02) is Arrival.LATE
    assert buffer.lost == 2999


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.integers(1, 4), st.integers(1, 3000)), st.sampled_from([TICKS, 0])), max_size=60)
)
def test_every_number_that_did_not_come_is_lost_once(steps: list[tuple[int, int]]) -> None:
    """However far the numbers jump, and whether audio or events came."""
    buffer = started([0])
    number, now = 0, 1.0
    for step, ticks in steps:
        number += step
        now += 0.020
        put(buffer, number, now, ticks=ticks)
        buffer.take(now)
    while not buffer.empty:
        now += 0.020
        buffer.take(now)
    assert buffer.lost == number - len(steps)


@pytest.mark.parametrize("first", [0xFFFE, 0x7FFE])
@pytest.mark.parametrize("start", [0xFFFF_FFFF - TICKS, 0x7FFF_FFFF - TICKS])
def test_numbers_wrap_without_a_seam(first: int, start: int) -> None:
    buffer = buffer_at(first, start)
    for index in range(6):
        put(buffer, first + index, 1.0 + index * 0.020, timestamp=start + index * TICKS)
    assert take_all(buffer, 1.04, 6) == [first + index for index in range(6)]
    assert buffer.lost == 0
    assert buffer.highest == first + 5


def test_the_delay_follows_the_jitter_and_comes_back_slowly() -> None:
    buffer = buffer_at()
    for number in range(200):
        put(buffer, number, number * 0.020 + 0.030 * (number % 2))
        buffer.take(number * 0.020 + 0.050)
    assert buffer.jitter == pytest.approx(0.030, rel=0.01)
    assert buffer.target == pytest.approx(0.020 + 4 * 0.030, rel=0.01)
    for number in range(200, 1700):
        put(buffer, number, number * 0.020)
        buffer.take(number * 0.020 + 0.050)
    assert 0.020 < buffer.target < 0.030


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), max_size=60))
def test_the_delay_stays_within_its_bounds(delays: list[float]) -> None:
    buffer = buffer_at()
    for number, delay in enumerate(delays):
        put(buffer, number, number * 0.020 + delay)
        assert MIN_DELAY <= buffer.target <= MAX_DELAY


def test_a_burst_beyond_all_bounds_keeps_the_newest() -> None:
    buffer = started(range(MAX_PACKETS + 20))
    assert buffer.discarded == 20
    assert take_all(buffer, 10.0, 1) == [20]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),  # a tick
            st.tuples(st.integers(0, 3000), st.integers(0, 0xFFFF_FFFF), st.sampled_from([0, 120, 960, 5760])),
            st.tuples(st.integers(0, 40), st.integers(0, 40).map(lambda frame: frame * TICKS), st.just(TICKS)),
        ),
        max_size=200,
    )
)
def test_whatever_comes_is_played_in_order_once_and_bounded(events: list[tuple[int, int, int] | None]) -> None:
    buffer = buffer_at()
    played: list[int] = []
    kept, now = 0, 0.0
    for event in events:
        if event is None:
            now += 0.020
            taken = buffer.take(now)
            if isinstance(taken, Entry):
                played.append(taken.sequence_number)
            else:
                assert taken.ticks > 0
        else:
            number, timestamp, ticks = event
            wide = buffer.unwrap(number, timestamp)
            kept += buffer.put(Entry(*wide, ticks, 111, b""), now) is Arrival.KEPT
    assert played == sorted(set(played))
    assert len(played) + buffer.discarded <= kept
    for _ in range(5000):
        now += 0.020
        buffer.take(now)
    assert buffer.excess(now) == 0.0, "the buffer does not run empty"
