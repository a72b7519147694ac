"""Keys stay out of what is told."""

import pytest

from antiphon.engines.upstream.masking import masked, one_line

KEY = "sk-proj-Zy8WvUt7SrQp6OnMl5KjIh4GfEd3Cba2"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: ********."),
        (f"{KEY} {KEY}", "******** ********"),
        ("Incorrect API key provided: sk-proj-****Cba2. You", "Incorrect API key provided: ******** You"),
        ("key Zy8WvUt7SrQp is bad", "key ******** is bad"),
        ("key ********************************Cba2 is bad", "key ******** is bad"),
        ("another's: sk-abcdefgh", "another's: ********"),
        ("session sess_abc of model gpt-realtime-2.1", "session sess_abc of model gpt-realtime-2.1"),
        ("Cba2", "Cba2"),  # four letters say nothing
    ],
)
def test_the_whole_key_its_pieces_and_what_looks_alike_are_hidden(said: str, shown: str) -> None:
    assert one_line(said, KEY) == shown


def test_a_short_key_is_hidden_whole_only() -> None:
    assert masked("openai says openai-key is wrong", "openai-key") == "openai says ******** is wrong"


def test_without_a_key_text_stays() -> None:
    assert masked("nothing to hide", "") == "nothing to hide"


def test_a_log_line_is_one_line_of_bounded_length() -> None:
    assert one_line("a\r\nb\x1b[31mc\t d", "") == "a b [31mc d"
    assert len(one_line("x" * 9999, "")) == 500


def test_masked_json_is_json() -> None:
    assert masked(f'{{"m":"{KEY}"}}', KEY) == '{"m":"********"}'
