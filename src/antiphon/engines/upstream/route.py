"""An upstream as a route of calls: opens legs to it, and rests after failures."""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial

from antiphon.engines.upstream.config import (
    UpstreamConfig,
    realtime_url,
    request_headers,
    shown_url,
    transcribes,
)
from antiphon.engines.upstream.keys import key_problems, key_warnings
from antiphon.engines.upstream.leg import LegSettings, Translator, UpstreamLeg
from antiphon.engines.upstream.probe import endpoint_for, probe
from antiphon.engines.upstream.rest import Rest
from antiphon.engines.upstream.standby import Standby
from antiphon.errors import ConfigError
from antiphon.path.legs import ENDS_OF_SESSIONS, Cause, LegEnd, LegListener, LegStart
from antiphon.protocol.beta.sessions import REALTIME, TRANSCRIPTION
from antiphon.protocol.beta.upstream import BetaUpstream
from antiphon.session.start import SessionStart
from antiphon.wire.connect import Endpoint
from antiphon.wire.tls import client_tls

_log = logging.getLogger("antiphon.upstream")


class UpstreamRoute:
    """A `Route` to one remote Realtime server.

    Args:
        config: The server.
        draw: Returns random numbers in [0, 1), for the jitter of rests.

    Raises:
        ConfigError: `tls_ca` cannot be read.
    """

    def __init__(self, config: UpstreamConfig, draw: Callable[[], float] = random.random) -> None:
        self._config = config
        self._tls = client_tls(config.tls_ca) if config.is_secure else None
        self._rest = Rest(draw)
        self._draw = draw
        self._trouble: Cause | None = None
        self._found: dict[Cause, str] = {}  # what was last found of each cause
        self._legs: set[UpstreamLeg] = set()
        self._standby: Standby | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def config(self) -> UpstreamConfig:
        return self._config

    @property
    def continues(self) -> bool:
        return True

    @property
    def rests_until(self) -> float:
        return self._rest.until

    async def start(self) -> None:
        """Check the key, ask the upstream in the background, and open the standby sessions.

        Raises:
            ConfigError: The key is certainly wrong.
        """
        problems = key_problems(self._config)
        if problems:
            raise ConfigError("; ".join(problems))
        for warning in key_warnings(self._config):
            _log.warning("%s", warning)
        self._probing = asyncio.get_running_loop().create_task(self._probe())
        if self._config.standby > 0:
            self._standby = self._new_standby()
            self._standby.start()

    async def close(self) -> None:
        """Close every connection, and wait until they are gone: a few seconds at most."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})
        if self._standby is not None:
            self._standby.close()
        for leg in tuple(self._legs):
            leg.close()
        if self._legs:
            await asyncio.wait({leg.gone for leg in self._legs})

    def open(self, start: LegStart, listener: LegListener) -> UpstreamLeg:
        """Begin to connect, or hand out a session that is ready; either way `listener` is told of it later."""
        url = realtime_url(self._config, start)
        leg = None
        # A standby was opened with no client's headers: a safety identifier is another's.
        if self._standby is not None and not start.headers:
            leg = self._standby.take(url, listener)
        if leg is None:
            leg = self._new_leg(url, listener, start.headers)
            leg.open()
        leg.on_end = self._note
        return leg

    # --- how it goes ------------------------------------------------------------------------------------------

    def failed(self, cause: Cause, now: float, *, had_session: bool) -> None:
        if had_session and cause in ENDS_OF_SESSIONS:
            return
        if self._rest.failed(cause, now) and cause is not self._trouble:
            self._trouble = cause
            found = self._found.get(cause, cause.value)
            seconds = max(0.0, self._rest.until - now)
            where = shown_url(self._config)
            _log.warning("upstream %r (%s): %s; it is tried again in %.1f s", self.name, where, found, seconds)

    def worked(self) -> None:
        self._rest.worked()
        if self._trouble is not None:
            self._trouble = None
            _log.info("upstream %r works again", self.name)

    def _note(self, end: LegEnd) -> None:
        self._found[end.cause] = end.message

    def _standby_failed(self, end: LegEnd) -> None:
        self._note(end)
        self.failed(end.cause, asyncio.get_running_loop().time(), had_session=False)

    async def _probe(self) -> None:
        found = await probe(self._config)
        if found is not None:
            _log.warning("%s", found)

    # --- what it is made of -----------------------------------------------------------------------------------

    def _new_leg(self, url: str, listener: LegListener, headers: tuple[tuple[str, str], ...] = ()) -> UpstreamLeg:
        leg = UpstreamLeg(self._leg_settings(url, headers), listener)
        self._legs.add(leg)
        leg.gone.add_done_callback(lambda _: self._legs.discard(leg))
        return leg

    def _leg_settings(self, url: str, headers: tuple[tuple[str, str], ...]) -> LegSettings:
        config = self._config
        plain = endpoint_for(config, url, config.connect_seconds)
        endpoint = Endpoint(url, request_headers(config, headers), self._tls, plain.proxy, config.connect_seconds)
        return LegSettings(
            endpoint,
            config.api_key,
            session_seconds=config.connect_seconds,
            ping_seconds=config.ping_seconds,
            translator=partial(_beta, transcribes(url)) if config.is_beta else None,
        )

    def _new_standby(self) -> Standby:
        default = self._config.models.get("*", "")
        always = (realtime_url(self._config, LegStart(SessionStart(default))),) if default else ()
        return Standby(
            self._config.standby,
            self._new_leg,
            Rest(self._draw),
            failed=self._standby_failed,
            worked=self.worked,
            always=always,
        )


def _beta(transcription: bool) -> Translator:
    return BetaUpstream(TRANSCRIPTION if transcription else REALTIME)
