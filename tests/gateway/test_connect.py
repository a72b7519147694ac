"""Who gets a session over WebSocket, and what the others are told."""

import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import openai
import pytest
from websockets.exceptions import InvalidStatus

from antiphon.transports.websocket import AZURE_BETA_PATH, AZURE_PATH, PATH, TRANSLATIONS_PATH
from tests.gateway.kit import Running, event, refused
from tests.sdk_beta_events import check_beta_event

WRONG_KEY = ("invalid_api_key", 3000, "invalid_request_error.invalid_api_key")


# --- keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "subprotocols"),
    [
        ("", {"Authorization": "Bearer sk-right"}, None),
        ("", {"Authorization": "bearer  sk-right "}, None),
        ("", {"Authorization": "Bearer sk-other"}, None),
        ("", {"api-key": "sk-right"}, None),
        ("", {"Authorization": "Basic c2E6cHc="}, ["realtime", "openai-insecure-api-key.sk-right"]),
        ("", {}, ["realtime", "openai-insecure-api-key.sk-right", "openai-organization.O", "openai-agents-sdk.0.20.0"]),
        ("&token=sk-right", {}, None),
        ("&authorization=Bearer%20sk-right", {}, None),
        ("&client_secret=sk-right", {}, None),
        ("&api-key=sk-right", {}, None),
        ("&api_key=sk-right", {}, None),
    ],
)
async def test_a_right_key_opens_wherever_it_is(
    locked_gateway: Running, query: str, headers: dict[str, str], subprotocols: list[str] | None
) -> None:
    async with locked_gateway.connect(f"?model=gpt-realtime{query}", headers, subprotocols) as ws:
        created = await event(ws)
        assert created.type == "session.created"
        assert created.session.model == "gpt-realtime"
        assert ws.subprotocol == ("realtime" if subprotocols else None)


@pytest.mark.parametrize(
    ("query", "headers", "subprotocols"),
    [
        ("", {"Authorization": "Bearer sk-wrong"}, None),
        ("", {"Authorization": "Bearer sk-right1"}, None),
        ("", {"api-key": "sk-wrong"}, None),
        ("", {}, ["realtime", "openai-insecure-api-key.sk-wrong"]),
        ("&token=sk-wrong", {}, None),
        ("", {"Authorization": "Bearer ek_forged"}, None),
        ("", {"Authorization": "Bearer ek_" + "A" * 10_000}, None),
    ],
)
async def test_a_wrong_key_is_refused_in_band(
    locked_gateway: Running, query: str, headers: dict[str, str], subprotocols: list[str] | None
) -> None:
    async with locked_gateway.connect(f"?model=gpt-realtime{query}", headers, subprotocols) as ws:
        assert await refused(ws) == WRONG_KEY


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer "}, {"api-key": ""}])
async def test_no_key_is_refused_in_band(locked_gateway: Running, headers: dict[str, str]) -> None:
    async with locked_gateway.connect(headers=headers) as ws:
        assert await refused(ws) == (None, 3000, "invalid_request_error")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer anything"}])
async def test_without_api_keys_any_key_opens(open_gateway: Running, headers: dict[str, str]) -> None:
    async with open_gateway.connect(headers=headers) as ws:
        assert (await event(ws)).type == "session.created"


async def test_no_key_ever_gets_into_a_log(locked_gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    # picows writes every handshake at level 9; the two test clients keep their own, quite talkative logs.
    caplog.set_level(1)
    for client in ("websockets", "httpx2", "httpcore2"):
        logging.getLogger(client).setLevel(logging.CRITICAL)
    right, wrong = "sk-right", "sk-wrong"
    for key in (right, wrong):
        for query in (f"&token={key}", f"&authorization=Bearer%20{key}", ""):
            async with locked_gateway.connect(f"?model=gpt-realtime{query}", {"Authorization": f"Bearer {key}"}) as ws:
                await ws.recv()
        await locked_gateway.http.get(f"/v1/models?api_key={key}", headers={"Authorization": f"Bearer {key}"})
    assert "began" in caplog.text
    assert "/v1/models" in caplog.text
    assert right not in caplog.text
    assert wrong not in caplog.text
    assert "model=gpt" not in caplog.text


# --- what is asked for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_model"),
        ("?model=", "missing_model"),
        ("?model=gpt-5", "invalid_model"),
        ("?model=gpt-realtime&intent=", "invalid_intent"),
        ("?model=gpt-realtime&intent=conversation", "invalid_intent"),
        ("?model=gpt-realtime&intent=transcription", "invalid_parameter"),
        ("?call_id=rtc_1", "call_id_not_found"),
    ],
)
async def test_a_wrong_query_is_refused_in_band(open_gateway: Running, query: str, code: str) -> None:
    async with open_gateway.connect(query) as ws:
        assert await refused(ws) == (code, 4000, f"invalid_request_error.{code}")


@pytest.mark.parametrize("query", ["?intent=transcription", "?intent=transcription&model=", "?x=&intent=transcription"])
async def test_a_transcription_session(open_gateway: Running, query: str) -> None:
    async with open_gateway.connect(query) as ws:
        created = await event(ws)
        assert created.session.type == "transcription"


async def test_a_transcription_session_names_what_is_wrong_with_a_model(open_gateway: Running) -> None:
    async with open_gateway.connect("?model=gpt-realtime&intent=transcription") as ws:
        error = (await event(ws)).error
        assert error.param == "model"
        assert "must not provide a model" in error.message


# --- dialects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "headers", "subprotocols"),
    [
        (PATH, "?model=gpt-realtime", {"OpenAI-Beta": "realtime=v1"}, None),
        (PATH + "/", "?model=gpt-realtime", {"OpenAI-Beta": "assistants=v2, realtime=v1"}, None),
        (PATH, "?model=gpt-realtime", {}, ["realtime", "openai-beta.realtime-v1"]),
        (AZURE_BETA_PATH, "?api-version=2024-10-01-preview&deployment=my-own", {}, None),
        (AZURE_BETA_PATH, "?api-version=2025-04-01-preview&deployment=my-own", {}, None),
        (AZURE_BETA_PATH + "/", "?deployment=my-own", {}, ["realtime"]),
        (AZURE_PATH, "?model=my-own", {"OpenAI-Beta": "realtime=v1"}, None),
    ],
)
async def test_who_asks_for_beta_gets_it(
    open_gateway: Running, path: str, query: str, headers: dict[str, str], subprotocols: list[str] | None
) -> None:
    async with open_gateway.connect(query, headers, subprotocols, path=path) as ws:
        created = check_beta_event(json.loads(await ws.recv()))
        assert created.session.input_audio_format == "pcm16"
        assert ws.subprotocol == ("realtime" if subprotocols else None)
        # Azure's first preview had no such event.
        if "api-version=2024-10-01-preview" not in query:
            assert check_beta_event(json.loads(await ws.recv())).type == "conversation.created"
        await ws.send('{"type": "input_audio_buffer.clear"}')
        assert json.loads(await ws.recv())["type"] == "input_audio_buffer.clear"  # what the engine here answers


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        (PATH, "?model=gpt-realtime", {"OpenAI-Beta": "assistants=v2"}),
        (PATH, "?model=gpt-realtime&api-version=2024-10-01-preview", {}),
        (AZURE_PATH, "?model=my-own", {}),
        (AZURE_PATH, "?deployment=my-own", {"api-key": "none"}),
        (AZURE_PATH + "/", "?deployment=my-own&model=other", {}),
    ],
)
async def test_everybody_else_gets_ga(open_gateway: Running, path: str, query: str, headers: dict[str, str]) -> None:
    async with open_gateway.connect(query, headers, path=path) as ws:
        created = (await event(ws)).session
        assert created.type == "realtime"
        assert created.model == ("gpt-realtime" if path == PATH else "my-own")


async def test_a_transcription_session_in_beta(open_gateway: Running) -> None:
    async with open_gateway.connect("?intent=transcription", {"OpenAI-Beta": "realtime=v1"}) as ws:
        message = json.loads(await ws.recv())
        assert message["type"] == "transcription_session.created"
        check_beta_event(message)


@pytest.mark.parametrize("path", [AZURE_PATH, AZURE_BETA_PATH])
@pytest.mark.parametrize("query", ["", "?deployment=", "?model=", "?api-version=2024-10-01-preview"])
async def test_azures_paths_need_a_deployment_of_any_name(open_gateway: Running, path: str, query: str) -> None:
    async with open_gateway.connect(query, path=path) as ws:
        assert await refused(ws) == ("missing_model", 4000, "invalid_request_error.missing_model")


async def test_azures_paths_need_a_key_too(locked_gateway: Running) -> None:
    for path in (AZURE_PATH, AZURE_BETA_PATH, TRANSLATIONS_PATH):
        async with locked_gateway.connect("?deployment=my-own", {"api-key": "sk-wrong"}, path=path) as ws:
            assert await refused(ws) == WRONG_KEY
    async with locked_gateway.connect("?deployment=my-own", {"api-key": "sk-right"}, path=AZURE_PATH) as ws:
        assert (await event(ws)).type == "session.created"


async def test_translation_sessions_are_refused_by_name(open_gateway: Running) -> None:
    async with open_gateway.connect("?model=gpt-realtime-translate", path=TRANSLATIONS_PATH) as ws:
        code = "translation_not_available"
        assert await refused(ws) == (code, 4000, f"invalid_request_error.{code}")


@pytest.mark.parametrize("path", ["/v1", "/v1/realtime/x", "/openai/v1", "/openai/realtime/x", "/realtime"])
async def test_a_wrong_path_is_404(open_gateway: Running, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await open_gateway.connect(path=path)
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize("model", ["gpt-realtime-2025-08-28", "antiphon", "gpt-4o-realtime-preview-2024-12-17"])
async def test_every_realtime_model_is_answered(open_gateway: Running, model: str) -> None:
    async with open_gateway.connect(f"?model={model}&unknown=1") as ws:
        assert (await event(ws)).session.model == model


# --- web pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1", "https://127.8.9.1:1", "http://[::1]:8080"]
)
async def test_pages_on_loopback_may_connect_without_keys(open_gateway: Running, origin: str) -> None:
    async with open_gateway.connect(origin=origin) as ws:
        assert (await event(ws)).type == "session.created"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://evil.example:8080/localhost",
        "null",
        "http://[",
    ],
)
async def test_other_pages_may_not_connect_without_keys(open_gateway: Running, origin: str) -> None:
    """Else any website could use a local server behind its user's back."""
    async with open_gateway.connect(origin=origin) as ws:
        error = (await event(ws)).error
        assert error.code == "origin_not_allowed"
        assert "server.allowed_origins" in error.message
        await ws.wait_closed()
        assert ws.close_code == 3000


async def test_allowed_origins_may_connect(run: Callable[..., Any]) -> None:
    gateway = await run(allowed_origins=("https://app.example",))
    async with gateway.connect(origin="https://app.example") as ws:
        assert (await event(ws)).type == "session.created"
    async with gateway.connect(origin="https://other.example") as ws:
        assert (await refused(ws))[0] == "origin_not_allowed"


async def test_with_keys_any_page_may_connect_unless_origins_are_named(
    run: Callable[..., Any], locked_gateway: Running
) -> None:
    key = {"Authorization": "Bearer sk-right"}
    async with locked_gateway.connect(headers=key, origin="https://any.example") as ws:
        assert (await event(ws)).type == "session.created"
    picky = await run(api_keys=("sk-right",), allowed_origins=("https://app.example",))
    async with picky.connect(headers=key, origin="https://any.example") as ws:
        assert (await refused(ws))[0] == "origin_not_allowed"
    # The server's own pages need no name in the list.
    async with picky.connect(headers=key, origin=f"http://127.0.0.1:{picky.server.port}") as ws:
        assert (await event(ws)).type == "session.created"


# --- capacity -------------------------------------------------------------------------------------------------


async def test_a_full_server_says_so_and_takes_the_next_when_there_is_room(run: Callable[..., Any]) -> None:
    gateway = await run(max_sessions=1)
    async with gateway.connect() as first:
        await event(first)
        async with gateway.connect() as second:
            assert await refused(second) == ("server_full", 1013, "server_error.server_full")
    await gateway.engine.sessions[0].closed.wait()
    async with gateway.connect() as third:
        assert (await event(third)).type == "session.created"


# --- client secrets -------------------------------------------------------------------------------------------


async def test_a_client_secret_opens_everywhere_and_brings_its_configuration(locked_gateway: Running) -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime-2",
        "instructions": "Be brief.",
        "audio": {"output": {"voice": "cedar"}},
    }
    made = await locked_gateway.http.post(
        "/v1/realtime/client_secrets", json={"session": session}, headers={"Authorization": "Bearer sk-right"}
    )
    value = made.json()["value"]
    for query, headers, subprotocols in (
        ("?model=gpt-realtime", {"Authorization": f"Bearer {value}"}, None),
        ("?model=gpt-realtime", {}, ["realtime", f"openai-insecure-api-key.{value}"]),
        (f"?model=gpt-realtime&client_secret={quote(value)}", {}, None),
        ("", {"Authorization": f"Bearer {value}"}, None),
    ):
        async with locked_gateway.connect(query, headers, subprotocols) as ws:
            created = (await event(ws)).session
            assert created.instructions == "Be brief."
            assert created.audio.output.voice == "cedar"
            assert created.model == ("gpt-realtime" if query else "gpt-realtime-2")


async def secret_for(gateway: Running, path: str, body: dict[str, Any]) -> str:
    made = await gateway.http.post(path, json=body)
    assert made.status_code == 200
    secret = made.json()
    return str(secret["client_secret"]["value"] if "client_secret" in secret else secret["value"])


@pytest.mark.parametrize("query", ["", "?intent=transcription"])
async def test_a_client_secret_for_transcription_decides_the_session(open_gateway: Running, query: str) -> None:
    wanted = {"type": "transcription", "audio": {"input": {"transcription": {"language": "en"}}}}
    value = await secret_for(open_gateway, f"{PATH}/client_secrets", {"session": wanted})
    async with open_gateway.connect(query, {"Authorization": f"Bearer {value}"}) as ws:
        created = (await event(ws)).session
        assert created.type == "transcription"
        assert created.audio.input.transcription.language == "en"


async def test_a_client_secret_and_the_query_must_agree(open_gateway: Running) -> None:
    value = await secret_for(open_gateway, f"{PATH}/client_secrets", {"session": {"type": "transcription"}})
    async with open_gateway.connect("?model=gpt-realtime", {"Authorization": f"Bearer {value}"}) as ws:
        assert (await refused(ws))[0] == "invalid_parameter"
    value = await secret_for(open_gateway, f"{PATH}/client_secrets", {"session": {"type": "realtime"}})
    async with open_gateway.connect("?intent=transcription", {"Authorization": f"Bearer {value}"}) as ws:
        assert (await refused(ws))[0] == "invalid_intent"


async def test_a_beta_session_is_the_one_that_begins(open_gateway: Running) -> None:
    body = {"model": "gpt-realtime-mini", "voice": "ash", "input_audio_format": "g711_ulaw", "temperature": 0.6}
    value = await secret_for(open_gateway, f"{PATH}/sessions", body)
    headers = {"Authorization": f"Bearer {value}", "OpenAI-Beta": "realtime=v1"}
    async with open_gateway.connect("", headers) as ws:
        session = json.loads(await ws.recv())["session"]
        assert body.items() <= session.items()
    async with open_gateway.connect("", {"Authorization": f"Bearer {value}"}) as ws:
        assert (await event(ws)).session.audio.output.voice == "ash"


# --- the official client --------------------------------------------------------------------------------------


async def test_openai_python_connects_by_changing_its_url_only(locked_gateway: Running) -> None:
    base_url = f"http://127.0.0.1:{locked_gateway.server.port}/v1"
    async with (
        openai.AsyncOpenAI(api_key="sk-right", base_url=base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        created = await connection.recv()
        assert created.type == "session.created"
        await connection.send({"type": "input_audio_buffer.clear"})
        echo: Any = await connection.recv()
        assert echo.type == "input_audio_buffer.clear"


async def test_openai_python_makes_a_client_secret_and_connects_with_it(locked_gateway: Running) -> None:
    base_url = f"http://127.0.0.1:{locked_gateway.server.port}/v1"
    async with openai.AsyncOpenAI(api_key="sk-right", base_url=base_url) as client:
        made = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60}, session={"type": "realtime", "instructions": "Hi."}
        )
        assert made.session.type == "realtime"
        models = [model.id async for model in await client.models.list()]
        assert "gpt-realtime" in models
        assert (await client.models.retrieve("gpt-realtime")).id == "gpt-realtime"
    async with (
        openai.AsyncOpenAI(api_key=made.value, base_url=base_url) as browser,
        browser.realtime.connect(model="gpt-realtime") as connection,
    ):
        created: Any = await connection.recv()
        assert created.session.instructions == "Hi."


@pytest.mark.parametrize("lenient", [False, True])
async def test_a_beta_client_that_does_not_say_so(run: Callable[..., Any], lenient: bool) -> None:
    gateway = await run(lenient_dialect=lenient)
    async with gateway.connect() as ws:
        assert (await event(ws)).session.type == "realtime"
    dialect = gateway.engine.sessions[0].start.dialect
    decoded = dialect.decode(b'{"type":"session.update","session":{"voice":"ash"}}')
    assert ("audio" in decoded.session) == lenient
