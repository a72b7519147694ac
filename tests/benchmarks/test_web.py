"""The arithmetic of the benchmark of the web: where sound begins and ends, and whose processor time it is."""

from pathlib import Path

import pytest
from benchmarks.web.processes import OTHERS, kind_of
from benchmarks.web.report import Findings, page, spread
from benchmarks.web.sound import LOUD, Question, begin_of_sound, end_of_sound
from benchmarks.web.weight import is_file

from antiphon.audio.pcm import Wav, silence, write_wav
from tests.browser.browsers import Heard

RATE = 48_000
TONE = LOUD.to_bytes(2, "little") * (RATE // 10)  # 100 ms
FAINT = (LOUD - 1).to_bytes(2, "little") * (RATE // 10)


def heard(*parts: bytes) -> Heard:
    return Heard(b"".join(parts), RATE, begin=100.0)


def test_sound_begins_with_the_first_loud_sample() -> None:
    assert begin_of_sound(heard(FAINT, TONE, FAINT)) == pytest.approx(100.1)
    assert begin_of_sound(heard(FAINT)) is None
    assert begin_of_sound(heard()) is None


def test_sound_ends_before_the_first_silence_that_is_long_enough() -> None:
    pause, rest = silence(0.3, RATE), silence(0.5, RATE)
    assert end_of_sound(heard(TONE, pause, TONE, rest), seconds=0.4) == pytest.approx(100.5)
    assert end_of_sound(heard(TONE, pause, TONE, rest), seconds=0.2) == pytest.approx(100.1)
    assert end_of_sound(heard(TONE, pause), seconds=0.4) is None  # who knows what comes
    assert end_of_sound(heard(rest), seconds=0.4) is None


def test_the_end_of_speech_is_where_the_recording_has_it(tmp_path: Path) -> None:
    """A question is found in what the microphone heard by its first loud sample."""
    path = tmp_path / "question.wav"
    write_wav(path, Wav(silence(0.2, RATE) + 30 * TONE + silence(1.0, RATE), RATE))
    question = Question.load(path)
    assert (question.onset, question.end) == pytest.approx((0.2, 3.2), abs=0.002)
    assert question.ended(heard(silence(0.5, RATE), TONE)) == pytest.approx(103.5, abs=0.002)
    assert question.ended(heard(silence(0.5, RATE))) is None


def test_processes_are_told_apart_by_their_command_lines() -> None:
    assert kind_of("chromium\0--type=renderer\0--lang=en\0") == "renderer"
    assert kind_of("chromium --type=utility --utility-sub-type=audio.mojom.AudioService --lang=en") == "audio"
    assert kind_of("chromium --type=utility --utility-sub-type=network.mojom.NetworkService") == "network"
    assert kind_of("chromium --type=gpu-process") == kind_of("chromium --headless=new") == OTHERS


def test_only_files_of_the_page_have_weight() -> None:
    origin = "http://127.0.0.1:8080"
    assert is_file(f"{origin}/", origin)
    assert is_file(f"{origin}/web/antiphon.js", origin)
    assert not is_file(f"{origin}/v1/realtime/calls", origin)
    assert not is_file("http://127.0.0.1:8081/web/antiphon.js", origin)


def test_the_report_has_a_place_for_what_was_not_measured() -> None:
    assert spread([]) == "-"
    assert spread([3.0, 1.0, 2.0]) == "2 / 3"
    assert "button to first sound" in page(Findings())
