"""What the log says of a call's audio when the call ends."""

import logging

import pytest

from antiphon.transports.rtp import Opus, RtpSender
from tests.transports.webrtc.call_kit import tone, wired
from tests.transports.webrtc.offers import CHROME


async def test_the_end_of_a_call_tells_how_its_audio_came(caplog: pytest.LogCaptureFixture) -> None:
    """Packet 20 comes when its time is over, packet 30 never."""
    caplog.set_level(logging.INFO)
    sender, pcm = RtpSender(Opus(), 111, 99), tone(1000)
    packets = [sender.packet(pcm[at : at + 960]) or b"" for at in range(0, len(pcm), 960)]
    packets[30], packets[20], packets[25:26] = b"", b"", [packets[25], packets[20]]
    async with wired() as call:
        for packet in filter(None, packets):
            call.call.on_media(packet, call.hand.now)
            call.go(0.02)
        call.call.on_closed("the client closed the connection", lost=False)
    assert " s (2 packets lost, 1 late, 40 ms concealed): 1000 the client closed" in caplog.text


async def test_a_call_without_audio_tells_only_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with wired(CHROME.replace("a=sendrecv", "a=recvonly")) as call:
        call.call.on_closed("the client closed the connection", lost=False)
    assert " s: 1000 the client closed" in caplog.text
