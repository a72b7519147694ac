"""Keys, numbers and units become words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.stages.stt.spoken import integer_words, key_words, readings_of, sentences_of, words_of


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (101, "one hundred one"),
        (489000, "four hundred eighty nine thousand"),
        (2_000_000, "two million"),
        (-3, "minus three"),
    ],
)
def test_integers_are_read_aloud(number: int, words: str) -> None:
    assert " ".join(integer_words(number)) == words


@pytest.mark.parametrize(
    ("key", "name", "unit"),
    [
        ("floor_area_sqft", "floor area", "square feet"),
        ("distanceKm", "distance", "kilometres"),
        ("living room", "living room", ""),
        ("WiFiPassword", "wi fi password", ""),
        ("km", "kilometres", ""),
        ("room2", "room two", ""),
    ],
)
def test_keys_are_split_into_a_name_and_a_unit(key: str, name: str, unit: str) -> None:
    words, unit_words = key_words(key)
    assert (" ".join(words), " ".join(unit_words)) == (name, unit)


def test_a_year_has_two_readings() -> None:
    assert [" ".join(words) for words in readings_of("built 1987")] == [
        "built one thousand nine hundred eighty seven",
        "built nineteen eighty seven",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.2 km", "one point two kilometres"),
        ("640 m²", "six hundred forty square metres"),
        ("£1,250 & a café", "pounds one thousand two hundred fifty and a cafe"),
        ("Don\u2019t stop!", "don't stop"),
        ("south-west", "south west"),
        ("", ""),
    ],
)
def test_text_becomes_plain_words(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words


def test_prose_is_cut_where_a_speaker_breathes() -> None:
    assert sentences_of("Hello. Is it 1.2 km? Yes, it is") == ["Hello", "Is it 1.2 km", "Yes", "it is"]


@given(st.text())
def test_any_text_becomes_words_of_letters(text: str) -> None:
    assert all(word.replace("'", "").isalpha() and word.isascii() and word.islower() for word in words_of(text))
