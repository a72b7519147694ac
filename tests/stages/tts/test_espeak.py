"""espeak-ng in its worker process: audio, word marks, voices, turns, cancellation and failures."""

import asyncio
import sys
import unicodedata
from collections.abc import AsyncIterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from antiphon.errors import StageError
from antiphon.stages.base import Speech, WordMark
from antiphon.stages.tts import espeak as espeak_module
from antiphon.stages.tts.espeak import DEFAULT_VOICE, PIECE_CHARACTERS, VOICES, Espeak, find_voice, pieces, speakable

SENTENCE = "The house has four bedrooms."
API_VOICES = ["alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"]
LONG_TEXT = " ".join(f"This is sentence number {index} of a long story." for index in range(60))


@pytest.fixture
async def espeak() -> AsyncIterator[Espeak]:
    stage = Espeak()
    await stage.start()
    yield stage
    await stage.close()


async def speak(stage: Espeak, text: str, voice: str = "alloy", speed: float = 1.0) -> Speech:
    """Speak and put the pieces together."""
    parts = [part async for part in stage.speak(text, voice, speed)]
    return Speech(b"".join(part.pcm for part in parts), tuple(word for part in parts for word in part.words))


async def drain(audio: AsyncIterator[Speech]) -> None:
    async for _ in audio:
        pass


def samples(speech: Speech) -> NDArray[np.int16]:
    return np.frombuffer(speech.pcm, "<i2")


def words(text: str, speech: Speech) -> list[str]:
    return [text[mark.start : mark.end] for mark in speech.words]


def worker_pid(stage: Espeak) -> int:
    assert stage._worker is not None
    return stage._worker._process.pid


async def kill_worker(stage: Espeak) -> None:
    assert stage._worker is not None
    stage._worker._process.kill()
    await stage._worker._process.wait()


async def test_a_sentence_is_spoken_with_its_words(espeak: Espeak) -> None:
    speech = await speak(espeak, SENTENCE)
    assert espeak.rate == 22050
    assert 1.2 < samples(speech).size / espeak.rate < 2.5
    assert words(SENTENCE, speech) == ["The", "house", "has", "four", "bedrooms"]
    positions = [mark.sample for mark in speech.words]
    assert positions[0] == 0
    assert positions == sorted(set(positions))
    assert positions[-1] < samples(speech).size


async def test_marks_are_where_the_words_sound(espeak: Espeak) -> None:
    """The words before a mark, spoken alone, last about as long as the mark says."""
    speech = await speak(espeak, "Bananas Bananas Bananas")
    first, second, third = (mark.sample for mark in speech.words)
    assert second - first == pytest.approx(third - second, rel=0.35)
    assert (second - first) / espeak.rate == pytest.approx(0.6, abs=0.3)


async def test_marks_come_with_the_audio_they_begin_in(espeak: Espeak) -> None:
    at = 0
    async for part in espeak.speak("One two three four five six seven eight nine ten.", "alloy"):
        end = at + len(part.pcm) // 2
        assert all(at <= mark.sample < end for mark in part.words)
        at = end


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Größe naïve café hello", ["Größe", "naïve", "café", "hello"]),
        ("Zwölf Boxkämpfer \u2013 jagen Viktor", ["Zwölf", "Boxkämpfer", "jagen", "Viktor"]),
        ("\U0001d542 before \U0001f600 hello world", ["before", "hello", "world"]),
        ("\n\t  indented\x00text\x07here", ["indented", "text", "here"]),
        ("lone \ud800 surrogate", ["lone", "surrogate"]),
        ("It costs 489,000 dollars.", ["It", "costs", "dollars"]),
    ],
)
async def test_marks_are_indices_of_the_text_as_given(espeak: Espeak, text: str, spoken: list[str]) -> None:
    """espeak counts characters, not bytes, and nothing of ours moves them."""
    got = words(text, await speak(espeak, text))
    assert [word for word in got if word in spoken] == spoken


async def test_marks_of_a_long_text_continue_over_its_pieces(espeak: Espeak) -> None:
    speech = await speak(espeak, LONG_TEXT)
    assert len(LONG_TEXT) > 5 * PIECE_CHARACTERS
    # espeak speaks "of a" as one word; numbers may have several.
    said = [word for word in words(LONG_TEXT, speech) if word.isalpha()]
    assert said == ["This", "is", "sentence", "number", "of", "long", "story"] * 60
    positions = [mark.sample for mark in speech.words]
    assert positions == sorted(positions)
    assert positions[-1] < samples(speech).size


async def test_speech_begins_at_once(espeak: Espeak) -> None:
    """espeak puts 12 ms of silence in front; no more than 5 ms of it are left."""
    for voice in ("alloy", "echo", "de"):
        loud = np.flatnonzero(np.abs(samples(await speak(espeak, "Hello.", voice))) > 32)
        assert loud[0] <= 0.005 * espeak.rate


async def test_a_sentence_ends_with_a_pause(espeak: Espeak) -> None:
    """Sentences that are spoken one by one must not run into each other."""
    audio = samples(await speak(espeak, "Hello."))
    assert np.abs(audio[-round(0.15 * espeak.rate) :]).max() <= 32


def timbre(speech: Speech) -> NDArray[np.float64]:
    """The mean spectrum in dB, 50 Hz a step up to 4 kHz; espeak's random flutter changes it little."""
    frames = samples(speech)[: samples(speech).size // 441 * 441].reshape(-1, 441)
    return np.asarray(10 * np.log10(np.mean(np.abs(np.fft.rfft(frames * np.hanning(441))) ** 2, axis=0) + 1)[:80])


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The mean difference in dB."""
    return float(np.mean(np.abs(one - other)))


async def test_every_voice_of_the_api_sounds_different(espeak: Espeak) -> None:
    """Any two voices differ by more than any voice does from itself."""
    assert sorted(VOICES) == API_VOICES
    first = [timbre(await speak(espeak, SENTENCE, voice)) for voice in API_VOICES]
    second = [timbre(await speak(espeak, SENTENCE, voice)) for voice in API_VOICES]
    same = [distance(one, other) for one, other in zip(first, second, strict=True)]
    different = [distance(one, other) for one, other in combinations(first, 2)]
    assert min(different) > 1.5 * max(same)


async def test_own_voices_pass_through_and_unknown_ones_get_the_default(espeak: Espeak) -> None:
    default = timbre(await speak(espeak, SENTENCE, "alloy"))
    for name in ("../../etc/passwd", "nobody", "alloy"):
        assert distance(timbre(await speak(espeak, SENTENCE, name)), default) < 1
    for name in ("de", "fr+f2", "en-gb+m2"):
        assert distance(timbre(await speak(espeak, SENTENCE, name)), default) > 2


@pytest.mark.parametrize("name", ["", "../x", "de+../x", "a" * 60, "de\x00", "voix é"])
def test_a_strange_name_is_the_default(name: str) -> None:
    assert find_voice(name) == DEFAULT_VOICE


async def test_speed_changes_the_length(espeak: Espeak) -> None:
    lengths = [samples(await speak(espeak, SENTENCE, speed=speed)).size for speed in (0.25, 0.7, 1.0, 1.5)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[2] / lengths[3] == pytest.approx(1.5, abs=0.25)


@pytest.mark.parametrize("text", ["<voice name='de'>hello</voice>", "[[h@l'oU]]", "<break time='9s'/>hello"])
async def test_markup_is_no_command(espeak: Espeak, text: str) -> None:
    """What looks like SSML or phonemes is read out as text."""
    plain = await speak(espeak, "hello")
    assert samples(plain).size * 1.5 < samples(await speak(espeak, text)).size < 9 * espeak.rate


@pytest.mark.parametrize("text", ["", "   ", "\n", "\x00\x01", "\ud800"])
async def test_nothing_to_say_is_silence(espeak: Espeak, text: str) -> None:
    assert await speak(espeak, text) == Speech(b"")


async def test_sessions_take_turns(espeak: Espeak) -> None:
    """A short text is done while a long one, that came first, still has most of its pieces to go."""
    done: list[str] = []

    async def run(name: str, text: str) -> None:
        await speak(espeak, text)
        done.append(name)

    await asyncio.gather(run("long", LONG_TEXT), *(run("short", SENTENCE) for _ in range(4)))
    assert done == ["short"] * 4 + ["long"]


async def test_many_sessions_get_their_own_audio(espeak: Espeak) -> None:
    texts = [f"Session number {index} speaks." for index in range(10)]
    spoken = await asyncio.gather(*(speak(espeak, text) for text in texts))
    for text, speech in zip(texts, spoken, strict=True):
        assert words(text, speech) == text.rstrip(".").split()
        alone = await speak(espeak, text)
        assert samples(speech).size == pytest.approx(samples(alone).size, rel=0.01)
        assert distance(timbre(speech), timbre(alone)) < 1


async def test_leaving_early_stops_the_synthesis(espeak: Espeak) -> None:
    """After `aclose` the worker forgets the text and goes on with the next."""
    audio = espeak.speak(LONG_TEXT, "alloy")
    await anext(audio)
    await audio.aclose()
    assert espeak._worker is not None
    assert espeak._worker._answers == {}
    pid = worker_pid(espeak)
    assert words(SENTENCE, await speak(espeak, SENTENCE))[0] == "The"
    assert worker_pid(espeak) == pid


async def test_a_cancelled_task_leaves_nothing_behind(espeak: Espeak) -> None:
    task = asyncio.create_task(speak(espeak, LONG_TEXT))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert samples(await speak(espeak, SENTENCE)).size > 0
    assert espeak._worker is not None
    assert espeak._worker._answers == {}


async def test_a_worker_that_dies_fails_its_request_and_is_replaced(espeak: Espeak) -> None:
    audio = espeak.speak(LONG_TEXT, "alloy")
    await anext(audio)
    before = worker_pid(espeak)
    await kill_worker(espeak)
    with pytest.raises(StageError, match="ended with status -9"):
        await drain(audio)
    assert words(SENTENCE, await speak(espeak, SENTENCE))[0] == "The"
    assert worker_pid(espeak) != before


async def test_deaths_do_not_add_up_when_texts_are_spoken_in_between(espeak: Espeak) -> None:
    for _ in range(espeak_module.RESTARTS + 3):
        await kill_worker(espeak)
        assert espeak._worker is not None
        assert espeak._worker._reader is not None
        await espeak._worker._reader  # until its end was noticed
        await speak(espeak, "Hi.")


async def test_a_worker_that_cannot_start_is_tried_a_bounded_number_of_times(tmp_path: Path) -> None:
    """The message has what it said; then no more processes are started, until `start` is called again."""
    script = tmp_path / "broken.py"
    script.write_text(
        f"import sys; open({str(tmp_path / 'starts')!r}, 'a').write('x'); sys.exit('the disk is on fire')"
    )
    stage = Espeak((sys.executable, str(script)))
    for _ in range(espeak_module.RESTARTS + 4):
        with pytest.raises(StageError, match="ended with status 1: the disk is on fire"):
            await speak(stage, "Hello.")
    assert len((tmp_path / "starts").read_text()) == espeak_module.RESTARTS + 1
    with pytest.raises(StageError, match="the disk is on fire"):
        await stage.start()
    assert len((tmp_path / "starts").read_text()) == espeak_module.RESTARTS + 2
    await stage.close()


async def test_a_silent_worker_is_replaced(espeak: Espeak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that takes a text and never answers ends the request, not the stage."""
    script = tmp_path / "mute.py"
    script.write_text(
        "import struct, sys\n"
        "data = b'{\"rate\": 22050}'\n"
        "sys.stdout.buffer.write(struct.pack('<cII', b'R', 0, len(data)) + data)\n"
        "sys.stdout.flush()\n"
        "sys.stdin.read()\n"
    )
    stage = Espeak((sys.executable, str(script)))
    monkeypatch.setattr(espeak_module, "STALL_SECONDS", 0.01)
    with pytest.raises(StageError, match="nothing came for"):
        await speak(stage, "Hello.")
    await stage.close()


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(StageError, match="did not start"):
        await speak(Espeak(("/nonexistent/python",)), "Hello.")


async def test_a_missing_package_is_named_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_module, "find_spec", lambda name: None)
    with pytest.raises(StageError, match=r"pip install espeakng-loader .*GPL-3\.0.*tts to 'none'") as caught:
        await Espeak().start()
    assert caught.value.code == "missing_extra"


async def test_close_may_be_repeated_and_ends_what_runs(espeak: Espeak) -> None:
    await Espeak().close()
    audio = espeak.speak(LONG_TEXT, "alloy")
    await anext(audio)
    await espeak.close()
    with pytest.raises(StageError, match=r"its process ended|it was closed"):
        await drain(audio)
    await espeak.close()


def test_the_library_is_not_in_this_process() -> None:
    assert "espeakng_loader" not in sys.modules
    assert "libespeak" not in Path("/proc/self/maps").read_text()


@given(st.text(), st.integers(1, 40))
@example("One. Two! Three?", 6)
def test_pieces_are_the_text(text: str, limit: int) -> None:
    cut = list(pieces(text, limit))
    assert "".join(piece for _, piece in cut) == text
    assert all(text[start : start + len(piece)] == piece and len(piece) <= limit for start, piece in cut)
    assert all(piece for _, piece in cut) or not text


def test_pieces_end_with_sentences_then_words() -> None:
    assert [piece for _, piece in pieces("One two. Three four. Five six.", 24)] == [
        "One two. Three four. ",
        "Five six.",
    ]
    assert [piece for _, piece in pieces("one two three", 8)] == ["one two ", "three"]


@given(st.text())
def test_sanitising_keeps_every_index(text: str) -> None:
    clean = speakable(text)
    assert len(clean) == len(text)
    assert all(
        new == old or (new == " " and unicodedata.category(old)[0] == "C") for new, old in zip(clean, text, strict=True)
    )
    clean.encode()


def test_marks_of_one_piece_are_kept_in_order() -> None:
    """espeak names '489,000' in overlapping parts: the first one stands."""
    marks = (WordMark(0, 2, 0), WordMark(3, 5, 10), WordMark(4, 7, 20), WordMark(5, 12, 30))
    cleaned = espeak_module._clean_marks(marks, "It 489,000", 0, 100, 0)
    assert cleaned == (WordMark(0, 2, 100), WordMark(3, 5, 110), WordMark(5, 10, 130))
