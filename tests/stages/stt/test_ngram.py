"""The n-gram model is a probability distribution that prefers what it was taught."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.stages.stt.ngram import NgramModel, merge, ngram_model

WORDS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=5).map(tuple)


def total(model: NgramModel, history: tuple[str, ...]) -> float:
    return sum(10 ** model.log10_probability(word, history) for word in (*model.words, "</s>"))


@given(st.dictionaries(WORDS, st.floats(0.1, 20), min_size=1, max_size=12))
def test_the_probabilities_after_any_history_add_up_to_one(sentences: dict[tuple[str, ...], float]) -> None:
    model = ngram_model(sentences)
    histories: list[tuple[str, ...]] = [(), ("<s>",), ("a", "b"), ("e",)]
    histories += [("<s>", sentence[0]) for sentence in sentences]
    for history in histories:
        assert total(model, history) == pytest.approx(1, abs=1e-6)


def test_taught_words_are_likelier_in_their_company() -> None:
    model = ngram_model({("how", "big", "is", "it"): 3.0, ("it", "is", "how", "it", "is"): 1.0})
    assert model.log10_probability("big", ("how",)) > model.log10_probability("big", ("is",))
    assert model.log10_probability("is", ("how", "big")) > math.log10(0.8)


def test_an_unknown_word_is_never_expected() -> None:
    assert ngram_model({("yes",): 1.0}).log10_probability("no", ("yes",)) < -90


def test_groups_add_up_and_repetitions_in_a_group_do_not() -> None:
    merged = merge([(2.0, [["a"], ["a"], []]), (1.0, [["a"], ["b"]])])
    assert merged == {("a",): 3.0, ("b",): 1.0}


def test_the_arpa_file_counts_what_it_lists() -> None:
    text = ngram_model({("yes",): 1.0, ("no", "thanks"): 2.0}).arpa()
    lines = text.splitlines()
    for order in (1, 2, 3):
        start = lines.index(f"\\{order}-grams:") + 1
        count = lines[start:].index("")
        assert f"ngram {order}={count}" in lines
    assert lines[-1] == "\\end\\"
    assert "<s>\t" in text
