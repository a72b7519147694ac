"""What one forwarded event costs in the call path, on one core and without any socket.

    python -m benchmarks.relay.event_cost

First the whole way from transport to leg and back (`path.Call`, with the ledger and everything else), then its parts;
beside them `json.loads`, which most relays run on every event.
"""

import asyncio
import json
from collections.abc import Callable
from functools import partial

from antiphon.path.calls import Calls
from antiphon.path.legs import Cause, LegListener, LegStart
from antiphon.path.relayed import RelayEngine
from antiphon.protocol.heads import audio_size, type_of
from antiphon.session.start import SessionStart
from antiphon.transports.base import EngineSession
from benchmarks.event_path import microseconds
from benchmarks.machine import machine
from benchmarks.relay.messages import Answer, Append, event, new_session, now, server_event

MODEL = "gpt-realtime"
APPEND = Append().next(now())
ANSWER = Answer({})
DELTA = ANSWER.next(now())


class Sink:
    """A client, and a leg: takes everything and does nothing."""

    unsent = 0

    def __init__(self) -> None:
        self.count = 0

    def send(self, message: bytes) -> None:  # noqa: ARG002 - fits both interfaces
        self.count += 1

    def close(self, *_: object) -> None:
        """Nothing to close."""

    def abort(self) -> None:
        """Nothing to drop."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


class Road:
    """A route to a leg that is there at once."""

    name = "sink"
    rests_until = 0.0
    continues = True

    def __init__(self) -> None:
        self.leg = Sink()
        self.tell: Callable[[bytes], None] = lambda _: None

    def open(self, start: LegStart, listener: LegListener) -> Sink:  # noqa: ARG002 - fits Route
        self.tell = listener.leg_received
        created = server_event("session.created", session=new_session(MODEL))
        asyncio.get_running_loop().call_soon(self.tell, created)
        return self.leg

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:  # noqa: ARG002
        raise AssertionError(f"the leg ended: {cause}")

    def worked(self) -> None:
        """As expected."""


async def begin(extensions: bool) -> tuple[EngineSession, Road, Sink]:
    """Return a call in the middle of a response."""
    road, client = Road(), Sink()
    call = Calls(RelayEngine([road])).open(SessionStart(MODEL, extensions=extensions), client)
    await asyncio.sleep(0.01)
    road.tell(server_event("session.updated", session=new_session(MODEL)))  # where the call configures its leg
    call.receive(event("response.create"))
    for message in ANSWER.opening():
        road.tell(message)
    return call, road, client


async def measure() -> None:
    for title, extensions in (("", False), (", resumable", True)):
        call, road, client = await begin(extensions)
        for name, ours, message, counted in (
            ("append", call.receive, APPEND, road.leg),
            ("audio delta", road.tell, DELTA, client),
        ):
            before = counted.count
            ours(message)
            if counted.count != before + 1:
                raise SystemExit(f"the {name} did not come through the call path")
            show(f"{name} through the call path{title}", ours, message)
        call.close()
    for name, message, key in (("append", APPEND, b'"audio"'), ("audio delta", DELTA, b'"delta"')):
        show(f"{name}: type_of", type_of, message)
        show(f"{name}: audio_size", partial(audio_size, key=key), message)
        show(f"{name}: json.loads", json.loads, message)


def show(title: str, call: Callable[[bytes], object], message: bytes) -> None:
    print(f"{title:50}{microseconds(lambda: call(message)):8.2f}", flush=True)


def main() -> None:
    print(machine(), end="\n\n")
    print(f"{'µs of one event':50}")
    asyncio.run(measure())


if __name__ == "__main__":
    main()
