"""What one client over HTTP may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpLimits:
    """Bounds on one client.

    Args:
        max_message: Bytes of one POST; twice as many may wait at a time.
        max_unsent: Bytes waiting for a client that does not read; with more, the next event ends the connection.
        max_waiting: POSTs that wait for their turn.
        begin_seconds: How long a session may take to begin.
        alive_seconds: Between comments in a stream, which keep proxies from closing it.
        dead_seconds: A stream whose network takes nothing for so long is lost.
        close_seconds: How long a stream may take to deliver the rest.
        turn_seconds: How long a POST waits for its turn.
        poll_seconds: A client that polls, and has not for so long, is lost.
        keep_seconds: How long the order of POSTs is kept for a client that was lost.
    """

    max_message: int = 22_000_000
    max_unsent: int = 16_000_000
    max_waiting: int = 64
    begin_seconds: float = 30.0
    alive_seconds: float = 15.0
    dead_seconds: float = 40.0
    close_seconds: float = 5.0
    turn_seconds: float = 10.0
    poll_seconds: float = 30.0
    keep_seconds: float = 600.0
