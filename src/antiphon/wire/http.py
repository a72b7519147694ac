"""One small HTTP request, over the same connections as a WebSocket's."""

import asyncio
from urllib.parse import urlsplit

import httptools

from antiphon.wire.connect import FAILURES, Endpoint, dial
from antiphon.wire.failures import ConnectError, failure_of, hung_up, not_http

_MAX_BODY = 4 * 1024 * 1024


async def get(endpoint: Endpoint) -> tuple[int, bytes]:
    """Return status and body (of at most 4 MiB) of a GET. Nothing is redirected: the headers may hold a key.

    Raises:
        ConnectError: There was no answer; `failure` says why.
    """
    try:
        async with asyncio.timeout(endpoint.seconds):
            return await _asked(endpoint)
    except (*FAILURES, httptools.HttpParserError) as error:
        failure = not_http() if isinstance(error, httptools.HttpParserError) else failure_of(error, endpoint.proxy)
        raise ConnectError(failure) from error


async def _asked(endpoint: Endpoint) -> tuple[int, bytes]:
    reader = asyncio.StreamReader()
    transport = await dial(endpoint, lambda: asyncio.StreamReaderProtocol(reader))
    try:
        transport.write(_request(endpoint))
        return await _answer(reader)
    finally:
        transport.abort()


def _request(endpoint: Endpoint) -> bytes:
    parts = urlsplit(endpoint.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [("Host", parts.netloc.rpartition("@")[2]), ("Connection", "close"), *endpoint.headers]
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.is_whole and len(answer.body) < _MAX_BODY:
        data = await reader.read(65536)
        if not data:
            break
        parser.feed_data(data)
    if not answer.has_head:
        raise ConnectError(hung_up())
    return parser.get_status_code(), bytes(answer.body)


class _Answer:
    def __init__(self) -> None:
        self.body = bytearray()
        self.has_head = False
        self.is_whole = False

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True
