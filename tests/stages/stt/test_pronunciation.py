"""Words outside the dictionary are composed or guessed."""

import pytest

from antiphon.stages.stt.pronunciation import Dictionary, sounded_out

DICTIONARY = Dictionary("oak OW K\nfield F IY L D\nthe DH AH\nthe(2) DH IY\nmeter M IY T ER\nview V Y UW\nbus B AH S")


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("the", "DH AH"),
        ("oakfield", "OW K F IY L D"),
        ("oaks", "OW K S"),
        ("views", "V Y UW Z"),
        ("buses", "B AH S AH Z"),
        ("metre", "M IY T ER"),
        ("metres", "M IY T ER Z"),
        ("unview", "AH N V Y UW"),
        ("bbc", "B IY B IY S IY"),
    ],
)
def test_known_composed_and_spelled(word: str, phones: str) -> None:
    assert DICTIONARY.pronounce(word) == phones


@pytest.mark.parametrize(
    ("word", "phones"),
    [("shack", "SH AE K"), ("trane", "T R EY N"), ("knightly", "N AY T L IY"), ("zappo", "Z AE P OW")],
)
def test_letters_have_their_usual_sound(word: str, phones: str) -> None:
    assert sounded_out(word) == phones


def test_a_word_is_not_found_inside_another() -> None:
    assert "oa" not in DICTIONARY
    assert "ak" not in DICTIONARY
