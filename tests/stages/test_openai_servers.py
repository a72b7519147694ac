"""What all adapters for OpenAI-compatible servers do when the server fails, over real sockets."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from antiphon.errors import MissingExtraError, StageError
from antiphon.session.context import ModelContext, TranscriptionHint
from antiphon.stages.llm.openai import ChatSettings, OpenAIChat
from antiphon.stages.stt.openai import OpenAITranscription, TranscriptionSettings
from antiphon.stages.tts.openai import OpenAISpeech, SpeechSettings
from tests.stages.fake_server import Connection, FakeServer, drops, refuses, stalls, streams_bytes
from tests.stages.llm.fake_chat_server import answers

KEY = "sk-very-secret-0123456789"
SECOND = bytes(32_000)

Stage = OpenAIChat | OpenAITranscription | OpenAISpeech
Make = Callable[..., Stage]


def make(kind: str, base_url: str, **changes: Any) -> Stage:
    changes = {"api_key": KEY, "model": "small", **changes}
    match kind:
        case "llm":
            return OpenAIChat(ChatSettings(base_url, **changes))
        case "stt":
            return OpenAITranscription(TranscriptionSettings(base_url, **changes))
        case _:
            return OpenAISpeech(SpeechSettings(base_url, **changes))


async def use(stage: Stage) -> object:
    """Ask for one answer, whole."""
    match stage:
        case OpenAIChat():
            return [event async for event in stage.generate(ModelContext("Be brief.", ()))]
        case OpenAITranscription():
            stream = stage.open(TranscriptionHint())
            stream.feed(SECOND)
            return await stream.finish()
        case _:
            return [speech async for speech in stage.speak("Hello.", "alloy")]


GOOD: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "llm": answers("Hi."),
    "stt": refuses("200 OK", {"text": "hi"}),
    "tts": streams_bytes(bytes(4800), content_type="audio/pcm"),
}

pytestmark = pytest.mark.parametrize("kind", ["llm", "stt", "tts"])


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


@pytest.fixture
async def stage(server: FakeServer, kind: str) -> AsyncIterator[Stage]:
    made = make(kind, server.base_url)
    await made.start()
    yield made
    await made.close()


async def failure(stage: Stage) -> StageError:
    with pytest.raises(StageError) as caught:
        await use(stage)
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("400 Bad Request", {"error": {"message": "not like this"}}, ("bad_request", "not like this")),
        (
            "401 Unauthorized",
            {"error": {"message": f"Wrong key: {KEY}"}},
            ("unauthorized", "check the api key"),
        ),
        ("403 Forbidden", b"<html>no</html>", ("unauthorized", "403")),
        ("404 Not Found", {"error": "model 'small' not found"}, ("not_found", "'small'")),
        ("408 Request Timeout", b"", ("server_error", "408")),
        ("413 Payload Too Large", {"error": {"message": "26214400 bytes"}}, ("bad_request", "26214400")),
        ("422 Unprocessable Entity", {"detail": [{"msg": "odd"}]}, ("bad_request", "odd")),
        ("429 Too Many Requests", {"error": {"message": "slow down"}}, ("rate_limited", "try again in 7 seconds")),
        ("500 Internal Server Error", b"boom", ("server_error", "boom")),
        ("503 Service Unavailable", {"detail": "loading model"}, ("server_error", "loading model")),
        ("307 Temporary Redirect", b"", ("redirected", "base_url")),
    ],
)
async def test_a_bad_status_says_what_to_do(
    stage: Stage, server: FakeServer, status: str, body: object, expected: tuple[str, str]
) -> None:
    code, hint = expected
    server.then(refuses(status, body, extra="retry-after: 7\r\n"))
    error = await failure(stage)
    assert error.code == code
    assert hint in error.message
    assert f"127.0.0.1:{server.port}" in error.message
    assert len(server.requests) == 1


async def test_the_key_goes_with_the_request(stage: Stage, server: FakeServer, kind: str) -> None:
    server.then(GOOD[kind])
    await use(stage)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].body["model"] == "small"


async def test_connections_are_kept_for_the_next_turn(stage: Stage, server: FakeServer, kind: str) -> None:
    server.then(GOOD[kind], GOOD[kind])
    await use(stage)
    await use(stage)
    assert server.requests[0].writer is server.requests[1].writer


async def test_a_server_that_is_down_is_named(kind: str) -> None:
    async with FakeServer() as server:
        base_url = server.base_url
    stage = make(kind, base_url)
    await stage.start()
    error = await failure(stage)
    await stage.close()
    await stage.close()
    assert error.code == "connection_failed"
    assert f"127.0.0.1:{server.port}" in error.message


async def test_a_dropped_connection_is_tried_once_more(stage: Stage, server: FakeServer, kind: str) -> None:
    server.then(drops, GOOD[kind])
    assert await use(stage)
    assert len(server.requests) == 2


async def test_a_second_drop_ends_it(stage: Stage, server: FakeServer) -> None:
    server.then(drops, drops)
    assert (await failure(stage)).code == "connection_failed"
    assert len(server.requests) == 2


@pytest.mark.parametrize("begins", [False, True])
async def test_a_server_that_never_answers_times_out(server: FakeServer, kind: str, begins: bool) -> None:
    """Whether it holds back the head of the response or only its body."""
    stage = make(kind, server.base_url, first_timeout=0.05)
    await stage.start()

    async def head(connection: Connection) -> None:
        await connection.start(content_type="application/octet-stream")
        await stalls(connection)

    server.then(head if begins else stalls)
    assert (await failure(stage)).code == "answer_timeout"
    await stage.close()


async def test_cancelling_the_work_closes_the_connection(stage: Stage, server: FakeServer) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def notice(connection: Connection) -> None:
        asked.set()
        await connection.closed_by_client()
        gone.set()

    server.then(notice)
    work = asyncio.create_task(use(stage))
    await asked.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await asyncio.wait_for(gone.wait(), 5)


async def test_it_must_be_started_first(kind: str) -> None:
    error = await failure(make(kind, "http://127.0.0.1:9/v1"))
    assert (error.stage, error.code) == (f"{kind} openai", "not_started")


async def test_without_the_http_package_it_says_what_to_install(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match=r"antiphon\[openai\]"):
        await make(kind, "http://127.0.0.1:9/v1").start()


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"base_url": "localhost:8000/v1"}, "base_url"), ({"model": " "}, "model"), ({"api_key": "sk-a b"}, "api_key")],
)
async def test_settings_that_cannot_work_are_refused_at_start(kind: str, changes: dict[str, str], hint: str) -> None:
    with pytest.raises(StageError, match=hint) as caught:
        await make(kind, **{"base_url": "http://127.0.0.1:9/v1", **changes}).start()
    assert caught.value.code == "bad_settings"
    assert "sk-" not in str(caught.value)
