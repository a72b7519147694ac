"""The adapter for transcription servers, over real sockets."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from tests.stages.fake_server import (
    Connection,
    FakeServer,
    Handler,
    drops,
    refuses,
    stalls,
    streams,
    streams_bytes,
    streams_then,
)

from antiphon.audio.pcm import read_wav
from antiphon.errors import StageError
from antiphon.session.context import FactValue, Knowledge, TranscriptionHint
from antiphon.stages.base import Transcript
from antiphon.stages.stt.openai import RATE, BufferedTranscription, OpenAITranscription, TranscriptionSettings
from antiphon.stages.stt.recognition_prompt import recognition_prompt

HINT = TranscriptionHint()
SPEECH = bytes(range(200)) * 160  # one second


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


@pytest.fixture
async def stt(server: FakeServer) -> AsyncIterator[OpenAITranscription]:
    stage = OpenAITranscription(TranscriptionSettings(server.base_url, "whisper"))
    await stage.start()
    yield stage
    await stage.close()


def hear(stt: OpenAITranscription, hint: TranscriptionHint = HINT) -> BufferedTranscription:
    """Return an utterance with a second of audio in it."""
    stream = stt.open(hint)
    stream.feed(SPEECH)
    return stream


async def text_of(stt: OpenAITranscription, hint: TranscriptionHint = HINT) -> str:
    return (await hear(stt, hint).finish()).text


async def failure(stt: OpenAITranscription) -> StageError:
    with pytest.raises(StageError) as caught:
        await text_of(stt)
    return caught.value


def delta(text: str) -> dict[str, str]:
    return {"type": "transcript.text.delta", "delta": text}


def done(text: str) -> dict[str, str]:
    return {"type": "transcript.text.done", "text": text}


def says(text: str) -> Handler:
    return refuses("200 OK", {"text": text})


# --- request ------------------------------------------------------------------------------------------------


async def test_the_audio_goes_as_a_wav_file(stt: OpenAITranscription, server: FakeServer) -> None:
    server.then(says(" How many bedrooms? "))
    stream = stt.open(TranscriptionHint(language="en"))
    for at in range(0, len(SPEECH), 999):
        stream.feed(SPEECH[at : at + 999])
    assert await stream.finish() == Transcript("How many bedrooms?", 1.0, "en")
    request = server.requests[0]
    assert request.path == "/v1/audio/transcriptions"
    wav = read_wav(BytesIO(request.body["file"]))
    assert (wav.rate, wav.pcm) == (RATE, SPEECH)
    rest = {name: value for name, value in request.body.items() if name != "file"}
    assert rest == {"model": "whisper", "response_format": "json", "language": "en", "stream": "true"}


async def test_the_prompt_holds_the_agents_words_and_the_sessions(stt: OpenAITranscription, server: FakeServer) -> None:
    server.then(says("hi"))
    await text_of(stt, TranscriptionHint(prompt="A call.", knowledge=Knowledge({"street": "Maple Street"})))
    assert server.requests[0].body["prompt"] == "Maple Street, street. A call."


async def test_audio_too_short_for_speech_is_not_sent(stt: OpenAITranscription, server: FakeServer) -> None:
    stream = stt.open(HINT)
    stream.feed(bytes(RATE // 10))  # 50 ms
    assert await stream.finish() == Transcript("", 0.05)
    assert server.requests == []


async def test_an_utterance_beyond_the_bound_is_refused_and_not_kept(server: FakeServer) -> None:
    stt = OpenAITranscription(TranscriptionSettings(server.base_url, "whisper", longest_seconds=1.5))
    stream = hear(stt)
    stream.feed(SPEECH)
    assert not stream._pcm
    with pytest.raises(StageError, match=r"over 1\.5 seconds") as caught:
        await stream.finish()
    assert caught.value.code == "audio_too_long"


# --- answers ------------------------------------------------------------------------------------------------


async def test_a_streamed_transcript_gives_partials(stt: OpenAITranscription, server: FakeServer) -> None:
    heard: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]

    async def grow(connection: Connection) -> None:
        await connection.start()
        for word, event in zip(("How", " many"), heard, strict=True):
            await connection.event(delta(word))
            await event.wait()
        await connection.event(done("How many?"))
        await connection.end()

    async def follow(stream: BufferedTranscription) -> list[str]:
        told = []
        async for text in stream.partials():
            told.append(text)
            heard[len(told) - 1].set()
        return told

    server.then(grow)
    stream = hear(stt)
    partials = asyncio.create_task(follow(stream))
    assert (await stream.finish()).text == "How many?"
    assert await partials == ["How", "How many"]


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "events",
    [
        [delta("Zoë "), delta("🙂"), done("Zoë 🙂")],
        [
            delta("Zoë "),
            {"type": "transcript.text.segment", "text": "?"},
            delta("🙂"),
            {"type": "transcript.text.done"},
        ],
        [delta("Zoë "), delta("🙂"), "[DONE]"],
        [{"choices": [{"delta": {"content": text}}]} for text in ("Zoë ", "🙂")]
        + [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": {}}, "[DONE]"],
        [{"text": " Zoë"}, {"text": "🙂 "}],
    ],
    ids=["openai", "openai without text", "only deltas", "chunks like a chat's", "segments"],
)
async def test_every_shape_of_stream_is_understood(
    stt: OpenAITranscription, server: FakeServer, events: list[Any], piece: int
) -> None:
    lines = (event if isinstance(event, str) else json.dumps(event, ensure_ascii=False) for event in events)
    server.then(streams_bytes("".join(f"data: {line}\n\n" for line in lines).encode(), piece))
    assert await text_of(stt) == "Zoë 🙂"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"text": " Yes. ", "usage": {"type": "duration"}}', "application/json"),
        (b'{"text": "Yes."}', "text/plain"),
        (b"Yes.\n", "text/plain; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
async def test_servers_that_do_not_stream_are_understood(
    stt: OpenAITranscription, server: FakeServer, body: bytes, content_type: str, piece: int
) -> None:
    server.then(streams_bytes(body, piece, content_type))
    assert await text_of(stt) == "Yes."


async def test_a_server_that_refuses_to_stream_is_asked_without(stt: OpenAITranscription, server: FakeServer) -> None:
    server.then(refuses("400 Bad Request", {"error": {"message": "Unknown field: stream"}}), says("One."), says("Two."))
    assert await text_of(stt) == "One."
    assert await text_of(stt) == "Two."
    assert ["stream" in request.body for request in server.requests] == [True, False, False]


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{nonsense", "application/json"),
        (b"[]", "application/json"),
        (b'{"words": []}', "application/json"),
        (b"<html>Welcome</html>", "text/html"),
        (b"data: {nonsense\n\n", "text/event-stream"),
        (b'data: {"words":1}\n\n', "text/event-stream"),
        (b"data: \xff\xfe\n\n", "text/event-stream"),
    ],
)
async def test_nonsense_is_malformed(
    stt: OpenAITranscription, server: FakeServer, body: bytes, content_type: str
) -> None:
    server.then(streams_bytes(body, content_type=content_type))
    error = await failure(stt)
    assert error.code == "malformed_stream"
    assert "transcription server" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        streams([delta("Well"), {"error": {"message": "out of memory"}}]),
        refuses("200 OK", {"error": {"message": "out of memory"}}),
    ],
)
async def test_an_error_inside_an_answer_is_told(stt: OpenAITranscription, server: FakeServer, answer: Handler) -> None:
    server.then(answer)
    error = await failure(stt)
    assert error.code == "server_error"
    assert "out of memory" in error.message


@pytest.mark.parametrize("answer", [streams([delta("Half an")]), streams_then([delta("Half an")], drops)])
async def test_a_transcript_that_ends_too_early_is_cut(
    stt: OpenAITranscription, server: FakeServer, answer: Handler
) -> None:
    server.then(answer)
    assert (await failure(stt)).code == "stream_cut"
    assert len(server.requests) == 1


async def test_a_stream_that_stalls_times_out(server: FakeServer) -> None:
    stt = OpenAITranscription(TranscriptionSettings(server.base_url, "whisper", next_timeout=0.05))
    await stt.start()
    server.then(streams_then([delta("Once upon")], stalls))
    assert (await failure(stt)).code == "stream_stalled"
    await stt.close()


async def test_cancel_ends_a_running_request_and_its_connection(stt: OpenAITranscription, server: FakeServer) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def notice(connection: Connection) -> None:
        asked.set()
        await connection.closed_by_client()
        gone.set()

    server.then(notice)
    stream = hear(stt)
    finish = asyncio.create_task(stream.finish())
    await asked.wait()
    stream.cancel()
    assert (await finish).text == ""
    await asyncio.wait_for(gone.wait(), 5)


async def test_a_cancelled_utterance_is_never_sent(stt: OpenAITranscription, server: FakeServer) -> None:
    stream = hear(stt)
    partials = asyncio.create_task(anext(stream.partials(), "ended"))
    stream.cancel()
    stream.feed(SPEECH)
    assert (await stream.finish()).text == ""
    stream.cancel()
    assert await partials == "ended"
    assert server.requests == []


# --- prompts ------------------------------------------------------------------------------------------------


def test_a_prompt_names_what_a_recogniser_cannot_guess() -> None:
    facts: dict[str, FactValue] = {
        "address": {"street": "Maple Street", "number": 17},
        "kitchen": "Modern and fitted. It has a Rayburn cooker, and looks to the south.",
        "agents": ["Quill and Co"],
        "year_built": 1931,
    }
    prompt = prompt_of(Knowledge(facts, ("what is the year built", "is there a garage")))
    words = re.split(", ", prompt.rstrip("."))
    assert words[:3] == ["Maple Street", "Quill and Co", "Rayburn"]
    assert {"street", "number", "kitchen", "year built", "is there a garage"} < set(words)


def test_a_prompt_stays_short_and_says_nothing_twice() -> None:
    facts = {f"room_{index}": f"Chamber {index % 40} of the {'long ' * 3}wing" for index in range(400)}
    prompt = prompt_of(Knowledge(facts))
    assert len(prompt) <= 600
    assert prompt.count("Chamber 7 ") == 1


def test_without_anything_to_expect_there_is_no_prompt() -> None:
    assert prompt_of(Knowledge()) == ""


def prompt_of(knowledge: Knowledge) -> str:
    return recognition_prompt(TranscriptionHint(knowledge=knowledge))
