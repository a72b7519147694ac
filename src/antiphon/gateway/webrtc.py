"""Builds WebRTC as the settings want it, where its packages are installed."""

import logging
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from antiphon.config.settings import ServerSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.errors import ConfigError, MissingExtraError
from antiphon.transports.base import Engine
from antiphon.transports.webrtc.ice import IceOptions, TurnServer
from antiphon.transports.webrtc.turn import TurnCredentials, ice_servers, turn_credentials

if TYPE_CHECKING:
    from antiphon.transports.webrtc.call import WebRtcCalls

_log = logging.getLogger("antiphon")

_LOOPBACK = ("localhost", "::1")
_SERVER = "antiphon"  # this server's own name at a TURN server
# It holds the secret itself, and asks for as long as it runs: credentials that run out would end TURN in mid-run.
_SERVER_TTL = 10 * 365 * 86_400


def build_webrtc(settings: WebRtcSettings, server: ServerSettings, engine: Engine) -> "WebRtcCalls | None":
    """Return what answers WebRTC calls; None where nothing does.

    Raises:
        ConfigError: It is asked for, and its packages are missing.
    """
    if settings.enabled == "off":
        return None
    if settings.enabled == "auto" and find_spec("aiortc") is None:
        _log.info("no WebRTC calls: they want the extra, pip install 'antiphon[webrtc]'")
        return None
    try:
        from antiphon.transports.webrtc.call import WebRtcCalls, WebRtcOptions  # noqa: PLC0415 - the extra may be missing
    except MissingExtraError as error:
        if settings.enabled == "on":
            raise ConfigError(f"webrtc.enabled: {error.message}") from None
        _log.warning("no WebRTC calls: %s", error.message)
        return None
    return WebRtcCalls(engine, WebRtcOptions(ice_options(settings, server), settings.media_seconds))


def ice_options(settings: WebRtcSettings, server: ServerSettings, clock: Callable[[], float] = time.time) -> IceOptions:
    """Return how this server is reached, as the transport wants to know it."""
    turn = None
    if settings.turn_for_server and settings.turn:
        credentials = _credentials(settings, _SERVER, clock(), _SERVER_TTL)
        turn = TurnServer(settings.turn[0], credentials.username, credentials.password)
    return IceOptions(
        addresses=settings.address,
        public_addresses=settings.public_address,
        ports=(settings.port_min, settings.port_max),
        # A range of one port would hold one call.
        port=settings.port or (settings.port_min if settings.port_min == settings.port_max else 0),
        stun=settings.stun[0] if settings.stun else "",
        turn=turn,
        include_loopback=server.host in _LOOPBACK or server.host.startswith("127."),
        connect_seconds=settings.connect_seconds,
    )


def ice_servers_of(settings: WebRtcSettings, user: str, clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """Return what a client is told of STUN and TURN servers: the form of the TURN REST API, and `iceServers`."""
    credentials = _credentials(settings, user, clock(), settings.turn_ttl) if settings.turn else None
    servers = {"iceServers": ice_servers(settings.stun, credentials)}
    if credentials is None:
        return servers
    # Those that never run out have no time to live.
    rest = {key: value for key, value in credentials.rest.items() if key != "ttl" or settings.turn_secret}
    return {**rest, **servers}


def _credentials(settings: WebRtcSettings, user: str, now: float, ttl: int) -> TurnCredentials:
    if settings.turn_secret:
        return turn_credentials(settings.turn_secret, user, now, ttl, settings.turn)
    return TurnCredentials(settings.turn_username, settings.turn_password or "", ttl, settings.turn)
