"""Realtime sessions over server-sent events, long polling and POST, with real clients and a scripted model."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect

from antiphon.engines.upstream import UpstreamConfig, UpstreamRoute
from antiphon.gateway.engine import Backend
from antiphon.path.options import RelayOptions
from antiphon.path.relayed import RelayEngine
from antiphon.testing import Emulator, emulator
from antiphon.transports.http import HttpLimits, Stream
from tests.emulator.kit import QUIET, RATE, speech
from tests.gateway.http_kit import JSON, MODEL, RESPOND, STREAM, HttpGateway, texts, written
from tests.sdk_events import check_server_event
from tests.transports.kit import raw_client

TALK = """
[[turn]]
hear = "What is the weather in Paris?"
say = "In Paris it is sunny."

[[turn]]
when = "call"
call = { name = "get_weather", arguments = { city = "Paris" } }

[[turn]]
when = "story"
say = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
pace = { words_per_second = 40 }
"""
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Any]]:
    """Return what starts a gateway: `await run(api_keys=("K",))`; all are stopped at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(limits: HttpLimits | None = None, script: str | Backend = TALK, **settings: Any) -> HttpGateway:
            return await stack.enter_async_context(HttpGateway(script, limits, **settings))

        yield start


@pytest.fixture
async def gateway(run: Callable[..., Any]) -> HttpGateway:
    started: HttpGateway = await run()
    return started


async def answered(gateway: HttpGateway, listener: Any, *events: Any) -> str:
    """Send `events`, and return the text of the answer."""
    response = await gateway.post(listener.token, *events)
    assert response.status_code == 202, response.text
    return str((await listener.until("response.output_text.done"))["text"])


async def settled() -> None:
    """Let the server's side of what was just closed run."""
    for _ in range(50):
        await asyncio.sleep(0.001)


# --- turns ----------------------------------------------------------------------------------------------------


async def test_a_written_question_is_answered(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        assert await answered(gateway, events, texts(), written("Hello there"), RESPOND)
        await events.until("response.done")
        kinds = [event["type"] for event in events.events]
        assert kinds[:2] == ["session.created", "antiphon.session.resumable"]
        for event in events.events:
            if not event["type"].startswith("antiphon."):
                check_server_event(event)


async def test_each_message_of_the_stream_is_one_event_with_token_and_id(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        created = await events.next()
        assert created is not None
        assert events.last_event_id == f"{events.token}/{created['event_id']}"
        assert (await events.until("antiphon.session.resumable"))["token"] == events.token
        assert events.reconnection_ms == 1000
        headers = events.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"


async def test_a_spoken_question_is_heard_and_answered_in_audio(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        pcm = speech(800) + QUIET
        pieces = [pcm[start : start + RATE // 5] for start in range(0, len(pcm), RATE // 5)]
        appends = [{"type": "input_audio_buffer.append", "audio": base64.b64encode(each).decode()} for each in pieces]
        for number, append in enumerate(appends):
            assert (await gateway.post(events.token, append, seq=number)).status_code == 202
        await events.until("response.done")
        transcript = await events.until("response.output_audio_transcript.done")
        assert transcript["transcript"] == "In Paris it is sunny."
        deltas = [event for event in events.events if event["type"] == "response.output_audio.delta"]
        audio = b"".join(base64.b64decode(event["delta"]) for event in deltas)
        assert len(deltas) > 1
        assert len(audio) / 2 / RATE == pytest.approx(len("In Paris it is sunny.") * 0.05, abs=0.2)


async def test_a_function_is_called_and_its_result_answered(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        await gateway.post(events.token, texts(), written("please call"), RESPOND)
        call = await events.until("response.function_call_arguments.done")
        assert json.loads(call["arguments"]) == {"city": "Paris"}
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        await events.until("response.done")
        assert await answered(gateway, events, {"type": "conversation.item.create", "item": output}, RESPOND)


async def test_a_wrong_event_is_told_in_the_stream(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        response = await gateway.post(events.token, {"type": "no.such.event", "event_id": "mine"})
        assert (response.status_code, response.json()) == (202, {"accepted": 1})
        error = (await events.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("invalid_value", "mine")
        assert await answered(gateway, events, texts(), written("And now?"), RESPOND)


@pytest.mark.parametrize(
    ("content", "kind", "count"),
    [
        (b'{"type":"input_audio_buffer.clear"}', "application/json", 1),
        (b' \n[{"type":"input_audio_buffer.clear"}, {"type":"input_audio_buffer.clear"}]\n', "text/plain", 2),
        (b'{"type":"input_audio_buffer.clear"}\n\n{"type":"input_audio_buffer.clear"}\r\n', "application/x-ndjson", 2),
    ],
)
async def test_bodies_of_all_kinds_are_taken(gateway: HttpGateway, content: bytes, kind: str, count: int) -> None:
    async with gateway.listening() as events:
        headers = {"Content-Type": kind}
        response = await gateway.http.post(
            gateway.url, content=content, headers=headers, params={"session": events.token}
        )
        assert (response.status_code, response.json()) == (202, {"accepted": count})
        await events.until("input_audio_buffer.cleared", count)


async def test_a_stream_can_be_asked_for_by_post(gateway: HttpGateway) -> None:
    async with gateway.listening(method="POST") as events:
        assert await answered(gateway, events, texts(), written("Hello"), RESPOND)


async def test_beta_clients_are_understood(gateway: HttpGateway) -> None:
    async with gateway.listening(headers={"OpenAI-Beta": "realtime=v1"}) as events:
        await gateway.post(events.token, {"type": "session.update", "session": {"modalities": ["text"]}})
        assert (await events.until("session.updated"))["session"]["modalities"] == ["text"]


async def test_azures_path_is_served(gateway: HttpGateway) -> None:
    url = gateway.url.replace("/v1/", "/openai/v1/")
    async with gateway.http.stream("GET", url, params={"model": "gpt-realtime"}, headers=STREAM) as response:
        assert response.status_code == 200


# --- coming back ----------------------------------------------------------------------------------------------


async def test_a_stream_that_breaks_in_mid_answer_goes_on_with_nothing_lost_and_nothing_twice(
    gateway: HttpGateway,
) -> None:
    """As an EventSource does it: the same address again, and the last id in a header."""
    seen: list[Any] = []
    async with gateway.listening() as events:
        await gateway.post(events.token, texts(), written("the story"), RESPOND)
        await events.until("response.output_text.delta", 3)
        seen += events.events
        last = events.last_event_id
    for _ in range(2):
        async with gateway.listening(headers={"Last-Event-ID": last}) as events:
            assert (await events.next() or {})["type"] == "antiphon.session.resumed"
            assert (await events.next()) is not None
            seen += events.events[1:]
            last = events.last_event_id
    async with gateway.listening({"resume": last.split("/")[0], "last_event_id": last.split("/")[1]}) as events:
        await events.until("response.done")
        seen += [event for event in events.events if event["type"] != "antiphon.session.resumed"]
    ids = [event["event_id"] for event in seen]
    assert len(set(ids)) == len(ids)
    deltas = [event["delta"] for event in seen if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == STORY


async def test_a_client_may_send_while_its_stream_is_broken(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        await gateway.post(events.token, texts(), seq=0)
        await events.until("session.updated")
        last = events.last_event_id
    await settled()
    assert (await gateway.post(events.token, written("Hello"), RESPOND, seq=1)).status_code == 202
    async with gateway.listening(headers={"Last-Event-ID": last}) as events:
        assert (await events.until("response.output_text.done"))["text"]
        assert (await gateway.post(events.token, RESPOND, seq=2)).status_code == 202


async def test_a_session_goes_on_over_a_websocket(gateway: HttpGateway) -> None:
    """Who has it now keeps it: the stream is told not to come back."""
    async with gateway.listening() as events:
        created = (await events.until("session.created"))["event_id"]
        url = f"ws://127.0.0.1:{gateway.server.port}/v1/realtime?resume={events.token}&last_event_id={created}"
        async with connect(url, proxy=None) as ws:
            assert json.loads(await ws.recv())["type"] == "antiphon.session.resumed"
            await events.rest()
            assert events.reconnection_ms == 3_600_000
            await ws.send(json.dumps(texts()))
            while json.loads(await ws.recv())["type"] != "session.updated":
                pass


async def test_an_unknown_token_is_not_found(gateway: HttpGateway) -> None:
    refusals = [
        await gateway.http.get(gateway.url, params={"resume": "nobodys"}, headers=STREAM),
        await gateway.http.get(gateway.url, params=MODEL, headers={**STREAM, "Last-Event-ID": "nobodys/event_1"}),
        await gateway.http.get(gateway.url, params={"resume": "nobodys", "wait": "1"}, headers=JSON),
        await gateway.post("nobodys", RESPOND),
        await gateway.http.delete(gateway.url, params={"session": "nobodys"}),
    ]
    for response in refusals:
        assert (response.status_code, response.json()["error"]["code"]) == (404, "session_not_found")


async def test_a_session_that_is_ended_is_gone(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        await events.until("antiphon.session.resumable")
        assert (await gateway.http.delete(gateway.url, params={"session": events.token})).status_code == 204
        assert await events.rest() == []
        assert (await gateway.post(events.token, RESPOND)).status_code == 404
        again = await gateway.http.get(
            gateway.url, params=MODEL, headers={**STREAM, "Last-Event-ID": events.last_event_id}
        )
        assert again.status_code == 404
        assert (await gateway.http.delete(gateway.url, params={"session": events.token})).status_code == 404
    await settled()
    assert gateway.server.sessions == 0


async def test_a_session_that_ends_by_itself_says_why_and_is_gone(run: Callable[..., Any]) -> None:
    gateway = await run(script="[session]\nseconds = 1")
    async with gateway.listening() as events:
        assert (await events.until("error"))["error"]["code"] == "session_expired"
        assert await events.rest() == []
        again = await gateway.http.get(gateway.url, headers={**STREAM, "Last-Event-ID": events.last_event_id})
        assert again.status_code == 404


async def test_a_client_that_goes_away_is_noticed_at_once(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        await events.next()
        assert (len(gateway.sessions), gateway.server.sessions) == (1, 1)
    async with asyncio.timeout(5):
        await gateway.sessions.empty()
    assert gateway.server.sessions == 0
    assert gateway.server._calls.parked == 1


async def test_a_stopping_server_ends_streams_and_keeps_no_task(run: Callable[..., Any]) -> None:
    gateway = await run()
    before = asyncio.all_tasks()
    async with gateway.listening() as events:
        await events.until("antiphon.session.resumable")
        gateway.sessions.close(1001, "The server is shutting down.")
        assert await events.rest() == []
        async with asyncio.timeout(5):
            await gateway.sessions.empty()
    await settled()
    assert asyncio.all_tasks() <= before


# --- refusals -------------------------------------------------------------------------------------------------


async def refused(gateway: HttpGateway, query: dict[str, str], **headers: str) -> tuple[int, str | None]:
    response = await gateway.http.get(gateway.url, params=query, headers={**STREAM, **headers})
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()["error"]["code"]


async def test_keys_are_asked_for(run: Callable[..., Any]) -> None:
    gateway = await run(api_keys=("sk-right",))
    assert await refused(gateway, MODEL) == (401, None)
    assert await refused(gateway, MODEL, Authorization="Bearer sk-wrong") == (401, "invalid_api_key")
    assert await refused(gateway, {**MODEL, "token": "sk-wrong"}) == (401, "invalid_api_key")
    async with (
        gateway.listening({**MODEL, "token": "sk-right"}) as by_query,
        gateway.listening(headers={"Authorization": "Bearer sk-right"}) as by_header,
    ):
        assert by_query.token != by_header.token
    assert gateway.sessions is not None


async def test_wrong_requests_are_refused_by_name(gateway: HttpGateway) -> None:
    assert await refused(gateway, {}) == (400, "missing_model")
    assert await refused(gateway, {"model": "gpt-5"}) == (400, "invalid_model")
    assert await refused(gateway, {**MODEL, "wait": "soon"}) == (400, "invalid_value")
    assert await refused(gateway, {"call_id": "rtc_1"}) == (400, "invalid_parameter")
    assert await refused(gateway, MODEL, Origin="https://evil.example") == (403, "origin_not_allowed")
    assert await refused(gateway, MODEL, **{"Sec-Fetch-Site": "cross-site"}) == (403, "origin_not_allowed")
    assert (await gateway.http.head(gateway.url, params=MODEL)).status_code == 405
    assert gateway.server.sessions == 0


async def test_a_full_server_says_when_to_come_back(run: Callable[..., Any]) -> None:
    gateway = await run(max_sessions=1)
    async with gateway.listening():
        response = await gateway.http.get(gateway.url, params=MODEL, headers=STREAM)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "server_full")
        assert int(response.headers["retry-after"]) > 0
    gateway.server.refuse_new_sessions()
    response = await gateway.http.get(gateway.url, params=MODEL, headers=STREAM)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "server_shutting_down")


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"{", "application/json", "invalid_json"),
        (b'{"type":"response.create"}{', "application/json", "invalid_json"),
        (b'[{"type":"response.create"},', "application/json", "invalid_json"),
        (b'{"type":"response.create"}\n{', "application/x-ndjson", "invalid_json"),
        (b'{"type":"response.create","x":"\xff"}', "application/json", "invalid_json"),
        (b"[" * 100_000, "application/json", "invalid_json"),
        (b"", "application/json", "invalid_json"),
        (b"[]", "application/json", "invalid_json"),
        (b"[" + b"{}," * 1_000 + b"{}]", "application/json", "invalid_value"),
        (b"\n" * 100_000, "application/x-ndjson", "invalid_value"),
        (b"[" + b"0," * 300_000 + b"0]", "application/json", "invalid_value"),
    ],
)
async def test_of_a_broken_body_nothing_is_taken(gateway: HttpGateway, content: bytes, kind: str, code: str) -> None:
    async with gateway.listening() as events:
        headers = {"Content-Type": kind, "Antiphon-Session": events.token}
        response = await gateway.http.post(gateway.url, content=content, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (400, code)
        await gateway.post(events.token, texts())
        await events.until("session.updated")
        assert [event["type"] for event in events.events if "response" in event["type"]] == []


async def test_a_body_over_the_limit_is_refused(run: Callable[..., Any]) -> None:
    gateway = await run(HttpLimits(max_message=1_000))
    async with gateway.listening() as events:
        headers = {"Antiphon-Session": events.token}
        declared = await gateway.http.post(gateway.url, content=b" " * 1_001, headers=headers)

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield b" " * 100

        undeclared = await gateway.http.post(gateway.url, content=parts(), headers=headers)
        for response in (declared, undeclared):
            assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")
        assert (await gateway.post(events.token, texts())).status_code == 202


async def test_a_post_without_a_session_is_refused(gateway: HttpGateway) -> None:
    response = await gateway.http.post(gateway.url, json=RESPOND)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "session")
    response = await gateway.http.post(gateway.url, json=RESPOND, headers=STREAM, params=MODEL)
    assert response.status_code == 400


# --- the order of POSTs ---------------------------------------------------------------------------------------


async def test_posts_are_taken_in_the_order_of_their_numbers(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        async with asyncio.TaskGroup() as group:
            for number in (2, 1, 0, 3):
                message = {"type": f"unknown.{number}", "event_id": f"event_{number}"}
                group.create_task(gateway.post(events.token, message, seq=number))
                await asyncio.sleep(0.01)
        await events.until("error", 4)
        told = [event["error"]["event_id"] for event in events.events if event["type"] == "error"]
        assert told == ["event_0", "event_1", "event_2", "event_3"]


async def test_a_post_that_is_sent_again_is_taken_once(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        for _ in range(3):
            response = await gateway.post(events.token, {"type": "unknown", "event_id": "mine"}, seq=0)
            assert (response.status_code, response.json()) == (202, {"accepted": 1})
        await gateway.post(events.token, texts(), seq=1)
        await events.until("session.updated")
        assert len([event for event in events.events if event["type"] == "error"]) == 1


async def test_a_missing_post_is_named(run: Callable[..., Any]) -> None:
    gateway = await run(HttpLimits(turn_seconds=0.05))
    async with gateway.listening() as events:
        response = await gateway.post(events.token, texts(), seq=1)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "missing_post")
        assert "seq=0" in response.json()["error"]["message"]
        wrong = await gateway.post(events.token, texts(), seq="first")
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "seq")


# --- long polling ---------------------------------------------------------------------------------------------


async def test_a_whole_turn_by_polling(gateway: HttpGateway) -> None:
    opened = await gateway.poll()
    token, last, seen = opened["session"], opened["last_event_id"], opened["events"]
    await gateway.post(token, texts(), written("the story"), RESPOND)
    while not any(event["type"] == "response.done" for event in seen):
        answer = await gateway.poll(token, last)
        assert answer["session"] == token
        seen += answer["events"]
        last = answer["last_event_id"]
    ids = [event["event_id"] for event in seen]
    assert len(set(ids)) == len(ids)
    assert "".join(event["delta"] for event in seen if event["type"] == "response.output_text.delta") == STORY
    # It was one connection all the time.
    assert not any(event["type"] == "antiphon.session.resumed" for event in seen)


async def test_an_answer_that_was_lost_is_given_again(gateway: HttpGateway) -> None:
    opened = await gateway.poll()
    token = opened["session"]
    await gateway.post(token, texts())
    first = await gateway.poll(token, opened["last_event_id"])
    again = await gateway.poll(token, opened["last_event_id"])
    assert [event["type"] for event in first["events"]] == ["session.updated"]
    assert again == first


async def test_a_client_whose_secret_ran_out_polls_on(run: Callable[..., Any]) -> None:
    """The token is proof enough while its mailbox is there; to come back after a loss takes a key again."""
    gateway: HttpGateway = await run(api_keys=("sk-right",))
    assert (await gateway.http.get(gateway.url, params={**MODEL, "wait": "1"})).status_code == 401
    opened = await gateway.poll(api_key="sk-right")
    on = await gateway.poll(opened["session"], opened["last_event_id"], wait=1)
    assert on["events"] == []
    lost = {"resume": opened["session"], "last_event_id": "unknown", "wait": "1"}
    assert (await gateway.http.get(gateway.url, params=lost)).status_code == 401


async def test_a_poll_ends_without_events_when_there_are_none(gateway: HttpGateway) -> None:
    opened = await gateway.poll()
    empty = await gateway.poll(opened["session"], opened["last_event_id"], wait=1)
    assert empty == {"events": [], "session": opened["session"], "last_event_id": opened["last_event_id"]}


async def test_a_client_changes_from_a_stream_to_polling_and_back(gateway: HttpGateway) -> None:
    async with gateway.listening() as events:
        await gateway.post(events.token, texts(), written("the story"), RESPOND)
        await events.until("response.output_text.delta", 2)
        answer = await gateway.poll(events.token, events.last_event_id.split("/")[1])
        seen = [*events.events, *answer["events"]]
    last = f"{events.token}/{answer['last_event_id']}"
    async with gateway.listening(headers={"Last-Event-ID": last}) as events:
        await events.until("response.done")
        seen += events.events
    assert "".join(event["delta"] for event in seen if event["type"] == "response.output_text.delta") == STORY


async def test_of_two_polls_the_later_one_gets_the_events(gateway: HttpGateway) -> None:
    opened = await gateway.poll()
    token, last = opened["session"], opened["last_event_id"]
    earlier = asyncio.create_task(gateway.poll(token, last))
    await settled()
    later = asyncio.create_task(gateway.poll(token, last))
    assert (await earlier)["events"] == []
    await gateway.post(token, texts())
    assert [event["type"] for event in (await later)["events"]] == ["session.updated"]


async def test_a_client_that_polls_no_more_is_lost_and_may_come_back(run: Callable[..., Any]) -> None:
    gateway = await run(HttpLimits(poll_seconds=0.05))
    opened = await gateway.poll()
    async with asyncio.timeout(5):
        await gateway.sessions.empty()
    assert gateway.server._calls.parked == 1
    await gateway.post(opened["session"], texts())
    back = await gateway.poll(opened["session"], opened["last_event_id"])
    assert [event["type"] for event in back["events"]] == ["antiphon.session.resumed", "session.updated"]


async def test_the_last_events_of_a_session_can_still_be_asked_for(run: Callable[..., Any]) -> None:
    gateway = await run(script="[session]\nseconds = 0.3")
    opened = await gateway.poll()
    async with asyncio.timeout(5):
        await gateway.sessions.empty()
    answer = await gateway.poll(opened["session"], opened["last_event_id"])
    assert answer["events"][-1]["error"]["code"] == "session_expired"
    query = {"resume": opened["session"], "last_event_id": answer["last_event_id"], "wait": "1"}
    assert (await gateway.http.get(gateway.url, params=query, headers=JSON)).status_code == 404


async def test_a_poll_that_is_given_up_keeps_no_task(gateway: HttpGateway) -> None:
    opened = await gateway.poll()
    before = asyncio.all_tasks()
    poll = asyncio.create_task(gateway.poll(opened["session"], opened["last_event_id"]))
    await settled()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    await settled()
    assert asyncio.all_tasks() <= before


# --- slow and silent clients ----------------------------------------------------------------------------------


async def test_a_quiet_stream_shows_life(run: Callable[..., Any]) -> None:
    gateway = await run(HttpLimits(alive_seconds=0.02))
    async with gateway.listening() as events:
        await events.until("antiphon.session.resumable")
        asyncio.get_running_loop().call_later(0.2, lambda: gateway.sessions.close(1001, "over"))
        await events.rest()
        assert events.comments > 1


async def test_a_client_that_does_not_read_is_dropped_and_may_come_back(run: Callable[..., Any]) -> None:
    """What it did not read costs no more than it may, and its call waits for it."""
    script = '[[turn]]\nrepeat = 0\nwhen = "long"\nsay = "' + "word " * 400 + '"'
    gateway = await run(HttpLimits(max_unsent=300_000, close_seconds=0.1), script)
    async with raw_client(gateway.server.port) as raw:
        raw.send(b"GET /v1/realtime/events?model=gpt-realtime HTTP/1.1\r\nHost: h\r\n\r\n")
        head = (await raw.head()).decode()
        token = head[head.lower().index("antiphon-session: ") + 18 :].split("\r\n")[0]
        raw.stop_reading()
        await gateway.post(token, texts())
        async with asyncio.timeout(15):
            while gateway.server.sessions:
                await gateway.post(token, written("a long one"), RESPOND)
                await asyncio.sleep(0.01)
            await gateway.sessions.empty()
    assert gateway.server._calls.parked == 1
    async with gateway.listening({"resume": token}) as events:
        assert (await events.next() or {})["type"] == "antiphon.session.resumed"


async def test_a_session_that_takes_nothing_says_when_to_try_again(run: Callable[..., Any]) -> None:
    gateway = await run(HttpLimits(turn_seconds=0.05))
    async with gateway.listening() as events:
        client = gateway.sessions.call(events.token).client
        client.pause_reading()
        response = await gateway.post(events.token, texts(), seq=0)
        assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many_requests")
        assert int(response.headers["retry-after"]) > 0
        client.resume_reading()
        assert (await gateway.post(events.token, texts(), seq=0)).status_code == 202
        await events.until("session.updated")


async def test_the_kernel_is_told_when_a_connection_is_dead(gateway: HttpGateway) -> None:
    """A network that is gone says nothing, and a stream hears nothing from its client."""
    async with gateway.listening() as events:
        client = gateway.sessions.call(events.token).client
        assert isinstance(client, Stream)
        assert client._connection is not None
        raw = client._connection.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000


# --- relayed sessions -----------------------------------------------------------------------------------------


def relay_to(upstream: Emulator) -> Backend:
    config = UpstreamConfig(name="upstream", base_url=upstream.base_url, proxy="")
    options = RelayOptions(backoff_seconds=0.01, give_up_seconds=1.0)
    return Backend(RelayEngine([UpstreamRoute(config)], options), upstream_decides=True, accepts_model=bool)


async def test_a_relayed_answer_outlives_a_broken_stream(run: Callable[..., Any]) -> None:
    async with emulator(turn=[{"say": STORY, "pace": {"words_per_second": 40}}]) as upstream:
        gateway = await run(script=relay_to(upstream))
        async with gateway.listening() as events:
            await gateway.post(events.token, texts(), written("the story"), RESPOND)
            await events.until("response.output_text.delta", 3)
            seen, last = events.events, events.last_event_id
        async with gateway.listening(headers={"Last-Event-ID": last}) as events:
            await events.until("response.done")
            seen += events.events
        assert "".join(event["delta"] for event in seen if event["type"] == "response.output_text.delta") == STORY
        assert len(upstream.connections) == 1


async def test_what_the_upstream_refuses_is_an_http_error(run: Callable[..., Any]) -> None:
    async with emulator() as upstream:
        gateway = await run(script=relay_to(upstream))
        assert await refused(gateway, {"model": "gpt-unheard-of"}) == (400, "invalid_model")
        assert gateway.server.sessions == 0
