"""Server-sent events, as OpenAI-compatible servers stream them. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

# A chunk is a few hundred bytes; a whole long answer in one event stays far below this.
_LONGEST_EVENT = 4 * 1024 * 1024
DONE = "[DONE]"


class MalformedStreamError(Exception):
    """The server sent something that is not what the API says; the message shows what."""


class ServerReportedError(Exception):
    """The server reported an error inside its answer."""


class EventDecoder:
    """Splits bytes into the data of server-sent events, however the network cut them.

    Source: WHATWG HTML, server-sent events: lines end with LF, CRLF or CR; `:` begins a comment.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of the events that `chunk` completes.

        Raises:
            MalformedStreamError: A line is endless or not UTF-8.
        """
        self._rest += chunk
        if len(self._rest) > _LONGEST_EVENT:
            raise MalformedStreamError(f"an event longer than {_LONGEST_EVENT} bytes")
        # A CR at the end may be half of a CRLF: wait for what follows.
        whole = self._rest[:-1] if self._rest.endswith(b"\r") else self._rest
        lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + self._rest[len(whole) :]
        return [data for line in lines if (data := self._line(line)) is not None]

    def finish(self) -> list[str]:
        """Return what an ended stream left without its closing blank line."""
        rest, self._rest = self._rest, b""
        found = [self._line(line) for line in (*rest.splitlines(), b"")]
        return [data for data in found if data is not None]

    def _line(self, raw: bytes) -> str | None:
        if not raw:
            data, self._data = "\n".join(self._data), []
            return data or None
        line = _utf8(raw).removeprefix("\ufeff")
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        return None


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedStreamError(f"a line that is not UTF-8: {raw[:40]!r}") from error


def parse_object(data: str) -> Mapping[str, Any]:
    """Return the JSON object of an event.

    Raises:
        MalformedStreamError: It is something else.
        ServerReportedError: It is an error.
    """
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise MalformedStreamError(f"data that is not JSON: {data[:80]!r}") from error
    if not isinstance(parsed, Mapping):
        raise MalformedStreamError(f"data that is not an object: {data[:80]!r}")
    if reported := parsed.get("error"):
        said = reported.get("message") or reported if isinstance(reported, Mapping) else reported
        raise ServerReportedError(str(said))
    return parsed
