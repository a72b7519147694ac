"""How long a route rests after failures."""

import pytest

from antiphon.engines.upstream.rest import Rest
from antiphon.path.legs import Cause


def rests(cause: Cause, count: int, draw: float = 1.0) -> list[float]:
    """Return the lengths of consecutive rests, each failure coming when the one before is over."""
    rest, found = Rest(lambda: draw), []
    for _ in range(count):
        now = rest.until
        assert rest.failed(cause, now)
        found.append(rest.until - now)
    return found


@pytest.mark.parametrize("cause", [Cause.UNREACHABLE, Cause.LOST, Cause.FULL, Cause.SILENT])
def test_what_may_come_back_is_tried_soon(cause: Cause) -> None:
    assert rests(cause, 8) == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_rate_limit_takes_longer() -> None:
    assert rests(Cause.RATE_LIMIT, 6) == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize("cause", [Cause.CREDENTIALS, Cause.QUOTA])
def test_what_somebody_must_mend_takes_longest(cause: Cause) -> None:
    assert rests(cause, 6) == [60, 120, 240, 480, 600, 600]


def test_jitter_takes_up_to_half() -> None:
    assert rests(Cause.UNREACHABLE, 2, draw=0.0) == [0.25, 0.5]


@pytest.mark.parametrize("cause", [Cause.CLIENT, Cause.EXPIRED])
def test_what_says_nothing_about_the_route_is_no_reason_to_rest(cause: Cause) -> None:
    rest = Rest(lambda: 1.0)
    assert not rest.failed(cause, 5.0)
    assert rest.until == 0.0


def test_calls_that_fail_together_count_once() -> None:
    rest = Rest(lambda: 1.0)
    for _ in range(50):
        rest.failed(Cause.UNREACHABLE, 10.0)
    assert rest.until == 10.5


def test_a_graver_cause_makes_a_rest_longer_and_a_lighter_one_never_shorter() -> None:
    rest = Rest(lambda: 1.0)
    rest.failed(Cause.UNREACHABLE, 0.0)
    rest.failed(Cause.CREDENTIALS, 0.1)
    assert rest.until == 60.1
    rest.failed(Cause.UNREACHABLE, 0.2)
    assert rest.until == 60.1


def test_success_forgets_all() -> None:
    rest = Rest(lambda: 1.0)
    rest.failed(Cause.UNREACHABLE, 0.0)
    rest.failed(Cause.UNREACHABLE, 1.0)
    rest.worked()
    assert rest.until == 0.0
    rest.failed(Cause.UNREACHABLE, 100.0)
    assert rest.until == 100.5
