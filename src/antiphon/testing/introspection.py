"""The emulator over HTTP, under /emulator, for tests that are not in Python."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from antiphon.engines.scripted.loading import read_fault
from antiphon.engines.scripted.tables import Table
from antiphon.errors import ConfigError
from antiphon.gateway.auth import AccessDeniedError, Keyring, key_in_headers

if TYPE_CHECKING:
    from antiphon.testing.emulator import Emulator

PATH = "/emulator"
_Scope = MutableMapping[str, Any]
_App = Callable[[_Scope, Any, Any], Awaitable[None]]


def with_introspection(app: _App, emulator: "Emulator", keyring: Keyring) -> _App:
    """Return an application that answers under /emulator, and leaves all else to `app`."""
    own = _application(emulator, keyring)

    async def both(scope: _Scope, receive: Any, send: Any) -> None:
        inside = scope["type"] == "http" and scope["path"].startswith(PATH)
        await (own if inside else app)(scope, receive, send)

    return both


def _application(emulator: "Emulator", keyring: Keyring) -> Starlette:
    def keyed(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            try:
                keyring.check_api_key(
                    key_in_headers(request.headers.get("authorization"), request.headers.get("api-key"))
                )
                return await handler(request)
            except AccessDeniedError as error:
                return _refusal(401, error.message)
            except (ConfigError, ValueError) as error:
                return _refusal(400, str(error))

        return checked

    async def show(_request: Request) -> Response:
        return JSONResponse({"connections": [connection.shown() for connection in emulator.connections]})

    async def forget(_request: Request) -> Response:
        emulator.clear()
        return Response(status_code=204)

    async def add_fault(request: Request) -> Response:
        fault = json.loads(await request.body())
        if not isinstance(fault, dict):
            return _refusal(
                400, 'the body is no fault; send an object such as {"at": "response.created", "do": "drop"}'
            )
        emulator.add(read_fault(Table(fault, "fault")))
        return Response(status_code=201)

    async def clear_faults(_request: Request) -> Response:
        emulator.clear_faults()
        return Response(status_code=204)

    async def drop(_request: Request) -> Response:
        emulator.drop_all()
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route(PATH, keyed(show), methods=["GET"]),
            Route(PATH, keyed(forget), methods=["DELETE"]),
            Route(f"{PATH}/faults", keyed(add_fault), methods=["POST"]),
            Route(f"{PATH}/faults", keyed(clear_faults), methods=["DELETE"]),
            Route(f"{PATH}/drop", keyed(drop), methods=["POST"]),
        ]
    )


def _refusal(status: int, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "code": None, "param": None}
    return JSONResponse({"error": error}, status_code=status)
