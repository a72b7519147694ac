"""Opens a WebSocket as a client, with picows; and what every connection of ours needs: TLS, a proxy, a time limit.

picows' own `ws_connect` loses what a server says when its refusal comes in two packets, and takes a server that hangs
up for an opened connection. So the connection is made here, and picows has it from the end of the handshake on.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import aiofastnet
import httptools
from picows import WSHandshakeError, WSListener, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from picows.proxy import ConnectedTransport, connect_through_optional_proxy
from picows.url import WSInvalidURL, WSParsedURL, parse_url
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from antiphon.wire.failures import ConnectError, failure_of, hung_up, not_http

# Audio of a whole item in base64 is the largest thing that a server sends.
MAX_MESSAGE = 64_000_000
# picows gives its reader as much room at first; a refusal that is longer is cut.
_ANSWER_BYTES = 8 * 1024
_SWITCHING = 101
# aiofastnet would take 256 KiB each way, and what a burst has once filled stays in memory with its connection.
_TLS_BUFFERS: dict[str, Any] = {"ssl_incoming_bio_size": 64 * 1024, "ssl_outgoing_bio_size": 64 * 1024}

# picows' own log lines say less than the errors that are raised here, and its lowest level shows the key.
_log = logging.getLogger("antiphon.wire.picows")
_log.setLevel(logging.CRITICAL + 1)

FAILURES = (OSError, WSHandshakeError, WSInvalidURL, ProxyError, ProxyConnectionError, ProxyTimeoutError, ValueError)


@dataclass(frozen=True)
class Endpoint:
    """A server to connect to.

    Args:
        url: ws, wss, http or https.
        headers: Of the request.
        tls: What is trusted, for wss and https.
        proxy: Its URL (http, https, socks4, socks5), with user and password where it wants them; None for none.
        seconds: Longest time until the server has answered.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    seconds: float = 10.0


async def connect(endpoint: Endpoint, listener: WSListener) -> WSTransport:
    """Open a WebSocket; `listener` gets its frames, and is told of the end of an opened connection only.

    Nothing is redirected: the headers may hold a key.

    Raises:
        ConnectError: It cannot be opened; `failure` says why.
    """
    try:
        async with asyncio.timeout(endpoint.seconds):
            return await _upgraded(endpoint, listener)
    except FAILURES as error:
        raise ConnectError(failure_of(error, endpoint.proxy)) from error


async def dial(endpoint: Endpoint, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.Transport:
    """Return a connection to the endpoint's host, through its proxy and inside TLS, joined to what `factory` makes.

    Raises what the parts raise: `failure_of` explains it.
    """
    target = parse_url(endpoint.url, check_scheme=False)
    proxy = parse_url(endpoint.proxy, check_scheme=False) if endpoint.proxy else None
    loop = asyncio.get_running_loop()
    join = cast(Callable[..., Any], partial(aiofastnet.create_connection, loop))
    context = endpoint.tls if target.is_secure else None
    options: dict[str, Any] = dict(_TLS_BUFFERS) if context is not None else {}
    proxy_tls = endpoint.tls if proxy and proxy.scheme == "https" else None
    way = await connect_through_optional_proxy(loop, target, proxy, None, context, proxy_tls, options, join)
    if isinstance(way, ConnectedTransport):
        return await _through_tunnel(way.transport, target, context, factory())
    transport, _ = await join(factory, way.host, way.port, ssl=context, sock=way.sock, **options)
    return cast(asyncio.Transport, transport)


async def _through_tunnel(
    transport: asyncio.Transport, target: WSParsedURL, context: ssl.SSLContext | None, protocol: asyncio.BaseProtocol
) -> asyncio.Transport:
    try:
        if context is not None:
            loop, before = asyncio.get_running_loop(), transport.get_protocol()
            transport = await aiofastnet.start_tls(
                loop, transport, before, context, server_hostname=target.host, **_TLS_BUFFERS
            )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
    except BaseException:
        transport.abort()
        raise
    return transport


async def _upgraded(endpoint: Endpoint, listener: WSListener) -> WSTransport:
    inner = _picows(parse_url(endpoint.url), endpoint, listener)
    handshake = _Handshake(inner)
    transport = await dial(endpoint, lambda: handshake)
    try:
        await handshake.answered
        await inner.wait_until_handshake_complete()
        if inner.listener is None:
            raise ConnectError(hung_up())
        return cast(WSTransport, inner.transport)
    except BaseException:
        transport.abort()
        raise


def _picows(parsed: WSParsedURL, endpoint: Endpoint, listener: WSListener) -> Any:
    return WSProtocol(
        host_port=parsed.netloc.rpartition("@")[2],
        ws_path=parsed.resource_name,
        is_client_side=True,
        ws_listener_factory=lambda *_: listener,
        logger=_log,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,  # there is one around all of it
        enable_auto_ping=False,
        auto_ping_idle_timeout=0,
        auto_ping_reply_timeout=0,
        auto_ping_strategy=1,
        enable_auto_pong=True,
        max_frame_size=MAX_MESSAGE,
        extra_headers=endpoint.headers,
        read_buffer_init_size=_ANSWER_BYTES,
    )


def _noticed(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()


class _Handshake(asyncio.BufferedProtocol):
    """Stands before picows' protocol until the server's answer is there with all of its body."""

    def __init__(self, inner: Any) -> None:
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered.add_done_callback(_noticed)  # nobody waits for it any more once the time is up
        self._inner = inner
        self._parser = httptools.HttpResponseParser(self)
        self._is_asked = False
        self._is_whole = False
        self._space = memoryview(b"")
        self._held = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # picows asks for its upgrade at once. aiofastnet has the loop watch the socket only behind this call, and does
        # so even if the first write broke the connection: the loop would go on watching the number of a closed socket,
        # and the next connection that gets this number would hang.
        asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        if not self._transport.is_closing():
            self._inner.connection_made(self._transport)
            self._is_asked = True

    def get_buffer(self, sizehint: int) -> memoryview:
        self._space = self._inner.get_buffer(sizehint)
        return self._space[self._held :]

    def buffer_updated(self, nbytes: int) -> None:
        came = bytes(self._space[self._held : self._held + nbytes])
        self._held += nbytes
        try:
            self._parser.feed_data(came)
        except httptools.HttpParserUpgrade:
            self._is_whole = True
        except httptools.HttpParserError:
            self._fail(ConnectError(not_http()))
            return
        if self._is_whole or self._held == len(self._space):
            self._hand_over()

    def on_headers_complete(self) -> None:
        self._is_whole = self._parser.get_status_code() == _SWITCHING

    def on_message_complete(self) -> None:
        self._is_whole = True

    def eof_received(self) -> None:
        self._hand_over()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_asked:
            self._inner.connection_lost(exc)
        self._fail(exc or ConnectError(hung_up()))

    def _hand_over(self) -> None:
        """Give picows the answer; from now on it has the connection."""
        self._transport.set_protocol(self._inner)
        self._space = memoryview(b"")  # its memory may move now
        if self._held:
            self._inner.buffer_updated(self._held)
        if not self.answered.done():
            self.answered.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)
