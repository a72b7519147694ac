"""What goes wrong: each fault as it meets a call that is being made, and one that is running."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.resilience.scene import House, Scene, fault

Deed = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Trouble:
    """One row.

    Args:
        name: As the page has it.
        prepare: Done before the client connects, for a fault before the session is ready.
        strike: Done in the middle of a running session.
        house: What stands behind the gateway.
        ends: Whether the call cannot go on, as nothing is left that could serve it.
        own: What a client sees of a server's own disorder, which is passed on; "" where nothing may be wrong.
        cuts: Whether a cut answer ends, and does not go on.
        lost: What could not be kept.
        quiet: Whether the client writes nothing in the moment of the fault, so that no answer is owed.
        after: Done at the end, before a last turn.
    """

    name: str
    prepare: Deed
    strike: Deed
    house: House = field(default_factory=House)
    ends: bool = False
    own: str = ""
    cuts: bool = False
    lost: str = "nothing"
    quiet: bool = False
    after: Deed | None = None


def _at_first(**table: Any) -> Deed:
    """Return what lets a fault meet the first connection."""

    async def do(scene: Scene) -> None:
        scene.first.add(fault(**{"session": 1, **table}))

    return do


def _now(do: str, **options: Any) -> Deed:
    """Return what does something to the running connection."""

    async def act(scene: Scene) -> None:
        scene.strikes()
        scene.act(do, **options)

    return act


def _from_now(**table: Any) -> Deed:
    """Return what spoils events that are still to come."""

    async def add(scene: Scene) -> None:
        scene.strikes()
        scene.first.add(fault(**{"session": 1, **table}))

    return add


def _ending(name: str, do: str, *, quiet: bool = False, **options: Any) -> Trouble:
    """Return a fault of the whole connection, whenever it comes."""
    return Trouble(name, _at_first(at="connect", do=do, **options), _now(do, **options), quiet=quiet)


def _refusing(name: str, house: House, *, ends: bool = False, **table: Any) -> Trouble:
    """Return a loss after which the upstream refuses to have the call back."""

    async def drop(scene: Scene) -> None:
        # For the second connection and all later ones.
        scene.first.add(fault(at="connect", session=list(range(2, 100)), nth="every", **table))
        scene.strikes()
        scene.first.drop_all()

    prepare = _at_first(at="connect", **{**table, "session": list(range(1, 100)), "nth": "every"})
    return Trouble(name, prepare, drop, house, ends, lost="the call" if ends else "nothing")


# --- servers that are gone ------------------------------------------------------------------------------------


async def _stop_first(scene: Scene) -> None:
    await scene.first.stop()


async def _come_back_when_refused(scene: Scene) -> None:
    """Start the upstream again once the gateway has found it gone."""
    await scene.routes[0].refusals.acquire()
    await scene.restart_first()


async def _away_for_a_while(scene: Scene) -> None:
    scene.strikes()
    await _stop_first(scene)
    scene.later(_come_back_when_refused)


async def _away_at_first(scene: Scene) -> None:
    await _stop_first(scene)
    scene.later(_come_back_when_refused)


async def _gone(scene: Scene) -> None:
    scene.strikes()
    await _stop_first(scene)


async def _back_again(scene: Scene) -> None:
    await scene.restart_first()
    await scene.caller.until("antiphon.route.changed", where=lambda event: event["reason"] == "return")


async def _killed(scene: Scene) -> None:
    scene.strikes()
    await scene.kill_process()
    scene.later(_come_back_when_refused)


async def _kill_when_connected(scene: Scene) -> None:
    """A process that takes connections and says nothing is killed once it was asked for a session."""

    async def kill(scene: Scene) -> None:
        await scene.routes[0].opened.wait()
        await scene.kill_process()
        await _come_back_when_refused(scene)

    scene.later(kill)


# --- rows -----------------------------------------------------------------------------------------------------


async def _drop_and_hang(scene: Scene) -> None:
    scene.first.add(fault(at="connect", do="never_answer", session=2))
    scene.strikes()
    scene.first.drop_all()


async def _half_message(scene: Scene) -> None:
    scene.first.add(fault(at="rate_limits.updated", do="half_message"))
    scene.strikes()
    scene.say(b'{"type":"rate_limits.updated","event_id":"event_half","rate_limits":[]}')


async def _lose_client(scene: Scene) -> None:
    scene.strikes()
    await scene.caller.lose_connection()
    await scene.caller.resume()


async def _lose_client_early(scene: Scene) -> None:
    """The client is lost before it was told how to come back; it begins a new call."""
    scene.first.add(fault(at="connect", do="stall", session=1))
    await scene.caller.connect()
    await scene.first.wait_for_connection()
    await scene.caller.lose_connection()


async def _at_the_cap(scene: Scene) -> None:
    """Wait until the session was replaced before its end: in a pause, or at the last moment where there is none."""
    before = len(scene.rollovers)
    await scene.caller.until("antiphon.route.changed", before + 1, lambda event: event["reason"] == "rollover")
    scene.strikes()
    scene.struck_at, scene.was_switched = scene.rollovers[-1], True


async def _no_preparation(scene: Scene) -> None:
    """Nothing is different for a call that begins."""


async def _drop_each_taker(scene: Scene) -> None:
    """From now on the first upstream drops each session as soon as it is told of the conversation."""
    scene.first.add(fault(at="conversation.item.create", do="close", session=list(range(2, 100)), nth="every"))
    scene.strikes()
    scene.first.drop_all()


TWO = House(upstreams=2)
NOBODY = House(give_up_seconds=0.5)
CAPPED = House(session_seconds=4.0, silence_seconds=60.0)
LAST_RESORT = House(local=True, return_seconds=0.2)
LLM_LAST = House(local=True, local_continues=True, return_seconds=0.2)
NO_MORE = House(cut_response="end")
REST = "the rest of an answer that was cut"
ACTIVE = "conversation_already_has_active_response"

TROUBLES = (
    _ending("TCP reset", "drop", how="reset"),
    _ending("end of the stream without CLOSE (1006)", "drop", how="fin"),
    _ending("CLOSE without a code (1005)", "close", code=1005),
    _ending("CLOSE 1001", "close", code=1001),
    _ending("CLOSE 1011", "close", code=1011),
    _ending("CLOSE 1012", "close", code=1012),
    _ending("CLOSE 1013", "close", code=1013),
    _ending("`session_expired`, then 1001", "error_then_close", code="session_expired"),
    Trouble("the session's cap comes near", _no_preparation, _at_the_cap, CAPPED),
    Trouble("half a message, then the end", _at_first(at="session.created", do="half_message"), _half_message),
    _ending("garbage in place of frames", "garbage"),
    _ending("silence, but for pongs", "stall", quiet=True),
    _ending("silence, and no pongs", "stall", pong=False, quiet=True),
    Trouble("no answer to the first upgrade", _at_first(at="connect", do="never_answer"), _drop_and_hang),
    Trouble("connections refused for a while", _away_at_first, _away_for_a_while),
    Trouble(
        "the process is killed, and started again", _kill_when_connected, _killed, House(upstreams=1, process=True)
    ),
    Trouble(
        "each session dropped when it is told of the conversation, a second route",
        _at_first(at="conversation.item.create", do="close", session=list(range(1, 100)), nth="every"),
        _drop_each_taker,
        TWO,
    ),
    _refusing("401 at the upgrade, a second route", TWO, do="refuse", status=401),
    _refusing("403 at the upgrade, a second route", TWO, do="refuse", status=403),
    _refusing("429 at the upgrade, a second route", TWO, do="refuse", status=429),
    _refusing("503 at the upgrade, a second route", TWO, do="refuse", status=503),
    _refusing("`invalid_api_key`, a second route", TWO, do="error_then_close", code="invalid_api_key"),
    _refusing("`insufficient_quota`, a second route", TWO, do="error_then_close", code="insufficient_quota"),
    _refusing("`invalid_api_key`, no other route", NOBODY, ends=True, do="error_then_close", code="invalid_api_key"),
    _refusing(
        "`insufficient_quota`, no other route", NOBODY, ends=True, do="error_then_close", code="insufficient_quota"
    ),
    Trouble(
        "`rate_limit_exceeded` in the session",
        _at_first(at="session.updated", do="error", code="rate_limit_exceeded"),
        _now("error", code="rate_limit_exceeded"),
    ),
    Trouble(
        f"`{ACTIVE}`",
        _at_first(at="response.create", do="error", code=ACTIVE),
        _from_now(at="response.create", do="error", code=ACTIVE),
    ),
    Trouble(
        "the next event is malformed JSON",
        _at_first(at="session.created", do="malformed_json"),
        _from_now(at="server", do="malformed_json"),
    ),
    Trouble(
        "the next event is binary",
        _at_first(at="session.created", do="binary"),
        _from_now(at="server", do="binary"),
    ),
    Trouble(
        "every event twice",
        _at_first(at="server", do="duplicate", nth="every"),
        _from_now(at="server", do="duplicate", nth="every", session=1),
    ),
    Trouble(
        "the next two events swapped",
        _at_first(at="session.created", do="reorder"),
        _from_now(at="server", do="reorder"),
        own="these two came swapped",
    ),
    Trouble(
        "a trickle of 100 kB/s",
        _at_first(at="connect", do="trickle", bytes_per_second=100_000),
        _now("trickle", bytes_per_second=100_000),
    ),
    Trouble(
        "gone for good; the embedded engine; back again",
        _stop_first,
        _gone,
        LAST_RESORT,
        cuts=True,
        lost=REST,
        after=_back_again,
    ),
    Trouble("the same; the embedded engine has a language model", _stop_first, _gone, LLM_LAST, after=_back_again),
    replace(
        _ending("TCP reset, `relay.cut_response` is `end`", "drop", how="reset"), house=NO_MORE, cuts=True, lost=REST
    ),
    Trouble("the client's connection breaks, and it comes back", _lose_client_early, _lose_client),
)
