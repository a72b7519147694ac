"""What a client of the relay may ask for when it connects, and what its session is begun with."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from antiphon.gateway.merging import merged
from antiphon.gateway.relay import is_model_name
from antiphon.session.start import SessionStart
from antiphon.transports.websocket import AZURE_PATH, PATH
from tests.gateway.kit import Running, event, refused

RELAY = {
    "accepts_model": is_model_name,
    "upstream_decides": True,
    "models": ("house-voice", "gpt-realtime"),
    "asked": {"instructions": "Be kind.", "audio": {"output": {"voice": "ash"}}},
}
SECRETS = f"{PATH}/client_secrets"


@pytest.fixture
async def relay(run: Callable[..., Any]) -> Running:
    running: Running = await run(traits=RELAY)
    return running


async def begun(gateway: Running, query: str = "?model=gpt-realtime", **how: Any) -> SessionStart:
    """Return how the engine was asked for the session of a client that connects so."""
    async with gateway.connect(query, **how) as ws:
        await event(ws)
    return gateway.engine.sessions[-1].start


# --- models ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, AZURE_PATH])
async def test_the_upstream_knows_its_models(relay: Running, path: str) -> None:
    assert (await begun(relay, "?model=brand-new-1", path=path)).model == "brand-new-1"


@pytest.mark.parametrize("path", [PATH, AZURE_PATH])
@pytest.mark.parametrize("model", ["a%0Ab", "x" * 201])
async def test_what_can_be_no_name_is_refused(relay: Running, path: str, model: str) -> None:
    async with relay.connect(f"?model={model}", path=path) as ws:
        assert await refused(ws) == ("invalid_model", 4000, "invalid_request_error.invalid_model")


async def test_the_configured_models_are_listed(relay: Running) -> None:
    listed = (await relay.http.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["house-voice", "gpt-realtime"]
    assert (await relay.http.get("/v1/models/house-voice")).status_code == 200
    assert (await relay.http.get("/v1/models/unheard-of")).status_code == 404


# --- what the session is begun with ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "wanted"),
    [
        ("", {}, False),
        ("&antiphon_events=true", {}, True),
        ("&antiphon_events=false", {"Antiphon-Events": "true"}, False),
        ("", {"Antiphon-Events": "true"}, True),
        ("", {"Antiphon-Events": "no"}, False),
    ],
)
async def test_who_asks_for_extension_events(relay: Running, query: str, headers: dict[str, str], wanted: bool) -> None:
    assert (await begun(relay, f"?model=gpt-realtime{query}", headers=headers)).extensions is wanted


async def test_an_agent_is_asked_for_and_a_client_secret_over_it(relay: Running) -> None:
    assert (await begun(relay)).asked == RELAY["asked"]
    wanted = {"type": "realtime", "instructions": "Be brief.", "audio": {"input": {"turn_detection": None}}}
    secret = (await relay.http.post(SECRETS, json={"session": wanted})).json()["value"]
    start = await begun(relay, headers={"Authorization": f"Bearer {secret}"})
    assert start.asked == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"output": {"voice": "ash"}, "input": {"turn_detection": None}},
    }
    assert start.config.instructions == "Be brief."


async def test_an_agent_is_not_for_transcription(relay: Running) -> None:
    assert (await begun(relay, "?intent=transcription")).asked == {}


@pytest.mark.parametrize(
    ("of_secret", "of_client", "wanted"),
    [(None, None, None), (None, "user-1", "user-1"), ("user-2", None, "user-2"), ("user-2", "user-1", "user-1")],
)
async def test_the_end_user_is_named_by_header_or_secret(
    relay: Running, of_secret: str | None, of_client: str | None, wanted: str | None
) -> None:
    def header(value: str | None) -> dict[str, str]:
        return {"OpenAI-Safety-Identifier": value} if value else {}

    secret = (await relay.http.post(SECRETS, headers=header(of_secret))).json()["value"]
    start = await begun(relay, headers={"Authorization": f"Bearer {secret}", **header(of_client)})
    assert start.safety_identifier == wanted


# --- client secrets -------------------------------------------------------------------------------------------


async def test_a_secret_may_hold_what_only_the_upstream_knows(relay: Running) -> None:
    wanted = {"type": "realtime", "brand_new": {"field": 1}, "instructions": "Be brief."}
    made = await relay.http.post(SECRETS, json={"session": wanted})
    assert made.status_code == 200
    assert made.json()["session"]["brand_new"] == {"field": 1}
    start = await begun(relay, headers={"Authorization": f"Bearer {made.json()['value']}"})
    assert start.asked["brand_new"] == {"field": 1}


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"type": "banana"}, "session.type"),
        ({"instructions": "x"}, "session.type"),
        ({"type": "realtime", "instructions": 5}, "session.instructions"),
        ({"type": "realtime", "audio": 5}, "session.audio"),
    ],
)
async def test_a_secret_of_the_wrong_shape_is_refused(relay: Running, session: dict[str, Any], param: str) -> None:
    made = await relay.http.post(SECRETS, json={"session": session})
    assert made.status_code == 400
    assert made.json()["error"]["param"] == param


async def test_the_embedded_engine_still_refuses_what_it_does_not_know(open_gateway: Running) -> None:
    made = await open_gateway.http.post(SECRETS, json={"session": {"type": "realtime", "brand_new": 1}})
    assert made.json()["error"]["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    ("under", "over", "wanted"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": None}, {"a": None, "b": 2}),
        ({"tools": [1]}, {"tools": []}, {"tools": []}),
        ({"audio": {"input": {"x": 1}}}, {"audio": {"input": {"y": 2}}}, {"audio": {"input": {"x": 1, "y": 2}}}),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1}}}},
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
        ),
        ({"audio": {"input": {}}}, {"audio": "odd"}, {"audio": "odd"}),
        ({"prompt": {"id": "a", "version": "1"}}, {"prompt": {"id": "b"}}, {"prompt": {"id": "b"}}),
    ],
)
def test_configurations_are_merged_as_session_update_merges_them(
    under: Mapping[str, Any], over: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    before = json.dumps(under)
    assert merged(under, over) == wanted
    assert json.dumps(under) == before
