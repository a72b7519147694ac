"""Peers that send as fast as they can, or never read: they are bounded, and others are answered meanwhile."""

import asyncio
import base64
import json
import os
from collections.abc import Iterable
from typing import Any

import pytest

from antiphon.engines.local import LocalSession
from antiphon.session import Equipment
from antiphon.session.limits import Limits
from antiphon.transports.picows_glue import READ_BYTES
from antiphon.transports.websocket import WebSocketLimits
from tests.hostile.kit import FOREVER, Host, Peer, bystander, guest, hosting, own_objects, stranger, until, upgrade
from tests.transports.kit import CONTINUATION, PING, TEXT, frame

# `ANTIPHON_HOSTILE=10` makes floods ten times as long.
FACTOR = int(os.environ.get("ANTIPHON_HOSTILE", "1"))
EVENTS = 50_000 * FACTOR


def event(kind: str, **fields: Any) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **fields}).encode())


def message(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


SMALL = b"".join(
    (
        event("response.cancel"),
        event("input_audio_buffer.clear"),
        event("input_audio_buffer.commit"),
        event("conversation.item.retrieve", item_id="nobody"),
        event("conversation.item.create", item=message("hello")),
        event("session.update", session={"type": "realtime"}),
        event("input_audio_buffer.append", audio="AAAA" * 16),
        event("response.create", response={"conversation": "none", "input": []}),
        frame(TEXT, b"{}"),
        frame(TEXT, b"rubbish"),
    )
)
KINDS = 10


async def send_all(peer: Peer, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        peer.send(piece)
        await peer.writer.drain()


async def test_a_flood_of_small_events_is_answered_and_others_meanwhile(host: Host) -> None:
    async with bystander(host.port) as other, guest(host.port) as peer:
        rounds = EVENTS // KINDS
        sending = asyncio.create_task(
            send_all(peer, [*[SMALL * 100] * (rounds // 100), event("response.cancel", event_id="last")])
        )
        errors = 0
        while (answer := await peer.until("error"))["error"]["event_id"] != "last":
            assert answer["error"]["type"] == "invalid_request_error"
            errors += 1
        assert errors >= rounds * 5
        await sending
        assert other.answers > 10  # in turn with the flood, not behind it
    await until(lambda: host.server.sessions == 0)


async def test_a_burst_is_taken_in_pieces_so_that_others_have_their_turn(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled, most = 0, 0
    receive = LocalSession.receive

    def counting(session: LocalSession, message: bytes) -> None:
        nonlocal handled
        handled += 1
        receive(session, message)

    async def watch() -> None:
        nonlocal handled, most
        while True:
            await asyncio.sleep(0)
            most, handled = max(most, handled), 0

    monkeypatch.setattr(LocalSession, "receive", counting)
    async with guest(host.port) as peer:
        watching = asyncio.create_task(watch())
        small = event("response.cancel")
        peer.send(small * 20_000)
        await peer.drained()
        watching.cancel()
    assert 0 < most <= READ_BYTES // len(small) + 1


async def test_a_flood_of_one_item_after_another_keeps_the_newest(host: Host) -> None:
    async with guest(host.port) as peer:
        sending = asyncio.create_task(
            send_all(peer, (event("conversation.item.create", item=message("x", id=f"item_{n}")) for n in range(5000)))
        )
        for _ in range(5000):
            await peer.until("conversation.item.done")
        await sending
        assert own_objects()["antiphon.session.conversation.Entry"] == Limits().items
        peer.event("conversation.item.retrieve", item_id="item_2999")
        assert (await peer.next())["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_a_flood_of_pings_and_empty_fragments_is_borne(host: Host) -> None:
    async with bystander(host.port) as other, guest(host.port) as peer:
        peer.send(frame(TEXT, b"", fin=False))
        await send_all(peer, [(frame(PING) + frame(CONTINUATION, fin=False)) * 100] * 100)
        peer.send(frame(CONTINUATION, b"{}"))
        pongs = 0
        while (await peer.frame())[0] != TEXT:
            pongs += 1
        assert pongs == 10_000
        assert other.answers > 0


async def test_a_client_that_asks_for_much_and_never_reads_is_closed_with_a_reason() -> None:
    limits = WebSocketLimits(max_unsent=2_000_000)
    async with hosting(limits) as host, bystander(host.port) as other, guest(host.port) as peer:
        peer.configure(audio={"input": {"turn_detection": None}})
        peer.event("input_audio_buffer.append", audio=base64.b64encode(bytes(1_000_000)).decode())
        peer.event("input_audio_buffer.commit")
        item_id = (await peer.until("conversation.item.done"))["item"]["id"]
        peer.stop_reading()
        await send_all(peer, [event("conversation.item.retrieve", item_id=item_id)] * 100)
        await until(lambda: host.server.sessions == 1)  # the bystander's
        before = other.answers
        await until(lambda: other.answers > before + 10)
        peer.go_on_reading()
        code, reason = await peer.close_frame()
        assert (code, "does not read" in reason) == (1013, True)


async def test_an_answer_without_end_that_nobody_reads_ends() -> None:
    limits = WebSocketLimits(max_unsent=2_000_000, close_seconds=0.1)
    async with hosting(limits) as host, bystander(host.port) as other, guest(host.port) as peer:
        peer.configure(output_modalities=["text"])
        peer.say(FOREVER)
        peer.event("response.create")
        await peer.until("response.output_text.delta")
        peer.stop_reading()
        await until(lambda: host.server.connections == 1)
        assert host.model.running == 0
        assert other.answers > 0


async def test_a_flood_that_is_never_read_is_closed() -> None:
    limits = WebSocketLimits(max_unsent=2_000_000, close_seconds=0.1)
    async with hosting(limits) as host, bystander(host.port) as other, guest(host.port) as peer:
        peer.stop_reading()
        sending = asyncio.create_task(send_all(peer, [SMALL * 100] * (EVENTS // KINDS // 100)))
        await until(lambda: host.server.connections == 1)
        sending.cancel()
        assert other.answers > 0


async def test_many_silent_clients_are_dropped() -> None:
    """Half-open: the peer's machine is gone, and nothing tells the server."""
    async with hosting(WebSocketLimits(ping_seconds=0.2)) as host, bystander(host.port) as other:
        peers = [Peer(*await asyncio.open_connection("127.0.0.1", host.port)) for _ in range(100)]
        for peer in peers:
            peer.send(upgrade())
            await peer.head()
            peer.stop_reading()
        await until(lambda: host.server.connections == 1)
        assert other.answers > 0
        for peer in peers:
            peer.drop()


@pytest.mark.parametrize("pause", [1, 7])
async def test_a_handshake_in_tiny_pieces_still_is_one(host: Host, pause: int) -> None:
    async with bystander(host.port), stranger(host.port) as peer:
        request = upgrade() + event("response.cancel")
        for begin in range(0, len(request), pause):
            peer.send(request[begin : begin + pause])
            await asyncio.sleep(0)
        await peer.head()
        assert (await peer.next())["type"] == "session.created"
        assert (await peer.next())["error"]["code"] == "response_cancel_not_active"


async def test_half_open_handshakes_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.transports.picows_glue.HEAD_SECONDS", 0.3)
    async with hosting(equipment=Equipment()) as host, bystander(host.port) as other:
        peers = [Peer(*await asyncio.open_connection("127.0.0.1", host.port)) for _ in range(300)]
        for number, peer in enumerate(peers):
            peer.send(upgrade()[: number % 150])
        before = other.answers
        for peer in peers:
            await peer.end()
            peer.drop()
        assert other.answers > before
