"""The running server: sockets, start, drain and stop."""

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol

import uvicorn
from uvicorn.server import ServerState

from antiphon import __version__
from antiphon.config import Settings
from antiphon.config.settings import ServerSettings
from antiphon.config.web_settings import WebSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.errors import AntiphonError, ConfigError
from antiphon.gateway import logs
from antiphon.gateway.app import Gateway, application
from antiphon.gateway.auth import Keyring
from antiphon.gateway.calls import CallRoutes
from antiphon.gateway.chat import ChatRoutes
from antiphon.gateway.client_secrets import ClientSecrets
from antiphon.gateway.connect import Door, refuse_http
from antiphon.gateway.engine import Backend, build_backend
from antiphon.gateway.http_events import HttpEventRoutes
from antiphon.gateway.limits import Capacity
from antiphon.gateway.origins import Origins
from antiphon.gateway.tls import HANDSHAKE_SECONDS, tls_context
from antiphon.gateway.web import PageAgent, PageSettings, WebRoutes
from antiphon.gateway.webrtc import build_webrtc, ice_servers_of
from antiphon.path.calls import Calls
from antiphon.protocol.dialect import GaDialect
from antiphon.protocol.models import OWN_MODEL, REALTIME_MODELS
from antiphon.transports.base import Client, EngineSession
from antiphon.transports.http import HttpLimits, HttpSessions
from antiphon.transports.picows_glue import upgrading_http
from antiphon.transports.websocket import GOING_AWAY, PATH, Gatekeeper, WebSocketLimits, WebSockets

_log = logging.getLogger("antiphon")

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INVITATION = " (open it in a browser and talk)"
_ANSWER_SECONDS = 2.0  # for HTTP requests under way when the server stops


class _Transport(Protocol):
    """All connections of one kind."""

    def close(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...

    async def empty(self) -> None: ...


class Server:
    """A gateway that listens.

    Args:
        settings: The table `server`.
        backend: Answers the sessions; the server starts and closes its engine.
        limits: What one WebSocket may cost, when `settings` does not say it.
        around: Given the ASGI application, returns the one to serve, which may answer more.
        webrtc: The table `webrtc`.
        web: The table `web`.

    Raises:
        ConfigError: TLS cannot be had with the files that `settings` names, or WebRTC with what is installed.
    """

    def __init__(
        self,
        settings: ServerSettings,
        backend: Backend,
        limits: WebSocketLimits | None = None,
        around: Callable[[Any], Any] = lambda app: app,
        *,
        webrtc: WebRtcSettings | None = None,
        web: WebSettings | None = None,
    ) -> None:
        webrtc, web = webrtc or WebRtcSettings(), web or WebSettings()
        self._settings = settings
        self._calls = Calls(backend.engine, settings.resume_seconds)
        self._capacity = Capacity(settings.max_sessions, lambda: self._calls.parked)
        secrets = ClientSecrets(settings.client_secret_key)
        keyring = Keyring(settings.api_keys, secrets)
        origins = Origins(settings.allowed_origins, keys_needed=not keyring.is_open)
        door = Door(keyring, origins, self._capacity, backend, self._calls, lenient_dialect=settings.lenient_dialect)
        limits = limits or WebSocketLimits(max_message=settings.max_message_mb * 1_000_000)
        # An engine that looks at connections itself, as the emulator's does, knows its clients by them.
        watches = isinstance(backend.engine, Gatekeeper)
        self._websockets = WebSockets(backend.engine if watches else self._calls, door.admit, limits)
        self._webrtc = None if watches else build_webrtc(webrtc, settings, self._calls)
        self._sessions = HttpSessions(
            self._calls,
            refuse_http if watches else door.admit,
            self._calls.send,
            self._calls.hang_up_by_token,
            HttpLimits(max_message=limits.max_message),
        )
        routes = CallRoutes(keyring, door, self._calls, self._webrtc, lambda: ice_servers_of(webrtc, "client"))
        chat = ChatRoutes(backend, keyring, self._capacity, join=self._join)
        events = HttpEventRoutes(self._sessions)
        told = PageSettings(
            version=__version__,
            keys_needed=not keyring.is_open,
            token_url=web.token_url,
            model=next(name for name in backend.models if name != OWN_MODEL),
            webrtc=self._webrtc is not None,
            resume_seconds=settings.resume_seconds,
            relays=backend.upstream_decides,
            agent=PageAgent.of(backend.agent) if backend.agent else None,
        )
        pages = WebRoutes(web, told)
        self.gateway = Gateway(backend, self._capacity, keyring, secrets, origins, routes, events, chat, pages)
        self._http = _Http(
            around(application(self.gateway)), upgrading_http(self._websockets.accept), tls_context(settings)
        )

    def _join(self, token: str, client: Client) -> EngineSession | None:
        return self._calls.join_by_token(token, client, GaDialect())

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._http.port

    @property
    def _transports(self) -> tuple["_Transport", ...]:
        always: tuple[_Transport, ...] = (self._websockets, self._sessions)
        return (*always, self._webrtc) if self._webrtc is not None else always

    @property
    def sessions(self) -> int:
        """Sessions running now."""
        return self._capacity.sessions

    @property
    def connections(self) -> int:
        """WebSocket connections open now, those without a session included."""
        return len(self._websockets)

    async def start(self) -> None:
        """Listen, then load the engine: meanwhile /healthz answers, and /readyz says that it is loading.

        Raises:
            ConfigError: The address cannot be listened on, or the UDP port of all WebRTC calls is taken.
            AntiphonError: The engine cannot work.
        """
        await self._http.start(_bound(self._settings.host, self._settings.port))
        try:
            if self._webrtc is not None:
                self._webrtc.open()
            await self._calls.start()
        except BaseException:
            await self.stop()
            raise

    def refuse_new_sessions(self) -> None:
        """Begin no new sessions from now on; /readyz says so."""
        self._capacity.draining = True

    async def drain(self) -> None:
        """Begin no new sessions, give the running ones `drain_seconds` to end, then close them with 1001."""
        self.refuse_new_sessions()
        await _at_most(self._settings.drain_seconds, self._capacity.idle())
        for transport in self._transports:
            transport.close(GOING_AWAY, "The server is shutting down.")
        everybody = asyncio.gather(*(transport.empty() for transport in self._transports))
        await _at_most(self._websockets.limits.close_seconds, everybody)

    async def stop(self) -> None:
        """Stop at once: free the port, drop what is still connected, close the engine."""
        self.refuse_new_sessions()
        self._sessions.abort()  # or their streams would be waited for
        await self._http.stop()
        for transport in self._transports:
            transport.abort()
            await transport.empty()
        await self._calls.close()


class _Http:
    """uvicorn's protocol on our sockets; `uvicorn.Server` would handle signals and stop listening in its own way."""

    def __init__(self, app: Any, protocol: type[asyncio.Protocol], tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._config = uvicorn.Config(
            app, http=protocol, ws="none", lifespan="off", log_config=None, proxy_headers=False
        )
        self._config.load()
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        self.port = 0

    async def start(self, sockets: list[socket.socket]) -> None:
        self.port = int(sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        timeout = HANDSHAKE_SECONDS if self._tls else None
        for bound in sockets:
            server = await loop.create_server(
                self._protocol, sock=bound, backlog=2048, ssl=self._tls, ssl_handshake_timeout=timeout
            )
            self._servers.append(server)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}
        )
        return made

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        connections: set[Any] = set(self._state.connections)
        for connection in connections:
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks), timeout=_ANSWER_SECONDS)
        for connection in connections:
            connection.transport.abort()


def _bound(host: str, port: int) -> list[socket.socket]:
    """Return a bound socket for each address of `host` that this machine has, all with one port."""
    sockets: list[socket.socket] = []
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, _, _, _, address in addresses:
            same = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(socket.create_server((str(address[0]), same), family=family, backlog=2048))
            except OSError as error:
                # `localhost` often has an IPv6 address where there is no IPv6.
                if error.errno not in _NO_SUCH_ADDRESS or (address == addresses[-1][4] and not sockets):
                    raise
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise ConfigError(
            f"server.host, server.port: cannot listen on {host}, port {port}: {error.strerror or error}; "
            "give another port or stop what is using this one"
        ) from None
    return sockets


async def _at_most(seconds: float, work: Awaitable[Any]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)


# --- the process ----------------------------------------------------------------------------------------------


def serve(settings: Settings) -> int:
    """Run the server until it is told to stop; return the process's exit code.

    The first SIGINT or SIGTERM lets running sessions end within `server.drain_seconds`; the second stops at once.
    """
    logs.set_up(settings.server.log_level)
    try:
        backend = build_backend(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run_until_stopped(settings.server, backend, settings.webrtc, settings.web))
    except AntiphonError as error:
        _log.error("%s", error)
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop


async def run_until_stopped(
    settings: ServerSettings, backend: Backend, webrtc: WebRtcSettings | None = None, web: WebSettings | None = None
) -> None:
    """Run a server with `backend` until SIGINT or SIGTERM, as `serve` does."""
    web = web or WebSettings()
    server = Server(settings, backend, webrtc=webrtc, web=web)
    asked, again = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        server.refuse_new_sessions()
        (again if asked.is_set() else asked).set()

    with _on_stop_signals(stop):
        if not await _done_before(asked, server.start()):
            return
        # What is loaded stays: without this, each full garbage collection looks through all of it, in mid-call.
        gc.collect()
        gc.freeze()
        try:
            _announce(settings, server.port, has_page=web.has_page)
            await asked.wait()
            _log.info("stopping: %d sessions have %g s to end", server.sessions, settings.drain_seconds)
            await _done_before(again, server.drain())
        finally:
            await server.stop()
            _log.info("stopped")


@contextlib.contextmanager
def _on_stop_signals(call: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _done_before(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Run `work` until it is done or `event` is set, which cancels it; return whether it was done."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


def _announce(settings: ServerSettings, port: int, *, has_page: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    secure = "s" if settings.tls_cert else ""
    _log.info("listening on http%s://%s:%d%s", secure, host, port, _INVITATION if has_page else "")
    _log.info("Realtime API: ws%s://%s:%d%s?model=%s", secure, host, port, PATH, REALTIME_MODELS[0])
    if not settings.api_keys:
        _log.info("no API keys are set: any key is accepted, from this machine only (ANTIPHON_API_KEYS sets some)")
