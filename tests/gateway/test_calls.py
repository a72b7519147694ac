"""Coming back to a call, and joining one, over WebSocket."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from tests.gateway.kit import Running, event, refused

BEGIN = "?model=gpt-realtime&antiphon_events=true"


async def told(ws: ClientConnection) -> dict[str, Any]:
    """Return the next event as it came."""
    return dict(json.loads(await ws.recv()))


async def begun(ws: ClientConnection) -> tuple[str, str]:
    """Return a new call's token and id."""
    assert (await told(ws))["type"] == "session.created"
    resumable = await told(ws)
    assert resumable["type"] == "antiphon.session.resumable"
    return resumable["token"], resumable["call_id"]


async def lose(ws: ClientConnection) -> None:
    """Break the connection as a network does."""
    ws.transport.abort()
    await ws.wait_closed()


# --- coming back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_model", [True, False])
async def test_a_token_brings_a_call_back(run: Callable[..., Any], with_model: bool) -> None:
    gateway: Running = await run()
    async with gateway.connect(BEGIN) as ws:
        token, call_id = await begun(ws)
        await lose(ws)
    (session,) = gateway.engine.sessions
    session.client.send(b'{"type":"rate_limits.updated","event_id":"event_1","rate_limits":[]}')
    async with gateway.connect(f"?resume={token}" + "&model=gpt-realtime" * with_model) as ws:
        assert (await told(ws))["type"] == "antiphon.session.resumed"
        assert (await told(ws))["event_id"] == "event_1"
        await ws.send('{"type":"still.here"}')
        assert (await told(ws))["type"] == "still.here"
        assert gateway.server.sessions == 1
    assert session.start.call_id == call_id
    assert len(gateway.engine.sessions) == 1


async def test_the_last_event_id_says_what_was_missed(run: Callable[..., Any]) -> None:
    gateway: Running = await run()
    async with gateway.connect(BEGIN) as ws:
        token, _ = await begun(ws)
        for number in range(4):
            await ws.send(f'{{"type":"echo","event_id":"event_{number}"}}')
        while (await told(ws)).get("event_id") != "event_3":
            pass
        await lose(ws)
    async with gateway.connect(f"?resume={token}&last_event_id=event_1") as ws:
        resumed = await told(ws)
        assert (resumed["events"], resumed["complete"]) == (2, True)
        assert [(await told(ws))["event_id"] for _ in range(2)] == ["event_2", "event_3"]


@pytest.mark.parametrize("query", ["?resume=wrong", "?resume=", "?resume=wrong&model=gpt-realtime"])
async def test_an_unknown_token_is_refused_in_band(open_gateway: Running, query: str) -> None:
    async with open_gateway.connect(query) as ws:
        assert await refused(ws) == ("session_not_found", 4000, "invalid_request_error.session_not_found")
    async with open_gateway.connect(query) as ws:
        assert "without ?resume=" in (await event(ws)).error.message


async def test_a_name_that_nobody_checked_is_not_logged(
    open_gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Who comes back needs no model, so what it says there could be anything, lines of a log included."""
    caplog.set_level("INFO", "antiphon")
    async with open_gateway.connect("?resume=wrong&model=gpt%0Aforged") as ws:
        assert (await refused(ws))[0] == "session_not_found"
    assert not [line for line in caplog.messages if "forged" in line]


async def test_nobody_comes_back_where_none_are_waited_for(run: Callable[..., Any]) -> None:
    gateway: Running = await run(resume_seconds=0.0)
    async with gateway.connect(BEGIN) as ws:
        assert (await told(ws))["type"] == "session.created"
        await ws.send('{"type":"echo"}')
        assert (await told(ws))["type"] == "echo"


async def test_a_token_opens_nothing_without_a_key(run: Callable[..., Any]) -> None:
    gateway: Running = await run(api_keys=("sk-right",))
    key = {"Authorization": "Bearer sk-right"}
    async with gateway.connect(BEGIN, headers=key) as ws:
        token, _ = await begun(ws)
        async with gateway.connect(f"?resume={token}") as stranger:
            assert (await refused(stranger))[1] == 3000


async def test_a_parked_call_keeps_its_place(run: Callable[..., Any]) -> None:
    """Others find the server full, while who left comes back all the same."""
    gateway: Running = await run(max_sessions=1)
    async with gateway.connect(BEGIN) as ws:
        token, _ = await begun(ws)
        await lose(ws)
    async with gateway.connect() as ws:
        assert (await refused(ws))[0] == "server_full"
    async with gateway.connect(f"?resume={token}") as ws:
        assert (await told(ws))["type"] == "antiphon.session.resumed"


BETA = {"OpenAI-Beta": "realtime=v1"}
TRANSCRIPTION = "?intent=transcription&antiphon_events=true"


async def test_a_beta_transcription_comes_back_in_its_shape(open_gateway: Running) -> None:
    async with open_gateway.connect(TRANSCRIPTION, headers=BETA) as ws:
        assert (await told(ws))["type"] == "transcription_session.created"
        token = (await told(ws))["token"]
        await lose(ws)
    # It names an event that nobody knows, and gets all again.
    async with open_gateway.connect(f"?resume={token}&last_event_id=lost", headers=BETA) as ws:
        assert [(await told(ws))["type"] for _ in range(2)] == [
            "antiphon.session.resumed",
            "transcription_session.created",
        ]


async def test_a_beta_guest_of_a_transcription_is_told_in_its_shape(open_gateway: Running) -> None:
    async with open_gateway.connect(TRANSCRIPTION, headers=BETA) as ws:
        await told(ws)
        call_id = (await told(ws))["call_id"]
        async with open_gateway.connect(f"?call_id={call_id}", headers=BETA) as guest:
            await guest.send('{"type":"nonsense"}')
            assert (await told(guest))["type"] == "error"  # so it is there
            (session,) = open_gateway.engine.sessions
            shown = session.start.kind.wire(session.start.config, "sess_1", "", 0)
            session.client.send(json.dumps({"type": "session.updated", "event_id": "e", "session": shown}).encode())
            assert (await told(guest))["type"] == "transcription_session.updated"


# --- joining --------------------------------------------------------------------------------------------------


async def test_a_guest_sees_and_steers_the_call(open_gateway: Running) -> None:
    """Nothing is told of what was before: the first event that a guest gets is one that comes."""
    async with open_gateway.connect(BEGIN) as ws:
        _, call_id = await begun(ws)
        async with open_gateway.connect(f"?call_id={call_id}") as guest:
            await guest.send('{"type":"steered","event_id":"event_1"}')
            assert (await told(guest))["type"] == "steered"
            assert (await told(ws))["type"] == "steered"
            assert open_gateway.server.sessions == 1
        await ws.send('{"type":"alone"}')
        assert (await told(ws))["type"] == "alone"


async def test_what_is_wrong_with_a_guest_s_event_is_told_to_the_guest_alone(open_gateway: Running) -> None:
    async with open_gateway.connect(BEGIN) as ws:
        _, call_id = await begun(ws)
        async with open_gateway.connect(f"?call_id={call_id}") as guest:
            # The engine of these tests echoes, so that an error event is answered by itself.
            await guest.send('{"type":"error","error":{"event_id":"event_1"},"event_id":"event_1"}')
            await guest.send('{"type":"error","error":{"event_id":null}}')
            await guest.send('{"type":"fine"}')
            assert [(await told(guest))["type"] for _ in range(3)] == ["error", "error", "fine"]
            assert (await told(ws))["type"] == "fine"


async def test_the_end_of_a_call_is_the_end_of_its_guests(open_gateway: Running) -> None:
    async with open_gateway.connect(BEGIN) as ws:
        _, call_id = await begun(ws)
        async with open_gateway.connect(f"?call_id={call_id}") as guest:
            await guest.send('{"type":"here"}')
            await told(guest)
            await ws.close()
            await guest.wait_closed()
            assert guest.close_code == 1000
    async with open_gateway.connect(f"?call_id={call_id}") as ws:
        assert await refused(ws) == ("call_id_not_found", 4000, "invalid_request_error.call_id_not_found")


async def test_a_call_has_room_for_so_many_guests(open_gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.gateway.connect._MOST_GUESTS", 1)
    async with open_gateway.connect(BEGIN) as ws:
        _, call_id = await begun(ws)
        async with open_gateway.connect(f"?call_id={call_id}") as guest:
            await guest.send('{"type":"here"}')
            await told(guest)
            async with open_gateway.connect(f"?call_id={call_id}") as another:
                assert await refused(another) == ("call_full", 1013, "server_error.call_full")


async def test_an_event_of_the_transport_s_own_may_be_the_last_one(open_gateway: Running) -> None:
    async with open_gateway.connect(BEGIN) as ws:
        token, _ = await begun(ws)
        await ws.send(b"binary")
        last = (await told(ws))["event_id"]
        await lose(ws)
    async with open_gateway.connect(f"?resume={token}&last_event_id={last}") as ws:
        resumed = await told(ws)
        assert (resumed["events"], resumed["complete"]) == (0, True)


async def test_a_call_that_could_not_begin_leaves_nothing(
    open_gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr(open_gateway.engine, "open", fails)
    async with open_gateway.connect(BEGIN) as ws:
        assert (await refused(ws))[0] == "server_error"
    assert len(open_gateway.server._calls) == 0


async def test_a_client_secret_joins_only_its_own_calls(run: Callable[..., Any]) -> None:
    gateway: Running = await run(api_keys=("sk-right",))
    key = {"Authorization": "Bearer sk-right"}
    mine, other = [
        (await gateway.http.post("/v1/realtime/client_secrets", headers=key, json={})).json()["value"] for _ in range(2)
    ]
    async with gateway.connect(BEGIN, headers={"Authorization": f"Bearer {mine}"}) as ws:
        _, call_id = await begun(ws)
        async with gateway.connect(f"?call_id={call_id}", headers={"Authorization": f"Bearer {other}"}) as stranger:
            assert (await refused(stranger))[0] == "call_id_not_found"
        for own in (mine, "sk-right"):
            async with gateway.connect(f"?call_id={call_id}", headers={"Authorization": f"Bearer {own}"}) as guest:
                await guest.send('{"type":"here"}')
                assert (await told(guest))["type"] == "here"
                await told(ws)
