"""One small request, and its answers."""

import asyncio

import pytest

from antiphon.wire.connect import Endpoint
from antiphon.wire.failures import ConnectError, FailureKind
from antiphon.wire.http import get
from tests.engines.upstream.servers import proxy, serving, tcp


@pytest.mark.parametrize(
    "answer",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"he", b"llo"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\n\r\nhello",),
        (b"HTTP/1.0 200 OK\r\n\r\nhello",),
    ],
)
async def test_an_answer(answer: tuple[bytes, ...]) -> None:
    async with tcp(*answer) as port:
        assert await get(Endpoint(f"http://127.0.0.1:{port}/v1/models")) == (200, b"hello")


async def test_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(serve) as port, proxy() as between:
        there = f"http://127.0.0.1:{between.port}"
        url = f"http://127.0.0.1:{port}/v1/models?a=b"
        assert await get(Endpoint(url, (("X-A", "1"),), proxy=there)) == (204, b"")
        assert heads == [
            f"GET /v1/models?a=b HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nX-A: 1\r\n\r\n".encode()
        ]
        assert len(between.heads) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"hello", FailureKind.NOT_HTTP), (b"", FailureKind.HUNG_UP), (b"HTTP/1.1 20", FailureKind.HUNG_UP)],
)
async def test_no_answer(answer: bytes, kind: FailureKind) -> None:
    async with tcp(answer) as port:
        with pytest.raises(ConnectError) as failed:
            await get(Endpoint(f"http://127.0.0.1:{port}/"))
    assert failed.value.failure.kind is kind
