"""The kinds of values that only upstreams have: names, addresses, proxies, and tables of texts."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from antiphon.config.values import Kind, is_http_url, show

Pairs = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, a token
# What the connection itself needs, and keys, which have a setting of their own that no message ever shows.
_OWN_HEADERS = frozenset({"host", "connection", "upgrade", "authorization", "api-key", "content-length"})


def _read_name(raw: object) -> str:
    if not isinstance(raw, str) or not _NAME.fullmatch(raw):
        expects = "up to 40 lower-case letters, digits, - and _, such as azure-east"
        raise ValueError(f"{show(raw)} is not a name; give {expects}")
    return raw


UPSTREAM_NAME = Kind("a short name in lower case, such as azure-east", _read_name)


def _read_url(raw: object) -> str:
    # It is the same address in the eyes of whoever copies it from a client's settings.
    url = re.sub(r"^ws(?=s?://)", "http", raw) if isinstance(raw, str) else ""
    if not is_http_url(url):
        # What stands before an @ is a password, and some put keys into the query.
        shown = "this URL" if "@" in str(raw) or "?" in str(raw) else show(raw)
        raise ValueError(
            f"{shown} is not usable; give one such as https://api.openai.com/v1, without a user name and a query"
        )
    return url.rstrip("/")


UPSTREAM_URL = Kind("an http, https, ws or wss URL", _read_url)


def _read_proxy(raw: object) -> str:
    if raw in ("", "none"):
        return str(raw)
    try:
        parts = urlsplit(raw) if isinstance(raw, str) and raw.isprintable() and " " not in raw else None
        _ = parts and parts.port  # raises for a port that is none
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        # A proxy's URL may hold a password.
        raise ValueError("it is not the URL of an HTTP proxy; give one such as http://proxy.example.com:3128, or none")
    return str(raw)


PROXY = Kind("the URL of an HTTP proxy, or none", _read_proxy)


def _pairs(expects: str, read_pair: Callable[[str, object], str]) -> Kind[Pairs]:
    def read(raw: object) -> Pairs:
        if not isinstance(raw, Mapping):
            raise ValueError(f"it is not a table; give {expects}")
        return tuple((str(name), read_pair(str(name), value)) for name, value in raw.items())

    return Kind(expects, read)


def _read_model(name: str, value: object) -> str:
    if not name.strip() or not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{show(name)} = {show(value)} does not name two models; give the name of each in quotes")
    return value


MODELS = _pairs('a table such as {"gpt-realtime" = "my-deployment"}', _read_model)


def _read_header(name: str, value: object) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{show(name)} is not the name of a header; give letters, digits and -")
    if name.lower() in _OWN_HEADERS or name.lower().startswith("sec-websocket-"):
        raise ValueError(f"the header {name} is sent anyway; remove it, and give a key as api_key")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError(f"the value of {name} is not a line of printable ASCII; give text in quotes")
    return value


HEADERS = _pairs('a table such as {"X-Team" = "voice"}', _read_header)
