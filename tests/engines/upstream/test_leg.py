"""A leg over real sockets: what passes, and how each way of failing is told."""

import asyncio
import json
import logging
import socket
import struct
from typing import Any

import pytest
from tests.engines.upstream.servers import (
    CREATED,
    KEY,
    START,
    TLS,
    Handler,
    Heard,
    Upstream,
    cause,
    ending,
    greet,
    joined,
    refuse,
    server_tls,
    tcp,
    upstream,
)
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from antiphon.engines.upstream.leg import LegSettings, UpstreamLeg
from antiphon.path.legs import Cause, LegStart
from antiphon.protocol.session_kinds import TRANSCRIPTION
from antiphon.session.start import SessionStart
from antiphon.wire.connect import Endpoint
from antiphon.wire.tls import client_tls


def delta(number: int, size: int = 1300) -> bytes:
    return json.dumps({"type": "response.output_audio.delta", "delta": chr(97 + number % 26) * size}).encode()


def settings(url: str, tls_ca: str = "", **changes: Any) -> LegSettings:
    context = client_tls(tls_ca) if url.startswith("wss") else None
    return LegSettings(Endpoint(url, tls=context), KEY, **{"max_unsent": 100_000_000, **changes})


# --- what passes ----------------------------------------------------------------------------------------------


async def test_events_pass_as_the_bytes_they_are() -> None:
    odd = b'{ "delta" : "\xc3\xa9",\n "type":"response.output_text.delta" }'
    async with upstream() as server, joined(server.config()) as (route, heard):
        assert await heard.messages.get() == CREATED
        assert heard.leg is not None
        heard.leg.send(odd)
        assert await heard.messages.get() == odd
        assert route.rests_until == 0.0


async def test_nothing_is_told_from_within_open() -> None:
    async with upstream() as server, joined(server.config()) as (_, heard):
        assert heard.messages.empty()
        assert await heard.messages.get() == CREATED


async def test_the_request_carries_key_model_and_safety_identifier() -> None:
    start = LegStart(SessionStart("gpt-realtime"), (("OpenAI-Safety-Identifier", "u7"), ("authorization", "Bearer x")))
    async with upstream() as server, joined(server.config(models={"*": "other"}), start) as (_, heard):
        await heard.messages.get()
        request = (await server.connections.get()).request
        assert request is not None
        assert request.path == "/v1/realtime?model=other"
        assert request.headers.get_all("Authorization") == [f"Bearer {KEY}"]
        assert request.headers["OpenAI-Safety-Identifier"] == "u7"


async def test_a_transcription_session_is_asked_for_by_intent() -> None:
    async with upstream() as server, joined(server.config(), LegStart(SessionStart("", kind=TRANSCRIPTION))) as (_, h):
        await h.messages.get()
        request = (await server.connections.get()).request
        assert request is not None
        assert request.path == "/v1/realtime?intent=transcription"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("count", "size"), [(8, 5_000_000), (4000, 1300)])
async def test_bursts_arrive_unharmed_both_ways(count: int, size: int, secure: bool) -> None:
    """The bytes are compared at both ends: picows overwrites the buffer that it sends from."""
    burst = [delta(number, size + number) for number in range(count)]
    arrived: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        received = [await connection.recv(decode=False) for _ in burst]
        arrived.set_result(received == burst)
        for message in burst:
            await connection.send(message.decode())
        await connection.wait_closed()

    async with upstream(handler, server_tls() if secure else None) as server:
        url = f"{'wss' if secure else 'ws'}://localhost:{server.port}/v1/realtime"
        heard = Heard()
        leg = UpstreamLeg(settings(url, str(TLS / "localhost.cert.pem")), heard)
        leg.open()
        await heard.messages.get()
        for message in burst:
            leg.send(message)
        assert await arrived
        assert [await heard.messages.get() for _ in burst] == burst
        leg.close()
        await leg.gone


async def test_fragments_make_one_event() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        await connection.send(['{"type":', '"hel', 'lo"}'])
        await connection.wait_closed()

    async with upstream(handler) as server, joined(server.config()) as (_, heard):
        assert [(await heard.event())["type"] for _ in range(2)] == ["session.created", "hello"]


async def test_a_server_may_send_its_events_as_binary_messages(caplog: pytest.LogCaptureFixture) -> None:
    """All of them, or some, in one frame or several; the log says so once."""

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED)
        await connection.send(b'{"type":"whole"}')
        await connection.send([b'{"type":', b'"par', b'ts"}'])
        await connection.send('{"type":"text"}')
        await connection.wait_closed()

    caplog.set_level(logging.INFO, "antiphon.upstream")
    async with upstream(handler) as server, joined(server.config()) as (_, heard):
        types = [(await heard.event())["type"] for _ in range(4)]
        assert types == ["session.created", "whole", "parts", "text"]
        assert [record.levelname for record in caplog.records if "binary messages" in record.message] == ["INFO"]


async def test_a_ping_of_the_server_is_answered() -> None:
    ponged: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        ponged.set_result(await (await connection.ping()))
        await connection.wait_closed()

    async with upstream(handler) as server, joined(server.config()) as (_, heard):
        await heard.messages.get()
        assert await ponged >= 0


async def test_closing_says_goodbye_and_tells_nothing() -> None:
    async with upstream() as server, joined(server.config()) as (_, heard):
        await heard.messages.get()
        assert heard.leg is not None
        heard.leg.close()
        heard.leg.close()
        heard.leg.send(b"{}")
        connection = await server.connections.get()
        await connection.wait_closed()
        assert connection.close_code == 1000
    assert not heard.ended.done()


async def test_closing_while_it_connects_tells_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with joined(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1")) as (_, heard):
            assert heard.leg is not None
            heard.leg.close()
    assert not heard.ended.done()


async def test_reading_pauses_and_goes_on() -> None:
    async with upstream() as server, joined(server.config()) as (_, heard):
        await heard.messages.get()
        leg = heard.leg
        assert leg is not None
        connection = await server.connections.get()
        leg.pause_reading()
        await connection.send("{}")
        await round_trip(server)  # another connection's: ours had the time
        assert heard.messages.empty()
        leg.resume_reading()
        assert await heard.messages.get() == b"{}"


async def round_trip(server: Upstream) -> None:
    async with joined(server.config()) as (_, other):
        await other.messages.get()
        assert other.leg is not None
        other.leg.send(b"[]")
        assert await other.messages.get() == b"[]"


async def test_a_server_that_does_not_read_is_told_and_at_last_lost() -> None:
    release = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.abort()

    async with upstream(handler) as server:
        heard = Heard()
        url = f"ws://localhost:{server.port}/v1/realtime"
        leg = UpstreamLeg(settings(url, max_unsent=8_000_000), heard)
        leg.open()
        await heard.messages.get()
        leg.send(delta(0, 20_000_000))
        assert heard.slow.empty()  # not from within send
        assert await heard.slow.get() is True
        leg.send(delta(1))
        end = await heard.end()
        assert end.cause is Cause.LOST
        assert "does not read: more than 8000000 bytes" in end.message
        release.set()
        await leg.gone


async def test_a_server_that_reads_again_is_told() -> None:
    release = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.resume_reading()
        await connection.recv()
        await connection.wait_closed()

    async with upstream(handler) as server, joined(server.config()) as (_, heard):
        await heard.messages.get()
        assert heard.leg is not None
        heard.leg.send(delta(0, 20_000_000))
        assert await heard.slow.get() is True
        release.set()
        assert await heard.slow.get() is False


# --- refused in-band, before the session ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "close", "expected"),
    [
        ("invalid_api_key", 3000, Cause.CREDENTIALS),
        (None, 3000, Cause.CREDENTIALS),
        ("insufficient_quota", 3000, Cause.QUOTA),
        ("billing_hard_limit_reached", 4000, Cause.QUOTA),
        ("credit_balance_exhausted", 3000, Cause.QUOTA),
        ("account_deactivated", 3000, Cause.QUOTA),
        ("invalid_model", 4000, Cause.CLIENT),
        ("missing_model", 4000, Cause.CLIENT),
        ("invalid_intent", 4000, Cause.CLIENT),
        ("model_not_found", 4000, Cause.CLIENT),
        ("beta_api_shape_disabled", 4000, Cause.CREDENTIALS),
        ("rate_limit_exceeded", 1008, Cause.RATE_LIMIT),
        ("session_expired", 1001, Cause.EXPIRED),
        ("server_full", 1013, Cause.FULL),
        ("server_error", 1011, Cause.LOST),
    ],
)
async def test_a_refusal_in_band_is_told_by_its_code(code: str | None, close: int, expected: Cause) -> None:
    async with upstream(refuse(code, close, f"Refused {KEY}.")) as server:
        end = await ending(server.config())
        assert end.cause is expected
        assert end.close_code == close
        assert end.error is not None
        assert (end.error.code, end.error.message) == (code, "Refused ********.")


async def test_the_beta_shape_being_off_names_the_setting() -> None:
    async with upstream(refuse("beta_api_shape_disabled", 4000)) as server:
        assert "set dialect = 'ga'" in (await ending(server.config())).message


@pytest.mark.parametrize("quoted", ["sk-proj-********Cba2", KEY, KEY[:12] + "..." + KEY[-8:], KEY[3:20]])
async def test_a_quoted_key_is_hidden_whole_and_in_part(quoted: str) -> None:
    async with upstream(refuse("invalid_api_key", 3000, f"Wrong: {quoted}.", f"x {quoted[:60]}")) as server:
        end = await ending(server.config())
        assert end.error is not None
        assert "********" in end.error.message
        assert "Cba2" not in end.message + end.error.message + end.close_reason
        assert "WvUt7S" not in end.message + end.error.message + end.close_reason


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", Cause.LOST),
        (1001, "", Cause.LOST),
        (1011, "", Cause.LOST),
        (1012, "", Cause.LOST),
        (1013, "", Cause.FULL),
        (1008, "bad key", Cause.CREDENTIALS),
        (3000, "invalid_request_error.insufficient_quota", Cause.QUOTA),
        (4000, "", Cause.CLIENT),
    ],
)
async def test_a_close_without_a_word(code: int, reason: str, expected: Cause) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    async with upstream(handler) as server:
        end = await ending(server.config())
        assert (end.cause, end.close_code, end.close_reason, end.error) == (expected, code, reason, None)


async def test_an_error_in_place_of_a_session_ends_the_leg_though_nothing_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("antiphon.engines.upstream.leg._CLOSE_FOLLOWS_SECONDS", 0.01)

    async def handler(connection: ServerConnection) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "No.", "param": None}
        await connection.send(json.dumps({"type": "error", "error": error}))
        await connection.wait_closed()

    async with upstream(handler) as server:
        end = await ending(server.config())
        assert end.cause is Cause.CREDENTIALS
        assert "the server refused the session: No.; the key was not accepted" in end.message


async def test_a_server_that_opens_and_says_nothing() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with upstream(handler) as server:
        heard = Heard()
        leg = UpstreamLeg(settings(f"ws://localhost:{server.port}/", session_seconds=0.05), heard)
        leg.open()
        end = await heard.end()
        assert end.cause is Cause.UNREACHABLE
        assert "no session.created came within 0.05 s" in end.message
        await leg.gone


# --- ends of a session ----------------------------------------------------------------------------------------


def after_session(then: Handler) -> Handler:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        await then(connection)

    return handler


async def test_the_cap_of_a_session() -> None:
    said = "Your session hit the maximum duration of 60 minutes."
    async with (
        upstream(after_session(refuse("session_expired", 1001, said, said))) as server,
        joined(server.config()) as (route, heard),
    ):
        assert [(await heard.event())["type"] for _ in range(2)] == ["session.created", "error"]
        end = await heard.end()
        assert (end.cause, end.close_code, end.close_reason) == (Cause.EXPIRED, 1001, said)
        assert end.error is not None
        assert end.error.code == "session_expired"
        assert route.rests_until == 0.0


async def test_an_earlier_error_does_not_explain_a_later_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.engines.upstream.leg._CLOSE_FOLLOWS_SECONDS", -1.0)
    async with (
        upstream(after_session(refuse("invalid_model", 1011, reason=""))) as server,
        joined(server.config()) as (_, heard),
    ):
        end = await heard.end()
        assert (end.cause, end.error) == (Cause.LOST, None)


async def test_a_forwarded_error_does_not_quote_the_key() -> None:
    async with (
        upstream(after_session(refuse("x", 1011, f"Key {KEY} failed"))) as server,
        joined(server.config()) as (_, heard),
    ):
        await heard.messages.get()
        event = await heard.event()
        assert event["error"]["message"] == "Key ******** failed"


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1011, 1012, 1014, 3999])
async def test_a_session_that_is_closed_is_lost(code: int) -> None:
    async def close(connection: ServerConnection) -> None:
        if code == 1005:
            connection.protocol.send_frame(Frame(Opcode.CLOSE, b""))
            connection.transport.write(b"".join(connection.protocol.data_to_send()))
            await connection.wait_closed()
        else:
            await connection.close(code)

    async with upstream(after_session(close)) as server, joined(server.config()) as (route, heard):
        end = await heard.end()
        assert (end.cause, end.close_code) == (Cause.LOST, code)
        assert route.rests_until == 0.0


@pytest.mark.parametrize("secure", [False, True])
async def test_a_dropped_connection_is_lost_and_the_route_does_not_rest(
    secure: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def drop(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with upstream(after_session(drop), server_tls() if secure else None) as server:
        url = f"{'https' if secure else 'http'}://localhost:{server.port}/v1"
        async with joined(server.config(base_url=url, tls_ca=str(TLS / "localhost.cert.pem"))) as (route, heard):
            end = await heard.end()
            assert (end.cause, end.close_code, end.error) == (Cause.LOST, None, None)
            assert route.rests_until == 0.0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"\x81\x7e\x05\x00" + b'{"type":"half', id="half a message, then dropped"),
        pytest.param(b'\x01\x04{"ty', id="half a fragmented message"),
        pytest.param(b"\x83\x01a", id="an opcode that does not exist"),
        pytest.param(b"\x81\x81\x00\x00\x00\x00a", id="a masked frame"),
        pytest.param(b"\x81\x7f" + struct.pack("!Q", 65_000_000) + b"a", id="a message of 65 MB"),
        pytest.param(b"\x88\x01a", id="half a close code"),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_lost(wire: bytes) -> None:
    async def write(connection: ServerConnection) -> None:
        connection.transport.write(wire)
        if b'"ty' in wire:
            connection.transport.close()
        await connection.wait_closed()

    async with upstream(after_session(write)) as server, joined(server.config()) as (_, heard):
        assert (await heard.event())["type"] == "session.created"
        assert (await heard.end()).cause is Cause.LOST
        assert heard.messages.empty()


async def test_no_sign_of_life_for_two_pings_is_lost() -> None:
    release = asyncio.Event()

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.abort()

    async with upstream(after_session(freeze)) as server:
        heard = Heard()
        leg = UpstreamLeg(settings(f"ws://localhost:{server.port}/", ping_seconds=0.02), heard)
        leg.open()
        end = await heard.end()
        assert end.cause is Cause.LOST
        assert "no sign of life from the server for 0.04 s" in end.message
        release.set()
        await leg.gone


async def test_a_server_that_only_answers_pings_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    pings = asyncio.Semaphore(0)

    async def count(connection: ServerConnection) -> None:
        receive = connection.protocol.recv_frame

        def recv_frame(frame: Frame) -> None:
            if frame.opcode is Opcode.PING:
                pings.release()
            receive(frame)

        monkeypatch.setattr(connection.protocol, "recv_frame", recv_frame)
        await connection.wait_closed()

    async with upstream(after_session(count)) as server:
        heard = Heard()
        leg = UpstreamLeg(settings(f"ws://localhost:{server.port}/", ping_seconds=0.01), heard)
        leg.open()
        await heard.messages.get()
        for _ in range(6):
            await pings.acquire()
        assert not heard.ended.done()
        leg.close()
        await leg.gone


async def test_our_own_mistake_on_an_event_is_logged_and_ends_the_leg(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Heard):
        def leg_received(self, message: bytes) -> None:
            raise RuntimeError("bug")

    async with upstream() as server:
        heard = Broken()
        leg = UpstreamLeg(settings(f"ws://localhost:{server.port}/"), heard)
        leg.open()
        assert (await heard.end()).cause is Cause.LOST
        assert "RuntimeError: bug" in caplog.text
        await leg.gone


# --- no WebSocket at all --------------------------------------------------------------------------------------


def answer(status: str, body: str = "", more: str = "") -> tuple[bytes, bytes]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode(), body.encode()


def error(code: str, message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}})


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        ("401 Unauthorized", error("invalid_api_key", f"Wrong key {KEY}"), Cause.CREDENTIALS, "Wrong key ********"),
        ("403 Forbidden", "", Cause.CREDENTIALS, "the key was not accepted"),
        ("404 Not Found", error("model_not_found", "No such model"), Cause.CLIENT, "No such model"),
        ("404 Not Found", error("", "The deployment is not there"), Cause.CLIENT, "deployment"),
        ("404 Not Found", "<html>", Cause.UNREACHABLE, "base_url usually ends with /v1"),
        ("429 Too Many Requests", error("rate_limit_exceeded", "Slow down"), Cause.RATE_LIMIT, "Slow down"),
        ("429 Too Many Requests", error("insufficient_quota", "Empty"), Cause.QUOTA, "add credit"),
        ("503 Service Unavailable", "", Cause.FULL, "the server is full"),
        ("500 Internal Server Error", "", Cause.UNREACHABLE, "HTTP 500; the server failed"),
        ("200 OK", "hello", Cause.UNREACHABLE, "HTTP 200"),
    ],
)
@pytest.mark.parametrize("packets", [1, 2])
async def test_a_refusal_by_http(status: str, body: str, expected: Cause, words: str, packets: int) -> None:
    """The body decides, also when it comes behind its head in a packet of its own."""
    parts = answer(status, body) if packets == 2 else (b"".join(answer(status, body)),)
    async with tcp(*parts) as port:
        end = await ending(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1"))
        assert end.cause is expected
        assert words in end.message


async def test_a_chunked_refusal() -> None:
    body = error("insufficient_quota", "Empty").encode()
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (20, body[:20], len(body) - 20, body[20:])
    async with tcp(b"HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n", chunks) as port:
        assert await cause(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1")) is Cause.QUOTA


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    async with upstream() as other:
        location = f"Location: http://localhost:{other.port}/v1/realtime?model=x\r\n"
        async with tcp(*answer("307 Temporary Redirect", more=location)) as port:
            end = await ending(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1"))
        assert end.cause is Cause.UNREACHABLE
        assert f"a redirect to http://localhost:{other.port}/v1/realtime; give" in end.message
        assert other.connections.empty()


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_a_server_of_another_kind(said: bytes) -> None:
    async with tcp(said) as port:
        end = await ending(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1"))
        assert end.cause is Cause.UNREACHABLE
        assert "check base_url, and whether the port speaks TLS" in end.message


@pytest.mark.parametrize("parts", [(), (b"HTTP/1.1 101 Swit",)])
async def test_a_server_that_hangs_up(parts: tuple[bytes, ...]) -> None:
    async with tcp(*parts) as port:
        end = await ending(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1"))
        assert end.cause is Cause.UNREACHABLE
        assert "hung up at once" in end.message


async def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        end = await ending(Upstream(greet).config(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1"))
    assert end.cause is Cause.UNREACHABLE
    assert "nothing listens there; see whether the server runs" in end.message


async def test_a_name_that_is_none() -> None:
    end = await ending(Upstream(greet).config(base_url="https://nowhere.invalid/v1"))
    assert end.cause is Cause.UNREACHABLE
    assert "the host name cannot be resolved; check the host in base_url" in end.message


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        end = await ending(Upstream(greet).config(base_url=url, connect_seconds=0.05))
    assert end.cause is Cause.UNREACHABLE
    assert "no answer in time" in end.message


# --- TLS ------------------------------------------------------------------------------------------------------


async def test_tls_with_an_authority_of_thesettings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with upstream(greet, server_tls()) as server:
        url = f"https://localhost:{server.port}/v1"
        async with joined(server.config(base_url=url, tls_ca=str(TLS / "localhost.cert.pem"))) as (_, heard):
            assert await heard.messages.get() == CREATED


async def test_tls_with_an_authority_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.cert.pem"))
    async with (
        upstream(greet, server_tls()) as server,
        joined(server.config(base_url=f"wss://localhost:{server.port}/v1")) as (_, heard),
    ):
        assert await heard.messages.get() == CREATED


async def test_a_certificate_that_nobody_trusts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with upstream(greet, server_tls()) as server:
        end = await ending(server.config(base_url=f"https://localhost:{server.port}/v1"))
        assert end.cause is Cause.UNREACHABLE
        assert "its TLS certificate is not trusted (" in end.message
        assert "tls_ca" in end.message
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_tls_to_a_port_without_it() -> None:
    async with tcp(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        end = await ending(Upstream(greet).config(base_url=f"https://localhost:{port}/v1"))
        assert end.cause is Cause.UNREACHABLE
        assert "TLS failed (" in end.message
        assert "use http in base_url" in end.message


def test_the_key_is_in_no_repr() -> None:
    config = Upstream(greet).config()
    assert KEY not in repr(config)
    assert KEY not in repr(settings("ws://localhost/"))
    assert KEY not in repr(Endpoint("ws://localhost/", (("Authorization", f"Bearer {KEY}"),)))
    assert START.headers == ()
