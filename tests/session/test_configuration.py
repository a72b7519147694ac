"""Session configuration: what an update changes, what it refuses, and that a refusal changes nothing."""

from typing import Any

import pytest

from antiphon.session.requests import DetectSpeech, Generate, Speak, StartTranscription
from tests.session.harness import LOUD, MS, QUIET, CoreClient


def test_an_update_is_partial_and_answered_whole(session: CoreClient) -> None:
    session.configure(instructions="Be brief.", audio={"output": {"voice": "ash"}})
    session.configure(audio={"output": {"speed": 1.2}})
    updated = session.sent("session.updated")["session"]
    assert updated["instructions"] == "Be brief."
    assert updated["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash", "speed": 1.2}
    assert updated["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_server_vad_shows_all_its_parameters(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}})
    assert session.sent("session.updated")["session"]["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.7,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"voice": "ash"}, "unknown_parameter", "session.voice"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/opus"}}}},
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 100}}}},
            "integer_below_min_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "invalid_value", "session.tools[0].type"),
        (
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
            "invalid_value",
            "session.audio.input.noise_reduction",
        ),
        ({"type": "transcription"}, "invalid_parameter", "session.type"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
        ({"audio": 3}, "invalid_type", "session.audio"),
    ],
)
def test_a_refused_update_changes_nothing(session: CoreClient, update: dict[str, Any], code: str, param: str) -> None:
    before = session.sent("session.created")["session"]
    session.send("session.update", session={"type": "realtime", "instructions": "New.", **update}, event_id="bad")
    assert (session.error["code"], session.error["param"], session.error["event_id"]) == (code, param, "bad")
    session.configure()
    assert session.sent("session.updated")["session"] == before


def test_a_session_without_type_is_refused(session: CoreClient) -> None:
    session.send("session.update", session={"instructions": "x"})
    assert (session.error["code"], session.error["param"]) == ("missing_required_parameter", "session.type")


def test_null_means_the_default(session: CoreClient) -> None:
    """Clients send null for what they leave unset."""
    session.configure(instructions="x", max_output_tokens=10, tool_choice="none")
    session.configure(
        instructions=None,
        max_output_tokens=None,
        tool_choice=None,
        tracing=None,
        audio={"input": {"noise_reduction": None, "transcription": None}, "output": {"speed": None}},
    )
    created, updated = session.sent("session.created")["session"], session.sent("session.updated")["session"]
    assert updated == created


def test_turn_detection_null_turns_it_off(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": None}})
    assert session.sent("session.updated")["session"]["audio"]["input"]["turn_detection"] is None
    session.forget()
    session.hear((LOUD, 500), (QUIET, 700))
    assert session.all_asked(DetectSpeech) == []
    assert session.events == []


def test_what_clients_echo_is_ignored(session: CoreClient) -> None:
    """Clients resend the model, and what they got as the session."""
    session.configure(**{**session.sent("session.created")["session"], "model": "another"})
    assert session.sent("session.updated")["session"] == session.sent("session.created")["session"]


def test_empty_instructions_restore_the_default(session: CoreClient) -> None:
    session.configure(instructions="x")
    session.configure(instructions="")
    assert session.sent("session.updated")["session"]["instructions"].startswith("You are")


def test_tool_parameters_are_kept_as_they_came(session: CoreClient) -> None:
    parameters = {"$schema": "x", "type": "object", "properties": {"a": {"default": None}}}
    session.configure(tools=[{"type": "function", "name": "f", "parameters": parameters}])
    assert session.sent("session.updated")["session"]["tools"][0]["parameters"] == parameters


def test_the_voice_is_locked_once_it_was_heard(session: CoreClient) -> None:
    session.configure(audio={"output": {"voice": "ash"}})
    session.send("response.create")
    session.generate("Hello.")
    assert session.asked(Speak).voice == "ash"
    session.speak()
    session.configure(audio={"output": {"voice": "coral"}})
    assert session.error["code"] == "cannot_update_voice"
    session.configure(audio={"output": {"voice": "ash"}})
    assert session.events[-1]["type"] == "session.updated"


def test_tracing_is_accepted_once(session: CoreClient) -> None:
    session.configure(tracing="auto")
    assert session.events[-1]["type"] == "session.updated"
    session.configure(tracing={"workflow_name": "x"})
    assert session.error["code"] == "invalid_parameter"


def test_the_transcription_prompt_reaches_the_recogniser(session: CoreClient) -> None:
    wanted = {"model": "whisper-1", "language": "en", "prompt": "Oakfield", "keywords": ["Maple"]}
    session.configure(audio={"input": {"transcription": wanted}})
    session.hear((QUIET, 320), (LOUD, 300))
    hint = session.asked(StartTranscription).hint
    assert (hint.language, hint.prompt) == ("en", "Oakfield\nMaple")


def test_a_response_may_differ_from_its_session(session: CoreClient) -> None:
    session.send("response.create", response={"output_modalities": ["text"], "instructions": "Rhyme."})
    assert session.asked(Generate).context.instructions == "Rhyme."
    assert session.asked(Generate).context.spoken is False
    created = session.sent("response.created")["response"]
    assert created["output_modalities"] == ["text"]


def test_telephone_audio_in_and_out(session: CoreClient) -> None:
    session.configure(audio={"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}})
    session.forget()
    session.send("response.create")
    session.generate("Hello.")
    session.speak(ms=1000)
    sizes = [len(event["delta"]) * 3 // 4 for event in session.all_sent("response.output_audio.delta")]
    assert abs(sum(sizes) - 8000) <= 8  # one byte a sample at 8000 Hz; base64 pads
    session.append(b"\x00" * 160)  # 20 ms of mu-law, loud
    assert len(session.asked(DetectSpeech).pcm) <= 20 * MS * 2
