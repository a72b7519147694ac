"""Which route is tried next, and when."""

import pytest

from antiphon.path.legs import Cause
from antiphon.path.options import RelayOptions
from antiphon.path.search import Search
from antiphon.protocol.ids import Ids
from tests.path.kit import FakeRoute

OPTIONS = RelayOptions(backoff_seconds=1.0, backoff_most_seconds=8.0)


def searching(*routes: FakeRoute, failures: int = 0, avoided: int | None = None) -> Search:
    search = Search(routes, OPTIONS, Ids(bytes))  # type: ignore[arg-type]
    search.begin(100.0, failures, avoided)
    return search


def test_routes_are_tried_best_first_and_once_a_round() -> None:
    search = searching(FakeRoute("a"), FakeRoute("b"))
    assert [search.take(100.0) for _ in range(3)] == [0, 1, None]
    search.next_round(100.0)
    assert search.take(100.0) == 0


def test_a_route_that_rests_is_left_out() -> None:
    resting = FakeRoute("a")
    resting.rests_until = 105.0
    search = searching(resting, FakeRoute("b"))
    assert (search.take(100.0), search.take(100.0), search.take(105.0)) == (1, None, 0)


def test_a_route_that_does_not_serve_comes_last() -> None:
    search = searching(FakeRoute("a"), FakeRoute("b"), avoided=0)
    assert (search.take(100.0), search.take(100.0)) == (1, None)
    search.next_round(100.0)
    assert search.take(100.0) == 0


def test_pauses_double_up_to_a_bound() -> None:
    search = searching(FakeRoute("a"))
    waits = [search.next_round(100.0) - 100.0 for _ in range(6)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]  # chance takes half of 1, 2, 4, 8, 8, 8


def test_legs_that_were_lost_at_once_count_as_rounds() -> None:
    assert searching(FakeRoute("a"), failures=3).next_round(100.0) == 102.0


def test_when_all_rest_the_first_to_wake_is_waited_for_but_not_for_ever() -> None:
    route = FakeRoute("a")
    route.rests_until = 103.0
    assert searching(route).next_round(100.0) == 103.0
    route.rests_until = float("inf")
    assert searching(route).next_round(100.0) == 108.0


@pytest.mark.parametrize(("cause", "hopeful"), [(Cause.CREDENTIALS, False), (Cause.QUOTA, False), (Cause.FULL, True)])
def test_what_only_the_operator_can_mend_gives_no_hope(cause: Cause, hopeful: bool) -> None:
    search = searching(FakeRoute("a"))
    search.failed(cause)
    assert search.is_hopeful is hopeful
