"""Why a connection could not be made: a kind to decide by, and what was found, in words.

What to do next is for whoever knows where the address came from, and is not said here.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

import msgspec
from picows import WSHandshakeError, WSInvalidStatusError
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from antiphon.errors import UpstreamError

_MAX_SAID = 300
_decoder = msgspec.json.Decoder()


class FailureKind(Enum):
    """What went wrong, told by who must look where."""

    DNS = auto()  # the name means no address
    REFUSED = auto()  # the host is there, and nothing listens
    UNREACHABLE = auto()  # no way to the host
    TLS_UNTRUSTED = auto()  # its certificate is not trusted, or not for this name
    TLS = auto()  # TLS failed otherwise
    TIMEOUT = auto()  # no answer in time
    PROXY = auto()  # the proxy on the way refused, or cannot be reached
    STATUS = auto()  # an HTTP answer that is no upgrade
    NOT_HTTP = auto()  # an answer that is no HTTP, or no WebSocket's
    HUNG_UP = auto()  # the connection ended before an answer


@dataclass(frozen=True)
class Failure:
    """Why a connection could not be made.

    Args:
        kind: What to decide by.
        message: What was found. For STATUS it does not repeat what the server said.
        status: Of the HTTP answer; 0 when there was none.
        code: `error.code` of its JSON body, or "".
        said: `error.message` of its JSON body, or "". It may quote a key.
        location: Where a redirect points to, without query; "" when there is none.
    """

    kind: FailureKind
    message: str
    status: int = 0
    code: str = ""
    said: str = ""
    location: str = ""


class ConnectError(UpstreamError):
    """A connection could not be made; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: Exception, proxy: str | None = None) -> Failure:
    """Return what an exception of connecting means.

    Args:
        error: Any that the parts of `connect` raise: OSError, SSLError, picows' and python-socks' own.
        proxy: The proxy that was on the way; its user and password are not shown.
    """
    if isinstance(error, ConnectError):
        return error.failure
    if isinstance(error, WSHandshakeError):
        return _refused(error)
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    if isinstance(error, ProxyError | ProxyConnectionError | ProxyTimeoutError):
        return Failure(FailureKind.PROXY, f"the proxy {_shown(proxy)} did not connect us ({error})")
    found = _broken(error)
    if proxy and found.kind in (FailureKind.DNS, FailureKind.REFUSED, FailureKind.UNREACHABLE):
        return Failure(FailureKind.PROXY, f"the proxy {_shown(proxy)} cannot be reached ({found.message})")
    return found


def _tls(error: ssl.SSLError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(FailureKind.TLS_UNTRUSTED, f"its TLS certificate is not trusted ({error.verify_message})")
    return Failure(FailureKind.TLS, f"TLS failed ({getattr(error, 'reason', None) or error})")


def _broken(error: Exception) -> Failure:
    # Where a name has several addresses, asyncio tells of all failures in one text.
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return Failure(FailureKind.REFUSED, "nothing listens there")
    if isinstance(error, socket.gaierror | UnicodeError):
        return Failure(FailureKind.DNS, "the host name cannot be resolved")
    if isinstance(error, TimeoutError):
        return Failure(FailureKind.TIMEOUT, "no answer in time")
    if isinstance(error, ConnectionError):
        return Failure(FailureKind.HUNG_UP, f"the connection broke ({_text(error)})")
    return Failure(FailureKind.UNREACHABLE, f"the host cannot be reached ({_text(error)})")


def hung_up() -> Failure:
    return Failure(FailureKind.HUNG_UP, "the server hung up at once")


def not_http() -> Failure:
    return Failure(FailureKind.NOT_HTTP, "the server does not answer as HTTP does")


def status_failure(status: int, body: bytes, location: str = "") -> Failure:
    """Return what an HTTP answer with a bad `status` means."""
    code, said = _error_in(body)
    place = urlsplit(location)._replace(query="", fragment="").geturl() if location else ""
    message = f"HTTP {status}" + (f", a redirect to {place}" if 300 <= status < 400 else "")
    return Failure(FailureKind.STATUS, message, status, code, said, place)


def _refused(error: WSHandshakeError) -> Failure:
    if error.response is None:
        return not_http()
    if not isinstance(error, WSInvalidStatusError):
        return Failure(FailureKind.NOT_HTTP, f"the server's answer is no WebSocket's ({error})")
    location = error.response.headers.get("Location") or ""
    return status_failure(int(error.response.status), error.raw_body or b"", location)


def _error_in(body: bytes) -> tuple[str, str]:
    """Return code and message of a JSON error body, each "" where it has none."""
    try:
        error = _decoder.decode(_unchunked(body))["error"]
        return str(error.get("code") or ""), str(error.get("message") or "")[:_MAX_SAID]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return "", ""


def _unchunked(body: bytes) -> bytes:
    """Return a body without the chunk sizes that it may have come with: each starts with a digit, JSON with a brace."""
    return body if body[:1] in (b"{", b"") else b"".join(_chunks(body))


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            return
        yield rest[:length]
        body = rest[length + 2 :]


def _shown(proxy: str | None) -> str:
    parts = urlsplit(proxy or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _text(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[:_MAX_SAID]
