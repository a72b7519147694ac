"""Opening WebSockets over real sockets; `tests/engines/upstream` and `tests/talk` have each failure by name."""

import asyncio
import logging
import socket
from typing import Any

import aiofastnet
import pytest
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from antiphon.wire.connect import Endpoint, connect
from antiphon.wire.failures import ConnectError, FailureKind
from tests.engines.upstream.servers import CREATED, KEY, tcp, upstream


class Listening(WSListener):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.told.append("connected")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.messages.put_nowait(frame.get_payload_as_bytes())
        else:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.told.append("disconnected")
        self.gone.set()


async def test_an_opened_connection_is_picows_own() -> None:
    """Whatever stood before its protocol during the handshake has gone: no event passes it."""
    async with upstream() as server:
        listening = Listening()
        transport = await connect(Endpoint(f"ws://localhost:{server.port}/x?y=z"), listening)
        assert type(transport.underlying_transport.get_protocol()).__name__ == "WSProtocol"
        assert await listening.messages.get() == CREATED
        transport.send(WSMsgType.TEXT, b"{}")
        assert await listening.messages.get() == b"{}"
        transport.send_close(WSCloseCode.OK)
        await listening.gone.wait()
        assert listening.told == ["connected", "disconnected"]
        request = (await server.connections.get()).request
        assert request is not None
        assert request.path == "/x?y=z"


async def test_a_connection_that_breaks_at_the_first_write_leaves_nothing_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process killed with connections in its backlog resets them between the connection and the request."""
    loop, listening = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    numbers: list[int] = []
    create = aiofastnet.create_connection

    class Breaking(asyncio.BufferedProtocol):
        """Breaks the connection as soon as it is made."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            numbers.append(transport.get_extra_info("socket").fileno())
            listening.close()
            self._inner.connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            self._inner.connection_lost(exc)

        def get_buffer(self, sizehint: int) -> memoryview:
            return self._inner.get_buffer(sizehint)  # type: ignore[no-any-return]

    async def breaking(loop: asyncio.AbstractEventLoop, factory: Any, *args: Any, **kwargs: Any) -> Any:
        return await create(loop, lambda: Breaking(factory()), *args, **kwargs)

    monkeypatch.setattr(aiofastnet, "create_connection", breaking)
    with pytest.raises(ConnectError):
        await connect(Endpoint(f"ws://127.0.0.1:{port}/"), Listening())
    assert [bool(loop.remove_reader(number)) for number in numbers] == [False]


async def test_a_connection_that_cannot_be_opened_tells_its_listener_nothing() -> None:
    listening = Listening()
    async with tcp(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as port:
        with pytest.raises(ConnectError) as refused:
            await connect(Endpoint(f"ws://127.0.0.1:{port}/"), listening)
    assert (refused.value.failure.kind, refused.value.failure.status) == (FailureKind.STATUS, 403)
    assert listening.told == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((b"HTTP/1.1 404 Not Found\r\n\r\n", b'{"error":{"message":"until the end"}}'), id="no length"),
        pytest.param((b"HTTP/1.1 404 Not", b" Found\r\nContent-Le", b"ngth: 2\r\n\r\n{", b"}"), id="in small pieces"),
        pytest.param((b"HTTP/1.1 404 Not Found\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000,), id="a long body"),
        pytest.param((b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nhalf",), id="half a body"),
    ],
)
async def test_a_refusal_may_come_in_any_pieces(answer: tuple[bytes, ...]) -> None:
    async with tcp(*answer) as port:
        with pytest.raises(ConnectError) as refused:
            await connect(Endpoint(f"ws://127.0.0.1:{port}/"), Listening())
    assert refused.value.failure.status == 404
    assert refused.value.failure.said in ("", "until the end")


@pytest.mark.parametrize(
    "url", ["http://localhost/", "ws://", "ws://localhost:99999/", "ws://" + "a" * 70 + ".invalid/"]
)
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConnectError):
        await connect(Endpoint(url, seconds=2.0), Listening())


async def test_a_cancelled_attempt_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        task = asyncio.ensure_future(connect(Endpoint(f"ws://127.0.0.1:{silent.getsockname()[1]}/"), Listening()))
        accepted, _ = await asyncio.to_thread(silent.accept)
        with accepted:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            accepted.settimeout(5)
            while await asyncio.to_thread(accepted.recv, 4096):
                pass  # until the end of the connection


async def test_the_key_is_in_no_log_of_any_level(caplog: pytest.LogCaptureFixture) -> None:
    """At its lowest level picows logs the whole request."""
    caplog.set_level(1)
    logging.getLogger("antiphon").setLevel(1)
    async with upstream() as server:
        listening = Listening()
        endpoint = Endpoint(f"ws://localhost:{server.port}/", (("Authorization", f"Bearer {KEY}"),))
        transport = await connect(endpoint, listening)
        transport.send_close(WSCloseCode.OK)
        await listening.gone.wait()
    ours = [record for record in caplog.records if not record.name.startswith("websockets")]
    assert not any(KEY in record.getMessage() for record in ours)
