"""Whole turns between clients and servers of either shape, and single events on their way through a relay."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings

from antiphon.errors import ClientEventError
from antiphon.protocol import codec
from antiphon.protocol import server_events as server
from antiphon.protocol.beta import BetaDialect
from antiphon.protocol.client_events import CLIENT_EVENT_TYPES
from antiphon.protocol.ids import Ids
from antiphon.protocol.relayed import decode_server, encode_client
from antiphon.session.requests import Generate
from tests.protocol.relay_kit import RelayedClient, broken, whole_turn
from tests.session.harness import LOUD, MS, QUIET

SHAPES = [(client, upstream) for client in ("ga", "beta") for upstream in ("ga", "beta")]
IDS = Ids(bytes)

# PROTOCOL's sequences in GA's names.
ITEM = ["conversation.item.added", "conversation.item.done"]
OPENING = ["response.created", "response.output_item.added", "conversation.item.added"]
CLOSING = ["conversation.item.done", "response.output_item.done", "response.done", "rate_limits.updated"]
SPOKEN = ["response.output_audio_transcript.delta", "response.output_audio.delta"]
SPOKEN_DONE = ["response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done"]


@pytest.fixture(params=SHAPES, ids=lambda shapes: f"{shapes[0]}-client-{shapes[1]}-upstream")
def call(request: pytest.FixtureRequest) -> RelayedClient:
    return RelayedClient(*request.param)


# --- whole turns ----------------------------------------------------------------------------------------------


def test_a_session_begins(call: RelayedClient) -> None:
    assert call.types() == ["session.created", *(["conversation.created"] if call.is_beta else [])]
    assert call.sent("session.created")["session"]["id"].startswith("sess_")


def test_a_text_turn(call: RelayedClient) -> None:
    call.write_only()
    call.forget()
    call.say("How many bedrooms?")
    call.send("response.create")
    call.generate("Four ", "bedrooms.")
    part = ["response.content_part.added", "response.output_text.delta", "response.output_text.done"]
    assert call.types() == call.names(*ITEM, *OPENING, *part, "response.content_part.done", *CLOSING)
    assert call.told() == ["How many bedrooms?"]
    kind = "text" if call.is_beta else "output_text"
    response = call.sent("response.done")["response"]
    assert response["output"][0]["content"] == [{"type": kind, "text": "Four bedrooms."}]
    assert response["conversation_id"] is not None
    assert response["modalities" if call.is_beta else "output_modalities"] == ["text"]
    assert response["usage"]["total_tokens"] > 0


def test_items_stand_in_order(call: RelayedClient) -> None:
    """What is done says behind which item it stands, as it did when it was added."""
    call.write_only()
    call.say("How many bedrooms?")
    call.send("response.create")
    call.generate("Four.")
    asked, answered = (event["item"]["id"] for event in call.all_sent("conversation.item.added"))
    for event in call.all_sent("conversation.item.added") + call.all_sent("conversation.item.done"):
        assert event["previous_item_id"] == {asked: None, answered: asked}[event["item"]["id"]]
    if not call.is_beta:
        done = [event["item"]["status"] for event in call.all_sent("conversation.item.done")]
        assert done == ["completed", "completed"]
        assert len({event["event_id"] for event in call.events}) == len(call.events)


def test_a_spoken_turn(call: RelayedClient) -> None:
    call.have_transcripts()
    call.forget()
    call.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    call.transcribe("How many bedrooms?")
    call.generate("Four bedrooms.")
    call.speak()
    transcript = "conversation.item.input_audio_transcription."
    assert call.types() == call.names(
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        *ITEM,
        "response.created",
        f"{transcript}delta",
        f"{transcript}completed",
        *OPENING[1:],
        "response.content_part.added",
        *SPOKEN,
        *SPOKEN_DONE,
        *CLOSING,
    )
    heard = call.sent(f"{transcript}completed")
    assert (heard["transcript"], heard["usage"]["type"]) == ("How many bedrooms?", "duration")
    audio = b"".join(base64.b64decode(event["delta"]) for event in call.all_sent("response.output_audio.delta"))
    assert audio == LOUD * (1000 * MS)
    assert call.sent("response.content_part.done")["part"] == {"type": "audio", "transcript": "Four bedrooms."}


def test_a_function_call(call: RelayedClient) -> None:
    call.write_only(tools=[{"type": "function", "name": "get_weather", "parameters": {"$schema": None}}])
    call.say("The weather?")
    call.forget()
    call.send("response.create", response={"tool_choice": {"type": "function", "name": "get_weather"}})
    generate = call.asked(Generate)
    call.call("get_weather", '{"city":"Paris"}')
    arguments = [f"response.function_call_arguments.{end}" for end in ("delta", "done")]
    assert call.types() == call.names(*OPENING, *arguments, *CLOSING)
    done = call.sent("response.function_call_arguments.done")
    assert (done["arguments"], done.get("name")) == ('{"city":"Paris"}', None if call.is_beta else "get_weather")
    assert "get_weather" in repr(generate)
    call.forget()
    item = {"type": "function_call_output", "call_id": done["call_id"], "output": "19"}
    call.send("conversation.item.create", item=item)
    call.send("response.create")
    assert call.types()[:-1] == call.names(*ITEM)
    assert "19" in repr(call.asked(Generate).context.items)


def test_an_interruption(call: RelayedClient) -> None:
    call.say("Tell me all.")
    call.send("response.create")
    call.generate("It is a long story.")
    call.speak(2000, done=False)
    call.forget()
    call.hear((LOUD, 300))
    assert call.types() == call.names("input_audio_buffer.speech_started", *SPOKEN_DONE, *CLOSING)
    response = call.sent("response.done")["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "turn_detected")
    item_id = response["output"][0]["id"]
    call.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700)
    assert call.sent("conversation.item.truncated")["audio_end_ms"] == 700


def test_a_refusal_points_to_the_client_s_own_field(call: RelayedClient) -> None:
    """What only the session can refuse, because of what went before, comes back from the far end."""
    call.say("Speak.")
    call.send("response.create")
    call.generate("I speak.")
    call.speak()
    session = {"voice": "ash"} if call.is_beta else {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
    call.send("session.update", session=session, event_id="mine")
    param = "session.voice" if call.is_beta else "session.audio.output.voice"
    assert (call.error["code"], call.error["param"]) == ("cannot_update_voice", param)
    assert call.error["event_id"] == "mine"


def test_a_second_response_is_refused(call: RelayedClient) -> None:
    for event_id in ("first", "second"):
        call.send("response.create", event_id=event_id)
    assert (call.error["code"], call.error["event_id"]) == ("conversation_already_has_active_response", "second")


def test_an_answer_outside_the_conversation(call: RelayedClient) -> None:
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sure?"}]}
    modalities = {"modalities" if call.is_beta else "output_modalities": ["text"]}
    options = {"conversation": "none", "input": [asked], "metadata": {"topic": "x"}, **modalities}
    call.forget()
    call.send("response.create", response=options)
    call.generate("Sure.")
    response = call.sent("response.done")["response"]
    assert (response["conversation_id"], response["metadata"]) == (None, {"topic": "x"})
    assert not [kind for kind in call.types() if kind.startswith("conversation.item")]


def test_a_stored_item_is_retrieved(call: RelayedClient) -> None:
    call.say("Tell me all.")
    call.send("response.create")
    call.generate("It is a long story.")
    call.speak(200)
    call.send("conversation.item.retrieve", item_id=call.last_item_id())
    part = call.sent("conversation.item.retrieved")["item"]["content"][0]
    assert part["type"] == ("audio" if call.is_beta else "output_audio")
    assert base64.b64decode(part["audio"]) == LOUD * (200 * MS)


# --- answers that come late -----------------------------------------------------------------------------------


def slow_beta() -> RelayedClient:
    call = RelayedClient("beta", "ga")
    call.forget()
    call.is_slow = True
    return call


def test_each_update_shows_its_own_temperature() -> None:
    """Audio and other updates are sent before the first answer is there."""
    call = slow_beta()
    call.configure(temperature=0.7)
    call.append(QUIET * MS)
    call.configure(instructions="Be brief.")
    call.configure(temperature=1.1)
    call.arrive()
    shown = [event["session"]["temperature"] for event in call.all_sent("session.updated")]
    assert shown == [0.7, 0.7, 1.1]


@pytest.mark.parametrize("event_id", [None, "bad"])
def test_a_refused_update_leaves_the_temperature(event_id: str | None) -> None:
    call = slow_beta()
    call.send("session.update", session={"temperature": 0.7, "speed": 99}, event_id=event_id)
    call.configure(temperature=0.9)
    call.arrive()
    assert call.error["param"] == "session.speed"
    assert call.sent("session.updated")["session"]["temperature"] == 0.9


def test_each_response_shows_its_own_temperature() -> None:
    """The second is refused, the third stands outside the conversation; all are asked for at once."""
    call = slow_beta()
    call.send("response.create", response={"temperature": 0.7})
    call.send("response.create", response={"temperature": 1.0})
    call.send("response.create", response={"conversation": "none", "temperature": 1.2})
    call.send("response.create", response={"conversation": "none"})
    call.arrive()
    assert call.error["code"] == "conversation_already_has_active_response"
    shown = [event["response"]["temperature"] for event in call.all_sent("response.created")]
    assert shown == [0.7, 1.2, 0.8]


def test_an_update_between_does_not_take_a_response_s_temperature() -> None:
    call = slow_beta()
    call.send("response.create", response={"temperature": 0.7})
    call.configure(temperature=1.1)
    call.send("conversation.item.delete", item_id="unknown")
    call.arrive()
    assert call.sent("response.created")["response"]["temperature"] == 0.7
    assert call.sent("session.updated")["session"]["temperature"] == 1.1


def test_refusals_keep_their_words_while_others_are_under_way() -> None:
    dialect = BetaDialect()
    refusals = []
    for field in ("output_modalities", "audio"):
        with pytest.raises(ClientEventError) as refused:
            dialect.decode(json.dumps({"type": "session.update", "session": {field: "x"}}).encode())
        refusals.append(refused.value)
    for error in refusals:
        (message,) = dialect.encode(codec.error_event(error), IDS)
        assert json.loads(message)["error"]["message"] == error.message


# --- single events --------------------------------------------------------------------------------------------

CLIENT_EVENTS: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {"type": "input_audio_buffer.append", "audio": "AAECAw==", "event_id": 'a"b\u00e9'},
    {"type": "input_audio_buffer.append", "audio": ""},
    {"type": "input_audio_buffer.commit", "event_id": "e"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {"type": "conversation.item.retrieve", "item_id": "i"},
    {"type": "conversation.item.delete", "item_id": "i"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 5},
    {"type": "response.cancel"},
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {
            "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "ash"}},
            "tools": [{"type": "function", "name": "f", "parameters": {"default": None}}],
            "tool_choice": {"type": "function", "name": "f"},
            "input": [{"type": "item_reference", "id": "i"}],
            "metadata": {"a": "b"},
        },
    },
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {
            "type": "message",
            "id": "i",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "audio": "AAEC"}, {"type": "input_text", "text": "x"}],
        },
    },
]


@pytest.mark.parametrize("event", CLIENT_EVENTS, ids=lambda event: event["type"])
def test_a_client_event_is_sent_as_it_was_asked(event: dict[str, Any]) -> None:
    """What was unset stays absent, and a null that says something stays null."""
    assert json.loads(encode_client(codec.decode(json.dumps(event).encode()))) == event


def test_all_client_events_are_tried() -> None:
    assert {event["type"] for event in CLIENT_EVENTS} == set(CLIENT_EVENT_TYPES)


def test_what_servers_leave_out_is_filled_in() -> None:
    transcript = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "content_index": 0}
    tokens = {"type": "tokens", "total_tokens": 5, "input_tokens": 4, "output_tokens": 1}
    for usage, found in ((tokens, server.TranscriptionTokens(5, 4, 1)), (None, server.TranscriptionUsage(0))):
        message = json.dumps({**transcript, "transcript": "x", "usage": usage, "logprobs": None}).encode()
        assert decode_server(message) == server.TranscriptionCompleted("i", 0, "x", found)
    done = {"type": "response.function_call_arguments.done", "response_id": "r", "item_id": "i", "output_index": 0}
    message = json.dumps({**done, "call_id": "c", "arguments": "{}"}).encode()
    assert decode_server(message) == server.FunctionCallArgumentsDone("r", "i", 0, "c", "", "{}")
    assert decode_server(b'{"type":"error","error":{"message":"x","code":null,"param":null}}') == server.Error(
        server.ErrorDetail("server_error", None, "x")
    )
    failed = {"type": "conversation.item.input_audio_transcription.failed", "item_id": "i", "content_index": 0}
    message = json.dumps({**failed, "error": {"type": "x", "code": None, "message": "m", "param": None}}).encode()
    assert decode_server(message) == server.TranscriptionFailed("i", 0, server.TranscriptionError("x", message="m"))
    limits = (
        b'{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","limit":9.5,"remaining":1,"reset_seconds":2}]}'
    )
    assert decode_server(limits) == server.RateLimitsUpdated([server.RateLimit("tokens", 9.5, 1, 2)])


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"mcp_list_tools.completed","item_id":"i"}',
        b'{"type":"session.input_transcript.delta","delta":"x"}',
        b'{"type":"response.output_audio.delta","delta":"no base64!"}',
        b'{"type":"response.done"}',
        b'{"type":"error"',
        b"[]",
        b"\xff",
        b'{"type":7}',
    ],
)
def test_what_cannot_be_read_is_none(message: bytes) -> None:
    assert decode_server(message) is None


def test_a_server_event_comes_back_as_it_was() -> None:
    """All events that the local engine sends in a whole turn."""
    call = RelayedClient("ga", "ga")
    call.have_transcripts()
    call.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    call.transcribe("How many?")
    call.generate("Four.")
    call.speak(200)
    for event in call.events:
        decoded = decode_server(json.dumps(event).encode())
        assert decoded is not None
        again = json.loads(codec.encode(decoded, IDS))
        changing = {"event_id": None, "obfuscation": None}
        assert {**again, **changing} == {**event, **changing}


@settings(max_examples=500, deadline=None)
@given(broken(whole_turn("ga")))
def test_broken_events_never_raise(event: Any) -> None:
    """What is decoded can be shown to a beta client, whatever another server put in it."""
    decoded = decode_server(json.dumps(event).encode())
    if decoded is not None:
        BetaDialect().encode(decoded, IDS)
