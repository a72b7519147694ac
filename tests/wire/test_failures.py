"""What an exception of connecting means."""

import errno
import socket
import ssl

import pytest

from antiphon.wire.failures import Failure, FailureKind, failure_of, status_failure

PROXY = "http://me:word@proxy.example:3128"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FailureKind.DNS),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), FailureKind.REFUSED),
        (OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] Connect call failed, x"), FailureKind.REFUSED),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), FailureKind.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "No route to host"), FailureKind.UNREACHABLE),
        (TimeoutError(), FailureKind.TIMEOUT),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), FailureKind.HUNG_UP),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), FailureKind.TLS),
        (ValueError("Port out of range 0-65535"), FailureKind.UNREACHABLE),
    ],
)
def test_kinds(error: Exception, kind: FailureKind) -> None:
    failure = failure_of(error)
    assert failure.kind is kind
    assert failure.message


def test_with_a_proxy_on_the_way_it_is_the_proxy_that_cannot_be_reached() -> None:
    failure = failure_of(socket.gaierror(socket.EAI_NONAME, "Name or service not known"), PROXY)
    assert failure == Failure(
        FailureKind.PROXY, "the proxy http://proxy.example:3128 cannot be reached (the host name cannot be resolved)"
    )


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"error":{"message":"No","code":"c"}}', "c", "No"),
        (b'{"error":{"message":"No","code":null}}', "", "No"),
        (b'{"error":{"message":"No","code":404}}', "404", "No"),
        (b'{"error":"No"}', "", ""),
        (b'{"detail":"No"}', "", ""),
        (b"<html>", "", ""),
        (b"\xff", "", ""),
        (b"", "", ""),
        (b'16\r\n{"error":{"message":"N\r\n4;x=y\r\no"}}\r\n0\r\n\r\n', "", "No"),
    ],
)
def test_what_a_body_says(body: bytes, code: str, said: str) -> None:
    failure = status_failure(404, body)
    assert (failure.kind, failure.status, failure.code, failure.said) == (FailureKind.STATUS, 404, code, said)


def test_a_long_message_is_cut() -> None:
    assert len(status_failure(400, b'{"error":{"message":"%b"}}' % (b"x" * 9999)).said) == 300


def test_a_redirect_s_query_is_not_shown() -> None:
    failure = status_failure(302, b"", "https://h/login?key=secret#x")
    assert (failure.location, failure.message) == ("https://h/login", "HTTP 302, a redirect to https://h/login")
