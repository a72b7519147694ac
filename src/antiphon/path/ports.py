"""What the relay, which does no I/O, works on."""

from typing import Protocol

from antiphon.path.leg_state import LegState
from antiphon.path.legs import Leg, Route


class Ports(Protocol):
    """What the relay works on."""

    def send(self, message: bytes) -> None:
        """Send a server event to the client."""
        ...

    def close_client(self, code: int, reason: str) -> None:
        """End the call and the client's connection."""
        ...

    def open_leg(self, state: LegState, route: Route) -> Leg:
        """Begin to connect; what the leg tells is given to the relay with `state`."""
        ...

    def serve_by(self, state: LegState | None) -> None:
        """Another leg serves the client from now on, or none does."""
        ...

    def log(self, message: str) -> None:
        """Write a line for the operator."""
        ...
