"""The HTTP application: its routes and what they answer."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from antiphon import __version__
from antiphon.errors import ClientEventError
from antiphon.gateway.auth import AccessDeniedError, Keyring, key_in_headers
from antiphon.gateway.bodies import read_json
from antiphon.gateway.client_secrets import ClientSecret, ClientSecrets
from antiphon.gateway.engine import Backend
from antiphon.gateway.errors import RequestError, error_response
from antiphon.gateway.limits import Capacity
from antiphon.gateway.middleware import Cors, Failures, RequestIds
from antiphon.gateway.origins import Origins
from antiphon.protocol.config import SessionConfig, session_object
from antiphon.protocol.ids import Ids
from antiphon.protocol.models import OWN_MODEL, REALTIME_MODELS, is_realtime_model
from antiphon.protocol.session_kinds import REALTIME
from antiphon.protocol.validation import convert
from antiphon.transports.websocket import PATH

_log = logging.getLogger("antiphon.http")
_ids = Ids(os.urandom)

# What a client secret must not carry, since whoever holds it can read it.
_SECRET_TOOL_KEYS = ("authorization", "headers")


@dataclass(frozen=True)
class Gateway:
    """What the routes work with; `clock` is Unix time in seconds."""

    backend: Backend
    capacity: Capacity
    keyring: Keyring
    secrets: ClientSecrets
    origins: Origins
    clock: Callable[[], float] = time.time


def application(gateway: Gateway) -> Starlette:
    """Return the ASGI application. WebSockets do not pass through it."""
    routes = _Routes(gateway)
    return Starlette(
        routes=[
            Route("/", routes.home),
            Route("/healthz", routes.healthz),
            Route("/readyz", routes.readyz),
            Route("/v1/models", routes.models),
            Route("/v1/models/{id}", routes.model),
            Route(PATH, routes.not_a_websocket),
            Route(f"{PATH}/client_secrets", routes.create_client_secret, methods=["POST"]),
        ],
        middleware=[Middleware(RequestIds), Middleware(Cors, origins=gateway.origins), Middleware(Failures)],
        exception_handlers={
            RequestError: _on_request_error,
            AccessDeniedError: _on_access_denied,
            ClientEventError: _on_client_error,
            HTTPException: _on_http_exception,
        },
    )


# --- errors ---------------------------------------------------------------------------------------------------


async def _on_request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error_response(error)


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


class _ExpiresAfter(Struct, frozen=True, forbid_unknown_fields=True):
    anchor: Literal["created_at"] | None = None
    seconds: Annotated[int, Meta(ge=10, le=7200)] | None = None


class _CreateClientSecret(Struct, frozen=True, forbid_unknown_fields=True):
    expires_after: _ExpiresAfter | None = None
    session: dict[str, Any] | None = None

    @property
    def seconds(self) -> int:
        return (self.expires_after.seconds if self.expires_after else None) or 600


class _Routes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._started_at = int(gateway.clock())

    async def home(self, request: Request) -> Response:
        base = f"ws://{request.headers.get('host', 'localhost')}"
        return JSONResponse(
            {
                "name": "antiphon",
                "version": __version__,
                "what": "A realtime voice server that speaks the OpenAI Realtime API.",
                "websocket": f"{base}{PATH}?model={REALTIME_MODELS[0]}",
            }
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

    async def models(self, request: Request) -> Response:
        self._gateway.keyring.check(_key(request))
        names = (OWN_MODEL, *REALTIME_MODELS)
        return JSONResponse({"object": "list", "data": [self._model(name) for name in names]})

    async def model(self, request: Request) -> Response:
        self._gateway.keyring.check(_key(request))
        name = request.path_params["id"]
        if not is_realtime_model(name):
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

    async def create_client_secret(self, request: Request) -> Response:
        self._gateway.keyring.check_api_key(_key(request))
        wanted = convert(await read_json(request), _CreateClientSecret, "")
        update = wanted.session or {"type": "realtime"}
        config = _checked(update, self._gateway.backend)
        secret = ClientSecret(
            expires_at=int(self._gateway.clock()) + wanted.seconds,
            session=update,
            model=_model_in(update),
            safety_identifier=request.headers.get("openai-safety-identifier"),
        )
        # A bad model is refused at connect only, as real servers do.
        session = session_object(config, _ids.session(), secret.model or REALTIME_MODELS[0], expires_at=0)
        value = self._gateway.secrets.mint(secret)
        return JSONResponse({"value": value, "expires_at": secret.expires_at, "session": session})


def _key(request: Request) -> str | None:
    return key_in_headers(request.headers.get("authorization"), request.headers.get("api-key"))


def _model_in(update: Mapping[str, Any]) -> str | None:
    model = update.get("model")
    if model is not None and not isinstance(model, str):
        raise ClientEventError("invalid_type", "Invalid 'session.model': expected a string.", "session.model")
    return model


def _checked(update: Mapping[str, Any], backend: Backend) -> SessionConfig:
    """Return the whole configuration that `update` makes, if a client secret may carry it."""
    if update.get("type") == "transcription":
        message = "Transcription sessions are not available yet; send 'session.type': 'realtime'."
        raise ClientEventError("invalid_value", message, "session.type")
    config = REALTIME.updated(backend.defaults, update, backend.defaults)
    backend.check_config(config)
    tools = update.get("tools") or []
    for index, tool in enumerate(tools):
        for key in _SECRET_TOOL_KEYS:
            if tool.get(key):
                path = f"session.tools[{index}].{key}"
                message = f"'{path}' may not go into a client secret, which the client can read; leave it out."
                raise ClientEventError("invalid_parameter", message, path)
    return config
