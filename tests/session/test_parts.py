"""The small parts of the core: cutting sentences, interim transcripts, what was heard, where speech begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.session.heard import SpokenText
from antiphon.session.input_buffer import InputAudioBuffer
from antiphon.session.interim import InterimTranscript
from antiphon.session.results import SpokenWord
from antiphon.session.sentences import LONGEST_CHARACTERS, SentenceCutter
from antiphon.session.turn_detection import SpeechBegan, SpeechEnded, TurnDetector


def cut(*deltas: str) -> list[str]:
    cutter = SentenceCutter()
    return [piece for delta in deltas for piece in cutter.add(delta)] + cutter.flush()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two!", ["One. ", "Two!"]),
        ("It is 1.2 km away. Yes.", ["It is 1.2 km away. ", "Yes."]),
        ("Mr. Smith lives there. Yes.", ["Mr. Smith lives there. ", "Yes."]),
        ('He said "no." Then he left.', ['He said "no." ', "Then he left."]),
        ("これは家です。広いです。", ["これは家です。", "広いです。"]),
        ("The house, which was built in 1987, is large.", ["The house, which was built in 1987, ", "is large."]),
        ("Yes, it is.", ["Yes, it is."]),
    ],
)
def test_text_is_cut_where_a_speaker_would_pause(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces


@given(st.lists(st.text(alphabet="ab .!?,;\n1。", max_size=30)))
def test_no_text_is_lost_in_cutting(deltas: list[str]) -> None:
    assert "".join(cut(*deltas)) == "".join(deltas)


@given(st.text(alphabet="ab", min_size=400, max_size=900))
def test_text_without_marks_is_cut_all_the_same(text: str) -> None:
    assert all(len(piece) <= LONGEST_CHARACTERS for piece in cut(text))


def test_a_sentence_is_ready_as_soon_as_the_next_begins() -> None:
    cutter = SentenceCutter()
    assert cutter.add("One.") == []
    assert cutter.add(" Tw") == ["One. "]


def test_interim_words_are_sent_once_they_have_settled() -> None:
    interim = InterimTranscript()
    hypotheses = (
        "how",
        "how many bad",
        "how many bed",
        "how many bedrooms",
        "how many bedrooms are",
        "how many bedrooms are there",
    )
    assert [interim.update(text) for text in hypotheses] == ["", "", "how", "", " many", " bedrooms"]
    assert interim.finish("how many bedrooms are there") == " are there"


def test_a_final_transcript_that_contradicts_adds_its_rest() -> None:
    """A client that only adds up deltas has a word too many and none too few."""
    interim = InterimTranscript()
    assert [interim.update("how many bad rooms are") for _ in range(3)] == ["", "", "how many bad"]
    assert interim.finish("how many bedrooms are there") == " bedrooms are there"


@given(st.lists(st.text(alphabet="ab ", max_size=12)), st.text(alphabet="ab ", max_size=12))
def test_interim_deltas_add_up_to_words(hypotheses: list[str], final: str) -> None:
    interim = InterimTranscript()
    sent = ""
    for text in hypotheses:
        sent += interim.update(text)
        assert sent == " ".join(sent.split())
    before = sent.split()
    sent += interim.finish(final)
    assert sent == " ".join(sent.split())
    if final.split()[: len(before)] == before:
        assert sent.split() == final.split()
    else:
        assert sent.split()[-1:] == final.split()[-1:] or before[: len(final.split())] == final.split()


def test_heard_text_ends_with_the_last_word_that_began() -> None:
    spoken = SpokenText()
    spoken.add_text("one two three")
    for start, end, sample in ((0, 3, 0), (4, 7, 100), (8, 13, 200)):
        spoken.mark(SpokenWord(start, end, sample), 0, 0)
    spoken.add_audio(300)
    assert [spoken.heard(samples) for samples in (0, 1, 100, 101, 250, 300)] == [
        "", "one", "one", "one two", "one two three", "one two three",
    ]  # fmt: skip


def test_heard_text_is_estimated_without_marks() -> None:
    spoken = SpokenText()
    spoken.add_text("one two three")
    spoken.add_audio(1300)
    assert spoken.heard(800) == "one two"
    assert spoken.heard(200) == ""


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30))))
def test_a_buffer_keeps_positions_whatever_is_dropped(steps: list[tuple[int, int]]) -> None:
    buffer, total = InputAudioBuffer(), 0
    for added, dropped in steps:
        buffer.append(b"".join((total + index).to_bytes(2, "little") for index in range(added)))
        total += added
        buffer.drop(dropped)
        assert buffer.end == total
        assert buffer.peek(buffer.start, buffer.end) == b"".join(
            sample.to_bytes(2, "little") for sample in range(buffer.start, total)
        )


def heard_by(detector: TurnDetector, *probabilities: float) -> list[object]:
    return [
        turn
        for index, probability in enumerate(probabilities)
        if (turn := detector.hear(index * 10, index * 10 + 10, probability)) is not None
    ]


def test_a_click_is_not_speech() -> None:
    assert heard_by(TurnDetector(0.5, 20), 0.1, 0.9, 0.1, 0.9, 0.1) == []


def test_speech_begins_at_its_first_frame_and_ends_after_enough_silence() -> None:
    turns = heard_by(TurnDetector(0.5, 20), 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1)
    assert turns == [SpeechBegan(10), SpeechEnded(70)]


def test_soft_syllables_do_not_end_speech() -> None:
    assert heard_by(TurnDetector(0.5, 20), 0.9, 0.9, 0.4, 0.4, 0.4, 0.4) == [SpeechBegan(0)]


def test_silence_duration_zero_ends_with_the_first_quiet_frame() -> None:
    assert heard_by(TurnDetector(0.5, 0), 0.9, 0.9, 0.1) == [SpeechBegan(0), SpeechEnded(30)]
