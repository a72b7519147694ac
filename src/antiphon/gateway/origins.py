"""Which web pages may use this server.

A browser lets any page open a WebSocket to any host, localhost included, and a page may point a name of its own at
127.0.0.1. A server that asks for no key must therefore look at where a page comes from.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphon.config import is_loopback


@dataclass(frozen=True)
class Origins:
    """The rule for the header `Origin`.

    Args:
        allowed: Origins such as `https://app.example`; `*` stands for all of them.
        keys_needed: Whether clients need a key. Without keys, pages from loopback alone may connect, and those in
            `allowed`; with keys, all may unless `allowed` names some.
    """

    allowed: tuple[str, ...]
    keys_needed: bool

    def allows(self, origin: str | None) -> bool:
        """Whether a request with this `Origin` is served; clients that are no browsers send none."""
        if origin is None or "*" in self.allowed or origin.lower() in (known.lower() for known in self.allowed):
            return True
        if self.keys_needed:
            return not self.allowed
        return _is_loopback(origin)

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


def _is_loopback(origin: str) -> bool:
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
