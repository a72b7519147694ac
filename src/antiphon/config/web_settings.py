"""The settings of the web: the talk page, and where it gets a key."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphon.config.declaring import setting
from antiphon.config.values import Kind, choice, is_http_url, is_loopback, show

# What a content security policy can name: its grammar knows no IPv6 addresses. Source: CSP 3, 2.3.1.
HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}(?::[0-9]{1,5})?")
# Not `//host/path`, which would be another server. No query: pages are told of it, and it must carry no secret.
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")


def _read_token_url(raw: object) -> str:
    if isinstance(raw, str) and (_is_path(raw) or _is_safe_url(raw)):
        return raw
    # What stands before an @ or behind a ? may be a secret.
    shown = "what was given" if re.search("[@?]", str(raw)) else show(raw)
    raise ValueError(f"{shown} is not usable; give {_EXPECTS}")


def _is_safe_url(url: str) -> bool:
    """Whether client secrets may travel there: by https, or within this machine."""
    if not is_http_url(url):
        return False
    parts = urlsplit(url)
    goes_far = not is_loopback(parts.hostname or "")
    return bool(HOST.fullmatch(parts.netloc)) and _is_path(parts.path) and (parts.scheme == "https" or not goes_far)


def _is_path(path: str) -> bool:
    return not path or _PATH.fullmatch(path) is not None


_EXPECTS = "a path such as /token, or a URL such as https://app.example.com/token, without a query"
TOKEN_URL = Kind(_EXPECTS, _read_token_url)


@dataclass(frozen=True)
class WebSettings:
    """The talk page at `/`. What other pages embed lies under `/web/`, with it or without."""

    page: str = setting(
        "on",
        choice("a choice", "on", "off"),
        "Whether browsers get the talk page at `/`; else they are told there what the server is, as programs are.",
        flag="--talk-page",
    )
    token_url: str = setting(
        "",
        TOKEN_URL,
        "Where the talk page gets a client secret by POST when keys are needed: a route of your own, which lets in "
        "whom you know. Unset, the page asks its user for a key.",
        flag="--token-url",
    )

    @property
    def has_page(self) -> bool:
        """Whether browsers get the talk page."""
        return self.page == "on"
