"""What a request over HTTP says of its client, and how one that may not begin a session is answered."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from antiphon.gateway.errors import RequestError, error_response
from antiphon.transports.admission import Refusal
from antiphon.transports.handshake import Handshake
from antiphon.transports.websocket import (
    BAD_REQUEST,
    INTERNAL_ERROR,
    SERVICE_RESTART,
    TRY_AGAIN_LATER,
    UNAUTHORIZED,
)

SESSION_HEADER = "Antiphon-Session"  # a session's token

_STATUS = {
    UNAUTHORIZED: 401,
    BAD_REQUEST: 400,
    TRY_AGAIN_LATER: 503,
    SERVICE_RESTART: 503,
    INTERNAL_ERROR: 500,
}
_STATUS_OF_CODE = {"session_not_found": 404, "origin_not_allowed": 403}
_HEADERS: Mapping[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "5"},
}


def handshake_of(request: Request) -> Handshake:
    """Return a request as what a WebSocket client would have said, so that one door is for both."""
    peer = f"{request.client.host}:{request.client.port}" if request.client else ""
    headers = (*request.headers.items(), *_origin_of_a_stranger(request.headers))
    return Handshake(request.url.path, tuple(request.query_params.multi_items()), headers, peer)


def _origin_of_a_stranger(headers: Headers) -> tuple[tuple[str, str], ...]:
    # Pages load images and the like from anywhere without saying where they are from; browsers say this much.
    unsaid = "origin" not in headers and headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return (("origin", "null"),) if unsaid else ()


def refusal_response(refusal: Refusal) -> Response:
    """Return a refusal as an HTTP error, which makes an EventSource stop."""
    error = refusal.error
    status = _STATUS_OF_CODE.get(error.code or "") or _STATUS.get(refusal.close_code, 500)
    return refused(RequestError(status, error.message, error.code, error.param, error.type))


def refused(error: RequestError) -> Response:
    """Return an error with what its status asks a client to do."""
    return error_response(error, {"Cache-Control": "no-store", **_HEADERS.get(error.status, {})})
