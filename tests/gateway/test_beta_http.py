"""The REST routes of the beta shape, and those of calls."""

from typing import Any

import pytest
from openai.types.beta.realtime import TranscriptionSession
from openai.types.beta.realtime.session_create_response import SessionCreateResponse

from tests.gateway.kit import Running
from tests.gateway.test_http import KEY, error_of

SESSIONS = "/v1/realtime/sessions"
TRANSCRIPTION = "/v1/realtime/transcription_sessions"


async def test_an_empty_body_makes_a_session_of_the_defaults(locked_gateway: Running) -> None:
    response = await locked_gateway.http.post(SESSIONS, headers={**KEY, "OpenAI-Beta": "assistants=v2"})
    assert response.status_code == 200
    session = response.json()
    made = SessionCreateResponse.model_validate(session, strict=True)
    assert made.client_secret.value.startswith("ek_")
    assert session["id"].startswith("sess_")
    assert (session["object"], session["model"]) == ("realtime.session", "gpt-realtime")
    assert (session["modalities"], session["temperature"]) == (["text", "audio"], 0.8)


async def test_an_empty_body_makes_a_transcription_session_of_the_defaults(locked_gateway: Running) -> None:
    response = await locked_gateway.http.post(TRANSCRIPTION, headers=KEY)
    session = response.json()
    made = TranscriptionSession.model_validate(session, strict=True)
    assert made.client_secret.value.startswith("ek_")
    assert session["object"] == "realtime.transcription_session"
    assert "model" not in session
    assert {"id", "expires_at", "modalities", "turn_detection", "input_audio_format"} <= set(session)


@pytest.mark.parametrize(
    ("path", "client_secret", "seconds"),
    [
        (SESSIONS, None, 60),
        (SESSIONS, {"expires_after": {"anchor": "created_at", "seconds": 90}}, 90),
        (TRANSCRIPTION, {}, 60),
        (TRANSCRIPTION, {"expires_at": {"anchor": "created_at", "seconds": 7200}}, 7200),
    ],
)
async def test_a_beta_secret_lasts_a_minute_unless_asked_otherwise(
    locked_gateway: Running, path: str, client_secret: Any, seconds: int
) -> None:
    usual = (await locked_gateway.http.post("/v1/realtime/client_secrets", headers=KEY)).json()["expires_at"] - 600
    made = (await locked_gateway.http.post(path, headers=KEY, json={"client_secret": client_secret})).json()
    # The clock may have moved by a second between the two.
    assert made["client_secret"]["expires_at"] - usual in (seconds, seconds + 1)


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        (SESSIONS, {"audio": {}}, "unknown_parameter", "audio"),
        (SESSIONS, {"output_modalities": ["text"]}, "unknown_parameter", "output_modalities"),
        (SESSIONS, {"modalities": ["video"]}, "invalid_value", "modalities"),
        (SESSIONS, {"voice": 1}, "invalid_type", "voice"),
        (SESSIONS, {"speed": 9}, "invalid_value", "speed"),
        (SESSIONS, {"temperature": 2}, "decimal_above_max_value", "temperature"),
        (SESSIONS, {"turn_detection": {"threshold": 2}}, "invalid_value", "turn_detection.threshold"),
        (SESSIONS, {"max_response_output_tokens": 0}, "integer_below_min_value", "max_response_output_tokens"),
        (SESSIONS, {"model": 1}, "invalid_type", "model"),
        (
            SESSIONS,
            {"client_secret": {"expires_after": {"seconds": 9}}},
            "integer_below_min_value",
            "client_secret.expires_after.seconds",
        ),
        (
            SESSIONS,
            {"tools": [{"type": "mcp", "server_label": "s", "authorization": "T"}]},
            "invalid_parameter",
            "tools[0].authorization",
        ),
        (TRANSCRIPTION, {"voice": "ash"}, "unknown_parameter", "voice"),
        (TRANSCRIPTION, {"modalities": ["video"]}, "invalid_value", "modalities"),
        (TRANSCRIPTION, {"input_audio_format": "opus"}, "invalid_value", "input_audio_format"),
        (SESSIONS, [], "invalid_type", None),
    ],
)
async def test_a_wrong_body_is_refused_in_its_own_words(
    locked_gateway: Running, path: str, body: Any, code: str, param: str | None
) -> None:
    response = await locked_gateway.http.post(path, headers=KEY, json=body)
    assert response.status_code == 400
    error = error_of(response)
    assert (error["code"], error["param"]) == (code, param)
    assert "session." not in error["message"]


@pytest.mark.parametrize("path", [SESSIONS, TRANSCRIPTION])
async def test_secrets_are_made_with_an_api_key_only(locked_gateway: Running, path: str) -> None:
    made = (await locked_gateway.http.post(path, headers=KEY)).json()["client_secret"]["value"]
    for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": f"Bearer {made}"}):
        assert (await locked_gateway.http.post(path, headers=headers)).status_code == 401


# --- calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["accept", "reject", "refer", "hangup"])
@pytest.mark.parametrize("prefix", ["", "/openai"])
async def test_every_call_is_unknown(locked_gateway: Running, prefix: str, action: str) -> None:
    path = f"{prefix}/v1/realtime/calls/rtc_1/{action}"
    assert (await locked_gateway.http.post(path)).status_code == 401
    response = await locked_gateway.http.post(path, headers={**KEY, "Content-Type": "application/json"})
    assert response.status_code == 404
    assert error_of(response) == {
        "message": "No session found for the provided call_id",
        "type": "invalid_request_error",
        "code": "call_id_not_found",
        "param": "",
    }


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/realtime/translations/calls", "translation_not_available"),
        ("/v1/realtime/translations/client_secrets", "translation_not_available"),
    ],
)
async def test_what_is_missing_is_refused_by_name(locked_gateway: Running, path: str, code: str) -> None:
    assert (await locked_gateway.http.post(path, content=b"v=0")).status_code == 401
    response = await locked_gateway.http.post(path, headers={**KEY, "Content-Type": "application/sdp"}, content=b"v=0")
    assert (response.status_code, error_of(response)["code"]) == (501, code)
    assert "/v1/realtime" in error_of(response)["message"]
    assert response.headers["x-should-retry"] == "false"
