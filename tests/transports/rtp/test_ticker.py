"""The ticker on a loop whose clock the tests move."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Any, cast

import pytest

from antiphon.transports.rtp.ticker import Ticker


class Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Just the loop's clock and its timers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.runs = 0
        self._timers: list[tuple[float, int, Timer, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., None], *args: Any) -> Timer:
        timer = Timer()
        heapq.heappush(self._timers, (when, len(self._timers) + self.runs * 1000, timer, callback, args))
        return timer

    @property
    def waiting(self) -> int:
        return sum(not timer.cancelled for _, _, timer, _, _ in self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass, timers on time."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end + 1e-9:
            self.now = max(self.now, self._timers[0][0])
            self._run_first()
        self.now = end

    def block(self, seconds: float) -> None:
        """Let time pass with the loop busy, then run what is due."""
        self.now += seconds
        self.advance(0)

    def _run_first(self) -> None:
        _, _, timer, callback, args = heapq.heappop(self._timers)
        self.runs += 1
        if not timer.cancelled:
            callback(*args)


class Counter:
    """A member that notes when it was called, and does what a test wants then."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.ticks: list[float] = []
        self.failures: list[Exception] = []
        self._act = act

    def tick(self, now: float) -> None:
        self.ticks.append(round(now - 100.0, 6))
        self._act()

    def ticker_failed(self, error: Exception) -> None:
        self.failures.append(error)


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def ticker(loop: FakeLoop) -> Ticker:
    return Ticker(cast(asyncio.AbstractEventLoop, loop))


def test_a_member_is_called_every_20_ms(loop: FakeLoop, ticker: Ticker) -> None:
    member = Counter()
    ticker.add(member)
    loop.advance(10.0)
    assert member.ticks == [round(index * 0.020, 6) for index in range(501)]


def test_members_take_turns(loop: FakeLoop, ticker: Ticker) -> None:
    """Eight members in four phases of 5 ms, two in each."""
    members = [Counter() for _ in range(8)]
    for member in members:
        ticker.add(member)
    loop.advance(0.019)
    assert sorted(member.ticks[0] for member in members) == [0, 0, 0.005, 0.005, 0.010, 0.010, 0.015, 0.015]


def test_only_phases_with_members_wake_the_loop(loop: FakeLoop, ticker: Ticker) -> None:
    ticker.add(Counter())
    loop.advance(0.999)
    assert loop.runs == 50


def test_a_member_added_twice_is_called_once(loop: FakeLoop, ticker: Ticker) -> None:
    member = Counter()
    ticker.add(member)
    ticker.add(member)
    assert len(ticker) == 1
    loop.advance(0.019)
    assert len(member.ticks) == 1


def test_without_members_there_is_no_timer(loop: FakeLoop, ticker: Ticker) -> None:
    first, second = Counter(), Counter()
    assert loop.waiting == 0
    ticker.add(first)
    ticker.add(second)
    assert loop.waiting == 1
    ticker.discard(first)
    ticker.discard(second)
    ticker.discard(second)
    assert loop.waiting == 0
    loop.advance(1.0)
    ticker.add(first)
    loop.advance(0.019)
    assert first.ticks == [1.0]


@pytest.mark.parametrize(("late", "caught_up"), [(0.060, 3), (0.100, 5), (0.120, 5), (2.0, 5)])
def test_late_ticks_are_caught_up_within_bounds(loop: FakeLoop, ticker: Ticker, late: float, caught_up: int) -> None:
    """Each of them is told the time at which it was due."""
    member = Counter()
    ticker.add(member)
    loop.advance(0.001)
    member.ticks.clear()
    loop.block(late)
    expected = [round(late - 0.020 * back, 6) for back in reversed(range(caught_up))]
    assert member.ticks == expected
    loop.advance(0.020)
    assert member.ticks[-1] == round(late + 0.020, 6)


def test_the_loop_breathes_while_late_ticks_are_caught_up(loop: FakeLoop, ticker: Ticker) -> None:
    """Each phase is a callback of its own, so that packets come in between."""
    for _ in range(4):
        ticker.add(Counter())
    loop.advance(0.001)
    before = loop.runs
    loop.block(0.080)
    assert loop.runs - before == 16


def test_a_member_that_raises_is_dropped_and_told(
    loop: FakeLoop, ticker: Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("broken")

    def fail() -> None:
        raise error

    broken, others = Counter(fail), [Counter() for _ in range(4)]
    for member in (broken, *others):
        ticker.add(member)
    loop.advance(0.100)
    assert (len(broken.ticks), broken.failures) == (1, [error])
    assert all(len(other.ticks) >= 5 for other in others)
    assert "gets no more ticks" in caplog.text


def test_a_member_that_raises_on_learning_of_its_failure_stops_nobody(
    loop: FakeLoop, ticker: Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    class Hopeless(Counter):
        def tick(self, now: float) -> None:
            raise ValueError("broken")

        def ticker_failed(self, error: Exception) -> None:
            raise RuntimeError("and its end as well")

    others = [Counter() for _ in range(4)]
    for member in (others[0], Hopeless(), *others[1:]):
        ticker.add(member)
    loop.advance(0.100)
    assert all(len(other.ticks) >= 5 for other in others)
    assert "and its end as well" in caplog.text
    assert len(ticker) == 4


def test_the_last_member_may_leave_in_its_tick(loop: FakeLoop, ticker: Ticker) -> None:
    member = Counter(lambda: ticker.discard(member))
    ticker.add(member)
    loop.advance(0.100)
    assert (len(member.ticks), loop.waiting) == (1, 0)


def test_a_member_discarded_by_another_in_the_same_turn_is_not_called(loop: FakeLoop, ticker: Ticker) -> None:
    victims = [Counter() for _ in range(4)]

    def discard_all() -> None:
        for victim in victims:
            ticker.discard(victim)

    ticker.add(Counter(discard_all))
    for victim in victims:
        ticker.add(victim)
    loop.advance(0.100)
    assert [victim.ticks for victim in victims] == [[]] * 4


async def test_a_real_loop_does_as_well() -> None:
    done = asyncio.Event()
    ticker = Ticker()
    member = Counter(lambda: done.set() if len(member.ticks) == 3 else None)
    ticker.add(member)
    await asyncio.wait_for(done.wait(), 30)
    ticker.discard(member)
    steps = [(second - first) / 0.020 for first, second in zip(member.ticks, member.ticks[1:], strict=False)]
    assert steps == pytest.approx(
        [max(1, round(step)) for step in steps], abs=1e-3
    )  # more than 1 where the loop was busy
