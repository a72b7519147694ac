"""Which web pages may use this server.

A browser lets any page open a WebSocket to any host, localhost included, and a page may point a name of its own at
127.0.0.1. A server that asks for no key must therefore look at where a page comes from: at the header `Origin`, and
where a browser sends none, because the page has this server's own address, at the name in that address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphon.config import is_loopback


@dataclass(frozen=True)
class Origins:
    """The rule for pages.

    Args:
        allowed: Origins such as `https://app.example`; `*` stands for all of them.
        keys_needed: Whether clients need a key. Without keys, pages from loopback alone may connect, and those in
            `allowed`; with keys, all may unless `allowed` names some.
    """

    allowed: tuple[str, ...]
    keys_needed: bool

    def allows(self, origin: str | None, host: str = "") -> bool:
        """Whether a request is served.

        Args:
            origin: Its `Origin`; clients that are no browsers send none.
            host: Its `Host`. Where keys are needed, pages of this server's own address may always come.
        """
        if origin is None or "*" in self.allowed or origin.lower() in (known.lower() for known in self.allowed):
            return True
        if self.keys_needed:
            return not self.allowed or (bool(host) and origin.lower().partition("://")[2] == host.lower())
        return _is_loopback(origin)

    def allows_host(self, host: str) -> bool:
        """Whether pages of this server's own address are served when that has `host`, a header's value, in it.

        Without keys it must be a name that nobody else can point here: loopback, or that of an allowed origin.
        """
        name = _host_name(f"//{host}")
        known = (_host_name(origin) for origin in self.allowed)
        return self.keys_needed or "*" in self.allowed or is_loopback(name) or (bool(name) and name in known)

    @property
    def any(self) -> bool:
        """Whether every origin is allowed."""
        return "*" in self.allowed or (self.keys_needed and not self.allowed)


def refusal(origin: str) -> str:
    """Say why a page is refused and how to let it in."""
    return (
        f"Pages from the origin {origin[:200]!r} may not use this server. "
        "To allow them, add the origin to server.allowed_origins."
    )


def refusal_of_host(host: str) -> str:
    """Say why pages are refused that have this server under that name, and how to let them in."""
    return (
        f"Pages may not use this server under the name {host[:200]!r} while it asks for no keys. To allow them, add "
        "their origin, such as https://voice.example.com, to server.allowed_origins; or set API keys."
    )


def is_browser(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent a request with these headers, by marks that its page can neither leave out nor add.

    `Sec-Fetch-*` is the browser's own, and sent over https and to loopback alone; Node's fetch sends `Sec-Fetch-Mode`
    without the rest. `Accept-Language` a page may change, but not leave out. Source: Fetch Metadata; Fetch, 4.6.
    """
    if "sec-fetch-mode" in headers:
        return "sec-fetch-site" in headers
    return "accept-language" in headers or headers.get("user-agent", "").startswith("Mozilla/")


def _is_loopback(origin: str) -> bool:
    return is_loopback(_host_name(origin))


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
