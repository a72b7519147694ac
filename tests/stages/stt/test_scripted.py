"""The fake does as it is told, and remembers what it was given."""

import asyncio

import pytest

from antiphon.errors import StageError
from antiphon.session.context import TranscriptionHint
from antiphon.stages.stt.scripted import ScriptedSpeechToText, ScriptedUtterance

HINT = TranscriptionHint(prompt="hello")


async def test_transcripts_come_in_the_order_of_the_script() -> None:
    stt = ScriptedSpeechToText(["one", "two"])
    await stt.prepare(HINT)
    texts = [(await stt.open(HINT).finish()).text for _ in range(3)]
    assert texts == ["one", "two", ""]
    assert stt.prepared == [HINT]


async def test_partials_follow_the_audio() -> None:
    stt = ScriptedSpeechToText([ScriptedUtterance("one two", ("one", "one two"), partial_bytes=4)])
    stream = stt.open(HINT)
    partials = stream.partials()
    stream.feed(bytes(4))
    assert await anext(partials) == "one"
    stream.feed(bytes(4))
    assert await anext(partials) == "one two"
    assert (await stream.finish()).seconds == 8 / 32000
    assert [partial async for partial in partials] == []
    assert bytes(stream.pcm) == bytes(8)


async def test_an_utterance_fails_as_scripted() -> None:
    error = StageError("stt scripted", "broken")
    stream = ScriptedSpeechToText([ScriptedUtterance(error=error)]).open(HINT)
    with pytest.raises(StageError, match="broken"):
        await stream.finish()


async def test_the_transcript_waits_for_the_test() -> None:
    released = asyncio.Event()
    stream = ScriptedSpeechToText([ScriptedUtterance("late", released=released)]).open(HINT)
    finish = asyncio.create_task(stream.finish())
    await stream.finishing.wait()
    assert not finish.done()
    released.set()
    assert (await finish).text == "late"


async def test_cancel_ends_a_held_utterance() -> None:
    stream = ScriptedSpeechToText([ScriptedUtterance("late", released=asyncio.Event())]).open(HINT)
    finish = asyncio.create_task(stream.finish())
    await stream.finishing.wait()
    stream.cancel()
    assert (await finish).text == ""
    assert [partial async for partial in stream.partials()] == []
