"""What `engine.kind = "auto"` comes to: relay where somebody to relay to was named, else the embedded engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphon.config.upstreams import AZURE_ENDPOINT, AZURE_KEY, OPENAI_BASE_URL, OPENAI_KEY, Variables
from antiphon.config.values import is_loopback

_STAGES = ("vad", "stt", "llm", "tts")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True)
class Choice:
    relays: bool
    why: str


@dataclass(frozen=True)
class Asked:
    """What the choice depends on.

    Args:
        kind: Of the engine, as set.
        origins: Where each setting came from; "default" when nobody set it.
        has_tables: Whether there is any `[[upstream]]`.
        variables: The environment's.
        host, port: Where this server listens.
    """

    kind: str
    origins: Mapping[str, str]
    has_tables: bool
    variables: Variables
    host: str
    port: int


def choose_engine(asked: Asked) -> Choice:
    """Return whether to relay, and why."""
    if asked.kind != "auto":
        return Choice(asked.kind == "relay", f"engine.kind says so ({asked.origins['engine.kind']})")
    if asked.has_tables:
        return Choice(True, "there is an [[upstream]]")
    # Who chose a stage means the cascade that it belongs to: OPENAI_API_KEY may be there for the stage alone.
    for stage in _STAGES:
        if (origin := asked.origins[f"{stage}.provider"]) != "default":
            return Choice(False, f"{stage}.provider is chosen ({origin}), a stage of the embedded engine")
    return _by_environment(asked)


def _by_environment(asked: Asked) -> Choice:
    variables = asked.variables
    base_url = variables.get(OPENAI_BASE_URL)
    own = base_url is not None and is_own_address(base_url.value, asked.host, asked.port)
    if OPENAI_KEY in variables and not own:
        return Choice(True, f"OPENAI_API_KEY is set ({variables[OPENAI_KEY].origin})")
    if AZURE_KEY in variables and AZURE_ENDPOINT in variables:
        return Choice(True, f"{AZURE_ENDPOINT} and {AZURE_KEY} are set ({variables[AZURE_KEY].origin})")
    if OPENAI_KEY in variables:
        return Choice(False, "OPENAI_BASE_URL is this server's own address, as its clients have it")
    return Choice(False, "there is no [[upstream]] and no OPENAI_API_KEY")


def is_own_address(url: str, host: str, port: int) -> bool:
    """Whether `url` leads to a server that listens on `host` and `port`: relaying there would never end."""
    parts = urlsplit(url)
    try:
        other = parts.port or {"https": 443, "wss": 443}.get(parts.scheme, 80)
    except ValueError:
        return False  # what is wrong with it is told where it is used
    name = parts.hostname or ""
    same_host = name == host.lower() or (is_loopback(name) and (is_loopback(host) or host in _ANYWHERE))
    return port != 0 and other == port and same_host
