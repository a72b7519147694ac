"""What a client receives that comes and goes: over all its connections each event once, and in order."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.path.test_call import RESUMABLE, MemoryClient, Scene, settled


class Returning:
    """A client that loses its connection at any moment and comes back, over one connection after another."""

    def __init__(self) -> None:
        self.scene = Scene(RESUMABLE)
        self.connection = self.scene.client
        self.call = self.scene.call
        self.got: list[dict[str, Any]] = []
        self.said: list[str] = []

    def take(self, events: int) -> None:
        """Receive so many events of those that are on their way over this connection."""
        self.got += self.connection.events[:events]
        del self.connection.events[:events]

    def come_back(self, *, noticed: bool) -> None:
        """Lose what is on its way, and tell what came last."""
        if noticed:
            self.call.close(lost=True)
            self.say()
        again = MemoryClient()
        token = next(event["token"] for event in self.got if event["type"] == "antiphon.session.resumable")
        call = self.scene.engine.resume(token, again, self.got[-1]["event_id"])
        assert call is not None
        self.connection, self.call = again, call

    def say(self) -> None:
        """The model's server says something."""
        name = f"event_said_{len(self.said)}"
        self.said.append(name)
        message = {"type": "rate_limits.updated", "event_id": name, "rate_limits": []}
        self.scene.leg.listener.leg_received(json.dumps(message).encode())


RETURNS = st.lists(st.tuples(st.sampled_from(["say", "take", "noticed", "unnoticed"]), st.integers(0, 3)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(steps=RETURNS)
def test_over_all_connections_a_client_gets_each_event_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_come_and_go(steps))


async def _come_and_go(steps: list[tuple[str, int]]) -> None:
    client = Returning()
    await settled()
    client.take(10)
    for step, count in steps:
        match step:
            case "say":
                client.say()
            case "take":
                client.take(count)
            case _:
                client.come_back(noticed=step == "noticed")
    client.take(len(client.connection.events))
    assert [event["event_id"] for event in client.got if event["type"] == "rate_limits.updated"] == client.said
    assert all(event["complete"] for event in client.got if event["type"] == "antiphon.session.resumed")
    assert client.scene.engine.parked == 0
    client.call.close()
