"""Transcription sessions hear and never answer."""

import pytest

from antiphon.protocol.session_kinds import TRANSCRIPTION
from antiphon.session import SessionStart
from antiphon.session.requests import Generate
from antiphon.session.results import TranscriptPartial
from tests.session.harness import LOUD, QUIET, CoreClient


@pytest.fixture
def session() -> CoreClient:
    return CoreClient(SessionStart("", kind=TRANSCRIPTION))


def test_it_shows_only_what_concerns_hearing(session: CoreClient) -> None:
    created = session.sent("session.created")["session"]
    assert list(created) == ["type", "object", "id", "expires_at", "audio", "include"]
    assert (created["type"], created["object"]) == ("transcription", "realtime.transcription_session")
    assert list(created["audio"]) == ["input"]


def test_a_turn_is_transcribed_and_not_answered(session: CoreClient) -> None:
    session.hear((QUIET, 320), (LOUD, 500))
    item_id = session.sent("input_audio_buffer.speech_started")["item_id"]
    for _ in range(3):
        session.result(TranscriptPartial(item_id, "how many bed rooms"))
    session.hear((QUIET, 700))
    session.transcribe("how many bedrooms")
    assert session.types() == [
        "session.created",
        "input_audio_buffer.speech_started",
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert session.all_asked(Generate) == []


def test_it_can_be_configured(session: CoreClient) -> None:
    audio = {"input": {"transcription": {"model": "whisper-1", "language": "en"}, "turn_detection": None}}
    session.send("session.update", session={"type": "transcription", "audio": audio})
    updated = session.sent("session.updated")["session"]
    assert updated["audio"]["input"]["transcription"]["language"] == "en"
    assert updated["audio"]["input"]["turn_detection"] is None


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        ({"type": "realtime"}, "invalid_parameter", "session.type"),
        ({"type": "transcription", "instructions": "x"}, "unknown_parameter", "session.instructions"),
        ({"type": "transcription", "audio": {"output": {}}}, "unknown_parameter", "session.audio.output"),
        ({}, "missing_required_parameter", "session.type"),
        ({"type": []}, "invalid_value", "session.type"),
    ],
)
def test_what_concerns_answers_is_refused(
    session: CoreClient, update: dict[str, object], code: str, param: str
) -> None:
    session.send("session.update", session=update)
    assert (session.error["code"], session.error["param"]) == (code, param)


def test_a_response_is_refused(session: CoreClient) -> None:
    session.send("response.create")
    assert "makes no responses" in session.error["message"]
