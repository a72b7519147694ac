"""`/openapi.json` says what is there, and what is there answers as it says."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from starlette.routing import Route

from antiphon.config.settings import ServerSettings
from antiphon.gateway.app import AZURE_PREFIX, Gateway, application, operations
from antiphon.gateway.chat import PATH as CHAT
from antiphon.gateway.engine import Backend
from antiphon.gateway.http_events import EVENTS_PATH
from antiphon.gateway.openapi import Operation, describe, server_event_types
from antiphon.gateway.server import Server
from antiphon.protocol.client_events import CLIENT_EVENT_TYPES
from tests.gateway.kit import GreetingEngine, Running
from tests.gateway.test_http import KEY


@pytest.fixture
def gateway() -> Gateway:
    return Server(ServerSettings(port=0), Backend(GreetingEngine())).gateway


@pytest.fixture
def document(gateway: Gateway) -> dict[str, Any]:
    return describe(operations(gateway))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_route_is_in_it(gateway: Gateway, document: dict[str, Any]) -> None:
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = set()
    for route in application(gateway).routes:
        assert isinstance(route, Route)
        served |= {(route.path_format, method) for method in (route.methods or set()) - {"HEAD"}}
    azures = {(path, method) for path, method in served if path.startswith(AZURE_PREFIX)}
    assert described == served - azures
    assert azures == {(AZURE_PREFIX + path, method) for path, method in described if path.startswith("/v1/")}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(references(document))
    assert len(found) > 50
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_every_event_is_in_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["ClientEvent"]["discriminator"]["mapping"]) == set(CLIENT_EVENT_TYPES)
    tags = {kind.__struct_config__.tag for kind in server_event_types()}
    assert len(tags) > 25
    assert set(schemas["ServerEvent"]["discriminator"]["mapping"]) == tags
    for reference in references(schemas["ServerEvent"]["anyOf"]):
        assert {"type", "event_id"} <= set(schemas[reference.rpartition("/")[2]]["required"])
    assert all("." not in name for name in schemas)


def test_an_operation_has_a_name_of_its_own_and_its_parameters(document: dict[str, Any]) -> None:
    names = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            parameters = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert parameters == re.findall(r"{(\w+)}", path)
            assert operation["responses"]
    assert len(set(names)) == len(names)


async def test_it_is_served_without_a_key(locked_gateway: Running) -> None:
    response = await locked_gateway.http.get("/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"] == "3.1.0"
    assert "/v1/realtime/client_secrets" in response.json()["paths"]


def answering(gateway: Gateway) -> list[Operation]:
    return [operation for operation in operations(gateway) if operation.answer is not None]


async def test_every_success_is_of_the_type_it_says(locked_gateway: Running, gateway: Gateway) -> None:
    for operation in answering(gateway):
        if operation.path in (CHAT, EVENTS_PATH):
            continue  # these want to be asked for something
        path = operation.path.replace("{id}", "gpt-realtime")
        response = await locked_gateway.http.request(operation.method, path, headers=KEY if operation.keyed else {})
        assert response.status_code == operation.status, path
        # Strict: an answer with the wrong type of a field, or without one, does not convert.
        msgspec.json.decode(response.content, type=operation.answer)


async def test_what_needs_a_key_is_refused_without(locked_gateway: Running, gateway: Gateway) -> None:
    for operation in operations(gateway):
        path = operation.path.replace("{id}", "gpt-realtime")
        response = await locked_gateway.http.request(operation.method, path)
        assert (response.status_code == 401) == operation.keyed, path
        if not operation.keyed:
            assert response.status_code in (operation.status, *operation.failures)
