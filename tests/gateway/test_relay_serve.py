"""The command as users start it: with the SDKs' variables it relays, with the server's key and not the client's."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.running import RunningServer, running_server

KEY = "sk-of-the-upstream-0123456789"
QUESTION = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "How many bedrooms does this property have?"}],
}


@pytest.fixture(scope="module")
def relay() -> Iterator[RunningServer]:
    with (
        running_server(ANTIPHON_API_KEYS=KEY) as upstream,
        running_server(
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=upstream.base_url,
            ANTIPHON_RELAY_FALLBACK="none",
            ANTIPHON_API_KEYS="key-of-the-clients",
            ANTIPHON_SERVER_MAX_SESSIONS="1",
        ) as running,
    ):
        yield running


async def connected(relay: RunningServer, query: str) -> ClientConnection:
    url = f"{relay.base_url.replace('http', 'ws', 1)}/realtime{query}"
    return await connect(url, additional_headers={"Authorization": "Bearer key-of-the-clients"}, proxy=None)


async def received(ws: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next event of that type."""
    while (event := json.loads(await ws.recv()))["type"] != kind:
        assert event["type"] != "error", event
    assert isinstance(event, dict)
    return event


async def first(relay: RunningServer, query: str) -> dict[str, Any]:
    async with await connected(relay, query) as ws:
        event: dict[str, Any] = json.loads(await ws.recv())
        return event


async def ask(relay: RunningServer) -> list[dict[str, Any]]:
    """Ask the question and return all events up to the end of the answer."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(30), await connected(relay, "?model=gpt-realtime") as ws:
        for message in (
            {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
            {"type": "conversation.item.create", "item": QUESTION},
            {"type": "response.create"},
        ):
            await ws.send(json.dumps(message))
        while not events or events[-1]["type"] != "response.done":
            events.append(json.loads(await ws.recv()))
    return events


async def test_an_answer_comes_from_upstream_by_the_servers_key(relay: RunningServer) -> None:
    events = await ask(relay)
    assert events[0]["type"] == "session.created"
    (text,) = [event["text"] for event in events if event["type"] == "response.output_text.done"]
    assert "4 bedrooms" in text  # a fact of the upstream's agent, which the relay itself knows nothing of


async def test_a_lost_client_comes_back_to_its_place_and_its_conversation(relay: RunningServer) -> None:
    """The server has room for one: others wait while the one that was lost may come back."""
    async with asyncio.timeout(30):
        ws = await connected(relay, "?model=gpt-realtime&antiphon_events=true")
        resumable = await received(ws, "antiphon.session.resumable")
        await ws.send(json.dumps({"type": "conversation.item.create", "item": {**QUESTION, "id": "item_mine"}}))
        done = await received(ws, "conversation.item.done")
        ws.transport.abort()
        await ws.wait_closed()
        while not any("its call waits" in line for line in relay.lines):  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.01)
        assert (await first(relay, "?model=gpt-realtime"))["error"]["code"] == "server_full"
        query = f"?resume={resumable['token']}&last_event_id={done['event_id']}"
        back = await connected(relay, query)
        assert (await received(back, "antiphon.session.resumed"))["complete"]
        await back.send('{"type": "conversation.item.retrieve", "item_id": "item_mine"}')
        assert (await received(back, "conversation.item.retrieved"))["item"]["id"] == "item_mine"
        await back.close()
        assert (await first(relay, query))["error"]["code"] == "session_not_found"


async def test_no_key_reaches_a_client_or_the_log(relay: RunningServer) -> None:
    assert KEY not in json.dumps(await ask(relay))
    assert any("engine: relay (OPENAI_API_KEY is set" in line for line in relay.lines)
    assert not any(KEY in line or "key-of-the-clients" in line for line in relay.lines)
