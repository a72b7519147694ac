"""A server that goes away and comes back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from tests.running import RunningServer, free_port, running_server

Make = Callable[[int], AbstractContextManager[RunningServer]]


def embedded(port: int) -> AbstractContextManager[RunningServer]:
    """Run the embedded engine, which waits no longer than a second for its sessions when it is told to end."""
    return running_server(port=port, ANTIPHON_SERVER_DRAIN_SECONDS="1")


class RestartableServer:
    """A server that keeps its port through restarts, and nothing else.

    Args:
        make: How it is run on a port.
    """

    def __init__(self, make: Make) -> None:
        self.port = free_port()
        self._make = make
        self._stack = ExitStack()
        self._running: RunningServer | None = None

    def start(self) -> None:
        """Start it; returns when it is ready."""
        self._running = self._stack.enter_context(self._make(self.port))

    def stop(self, kill: bool = False) -> None:
        """End it; returns when it has ended.

        Args:
            kill: As a crash does, without a word to its clients.
        """
        if kill and self._running:
            self._running.process.kill()
        self._running = None
        self._stack.close()

    def restart(self, kill: bool = False) -> None:
        """End it and start it anew."""
        self.stop(kill)
        self.start()


@contextmanager
def restartable_server(make: Make = embedded) -> Iterator[RestartableServer]:
    """Run a server that can be restarted until the block ends.

    Args:
        make: How it is run on a port.
    """
    server = RestartableServer(make)
    server.start()
    try:
        yield server
    finally:
        server.stop()
