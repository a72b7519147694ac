"""Which proxy leads to a server, by the environment's usual rules."""

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy to use for `url`, None for none.

    `HTTPS_PROXY` serves wss and https, `HTTP_PROXY` ws and http, `ALL_PROXY` what is left; `NO_PROXY` names hosts that
    are reached directly. Each may be in lower case, which goes first.
    """
    parts = urlsplit(url)
    proxies = getproxies_environment()
    if proxy_bypass_environment(parts.netloc.rpartition("@")[2], proxies):
        return None
    found = proxies.get("https" if parts.scheme in ("wss", "https") else "http") or proxies.get("all")
    return found if not found or "://" in found else f"http://{found}"
