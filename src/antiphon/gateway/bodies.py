"""Request bodies: read within bounds, parsed from JSON."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from antiphon.gateway.errors import RequestError
from antiphon.protocol.bounds import MAX_DEPTH, is_too_deep

MAX_BODY = 1_000_000  # bytes
BODY_SECONDS = 30.0


async def read_json(request: Request) -> Any:
    """Return the body's JSON, an empty object for an empty body.

    Raises:
        RequestError: 400 for what is no JSON, 408 for what comes too slowly, 413 for more than `MAX_BODY`.
    """
    body = await read_body(request)
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, f"The body is not valid JSON: {error}.", "invalid_json") from None
    if is_too_deep(value):
        raise RequestError(400, f"The body is nested too deeply: {MAX_DEPTH} levels are the most.", "invalid_json")
    return value


async def read_body(request: Request) -> bytes:
    """Return the body.

    Raises:
        RequestError: 408 for what comes too slowly, 413 for more than `MAX_BODY`.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request)
    except TimeoutError:
        raise RequestError(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None
    except ClientDisconnect:
        raise RequestError(400, "The connection was closed before the body was complete.") from None


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    body = bytearray()
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> RequestError:
    return RequestError(413, f"The body is larger than {MAX_BODY} bytes.", "request_too_large")
