"""What the user heard of an answer: by proportion of its audio, in whole words."""

import pytest

from antiphon.path.ledger.restoration import UNHEARD
from antiphon.path.ledger.spoken import Spoken
from tests.path.ledger.kit import Conversation

ANSWER = "There are four large bedrooms here."


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


@pytest.mark.parametrize(
    ("heard_ms", "text"),
    [
        (0, ""),
        (100, ""),
        (500, "There are four"),
        (999, ANSWER),  # clients round
        (5000, ANSWER),
    ],
)
def test_an_answer_is_cut_in_proportion_and_at_the_end_of_a_word(talk: Conversation, heard_ms: int, text: str) -> None:
    item_id = talk.answer(ANSWER, ms=1000)
    assert talk.ledger.truncate(item_id, 0, heard_ms) == text


def test_an_answer_comes_back_as_it_was_heard(talk: Conversation) -> None:
    item_id = talk.answer(ANSWER, ms=1000)
    talk.server("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=500)
    assert talk.texts() == ["There are four"]
    # As servers do, the item no longer shows its transcript.
    assert (talk.ledger.shown_item(item_id) or {})["content"] == [{"type": "output_audio", "transcript": None}]


def test_a_cut_is_never_taken_back(talk: Conversation) -> None:
    item_id = talk.answer(ANSWER, ms=1000)
    assert talk.ledger.truncate(item_id, 0, 300) == "There are"
    assert talk.ledger.truncate(item_id, 0, 800) == "There are"


def test_an_answer_may_be_truncated_while_it_is_spoken(talk: Conversation) -> None:
    """Its length is what was sent in the end, since that is what its whole transcript tells."""
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, "There are four", ms=500)
    talk.server("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=500)
    talk.stream(response_id, item_id, "large bedrooms here.", ms=500)
    talk.close_message(response_id, item_id, ANSWER)
    talk.done(response_id)
    assert talk.texts() == ["There are four"]


def test_a_done_event_without_the_transcript_takes_nothing_away(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, ANSWER, ms=1000)
    talk.server("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=500)
    talk.server("response.output_audio_transcript.done", **talk.place(response_id, item_id), transcript=ANSWER)
    content = [{"type": "output_audio", "transcript": None}]
    item = {"id": item_id, "type": "message", "status": "incomplete", "role": "assistant", "content": content}
    talk.close_item(response_id, item)
    assert talk.texts() == ["There are four"]


def test_a_transcript_that_the_server_cut_is_not_cut_twice(talk: Conversation) -> None:
    response_id = talk.created()
    item_id = talk.open_message(response_id)
    talk.stream(response_id, item_id, ANSWER, ms=1000)
    talk.server("response.output_audio_transcript.done", **talk.place(response_id, item_id), transcript=ANSWER)
    talk.server("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=500)
    content = [{"type": "output_audio", "transcript": "There are four"}]
    item = {"id": item_id, "type": "message", "status": "incomplete", "role": "assistant", "content": content}
    talk.close_item(response_id, item)
    assert talk.texts() == ["There are four"]


def test_an_answer_may_be_truncated_before_its_first_part(talk: Conversation) -> None:
    response_id = talk.created()
    item = {"type": "message", "role": "assistant", "content": []}
    item_id = talk.open_item(response_id, item)
    talk.server("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=0)
    place = talk.place(response_id, item_id)
    talk.server("response.content_part.added", **place, part={"type": "audio", "transcript": ""})
    talk.stream(response_id, item_id, ANSWER, ms=1000)
    talk.close_message(response_id, item_id, ANSWER)
    assert talk.texts() == [UNHEARD]


def test_of_an_answer_of_unknown_length_nothing_counts_as_heard(talk: Conversation) -> None:
    item_id = talk.answer(ANSWER, ms=0)
    assert talk.ledger.truncate(item_id, 0, 500) == ""


def test_what_is_no_answer_cannot_be_truncated(talk: Conversation) -> None:
    item_id = talk.say("Hello")
    assert talk.ledger.truncate(item_id, 0, 500) is None
    assert talk.ledger.truncate("nowhere", 0, 500) is None
    assert talk.texts() == ["Hello"]


def test_the_response_tells_the_rate_of_its_audio(talk: Conversation) -> None:
    response_id = talk.created()
    audio = {"output": {"format": {"type": "audio/pcmu"}, "voice": "alloy"}}
    talk.server("response.created", response={"id": response_id, "conversation_id": "conv_1", "audio": audio})
    item_id = talk.open_message(response_id)
    talk.ledger.note_audio_delta(item_id, 8000)
    talk.close_message(response_id, item_id, ANSWER)
    assert talk.ledger.truncate(item_id, 0, 500) == "There are four"


@pytest.mark.parametrize(
    ("text", "heard"),
    [("今日は晴れです。", "今日は晴"), ("Hello.", ""), ("one two", "one"), ("", "")],
)
def test_scripts_without_spaces_are_cut_between_letters(text: str, heard: str) -> None:
    assert Spoken(48_000, text, audio_bytes=48_000, heard_ms=500).heard == heard
