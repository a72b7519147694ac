"""Where the server is and which key opens it, from what people type."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from antiphon.errors import ConfigError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
ANY_KEY = "none"


@dataclass(frozen=True)
class Address:
    """A Realtime server's WebSocket.

    Args:
        url: Complete, with the model in its query.
        shown: The same without its query, which may hold keys.
        host: Its name or address.
        is_secure: Whether it is reached over TLS.
    """

    url: str = field(repr=False)
    shown: str
    host: str
    is_secure: bool

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def read_address(text: str, model: str) -> Address:
    """Return the address that `text` means: any of ws, wss, http and https, with or without `/v1/realtime`.

    Args:
        text: Such as `https://api.openai.com/v1`, `ws://127.0.0.1:8080/v1/realtime` or `localhost:8080`.
        model: Put into the query, unless one is there already.

    Raises:
        ConfigError: It is no such address.
    """
    parts = _split(text.strip())
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise ConfigError(f"--url: '{parts.scheme}' is not a scheme of a Realtime server; use ws, wss, http or https")
    if not parts.hostname:
        raise ConfigError(f"--url: {text!r} names no host; give one such as ws://127.0.0.1:8080/v1/realtime")
    query = parse_qsl(parts.query, keep_blank_values=True)
    if "model" not in dict(query):
        query.append(("model", model))
    shown = f"{scheme}://{parts.netloc.rpartition('@')[2]}{_path(parts.path)}"
    return Address(f"{shown}?{urlencode(query)}", shown, parts.hostname, scheme == "wss")


def _split(text: str) -> SplitResult:
    try:
        if "://" not in text:
            host = urlsplit(f"//{text}").hostname or ""
            text = f"{'ws' if is_loopback(host) else 'wss'}://{text}"
        parts = urlsplit(text)
        _ = parts.port  # checked when it is read
    except ValueError as error:
        raise ConfigError(f"--url: {text!r} is not a URL ({error}); give one such as ws://127.0.0.1:8080") from None
    return parts


def _path(path: str) -> str:
    path = path.rstrip("/")
    if path.endswith("/realtime"):
        return path
    return f"{path}/realtime" if path.endswith("/v1") else f"{path}/v1/realtime"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def read_key(given: str | None, address: Address, environment: Mapping[str, str]) -> str:
    """Return the key to connect with: the flag, then the environment, then any key for a server on this machine.

    `OPENAI_API_KEY` goes first to OpenAI, `ANTIPHON_API_KEY` to everyone else.

    Raises:
        ConfigError: There is none, or it cannot stand in a header.
    """
    names = ["ANTIPHON_API_KEY", "OPENAI_API_KEY"]
    if address.host == "openai.com" or address.host.endswith(".openai.com"):
        names.reverse()
    found = [("--key", given or ""), *((name, environment.get(name, "").strip()) for name in names)]
    origin, key = next(((origin, key) for origin, key in found if key), ("", ""))
    if not key and address.is_loopback:
        return ANY_KEY
    if not key:
        raise ConfigError(f"there is no key for {address.shown}; set {names[0]} in the environment, or give --key")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"{origin}: the key holds blanks or other characters that no key has; copy it again")
    return key
