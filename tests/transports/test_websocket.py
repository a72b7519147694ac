"""WebSocket connections over real sockets, on both event loops."""

import asyncio
import gc
import ssl
from pathlib import Path
from typing import Any

import pytest
from openai.types.realtime import RealtimeErrorEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from antiphon.protocol.server_events import ErrorDetail
from antiphon.transports.admission import Refusal
from antiphon.transports.websocket import WebSocketLimits
from tests.transports.kit import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    EchoSession,
    Host,
    frame,
    listening,
    raw_client,
    upgrade,
)

TLS = Path(__file__).parents[1] / "talk" / "tls"
GREETING = b'{"type": "hello"}'


async def ended(ws: ClientConnection) -> tuple[int, str]:
    """Return code and reason with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


# --- messages -------------------------------------------------------------------------------------------------


async def test_messages_go_both_ways_in_order(host: Host) -> None:
    async with connect(host.url) as ws:
        assert await ws.recv(decode=False) == GREETING
        for number in range(100):
            await ws.send(f"{number} é")
        assert [await ws.recv() for _ in range(100)] == [f"{number} é" for number in range(100)]
    assert host.engine.starts[0].model == "gpt-realtime"


async def test_a_message_of_20_mb_passes_both_ways(host: Host) -> None:
    async with connect(host.url, max_size=None) as ws:
        await ws.recv()
        message = "x" * 20_000_000
        await ws.send(message)
        assert await ws.recv() == message


@pytest.mark.parametrize("size", [100, 8_193, 20_000, 70_000])
async def test_a_burst_of_long_messages_arrives_unharmed(host: Host, size: int) -> None:
    """picows sends long messages as two parts, the first of which it overwrites with the next message's."""
    burst = [bytes([65 + number % 26]) * (size + number) for number in range(60)]

    def send_burst(session: EchoSession, message: bytes) -> None:
        for each in burst:
            session.client.send(each)

    host.engine.on_message = send_burst
    async with connect(host.url, max_size=None) as ws:
        await ws.recv()
        await ws.send("go")
        assert [await ws.recv(decode=False) for _ in burst] == burst


async def test_what_is_sent_right_behind_the_upgrade_request_is_not_lost(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade() + frame(TEXT, b"early") + frame(TEXT, b"x" * 50_000))
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
        assert await raw.frame() == (TEXT, GREETING)
        assert await raw.frame() == (TEXT, b"early")
        assert await raw.frame() == (TEXT, b"x" * 50_000)


async def test_a_request_in_pieces_is_understood(host: Host) -> None:
    async with raw_client(host.port) as raw:
        for byte in upgrade() + frame(TEXT, b"hi"):
            raw.send(bytes([byte]))
            await raw.writer.drain()
        await raw.head()
        assert [await raw.frame(), await raw.frame()] == [(TEXT, GREETING), (TEXT, b"hi")]


async def test_a_fragmented_message_is_put_together(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        raw.send(frame(TEXT, "é".encode()[:1], fin=False))  # cut within a letter
        raw.send(frame(PING, b"p"))
        raw.send(frame(CONTINUATION, "é".encode()[1:], fin=False))
        raw.send(frame(CONTINUATION, b""))
        await raw.head()
        assert await raw.frame() == (TEXT, GREETING)
        assert await raw.frame() == (PONG, b"p")
        assert await raw.frame() == (TEXT, "é".encode())


async def test_a_binary_message_is_an_error_and_the_session_goes_on(host: Host) -> None:
    async with connect(host.url) as ws:
        await ws.recv()
        await ws.send(b"\x00\x01")
        await ws.send([b"in", b"three", b"parts"])
        await ws.send("text")
        for _ in range(2):
            event = TypeAdapter(RealtimeErrorEvent).validate_json(await ws.recv(), strict=True)
            assert event.error.code == "invalid_event"
            assert event.error.type == "invalid_request_error"
        assert await ws.recv() == "text"
    assert host.engine.sessions[0].received == [b"text"]


# --- faults of the client -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fragments", [1, 3])
async def test_a_message_over_the_limit_closes_with_1009(fragments: int) -> None:
    """The client gets to know why, though it is still sending; nothing of the message reaches the engine."""
    async with listening(WebSocketLimits(max_message=1_000_000)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        part = b"x" * (6_000_000 // fragments)
        for number in range(fragments):
            opcode = CONTINUATION if number else TEXT
            raw.send(frame(opcode, part, fin=number == fragments - 1))
        await raw.head()
        code, reason = await raw.close_frame()
        assert code == 1009
        assert "1000000" in reason
        await raw.end()
        await host.engine.sessions[0].closed.wait()
        assert host.engine.sessions[0].received == []


async def test_small_fragments_of_a_large_message_close_with_1009() -> None:
    async with listening(WebSocketLimits(max_message=1_000_000)) as host, raw_client(host.port) as raw:
        raw.send(upgrade() + frame(TEXT, b"x" * 400_000, fin=False))
        raw.send(frame(CONTINUATION, b"x" * 400_000, fin=False) * 2)
        await raw.head()
        assert (await raw.close_frame())[0] == 1009


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(1, b"\xff\xfe", {})], 1007),
        ([(1, b"ok", {"bits": 4})], 1002),
        ([(0, b"no beginning", {})], 1002),
        ([(1, b"a", {"fin": False}), (1, b"b", {})], 1002),
        ([(3, b"reserved opcode", {})], 1002),
        ([(1, b"unmasked", {"masked": False})], 1002),
        ([(9, b"x" * 126, {})], 1002),
        ([(8, b"\x03", {})], 1002),
        ([(8, b"\x03\xee", {})], 1002),  # 1006 must not be sent
    ],
)
async def test_a_broken_frame_closes_the_connection(
    host: Host, frames: list[tuple[int, bytes, dict[str, Any]]], code: int
) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        for opcode, payload, options in frames:
            raw.send(frame(opcode, payload, **options))
        await raw.head()
        assert (await raw.close_frame())[0] == code
        await raw.end()
    await host.websockets.empty()
    assert host.engine.sessions[0].closes == 1


@pytest.mark.parametrize("request_bytes", [b"\x16\x03\x01\x02\x00\x01\xfc", b"GET\r\n\r\n", b"A" * 200_000])
async def test_garbage_is_answered_with_an_error_and_the_end(host: Host, request_bytes: bytes) -> None:
    async with raw_client(host.port) as raw:
        raw.send(request_bytes)
        assert (await raw.head()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
        await raw.end()


async def test_an_endless_head_is_cut_off(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade()[:-2])
        for _ in range(100):
            raw.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 431")


async def test_a_head_that_never_ends_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.transports.picows_glue.HEAD_SECONDS", 0.02)
    async with raw_client(host.port) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost:")
        await raw.end()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /v1/elsewhere HTTP/1.1",
        b"GET /v1/realtimes HTTP/1.1",
        b"POST /v1/realtime HTTP/1.1",
        b"GET /v1/realtime HTTP/1.0",
    ],
)
async def test_what_is_no_handshake_goes_to_the_application(host: Host, request_bytes: bytes) -> None:
    async with raw_client(host.port) as raw:
        raw.send(request_bytes + upgrade().removeprefix(b"GET /v1/realtime?model=m HTTP/1.1"))
        assert (await raw.head()).startswith(b"HTTP/1.1 404")


# --- the handshake --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", ["Upgrade", "keep-alive, Upgrade", "upgrade"])
async def test_every_spelling_of_the_connection_header_is_taken(host: Host, connection: str) -> None:
    """Firefox sends `keep-alive, Upgrade`."""
    async with raw_client(host.port) as raw:
        raw.send(upgrade(connection=connection))
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        (None, None),
        (["realtime"], "realtime"),
        (["openai-insecure-api-key.K", "realtime", "openai-agents-sdk.1"], "realtime"),
        (["openai-insecure-api-key.K"], None),
        (["Realtime"], None),
    ],
)
async def test_realtime_is_selected_when_offered_and_nothing_else_ever(
    host: Host, offered: list[str] | None, selected: str | None
) -> None:
    subprotocols = [Subprotocol(name) for name in offered] if offered else None
    async with connect(host.url, subprotocols=subprotocols) as ws:
        assert ws.subprotocol == selected


async def test_compression_is_not_negotiated(host: Host) -> None:
    async with connect(host.url, compression="deflate") as ws:
        assert ws.response is not None
        assert "Sec-WebSocket-Extensions" not in ws.response.headers
        assert await ws.recv(decode=False) == GREETING


@pytest.mark.parametrize("target", ["/v1/realtime/?model=m", "/v1/realtime?model=m&x-unknown=1&=&%FF"])
async def test_a_trailing_slash_and_unknown_query_keys_are_accepted(host: Host, target: str) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade(target))
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")


async def test_a_refusal_is_told_in_band(host: Host) -> None:
    """101 first, then an error event, then CLOSE: browsers hide what an HTTP error says."""
    detail = ErrorDetail("invalid_request_error", "invalid_model", "No such model.", "model")
    host.decide = lambda handshake: Refusal(detail, 4000)
    async with connect(host.url) as ws:
        event = TypeAdapter(RealtimeErrorEvent).validate_json(await ws.recv(), strict=True)
        assert event.error.model_dump() == {
            "type": "invalid_request_error",
            "code": "invalid_model",
            "message": "No such model.",
            "param": "model",
            "event_id": None,
        }
        assert await ended(ws) == (4000, "invalid_request_error.invalid_model")
    assert host.engine.sessions == []


# --- the end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 3456, 4999])
async def test_the_clients_close_code_is_echoed(host: Host, code: int) -> None:
    async with connect(host.url) as ws:
        await ws.recv()
        await ws.close(code, "bye")
        assert ws.close_code == code
    await host.websockets.empty()
    assert host.engine.sessions[0].closes == 1
    assert host.released == 1


async def test_a_close_without_a_code_is_answered_by_one_without(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        raw.send(frame(CLOSE))
        assert await raw.frame() == (CLOSE, b"")
        await raw.end()


async def test_the_engine_closes_after_what_it_sent(host: Host) -> None:
    def last_words(session: EchoSession, message: bytes) -> None:
        session.client.send(b"last words")
        session.client.close(1001, "é" * 100)
        session.client.send(b"too late")
        session.client.close(4000, "twice")

    host.engine.on_message = last_words
    async with connect(host.url) as ws:
        await ws.recv()
        await ws.send("end")
        assert await ws.recv() == "last words"
        assert await ended(ws) == (1001, "é" * 61)  # 123 bytes at most, whole letters
    await host.websockets.empty()
    assert host.engine.sessions[0].closes == 1
    host.engine.sessions[0].client.send(b"to nobody")
    host.engine.sessions[0].client.close(1000, "again")


async def test_a_client_that_never_answers_a_close_is_dropped() -> None:
    async with listening(WebSocketLimits(close_seconds=0.02)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        host.websockets.close(1001, "stop")
        assert await raw.close_frame() == (1001, "stop")
        await raw.end()


async def test_a_vanished_client_ends_its_session_once(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
    await host.engine.sessions[0].closed.wait()
    await host.websockets.empty()
    assert host.engine.sessions[0].closes == 1
    assert host.released == 1
    host.engine.sessions[0].client.send(b"to nobody")


async def test_a_session_that_cannot_open_is_an_error_and_1011(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("out of memory")

    host.engine.on_open = fail
    async with connect(host.url) as ws:
        event = TypeAdapter(RealtimeErrorEvent).validate_json(await ws.recv(), strict=True)
        assert event.error.type == "server_error"
        assert await ended(ws) == (1011, "server_error.server_error")
    await host.websockets.empty()
    assert host.released == 1
    assert "out of memory" in caplog.text


async def test_a_session_that_breaks_ends_alone(host: Host) -> None:
    def fail(session: EchoSession, message: bytes) -> None:
        if message == b"bad":
            raise RuntimeError("a bug")
        session.client.send(message)

    host.engine.on_message = fail
    async with connect(host.url) as other, connect(host.url) as ws:
        await other.recv()
        await ws.recv()
        await ws.send("bad")
        assert "server_error" in str(await ws.recv())
        assert (await ended(ws))[0] == 1011
        await other.send("fine")
        assert await other.recv() == "fine"


# --- signs of life, and slow readers --------------------------------------------------------------------------


async def test_a_client_is_pinged() -> None:
    async with listening(WebSocketLimits(ping_seconds=0.01)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        for _ in range(5):
            assert await raw.frame() == (PING, b"")
            raw.send(frame(PONG))


async def test_a_client_that_shows_no_life_is_dropped() -> None:
    async with listening(WebSocketLimits(ping_seconds=0.01)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        assert [await raw.frame(), await raw.frame()] == [(PING, b"")] * 2
        await raw.end()
        await host.websockets.empty()
        assert host.engine.sessions[0].closes == 1


async def test_a_client_that_does_not_read_is_closed_and_others_do_not_notice() -> None:
    limits = WebSocketLimits(max_unsent=1_000_000, close_seconds=0.05)
    async with listening(limits) as host, connect(host.url) as other, raw_client(host.port) as raw:
        await other.recv()
        raw.send(upgrade())
        await raw.head()
        raw.stop_reading()
        lazy = host.engine.sessions[1]
        sent = 0
        while not lazy.closed.is_set():
            lazy.client.send(b"x" * 100_000)
            sent += 100_000
            await other.send("still there?")
            assert await other.recv() == "still there?"
        assert sent < 20_000_000  # what the kernel buffers, and the limit
        assert lazy.closes == 1
        raw.go_on_reading()
        await raw.end()
        while len(host.websockets) > 1:
            await other.send("and now?")
            await other.recv()


async def test_pongs_to_a_client_that_does_not_read_are_bounded() -> None:
    async with listening(WebSocketLimits(max_unsent=200_000)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        raw.stop_reading()
        pings = frame(PING, b"p" * 125) * 1000
        for _ in range(100):  # 13 MB
            raw.send(pings)
            await raw.writer.drain()
        raw.send(frame(TEXT, b"x"))
        session = host.engine.sessions[0]
        await session.arrived.wait()
        client: Any = session.client
        assert client._raw.get_write_buffer_size() < 200_000


# --- leaks ----------------------------------------------------------------------------------------------------


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def living_clients() -> set[int]:
    return {id(each) for each in gc.get_objects() if type(each).__name__ == "WebSocketClient"}


async def test_300_connections_leave_nothing_behind(host: Host) -> None:
    async def visit(number: int) -> None:
        async with raw_client(host.port) as raw:
            raw.send(upgrade())
            await raw.head()
            await raw.frame()
            if number % 3 == 0:
                raw.send(frame(CLOSE, b"\x03\xe8"))
                await raw.close_frame()
            elif number % 3 == 1:
                raw.send(frame(TEXT, b"x" * 1000)[:500])  # vanishes in the middle of a frame

    await visit(0)
    await host.websockets.empty()
    tasks, files, before = len(asyncio.all_tasks()), open_files(), living_clients()
    for batch in range(6):
        await asyncio.gather(*(visit(number) for number in range(batch * 50, batch * 50 + 50)))
    await host.websockets.empty()
    for _ in range(3):  # the client's own ends
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == tasks
    assert open_files() == files
    assert [session.closes for session in host.engine.sessions] == [1] * 301
    assert host.released == 301
    host.engine.sessions.clear()
    gc.collect()
    assert living_clients() <= before


# --- backpressure, and how a connection ended -----------------------------------------------------------------


async def test_a_session_is_told_that_its_client_is_slow_and_that_it_is_not_any_more(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        raw.stop_reading()
        session = host.engine.sessions[0]
        while not session.slow:
            session.client.send(b"x" * 100_000)
            await asyncio.sleep(0)
        assert session.client.unsent > 512 * 1024
        session.slowness.clear()
        raw.go_on_reading()
        while session.client.unsent >= 128 * 1024:
            await raw.frame()
        await session.slowness.wait()
        assert session.slow == [True, False]
    await host.websockets.empty()
    assert session.client.unsent == 0


def tls_of(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.load_cert_chain(TLS / "localhost.cert.pem", TLS / "localhost.key.pem")
    else:
        context.load_verify_locations(TLS / "localhost.cert.pem")
    return context


@pytest.mark.parametrize("secure", [False, True])
async def test_a_client_that_is_not_read_from_waits_and_loses_nothing(secure: bool) -> None:
    server, client = (tls_of(each) for each in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    async with (
        listening(tls=server if secure else None) as host,
        connect(host.url.replace("ws:", "wss:") if secure else host.url, ssl=client if secure else None) as ws,
    ):
        await ws.recv()
        session = host.engine.sessions[0]
        arrived: list[bytes] = []
        paused, complete = asyncio.Event(), asyncio.Event()

        def take(_session: EchoSession, message: bytes) -> None:
            arrived.append(message)
            if len(arrived) == 3:
                session.client.pause_reading()
                paused.set()
            if len(arrived) == 400:
                complete.set()

        host.engine.on_message = take
        sending = asyncio.ensure_future(_send_all(ws, 400))
        await paused.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(arrived) < 10  # what was read already is still delivered
        session.client.resume_reading()
        session.client.resume_reading()
        await sending
        await complete.wait()
        assert [message[:3] for message in arrived] == [b"%03d" % number for number in range(400)]


async def _send_all(ws: ClientConnection, count: int) -> None:
    for number in range(count):
        await ws.send(f"{number:03}" + "x" * 20_000)


async def test_a_connection_that_is_not_read_from_can_be_closed(host: Host) -> None:
    async with connect(host.url) as ws:
        await ws.recv()
        session = host.engine.sessions[0]
        session.client.pause_reading()
        session.client.close(1000, "done")
        session.client.pause_reading()
        assert await ended(ws) == (1000, "done")
    await host.websockets.empty()
    assert session.closes == 1
    session.client.pause_reading()
    session.client.resume_reading()


async def test_a_client_that_is_not_read_from_is_not_taken_for_dead() -> None:
    async with listening(WebSocketLimits(ping_seconds=0.01)) as host, raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        session = host.engine.sessions[0]
        session.client.pause_reading()
        for _ in range(6):
            assert await raw.frame() == (PING, b"")  # never answered
        session.client.resume_reading()
        raw.send(frame(TEXT, b"here"))
        while True:
            opcode, payload = await raw.frame()
            if opcode == TEXT:
                break
        assert payload == b"here"


@pytest.mark.parametrize(
    ("code", "lost"), [(b"\x03\xe8", False), (b"\x03\xe9", True), (b"", False), (b"\x0f\xa0", False), (None, True)]
)
async def test_whether_a_client_may_come_back(host: Host, code: bytes | None, lost: bool) -> None:
    """1000, 1001, none (1005), 4000, and no CLOSE frame at all (1006)."""
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        await raw.frame()
        if code is not None:
            raw.send(frame(CLOSE, code))
            await raw.frame()
    await host.websockets.empty()
    assert host.engine.sessions[0].lost is lost


async def test_a_session_that_ends_itself_has_not_lost_its_client(host: Host) -> None:
    async with connect(host.url) as ws:
        await ws.recv()
        host.engine.sessions[0].client.close(1001, "the cap")
        await ended(ws)
    await host.websockets.empty()
    assert host.engine.sessions[0].lost is False


async def test_a_stopping_server_and_a_dropped_client_are_losses(host: Host) -> None:
    async with connect(host.url) as ws, connect(host.url) as other:
        await ws.recv()
        await other.recv()
        host.engine.sessions[1].client.abort()
        assert (await _broken(other)) is None
        host.websockets.close(1001, "stop")
        await ended(ws)
    await host.websockets.empty()
    assert [session.lost for session in host.engine.sessions] == [True, True]


async def _broken(ws: ClientConnection) -> object:
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    return closed.value.rcvd


async def test_a_breach_of_the_protocol_is_an_end(host: Host) -> None:
    async with raw_client(host.port) as raw:
        raw.send(upgrade())
        await raw.head()
        raw.send(frame(TEXT, b"\xff"))
        await raw.close_frame()
        await raw.end()
    await host.websockets.empty()
    assert host.engine.sessions[0].lost is False
