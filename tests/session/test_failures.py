"""A failing stage ends the response with a reason that helps; the session goes on."""

import pytest

from antiphon.session.requests import CancelGeneration, CancelSpeech, Generate, Speak
from antiphon.session.results import DetectionFailed, GenerationFailed, SpeechFailed, TranscriptFailed
from tests.session.harness import LOUD, QUIET, CoreClient

HELP = "llm openai: connection refused; is the server at http://localhost:9 running?"


def goes_on(session: CoreClient) -> None:
    """The session still answers."""
    session.forget()
    session.say("Still there?")
    session.send("response.create", response={"output_modalities": ["text"]})
    session.generate("Yes.")
    assert session.sent("response.done")["response"]["status"] == "completed"


def failure(session: CoreClient) -> dict[str, object]:
    response = session.sent("response.done")["response"]
    assert response["status"] == "failed"
    assert response["status_details"]["type"] == "failed"
    error: dict[str, object] = response["status_details"]["error"]
    return error


def test_a_failing_language_model(session: CoreClient) -> None:
    session.say("Hello")
    session.send("response.create")
    session.result(GenerationFailed(session.asked(Generate).response_id, "connection_failed", HELP))
    assert failure(session) == {"type": "server_error", "code": "connection_failed", "message": HELP}
    goes_on(session)


def test_a_language_model_that_fails_in_mid_answer(session: CoreClient) -> None:
    session.say("Hello")
    session.send("response.create")
    session.generate("One sentence. ", "And ha", done=False)
    session.speak(ms=500, done=False)
    session.result(GenerationFailed(session.asked(Generate).response_id, "stalled", HELP))
    failure(session)
    item = session.sent("response.output_item.done")["item"]
    assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "One sentence.")
    assert len(session.all_asked(CancelSpeech)) == 1
    goes_on(session)


def test_failing_speech(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("One sentence. ", done=False)
    session.result(SpeechFailed(session.asked(Speak).speech_id, "crashed", "tts espeak: the worker ended"))
    assert failure(session)["code"] == "crashed"
    assert len(session.all_asked(CancelGeneration)) == 1
    goes_on(session)


@pytest.mark.parametrize("shown", [True, False])
def test_a_failing_transcription(session: CoreClient, shown: bool) -> None:
    session.configure(audio={"input": {"transcription": {"model": "whisper-1"} if shown else None}})
    session.hear((QUIET, 320), (LOUD, 500), (QUIET, 700))
    session.result(TranscriptFailed(session.last_item_id(), "timeout", "stt openai: no answer in 10 s"))
    assert failure(session)["message"] == "stt openai: no answer in 10 s"
    failed = session.all_sent("conversation.item.input_audio_transcription.failed")
    assert len(failed) == shown
    goes_on(session)


def test_a_transcription_that_fails_while_the_user_still_speaks(session: CoreClient) -> None:
    session.hear((QUIET, 320), (LOUD, 500))
    item_id = session.sent("input_audio_buffer.speech_started")["item_id"]
    session.result(TranscriptFailed(item_id, "timeout", "stt openai: no answer"))
    session.hear((QUIET, 700))
    assert failure(session)["message"] == "stt openai: no answer"
    goes_on(session)


def test_failing_turn_detection_is_told(session: CoreClient) -> None:
    session.result(DetectionFailed("missing", "vad silero: gone"))
    assert session.error["type"] == "server_error"
    assert "vad silero: gone" in session.error["message"]
    goes_on(session)


# --- mistakes of clients --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        (b"[" * 100_000, "missing_required_parameter", "type"),
        (b"{}", "missing_required_parameter", "type"),
        (b"[]", "missing_required_parameter", "type"),
        (b'{"type":"session.begin"}', "invalid_value", "type"),
        (b'{"type":7}', "invalid_value", "type"),
        (b'{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":"!"}', "invalid_value", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":"AAAA"}', "invalid_value", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":[]}', "invalid_type", "audio"),
        (b'{"type":"response.create","response":{"modalities":["text"]}}', "unknown_parameter", "response.modalities"),
        (b'{"type":"response.create","extra":1}', "unknown_parameter", "extra"),
        (b'{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":-1}',
         "integer_below_min_value", "audio_end_ms"),
        (b'{"type":"output_audio_buffer.clear"}', "invalid_value", "type"),
        (b'{"type":"conversation.item.create","item":{"type":"mcp_approval_response","approval_request_id":"x",'
         b'"approve":true}}', "invalid_value", "item.type"),
    ],
)  # fmt: skip
def test_a_mistake_becomes_an_error_and_the_session_goes_on(
    session: CoreClient, message: bytes, code: str, param: str | None
) -> None:
    session.forget()
    session.send_raw(message)
    assert session.types() == ["error"]
    assert list(session.error) == ["type", "code", "message", "param", "event_id"]
    assert (session.error["type"], session.error["code"]) == ("invalid_request_error", code)
    assert session.error["param"] == param
    goes_on(session)


def test_an_error_names_the_clients_event(session: CoreClient) -> None:
    session.send_raw(b'{"event_id":"mine","type":"nonsense"}')
    assert session.error["event_id"] == "mine"
    session.send_raw(b'{"type":"response.create","event_id":"mine too","response":{"x":1}}')
    assert session.error["event_id"] == "mine too"


def test_an_unknown_event_type_lists_the_known_ones(session: CoreClient) -> None:
    session.send("session.begin")
    assert "'response.create'" in session.error["message"]
