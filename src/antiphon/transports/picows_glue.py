"""Lets uvicorn and picows share a port: uvicorn reads the upgrade request, picows has the connection from then on.

The rest of the project sees neither; `websocket.py` builds on what is here.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

import httptools
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.transports.handshake import Handshake, read_handshake

HEAD_SECONDS = 10.0
# Client secrets travel in headers and queries; no client needs more than a few of them.
MAX_HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 2.0
# Read from one connection before others have their turn: some hundred small events.
READ_BYTES = 16 * 1024
# When a client counts as slow, and when no longer: a few seconds of audio at most wait for it.
UNSENT_HIGH_BYTES = 512 * 1024
UNSENT_LOW_BYTES = 128 * 1024


class _PicowsLog(logging.LoggerAdapter[logging.Logger]):
    """An adapter, because picows makes a logger for each connection out of a plain one."""

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """What picows calls an error is a client that breaks the protocol; the session's last line tells of it."""
        self.debug(msg, *args, **kwargs)


_log = _PicowsLog(logging.getLogger("antiphon.picows"), {})


class Listener(WSListener):
    """What gets the frames of one connection, each of `max_message` bytes at most.

    `heard` becomes true with every piece of data, so that a long message counts as a sign of life while it arrives.
    A listener that closes the connection sets `closing`.
    """

    heard = True
    closing = False
    max_message: int

    def on_broken_frame(self) -> None:
        """Called when picows has sent a CLOSE frame because the client broke the protocol."""
        raise NotImplementedError


# Gets the connection in the place of a listener, before any answer; what the client sends is thrown away.
Takeover = Callable[[asyncio.Transport], None]
Accept = Callable[[Handshake], Listener | Takeover | None]


# --- before the upgrade ---------------------------------------------------------------------------------------


class UpgradingHttp(HttpToolsProtocol):
    """uvicorn's HTTP, which hands WebSockets to picows, with bounds on the size and the time of a request's head.

    uvicorn itself drops what a client sends right behind its upgrade request, and waits for ever for a head to end.
    `accept` returns what listens to a WebSocket, or None where there is none: then the application answers.
    What it takes over instead is no WebSocket any more, nor uvicorn's.
    """

    accept: Accept

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False  # uvicorn's has queries in it, and they may hold keys
        self._data = b""
        self._accepted: Listener | Takeover | None = None
        self._handshake: Handshake | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, f"The request's head is larger than {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._accepted = None
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_ended()
        self._handshake = self._read_handshake()
        self._accepted = self.accept(self._handshake) if self._handshake else None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_ended(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int, message: str) -> None:
        self._head_ended()
        body = f'{{"error":{{"message":"{message}","type":"invalid_request_error","code":null,"param":null}}}}'.encode()
        head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def _read_handshake(self) -> Handshake | None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.parser.get_method() != b"GET" or self.parser.get_http_version() != "1.1":
            return None
        peer = f"{self.client[0]}:{self.client[1]}" if self.client else ""
        return read_handshake(self.url, self.headers, peer)

    # --- the upgrade, as called by uvicorn --------------------------------------------------------------------

    def _should_upgrade(self) -> bool:
        return self._accepted is not None

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing to warn of: the application answers."""

    def handle_websocket_upgrade(self) -> None:
        upgrade = sys.exception()  # uvicorn calls this where it handles the parser's "here the request ended"
        assert isinstance(upgrade, httptools.HttpParserUpgrade)
        accepted, self._accepted = self._accepted, None
        assert accepted is not None
        assert self._handshake is not None
        behind = self._data[upgrade.args[0] :]
        self.connections.discard(self)
        self.parser = None  # type: ignore[assignment]
        if isinstance(accepted, Listener):
            protocol = _WebSocketProtocol(accepted, self._handshake)
            self.transport.set_protocol(protocol)
            protocol.begin(self.transport, behind)
        else:
            self.transport.set_protocol(asyncio.Protocol())
            accepted(self.transport)


def upgrading_http(accept: Accept) -> type[asyncio.Protocol]:
    """Return the class that uvicorn takes as `http`."""
    return cast(type[asyncio.Protocol], type("UpgradingHttp", (UpgradingHttp,), {"accept": staticmethod(accept)}))


# --- after it -------------------------------------------------------------------------------------------------


class _WebSocketProtocol(WSProtocol):  # type: ignore[misc]
    """picows' protocol for a connection whose upgrade request is known already."""

    def __init__(self, listener: Listener, handshake: Handshake) -> None:
        self._answer = WSUpgradeResponseWithListener(_switching(handshake), listener)
        self._key = handshake.header("sec-websocket-key")
        self._frames_to = listener
        super().__init__(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=self._accept,
            logger=_log,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=0,
            auto_ping_reply_timeout=0,
            auto_ping_strategy=1,
            enable_auto_pong=False,
            max_frame_size=listener.max_message,
            extra_headers=None,
            read_buffer_init_size=4096,
        )

    def _accept(self, _request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return self._answer

    def begin(self, transport: asyncio.Transport, behind: bytes) -> None:
        """Take over the connection; `behind` is what came after the upgrade request."""
        self._socket = transport
        self._loop = asyncio.get_running_loop()
        self._patient = PatientTransport(transport)
        transport.set_write_buffer_limits(high=UNSENT_HIGH_BYTES, low=UNSENT_LOW_BYTES)
        self.connection_made(self._patient)
        # picows gets a request of its own making: no keys, and "Connection" in the only spelling that it accepts.
        self._feed(
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % (self._key or "").encode()
        )
        self._feed(behind)

    def _feed(self, data: bytes) -> None:
        while data:
            space = self.get_buffer(len(data))
            part, data = data[: len(space)], data[len(space) :]
            space[: len(part)] = part
            self.buffer_updated(len(part))

    def get_buffer(self, size_hint: int) -> memoryview:
        space: memoryview = super().get_buffer(size_hint)[:READ_BYTES]
        self._offered = len(space)
        return space

    def buffer_updated(self, nbytes: int) -> None:
        listener = self._frames_to
        listener.heard = True
        super().buffer_updated(nbytes)
        # Left alone, picows reads on for a while and delivers the very message that it has just refused.
        if self.transport.is_close_frame_sent and not listener.closing:
            listener.closing = True
            listener.on_broken_frame()
        if nbytes == self._offered and not self._socket.is_closing() and not self._patient.held:
            # More waits, and libuv would read it at once, half a megabyte and more before anyone else's.
            self._socket.pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self._socket.is_closing() and not self._patient.held:
            self._socket.resume_reading()


def _switching(handshake: Handshake) -> WSUpgradeResponse:
    chosen = handshake.subprotocol
    headers = {"Sec-WebSocket-Protocol": chosen} if chosen else None
    return cast(WSUpgradeResponse, WSUpgradeResponse.create_101_response(headers))


class PatientTransport:
    """A transport as picows wants it, which copies what it must and closes without losing the last words.

    Closing a socket while data from the peer waits in it resets the connection, and the peer may never see the CLOSE
    frame that says why. So `close` ends only our direction, and throws away what still comes until the peer closes.

    `held` tells that nothing is read until `resume_reading`.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._closed = False
        self.held = False
        self.write = transport.write
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        """Send a header that picows is about to overwrite, and a message; uvloop would keep a view of both."""
        self.write(b"".join(parts))

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def pause_reading(self) -> None:
        if not self.held and not self.is_closing():
            self.held = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self.held and not self.is_closing():
            self.held = False
            self._transport.resume_reading()

    def close(self) -> None:
        if self.is_closing():
            return
        self.resume_reading()  # or the peer's end would never be seen
        self._closed = True
        self._transport.set_protocol(_Lingering(self._transport))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


class _Lingering(asyncio.Protocol):
    """Drops what a connection still brings, until the peer closes it too or time is up."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._before: Any = transport.get_protocol()
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._before.connection_lost(exc)
