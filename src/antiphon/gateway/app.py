"""The HTTP application: its routes and what they answer."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from antiphon import __version__
from antiphon.errors import ClientEventError
from antiphon.gateway.auth import AccessDeniedError, Keyring
from antiphon.gateway.calls import CallRoutes
from antiphon.gateway.chat import ChatRoutes
from antiphon.gateway.client_secrets import ClientSecrets
from antiphon.gateway.engine import Backend
from antiphon.gateway.errors import RequestError, error_response
from antiphon.gateway.http_events import HttpEventRoutes
from antiphon.gateway.limits import Capacity
from antiphon.gateway.middleware import Cors, Failures, RequestIds
from antiphon.gateway.openapi import Operation, describe
from antiphon.gateway.origins import Origins
from antiphon.gateway.sessions import SessionRoutes, key_of
from antiphon.gateway.web import WebRoutes
from antiphon.protocol.models import REALTIME_MODELS, is_realtime_model
from antiphon.transports.websocket import PATH

AZURE_PREFIX = "/openai"


@dataclass(frozen=True)
class Gateway:
    """What the routes work with; `clock` is Unix time in seconds."""

    backend: Backend
    capacity: Capacity
    keyring: Keyring
    secrets: ClientSecrets
    origins: Origins
    calls: CallRoutes
    events: HttpEventRoutes
    chat: ChatRoutes
    web: WebRoutes
    clock: Callable[[], float] = time.time


def application(gateway: Gateway) -> Starlette:
    """Return the ASGI application. WebSockets do not pass through it."""
    return Starlette(
        routes=[route for operation in operations(gateway) for route in _served(operation)],
        middleware=[Middleware(RequestIds), Middleware(Cors, origins=gateway.origins), Middleware(Failures)],
        exception_handlers={
            RequestError: _on_request_error,
            AccessDeniedError: _on_access_denied,
            ClientEventError: _on_client_error,
            HTTPException: _on_http_exception,
        },
    )


def operations(gateway: Gateway) -> tuple[Operation, ...]:
    """Return all that is served over HTTP."""
    sessions = SessionRoutes(gateway.backend, gateway.keyring, gateway.secrets, gateway.clock)
    own = _Routes(gateway).operations()
    others = (sessions, gateway.calls, gateway.events, gateway.chat, gateway.web)
    return (*own, *(operation for routes in others for operation in routes.operations()))


def _served(operation: Operation) -> Iterator[Route]:
    yield Route(operation.path, operation.handler, methods=[operation.method])
    if operation.path.startswith("/v1/"):
        yield Route(AZURE_PREFIX + operation.path, operation.handler, methods=[operation.method])


# --- errors ---------------------------------------------------------------------------------------------------


async def _on_request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error_response(error, {"Retry-After": "5"} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None)


async def _on_access_denied(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AccessDeniedError)
    return error_response(RequestError(401, error.message, error.code), {"WWW-Authenticate": "Bearer"})


async def _on_client_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ClientEventError)
    return error_response(RequestError(400, error.message, error.code, error.param))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {
        404: f"Unknown request URL: {request.method} {request.url.path}. Realtime sessions connect to {PATH}.",
        405: f"Not allowed to {request.method} on {request.url.path}.",
    }.get(error.status_code, str(error.detail))
    code = {404: "unknown_url", 405: "method_not_supported"}.get(error.status_code)
    return error_response(RequestError(error.status_code, message, code), dict(error.headers or {}))


# --- routes ---------------------------------------------------------------------------------------------------


class Home(Struct, frozen=True):
    name: str
    version: str
    what: str
    websocket: str


class Health(Struct, frozen=True):
    status: Literal["ok", "ready"]


class NotReady(Struct, frozen=True):
    status: Literal["not_ready"]
    reason: Literal["shutting_down", "loading", "full"]


class Model(Struct, frozen=True):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Struct, frozen=True):
    object: Literal["list"]
    data: list[Model]


class _Routes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._started_at = int(gateway.clock())
        self._document: bytes | None = None

    def operations(self) -> tuple[Operation, ...]:
        not_ready: dict[str, Any] = {"failures": (503,), "failed": NotReady}
        return (
            Operation(
                "GET",
                "/",
                self.home,
                "What this server is; for browsers, the talk page",
                Home,
                keyed=False,
                answer_media=("text/html",),
            ),
            Operation("GET", "/healthz", self.healthz, "Whether the process lives", Health, keyed=False),
            Operation(
                "GET", "/readyz", self.readyz, "Whether a call is answered at once", Health, keyed=False, **not_ready
            ),
            Operation("GET", "/openapi.json", self.openapi, "This document", dict[str, Any], keyed=False),
            Operation("GET", "/v1/models", self.models, "List the models", ModelList),
            Operation("GET", "/v1/models/{id}", self.model, "Show a model", Model, failures=(404,)),
            Operation(
                "GET", PATH, self.not_a_websocket, "Begin a session over WebSocket", keyed=False, failures=(426,)
            ),
        )

    async def home(self, request: Request) -> Response:
        if (page := await self._gateway.web.page(request)) is not None:
            return page
        scheme = "wss" if request.url.scheme == "https" else "ws"
        base = f"{scheme}://{request.headers.get('host', 'localhost')}"
        return JSONResponse(
            {
                "name": "antiphon",
                "version": __version__,
                "what": "A realtime voice server that speaks the OpenAI Realtime API.",
                "websocket": f"{base}{PATH}?model={REALTIME_MODELS[0]}",
            },
            headers={"Vary": "Accept"},
        )

    async def healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        reason = self._not_ready()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not_ready", "reason": reason}, status_code=503, headers={"Retry-After": "5"})

    def _not_ready(self) -> str | None:
        capacity = self._gateway.capacity
        if capacity.draining:
            return "shutting_down"
        if not self._gateway.backend.engine.ready:
            return "loading"
        return "full" if capacity.is_full else None

    async def openapi(self, _request: Request) -> Response:
        if self._document is None:  # it takes a while and never changes
            self._document = msgspec.json.encode(describe(operations(self._gateway)))
        return Response(self._document, media_type="application/json")

    async def models(self, request: Request) -> Response:
        self._gateway.keyring.check(key_of(request))
        names = self._gateway.backend.models
        return JSONResponse({"object": "list", "data": [self._model(name) for name in names]})

    async def model(self, request: Request) -> Response:
        self._gateway.keyring.check(key_of(request))
        name = request.path_params["id"]
        if name not in self._gateway.backend.models and not is_realtime_model(name):
            message = f"The model {name[:100]!r} does not exist. GET /v1/models lists those that do."
            raise RequestError(404, message, "model_not_found", "model")
        return JSONResponse(self._model(name))

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._started_at, "owned_by": "antiphon"}

    async def not_a_websocket(self, _request: Request) -> Response:
        error = RequestError(
            426,
            f"{PATH} is a WebSocket: connect to it with a WebSocket client (RFC 6455, version 13).",
            "not_a_websocket",
        )
        return error_response(error, {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"})
