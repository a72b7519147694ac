"""The adapter for OpenAI-compatible servers, over real sockets."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import MissingExtraError, StageError
from antiphon.session.context import ContextMessage, Knowledge, ModelContext, Tool
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta, ToolCallDelta, ToolCallStarted
from antiphon.stages.llm.openai import ChatSettings, OpenAIChat
from tests.stages.fake_server import (
    Connection,
    FakeServer,
    drops,
    refuses,
    stalls,
    streams,
    streams_bytes,
    streams_then,
)
from tests.stages.llm.fake_chat_server import USAGE, answers, delta

KEY = "sk-very-secret-0123456789"
CONTEXT = ModelContext("Be brief.", (ContextMessage("user", "Hello"),))


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


@pytest.fixture
async def chat(server: FakeServer) -> AsyncIterator[OpenAIChat]:
    model = OpenAIChat(settings(server))
    await model.start()
    yield model
    await model.close()


def settings(server: FakeServer, **changes: Any) -> ChatSettings:
    return replace(ChatSettings(server.base_url, "small", KEY), **changes)


async def ask(chat: OpenAIChat, context: ModelContext = CONTEXT) -> list[GenerationEvent]:
    return [event async for event in chat.generate(context)]


async def failure(chat: OpenAIChat, context: ModelContext = CONTEXT) -> StageError:
    with pytest.raises(StageError) as caught:
        await ask(chat, context)
    assert KEY not in str(caught.value)
    return caught.value


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def started(given: ChatSettings) -> OpenAIChat:
    chat = OpenAIChat(given)
    await chat.start()
    return chat


# --- answers ------------------------------------------------------------------------------------------------


async def test_an_answer_streams_with_its_usage(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(answers("Hel", "lo."))
    events = await ask(chat)
    assert events == [TextDelta("Hel"), TextDelta("lo."), GenerationFinished("stop", 11, 3, 8)]


async def test_the_request_carries_key_model_and_streaming(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(answers("Hi."))
    await ask(chat, replace(CONTEXT, max_output_tokens=50))
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "small"
    assert request.body["stream"] is True
    assert request.body["stream_options"] == {"include_usage": True}
    assert request.body["max_tokens"] == 50


async def test_extra_headers_and_body_fields_are_sent(server: FakeServer) -> None:
    chat = await started(settings(server, headers={"x-team": "voice"}, body={"temperature": 0.2}, api_key=None))
    server.then(answers("Hi."))
    await ask(chat)
    await chat.close()
    assert server.requests[0].headers["x-team"] == "voice"
    assert "authorization" not in server.requests[0].headers
    assert server.requests[0].body["temperature"] == 0.2


async def test_the_first_text_arrives_while_the_server_still_thinks(chat: OpenAIChat, server: FakeServer) -> None:
    go_on = asyncio.Event()

    async def rest(connection: Connection) -> None:
        await go_on.wait()
        await connection.event(delta("stop", content=" two"))
        await connection.end()

    server.then(streams_then([delta(content="one")], rest))
    events = chat.generate(CONTEXT)
    assert await anext(events) == TextDelta("one")
    go_on.set()
    assert [event async for event in events] == [TextDelta(" two"), GenerationFinished("stop")]


async def test_connections_are_kept_for_the_next_turn(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(answers("One."), answers("Two."))
    await ask(chat)
    await ask(chat)
    assert server.requests[0].writer is server.requests[1].writer


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n", b"\r"])
async def test_bytes_may_be_cut_anywhere(chat: OpenAIChat, server: FakeServer, piece: int, end_of_line: bytes) -> None:
    """Also inside a UTF-8 character and between CR and LF; comments and other fields are skipped."""
    lines = [": processing", "event: message", f"data: {json.dumps(delta(content='Zoë 🙂'), ensure_ascii=False)}", ""]
    lines += [f"data:{json.dumps(delta('stop'))}", "", "data: [DONE]", "", ""]
    server.then(streams_bytes("\n".join(lines).encode().replace(b"\n", end_of_line), piece))
    assert text_of(await ask(chat)) == "Zoë 🙂"


async def test_a_stream_without_done_or_last_blank_line_is_complete(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(streams_bytes(f"data: {json.dumps(delta('stop', content='Yes.'))}".encode()))
    assert await ask(chat) == [TextDelta("Yes."), GenerationFinished("stop")]


async def test_a_server_that_does_not_stream_is_understood(chat: OpenAIChat, server: FakeServer) -> None:
    message = {"role": "assistant", "content": "All at once."}
    whole = {"choices": [{"message": message, "finish_reason": "length"}], "usage": USAGE["usage"]}
    server.then(refuses("200 OK", whole))
    assert await ask(chat) == [TextDelta("All at once."), GenerationFinished("length", 11, 3, 8)]


@pytest.mark.parametrize(
    ("wire", "reason"), [("length", "length"), ("content_filter", "content_filter"), ("tool_calls", "stop")]
)
async def test_finish_reasons(chat: OpenAIChat, server: FakeServer, wire: str, reason: str) -> None:
    server.then(answers("x", finish=wire, usage=False))
    assert (await ask(chat))[-1] == GenerationFinished(reason)


async def test_a_finished_answer_does_not_wait_long_for_usage(server: FakeServer) -> None:
    chat = await started(settings(server, usage_timeout=0.01))
    server.then(streams_then([delta("stop", content="Done.")], stalls))
    assert await ask(chat) == [TextDelta("Done."), GenerationFinished("stop")]
    await chat.close()


async def test_a_server_that_refuses_stream_options_is_asked_without(chat: OpenAIChat, server: FakeServer) -> None:
    objection = refuses("400 Bad Request", {"error": {"message": "Unknown field: stream_options"}})
    server.then(objection, answers("One.", usage=False), answers("Two.", usage=False))
    assert text_of(await ask(chat)) == "One."
    assert text_of(await ask(chat)) == "Two."
    assert ["stream_options" in request.body for request in server.requests] == [True, False, False]


# --- tool calls ---------------------------------------------------------------------------------------------


def call(
    index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = ""
) -> dict[str, Any]:
    raw = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in raw.items() if value is not None}


STARTED = [ToolCallStarted(0, "book", "call_a"), ToolCallStarted(1, "show", "call_b")]


async def calls_of(
    chat: OpenAIChat, server: FakeServer, *deltas: dict[str, Any]
) -> tuple[list[ToolCallStarted], list[str]]:
    server.then(streams([*(delta(tool_calls=[raw]) for raw in deltas), delta("tool_calls"), "[DONE]"]))
    events = await ask(chat)
    begun = [event for event in events if isinstance(event, ToolCallStarted)]
    pieces = [event for event in events if isinstance(event, ToolCallDelta)]
    return begun, ["".join(piece.arguments for piece in pieces if piece.index == event.index) for event in begun]


async def test_parallel_calls_stream_by_index(chat: OpenAIChat, server: FakeServer) -> None:
    begun, arguments = await calls_of(
        chat,
        server,
        call(0, "call_a", "book"),
        call(0, arguments='{"x":'),
        call(1, "call_b", "show"),
        call(0, arguments="1}"),
        call(1, arguments="{}"),
    )
    assert begun == STARTED
    assert arguments == ['{"x":1}', "{}"]


async def test_calls_without_an_index_are_told_apart_by_id(chat: OpenAIChat, server: FakeServer) -> None:
    begun, arguments = await calls_of(
        chat,
        server,
        call(None, "call_a", "book", '{"x":'),
        call(None, arguments="1}"),
        call(None, "call_b", "show", "{}"),
    )
    assert begun == STARTED
    assert arguments == ['{"x":1}', "{}"]


async def test_whole_calls_that_all_say_index_zero_are_told_apart(chat: OpenAIChat, server: FakeServer) -> None:
    begun, arguments = await calls_of(
        chat, server, call(0, "call_a", "book", '{"x":1}'), call(0, "call_b", "show", "{}")
    )
    assert begun == STARTED
    assert arguments == ['{"x":1}', "{}"]


async def test_id_and_name_in_every_delta_are_one_call(chat: OpenAIChat, server: FakeServer) -> None:
    begun, arguments = await calls_of(chat, server, call(0, "call_a", "book", '{"x":'), call(0, "call_a", "book", "1}"))
    assert begun == STARTED[:1]
    assert arguments == ['{"x":1}']


async def test_arguments_sent_as_an_object_become_json(chat: OpenAIChat, server: FakeServer) -> None:
    _, arguments = await calls_of(chat, server, call(0, "call_a", "book", {"day": "friday"}))
    assert arguments == ['{"day": "friday"}']


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "hint"),
    [
        (
            ("401 Unauthorized", {"error": {"message": (f"Incorrect API key: {KEY}")}}),
            "unauthorized",
            "check the api key",
        ),
        (("403 Forbidden", b"<html>no</html>"), "unauthorized", "403"),
        (("404 Not Found", {"error": "model 'small' not found"}), "not_found", "'small'"),
        (("429 Too Many Requests", {"error": {"message": "slow down"}}), "rate_limited", "try again in 7 seconds"),
        (("500 Internal Server Error", b"boom"), "server_error", "boom"),
        (("503 Service Unavailable", {"detail": "loading model"}), "server_error", "loading model"),
        (("400 Bad Request", {"error": {"message": "tools not supported"}}), "bad_request", "tools not supported"),
        (("307 Temporary Redirect", b""), "redirected", "base_url"),
    ],
)
async def test_a_bad_status_says_what_to_do(
    chat: OpenAIChat, server: FakeServer, answer: tuple[str, object], code: str, hint: str
) -> None:
    status, body = answer
    server.then(refuses(status, body, extra="retry-after: 7\r\n"))
    error = await failure(chat)
    assert error.code == code
    assert hint in error.message
    assert f"127.0.0.1:{server.port}" in error.message


async def test_a_masked_key_in_an_error_is_hidden(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(refuses("401 Unauthorized", {"error": {"message": "Incorrect API key: sk-very*******6789."}}))
    assert "sk-" not in (await failure(chat)).message


async def test_a_refused_connection_names_the_server() -> None:
    async with FakeServer() as server:
        given = settings(server)
    chat = await started(given)
    error = await failure(chat)
    await chat.close()
    assert error.code == "connection_failed"
    assert f"127.0.0.1:{server.port}" in error.message


async def test_an_unknown_host_is_told_from_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    chat = await started(ChatSettings("http://nowhere.invalid/v1", "small"))
    assert (await failure(chat)).code == "dns_failed"
    await chat.close()


async def test_tls_to_a_plain_server_says_so(server: FakeServer) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    chat = await started(ChatSettings(f"https://127.0.0.1:{port}/v1", "small"))
    assert (await failure(chat)).code == "tls_failed"
    await chat.close()
    listener.close()


async def test_a_dropped_connection_is_tried_once_more(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(drops, answers("Here again."))
    assert text_of(await ask(chat)) == "Here again."
    assert len(server.requests) == 2


async def test_a_second_drop_ends_it(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(drops, drops)
    assert (await failure(chat)).code == "connection_failed"
    assert len(server.requests) == 2


async def test_an_answer_that_began_is_never_asked_for_again(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(streams_then([delta(content="Half an")], drops))
    events = chat.generate(CONTEXT)
    assert await anext(events) == TextDelta("Half an")
    with pytest.raises(StageError) as caught:
        await anext(events)
    assert caught.value.code == "stream_cut"
    assert len(server.requests) == 1


async def test_a_stream_that_ends_too_early_is_cut(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(streams([delta(content="Half an")]))
    assert (await failure(chat)).code == "stream_cut"


@pytest.mark.parametrize(
    "data",
    [b"data: {nonsense\n\n", b"data: [1]\n\n", b"data: {}\n\n", b'data: {"choices":[1]}\n\n', b"data: \xff\xfe\n\n"],
)
async def test_nonsense_in_the_stream_is_malformed(chat: OpenAIChat, server: FakeServer, data: bytes) -> None:
    server.then(streams_bytes(data))
    assert (await failure(chat)).code == "malformed_stream"


async def test_an_error_inside_the_stream_is_told(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(streams([delta(content="Well"), {"error": {"message": "out of memory"}}]))
    error = await failure(chat)
    assert error.code == "server_error"
    assert "out of memory" in error.message


@pytest.mark.parametrize("begin", [False, True])
async def test_a_server_that_never_begins_times_out(server: FakeServer, begin: bool) -> None:
    """Whether it holds back the whole response or only its first token; comments do not count."""
    chat = await started(settings(server, first_timeout=0.05))

    async def comments(connection: Connection) -> None:
        await connection.start()
        await connection.send(b": still thinking\n\n")
        await stalls(connection)

    server.then(comments if begin else stalls)
    assert (await failure(chat)).code == "answer_timeout"
    await chat.close()


async def test_a_stream_that_stalls_times_out(server: FakeServer) -> None:
    chat = await started(settings(server, next_timeout=0.05))
    server.then(streams_then([delta(content="Once upon")], stalls))
    assert (await failure(chat)).code == "stream_stalled"
    await chat.close()


async def test_closing_the_answer_closes_the_connection(chat: OpenAIChat, server: FakeServer) -> None:
    gone = asyncio.Event()

    async def notice(connection: Connection) -> None:
        await connection.closed_by_client()
        gone.set()

    server.then(streams_then([delta(content="A long")], notice))
    events = chat.generate(CONTEXT)
    await anext(events)
    await events.aclose()
    await asyncio.wait_for(gone.wait(), 5)


async def test_cancelling_the_task_closes_the_connection(chat: OpenAIChat, server: FakeServer) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def notice(connection: Connection) -> None:
        asked.set()
        await connection.closed_by_client()
        gone.set()

    server.then(notice)
    task = asyncio.create_task(ask(chat))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(gone.wait(), 5)


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (ChatSettings("localhost:8000/v1", "m"), "base_url"),
        (ChatSettings("ftp://host/v1", "m"), "base_url"),
        (ChatSettings("http://host:99999/v1", "m"), "base_url"),
        (ChatSettings("http://host/v1", " "), "model"),
        (ChatSettings("http://host/v1", "m", "sk-two words"), "api_key"),
        (ChatSettings("http://host/v1", "m", "sk-line\n"), "api_key"),
    ],
)
async def test_settings_that_cannot_work_are_refused_at_start(given: ChatSettings, hint: str) -> None:
    with pytest.raises(StageError, match=hint) as caught:
        await OpenAIChat(given).start()
    assert caught.value.code == "bad_settings"
    assert "sk-" not in str(caught.value)


async def test_a_server_that_is_down_does_not_prevent_the_start() -> None:
    chat = await started(ChatSettings("http://127.0.0.1:9/v1", "m"))
    await chat.close()
    await chat.close()


async def test_without_the_http_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match=r"antiphon\[openai\]"):
        await OpenAIChat(ChatSettings("http://127.0.0.1:9/v1", "m")).start()


def test_settings_never_show_the_key() -> None:
    assert KEY not in repr(ChatSettings("http://host/v1", "m", KEY, {"x-key": KEY}))


async def test_tools_and_facts_reach_the_server(chat: OpenAIChat, server: FakeServer) -> None:
    server.then(answers("Four."))
    await ask(chat, replace(CONTEXT, knowledge=Knowledge({"bedrooms": 4}), tools=(Tool("show"),)))
    body = server.requests[0].body
    assert "bedrooms = 4" in body["messages"][0]["content"]
    assert body["tools"][0]["function"]["name"] == "show"
    assert body["tool_choice"] == "auto"
