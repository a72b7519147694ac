"""What a fresh leg is configured with, and what holds where the client asked for nothing."""

from typing import Any

import pytest

from antiphon.path.ledger import Ledger, LedgerLimits

SHOWN: dict[str, Any] = {
    "type": "realtime",
    "id": "sess_1",
    "model": "gpt-realtime-2.1",
    "instructions": "long default",
    "truncation": "auto",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "create_response": True},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
    },
}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(None, LedgerLimits())


def detection(value: Any) -> dict[str, Any]:
    return {"audio": {"input": {"turn_detection": value}}}


def test_a_client_that_asked_for_nothing_is_given_nothing(ledger: Ledger) -> None:
    ledger.session_shown(SHOWN)
    assert ledger.config == {"type": "realtime"}
    assert Ledger(None, LedgerLimits(), transcribes_only=True).config == {"type": "transcription"}


def test_updates_are_merged(ledger: Ledger) -> None:
    ledger.merge_config({"type": "realtime", "instructions": "a", "audio": {"output": {"voice": "ash"}}})
    ledger.merge_config({"type": "realtime", "instructions": "b", "audio": {"input": {"noise_reduction": None}}})
    assert ledger.config == {
        "type": "realtime",
        "instructions": "b",
        "audio": {"output": {"voice": "ash"}, "input": {"noise_reduction": None}},
    }
    assert ledger.instructions == "b"


def test_tools_and_objects_below_the_merged_ones_are_replaced(ledger: Ledger) -> None:
    ledger.merge_config({"tools": [{"type": "function", "name": "a"}], **detection({"type": "semantic_vad"})})
    ledger.merge_config({"tools": [], **detection({"type": "server_vad", "threshold": 0.6})})
    assert ledger.config["tools"] == []
    assert ledger.config["audio"]["input"]["turn_detection"] == {"type": "server_vad", "threshold": 0.6}


def test_what_only_servers_set_is_not_asked_of_the_next(ledger: Ledger) -> None:
    ledger.merge_config({"type": "realtime", "model": "m", "id": "sess_1", "object": "o", "expires_at": 1})
    assert ledger.config == {"type": "realtime"}


def test_an_update_is_not_changed_by_those_after_it(ledger: Ledger) -> None:
    update = {"audio": {"output": {"voice": "ash"}}}
    ledger.merge_config(update)
    ledger.merge_config({"audio": {"output": {"speed": 1.2}}})
    assert update == {"audio": {"output": {"voice": "ash"}}}


def test_what_the_client_asked_for_holds_over_what_was_shown(ledger: Ledger) -> None:
    ledger.merge_config({"audio": {"input": {"format": {"type": "audio/pcma"}}}})
    ledger.session_shown(SHOWN)
    assert ledger.audio_bytes_per_second == 8000
    assert ledger.output_bytes_per_second == 48_000
    assert ledger.model == "gpt-realtime-2.1"


def test_turn_detection_is_as_shown_unless_asked_for(ledger: Ledger) -> None:
    assert ledger.turn_detection == {"type": "server_vad"}
    ledger.session_shown(SHOWN)
    assert ledger.turn_detection == SHOWN["audio"]["input"]["turn_detection"]
    ledger.merge_config(detection({"type": "server_vad", "create_response": False, "threshold": None}))
    assert ledger.turn_detection == {"type": "server_vad", "silence_duration_ms": 500, "create_response": False}
    assert not ledger.creates_response
    ledger.merge_config(detection({"type": "semantic_vad"}))
    assert ledger.turn_detection == {"type": "semantic_vad"}
    assert ledger.creates_response


def test_turn_detection_null_is_none_and_not_the_default(ledger: Ledger) -> None:
    ledger.session_shown(SHOWN)
    ledger.merge_config(detection(None))
    assert ledger.turn_detection is None
    assert not ledger.creates_response
    assert ledger.config["audio"]["input"]["turn_detection"] is None


def test_transcription_is_what_the_client_asked_for(ledger: Ledger) -> None:
    assert ledger.transcription is None
    ledger.merge_config({"audio": {"input": {"transcription": {"model": "whisper-1"}}}})
    assert ledger.transcription == {"model": "whisper-1"}
