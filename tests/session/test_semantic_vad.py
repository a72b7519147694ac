"""`semantic_vad`: a turn ends soon after a finished thought and late after an unfinished one."""

import pytest

from antiphon.protocol.config import SemanticVad
from antiphon.session.patience import seems_finished, silence_ms
from antiphon.session.results import TranscriptPartial
from tests.session.harness import LOUD, QUIET, CoreClient


@pytest.mark.parametrize(
    "text",
    [
        "how many bedrooms are there",
        "how many bedrooms does this property have",
        "what year is it from",
        "can you tell me how old it is",
        "is there a pool",
        "show me the kitchen",
        "I like it.",
        "yes",
        "stop",
    ],
)
def test_a_finished_thought(text: str) -> None:
    assert seems_finished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tell me about the",
        "i would like to",
        "um",
        "well,",
        "is it because",
        "the house is",
        "i live in",
        "and how",
        "does it",
    ],
)
def test_an_unfinished_thought(text: str) -> None:
    assert not seems_finished(text)


def test_eagerness_sets_the_longest_wait() -> None:
    waits = [silence_ms(SemanticVad(eagerness=eagerness), "the") for eagerness in ("low", "medium", "high", "auto")]
    assert waits == [8000, 4000, 2000, 4000]


def test_without_words_the_wait_is_a_plain_one(session: CoreClient) -> None:
    """A recogniser may have no interim results."""
    session.configure(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    session.hear((QUIET, 320), (LOUD, 800), (QUIET, 900))
    assert session.all_sent("input_audio_buffer.speech_stopped") == []
    session.hear((QUIET, 200))
    assert len(session.all_sent("input_audio_buffer.speech_stopped")) == 1


def speak(session: CoreClient, text: str, silence: int) -> list[dict[str, object]]:
    """Say something, fall silent, and return the ends of turns that were found."""
    session.configure(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
    session.hear((QUIET, 320), (LOUD, 800))
    item_id = session.sent("input_audio_buffer.speech_started")["item_id"]
    session.result(TranscriptPartial(item_id, text))
    session.hear((QUIET, silence))
    return session.all_sent("input_audio_buffer.speech_stopped")


def test_a_turn_ends_soon_after_a_question(session: CoreClient) -> None:
    assert len(speak(session, "how many bedrooms are there", 500)) == 1


def test_a_turn_waits_for_the_rest_of_a_sentence(session: CoreClient) -> None:
    assert speak(session, "i would like to know about the", 1500) == []
    session.hear((QUIET, 600))
    assert len(session.all_sent("input_audio_buffer.speech_stopped")) == 1


def test_each_turn_is_judged_by_its_own_words(session: CoreClient) -> None:
    speak(session, "how many bedrooms are there", 600)
    session.hear((LOUD, 500))
    item_id = session.sent("input_audio_buffer.speech_started")["item_id"]
    session.result(TranscriptPartial(item_id, "and tell me about the"))
    session.hear((QUIET, 700))
    assert len(session.all_sent("input_audio_buffer.speech_stopped")) == 1


def test_numbers_are_refused(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}})
    assert session.error["code"] == "unknown_parameter"
