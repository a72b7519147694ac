"""The adapter for speech servers, over real sockets."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from tests.stages.fake_server import Connection, FakeServer, Handler, refuses, stalls, streams_bytes

from antiphon.audio.pcm import Wav, write_wav
from antiphon.errors import StageError
from antiphon.stages.base import Speech
from antiphon.stages.tts.openai import OpenAISpeech, SpeechSettings

TONE = np.rint(8000 * np.sin(np.arange(3600) * 2 * np.pi * 440 / 24000)).astype("<i2").tobytes()  # 150 ms


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


async def started(server: FakeServer, **changes: Any) -> OpenAISpeech:
    stage = OpenAISpeech(SpeechSettings(server.base_url, "voices", **changes))
    await stage.start()
    return stage


@pytest.fixture
async def tts(server: FakeServer) -> AsyncIterator[OpenAISpeech]:
    stage = await started(server)
    yield stage
    await stage.close()


async def speak(tts: OpenAISpeech, text: str = "Hello.", speed: float = 1.0) -> list[Speech]:
    return [speech async for speech in tts.speak(text, "coral", speed)]


async def pcm_of(tts: OpenAISpeech) -> bytes:
    return b"".join(speech.pcm for speech in await speak(tts))


async def failure(tts: OpenAISpeech) -> StageError:
    with pytest.raises(StageError) as caught:
        await speak(tts)
    return caught.value


def sends(data: bytes, piece: int = 1 << 20, content_type: str = "audio/pcm") -> Handler:
    return streams_bytes(data, piece, content_type)


def sends_then(data: bytes, after: Handler) -> Handler:
    async def handle(connection: Connection) -> None:
        await connection.start(content_type="audio/pcm")
        await connection.send(data)
        await after(connection)

    return handle


def wav(pcm: bytes = TONE, rate: int = 24000) -> bytes:
    file = io.BytesIO()
    write_wav(file, Wav(pcm, rate))
    return file.getvalue()


# --- request ------------------------------------------------------------------------------------------------


async def test_the_request_names_text_voice_and_raw_samples(tts: OpenAISpeech, server: FakeServer) -> None:
    server.then(sends(TONE))
    await speak(tts, "Hello.")
    request = server.requests[0]
    assert request.path == "/v1/audio/speech"
    assert request.body == {"model": "voices", "input": "Hello.", "voice": "coral", "response_format": "pcm"}


async def test_what_was_set_goes_along(server: FakeServer) -> None:
    tts = await started(server, voice="af_heart", instructions="Whisper.", body={"stream_format": "audio"})
    server.then(sends(TONE))
    await speak(tts, speed=1.25)
    await tts.close()
    body = server.requests[0].body
    wanted = {"voice": "af_heart", "instructions": "Whisper.", "speed": 1.25, "stream_format": "audio"}
    assert {name: body[name] for name in wanted} == wanted


@pytest.mark.parametrize("text", ["", " \n", "...", "🙂"])
async def test_nothing_to_say_is_not_sent(tts: OpenAISpeech, server: FakeServer, text: str) -> None:
    assert await speak(tts, text) == []
    assert server.requests == []


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 3, 999, 1 << 20])
@pytest.mark.parametrize("content_type", ["audio/pcm", "application/octet-stream", ""])
async def test_samples_may_be_cut_anywhere(
    tts: OpenAISpeech, server: FakeServer, piece: int, content_type: str
) -> None:
    server.then(sends(TONE, piece, content_type))
    spoken = await speak(tts)
    assert b"".join(speech.pcm for speech in spoken) == TONE
    assert all(len(speech.pcm) % 2 == 0 and not speech.words for speech in spoken)
    assert len(spoken) <= 8  # a piece is 20 ms or more, though bytes dribbled


async def test_the_first_audio_arrives_while_the_server_still_speaks(tts: OpenAISpeech, server: FakeServer) -> None:
    go_on = asyncio.Event()

    async def rest(connection: Connection) -> None:
        await go_on.wait()
        await connection.send(TONE[4801:])
        await connection.end()

    server.then(sends_then(TONE[:4801], rest))
    audio = tts.speak("Hello.", "coral")
    assert await anext(audio) == Speech(TONE[:4800])
    go_on.set()
    assert b"".join([speech.pcm async for speech in audio]) == TONE[4800:]


@pytest.mark.parametrize("piece", [1, 7, 43, 1 << 20])
async def test_a_wav_is_taken_for_what_is_in_it(tts: OpenAISpeech, server: FakeServer, piece: int) -> None:
    """Chunks around the audio, of odd length too, are no audio."""
    head, _, audio = wav().partition(b"data")
    server.then(sends(head + b"LIST\x03\0\0\0abc\0data" + audio + b"LIST\x02\0\0\0zz", piece, "audio/wav"))
    assert await pcm_of(tts) == TONE


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 36])
async def test_a_wav_of_unknown_length_ends_with_the_answer(tts: OpenAISpeech, server: FakeServer, length: int) -> None:
    file = bytearray(wav())
    file[40:44] = length.to_bytes(4, "little")
    server.then(sends(bytes(file)))
    assert await pcm_of(tts) == TONE


@pytest.mark.parametrize(
    ("content_type", "as_wav"), [("audio/wav", True), ("audio/pcm; rate=16000", False), ("audio/pcm;rate=16000", False)]
)
async def test_another_rate_is_resampled(
    tts: OpenAISpeech, server: FakeServer, content_type: str, as_wav: bool
) -> None:
    given = TONE[: 2 * 1600]  # 440 Hz at 24000 Hz, thus 293 Hz at 16000 Hz
    server.then(sends(wav(given, 16000) if as_wav else given, 100, content_type))
    heard = np.frombuffer(await pcm_of(tts), "<i2").astype(float)
    assert heard.size == 2400
    spectrum = np.abs(np.fft.rfft(heard))
    assert int(np.argmax(spectrum)) * 24000 / heard.size == pytest.approx(440 * 16 / 24, abs=10)


async def test_a_server_without_raw_samples_is_asked_for_wav(tts: OpenAISpeech, server: FakeServer) -> None:
    objection = refuses("422 Unprocessable Entity", {"detail": "response_format must be one of mp3, wav"})
    server.then(objection, sends(wav()), sends(wav()))
    assert await pcm_of(tts) == TONE
    assert await pcm_of(tts) == TONE
    assert [request.body["response_format"] for request in server.requests] == ["pcm", "wav", "wav"]


async def test_half_a_sample_at_the_end_is_dropped(tts: OpenAISpeech, server: FakeServer) -> None:
    server.then(sends(TONE + b"\x01"))
    assert await pcm_of(tts) == TONE


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "content_type", "found"),
    [
        (b"\xff\xfb\x90\x00" * 999, "audio/mpeg", "MP3"),
        (b"ID3\x04" * 999, "application/octet-stream", "MP3"),
        (b"OggS" * 999, "", "Ogg"),
        (TONE, "audio/flac", "FLAC"),
        (wav().replace(b"\x01\0\x01\0", b"\x01\0\x02\0", 1), "audio/wav", "2 channel"),
        (wav().replace(b"\x10\0data", b"\x20\0data", 1), "audio/wav", "32 bits"),
        (wav()[:30], "audio/wav", "header"),
        (b"RIFF\0\0\0\0WAVE" + b"data\x04\0\0\0abcd", "audio/wav", "format"),
        (wav(rate=24007), "audio/wav", "24007"),
    ],
)
async def test_other_audio_is_refused_by_name(
    tts: OpenAISpeech, server: FakeServer, data: bytes, content_type: str, found: str
) -> None:
    """Noise in the user's ear would be worse than silence."""
    server.then(sends(data, content_type=content_type))
    error = await failure(tts)
    assert error.code == "unsupported_audio"
    assert found in error.message


@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=utf-8"])
async def test_text_is_not_played(tts: OpenAISpeech, server: FakeServer, content_type: str) -> None:
    server.then(sends(b'{"error": "no such voice"}', content_type=content_type))
    error = await failure(tts)
    assert error.code == "malformed_stream"
    assert "no such voice" in error.message


async def test_an_empty_answer_is_no_speech(tts: OpenAISpeech, server: FakeServer) -> None:
    server.then(sends(b""))
    assert (await failure(tts)).code == "no_audio"


async def test_audio_that_ends_too_early_is_cut_and_not_asked_for_again(tts: OpenAISpeech, server: FakeServer) -> None:
    async def drop(connection: Connection) -> None:
        connection.drop()

    server.then(sends_then(TONE[:4800], drop))
    audio = tts.speak("Hello.", "coral")
    assert await anext(audio) == Speech(TONE[:4800])
    with pytest.raises(StageError) as caught:
        await anext(audio)
    assert caught.value.code == "stream_cut"
    assert len(server.requests) == 1


async def test_a_wav_that_promised_more_is_cut(tts: OpenAISpeech, server: FakeServer) -> None:
    server.then(sends(wav()[:-1000]))
    assert (await failure(tts)).code == "stream_cut"


async def test_audio_that_stalls_times_out(server: FakeServer) -> None:
    tts = await started(server, next_timeout=0.05)
    server.then(sends_then(TONE, stalls))
    assert (await failure(tts)).code == "stream_stalled"
    await tts.close()


async def test_closing_the_audio_closes_the_connection(tts: OpenAISpeech, server: FakeServer) -> None:
    gone = asyncio.Event()

    async def notice(connection: Connection) -> None:
        await connection.closed_by_client()
        gone.set()

    server.then(sends_then(TONE, notice))
    audio = tts.speak("A long story.", "coral")
    await anext(audio)
    await audio.aclose()
    await asyncio.wait_for(gone.wait(), 5)
