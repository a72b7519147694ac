"""Which input audio is sent again, and whose turn it is."""

import base64

import pytest

from antiphon.path.ledger import LedgerLimits
from antiphon.path.ledger.input_audio import COMMIT
from tests.path.ledger.kit import MS, Conversation, audio_of, pcm


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def pending(talk: Conversation) -> bytes:
    audio = b"".join(audio_of(message) for message in talk.ledger.pending_appends())
    assert talk.ledger.pending_audio_bytes == len(audio)
    return audio


def test_while_nobody_speaks_the_preroll_is_sent_again(talk: Conversation) -> None:
    talk.append(pcm(3000, 1) + pcm(2000, 2))
    assert pending(talk) == pcm(2000, 2)
    assert talk.ledger.speech_item_id is None


def test_old_audio_is_let_go_while_nobody_speaks(talk: Conversation) -> None:
    talk.append(pcm(60_000))
    assert talk.ledger._input.size < 3000 * MS * 4 // 3


def test_while_the_user_speaks_all_of_the_turn_is_sent_again(talk: Conversation) -> None:
    talk.append(pcm(1000, 1) + pcm(300, 2))
    item_id = talk.start_speaking(padding_ms=300)
    talk.append(pcm(5000, 3))
    assert pending(talk) == pcm(300, 2) + pcm(5000, 3)
    assert talk.ledger.speech_item_id == item_id


def test_a_turn_is_sent_again_until_it_is_committed(talk: Conversation) -> None:
    talk.append(pcm(300, 2))
    item_id = talk.start_speaking()
    talk.append(pcm(3000, 3))
    talk.stop_speaking(item_id)
    assert talk.ledger.speech_item_id == item_id
    assert pending(talk) == pcm(300, 2) + pcm(3000, 3)
    talk.commit(item_id)
    assert talk.ledger.speech_item_id is None
    assert pending(talk) == b""


def test_what_comes_behind_a_turn_is_not_part_of_it(talk: Conversation) -> None:
    talk.append(pcm(300, 2))
    item_id = talk.start_speaking()
    talk.append(pcm(1000, 2))
    talk.stop_speaking(item_id)
    talk.append(pcm(500, 4))
    talk.commit(item_id)
    assert pending(talk) == pcm(500, 4)


def test_a_position_that_is_not_of_this_audio_means_all_that_is_kept(talk: Conversation) -> None:
    talk.append(pcm(500))
    talk.server("input_audio_buffer.speech_started", audio_start_ms=99_999, item_id="item_a")
    assert pending(talk) == pcm(500)


def test_without_turn_detection_all_uncommitted_audio_is_sent_again() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(10_000, 1))
    assert pending(talk) == pcm(10_000, 1)
    assert talk.ledger.speech_item_id is None


def test_a_commit_takes_what_was_appended_before_it() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(500, 1))
    talk.client("input_audio_buffer.commit")
    talk.append(pcm(400, 2))
    talk.commit("item_a")
    entry = talk.ledger.entry("item_a")
    assert entry is not None
    assert entry.audio[0].seconds == 0.5
    assert pending(talk) == pcm(400, 2)


def test_an_unanswered_commit_stands_between_the_audio() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(20, 1))
    talk.client("input_audio_buffer.commit")
    talk.append(pcm(20, 2))
    first, commit, second = talk.ledger.pending_input()
    assert commit == COMMIT
    assert (audio_of(first), audio_of(second)) == (pcm(20, 1), pcm(20, 2))
    talk.client("input_audio_buffer.commit")
    assert talk.ledger.pending_input()[-1] == COMMIT


def test_a_refused_commit_takes_nothing() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(20, 1))
    talk.client("input_audio_buffer.commit")
    talk.server("error", error={"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty"})
    talk.append(pcm(500, 2))
    talk.client("input_audio_buffer.commit")
    talk.append(pcm(40, 3))
    talk.commit("item_a")
    assert pending(talk) == pcm(40, 3)


def test_a_commit_refused_for_another_reason_is_known_by_its_id() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(200, 1))
    talk.client("input_audio_buffer.commit", event_id="mine")
    talk.server("error", error={"type": "invalid_request_error", "code": "rate_limit_exceeded", "event_id": "mine"})
    talk.append(pcm(200, 2))
    talk.client("input_audio_buffer.commit")
    talk.append(pcm(40, 3))
    talk.commit("item_a")
    assert pending(talk) == pcm(40, 3)


def test_a_turn_cannot_begin_in_audio_that_was_committed() -> None:
    """Its padding reaches into the turn before, within one message."""
    talk = Conversation()
    talk.append(pcm(1000, 1) + pcm(200, 2), size_ms=1200)
    talk.server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_a")
    talk.server("input_audio_buffer.speech_stopped", audio_end_ms=1000, item_id="item_a")
    talk.commit("item_a")
    talk.server("input_audio_buffer.speech_started", audio_start_ms=900, item_id="item_b")
    assert pending(talk) == pcm(200, 2)
    talk.stop_speaking("item_b")
    talk.commit("item_b")
    entry = talk.ledger.entry("item_b")
    assert entry is not None
    assert base64.b64decode(entry.audio[0].base64()) == pcm(200, 2)


def test_what_was_cleared_is_not_sent_again() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(500, 1))
    talk.client("input_audio_buffer.clear")
    talk.append(pcm(100, 2))
    assert pending(talk) == pcm(100, 2)  # even before the server says so
    talk.server("input_audio_buffer.cleared")
    assert pending(talk) == pcm(100, 2)


def test_clearing_ends_the_turn(talk: Conversation) -> None:
    talk.append(pcm(500))
    talk.start_speaking()
    talk.client("input_audio_buffer.clear")
    talk.server("input_audio_buffer.cleared")
    assert talk.ledger.speech_item_id is None
    assert pending(talk) == b""


def test_a_turn_is_bounded_and_its_beginning_goes_first() -> None:
    talk = Conversation(LedgerLimits(kept_audio_bytes=200_000), turn_detection=None)
    talk.append(pcm(5000, 1))
    talk.append(pcm(1000, 2))
    assert talk.ledger._input.size <= 200_000
    assert pending(talk).endswith(pcm(1000, 2))


def test_telephone_audio_has_its_own_rate() -> None:
    talk = Conversation(turn_detection=None)
    talk.ledger.merge_config({"audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    assert talk.ledger.audio_bytes_per_second == 8000
    talk.append(bytes(8000))
    talk.client("input_audio_buffer.commit")
    talk.commit("item_a")
    entry = talk.ledger.entry("item_a")
    assert entry is not None
    assert entry.audio[0].seconds == 1.0


def test_audio_that_is_no_base64_is_left_out() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(100))
    talk.ledger.note_append(b'{"type":"input_audio_buffer.append","audio":"?"}', 0)
    talk.client("input_audio_buffer.commit")
    talk.commit("item_a")
    assert talk.restored()[0]["content"][0]["type"] == "input_audio"


# --- whose turn it is -----------------------------------------------------------------------------------------


def test_a_committed_turn_awaits_its_response(talk: Conversation) -> None:
    talk.speak(pcm(600))
    assert talk.ledger.awaits_response
    talk.created()
    assert not talk.ledger.awaits_response


def test_a_response_out_of_band_answers_no_turn(talk: Conversation) -> None:
    talk.speak(pcm(600))
    talk.created(conversation_id=None)
    assert talk.ledger.awaits_response


def test_a_client_that_commits_asks_for_its_response_itself() -> None:
    talk = Conversation(turn_detection=None)
    talk.append(pcm(500))
    talk.client("input_audio_buffer.commit")
    talk.commit("item_a")
    assert not talk.ledger.awaits_response


def test_a_client_may_commit_though_the_server_detects_turns(talk: Conversation) -> None:
    """Only turns that the server ends are answered by themselves."""
    talk.append(pcm(500))
    talk.client("input_audio_buffer.commit")
    talk.commit("item_a")
    assert not talk.ledger.awaits_response


def test_a_turn_is_not_answered_where_the_client_wants_none() -> None:
    talk = Conversation(turn_detection={"type": "server_vad", "create_response": False})
    talk.speak(pcm(600))
    assert not talk.ledger.awaits_response


def test_a_transcription_session_answers_nothing() -> None:
    talk = Conversation(transcribes_only=True)
    talk.speak(pcm(600))
    assert not talk.ledger.awaits_response
    assert not talk.ledger.creates_response


def test_a_silence_that_the_server_commits_awaits_its_response(talk: Conversation) -> None:
    talk.append(pcm(6000))
    talk.server("input_audio_buffer.timeout_triggered", audio_start_ms=1000, audio_end_ms=6000, item_id="item_u")
    assert talk.ledger.speech_item_id is None
    talk.commit("item_u")
    assert talk.ledger.awaits_response


def test_a_user_who_speaks_on_is_answered_once(talk: Conversation) -> None:
    talk.speak(pcm(600))
    item_id = talk.start_speaking()
    assert not talk.ledger.awaits_response
    talk.append(pcm(300))
    talk.stop_speaking(item_id)
    talk.commit(item_id)
    assert talk.ledger.awaits_response
