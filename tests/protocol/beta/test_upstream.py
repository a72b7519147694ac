"""A server of the beta shape behind a GA face; whole turns are in tests/protocol/test_relayed.py."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocol.beta import BetaUpstream
from antiphon.protocol.session_kinds import TRANSCRIPTION
from tests.protocol.relay_kit import RelayedClient, broken, whole_turn
from tests.protocol.test_relayed import CLIENT_EVENTS
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, QUIET, CoreClient

USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}


def told(event: dict[str, Any], translation: BetaUpstream | None = None) -> Any:
    """Return what the server gets of a GA client event."""
    (message,) = (translation or BetaUpstream()).to_upstream(json.dumps(event).encode())
    return json.loads(message)


def taken(translation: BetaUpstream, **event: Any) -> list[dict[str, Any]]:
    """Return what becomes of a beta server event; the SDK has judged it."""
    messages = translation.from_upstream(json.dumps({"event_id": "event_1", **event}).encode())
    events = [json.loads(message) for message in messages]
    for each in events:
        check_server_event(each)
    return events


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


# --- sessions -------------------------------------------------------------------------------------------------

CONFIGURATION: dict[str, Any] = {
    "output_modalities": ["text"],
    "instructions": "Be brief.",
    "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"default": None}}],
    "tool_choice": {"type": "function", "name": "f"},
    "max_output_tokens": 100,
    "tracing": "auto",
    "include": ["item.input_audio_transcription.logprobs"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "whisper-1", "language": "de"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "high", "interrupt_response": False},
        },
        "output": {"format": {"type": "audio/pcma"}, "voice": "ash", "speed": 1.2},
    },
}


def session_of(client: CoreClient) -> dict[str, Any]:
    return {**client.sent("session.updated")["session"], "id": "", "expires_at": 0}


@pytest.mark.parametrize(
    "configuration",
    [
        {**CONFIGURATION, "include": None},
        {},
        {"audio": {"input": {"turn_detection": None, "transcription": None, "noise_reduction": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7, "create_response": False}}}},
        {"instructions": None, "tools": None, "max_output_tokens": None, "audio": {"output": {"voice": None}}},
    ],
)
def test_a_configuration_comes_back_as_from_a_ga_server(configuration: dict[str, Any]) -> None:
    through_beta, direct = RelayedClient("ga", "beta"), CoreClient()
    for client in (through_beta, direct):
        client.configure(**configuration)
    assert session_of(through_beta) == session_of(direct)
    assert list(session_of(through_beta)) == list(session_of(direct))


def test_a_configuration_is_sent_flat() -> None:
    hearing = {**CONFIGURATION["audio"]["input"], "noise_reduction": {"type": "near_field", "strength": 0.5}}
    audio = {**CONFIGURATION["audio"], "input": hearing}
    sent = told({"type": "session.update", "session": {**CONFIGURATION, "type": "realtime", "audio": audio}})
    assert sent["session"] == {
        "modalities": ["text"],
        "instructions": "Be brief.",
        "tools": CONFIGURATION["tools"],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "max_response_output_tokens": 100,
        "tracing": "auto",
        "include": CONFIGURATION["include"],
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "whisper-1", "language": "de"},
        "input_audio_noise_reduction": {"type": "near_field"},
        "turn_detection": {"type": "semantic_vad", "eagerness": "high", "interrupt_response": False},
        "output_audio_format": "g711_alaw",
        "voice": "ash",
        "speed": 1.2,
    }


def test_what_the_beta_shape_lacks_is_not_sent() -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "truncation": "auto",
        "prompt": None,
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "tools": [{"type": "mcp", "server_label": "x"}],
        "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}},
    }
    sent = told({"type": "session.update", "event_id": "e", "session": session})
    flat = {"modalities": ["text", "audio"], "turn_detection": {"type": "server_vad"}, "tools": []}
    assert sent == {"type": "session.update", "event_id": "e", "session": flat}


def test_a_transcription_session() -> None:
    call = RelayedClient("ga", "beta", TRANSCRIPTION)
    created = call.sent("session.created")["session"]
    assert (created["type"], created["object"]) == ("transcription", "realtime.transcription_session")
    call.send(
        "session.update",
        session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
    )
    assert call.upstream_received[-1]["type"] == "transcription_session.update"
    assert call.sent("session.updated")["session"]["audio"]["input"]["transcription"]["model"] == "whisper-1"
    call.forget()
    call.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    call.transcribe("How many?")
    assert call.types() == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


def test_the_preview_s_session_has_what_ga_has() -> None:
    """The first previews tell less; nobody tells when a session ends by 0."""
    flat = {
        "id": "sess_1",
        "object": "realtime.session",
        "model": "gpt-4o-realtime-preview",
        "expires_at": 0,
        "modalities": ["audio", "text"],
        "voice": "amuch",
        "turn_detection": {"type": "server_vad", "threshold": 0.5},
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "temperature": 0.8,
        "max_response_output_tokens": 4096,
    }
    (created,) = taken(BetaUpstream(), type="session.created", session=flat)
    session = created["session"]
    assert session.keys() == CoreClient().sent("session.created")["session"].keys() - {"expires_at"}
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True
    assert session["tool_choice"] == {"type": "function", "name": "f"}
    assert (session["output_modalities"], session["max_output_tokens"]) == (["audio"], 4096)
    (created,) = taken(BetaUpstream(), type="session.created", session={**flat, "expires_at": 1_800_000_000})
    assert created["session"]["expires_at"] == 1_800_000_000


# --- items ----------------------------------------------------------------------------------------------------


def test_the_assistant_s_words_are_replayed_as_text() -> None:
    spoken = {"type": "output_audio", "transcript": "Four."}
    written = {"type": "output_text", "text": "Five."}
    item = {"type": "message", "role": "assistant", "phase": "final_answer", "content": [spoken, written]}
    sent = told({"type": "conversation.item.create", "previous_item_id": "root", "item": item})
    assert sent["previous_item_id"] == "root"
    content = [{"type": "text", "text": "Four."}, {"type": "text", "text": "Five."}]
    assert sent["item"] == {"type": "message", "role": "assistant", "content": content}
    call = RelayedClient("ga", "beta")
    call.send("conversation.item.create", item={**item, "phase": None})
    assert call.sent("conversation.item.done")["item"]["content"][0] == {"type": "output_text", "text": "Four."}


def test_a_user_s_turn_is_done_at_once() -> None:
    item = {"id": "item_2", "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
    spoken = {**item, "content": [{"type": "input_audio"}]}
    added, done = taken(BetaUpstream(), type="conversation.item.created", previous_item_id="item_1", item=spoken)
    assert types([added, done]) == ["conversation.item.added", "conversation.item.done"]
    assert added["item"] == done["item"]
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert added["previous_item_id"] == done["previous_item_id"] == "item_1"
    assert added["event_id"] != done["event_id"]


def generated(item_id: str, status: str = "in_progress", **fields: Any) -> dict[str, Any]:
    item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant", "content": []}
    return {**item, "status": status, **fields}


def test_items_of_one_response_are_done_each_in_its_turn() -> None:
    """Two at once: a message, and a call whose group of events stands within the message's."""
    call: dict[str, Any] = {
        "type": "function_call",
        "name": "f",
        "call_id": "c",
        "arguments": "",
        "role": None,
        "content": None,
    }
    ids = {"response_id": "resp_1", "output_index": 0}
    server = BetaUpstream()
    for item in (generated("item_1"), generated("item_2", **call)):
        assert types(taken(server, type="response.output_item.added", item=item, **ids)) == [
            "response.output_item.added"
        ]
        created = taken(server, type="conversation.item.created", previous_item_id="item_0", item=item)
        assert types(created) == ["conversation.item.added"]
    (arguments,) = taken(
        server, type="response.function_call_arguments.done", item_id="item_2", call_id="c", arguments="{}", **ids
    )
    assert arguments["name"] == "f"
    for item in (generated("item_1", "completed"), generated("item_2", "completed", **call)):
        item_done, output_done = taken(server, type="response.output_item.done", item=item, **ids)
        assert types([item_done, output_done]) == ["conversation.item.done", "response.output_item.done"]
        assert item_done["item"] == output_done["item"]
        assert item_done["previous_item_id"] == "item_0"


def test_an_item_left_open_is_done_with_its_response() -> None:
    """It is done once."""
    """It is done once."""
    server = BetaUpstream()
    taken(server, type="response.output_item.added", response_id="resp_1", output_index=0, item=generated("item_1"))
    taken(server, type="conversation.item.created", previous_item_id=None, item=generated("item_1"))
    response = {"id": "resp_1", "object": "realtime.response", "status": "cancelled", "status_details": None}
    output = [generated("item_1", "incomplete")]
    events = taken(server, type="response.done", response={**response, "output": output, "usage": None})
    assert types(events) == ["conversation.item.done", "response.done"]
    again = taken(server, type="response.done", response={**response, "output": output, "usage": None})
    assert types(again) == ["response.done"]


# --- responses ------------------------------------------------------------------------------------------------


def test_options_of_a_response() -> None:
    options = {
        "output_modalities": ["audio"],
        "instructions": None,
        "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_1"}}},
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "conversation": "none",
        "metadata": {"a": "b"},
        "input": [USER, {"type": "item_reference", "id": "item_1"}],
    }
    assert told({"type": "response.create", "event_id": "e", "response": options})["response"] == {
        "modalities": ["text", "audio"],
        "output_audio_format": "g711_ulaw",
        "voice": "voice_1",
        "max_response_output_tokens": 50,
        "conversation": "none",
        "metadata": {"a": "b"},
        "input": [USER, {"type": "item_reference", "id": "item_1"}],
    }


def test_a_response_has_what_ga_s_have() -> None:
    direct, through_beta = CoreClient(), RelayedClient("ga", "beta")
    for client in (direct, through_beta):
        client.send("response.create", response={"metadata": {"a": "b"}, "max_output_tokens": 50})
        client.generate("Four.")
        client.speak(200)
    for kind in ("response.created", "response.done"):
        expected, found = direct.sent(kind)["response"], through_beta.sent(kind)["response"]
        assert list(found) == list(expected)
        for key in ("status", "status_details", "output_modalities", "max_output_tokens", "audio", "metadata"):
            assert found[key] == expected[key]
        assert [item.keys() for item in found["output"]] == [item.keys() for item in expected["output"]]


def test_a_response_without_a_conversation_id_is_in_the_conversation() -> None:
    """In GA null means out of band; the first previews tell nothing."""
    server = BetaUpstream()
    taken(server, type="session.created", session={"id": "sess_1", "model": "m"})
    preview = {"id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": []}
    (created,) = taken(server, type="response.created", response=preview)
    assert created["response"]["conversation_id"] == "conv_1"
    assert taken(server, type="conversation.created", conversation={"id": "conv_2"}) == []
    (created,) = taken(server, type="response.created", response=preview)
    assert created["response"]["conversation_id"] == "conv_2"
    (created,) = taken(server, type="response.created", response={**preview, "conversation_id": None})
    assert created["response"]["conversation_id"] is None


def test_usage_of_a_transcript_is_there() -> None:
    transcript = {"item_id": "i", "content_index": 0, "transcript": "x"}
    kind = "conversation.item.input_audio_transcription.completed"
    (event,) = taken(BetaUpstream(), type=kind, **transcript)
    assert event["usage"] == {"type": "duration", "seconds": 0}
    tokens = {"type": "tokens", "total_tokens": 3, "input_tokens": 2, "output_tokens": 1}
    (event,) = taken(BetaUpstream(), type=kind, **transcript, usage=tokens)
    assert event["usage"] == tokens


def test_an_error_points_to_ga_s_fields() -> None:
    message = "Invalid value: 'mp3' for 'session.input_audio_format'. Supported values are: 'pcm16' and 'g711_ulaw'."
    error = {"code": "invalid_value", "message": message, "param": "session.input_audio_format"}
    (event,) = taken(BetaUpstream(), type="error", error=error)
    assert event["error"] == {
        "type": "server_error",
        "code": "invalid_value",
        "message": "Invalid value: 'mp3' for 'session.audio.input.format'. "
        "Supported values are: 'audio/pcm' and 'audio/pcmu'.",
        "param": "session.audio.input.format",
        "event_id": None,
    }
    nested = {"type": "x", "message": "", "param": "response.max_response_output_tokens"}
    (event,) = taken(BetaUpstream(), type="error", error=nested)
    assert event["error"]["param"] == "response.max_output_tokens"


# --- bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        b'{ "audio":"AAAA","type" : "input_audio_buffer.append"}',
        b'{"type":"response.cancel"}',
        b'{"type":"response.create"}',
        b'{"type":"something.new","session":{"type":"realtime"}}',
        b'{"type":"session.update",',
        b"[]",
        b"\xff",
    ],
)
def test_what_is_alike_is_sent_as_it_came(message: bytes) -> None:
    (sent,) = BetaUpstream().to_upstream(message)
    assert sent is message or json.loads(sent) == json.loads(message)


@pytest.mark.parametrize("kind", ["rate_limits.updated", "input_audio_buffer.committed", "something.new"])
def test_server_events_that_are_alike_pass_as_they_came(kind: str) -> None:
    message = json.dumps({"type": kind, "x": 1.50}).encode()
    (passed,) = BetaUpstream().from_upstream(message)
    assert passed is message


@pytest.mark.parametrize("order", [1, -1])
def test_audio_goes_by_untouched(order: int) -> None:
    event = {"type": "response.audio.delta", "event_id": "e", "delta": "AAAA" * 100, "item_id": "item_1"}
    message = json.dumps(dict(list(event.items())[::order])).encode()
    (passed,) = BetaUpstream().from_upstream(message)
    assert passed == message.replace(b"response.audio.delta", b"response.output_audio.delta")


@settings(max_examples=500, deadline=None)
@given(st.lists(broken(whole_turn("beta")), max_size=4))
def test_broken_server_events_never_raise(events: list[Any]) -> None:
    server = BetaUpstream()
    for event in events:
        for message in server.from_upstream(json.dumps(event).encode()):
            json.loads(message)


@settings(max_examples=500, deadline=None)
@given(broken(({"type": "session.update", "session": CONFIGURATION}, *(CLIENT_EVENTS[-2:]))))
def test_broken_client_events_never_raise(event: Any) -> None:
    assert "type" in told(event)
