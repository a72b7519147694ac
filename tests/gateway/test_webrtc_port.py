"""One UDP port for all calls, as the settings say it."""

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from antiphon.config.settings import ServerSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.errors import ConfigError
from antiphon.gateway.webrtc import ice_options
from tests.gateway.kit import Running
from tests.transports.webrtc.kit import Client

CALLS = "/v1/realtime/calls?model=gpt-realtime"
SDP = {"Content-Type": "application/sdp"}


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody else has until the test closes it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", 0))
        yield somebody


def options_with(**settings: int) -> tuple[int, tuple[int, int]]:
    options = ice_options(WebRtcSettings(**settings), ServerSettings())  # type: ignore[arg-type]
    return options.port, options.ports


def test_a_range_of_one_port_is_one_for_all_calls() -> None:
    assert options_with() == (0, (0, 0))
    assert options_with(port=5000) == (5000, (0, 0))
    assert options_with(port_min=5000, port_max=5000)[0] == 5000
    assert options_with(port_min=5000, port_max=5001) == (0, (5000, 5001))


async def test_calls_are_answered_at_the_port(run: Callable[..., Any], taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    taken.close()
    gateway: Running = await run(webrtc=WebRtcSettings(address=("127.0.0.1",), port=port))
    clients = [Client(), Client()]
    for client in clients:
        answer = await gateway.http.post(CALLS, headers=SDP, content=await client.offer())
        assert set(re.findall(r"a=candidate:.* (\d+) typ", answer.text)) == {str(port)}
        await client.take(answer.text)
    for client in clients:
        await client.wait_for(lambda it: it.is_open and bool(it.received))
        await client.close()


async def test_a_port_that_is_taken_stops_the_start(run: Callable[..., Any], taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(
        ConfigError, match=f"webrtc.port: cannot receive at 127.0.0.1, UDP port {port}: Address already"
    ):
        await run(webrtc=WebRtcSettings(address=("127.0.0.1",), port=port))
