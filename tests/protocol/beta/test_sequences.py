"""Whole turns as a beta client sees them: PROTOCOL's sequences under their beta names."""

import base64

import pytest

from antiphon.session.context import ContextToolResult
from antiphon.session.requests import Generate
from tests.protocol.beta.kit import BetaClient
from tests.session.harness import LOUD, MS, QUIET, CoreClient

OPENING = [
    "response.created",
    "response.output_item.added",
    "conversation.item.created",
    "response.content_part.added",
]
CLOSING = ["response.content_part.done", "response.output_item.done", "response.done", "rate_limits.updated"]


def test_a_session_begins_with_its_conversation(session: BetaClient) -> None:
    created, conversation = session.events
    assert list(created["session"]) == [
        "id", "object", "model", "expires_at", "modalities", "instructions", "voice", "output_audio_format",
        "input_audio_format", "input_audio_transcription", "input_audio_noise_reduction", "turn_detection", "tools",
        "tool_choice", "temperature", "max_response_output_tokens", "speed", "tracing", "include", "client_secret",
    ]  # fmt: skip
    assert created["session"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }
    assert conversation["type"] == "conversation.created"
    assert conversation["conversation"]["id"].startswith("conv_")


def test_a_text_turn(session: BetaClient) -> None:
    session.configure(modalities=["text"])
    conversation_id = session.sent("conversation.created")["conversation"]["id"]
    session.forget()
    session.say("How many bedrooms?")
    session.send("response.create")
    session.generate("Four ", "bedrooms.")
    assert session.types() == [
        "conversation.item.created",
        *OPENING,
        "response.text.delta",
        "response.text.done",
        *CLOSING,
    ]
    response = session.sent("response.done")["response"]
    assert response["output"][0]["content"] == [{"type": "text", "text": "Four bedrooms."}]
    assert response["modalities"] == ["text"]
    assert response["conversation_id"] == conversation_id
    assert not {"audio", "output_modalities"} & set(response)
    assert "obfuscation" not in session.sent("response.text.delta")


def test_an_audio_turn(session: BetaClient) -> None:
    session.configure(input_audio_transcription={"model": "whisper-1"})
    session.forget()
    session.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    session.transcribe("How many bedrooms?")
    session.generate("Four bedrooms.")
    session.speak()
    assert session.types() == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.audio_transcript.delta",
        "response.audio.delta",
        "response.audio.done",
        "response.audio_transcript.done",
        *CLOSING,
    ]
    answer = session.sent("response.done")["response"]["output"][0]
    assert answer["object"] == "realtime.item"
    assert answer["content"] == [{"type": "audio", "transcript": "Four bedrooms."}]
    audio = b"".join(base64.b64decode(event["delta"]) for event in session.all_sent("response.audio.delta"))
    assert audio == LOUD * (1000 * MS)


def test_a_manual_turn(session: BetaClient) -> None:
    session.configure(turn_detection=None)
    session.forget()
    session.append(LOUD * (500 * MS))
    session.send("input_audio_buffer.commit")
    session.send("response.create")
    assert session.types() == ["input_audio_buffer.committed", "conversation.item.created", "response.created"]


def test_a_function_call(session: BetaClient) -> None:
    session.configure(modalities=["text"], tools=[{"type": "function", "name": "get_weather", "parameters": {}}])
    session.say("The weather?")
    session.forget()
    session.send("response.create")
    session.call("get_weather", '{"city":"Paris"}')
    assert session.types() == [
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = session.sent("response.function_call_arguments.done")
    assert done["arguments"] == '{"city":"Paris"}'
    assert "name" not in done
    item = {"type": "function_call_output", "call_id": done["call_id"], "output": "19"}
    session.send("conversation.item.create", item=item)
    shown = session.sent("conversation.item.created")["item"]
    assert shown.items() >= {**item, "object": "realtime.item", "status": "completed"}.items()
    session.send("response.create")
    results = [each for each in session.asked(Generate).context.items if isinstance(each, ContextToolResult)]
    assert [result.call_id for result in results] == [done["call_id"]]


def test_an_interruption(session: BetaClient) -> None:
    session.say("Tell me all.")
    session.send("response.create")
    session.generate("It is a long story.")
    session.speak(2000, done=False)
    session.forget()
    session.hear((LOUD, 300))
    assert session.types() == [
        "input_audio_buffer.speech_started",
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    response = session.sent("response.done")["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "turn_detected")
    item_id = response["output"][0]["id"]
    session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700)
    assert session.sent("conversation.item.truncated")["audio_end_ms"] == 700


def test_a_transcription_session(transcription_session: BetaClient) -> None:
    session = transcription_session
    assert session.types() == ["transcription_session.created"]
    wanted = {"input_audio_transcription": {"model": "whisper-1"}, "input_audio_format": "pcm16", "include": None}
    session.send("transcription_session.update", session=wanted)
    assert session.sent("transcription_session.updated")["session"]["input_audio_transcription"]["model"] == "whisper-1"
    session.forget()
    session.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    session.transcribe("How many bedrooms?")
    assert session.types() == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


@pytest.mark.parametrize("kind", ["session.update", "transcription_session.update"])
def test_each_kind_of_session_has_its_own_update(
    session: BetaClient, transcription_session: BetaClient, kind: str
) -> None:
    other = transcription_session if kind == "session.update" else session
    other.send(kind, session={})
    assert (other.error["code"], other.error["param"]) == ("invalid_value", "type")
    right = session if kind == "session.update" else transcription_session
    right.send(kind, session={})
    assert right.events[-1]["type"] == f"{kind}d"


def test_an_item_is_retrieved_with_its_audio(session: BetaClient) -> None:
    session.say("Tell me all.")
    session.send("response.create")
    session.generate("It is a long story.")
    session.speak(200)
    session.send("conversation.item.retrieve", item_id=session.last_item_id())
    part = session.sent("conversation.item.retrieved")["item"]["content"][0]
    assert part["type"] == "audio"
    assert base64.b64decode(part["audio"]) == LOUD * (200 * MS)


def test_own_input_and_replayed_answers_are_read(session: BetaClient) -> None:
    """A client replays history with the beta's content types, in items and in a response's own input."""
    replayed = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Four."}], "status": None}
    session.send("conversation.item.create", item=replayed)
    assert session.sent("conversation.item.created")["item"]["content"] == replayed["content"]
    reference = {"type": "item_reference", "id": session.last_item_id()}
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sure?"}]}
    options = {"input": [reference, replayed, asked], "conversation": "none", "metadata": {"topic": "x"}}
    session.send("response.create", response=options)
    assert session.told() == ["Four.", "Four.", "Sure?"]
    created = session.sent("response.created")["response"]
    assert (created["conversation_id"], created["metadata"]) == (None, {"topic": "x"})


def test_a_beta_session_makes_what_a_ga_session_makes(session: BetaClient) -> None:
    """The same turn in both shapes asks the same of the stages."""
    ga = CoreClient()
    ga.configure(output_modalities=["text"], max_output_tokens=100)
    session.configure(modalities=["text"], max_response_output_tokens=100)
    for client in (ga, session):
        client.say("How many?")
        client.send("response.create")
    assert session.asked(Generate).context == ga.asked(Generate).context
