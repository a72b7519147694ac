"""Facts of any table become the questions that people ask about them."""

import pytest

from antiphon.session.context import FactValue, Knowledge
from antiphon.stages.stt.phrasings import likely_sentences


def sentences(facts: dict[str, FactValue], phrases: tuple[str, ...] = (), prompt: str | None = None) -> set[str]:
    return {" ".join(words) for words in likely_sentences(Knowledge(facts, phrases), prompt)}


@pytest.mark.parametrize(
    ("facts", "question"),
    [
        ({"bedrooms": 4}, "how many bedrooms are there"),
        ({"property_id": "x", "bedrooms": 4}, "how many bedrooms does this property have"),
        ({"type": "Family hotel", "rooms": 40}, "how many rooms does the hotel have"),
        ({"price": {"amount": 12, "currency": "EUR"}}, "how much does it cost"),
        ({"garden_area_sqm": 640}, "how big is the garden"),
        ({"year_built": 1987}, "when was it built"),
        ({"pets_allowed": True}, "are pets allowed"),
        ({"furnished": False}, "is it furnished"),
        ({"swimming_pool": False}, "is there a swimming pool"),
        ({"espresso": 2.5}, "i would like to order an espresso"),
        ({"nearest_bus_stop": {"distance_km": 1.2}}, "how far is the nearest bus stop"),
        ({"openingHours": "9 to 5"}, "what are your opening hours"),
        ({"distance_to_beach_km": 0.4}, "how far is the beach"),
        ({"check_in_time": "15:00"}, "what time is check in"),
        ({"wifi": True}, "do you have wifi"),
        ({"rooms": {"kitchen": "with an island"}}, "tell me about the kitchen"),
        ({"viewings": "Fridays"}, "i would like to book a viewing"),
        ({"departures": [{"destination": "Leeds"}]}, "what is the destination"),
        ({}, "thank you very much"),
    ],
)
def test_a_fact_brings_its_questions(facts: dict[str, FactValue], question: str) -> None:
    assert question in sentences(facts)


def test_values_phrases_and_prompt_are_expected_too() -> None:
    heard = sentences({"garage": "double garage"}, ("Show me 2 flats.",), "Xylophone, zither")
    assert {"double garage", "show me two flats", "xylophone", "zither"} <= heard


def test_a_taught_phrase_counts_more_than_a_guessed_question() -> None:
    expected = likely_sentences(Knowledge({"price": 1}, ("is it a bargain",)))
    assert expected["is", "it", "a", "bargain"] > expected["tell", "me", "the", "price"]


def test_a_huge_table_stays_bounded() -> None:
    facts: dict[str, FactValue] = {f"fact {number}": "some text " * 100 for number in range(2000)}
    expected = likely_sentences(Knowledge(facts))
    assert len(expected) < 60_000
    assert max(len(words) for words in expected) < 50
