"""One upstream as the operator configured it, and the requests that follow from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from antiphon import __version__
from antiphon.errors import ConfigError
from antiphon.path.legs import LegStart

UpstreamDialect = Literal["ga", "azure", "beta", "azure-beta"]

_WEBSOCKET = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_HTTP = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
# What a client's request may never decide: who we are, and the handshake itself.
_OURS = frozenset("authorization api-key host connection upgrade openai-organization openai-project".split())


@dataclass(frozen=True)
class UpstreamConfig:
    """A remote Realtime server.

    Args:
        name: As the operator calls it.
        base_url: In the SDKs' convention: `https://api.openai.com/v1`, http(s) or ws(s); for Azure
            `https://x.openai.azure.com/openai/v1`, or with `azure-beta` the resource's root.
        api_key: Travels in a header only.
        organization: Of OpenAI; "" for the key's own.
        project: Of OpenAI; "" for the key's own.
        dialect: `ga`, `azure` (GA with the key in `api-key`), `beta` (`OpenAI-Beta: realtime=v1`), `azure-beta`.
        api_version: Of Azure's beta path, such as `2025-04-01-preview`.
        models: The client's name of a model to the upstream's (for Azure: the deployment); "*" for all others.
        headers: Sent with every request.
        connect_seconds: Longest time until the WebSocket is open, and again until `session.created`.
        ping_seconds: Between pings; after two without any sign of life the connection is lost.
        standby: How many connections to each model lately used are kept open, ready to be handed out.
        proxy: None to follow the environment, "" for none, or its URL.
        tls_ca: A PEM file of authorities trusted besides the system's (or SSL_CERT_FILE's).

    Raises:
        ConfigError: `base_url` or `dialect` cannot be used.
    """

    name: str
    base_url: str = "https://api.openai.com/v1"
    api_key: str = field(default="", repr=False)
    organization: str = ""
    project: str = ""
    dialect: UpstreamDialect = "ga"
    api_version: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_seconds: float = 10.0
    ping_seconds: float = 20.0
    standby: int = 0
    proxy: str | None = field(default=None, repr=False)
    tls_ca: str = ""

    def __post_init__(self) -> None:
        parts = _split(self)
        if parts.scheme not in _HTTP or not parts.hostname:
            raise ConfigError(
                f"upstream {self.name!r}: base_url {shown_url(self)!r} is no address of a Realtime server; "
                "give one such as https://api.openai.com/v1"
            )
        if self.dialect == "azure-beta" and not self.api_version:
            raise ConfigError(
                f"upstream {self.name!r}: dialect 'azure-beta' needs api_version, such as '2025-04-01-preview'"
            )

    @property
    def is_beta(self) -> bool:
        return self.dialect in ("beta", "azure-beta")

    @property
    def host(self) -> str:
        return _split(self).hostname or ""

    @property
    def is_secure(self) -> bool:
        return _split(self).scheme in ("https", "wss")

    def model_for(self, model: str) -> str:
        """Return the upstream's name for the client's `model`."""
        return self.models.get(model, self.models.get("*", model))


def realtime_url(config: UpstreamConfig, start: LegStart) -> str:
    """Return the WebSocket's URL for a session; it holds no key."""
    parts = _split(config)
    query = [*parse_qsl(parts.query), *_session_query(config, start)]
    path = f"{_root(config, parts)}/realtime"
    return f"{_WEBSOCKET[parts.scheme]}://{_host_port(parts)}{path}?{urlencode(query)}"


def transcribes(url: str) -> bool:
    """Whether a URL of `realtime_url` begins a session that only transcribes."""
    return ("intent", "transcription") in parse_qsl(urlsplit(url).query)


def models_url(config: UpstreamConfig) -> str:
    """Return the URL that lists models: cheap, and refused when the key is."""
    parts = _split(config)
    query = parse_qsl(parts.query)
    if config.dialect == "azure-beta":
        query.append(("api-version", config.api_version))
    url = f"{_HTTP[parts.scheme]}://{_host_port(parts)}{_root(config, parts)}/models"
    return f"{url}?{urlencode(query)}" if query else url


def shown_url(config: UpstreamConfig) -> str:
    """Return `base_url` as it may be printed: without user, password and query."""
    parts = _split(config)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def request_headers(config: UpstreamConfig, passed_on: Iterable[tuple[str, str]] = ()) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request: our key, the operator's, and those of the client's that may pass."""
    headers = {"User-Agent": f"antiphon/{__version__}"}
    if config.api_key:
        headers |= _key_header(config)
    if config.organization:
        headers["OpenAI-Organization"] = config.organization
    if config.project:
        headers["OpenAI-Project"] = config.project
    if config.dialect == "beta":
        headers["OpenAI-Beta"] = "realtime=v1"
    headers |= config.headers
    known = {name.lower() for name in headers}
    return (*headers.items(), *((name, value) for name, value in passed_on if _may_pass(name, value, known)))


def _key_header(config: UpstreamConfig) -> dict[str, str]:
    if config.dialect in ("azure", "azure-beta"):
        return {"api-key": config.api_key}
    return {"Authorization": f"Bearer {config.api_key}"}


def _may_pass(name: str, value: str, known: set[str]) -> bool:
    lower = name.lower()
    if lower in _OURS or lower in known or lower.startswith("sec-websocket-"):
        return False
    return name.isascii() and value.isprintable() and name.isprintable()


def _session_query(config: UpstreamConfig, start: LegStart) -> list[tuple[str, str]]:
    model = config.model_for(start.start.model) if start.start.kind.responds else ""
    query = [] if start.start.kind.responds else [("intent", "transcription")]
    if config.dialect == "azure-beta":
        deployment = model or config.model_for(_transcriber(start))
        return [("api-version", config.api_version), *query, *_unless_empty("deployment", deployment)]
    return [*query, *_unless_empty("model", model)]


def _transcriber(start: LegStart) -> str:
    transcription = start.start.config.audio.input.transcription
    return (transcription.model if transcription else None) or ""


def _unless_empty(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _root(config: UpstreamConfig, parts: SplitResult) -> str:
    path = parts.path.rstrip("/").removesuffix("/realtime")
    if config.dialect == "azure-beta":
        return f"{path.removesuffix('/v1').removesuffix('/openai')}/openai"
    return path or ("/openai/v1" if config.dialect == "azure" else "/v1")


def _host_port(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _split(config: UpstreamConfig) -> SplitResult:
    try:
        parts = urlsplit(config.base_url)
        _ = parts.port  # checked when it is read
    except ValueError as error:
        raise ConfigError(f"upstream {config.name!r}: base_url is not a URL ({error})") from None
    return parts
