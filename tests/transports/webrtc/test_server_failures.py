"""What the log says of STUN and TURN servers that are of no use."""

import asyncio
import socket
from types import SimpleNamespace

import pytest

from antiphon.transports.webrtc.server_failures import SECONDS_BETWEEN, ServerFailures

STUN, TURN = "stun:stun.example.com", "turn:turn.example.com"


class RefusedError(Exception):
    """As aioice tells of a server's error."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.response = SimpleNamespace(attributes={"ERROR-CODE": (code, reason)})


def test_each_server_is_told_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    failures = ServerFailures()
    for now in (0.0, 1.0, SECONDS_BETWEEN - 1):
        failures.tell(STUN, TimeoutError(), now)
    assert len(caplog.messages) == 1
    failures.tell(TURN, TimeoutError(), 1.0)
    failures.tell(STUN, TimeoutError(), SECONDS_BETWEEN)
    assert [message.partition(" ")[0] for message in caplog.messages] == [STUN, TURN, STUN]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncio.CancelledError(), "it did not answer in time"),
        (ConnectionRefusedError(111, "no"), "ConnectionRefusedError 111"),
        (socket.gaierror(-2, "Name or service not known"), "gaierror -2"),
        (RefusedError(401, "Unauthorized"), "RefusedError 401"),
        (RuntimeError("what"), "RuntimeError"),
    ],
)
def test_the_kind_of_error_is_told(error: BaseException, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    ServerFailures().tell(TURN, error, 0.0)
    assert caplog.messages == [f"{TURN} is of no use to calls: {kind}"]


def test_a_server_writes_nothing_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ServerFailures().tell(TURN, RefusedError(400, "x\nERROR antiphon: forged"), 0.0)
    assert "forged" not in caplog.text


def test_what_is_remembered_is_bounded() -> None:
    failures = ServerFailures()
    for number in range(1000):
        failures.tell(f"stun:{number}.example.com", TimeoutError(), 0.0)
    assert len(failures._told) <= 16
