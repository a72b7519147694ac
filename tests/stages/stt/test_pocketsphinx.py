"""The stage: sessions share its decoders, and the event loop never waits for it."""

import asyncio
import threading

import pytest

from antiphon.errors import StageError
from antiphon.session.context import Knowledge, TranscriptionHint
from antiphon.stages.stt.pocketsphinx import PocketSphinx, PocketSphinxSettings, PocketSphinxStream
from antiphon.stages.stt.sphinx_library import Decoder

from .conftest import HOUSE, speech, texts

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "questions/property-00-slt.wav"


async def transcribe(stage: PocketSphinx, file: str, hint: TranscriptionHint = HOUSE) -> str:
    stream = stage.open(hint)
    pcm = speech(file)
    for start in range(0, len(pcm), 640):
        stream.feed(pcm[start : start + 640])
    transcript = await stream.finish()
    assert transcript.seconds == pytest.approx(len(pcm) / 32000)
    assert transcript.language == "en"
    return transcript.text


@pytest.mark.parametrize("file", [file for file in texts() if file.startswith("questions/property")])
async def test_questions_about_the_facts_are_understood(stt: PocketSphinx, file: str) -> None:
    assert await transcribe(stt, file) == texts()[file]


async def test_more_utterances_than_decoders_wait_their_turn(stt: PocketSphinx) -> None:
    heard = await asyncio.gather(*(transcribe(stt, QUESTION) for _ in range(4)))
    assert heard == [texts()[QUESTION]] * 4


async def test_a_decoder_is_added_when_somebody_would_wait() -> None:
    stage = PocketSphinx(PocketSphinxSettings(decoders=1, most_decoders=2))
    await stage.start()
    try:
        await stage.prepare(HOUSE)
        holding = stage.open(HOUSE)  # never ends by itself
        assert await transcribe(stage, QUESTION) == texts()[QUESTION]
        assert len(stage._seats) == 2
        holding.cancel()
    finally:
        await stage.close()


async def test_partials_grow_while_the_user_speaks(stt: PocketSphinx) -> None:
    stream = stt.open(HOUSE)
    stream.feed(speech(QUESTION))
    heard = [await anext(stream.partials())]
    reading = asyncio.create_task(collect(stream, heard))
    transcript = await stream.finish()
    await reading
    assert heard[0]
    assert set(heard[0].split()) & set(transcript.text.split())


async def collect(stream: PocketSphinxStream, heard: list[str]) -> None:
    async for partial in stream.partials():
        heard.append(partial)


async def test_cancel_frees_the_decoder(stt: PocketSphinx) -> None:
    holding = [stt.open(HOUSE) for _ in range(2)]
    waiting = stt.open(HOUSE)
    waiting.feed(speech(QUESTION))
    holding[0].feed(3 * speech(QUESTION))
    holding[0].cancel()
    assert (await waiting.finish()).text == texts()[QUESTION]
    assert (await holding[0].finish()).text == ""
    for stream in (*holding, waiting):
        stream.cancel()
        stream.feed(b"\0\0")
        await stream.ended()


async def test_a_waiting_utterance_can_be_cancelled(stt: PocketSphinx) -> None:
    holding = [stt.open(HOUSE) for _ in range(2)]
    waiting = stt.open(HOUSE)
    waiting.cancel()
    assert (await waiting.finish()).text == ""
    for stream in holding:
        stream.cancel()
        await stream.ended()
    assert await transcribe(stt, QUESTION) == texts()[QUESTION]


async def test_too_much_waiting_audio_is_an_error_and_only_for_its_utterance(stt: PocketSphinx) -> None:
    holding = [stt.open(HOUSE) for _ in range(2)]
    waiting = stt.open(HOUSE)
    for _ in range(21):
        waiting.feed(bytes(32000))
    with pytest.raises(StageError) as caught:
        await waiting.finish()
    assert caught.value.code == "overloaded"
    for stream in holding:
        stream.cancel()
        await stream.ended()
    assert await transcribe(stt, QUESTION) == texts()[QUESTION]


async def test_the_loop_runs_while_the_decoder_works(stt: PocketSphinx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder waits for an answer from the loop, which a stage that decodes on the loop could never give."""
    loop, begun, answered = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    process = Decoder.process

    def slow(self: Decoder, pcm: bytes) -> None:
        loop.call_soon_threadsafe(begun.set)
        process(self, pcm)
        assert answered.wait(30)

    monkeypatch.setattr(Decoder, "process", slow)
    stream = stt.open(HOUSE)
    stream.feed(speech(QUESTION))
    await begun.wait()
    answered.set()
    assert (await stream.finish()).text == texts()[QUESTION]


async def test_python_runs_while_c_decodes(decoder: Decoder) -> None:
    """The loop counts on during one call into C of 3 s of speech; if that held the interpreter, it could not."""
    decoder.begin("general")
    work = asyncio.create_task(asyncio.to_thread(decoder.process, speech(QUESTION)))
    ticks = 0
    while not work.done():
        await asyncio.sleep(0.001)
        ticks += 1
    decoder.end()
    assert ticks > 20


async def test_many_agents_share_the_decoders(stt: PocketSphinx) -> None:
    for number in range(2):  # each decoder keeps one
        await stt.prepare(TranscriptionHint(knowledge=Knowledge(phrases=(f"is it flavour number {number}",))))
    assert await transcribe(stt, QUESTION) == texts()[QUESTION]


async def test_an_unprepared_agent_is_heard_all_the_same(stt: PocketSphinx) -> None:
    hint = TranscriptionHint(knowledge=Knowledge({"colour": "green"}))
    assert "bedrooms" in await transcribe(stt, QUESTION, hint)


async def test_silence_is_nothing(stt: PocketSphinx) -> None:
    stream = stt.open(HOUSE)
    stream.feed(bytes(32000))
    assert (await stream.finish()).text == ""


@pytest.mark.parametrize("language", [None, "en", "en-US", "EN_gb"])
async def test_english_by_any_name_is_welcome(stt: PocketSphinx, language: str | None) -> None:
    stream = stt.open(TranscriptionHint(language=language))
    stream.cancel()
    await stream.ended()


async def test_another_language_is_refused(stt: PocketSphinx) -> None:
    german = TranscriptionHint(language="de")
    with pytest.raises(StageError, match="'de' is not supported") as caught:
        stt.open(german)
    assert caught.value.code == "language_not_supported"
    with pytest.raises(StageError, match="use 'en'"):
        await stt.prepare(german)


async def test_a_stage_that_is_not_started_says_so() -> None:
    stage = PocketSphinx()
    with pytest.raises(StageError) as caught:
        stage.open(HOUSE)
    assert caught.value.code == "not_started"
    with pytest.raises(StageError):
        await stage.prepare(HOUSE)
    await stage.close()


async def test_close_ends_what_is_running() -> None:
    stage = PocketSphinx(PocketSphinxSettings(decoders=1))
    await stage.start()
    streams = [stage.open(HOUSE) for _ in range(2)]
    for stream in streams:
        stream.feed(speech(QUESTION))
    await stage.close()
    assert [(await stream.finish()).text for stream in streams] == ["", ""]
    await stage.close()
