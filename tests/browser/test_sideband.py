"""An app's server beside a browser's call: it sees what happens there and steers it, as openai-python offers."""

from collections.abc import Callable, Iterator

import pytest
from openai import OpenAI
from openai.resources.realtime.realtime import RealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from tests.browser.asking import ANSWER, calls_with_secret, spoken_answer
from tests.browser.browsers import Page
from tests.clients.ways import KEY
from tests.running import RunningServer


@pytest.fixture
def page(chromium: Callable[..., Page]) -> Page:
    return chromium("agents")


@pytest.fixture
def sideband(page: Page, server: RunningServer) -> Iterator[RealtimeConnection]:
    """A connection to the call that the page began."""
    call = page.call("connect", **calls_with_secret(server))
    client = OpenAI(base_url=server.base_url, api_key=KEY)
    with client.realtime.connect(call_id=call["callId"]) as connection:
        yield connection


def next_of(connection: RealtimeConnection, kind: str) -> RealtimeServerEvent:
    return next(event for event in connection if event.type == kind)


def test_the_app_s_server_sees_the_call(page: Page, sideband: RealtimeConnection) -> None:
    page.call("write", text="How many bedrooms does this property have?")
    first = sideband.recv()
    assert first.type != "session.created"
    done = next_of(sideband, "response.done")
    assert done.type == "response.done"
    assert done.response.id == page.wait("response.done").event["response"]["id"]


def test_the_app_s_server_steers_the_call(page: Page, sideband: RealtimeConnection) -> None:
    sideband.session.update(session={"type": "realtime", "instructions": "Speak of the bedrooms."})
    updated = next_of(sideband, "session.updated")
    assert updated.type == "session.updated"
    asked = "How many bedrooms does this property have?"
    sideband.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": asked}]}
    )
    sideband.response.create()
    written, heard = spoken_answer(page)
    assert ANSWER.search(written)
    assert "four" in heard
    assert page.call("types").count("session.updated") >= 2
