"""What every HTTP answer gets: a request id, CORS headers, and a line in the log."""

import logging
import os
import time
from email.utils import formatdate

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.gateway.errors import RequestError, error_response
from antiphon.gateway.origins import Origins, is_browser, refusal, refusal_of_host
from antiphon.protocol.ids import Ids

_log = logging.getLogger("antiphon.http")
_ids = Ids(os.urandom)

CODE = "/web/"  # of pages; the same for everybody
# Beside the code, and no code: it says who answers.
_SETTINGS = "/web/settings.json"

_CORS_HEADERS = (
    "Authorization, Content-Type, X-OpenAI-Agents-SDK, OpenAI-Safety-Identifier, OpenAI-Beta, "
    "Antiphon-Session, Antiphon-Events, Last-Event-ID"
)


def _shown(path: str) -> str:
    # It was decoded, so it may have line ends, and be taken for several lines of the log.
    return path if path.isprintable() else ascii(path)


class RequestIds:
    """Adds `x-request-id` and `date` to every answer and logs one line for it: the path, never the query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = "req_" + _ids.letters(24)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.monotonic()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["date"] = formatdate(usegmt=True)
                milliseconds = (time.monotonic() - began) * 1000
                line = (scope["method"], _shown(scope["path"]), message["status"], milliseconds, request_id)
                # A page is made of dozens of files.
                is_file = scope["path"].startswith(CODE) and message["status"] < 400
                _log.log(logging.DEBUG if is_file else logging.INFO, "%s %s %d, %.1f ms, %s", *line)
            await send(message)

        await self._app(scope, receive, send_with_id)


class Failures:
    """Answers 500 when the application fails; the log has the reason under the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:
            request_id = scope["state"]["request_id"]
            _log.exception("%s %s failed, %s", scope["method"], _shown(scope["path"]), request_id)
            if started:
                raise
            message = f"The server failed on this request; its log says why, under {request_id}."
            await error_response(RequestError(500, message, "server_error", kind="server_error"))(scope, receive, send)


class Cors:
    """Answers preflight requests, tells browsers which pages may read an answer, and refuses the POSTs of others.

    A browser that has this server under a name that others could point here is refused everything but code.

    Args:
        app: What it stands before.
        origins: The rule, the same as for WebSockets.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = headers.get("origin")
        if origin is None or not self._origins.allows(origin, headers.get("host", "")):
            await self._serve_unnamed(origin, headers, scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._allow(origin, MutableHeaders(scope=message))
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers)(scope, receive, send_with_cors)
        else:
            await self._app(scope, receive, send_with_cors)

    async def _serve_unnamed(
        self, origin: str | None, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer who names no origin, or one that is not allowed."""
        app: ASGIApp = self._app
        host = headers.get("host", "")
        # A browser hides answers without CORS headers from the page, but what a POST does would be done.
        if origin is not None and scope["method"] not in ("GET", "HEAD"):
            app = _refusing(refusal(origin))
        elif not self._origins.allows_host(host) and is_browser(headers) and not _is_code(scope["path"]):
            app = _refusing(refusal_of_host(host))
        await app(scope, receive, send)

    def _allow(self, origin: str, answer: MutableHeaders) -> None:
        """Let the page read `answer`, unless all pages may already."""
        answer["Access-Control-Expose-Headers"] = "Location, X-Request-Id, Antiphon-Session, Retry-After"
        if answer.get("access-control-allow-origin") != "*":
            answer["Access-Control-Allow-Origin"] = "*" if self._origins.any else origin
            if not self._origins.any:
                answer.add_vary_header("Origin")


def _is_code(path: str) -> bool:
    return path.startswith(CODE) and path != _SETTINGS


def _refusing(message: str) -> Response:
    return error_response(RequestError(403, message, "origin_not_allowed"))


def _preflight(headers: Headers) -> Response:
    asked = [name.strip() for name in headers.get("access-control-request-headers", "").split(",")]
    # CORS knows no wildcards within a name.
    stainless = [name for name in asked if name.lower().startswith("x-stainless-")]
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": ", ".join([_CORS_HEADERS, *stainless]),
            "Access-Control-Max-Age": "86400",
        },
    )
