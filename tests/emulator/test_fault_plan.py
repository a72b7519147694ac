"""Which events meet which faults: pure, and the same for the same seed."""

from typing import Any

import pytest

from antiphon.engines.scripted import Fault, FaultPlan, Side
from antiphon.engines.scripted.faults import sides_of


def plan(*faults: Fault, seed: int = 0, connection: int = 1) -> FaultPlan:
    return FaultPlan(dict(enumerate(faults)), seed, connection)


def hits(plan: FaultPlan, kind: str, count: int, side: Side = Side.SERVER) -> list[bool]:
    return [bool(plan.decide(side, kind)) for _ in range(count)]


def test_a_fault_meets_the_first_event_of_its_type_alone() -> None:
    assert hits(plan(Fault("response.done", "drop")), "response.done", 3) == [True, False, False]
    assert hits(plan(Fault("response.done", "drop")), "response.created", 2) == [False, False]


def test_nth_counts_from_one_and_none_is_every() -> None:
    assert hits(plan(Fault("response.done", "drop", nth=3)), "response.done", 4) == [False, False, True, False]
    assert hits(plan(Fault("response.done", "omit", nth=None)), "response.done", 3) == [True] * 3


def test_other_events_do_not_count() -> None:
    """`nth` counts the events that a fault is for, whatever lies between them."""
    chosen = plan(Fault("response.done", "drop", nth=2))
    assert not chosen.decide(Side.SERVER, "response.done")
    assert not chosen.decide(Side.SERVER, "response.created")
    assert chosen.decide(Side.SERVER, "response.done")


@pytest.mark.parametrize(
    ("at", "side", "kind", "met"),
    [
        ("server", Side.SERVER, "response.done", True),
        ("server", Side.CLIENT, "response.create", False),
        ("client", Side.CLIENT, "response.create", True),
        ("client", Side.CLIENT, "no.such.event", True),
        ("response.*.delta", Side.SERVER, "response.output_audio.delta", True),
        ("response.*.delta", Side.SERVER, "response.output_audio.done", False),
        ("response.create", Side.SERVER, "response.created", False),
    ],
)
def test_what_at_means(at: str, side: Side, kind: str, met: bool) -> None:
    assert bool(plan(Fault(at, "omit")).decide(side, kind)) is met


def test_a_fault_may_concern_some_connections_only() -> None:
    fault = Fault("response.done", "drop", session=(2, 4))
    assert [hits(plan(fault, connection=n), "response.done", 1)[0] for n in range(1, 6)] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_faults_of_the_connection_are_asked_for_apart() -> None:
    chosen = plan(Fault("connect", "drop"), Fault("response.done", "drop"))
    assert [fault.at for fault in chosen.connect()] == ["connect"]
    assert not chosen.decide(Side.SERVER, "connect")


def test_chance_follows_the_seed() -> None:
    fault = Fault("response.done", "omit", nth=None, probability=0.3)

    def drawn(**numbers: Any) -> list[bool]:
        return hits(plan(fault, **numbers), "response.done", 200)

    assert drawn(seed=1) == drawn(seed=1)
    assert drawn(seed=1) != drawn(seed=2)
    assert drawn(seed=1) != drawn(seed=1, connection=2)
    assert 30 < sum(drawn(seed=1)) < 90


def test_chance_does_not_depend_on_other_faults() -> None:
    """A fault's draws are its own: another beside it, or events for that one, change nothing."""
    fault = Fault("response.done", "omit", nth=None, probability=0.5)
    alone = hits(plan(fault), "response.done", 50)
    both = plan(fault, Fault("response.created", "omit", nth=None, probability=0.5))
    beside = []
    for _ in range(50):
        both.decide(Side.SERVER, "response.created")
        beside.append(bool(both.decide(Side.SERVER, "response.done")))
    assert beside == alone


def test_a_fault_that_is_added_counts_from_then_on() -> None:
    faults: dict[int, Fault] = {}
    chosen = FaultPlan(faults, 0, 1)
    assert hits(chosen, "response.done", 2) == [False, False]
    faults[0] = Fault("response.done", "omit")
    assert hits(chosen, "response.done", 2) == [True, False]
    faults.clear()
    faults[1] = Fault("response.done", "omit")
    assert hits(chosen, "response.done", 2) == [True, False]


def test_noise_is_the_same_for_the_same_seed() -> None:
    assert plan(seed=5).noise(64) == plan(seed=5).noise(64)
    assert plan(seed=5).noise(64) != plan(seed=6).noise(64)
    assert len(plan().noise(64)) == 64


def test_client_and_server_events_are_told_apart() -> None:
    assert sides_of("response.create") == {Side.CLIENT}
    assert sides_of("response.created") == {Side.SERVER}
    assert sides_of("response.audio.delta") == {Side.SERVER}  # the beta's
    assert sides_of("response.*") == {Side.CLIENT, Side.SERVER}
    assert sides_of("response.creatd") == frozenset()
