"""What can go wrong, and when: the decisions, pure and the same for the same seed.

Nothing here acts; `FaultPlan` only says which faults an event meets.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from antiphon.engines.scripted.event_names import CLIENT_EVENTS, SERVER_EVENTS

CONNECT = "connect"


class Side(Enum):
    """Who sends an event."""

    CLIENT = "client"
    SERVER = "server"


class Place(Enum):
    """Where a fault stands beside its event."""

    BEFORE = "before"
    AFTER = "after"
    INSTEAD = "instead"


class Group(Enum):
    """What kind of thing a fault does."""

    UPGRADE = "answers the upgrade request"
    CHANGE = "changes the event"
    ACT = "does something beside the event"


# What each fault is; `drop` is an answer to the upgrade at `connect`, and else an act.
GROUPS: Mapping[str, Group] = {
    **dict.fromkeys(("refuse", "redirect", "never_answer"), Group.UPGRADE),
    **dict.fromkeys(("delay", "omit", "duplicate", "reorder"), Group.CHANGE),
    **dict.fromkeys(("malformed_json", "binary", "half_message"), Group.CHANGE),
    **dict.fromkeys(("error", "error_then_close", "close", "drop", "stall"), Group.ACT),
    **dict.fromkeys(("late_pong", "trickle", "garbage", "rate_limits", "send"), Group.ACT),
}
# A client's event can be spoiled only by the client; these need one of ours.
SERVER_CHANGES = frozenset({"malformed_json", "binary", "half_message"})
# What may stand at `connect`, beside the answers to the upgrade: the connection is accepted, and this comes first.
AT_CONNECT = frozenset({"error_then_close", "close", "drop", "stall", "late_pong", "trickle", "garbage", "send"})


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Args:
        at: `connect`, an event's type, a pattern such as `response.*`, or `client` or `server` for all their events.
        do: What happens, a key of `GROUPS`.
        nth: On which match in a connection, from 1; None for every one.
        probability: Of happening at a match; drawn from the seed.
        session: Which connections it concerns, from 1; none for all.
        place: Where an act stands beside its event.
        wait: Seconds until an act is done; the event does not wait for it.
        options: What else `do` takes, complete and checked.
    """

    at: str
    do: str
    nth: int | None = 1
    probability: float = 1.0
    session: tuple[int, ...] = ()
    place: Place = Place.AFTER
    wait: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> Group:
        return Group.UPGRADE if self.at == CONNECT and self.do == "drop" else GROUPS[self.do]

    def matches(self, side: Side, kind: str) -> bool:
        """Whether an event of that type is meant."""
        if self.at in (Side.CLIENT.value, Side.SERVER.value):
            return self.at == side.value
        return self.at == kind or (is_pattern(self.at) and fnmatchcase(kind, self.at))


def is_pattern(at: str) -> bool:
    return "*" in at or "?" in at


def sides_of(at: str) -> frozenset[Side]:
    """Return whose events `at` may meet; none for a name that no event has."""
    if at in (Side.CLIENT.value, Side.SERVER.value):
        return frozenset({Side(at)})
    known = ((Side.CLIENT, CLIENT_EVENTS), (Side.SERVER, SERVER_EVENTS))
    return frozenset(side for side, names in known if any(fnmatchcase(name, at) for name in names))


class FaultPlan:
    """Which faults the events of one connection meet.

    Every fault draws from a sequence of its own, so that whether it happens depends on the seed, the connection and
    its own matches alone.

    Args:
        faults: All of them by a number that never means another; some may come and go while the plan is used.
        seed: The script's.
        connection: The connection's number, from 1.
    """

    def __init__(self, faults: Mapping[int, Fault], seed: int, connection: int) -> None:
        self._faults = faults
        self._seed = seed
        self._connection = connection
        self._matches: dict[int, int] = {}
        self._random: dict[int, random.Random] = {}

    def connect(self) -> tuple[Fault, ...]:
        """Return the faults of the connection itself."""
        met = [(number, fault) for number, fault in self._concerned() if fault.at == CONNECT]
        return tuple(fault for number, fault in met if self._happens(number, fault))

    def decide(self, side: Side, kind: str) -> tuple[Fault, ...]:
        """Return the faults that the next event meets, in the script's order; to be asked once for each event."""
        met = [(number, fault) for number, fault in self._concerned() if fault.matches(side, kind)]
        return tuple(fault for number, fault in met if self._happens(number, fault))

    def noise(self, number: int) -> bytes:
        """Return that many random bytes, always the same for the same seed and connection."""
        return random.Random(f"{self._seed}/{self._connection}/noise").randbytes(number)  # noqa: S311

    def _concerned(self) -> list[tuple[int, Fault]]:
        return [
            (number, fault)
            for number, fault in self._faults.items()
            if not fault.session or self._connection in fault.session
        ]

    def _happens(self, number: int, fault: Fault) -> bool:
        self._matches[number] = self._matches.get(number, 0) + 1
        if fault.nth not in (None, self._matches[number]):
            return False
        if number not in self._random:
            self._random[number] = random.Random(f"{self._seed}/{self._connection}/{number}")  # noqa: S311
        return self._random[number].random() < fault.probability
