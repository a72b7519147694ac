"""The scripted voice speaks by the character, waits and fails when told to."""

import asyncio

import pytest

from antiphon.errors import StageError
from antiphon.stages.base import WordMark
from antiphon.stages.tts.scripted import ScriptedTextToSpeech


async def test_characters_last_equally_long_and_words_are_marked() -> None:
    voice = ScriptedTextToSpeech(character_samples=100, chunk_samples=250)
    parts = [part async for part in voice.speak("Hi you", "alloy", 1.0)]
    assert [len(part.pcm) // 2 for part in parts] == [250, 250, 100]
    assert [part.words for part in parts] == [(WordMark(0, 2, 0),), (WordMark(3, 6, 300),), ()]
    assert any(parts[0].pcm)
    request = voice.requests[0]
    assert (request.text, request.voice, request.chunks, request.finished) == ("Hi you", "alloy", 3, True)


async def test_speed_and_silence() -> None:
    voice = ScriptedTextToSpeech(character_samples=100, frequency=0)
    (part,) = [part async for part in voice.speak("abcd", "alloy", 0.5)]
    assert part.pcm == bytes(1600)


async def test_it_fails_after_so_many_chunks() -> None:
    voice = ScriptedTextToSpeech(character_samples=100, chunk_samples=100, fail_after=2)
    speech = voice.speak("abcd", "alloy")
    assert [len((await anext(speech)).pcm) for _ in range(2)] == [200, 200]
    with pytest.raises(StageError, match="after 2 chunk"):
        await anext(speech)
    assert not voice.requests[0].finished


async def test_a_gate_lets_one_chunk_pass_at_a_time() -> None:
    voice = ScriptedTextToSpeech(character_samples=100, chunk_samples=100, gate=asyncio.Semaphore(0))
    speech = voice.speak("ab", "alloy")
    first = asyncio.ensure_future(anext(speech))
    await asyncio.sleep(0)
    assert not first.done()
    assert voice.gate is not None
    voice.gate.release()
    assert len((await first).pcm) == 200
    await speech.aclose()
    assert voice.requests[0].cancelled
