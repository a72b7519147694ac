"""Asks an upstream at start whether it takes our key, so that the first caller need not find out."""

from collections.abc import Collection

import msgspec

from antiphon.engines.upstream.causes import end_of_failure
from antiphon.engines.upstream.config import UpstreamConfig, models_url, request_headers, shown_url
from antiphon.engines.upstream.masking import one_line
from antiphon.errors import ConfigError
from antiphon.wire.connect import Endpoint
from antiphon.wire.failures import ConnectError, status_failure
from antiphon.wire.http import get
from antiphon.wire.proxies import proxy_for
from antiphon.wire.tls import client_tls

_SECONDS = 5.0


class _Model(msgspec.Struct):
    id: str = ""


class _Models(msgspec.Struct):
    data: list[_Model] = msgspec.field(default_factory=list)


def endpoint_for(config: UpstreamConfig, url: str, seconds: float) -> Endpoint:
    """Return where to connect, without headers or TLS."""
    return Endpoint(url, proxy=proxy_for(url) if config.proxy is None else config.proxy or None, seconds=seconds)


async def probe(config: UpstreamConfig, seconds: float = _SECONDS) -> str | None:
    """Return what an operator should know about an upstream, as one sentence; None if all seems well.

    Nothing that it finds is fatal: an upstream that is down now may be up when the first call comes.
    """
    where = f"upstream {config.name!r} ({shown_url(config)})"
    try:
        status, body = await get(_request(config, seconds))
    except (ConnectError, ConfigError) as error:
        return f"{where}: {_why(error, config)}"
    if status in (401, 403, 429):
        end = end_of_failure(status_failure(status, body), lambda text: one_line(text, config.api_key))
        return f"{where}: {end.message}"
    missing = _missing(config, body) if status == 200 else []
    if missing:
        return f"{where}: the key may not use {', '.join(missing)}; check this upstream's models and the key's project"
    return None  # other answers: a server need not list its models


def _request(config: UpstreamConfig, seconds: float) -> Endpoint:
    url = models_url(config)
    plain = endpoint_for(config, url, seconds)
    tls = client_tls(config.tls_ca) if config.is_secure else None
    return Endpoint(url, request_headers(config), tls, plain.proxy, seconds)


def _why(error: ConnectError | ConfigError, config: UpstreamConfig) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return end_of_failure(error.failure, lambda text: one_line(text, config.api_key)).message


def _missing(config: UpstreamConfig, body: bytes) -> Collection[str]:
    """Return the configured models that the server does not list; Azure lists models and not deployments."""
    try:
        listed = {model.id for model in msgspec.json.decode(body, type=_Models).data}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    if not listed or config.dialect.startswith("azure"):
        return []
    return sorted(set(config.models.values()) - listed)
