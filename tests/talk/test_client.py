"""Connecting over real sockets: what works, and what each failure says."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from picows import WSMsgType

from antiphon.errors import UpstreamError
from antiphon.talk.address import read_address
from antiphon.talk.client import ABNORMAL, NO_STATUS, Closed, RealtimeClient
from tests.talk import events
from tests.talk.server import Line, realtime_server, tcp_server

TLS = Path(__file__).parent / "tls"
KEY = "sk-very-secret-key"


class Peer:
    """A client, and what it received."""

    def __init__(self, url: str) -> None:
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.client = RealtimeClient(read_address(url, "gpt-realtime"), KEY, self.received.put_nowait)


async def refusal(url: str, patience: float = 5.0) -> str:
    """Return why connecting failed."""
    with pytest.raises(UpstreamError) as refused:
        await Peer(url).client.open(patience)
    message = str(refused.value)
    assert message.startswith(f"cannot connect to {read_address(url, 'm').shown}: ")
    assert KEY not in message
    return message


async def test_connecting_sends_model_and_key() -> None:
    async with realtime_server() as server:
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        assert (await peer.received.get())["type"] == "session.created"
        assert server.line.path == "/v1/realtime?model=gpt-realtime"
        assert server.line.headers["authorization"] == f"Bearer {KEY}"
        await peer.client.close()
        await server.left.wait()
        assert server.line.close_code == 1000


async def test_events_go_both_ways() -> None:
    async with realtime_server() as server:
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        peer.client.send({"type": "session.update", "session": {"type": "realtime"}})
        assert [(await peer.received.get())["type"] for _ in range(2)] == ["session.created", "session.updated"]
        await peer.client.close()
        peer.client.send({"type": "response.create"})  # too late, and no error
        await peer.client.close()


async def test_fragments_make_one_event_and_garbage_none() -> None:
    def greet(line: Line) -> None:
        send = line.transport.send
        send(WSMsgType.TEXT, b"{")
        send(WSMsgType.TEXT, b"[1]")
        send(WSMsgType.TEXT, b'{"type":', fin=False)
        send(WSMsgType.PING, b"alive?")
        send(WSMsgType.CONTINUATION, b'"hel', fin=False)
        send(WSMsgType.CONTINUATION, b'lo"}')

    async with realtime_server() as server:
        server.on_connect = greet
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        assert await peer.received.get() == {"type": "hello"}
        await peer.client.close()


@pytest.mark.parametrize(
    ("code", "reason", "last_error", "words"),
    [
        (3000, "invalid_request_error.invalid_api_key", "Wrong key (invalid_api_key)", "Wrong key (invalid_api_key); "),
        (4000, "invalid_request_error.invalid_model", None, "invalid_request_error.invalid_model; "),
        (1001, "", None, "(1001): the server is going away"),
        (1013, "", "All 4 sessions are in use", "try again later"),
        (1000, "", None, "the server ended the conversation"),
    ],
)
async def test_a_close_by_the_server_is_explained(code: int, reason: str, last_error: str | None, words: str) -> None:
    async with realtime_server() as server:
        server.on_connect = lambda line: line.close(code, reason)
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        closed = await peer.client.closed()
        assert closed == Closed(code, reason)
        message = peer.client.explain(closed, last_error)
        assert message.startswith(f"ws://localhost:{server.port}/v1/realtime closed the connection ({code}): ")
        assert words in message
        await peer.client.close()


async def test_a_close_without_a_code() -> None:
    async with realtime_server() as server:
        server.on_connect = lambda line: line.transport.send(WSMsgType.CLOSE, b"")
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        assert await peer.client.closed() == Closed(NO_STATUS, "")
        await peer.client.close()


async def test_a_broken_connection_is_told_from_a_close() -> None:
    async with realtime_server() as server:
        server.on_connect = lambda line: line.transport.disconnect(graceful=False)
        peer = Peer(f"localhost:{server.port}")
        await peer.client.open(5)
        closed = await peer.client.closed()
        assert closed.code == ABNORMAL
        assert "broke without a goodbye" in peer.client.explain(closed, None)
        await peer.client.close()


async def test_a_quoted_key_is_masked() -> None:
    peer = Peer("localhost")
    message = peer.client.explain(Closed(3000, ""), f"Incorrect API key provided: {KEY}.")
    assert "Incorrect API key provided: ********." in message


async def test_our_own_mistake_on_an_event_is_not_swallowed() -> None:
    def fail(event: dict[str, Any]) -> None:
        raise RuntimeError("bug")

    async with realtime_server() as server:
        client = RealtimeClient(read_address(f"localhost:{server.port}", "m"), KEY, fail)
        await client.open(5)
        with pytest.raises(RuntimeError, match="bug"):
            await client.closed()
        await client.close()
        await server.left.wait()
        assert server.line.close_code == 1000


# --- refusals -------------------------------------------------------------------------------------------------


async def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert "nothing listens there; start the server (`antiphon serve`)" in await refusal(f"127.0.0.1:{port}")
        assert "nothing listens there" in await refusal(f"localhost:{port}")


async def test_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    assert "the host name cannot be resolved" in await refusal("wss://nowhere.example")


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("401 Unauthorized", "HTTP 401: the key was not accepted"),
        ("403 Forbidden", "HTTP 403: the key may not use this server or model"),
        ("404 Not Found", "HTTP 404: there is no Realtime API at this path; it usually ends with /v1/realtime"),
        ("429 Too Many Requests", "HTTP 429: too many sessions or requests"),
        ("500 Internal Server Error", "HTTP 500: the server refused the WebSocket"),
        ("200 OK", "HTTP 200: the server refused the WebSocket"),
    ],
)
async def test_an_http_refusal_says_what_to_check(status: str, hint: str) -> None:
    async with tcp_server(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        assert hint in await refusal(f"localhost:{port}")


async def test_the_message_of_an_http_refusal_is_shown() -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-very-secret-key"}}'
    async with tcp_server(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as port:
        assert "HTTP 401: Incorrect API key provided: ********; the key" in await refusal(f"localhost:{port}")


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    async with realtime_server() as other:
        location = f"http://localhost:{other.port}/v1/realtime"
        async with tcp_server(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\n\r\n".encode()) as port:
            assert f"HTTP 307, a redirect to {location}; give that" in await refusal(f"localhost:{port}")
        assert other.lines == []


async def test_a_server_that_speaks_no_http() -> None:
    async with tcp_server(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as port:
        assert "does not answer as HTTP does" in await refusal(f"localhost:{port}")


async def test_a_server_that_hangs_up() -> None:
    async with tcp_server(b"") as port:
        assert "the server hung up at once; check --url" in await refusal(f"localhost:{port}")


async def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "no answer in time" in await refusal(f"localhost:{silent.getsockname()[1]}", patience=0.05)


# --- TLS ------------------------------------------------------------------------------------------------------


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.cert.pem", TLS / "localhost.key.pem")
    return context


async def test_tls_with_a_trusted_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.cert.pem"))
    async with realtime_server(server_tls()) as server:
        peer = Peer(f"https://localhost:{server.port}/v1")
        await peer.client.open(5)
        assert (await peer.received.get())["type"] == "session.created"
        await peer.client.close()


async def test_a_certificate_of_an_unknown_maker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with realtime_server(server_tls()) as server:
        message = await refusal(f"wss://localhost:{server.port}")
        assert "its TLS certificate is not trusted (" in message
        assert "SSL_CERT_FILE" in message


async def test_a_certificate_for_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.cert.pem"))
    async with realtime_server(server_tls()) as server:
        assert "its TLS certificate is not trusted (IP address mismatch" in await refusal(
            f"wss://127.0.0.2:{server.port}"
        )


async def test_tls_to_a_port_without_it() -> None:
    async with tcp_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        message = await refusal(f"wss://localhost:{port}")
        assert "TLS failed" in message
        assert "use ws:// or http://" in message


def test_events_of_the_tests_are_valid() -> None:
    """The judge is awake: an event that the SDK does not know is refused."""
    with pytest.raises(Exception, match="type"):
        events.checked("session.invented")
