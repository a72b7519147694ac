"""Says that a STUN or TURN server is of no use, but not with every call."""

import asyncio
import logging

_log = logging.getLogger("antiphon.webrtc")

SECONDS_BETWEEN = 60.0
_MOST_SERVERS = 16


class ServerFailures:
    """Writes at most one warning a minute about each server."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}  # when, by URL

    def tell(self, url: str, error: BaseException, now: float) -> None:
        """Warn of what a call met.

        Args:
            url: Of the server, without credentials.
            error: What became of the question; its text may be the server's, and is not written.
            now: In seconds, of any clock.
        """
        last = self._told.get(url)
        if last is not None and now - last < SECONDS_BETWEEN:
            return
        if len(self._told) >= _MOST_SERVERS:
            self._told.clear()
        self._told[url] = now
        _log.warning("%s is of no use to calls: %s", url, _kind_of(error))


def _kind_of(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):  # by us, when time was up
        return "it did not answer in time"
    code = _status_of(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _status_of(error: BaseException) -> int | None:
    """Return the status of a STUN answer, such as 401, or an operating system's number."""
    if isinstance(error, OSError):
        return error.errno
    attributes = getattr(getattr(error, "response", None), "attributes", {})
    code, _ = attributes.get("ERROR-CODE", (None, ""))
    return code if isinstance(code, int) else None
