"""What the session wants done, in order: server events to send and requests to the stages."""

from antiphon.protocol.server_events import ServerEvent
from antiphon.session.requests import Request

Output = ServerEvent | Request


class Outbox:
    """Collects outputs until the driver takes them."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []

    def emit(self, event: ServerEvent) -> None:
        """Send `event` to the client."""
        self._outputs.append(event)

    def request(self, request: Request) -> None:
        """Ask a stage, or the connection, to do something."""
        self._outputs.append(request)

    def take(self) -> list[Output]:
        """Return what has gathered, and forget it."""
        outputs, self._outputs = self._outputs, []
        return outputs
