"""Calls over HTTP: offers in every form that clients send them in, and what may be done to a call."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from antiphon.config.settings import ServerSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.gateway.webrtc import build_webrtc, ice_options, ice_servers_of
from antiphon.path.calls import Calls
from antiphon.protocol.session_kinds import REALTIME
from tests.gateway.kit import GreetingEngine, Running, refused
from tests.transports.webrtc.kit import Client

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
KEY = {"Authorization": "Bearer sk-right"}
SESSION = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be kind."}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.close()


async def event(client: Client, number: int = 0) -> dict[str, Any]:
    """Return one of the events that came over the data channel."""
    await client.wait_for(lambda client: len(client.received) > number)
    return dict(json.loads(client.received[number]))


def unnamed(value: str, kind: str) -> tuple[None, str, str]:
    """A form's part with a type and no file name, as the SDKs send it."""
    return (None, value, kind)


# --- offers ---------------------------------------------------------------------------------------------------


async def test_an_offer_begins_a_call(open_gateway: Running, client: Client) -> None:
    answer = await open_gateway.http.post(f"{CALLS}?model=gpt-realtime", headers=SDP, content=await client.offer())
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("text/plain")
    call_id = answer.headers["location"].rpartition("/")[2]
    assert answer.headers["location"] == f"{CALLS}/{call_id}"
    assert "antiphon-session" not in answer.headers
    await client.take(answer.text)
    assert (await event(client))["type"] == "session.created"
    (session,) = open_gateway.engine.sessions
    assert (session.start.call_id, session.start.media) == (call_id, True)
    assert open_gateway.server.sessions == 1


FORMS: list[Callable[[str], dict[str, Any]]] = [
    lambda sdp: {
        "files": {"sdp": unnamed(sdp, "application/sdp"), "session": unnamed(json.dumps(SESSION), "application/json")}
    },
    lambda sdp: {"files": {"sdp": (None, sdp), "session": (None, json.dumps(SESSION))}},
    lambda sdp: {"files": {"sdp": ("offer.sdp", sdp, "application/sdp"), "session": (None, json.dumps(SESSION))}},
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_brings_the_session_along(
    open_gateway: Running, client: Client, form: Callable[[str], dict[str, Any]]
) -> None:
    answer = await open_gateway.http.post(CALLS, **form(await client.offer()))
    assert answer.status_code == 201, answer.text
    start = open_gateway.engine.sessions[0].start
    assert (start.config.instructions, start.model, start.asked["instructions"]) == (
        "Be kind.",
        "gpt-realtime",
        "Be kind.",
    )


async def test_what_is_sent_along_comes_before_the_secret_s(locked_gateway: Running, client: Client) -> None:
    body = {
        "session": {
            "type": "realtime",
            "model": "gpt-realtime-mini",
            "instructions": "Be brief.",
            "tool_choice": "none",
        }
    }
    secret = (await locked_gateway.http.post("/v1/realtime/client_secrets", headers=KEY, json=body)).json()["value"]
    files = {"sdp": (None, await client.offer()), "session": (None, json.dumps(SESSION))}
    answer = await locked_gateway.http.post(CALLS, headers={"Authorization": f"Bearer {secret}"}, files=files)
    assert answer.status_code == 201
    start = locked_gateway.engine.sessions[0].start
    assert (start.model, start.config.instructions, start.config.tool_choice) == ("gpt-realtime", "Be kind.", "none")


async def test_a_secret_of_a_session_without_a_model_opens_one_with_the_usual(
    locked_gateway: Running, client: Client
) -> None:
    """The answer to its maker showed that model."""
    made = (await locked_gateway.http.post("/v1/realtime/client_secrets", headers=KEY)).json()
    headers = SDP | {"Authorization": f"Bearer {made['value']}"}
    answer = await locked_gateway.http.post(CALLS, headers=headers, content=await client.offer())
    assert answer.status_code == 201
    assert locked_gateway.engine.sessions[0].start.model == made["session"]["model"]


async def test_a_client_of_the_beta_s_time_is_served_in_its_shape(open_gateway: Running, client: Client) -> None:
    answer = await open_gateway.http.post("/v1/realtime?model=gpt-realtime", headers=SDP, content=await client.offer())
    assert answer.status_code == 201
    await client.take(answer.text)
    assert "modalities" in (await event(client))["session"]


def form(sdp: str | None, session: str | None = None) -> dict[str, Any]:
    fields = {"sdp": sdp, "session": session}
    return {"files": {name: (None, value) for name, value in fields.items() if value is not None}}


WRONG: list[tuple[dict[str, Any], str, str | None]] = [
    ({"content": "nonsense", "headers": SDP}, "invalid_offer", "sdp"),
    ({"content": "v=0", "headers": {"Content-Type": "text/html"}}, "unsupported_content_type", None),
    ({"content": "v=0"}, "unsupported_content_type", None),
    (form(None, "{}"), "missing_required_parameter", "sdp"),
    (form("v=0", "{"), "invalid_json", "session"),
    (form("v=0", "[]"), "invalid_json", "session"),
    (form("v=0", '{"type":"realtime","volume":1}'), "unknown_parameter", "session.volume"),
    ({"content": "--x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, "invalid_form", None),
    ({"content": "--x", "headers": {"Content-Type": "multipart/form-data"}}, "invalid_form", None),
]


@pytest.mark.parametrize(("how", "code", "param"), WRONG)
async def test_what_is_no_offer_is_refused_with_the_reason(
    open_gateway: Running, how: dict[str, Any], code: str, param: str | None
) -> None:
    answer = await open_gateway.http.post(f"{CALLS}?model=gpt-realtime", **how)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param), error
    assert open_gateway.server.sessions == 0


async def test_an_offer_of_a_client_that_may_not_come_is_refused(run: Callable[..., Any], client: Client) -> None:
    gateway: Running = await run(api_keys=("sk-right",), max_sessions=1)
    sdp = await client.offer()

    async def status(query: str = "?model=gpt-realtime", headers: dict[str, str] = KEY) -> tuple[int, str]:
        answer = await gateway.http.post(f"{CALLS}{query}", headers=SDP | headers, content=sdp)
        return answer.status_code, "" if answer.status_code == 201 else answer.json()["error"]["code"]

    assert (await status(headers={}))[0] == 401
    assert await status(headers={"Authorization": "Bearer wrong"}) == (401, "invalid_api_key")
    assert await status("") == (400, "missing_model")
    assert await status("?model=gpt-9") == (400, "invalid_model")
    assert await status("?resume=unknown") == (404, "session_not_found")
    assert await status() == (201, "")
    assert await status() == (503, "server_full")
    full = await gateway.http.post(f"{CALLS}?model=gpt-realtime", headers=SDP | KEY, content=sdp)
    assert full.headers["retry-after"] == "5"


async def test_an_offer_of_a_strange_page_is_refused(open_gateway: Running, client: Client) -> None:
    headers = SDP | {"Origin": "https://evil.example"}
    answer = await open_gateway.http.post(f"{CALLS}?model=gpt-realtime", headers=headers, content=await client.offer())
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")


def test_without_its_packages_there_are_no_calls_and_the_log_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("antiphon.gateway.webrtc.find_spec", lambda name: None)
    caplog.set_level("INFO")
    assert build_webrtc(WebRtcSettings(), ServerSettings(), Calls(GreetingEngine())) is None
    assert "pip install 'antiphon[webrtc]'" in caplog.text


async def test_without_its_packages_or_switched_off_webrtc_is_refused_by_name(run: Callable[..., Any]) -> None:
    gateway: Running = await run(webrtc=WebRtcSettings(enabled="off"))
    answer = await gateway.http.post(f"{CALLS}?model=gpt-realtime", headers=SDP, content="v=0")
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "webrtc_not_available")
    assert "antiphon[webrtc]" in answer.json()["error"]["message"]


async def test_browsers_may_read_where_the_call_is(open_gateway: Running, client: Client) -> None:
    headers = SDP | {"Origin": "http://localhost:3000"}
    answer = await open_gateway.http.post(f"{CALLS}?model=gpt-realtime", headers=headers, content=await client.offer())
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Location", "Antiphon-Session"} <= set(exposed)


# --- calls ----------------------------------------------------------------------------------------------------


async def begun(
    gateway: Running, client: Client, query: str = "?model=gpt-realtime", **headers: str
) -> httpx2.Response:
    answer = await gateway.http.post(f"{CALLS}{query}", headers=SDP | headers, content=await client.offer())
    assert answer.status_code == 201, answer.text
    await client.take(answer.text)
    return answer


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_call_is_hung_up_once(open_gateway: Running, client: Client, method: str) -> None:
    location = (await begun(open_gateway, client)).headers["location"]
    await event(client)
    path = f"{location}/hangup" if method == "POST" else location
    answers = [await open_gateway.http.request(method, path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 404]
    error = answers[1].json()["error"]
    assert (error["code"], error["message"], error["param"]) == (
        "call_id_not_found",
        "No session found for the provided call_id",
        "",
    )
    await open_gateway.engine.sessions[0].closed.wait()
    await client.wait_for(lambda client: client.pc.connectionState == "closed" or not client.is_open)


async def test_a_sideband_steers_the_call(open_gateway: Running, client: Client) -> None:
    call_id = (await begun(open_gateway, client)).headers["location"].rpartition("/")[2]
    async with open_gateway.connect(f"?call_id={call_id}") as guest:
        await guest.send('{"type":"from.the.side"}')
        assert json.loads(await guest.recv())["type"] == "from.the.side"
        assert (await event(client, 1))["type"] == "from.the.side"
        assert client.channel is not None
        client.channel.send('{"type":"from.the.browser"}')
        assert json.loads(await guest.recv())["type"] == "from.the.browser"


async def test_somebody_else_s_call_is_not_there(locked_gateway: Running, client: Client) -> None:
    """A client secret is for its own call; an API key is for all."""
    secrets = [
        (await locked_gateway.http.post("/v1/realtime/client_secrets", headers=KEY, json={})).json()["value"]
        for _ in range(2)
    ]
    mine, other = [{"Authorization": f"Bearer {secret}"} for secret in secrets]
    location = (await begun(locked_gateway, client, **mine)).headers["location"]
    call_id = location.rpartition("/")[2]
    assert (await locked_gateway.http.post(f"{location}/hangup", headers=other)).status_code == 404
    async with locked_gateway.connect(f"?call_id={call_id}", headers=other) as guest:
        assert (await refused(guest))[0] == "call_id_not_found"
    assert (await locked_gateway.http.post(f"{location}/hangup")).status_code == 401
    assert (await locked_gateway.http.post(f"{location}/hangup", headers=mine)).status_code == 200


async def test_what_only_telephone_calls_know_is_refused(open_gateway: Running, client: Client) -> None:
    location = (await begun(open_gateway, client)).headers["location"]
    for action in ("accept", "reject", "refer"):
        answer = await open_gateway.http.post(f"{location}/{action}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_a_sip_call")


async def test_a_server_that_stops_leaves_no_call(open_gateway: Running, client: Client) -> None:
    await begun(open_gateway, client)
    await event(client)
    await open_gateway.server.stop()
    assert open_gateway.engine.sessions[0].closed.is_set()
    assert open_gateway.server.sessions == 0


# --- another transport ----------------------------------------------------------------------------------------


async def test_a_call_goes_on_over_a_websocket_and_back(open_gateway: Running, client: Client) -> None:
    answer = await begun(open_gateway, client, "?model=gpt-realtime&antiphon_events=true")
    token = answer.headers["antiphon-session"]
    resumable = await event(client, 1)
    assert (resumable["type"], resumable["token"]) == ("antiphon.session.resumable", token)
    async with open_gateway.connect(f"?resume={token}&last_event_id={resumable['event_id']}") as ws:
        assert json.loads(await ws.recv())["type"] == "antiphon.session.resumed"
        await ws.send('{"type":"over.websocket"}')
        assert json.loads(await ws.recv())["type"] == "over.websocket"
        again = Client()
        try:
            answer = await begun(open_gateway, again, f"?resume={token}")
            assert answer.headers["antiphon-session"] == token
            assert (await event(again))["type"] == "antiphon.session.resumed"
        finally:
            await again.close()
    assert len(open_gateway.engine.sessions) == 1


# --- STUN and TURN --------------------------------------------------------------------------------------------


async def test_clients_are_told_of_no_servers_where_there_are_none(open_gateway: Running) -> None:
    answer = await open_gateway.http.get("/v1/realtime/ice_servers")
    assert (answer.json(), answer.headers["cache-control"]) == ({"iceServers": []}, "no-store")


async def test_turn_credentials_run_out(run: Callable[..., Any]) -> None:
    turn = WebRtcSettings(
        stun=("stun:stun.example.com",), turn=("turn:turn.example.com",), turn_secret="north", turn_ttl=60
    )
    gateway: Running = await run(api_keys=("sk-right",), webrtc=turn)
    assert (await gateway.http.get("/v1/realtime/ice_servers")).status_code == 401
    answer = (await gateway.http.get("/v1/realtime/ice_servers", headers=KEY)).json()
    assert (answer["ttl"], answer["uris"]) == (60, ["turn:turn.example.com"])
    stun, relay = answer["iceServers"]
    assert stun == {"urls": ["stun:stun.example.com"]}
    assert (relay["username"], relay["credential"]) == (answer["username"], answer["password"])
    assert "north" not in json.dumps(answer)
    assert ice_servers_of(turn, "client", lambda: 1000.0)["username"] == "1060:client"


def test_turn_credentials_that_never_run_out_have_no_time_to_live() -> None:
    settings = WebRtcSettings(turn=("turn:turn.example.com",), turn_username="antiphon", turn_password="hush")
    relay = {"urls": ["turn:turn.example.com"], "username": "antiphon", "credential": "hush"}
    assert ice_servers_of(settings, "client", lambda: 1000.0) == {
        "username": "antiphon",
        "password": "hush",
        "uris": ["turn:turn.example.com"],
        "iceServers": [relay],
    }


def test_the_server_s_own_turn_credentials_outlast_it() -> None:
    """They are made once, at the start, and calls of weeks later are to be relayed too."""
    settings = WebRtcSettings(turn=("turn:turn.example.com",), turn_secret="north", turn_ttl=60, turn_for_server=True)
    turn = ice_options(settings, ServerSettings(), lambda: 1000.0).turn
    assert turn is not None
    assert int(turn.username.partition(":")[0]) > 1000 + 5 * 365 * 86_400
    assert (turn.username.partition(":")[2], turn.url) == ("antiphon", "turn:turn.example.com")


async def test_a_transcription_is_a_call_too(open_gateway: Running, client: Client) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    files = {"sdp": (None, await client.offer()), "session": (None, json.dumps(session))}
    answer = await open_gateway.http.post(CALLS, files=files)
    assert answer.status_code == 201, answer.text
    assert open_gateway.engine.sessions[0].start.kind is not REALTIME
