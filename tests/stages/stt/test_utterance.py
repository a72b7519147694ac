"""The binding hears real speech, and what a hypothesis holds besides words is dropped."""

import ctypes
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

from antiphon.errors import StageError
from antiphon.stages.stt.cepstral_mean import cepstral_mean
from antiphon.stages.stt.sphinx_library import Decoder, load_library
from antiphon.stages.stt.utterance import Utterance, spoken_text

from .conftest import speech, texts


def test_a_human_is_understood(decoder: Decoder) -> None:
    file = "human/librivox-sense_and_sensibility_01_austen_64kb-0880.wav"
    heard = Utterance(decoder, "general", 30).finish(speech(file)).split()
    expected = texts()[file].split()
    assert len(set(expected) & set(heard)) >= len(expected) // 2, heard


def test_earlier_utterances_leave_no_trace(decoder: Decoder) -> None:
    question = speech("questions/property-00-slt.wav")
    first = Utterance(decoder, "general", 30).finish(question)
    Utterance(decoder, "general", 30).finish(speech("questions/property-03-rms.wav"))
    Utterance(decoder, "general", 30).decode(question)  # and one that is left unfinished
    assert Utterance(decoder, "general", 30).finish(question) == first


def test_a_long_utterance_is_finalised_in_pieces(decoder: Decoder) -> None:
    question = speech("questions/property-00-slt.wav")
    utterance = Utterance(decoder, "general", len(question) / 32000)
    heard = utterance.finish(3 * question)
    assert heard.count("bedrooms") == 3


def test_a_cancelled_utterance_stops_after_a_slice(decoder: Decoder) -> None:
    utterance = Utterance(decoder, "general", 30)
    utterance.cancel()
    assert utterance.decode(speech("questions/property-00-slt.wav")) == ""
    utterance.abandon()


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 500])
def test_hardly_any_audio_is_no_error(decoder: Decoder, samples: int) -> None:
    assert Utterance(decoder, "general", 30).finish(bytes(2 * samples)) == ""


def test_a_model_that_is_not_installed_is_an_error(decoder: Decoder) -> None:
    with pytest.raises(StageError) as caught:
        Utterance(decoder, "other", 30)
    assert caught.value.code == "decoder_failed"


def test_a_library_without_the_functions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        load_library(tmp_path)
    assert caught.value.code == "unsupported_platform"


def test_a_library_that_hides_its_functions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in EXTENSION_SUFFIXES:
        (tmp_path / f"_pocketsphinx{suffix}").touch()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with pytest.raises(StageError, match="does not export err_set_loglevel_str") as caught:
        load_library(tmp_path)
    assert caught.value.code == "unsupported_platform"


def test_only_words_are_told() -> None:
    assert spoken_text("<s> the(2) <sil> price [NOISE] is++ ++UM++ i'm </s>") == "the price is++ i'm"
    assert spoken_text("") == ""


def test_pauses_do_not_count_in_the_mean() -> None:
    voice = np.random.default_rng(3).normal(60, 5, (5000, 13)).astype(np.float32)
    pause = np.full((7000, 13), -40, np.float32)
    with_pauses = cepstral_mean(np.concatenate([pause, voice, pause]))
    np.testing.assert_allclose(with_pauses[1:], cepstral_mean(voice)[1:], atol=2)


def test_little_speech_leaves_the_mean_near_the_usual() -> None:
    usual = cepstral_mean(np.zeros((0, 13), np.float32))
    little = cepstral_mean(np.full((5, 13), 100, np.float32))
    much = cepstral_mean(np.full((500, 13), 100, np.float32))
    assert abs(little[1] - usual[1]) < 10
    assert abs(much[1] - 100) < 10
