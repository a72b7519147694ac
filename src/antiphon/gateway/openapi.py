"""`/openapi.json`: what the server offers over HTTP, generated from the routes and the types behind them."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Union

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from antiphon import __version__
from antiphon.protocol import server_events
from antiphon.protocol.client_events import ClientEvent
from antiphon.protocol.server_events import ServerEvent

Handler = Callable[[Request], Awaitable[Response]]


class RequestErrorDetail(Struct, frozen=True):
    """Why a request was refused; `param` is the dotted path of the offending field."""

    message: str
    type: str
    code: str | None = None
    param: str | None = None


class ErrorBody(Struct, frozen=True):
    error: RequestErrorDetail


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Args:
        method: Such as `GET`.
        path: With parameters in braces.
        handler: Answers it.
        summary: One line that says what it does.
        answer: Type of its JSON on success; None where it never succeeds, or answers without a body.
        body: Type of the JSON that it takes.
        status: On success.
        keyed: Whether it needs a key.
        failures: Statuses of its own beside 400, 401 and 403.
        failed: Type of the JSON on failure.
        media: Media type of the body where it is no JSON.
        answer_media: Media types of answers that are no JSON.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any = None
    body: Any = None
    status: int = 200
    keyed: bool = True
    failures: tuple[int, ...] = ()
    failed: Any = ErrorBody
    media: str = "application/json"
    answer_media: tuple[str, ...] = ()


_FAILURES = {
    400: "The request is wrong; `param` names the field.",
    401: "No key, or a wrong one.",
    403: "Pages from this origin may not use the server.",
    404: "There is no such thing.",
    409: "This cannot be done now, or not in this order.",
    413: "The body is too large.",
    426: "This is a WebSocket.",
    429: "Too much at once; try again later.",
    501: "Not available in this server; the message says what to use instead.",
    502: "The model's server failed.",
    503: "Not ready, or no room; try again later.",
    504: "The answer did not come in time.",
}


def server_event_types() -> tuple[type[ServerEvent], ...]:
    """Return the types of all server events, in the order in which they are declared."""
    module = server_events.__name__
    return tuple(kind for kind in ServerEvent.__subclasses__() if kind.__module__ == module)


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `operations`, the events of the WebSocket among its schemas."""
    operations = tuple(operations)
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        # Starlette's converters (`{path:path}`) are its own.
        path = re.sub(r"{(\w+):\w+}", r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, schemas)
    for kind in server_event_types():
        _add_event_id(components[kind.__name__])
    components["ClientEvent"] = schemas[ClientEvent]
    components["ServerEvent"] = schemas[_SERVER_EVENT]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon",
            "version": __version__,
            "description": "A realtime voice server that speaks the OpenAI Realtime API. Over the WebSocket the client "
            "sends `ClientEvent`s and the server `ServerEvent`s, one JSON text message each.",
        },
        "servers": [{"url": "/"}, {"url": "/openai", "description": "Azure's paths, for what begins with /v1"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
            },
        },
    }


_SERVER_EVENT: Any = Union[server_event_types()]  # noqa: UP007 - the union of a tuple


def _schemas(operations: tuple[Operation, ...]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    used = {kind for operation in operations for kind in (operation.answer, operation.body, operation.failed)}
    types = [*sorted(used - {None}, key=repr), ClientEvent, _SERVER_EVENT]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return dict(zip(types, schemas, strict=True)), components


def _add_event_id(schema: dict[str, Any]) -> None:
    # It is added to each event on its way out.
    schema["properties"]["event_id"] = {"type": "string"}
    schema["required"] = [*schema["required"], "event_id"]


def _described(operation: Operation, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{operation.path}").rstrip("_"),
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
        "security": [{"bearer": []}, {"apiKey": []}] if operation.keyed else [],
    }
    if names := re.findall(r"{(\w+)(?::\w+)?}", operation.path):
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if operation.body is not None:
        described["requestBody"] = {"content": {operation.media: {"schema": schemas[operation.body]}}}
    return described


def _responses(operation: Operation, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    content: dict[str, Any] = {kind: {} for kind in operation.answer_media}
    if operation.answer is not None:
        content["application/json"] = {"schema": schemas[operation.answer]}
    if content:
        responses[str(operation.status)] = {"description": "Done.", "content": content}
    usual = (*((400,) if operation.body is not None else ()), *((401, 403) if operation.keyed else ()))
    for status in (*usual, *operation.failures):
        content = {"application/json": {"schema": schemas[operation.failed]}}
        responses[str(status)] = {"description": _FAILURES[status], "content": content}
    return responses
