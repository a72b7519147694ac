"""The REST routes."""

import json
import random
import string
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from openai.types.realtime import ClientSecretCreateResponse

from antiphon.gateway.bodies import MAX_BODY
from antiphon.gateway.session_bodies import ClientSecretCreated
from tests.gateway.kit import Running, event
from tests.transports.kit import raw_client

SECRETS = "/v1/realtime/client_secrets"
KEY = {"Authorization": "Bearer sk-right"}


def error_of(response: Any) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert list(error) == ["message", "type", "code", "param"]
    assert error["message"]
    return error


# --- client secrets -------------------------------------------------------------------------------------------


async def test_an_empty_body_makes_a_secret_of_the_defaults(locked_gateway: Running) -> None:
    response = await locked_gateway.http.post(SECRETS, headers=KEY)
    assert response.status_code == 200
    made = ClientSecretCreateResponse.model_validate_json(response.content, strict=True)
    assert made.value.startswith("ek_")
    session = response.json()["session"]
    assert session["id"].startswith("sess_")
    assert (session["object"], session["type"], session["model"]) == ("realtime.session", "realtime", "gpt-realtime")


async def test_two_secrets_are_never_the_same(locked_gateway: Running) -> None:
    values = {(await locked_gateway.http.post(SECRETS, headers=KEY)).json()["value"] for _ in range(5)}
    assert len(values) == 5


async def test_the_configuration_is_merged_over_the_defaults(locked_gateway: Running) -> None:
    wanted = {"type": "realtime", "audio": {"input": {"turn_detection": None}}, "model": "gpt-realtime-mini"}
    response = await locked_gateway.http.post(SECRETS, headers=KEY, json={"session": wanted})
    session = response.json()["session"]
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["output"]["voice"] == "alloy"
    assert session["model"] == "gpt-realtime-mini"


async def test_a_secret_for_transcription_shows_such_a_session(locked_gateway: Running) -> None:
    wanted = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    response = await locked_gateway.http.post(SECRETS, headers=KEY, json={"session": wanted})
    made = ClientSecretCreateResponse.model_validate_json(response.content, strict=True)
    assert made.session.type == "transcription"
    assert msgspec.json.decode(response.content, type=ClientSecretCreated).value == made.value
    session = response.json()["session"]
    assert set(session) == {"type", "object", "id", "expires_at", "audio", "include"}
    assert session["audio"]["input"]["turn_detection"] is None


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"expire": 1}, "unknown_parameter", "expire"),
        ({"session": {"voice": "ash"}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "realtime", "voice": "ash"}}, "unknown_parameter", "session.voice"),
        ({"session": {"type": "translation"}}, "invalid_value", "session.type"),
        ({"session": {"type": ["realtime"]}}, "invalid_value", "session.type"),
        ({"session": {"type": "transcription", "instructions": "x"}}, "unknown_parameter", "session.instructions"),
        ({"session": {"type": "realtime", "model": 1}}, "invalid_type", "session.model"),
        (
            {"session": {"type": "realtime", "tools": [{"type": "mcp", "server_label": "s", "authorization": "T"}]}},
            "invalid_parameter",
            "session.tools[0].authorization",
        ),
        (
            {"session": {"type": "realtime", "tools": [{"type": "mcp", "server_label": "s", "headers": {"X": "T"}}]}},
            "invalid_parameter",
            "session.tools[0].headers",
        ),
        ([], "invalid_type", None),
    ],
)
async def test_a_wrong_body_is_refused_by_name(
    locked_gateway: Running, body: Any, code: str, param: str | None
) -> None:
    response = await locked_gateway.http.post(SECRETS, headers=KEY, json=body)
    assert response.status_code == 400
    error = error_of(response)
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"


async def test_a_configuration_too_large_for_a_secret_is_refused(locked_gateway: Running) -> None:
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=10_000))  # hardly compressible
    body = {"session": {"type": "realtime", "instructions": noise}}
    response = await locked_gateway.http.post(SECRETS, headers=KEY, json=body)
    assert response.status_code == 400
    assert error_of(response)["code"] == "client_secret_too_large"


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":1}{', b"[" * 100_000])
async def test_what_is_no_json_is_refused(locked_gateway: Running, body: bytes) -> None:
    response = await locked_gateway.http.post(SECRETS, headers=KEY, content=body)
    assert response.status_code == 400
    assert error_of(response)["code"] == "invalid_json"


async def test_a_body_over_the_limit_is_refused(locked_gateway: Running) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 100_000 + 1):
            yield b" " * 100_000

    response = await locked_gateway.http.post(SECRETS, headers=KEY, content=parts())
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")
    response = await locked_gateway.http.post(SECRETS, headers=KEY, content=b" " * (MAX_BODY + 1))
    assert response.status_code == 413


async def test_a_body_that_does_not_come_is_given_up(locked_gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.gateway.bodies.BODY_SECONDS", 0.02)
    async with raw_client(locked_gateway.server.port) as raw:
        raw.send(b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk-right\r\n")
        raw.send(b"Content-Length: 10\r\n\r\n{")
        assert (await raw.head()).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", [SECRETS, "/v1/models", "/v1/models/gpt-realtime"])
async def test_keys_are_asked_for(locked_gateway: Running, path: str) -> None:
    method = "POST" if path == SECRETS else "GET"
    missing = await locked_gateway.http.request(method, path)
    assert (missing.status_code, error_of(missing)["code"]) == (401, None)
    wrong = await locked_gateway.http.request(method, path, headers={"Authorization": "Bearer sk-wrong"})
    assert (wrong.status_code, error_of(wrong)["code"]) == (401, "invalid_api_key")
    assert "sk-wrong" not in wrong.text
    right = await locked_gateway.http.request(method, path, headers={"api-key": "sk-other"})
    assert right.status_code == 200


async def test_a_secret_makes_no_other_secret(locked_gateway: Running, open_gateway: Running) -> None:
    for gateway in (locked_gateway, open_gateway):
        value = (await gateway.http.post(SECRETS, headers=KEY)).json()["value"]
        bearer = {"Authorization": f"Bearer {value}"}
        assert (await gateway.http.get("/v1/models", headers=bearer)).status_code == 200
        response = await gateway.http.post(SECRETS, headers=bearer)
        assert (response.status_code, error_of(response)["code"]) == (401, "invalid_api_key")


# --- models, health, home -------------------------------------------------------------------------------------


async def test_models_are_listed(open_gateway: Running) -> None:
    listed = (await open_gateway.http.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert {"gpt-realtime", "antiphon"} <= {model["id"] for model in listed["data"]}
    assert set(listed["data"][0]) == {"id", "object", "created", "owned_by"}
    assert (await open_gateway.http.get("/v1/models/gpt-realtime-2025-08-28")).json()["object"] == "model"
    missing = await open_gateway.http.get("/v1/models/gpt-5")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "model_not_found")


async def test_readiness_says_why_not(run: Callable[..., Any]) -> None:
    gateway = await run(max_sessions=1)
    assert (await gateway.http.get("/readyz")).status_code == 200
    async with gateway.connect() as ws:
        await event(ws)
        full = await gateway.http.get("/readyz")
        assert (full.status_code, full.json()["reason"]) == (503, "full")
        assert (await gateway.http.get("/healthz")).status_code == 200
    await gateway.engine.sessions[0].closed.wait()
    gateway.engine.ready = False
    loading = await gateway.http.get("/readyz")
    assert (loading.status_code, loading.json()["reason"]) == (503, "loading")


async def test_home_says_where_to_connect(open_gateway: Running) -> None:
    home = (await open_gateway.http.get("/")).json()
    assert home["websocket"] == f"ws://127.0.0.1:{open_gateway.server.port}/v1/realtime?model=gpt-realtime"


# --- errors, ids, CORS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/realtime/translations", 404, "unknown_url"),
        ("GET", SECRETS, 405, "method_not_supported"),
        ("PUT", "/v1/realtime", 405, "method_not_supported"),
        ("POST", "/v1/realtime/calls/rtc_1/dance", 404, "unknown_url"),
        ("GET", "/openai/realtime", 404, "unknown_url"),
        ("GET", "/v1/realtime?model=gpt-realtime", 426, "not_a_websocket"),
        ("GET", "/openai/v1/realtime?model=mine", 426, "not_a_websocket"),
    ],
)
async def test_wrong_requests_get_an_error_of_the_apis_shape(
    open_gateway: Running, method: str, path: str, status: int, code: str
) -> None:
    response = await open_gateway.http.request(method, path)
    assert response.status_code == status
    assert error_of(response)["code"] == code
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["date"].endswith("GMT")


async def test_a_websocket_on_a_wrong_path_is_not_found(open_gateway: Running) -> None:
    async with raw_client(open_gateway.server.port) as raw:
        raw.send(b"GET /v1/elsewhere HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        raw.send(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        head = await raw.head()
        assert head.startswith(b"HTTP/1.1 404")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert json.loads(await raw.reader.readexactly(length))["error"]["code"] == "unknown_url"


async def test_a_bug_is_an_error_500_of_the_apis_shape(
    open_gateway: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("antiphon.gateway.auth.Keyring.check", broken)
    response = await open_gateway.http.get("/v1/models")
    assert response.status_code == 500
    assert error_of(response)["type"] == "server_error"
    assert response.headers["x-request-id"] in response.text
    assert "a bug" not in response.text
    assert "a bug" in caplog.text


async def test_an_address_cannot_write_lines_of_its_own_into_the_log(
    open_gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "antiphon.http")
    assert (await open_gateway.http.get("/nowhere%0Aforged")).status_code == 404
    (line,) = [record.getMessage() for record in caplog.records if record.name == "antiphon.http"]
    assert line.startswith("GET '/nowhere\\nforged' 404")


async def test_preflights_are_answered(open_gateway: Running) -> None:
    response = await open_gateway.http.options(
        SECRETS,
        headers={
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, x-stainless-os, x-other",
        },
    )
    assert response.status_code == 204
    allowed = response.headers["access-control-allow-headers"].lower()
    for name in ("authorization", "content-type", "x-openai-agents-sdk", "openai-safety-identifier", "openai-beta"):
        assert name in allowed
    assert "x-stainless-os" in allowed
    assert "x-other" not in allowed
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_answers_are_for_the_pages_that_may_connect(open_gateway: Running, locked_gateway: Running) -> None:
    page = {"Origin": "http://127.0.0.1:5173"}
    response = await open_gateway.http.post(SECRETS, headers=page)
    assert response.headers["access-control-allow-origin"] == page["Origin"]
    assert response.headers["access-control-expose-headers"] == "Location, X-Request-Id, Antiphon-Session, Retry-After"
    assert "Origin" in response.headers["vary"]
    stranger = {"Origin": "https://evil.example"}
    refused = await open_gateway.http.post(SECRETS, headers=stranger)
    assert (refused.status_code, error_of(refused)["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in (await open_gateway.http.get("/", headers=stranger)).headers
    anyone = await locked_gateway.http.post(SECRETS, headers={**stranger, **KEY})
    assert anyone.headers["access-control-allow-origin"] == "*"
    denied = await locked_gateway.http.post(SECRETS, headers=stranger)
    assert (denied.status_code, denied.headers["access-control-allow-origin"]) == (401, "*")
