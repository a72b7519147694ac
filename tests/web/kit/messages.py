"""The heads of HTTP messages, as much of them as a network looks at."""

from asyncio import IncompleteReadError, StreamReader
from dataclasses import dataclass


@dataclass
class Head:
    """The head of a request or of an answer.

    Args:
        first: The request line, or the status line.
        fields: Names and values, in their order.
    """

    first: str
    fields: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """Return a field's value, "" if there is none."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), "")

    def set(self, name: str, value: str) -> None:
        """Put a field in the place of all that have its name."""
        self.fields = [field for field in self.fields if field[0].lower() != name.lower()] + [(name, value)]

    def encode(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    @property
    def is_upgrade(self) -> bool:
        return self.get("Upgrade").lower() == "websocket"

    @property
    def is_offer(self) -> bool:
        """Whether it begins a WebRTC call, in any of the ways that are known."""
        method, _, rest = self.first.partition(" ")
        path = rest.split(" ")[0].split("?")[0]
        return method == "POST" and path in ("/v1/realtime", "/v1/realtime/calls")

    @property
    def is_created(self) -> bool:
        """Whether it is the answer 201, which holds the SDP of a call that has begun."""
        return self.first.split(" ")[1] == "201"

    @property
    def content_type(self) -> str:
        return self.get("Content-Type").split(";")[0].strip().lower()

    @property
    def length(self) -> int:
        """How long the body is, in bytes; the message says so."""
        return int(self.get("Content-Length"))


async def read_head(reader: StreamReader) -> Head:
    """Read a message up to its body.

    Raises:
        EOFError: There is none.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except IncompleteReadError as error:
        raise EOFError from error
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Head(first, [(name, value.strip()) for name, _, value in pairs])
