"""A Realtime client over WebSocket: events out, events in, and errors that say what to do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from antiphon.errors import UpstreamError
from antiphon.talk.address import ANY_KEY, Address
from antiphon.talk.text import printable
from antiphon.wire.connect import MAX_MESSAGE, Endpoint, connect
from antiphon.wire.failures import ConnectError, Failure, FailureKind
from antiphon.wire.tls import client_tls

CLOSE_SECONDS = 2.0
NO_STATUS = 1005
ABNORMAL = 1006
_MASK = "********"
_CLOSE_HINTS = {
    1001: "the server is going away, or the session reached its longest duration; connect again",
    1008: "the server's policy forbids it; check the key and the model",
    1011: "the server failed; its log says why",
    1012: "the server restarts; try again in a few seconds",
    1013: "the server is full or still loading; try again later",
    3000: "the server does not accept the key; check --key, or the variable in the environment",
    4000: "the server does not accept the request; check --model and --url",
    ABNORMAL: "the connection broke without a goodbye; see whether the server still runs",
}
_STATUS_HINTS = {
    400: "the server does not take the request for a WebSocket of the Realtime API; check --url",
    401: "the key was not accepted; check --key, or OPENAI_API_KEY or ANTIPHON_API_KEY in the environment",
    403: "the key may not use this server or model; check its permissions, --model and --url",
    404: "there is no Realtime API at this path; it usually ends with /v1/realtime",
    426: "the server does not speak WebSocket here; check --url",
    429: "too many sessions or requests, or no quota left; wait, or check the account",
    503: "the server is not ready or overloaded; try again in a few seconds",
}

_HINTS = {
    FailureKind.DNS: "check --url and the network",
    FailureKind.REFUSED: "start the server (`antiphon serve`), or check host and port of --url",
    FailureKind.TLS_UNTRUSTED: "check the host name, or name the authority's file in SSL_CERT_FILE",
    FailureKind.TLS: "if the server speaks no TLS, use ws:// or http://",
    FailureKind.TIMEOUT: "check --url, or give a longer --timeout",
    FailureKind.NOT_HTTP: "check --url, and whether the port speaks TLS (wss://)",
}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


@dataclass(frozen=True)
class Closed:
    """How a connection ended: the server's close code and reason."""

    code: int
    reason: str


class RealtimeClient(WSListener):
    """One connection.

    Args:
        address: The server.
        key: Sent as a bearer token; never part of a message.
        on_event: Called with each event, on the event loop.
    """

    def __init__(self, address: Address, key: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._address = address
        self._key = key
        self._on_event = on_event
        self._transport: WSTransport | None = None
        self._parts = bytearray()
        self._received_close: Closed | None = None
        self._closed: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    async def open(self, patience: float) -> None:
        """Connect.

        Args:
            patience: Longest wait for the server's answer, in seconds.

        Raises:
            UpstreamError: It cannot be reached, or refuses.
        """
        tls = client_tls() if self._address.is_secure else None
        headers = (("Authorization", f"Bearer {self._key}"),)
        try:
            await connect(Endpoint(self._address.url, headers, tls, seconds=patience), self)
        except ConnectError as error:
            why = self.clean(_why(error.failure))
            raise UpstreamError(f"cannot connect to {self._address.shown}: {why}") from error

    def send(self, event: dict[str, Any]) -> None:
        """Send an event; it is dropped once the connection is closing."""
        if self._transport is not None and not self._transport.is_close_frame_sent and not self._closed.done():
            self._transport.send(WSMsgType.TEXT, _encoder.encode(event))

    async def closed(self) -> Closed:
        """Wait until the connection has ended. Raises what `on_event` raised, if that ended it."""
        return await asyncio.shield(self._closed)

    async def close(self) -> None:
        """Say goodbye with 1000 and wait a moment for the server's; then drop the connection."""
        if self._transport is None:
            return
        if not self._transport.is_disconnected and not self._transport.is_close_frame_sent:
            self._transport.send_close(WSCloseCode.OK)
        _, unanswered = await asyncio.wait({self._closed}, timeout=CLOSE_SECONDS)
        self._transport.disconnect(graceful=not unanswered)

    def clean(self, text: str) -> str:
        """Return `text` on one line and without the key, which a server may quote."""
        return printable(text.replace(self._key, _MASK) if self._hides_key else text)

    @property
    def _hides_key(self) -> bool:
        return len(self._key) > len(ANY_KEY)

    def explain(self, closed: Closed, last_error: str | None) -> str:
        """Return one sentence on why the server closed the connection, and what to do.

        Args:
            closed: How it ended.
            last_error: What the last `error` event said; a server says more there than in the close reason.
        """
        said = last_error or closed.reason
        hint = _CLOSE_HINTS.get(closed.code, "the server ended the conversation")
        return self.clean(
            f"{self._address.shown} closed the connection ({closed.code}): {f'{said}; ' if said else ''}{hint}"
        )

    # --- picows' listener -------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._receive_close(transport, frame)
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._parts += frame.get_payload_as_memoryview()
            if len(self._parts) > MAX_MESSAGE:
                transport.disconnect(graceful=False)
            elif frame.fin:
                message, self._parts = bytes(self._parts), bytearray()
                self._receive(message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        if not self._closed.done():
            self._closed.set_result(self._received_close or Closed(ABNORMAL, ""))

    def _receive(self, message: bytes) -> None:
        if self._hides_key:
            message = message.replace(self._key.encode(), _MASK.encode())
        try:
            event = _decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # a server that garbles one message is still worth talking to
        if isinstance(event, dict) and not self._closed.done():
            try:
                self._on_event(event)
            except Exception as error:  # our own mistake must reach the caller, not picows' log
                self._closed.set_exception(error)

    def _receive_close(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        code = int.from_bytes(payload[:2]) if len(payload) >= 2 else NO_STATUS
        self._received_close = Closed(code, payload[2:].decode(errors="replace"))
        transport.send(WSMsgType.CLOSE, payload[:2])  # unless ours went first: then picows drops it
        transport.disconnect()


def _why(failure: Failure) -> str:
    """Return what happened while connecting, and what to do."""
    if failure.kind is not FailureKind.STATUS:
        return f"{failure.message}; {_HINTS.get(failure.kind, 'check --url and the network')}"
    if failure.location:
        return f"{failure.message}; give that address as --url"
    hint = _STATUS_HINTS.get(failure.status, "the server refused the WebSocket")
    return f"{failure.message}: {failure.said + '; ' if failure.said else ''}{hint}"
