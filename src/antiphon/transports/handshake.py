"""What a client said when it asked for a WebSocket: path, query, headers and subprotocols."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

SUBPROTOCOL = "realtime"


@dataclass(frozen=True)
class Handshake:
    """A valid WebSocket upgrade request.

    Query and headers may hold keys, so they are left out of its `repr`.

    Args:
        path: Without the query.
        query: Names and values in the order they came, percent-decoded.
        headers: Names in lower case, values decoded as Latin-1.
        peer: Address of the client, for logs.
    """

    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    peer: str = ""

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query key, None without one; an empty value is "" and not None."""
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str | None:
        """Return a header's value, several of one name joined by commas."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client offered, in its order."""
        offered = self.header("sec-websocket-protocol") or ""
        return tuple(name.strip() for name in offered.split(",") if name.strip())

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol to select: exactly `realtime` when offered, else none.

        Browsers and several clients fail when nothing, or something that they did not offer, is selected.
        """
        return SUBPROTOCOL if SUBPROTOCOL in self.subprotocols else None


def read_handshake(target: bytes, headers: list[tuple[bytes, bytes]], peer: str) -> Handshake | None:
    """Return the handshake in a GET request, None when it is not a valid one (RFC 6455, section 4.2.1).

    Args:
        target: Path and query as sent.
        headers: Names in lower case.
        peer: Address of the client.
    """
    path, _, query = target.decode("latin-1").partition("?")
    text = tuple((name.decode("latin-1"), value.decode("latin-1").strip()) for name, value in headers)
    handshake = Handshake(path, tuple(parse_qsl(query, keep_blank_values=True)), text, peer)
    return handshake if _is_valid(handshake) else None


def _is_valid(handshake: Handshake) -> bool:
    connection = (handshake.header("connection") or "").lower().split(",")
    return (
        (handshake.header("upgrade") or "").lower() == "websocket"
        and "upgrade" in (token.strip() for token in connection)
        and handshake.header("sec-websocket-version") == "13"
        and handshake.header("transfer-encoding") is None
        and handshake.header("content-length") in (None, "0")
        and _is_nonce(handshake.header("sec-websocket-key") or "")
    )


def _is_nonce(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
