"""The talk page on networks that stand in its way: it gets through all the same, and says why it came as it did."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.web.kit.chromium import Faults
from tests.web.kit.machine import Machine
from tests.web.kit.network import Cut, Network, Streams, WebSockets
from tests.web.talk_page import BEDROOMS, WRITTEN, TalkPage

NO_WEBRTC = "WebRTC This network does not let WebRTC through."
NO_WEBSOCKET = "WebSocket This network does not let WebSockets through."


@pytest.fixture
def talk(open_page: Callable[..., Page], machine: Machine, network: Network) -> TalkPage:
    return TalkPage(open_page(network.origin), machine)


def test_without_udp_it_talks_over_a_websocket_and_when_that_is_cut_over_http(
    talk: TalkPage, network: Network, faults: Faults
) -> None:
    faults.expect("WebSocket connection to .* failed|net::ERR_")
    network.udp_blocked = True
    talk.talk("WebSocket")
    why, connected = talk.tried()
    assert why.startswith(NO_WEBRTC)
    assert connected.startswith("WebSocket connected")
    talk.ask()
    network.websockets = WebSockets.REFUSED
    with network.down(Cut.RESET):
        talk.wait_for_state("Connecting again")
    talk.wait_for_transport("HTTP")
    no_webrtc, no_websocket, connected = talk.tried()
    assert no_webrtc.startswith(NO_WEBRTC)
    assert no_websocket.startswith(NO_WEBSOCKET)
    assert connected.startswith("HTTP connected")
    talk.ask()
    assert len(talk.said()) == 4


def test_where_streams_are_held_back_it_asks_again_and_again(talk: TalkPage, network: Network, faults: Faults) -> None:
    faults.expect("WebSocket connection to .* failed")
    network.websockets = WebSockets.SILENT
    network.streams = Streams.HELD
    talk.choose_transports("WebSocket", "HTTP")
    talk.talk("HTTP")
    left_out, blocked, connected = talk.tried()
    assert left_out.startswith("WebRTC This page leaves this kind of connection out.")
    assert blocked.startswith("WebSocket The connection took too long.")
    assert connected.startswith("HTTP connected")
    assert "A proxy holds the answers back" in talk.noticed()
    talk.ask()


def test_over_text_it_writes(talk: TalkPage) -> None:
    talk.choose_transports("Text")
    talk.press_talk()
    talk.wait_for_transport("Text")
    talk.wait_for_state("Ready for your message")
    talk.write(WRITTEN)
    talk.wait_for_answer(0, BEDROOMS)
    assert talk.tried()[-1].startswith("Text connected")
