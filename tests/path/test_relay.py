"""A call over changing legs: what the client sees and what the next server is told; nothing is lost or said twice."""

import base64
import json

import pytest

from antiphon.path.handover import CONTINUE
from antiphon.path.legs import Cause, LegEnd
from antiphon.path.options import RelayOptions
from antiphon.path.relay import BEGIN_SECONDS, FIRST_PATIENCE
from antiphon.path.scheduler import ALREADY_ACTIVE
from antiphon.protocol.server_events import ErrorDetail
from antiphon.session import SessionStart
from tests.path.kit import HANG, LOUD, QUIET, Call, FakeRoute

UNREACHABLE = LegEnd(Cause.UNREACHABLE, "nothing listens there")
PATIENT = RelayOptions(silence_seconds=1_000)
CREDENTIALS = LegEnd(Cause.CREDENTIALS, "the key was refused; set another", close_code=3000)


@pytest.fixture
def call() -> Call:
    """A call that has begun."""
    return Call()


def accept(call: Call) -> None:
    """Let the newest server that hangs accept."""
    for route in call.routes:
        route.plan.clear()
    call.settle()


# --- ready before go ------------------------------------------------------------------------------------------


def test_the_client_sees_the_model_that_it_asked_for(call: Call) -> None:
    session = call.sent("session.created")["session"]
    assert session["model"] == "gpt-realtime"
    assert session["id"] == call.core.session.id


def test_what_comes_before_the_session_is_delivered_in_order_and_once() -> None:
    call = Call(FakeRoute("first", HANG))
    call.configure(instructions="Be brief.")
    call.hear((QUIET, 60))
    call.say("Hello", event_id="mine")
    call.client("response.create")
    assert call.events == []
    accept(call)
    kinds = [event["type"] for event in call.server.received]
    append = "input_audio_buffer.append"
    assert kinds == ["session.update", append, append, append, "conversation.item.create", "response.create"]
    assert call.types()[:2] == ["session.created", "session.updated"]


def test_audio_beyond_the_bound_is_an_error_and_not_silence() -> None:
    call = Call(FakeRoute("first", HANG), options=RelayOptions(held_seconds=0.1))
    call.hear((QUIET, 400))
    errors = call.all_sent("error")
    assert [error["error"]["code"] for error in errors] == ["input_audio_buffer_full"]
    accept(call)
    assert len(call.server.all_received("input_audio_buffer.append")) == 5


def test_an_event_beyond_the_bound_is_refused_by_its_id() -> None:
    call = Call(FakeRoute("first", HANG), options=RelayOptions(held_bytes=1_000))
    call.say("x" * 2_000, event_id="too_long")
    assert call.sent("error")["error"]["event_id"] == "too_long"


def test_what_was_asked_for_beforehand_is_in_session_created() -> None:
    start = SessionStart("gpt-realtime", extensions=True, asked={"instructions": "Speak like a pirate."})
    call = Call(start=start)
    assert call.sent("session.created")["session"]["instructions"] == "Speak like a pirate."
    assert call.all_sent("session.updated") == []


# --- a dropped upstream, phase by phase -----------------------------------------------------------------------


def test_a_drop_while_idle_is_invisible(call: Call) -> None:
    call.say("My name is Ada.")
    call.client("response.create")
    call.generate("Hello Ada.")
    call.speak()
    call.forget()
    call.drop()
    assert call.types() == []
    call.say("What is my name?")
    call.client("response.create")
    assert call.core.told() == ["My name is Ada.", "Hello Ada.", "What is my name?"]


def test_ids_that_the_client_knows_stay_valid(call: Call) -> None:
    call.say("Forget this.")
    item_id = call.sent("conversation.item.added")["item"]["id"]
    call.drop()
    call.client("conversation.item.delete", item_id=item_id)
    assert call.sent("conversation.item.deleted")["item_id"] == item_id
    assert call.all_sent("error") == []


def test_an_id_that_no_server_takes_stays_valid_too(call: Call) -> None:
    """Some servers give ids that are longer than others take."""
    long_id = "item_" + "x" * 36
    item = {"id": long_id, "type": "message", "role": "user", "status": "completed", "content": []}
    for kind in ("conversation.item.added", "conversation.item.done"):
        event = {"type": kind, "event_id": f"event_{kind}", "previous_item_id": None, "item": item}
        call.server.extra.append(json.dumps(event).encode())
    call.settle()
    call.say("Hello")
    call.drop()
    assert len(call.all_sent("conversation.item.added")) == 2
    call.client("conversation.item.delete", item_id=long_id)
    assert call.sent("conversation.item.deleted")["item_id"] == long_id
    call.client("response.create")
    assert call.core.told() == ["Hello"]


def test_an_item_sent_again_gets_a_place_that_the_next_server_knows(call: Call) -> None:
    """It was to stand behind a function call that was cut short, of which no server can be told."""
    call.say("What time is it?")
    call.client("response.create")
    call.core.call("clock", '{"zone":"UTC"}', done=False)
    call.settle()
    cut = call.sent("response.output_item.added")["item"]["id"]
    call.server.deaf = True
    call.client("conversation.item.create", item=_message("Quick!"), previous_item_id=cut)
    call.drop()
    assert call.all_sent("error") == []
    assert call.sent("conversation.item.done")["item"]["content"][0]["text"] == "Quick!"


def test_an_item_made_anew_does_not_hang_on_one_that_is_being_deleted(call: Call) -> None:
    call.say("Count")
    first = call.sent("conversation.item.done")["item"]["id"]
    call.client("response.create")
    call.generate("One two three four five six seven eight nine ten.")
    call.speak(4000)
    item_id = call.sent("response.output_item.done")["item"]["id"]
    call.drop()
    call.server.mute = True
    call.client("conversation.item.delete", item_id=first)
    call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
    call.server.mute = False
    call.settle()
    call.say("Go on")
    call.client("response.create")
    assert [text.split()[0] for text in call.core.told()] == ["One", "Go"]


def test_the_configuration_survives(call: Call) -> None:
    call.configure(instructions="Be brief.", tools=[{"type": "function", "name": "look", "parameters": {}}])
    session_id = call.sent("session.updated")["session"]["id"]
    call.drop()
    call.configure(output_modalities=["text"])
    session = call.sent("session.updated")["session"]
    assert (session["id"], session["instructions"], session["tools"][0]["name"]) == (session_id, "Be brief.", "look")
    assert len(call.all_sent("session.updated")) == 2


def test_a_drop_in_mid_speech_loses_no_audio_and_no_id(call: Call) -> None:
    call.hear((QUIET, 400), (LOUD, 600))
    began = call.sent("input_audio_buffer.speech_started")
    call.drop()
    call.hear((LOUD, 300), (QUIET, 900))
    assert len(call.all_sent("input_audio_buffer.speech_started")) == 1
    assert call.sent("input_audio_buffer.speech_stopped")["item_id"] == began["item_id"]
    assert call.sent("input_audio_buffer.committed")["item_id"] == began["item_id"]
    assert call.sent("conversation.item.added")["item"]["id"] == began["item_id"]
    end_ms = call.sent("input_audio_buffer.speech_stopped")["audio_end_ms"]
    assert 1750 <= end_ms <= 1900  # with the 500 ms of silence that ended it
    # All 900 ms of the speech are with the server that answers.
    appends = call.server.all_received("input_audio_buffer.append")
    audio = b"".join(base64.b64decode(event["audio"]) for event in appends)
    assert audio.count(LOUD) >= 900 * 24


def test_audio_of_the_gap_is_delivered(call: Call) -> None:
    call.routes[0].plan.append(HANG)
    call.hear((LOUD, 400))
    call.drop()
    call.hear((LOUD, 400))
    accept(call)
    call.hear((QUIET, 900))
    sent = len(call.server.all_received("input_audio_buffer.append"))
    assert sent >= (400 + 400 + 900) // 20
    assert len(call.all_sent("input_audio_buffer.committed")) == 1


def test_a_turn_that_was_committed_gets_its_response(call: Call) -> None:
    """The server was lost between `committed` and `response.created`."""
    call.server.last_word = "input_audio_buffer.committed"
    call.hear((LOUD, 600), (QUIET, 800))
    item_id = call.sent("input_audio_buffer.committed")["item_id"]
    call.drop()
    assert call.sent("conversation.item.done")["item"]["id"] == item_id
    call.transcribe("Hello")
    call.generate("I heard you.")
    call.speak()
    assert call.sent("response.done")["response"]["status"] == "completed"
    audio = call.server.all_received("conversation.item.create")[0]["item"]["content"][0]
    assert base64.b64decode(audio["audio"]).count(LOUD) == 600 * 24


def test_a_drop_while_the_model_thinks_asks_again_under_the_same_id(call: Call) -> None:
    call.say("Hello")
    call.client("response.create", response={"metadata": {"topic": "greeting"}})
    response_id = call.sent("response.created")["response"]["id"]
    call.drop()
    call.generate("Hi.")
    call.speak()
    assert len(call.all_sent("response.created")) == 1
    done = call.sent("response.done")["response"]
    assert (done["id"], done["status"], done["metadata"]) == (response_id, "completed", {"topic": "greeting"})
    assert {event["response_id"] for event in call.all_sent("response.output_audio.delta")} == {response_id}


def test_a_drop_in_mid_answer_is_completed_in_the_same_response(call: Call) -> None:
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(1000, done=True)
    response_id = call.sent("response.created")["response"]["id"]
    call.drop()
    asked = call.server.all_received("response.create")[-1]
    assert asked["response"]["instructions"].endswith(CONTINUE)
    assert "Once upon a time." in call.core.told()[-1]
    call.generate("It was clever.")
    call.speak()
    done = call.sent("response.done")["response"]
    assert (done["id"], done["status"]) == (response_id, "completed")
    assert [item["status"] for item in done["output"]] == ["incomplete", "completed"]
    added = call.all_sent("response.output_item.added")
    assert [event["output_index"] for event in added] == [0, 1]
    assert {event["output_index"] for event in call.all_sent("response.output_audio.delta")} == {0, 1}
    for kind in ("response.created", "response.done"):
        assert len(call.all_sent(kind)) == 1


def test_an_answer_that_is_cut_twice_is_completed_all_the_same(call: Call) -> None:
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(1000, done=True)
    call.drop()
    call.drop()
    call.wait(1)
    assert call.all_sent("response.done") == []
    call.generate("It was clever.")
    call.speak()
    done = call.sent("response.done")["response"]
    assert (done["status"], [item["status"] for item in done["output"]]) == ("completed", ["incomplete", "completed"])


def drop_and_wait(call: Call, times: int) -> None:
    for _ in range(times):
        call.drop()
        call.wait(2)


def test_a_response_over_which_one_server_after_the_other_is_lost_ends_as_failed(call: Call) -> None:
    call.say("Hello")
    call.client("response.create")
    drop_and_wait(call, 2)
    assert call.all_sent("response.done") == []
    drop_and_wait(call, 1)
    assert call.sent("response.done")["response"]["status"] == "failed"
    drop_and_wait(call, 3)
    assert call.server.all_received("response.create") == []


def test_a_response_that_comes_on_a_little_each_time_is_asked_for_again_and_again(call: Call) -> None:
    call.say("Tell me a story")
    call.client("response.create")
    for number in range(6):
        call.generate(f"Part {number}. ", done=False)
        call.speak(200)
        drop_and_wait(call, 1)
    assert call.all_sent("response.done") == []


def test_a_request_that_no_server_answers_is_given_up_under_its_own_id(call: Call) -> None:
    call.server.deaf = True
    call.routes[0].most_words = 1  # its session.created
    call.client("response.create", event_id="mine")
    drop_and_wait(call, 2)
    assert call.all_sent("error") == []
    drop_and_wait(call, 1)
    error = call.sent("error")["error"]
    assert (error["code"], error["event_id"]) == ("upstream_did_not_answer", "mine")
    assert call.server.all_received("response.create") == []


def test_by_choice_a_cut_response_ends_and_is_not_completed() -> None:
    call = Call(options=RelayOptions(cut_response="end"))
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(done=False)
    call.forget()
    call.drop()
    assert call.types() == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    response = call.sent("response.done")["response"]
    assert (response["status"], response["status_details"]["error"]["code"]) == ("failed", "upstream_connection_lost")
    assert call.server.all_received("response.create") == []


def test_a_model_that_cannot_continue_is_not_asked_to() -> None:
    call = Call(FakeRoute("first", "accept", UNREACHABLE), FakeRoute("local", continues=False))
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(done=False)
    call.drop()
    assert call.sent("response.done")["response"]["status"] == "failed"


def test_a_cancelled_response_stays_cancelled(call: Call) -> None:
    call.say("Tell me a story")
    call.client("response.create")
    call.generate("Once upon a time. There was a fox.", done=False)
    call.speak(done=False)
    call.server.deaf = True
    call.client("response.cancel")
    call.drop()
    response = call.sent("response.done")["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert call.server.all_received("response.create") == []


def test_a_pending_tool_call_is_answered_over_another_server(call: Call) -> None:
    call.say("What time is it?")
    call.client("response.create")
    call.core.call("clock", '{"zone":"UTC"}')
    call.settle()
    call_id = call.sent("response.output_item.done")["item"]["call_id"]
    call.drop()
    output = {"type": "function_call_output", "call_id": call_id, "output": "noon"}
    call.client("conversation.item.create", item=output)
    assert call.all_sent("error") == []
    call.client("response.create")
    call.generate("It is noon.")
    call.speak()
    assert call.sent("response.done")["response"]["status"] == "completed"
    restored = [event["item"]["type"] for event in call.server.all_received("conversation.item.create")]
    assert restored == ["message", "function_call", "function_call_output"]


def test_what_was_heard_of_a_truncated_item_is_what_is_restored(call: Call) -> None:
    call.say("Count")
    call.client("response.create")
    call.generate("One two three four five six seven eight nine ten.")
    call.speak(4000)
    item_id = call.sent("response.output_item.done")["item"]["id"]
    call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
    call.drop()
    restored = call.server.all_received("conversation.item.create")[-1]["item"]["content"][0]["text"]
    assert restored.startswith("One two")
    assert "ten" not in restored


def test_an_item_from_before_the_drop_can_be_truncated_afterwards(call: Call) -> None:
    """The new server has only its text, but the client is right: it was audio, and it was cut."""
    call.say("Count")
    call.client("response.create")
    call.generate("One two three four five six seven eight nine ten.")
    call.speak(4000)
    item_id = call.sent("response.output_item.done")["item"]["id"]
    call.drop()
    call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
    assert call.sent("conversation.item.truncated")["audio_end_ms"] == 2000
    assert call.all_sent("error") == []
    assert call.all_sent("conversation.item.deleted") == []
    call.say("Go on")
    call.client("response.create")
    assert "ten" not in call.core.told()[1]
    assert call.core.told()[1].startswith("One two")


def test_an_event_without_an_answer_is_sent_again_and_takes_effect_once(call: Call) -> None:
    call.server.deaf = True
    call.say("Remember this.", event_id="e1")
    call.client("response.create", event_id="e2")
    call.drop()
    assert [item["item"]["content"] for item in call.all_sent("conversation.item.done")] == [
        [{"type": "input_text", "text": "Remember this."}]
    ]
    call.generate("I will.")
    call.speak()
    assert len(call.all_sent("response.done")) == 1
    assert call.all_sent("error") == []


def test_what_was_written_before_a_turn_stays_before_it(call: Call) -> None:
    call.server.deaf = True
    call.say("Written first.")
    call.hear((LOUD, 600), (QUIET, 800))
    call.drop()
    added = call.all_sent("conversation.item.added")
    assert [event["item"]["content"][0]["type"] for event in added] == ["input_text", "input_audio"]


def test_what_was_written_after_a_commit_stays_behind_the_turn(call: Call) -> None:
    call.configure(audio={"input": {"turn_detection": None}})
    call.server.deaf = True
    call.hear((LOUD, 600))
    call.client("input_audio_buffer.commit")
    call.say("Written last.")
    call.drop()
    added = call.all_sent("conversation.item.added")
    assert [event["item"]["content"][0]["type"] for event in added] == ["input_audio", "input_text"]


def test_a_clear_that_was_not_answered_takes_nothing_that_came_after_it(call: Call) -> None:
    call.configure(audio={"input": {"turn_detection": None}})
    call.server.deaf = True
    call.hear((LOUD, 600))
    call.client("input_audio_buffer.clear")
    call.hear((LOUD, 400))
    call.drop()
    call.client("input_audio_buffer.commit")
    assert call.all_sent("error") == []
    kinds = [event["type"] for event in call.server.received]
    assert kinds.index("input_audio_buffer.clear") < kinds.index("input_audio_buffer.append")
    assert kinds.count("input_audio_buffer.append") == 400 // 20


TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
NOT_TRANSCRIBED = "conversation.item.input_audio_transcription.failed"


def hear_and_drop(call: Call, **detection: object) -> str:
    """Let the user speak, and the server be lost while a transcript is owed; return the item's id."""
    turn_detection = {"type": "server_vad", **detection}
    call.configure(audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": turn_detection}})
    call.hear((LOUD, 600), (QUIET, 800))
    call.drop()
    return str(call.sent("input_audio_buffer.committed")["item_id"])


def test_a_turn_whose_transcript_is_owed_is_heard_again_by_the_next_server(call: Call) -> None:
    """What a server is told of as an item it does not transcribe; what it hears it does."""
    item_id = hear_and_drop(call)
    deaf, heard, committed, detecting = call.server.received[:4]
    assert deaf["session"]["audio"]["input"]["turn_detection"] is None
    assert base64.b64decode(heard["audio"]).count(LOUD) == 600 * 24
    assert committed["type"] == "input_audio_buffer.commit"
    assert detecting["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    call.settle()
    call.transcribe("Hello")
    call.generate("I heard you.")
    call.speak()
    assert call.sent(TRANSCRIBED)["item_id"] == item_id
    assert call.all_sent(NOT_TRANSCRIBED) == []
    assert [event["item_id"] for event in call.all_sent("input_audio_buffer.committed")] == [item_id]
    assert call.all_sent("conversation.item.added")[0]["item"]["id"] == item_id
    assert len(call.all_sent("session.updated")) == 1
    assert len(call.all_sent("response.done")) == 1


def test_positions_count_on_behind_a_turn_that_was_heard_again(call: Call) -> None:
    hear_and_drop(call, create_response=False)
    call.transcribe("Hello")
    before = call.sent("input_audio_buffer.speech_stopped")["audio_end_ms"]
    call.hear((QUIET, 400), (LOUD, 600), (QUIET, 800))
    started = call.sent("input_audio_buffer.speech_started")["audio_start_ms"]
    assert before < started < before + 1_000


def test_a_server_that_does_not_hear_a_turn_again_is_told_of_it(call: Call) -> None:
    call.routes[0].plan.append(HANG)
    item_id = hear_and_drop(call)
    call.routes[0].plan.clear()
    server = call.routes[0].servers[-1]
    server.deaf = True
    call.settle()
    commit = server.all_received("input_audio_buffer.commit")[0]
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", "param": None}
    said = {"type": "error", "event_id": "event_x", "error": {**error, "event_id": commit["event_id"]}}
    server.extra.append(json.dumps(said).encode())
    call.settle()
    assert call.server is server
    assert server.all_received("conversation.item.create")[0]["item"]["id"] == item_id


def test_a_server_that_confirms_nothing_is_not_waited_for_long(call: Call) -> None:
    call.routes[0].plan.append(HANG)
    item_id = hear_and_drop(call, create_response=False)
    call.routes[0].plan.clear()
    call.routes[0].servers[-1].deaf = True
    call.settle()
    assert call.served_by is None
    call.wait(3)
    assert call.served_by is not None
    assert call.sent(NOT_TRANSCRIBED)["item_id"] == item_id


def test_what_is_said_while_a_turn_is_heard_again_waits(call: Call) -> None:
    call.routes[0].plan.append(HANG)
    hear_and_drop(call, create_response=False)
    call.routes[0].plan.clear()
    server = call.routes[0].servers[-1]
    server.mute = True
    server.accept(call.now)
    server.mute, server.most_words = False, 1  # its session.created, and no word more
    call.settle()
    call.say("And one more thing.")
    assert "conversation.item.create" not in server.kinds()
    server.mute, server.most_words = False, 0
    call.settle()
    assert server.kinds()[-1] == "conversation.item.create"
    assert call.all_sent("error") == []


def test_drops_can_follow_each_other(call: Call) -> None:
    call.say("My name is Ada.")
    for _ in range(5):
        call.drop()
        call.wait(1)
    call.say("What is my name?")
    call.client("response.create")
    call.generate("Ada.")
    call.speak()
    assert call.core.told() == ["My name is Ada.", "What is my name?"]
    assert call.all_sent("error") == []
    assert len(call.all_sent("session.created")) == 1


# --- errors ---------------------------------------------------------------------------------------------------


def test_an_error_names_the_client_s_own_event(call: Call) -> None:
    call.client("conversation.item.delete", item_id="nothing", event_id="mine")
    assert call.sent("error")["error"]["event_id"] == "mine"


def test_an_id_of_ours_is_not_shown(call: Call) -> None:
    call.client("conversation.item.delete", item_id="nothing")
    assert call.sent("error")["error"]["event_id"] is None


@pytest.mark.parametrize("message", [b"", b"[]", b"{", b'{"type":5}', b"null", b'{"type":"response.create","x":NaN}'])
def test_what_is_no_event_is_refused_and_goes_no_further(call: Call, message: bytes) -> None:
    call.client_raw(message)
    assert call.sent("error")["error"]["type"] == "invalid_request_error"
    assert call.server.received == []


def test_an_unknown_event_is_left_to_the_server_to_refuse(call: Call) -> None:
    call.client("no.such.event")
    assert call.sent("error")["error"]["param"] == "type"
    assert call.server.kinds() == ["no.such.event"]


@pytest.mark.parametrize(
    "message", [b"", b"[]", b"{", b'{"type":"response.done"', b'{"type":"response.done"}', b"\xff"]
)
def test_what_a_server_garbles_does_not_reach_the_client(call: Call, message: bytes) -> None:
    call.forget()
    call.server.extra.append(message)
    call.settle()
    assert call.types() == []


def test_an_event_that_comes_twice_is_told_once(call: Call) -> None:
    call.client("conversation.item.delete", item_id="nothing")
    told = call.core.events[-1]
    call.forget()
    call.server.extra.append(json.dumps(told, separators=(",", ":")).encode())
    call.settle()
    assert call.events == []


def test_what_a_server_says_twice_without_ids_is_said_twice(call: Call) -> None:
    """Some give their events no ids; two deltas of one word may be the same."""
    for _ in range(2):
        call.server.extra.append(b'{"type":"response.output_text.delta","response_id":"r","item_id":"i","delta":"ha"}')
    told: list[bytes] = []
    call.relay._notices = None  # type: ignore[assignment]
    call.relay._exchange.send = told.append
    call.settle()
    assert len(told) == 2


def test_a_server_whose_event_was_cut_off_is_replaced_and_nothing_is_missing(call: Call) -> None:
    call.server.mute = True
    call.say("Hello")
    cut = call.server
    cut.extra.append(b'{"type":"conversation.item.added","event_id":"event_cut","item":{"id"')
    call.settle()
    assert cut.closed
    assert call.types()[-2:] == ["conversation.item.added", "conversation.item.done"]
    call.client("response.create")
    assert call.core.told() == ["Hello"]


def test_a_refused_item_is_not_restored(call: Call) -> None:
    call.client("conversation.item.create", previous_item_id="nowhere", item=_message("Hello"))
    assert call.sent("error")
    call.drop()
    assert call.server.all_received("conversation.item.create") == []


def test_a_refused_update_changes_nothing_on_the_next_server_either(call: Call) -> None:
    call.configure(output_modalities=["smell"])
    assert call.sent("error")
    call.drop()
    assert call.server.all_received("session.update") == []


def test_a_server_that_refuses_part_of_the_configuration_gets_the_rest(call: Call) -> None:
    call.configure(instructions="Be brief.", output_modalities=["text"])
    # The next server knows nothing of output_modalities.
    call.routes[0].plan.append(HANG)
    call.drop()
    accept(call)
    update = call.server.all_received("session.update")[-1]
    call.server.extra.append(
        json.dumps(
            {
                "type": "error",
                "event_id": "event_x",
                "error": {
                    "type": "invalid_request_error",
                    "code": "unknown_parameter",
                    "message": "no",
                    "param": "session.output_modalities",
                    "event_id": update["event_id"],
                },
            }
        ).encode()
    )
    call.settle()
    again = call.server.all_received("session.update")[-1]["session"]
    assert again == {"type": "realtime", "instructions": "Be brief."}
    assert call.all_sent("error") == []


# --- one response at a time -----------------------------------------------------------------------------------


def test_a_second_response_waits_for_the_first(call: Call) -> None:
    call.say("One")
    call.client("response.create")
    call.say("Two")
    call.client("response.create")
    call.generate("Eins.")
    call.speak()
    call.generate("Zwei.")
    call.speak()
    assert [event["response"]["status"] for event in call.all_sent("response.done")] == ["completed", "completed"]
    assert call.all_sent("error") == []


def test_a_request_that_loses_against_turn_detection_waits(call: Call) -> None:
    """The server began a response of its own just before it read ours."""
    call.server.mute = True
    call.hear((LOUD, 600), (QUIET, 800))
    item_id = str(call.core.last_item_id())
    call.say("And this?")
    call.client("response.create", event_id="mine")
    call.server.mute = False
    call.settle()
    assert call.all_sent("error") == []
    call.core.transcribe("Hello", item_id)
    call.generate("To the voice.")
    call.speak()
    call.generate("To the request.")
    call.speak()
    assert len(call.all_sent("response.done")) == 2


def test_a_second_response_that_has_nothing_new_to_answer_is_refused(call: Call) -> None:
    """A client that asks after each transcript, though turn detection begins a response itself, hears one answer."""
    call.hear((LOUD, 600), (QUIET, 800))
    call.client("response.create", event_id="mine")
    error = call.sent("error")["error"]
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
    call.transcribe("Hello")
    call.generate("Hi.")
    call.speak()
    assert len(call.all_sent("response.created")) == 1


def test_a_second_response_with_wishes_of_its_own_waits(call: Call) -> None:
    call.say("One")
    call.client("response.create")
    call.client("response.create", response={"instructions": "Say goodbye.", "metadata": None})
    assert call.all_sent("error") == []
    call.generate("Eins.")
    call.speak()
    assert len(call.all_sent("response.created")) == 2


def test_by_choice_a_second_response_is_refused_under_its_own_id() -> None:
    call = Call(options=RelayOptions(responses="refuse"))
    call.client("response.create")
    call.client("response.create", event_id="second")
    error = call.sent("error")["error"]
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")


def test_by_choice_a_second_response_replaces_the_first() -> None:
    call = Call(options=RelayOptions(responses="replace"))
    call.say("One")
    call.client("response.create")
    call.client("response.create")
    assert call.sent("response.done")["response"]["status"] == "cancelled"
    assert len(call.all_sent("response.created")) == 2


def test_responses_out_of_band_do_not_wait(call: Call) -> None:
    call.say("One")
    call.client("response.create")
    call.client("response.create", response={"conversation": "none", "metadata": {"topic": "aside"}})
    assert len(call.all_sent("response.created")) == 2


# --- what is on its way while a server is lost ----------------------------------------------------------------


def test_a_request_that_waits_is_made_once_and_after_all_was_told() -> None:
    call = Call(options=RelayOptions(cut_response="end"))
    call.say("One")
    call.client("response.create")
    call.generate("Eins. Zwei.", done=False)
    call.speak(done=False)
    call.client("response.create", event_id="second", response={"instructions": "Say goodbye."})
    call.drop()
    assert call.server.kinds()[-1] == "response.create"
    assert len(call.server.all_received("response.create")) == 1
    assert len(call.all_sent("response.created")) == 2


def test_a_request_that_was_rejected_and_waits_is_made_to_the_next_server(call: Call) -> None:
    call.server.deaf = True
    call.client("response.create", event_id="mine")
    error = {"type": "invalid_request_error", "code": ALREADY_ACTIVE, "message": "No.", "param": None}
    said = {"type": "error", "event_id": "event_x", "error": {**error, "event_id": "mine"}}
    call.server.extra.append(json.dumps(said).encode())
    call.settle()
    call.drop()
    assert len(call.all_sent("response.created")) == 1


def test_a_cancellation_of_what_was_not_begun_is_not_lost(call: Call) -> None:
    call.server.deaf = True
    call.say("Hello")
    call.client("response.create")
    call.client("response.cancel")
    call.drop()
    assert call.sent("response.done")["response"]["status"] == "cancelled"
    assert call.all_sent("error") == []


def test_a_response_out_of_band_can_be_cancelled_by_its_id(call: Call) -> None:
    call.client("response.create", response={"conversation": "none"})
    response_id = call.sent("response.created")["response"]["id"]
    call.server.deaf = True
    call.client("response.cancel", response_id=response_id)
    call.drop()
    done = call.sent("response.done")["response"]
    assert (done["id"], done["status"]) == (response_id, "cancelled")


def test_a_response_can_be_cancelled_before_the_next_server_has_named_it(call: Call) -> None:
    call.say("Hello")
    call.client("response.create")
    response_id = call.sent("response.created")["response"]["id"]
    call.routes[0].most_words = 1
    call.drop()
    call.client("response.cancel", response_id=response_id)
    call.server.mute, call.server.most_words = False, 0
    call.settle()
    done = call.sent("response.done")["response"]
    assert (done["id"], done["status"]) == (response_id, "cancelled")
    assert call.all_sent("error") == []


def test_a_commit_that_is_sent_again_is_refused_under_its_own_id(call: Call) -> None:
    call.configure(audio={"input": {"turn_detection": None}})
    call.server.deaf = True
    call.client("input_audio_buffer.commit", event_id="mine")
    call.drop()
    assert call.sent("error")["error"]["event_id"] == "mine"
    call.drop()
    assert len(call.all_sent("error")) == 1


def test_a_commit_with_a_clear_behind_it_keeps_its_turn(call: Call) -> None:
    call.configure(audio={"input": {"turn_detection": None}})
    call.server.deaf = True
    call.hear((LOUD, 200))
    call.client("input_audio_buffer.commit")
    call.hear((LOUD, 100))
    call.client("input_audio_buffer.clear")
    call.hear((LOUD, 300))
    call.drop()
    assert [kind for kind in call.types() if kind.startswith("input_audio_buffer.")] == [
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
    ]
    kinds = [event["type"].removeprefix("input_audio_buffer.") for event in call.server.received]
    assert kinds == ["session.update", *["append"] * 10, "commit", *["append"] * 5, "clear", *["append"] * 15]


def test_the_end_of_a_speech_is_told_once(call: Call) -> None:
    call.server.last_word = "input_audio_buffer.speech_stopped"
    call.hear((LOUD, 600), (QUIET, 800))
    call.drop()
    assert len(call.all_sent("input_audio_buffer.speech_stopped")) == 1
    assert len(call.all_sent("input_audio_buffer.committed")) == 1


def test_a_response_that_the_next_server_begins_by_itself_stands_for_the_one_to_go_on(call: Call) -> None:
    call.say("Hello")
    call.client("response.create")
    response_id = call.sent("response.created")["response"]["id"]
    call.routes[0].plan.append(HANG)
    call.drop()
    for route in call.routes:
        route.plan.clear()
        route.most_words = 1
    call.settle()
    ours = call.server.all_received("response.create")[0]["event_id"]
    created = {**call.core.sent("response.created"), "event_id": "event_own"}
    error = {"type": "invalid_request_error", "code": ALREADY_ACTIVE, "message": "No.", "param": None}
    for event in (created, {"type": "error", "event_id": "event_x", "error": {**error, "event_id": ours}}):
        call.server.extra.append(json.dumps(event).encode())
    call.settle()
    assert call.all_sent("response.done") == []
    call.server.told = len(call.core.events)
    call.server.mute, call.server.most_words = False, 0
    call.generate("Hi.")
    call.speak()
    assert [event["response"]["id"] for event in call.all_sent("response.done")] == [response_id]
    assert call.all_sent("error") == []


def spoken_item(call: Call) -> str:
    """Have the model speak, and return the item."""
    call.say("Count")
    call.client("response.create")
    call.generate("One two three four five six seven eight nine ten.")
    call.speak(4000)
    return str(call.sent("response.output_item.done")["item"]["id"])


def test_a_truncation_without_an_answer_is_carried_out_by_the_ledger(call: Call) -> None:
    item_id = spoken_item(call)
    call.server.deaf = True
    call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
    call.drop()
    assert call.sent("conversation.item.truncated")["audio_end_ms"] == 2000
    assert call.all_sent("error") == []


def test_an_item_that_is_truncated_twice_is_never_seen_to_be_deleted(call: Call) -> None:
    item_id = spoken_item(call)
    call.drop()
    call.server.mute = True
    for end_ms in (2000, 1000):
        call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms)
    call.server.mute = False
    call.settle()
    assert call.all_sent("conversation.item.deleted") == []


def test_an_item_that_is_being_deleted_does_not_come_back_by_a_truncation(call: Call) -> None:
    item_id = spoken_item(call)
    call.drop()
    call.server.mute = True
    call.client("conversation.item.delete", item_id=item_id)
    call.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
    call.server.mute = False
    call.settle()
    assert item_id not in [entry.id for entry in call.core.session._conversation]


def test_an_id_is_free_again_once_its_item_was_deleted(call: Call) -> None:
    item = {**_message("Hello"), "id": "item_mine"}
    call.client("conversation.item.create", item=item)
    call.drop()
    call.client("conversation.item.delete", item_id="item_mine")
    call.client("conversation.item.create", item=item)
    assert len(call.all_sent("conversation.item.done")) == 2


def cut_call(call: Call) -> str:
    """Have a function call be cut short by a drop, and return its item: no other server can be told of it."""
    call.client("response.create")
    call.core.call("clock", '{"zone":"UTC"}', done=False)
    call.settle()
    call.drop()
    return str(call.sent("conversation.item.added")["item"]["id"])


def test_what_no_server_can_be_told_of_can_be_retrieved_and_deleted() -> None:
    call = Call(options=RelayOptions(cut_response="end"))
    item_id = cut_call(call)
    call.client("conversation.item.retrieve", item_id=item_id)
    assert call.sent("conversation.item.retrieved")["item"]["status"] == "incomplete"
    call.client("conversation.item.delete", item_id=item_id)
    assert call.sent("conversation.item.deleted")["item_id"] == item_id
    assert call.all_sent("error") == []


def test_what_comes_behind_it_is_seen_behind_it() -> None:
    call = Call(options=RelayOptions(cut_response="end"))
    item_id = cut_call(call)
    call.say("Hello")
    assert call.sent("conversation.item.added")["previous_item_id"] == item_id


def test_an_item_can_be_put_behind_it() -> None:
    call = Call(options=RelayOptions(cut_response="end"))
    call.say("Hello", previous_item_id=cut_call(call))
    assert call.all_sent("error") == []
    assert len(call.all_sent("conversation.item.done")) == 2


def test_ids_of_a_client_that_look_like_ours_are_its_own(call: Call) -> None:
    """The client may be a gateway like this one."""
    for kind in ("", "restore_", "config_"):
        call.client("conversation.item.delete", item_id="nothing", event_id=f"antiphon_{kind}1")
        assert call.sent("error")["error"]["event_id"] == f"antiphon_{kind}1"


# --- routes ---------------------------------------------------------------------------------------------------


def test_the_next_route_takes_a_call_over_in_the_middle() -> None:
    first, second = FakeRoute("first", "accept", UNREACHABLE), FakeRoute("second")
    call = Call(first, second)
    call.say("My name is Ada.")
    call.drop()
    assert call.server.route is second
    call.say("What is my name?")
    call.client("response.create")
    assert call.core.told() == ["My name is Ada.", "What is my name?"]
    assert call.sent("antiphon.route.changed")["route"] == "second"


def test_extension_events_go_only_to_those_who_asked() -> None:
    call = Call(start=SessionStart("gpt-realtime"))
    call.drop()
    assert [event for event in call.events if event["type"].startswith("antiphon.")] == []


def test_a_call_goes_back_to_the_better_route_in_a_pause() -> None:
    first, second = FakeRoute("first", "accept", UNREACHABLE), FakeRoute("second")
    call = Call(first, second)
    call.say("My name is Ada.")
    call.drop()
    call.client("response.create")
    call.generate("Hello.", done=False)
    call.wait(20)
    assert call.server.route is second  # it answers at the moment
    call.generate(done=True)
    call.speak()
    call.wait(1)
    assert call.server.route is first
    call.client("response.create")
    assert call.core.told() == ["My name is Ada.", "Hello."]
    assert len(call.all_sent("response.done")) == 1


def test_a_route_that_takes_long_is_overtaken() -> None:
    first, second = FakeRoute("first", HANG), FakeRoute("second")
    call = Call(first, second)
    call.wait(4)
    assert call.server.route is second
    assert first.servers[0].closed


def test_tries_go_on_with_pauses_until_one_works() -> None:
    route = FakeRoute("first", "accept", UNREACHABLE, UNREACHABLE, UNREACHABLE)
    call = Call(route)
    call.say("Hello")
    call.drop()
    call.wait(10)
    call.client("response.create")
    assert call.core.told() == ["Hello"]
    assert len(route.servers) == 5


def drop_at_once(call: Call, times: int) -> None:
    """Let the servers drop the call as soon as they have it, so many times at most."""
    for _ in range(times):
        if call.served_by is not None:
            call.drop()


def test_a_route_that_drops_the_call_at_once_is_not_tried_again_before_the_others() -> None:
    first, second = FakeRoute("first"), FakeRoute("second")
    call = Call(first, second)
    drop_at_once(call, 2)
    assert len(first.servers) == 2
    assert call.server.route is second


def test_between_servers_that_drop_the_call_at_once_are_pauses(call: Call) -> None:
    drop_at_once(call, 100)
    assert len(call.routes[0].servers) == 2
    call.wait(0.4)
    drop_at_once(call, 100)
    assert len(call.routes[0].servers) == 3
    call.wait(3)
    assert call.served_by is not None
    call.wait(5)
    call.drop()
    assert call.served_by is not None  # it stood the call for a while, and is tried without a pause


def test_a_call_that_every_server_drops_at_once_is_given_up(call: Call) -> None:
    for _ in range(700):
        drop_at_once(call, 1)
        call.wait(0.1)
    assert call.closed is not None
    assert len(call.routes[0].servers) < 20


def test_a_wrong_model_is_the_client_s_to_know() -> None:
    detail = ErrorDetail("invalid_request_error", "invalid_model", "No such model.", "model")
    call = Call(FakeRoute("first", LegEnd(Cause.CLIENT, "bad model", detail, 4000, "invalid_request_error")))
    assert call.sent("error")["error"]["code"] == "invalid_model"
    assert call.closed == (4000, "invalid_request_error.invalid_model")


def test_a_refused_key_is_the_operator_s_to_know() -> None:
    call = Call(FakeRoute("first", CREDENTIALS))
    error = call.sent("error")["error"]
    assert (error["type"], error["code"]) == ("server_error", "upstream_unauthorized")
    assert call.closed is not None
    assert call.closed[0] == 1011
    assert any("the key was refused; set another" in line for line in call.logged)


def test_a_quota_is_told_as_the_api_tells_it() -> None:
    detail = ErrorDetail("insufficient_quota", "insufficient_quota", "You exceeded your quota.")
    call = Call(FakeRoute("first", LegEnd(Cause.QUOTA, "quota", detail, 3000)))
    assert call.sent("error")["error"]["code"] == "insufficient_quota"
    assert call.closed == (3000, "insufficient_quota.insufficient_quota")


def test_a_client_that_waits_in_vain_is_told() -> None:
    call = Call(FakeRoute("first", *[UNREACHABLE] * 100))
    call.wait(20)
    assert call.sent("error")["error"]["code"] == "upstream_unavailable"
    assert call.closed is not None
    assert call.closed[0] == 1013


SILENT = LegEnd(Cause.SILENT, "it said nothing")
ASKED = SessionStart("gpt-realtime", extensions=True, asked={"instructions": "Be brief."})


def mute_at_first(route: FakeRoute) -> FakeRoute:
    """Its first server says `session.created`, and never answers the configuration that follows."""
    route.most_words = 1
    return route


def test_a_first_server_that_does_not_confirm_its_configuration_is_given_up_for_the_next_route() -> None:
    first, second = mute_at_first(FakeRoute("first")), FakeRoute("second")
    call = Call(first, second, start=ASKED)
    call.wait(BEGIN_SECONDS - 0.01)
    assert call.served_by is None
    call.wait(0.02)
    assert first.servers[0].closed
    assert first.failures == [(Cause.SILENT, True)]
    assert call.server.route is second
    assert call.sent("session.created")["session"]["instructions"] == "Be brief."
    assert "begin" not in call.relay.timers._due


def test_where_there_is_no_other_route_it_is_tried_again() -> None:
    route = mute_at_first(FakeRoute("first"))
    call = Call(route, start=ASKED)
    route.most_words = 0
    call.wait(BEGIN_SECONDS + 1)
    assert len(route.servers) == 2
    assert len(call.all_sent("session.created")) == 1


def test_between_servers_that_drop_the_call_before_it_began_are_pauses_and_it_is_given_up() -> None:
    route = mute_at_first(FakeRoute("first"))
    call = Call(route, start=ASKED)
    while call.closed is None:
        for server in route.servers:
            if not server.ended:
                server.end()
        call.settle()
        call.wait(0.1)
    assert call.sent("error")["error"]["code"] == "upstream_unavailable"
    assert call.now == pytest.approx(1000 + FIRST_PATIENCE, abs=0.2)
    assert 3 < len(route.servers) < 12


def test_a_server_that_went_silent_is_not_asked_again_before_the_others() -> None:
    """Its route does not rest, and a server that is stuck accepts each new session."""
    first, second = FakeRoute("first"), FakeRoute("second")
    call = Call(first, second)
    call.wait(5)
    call.drop(SILENT)
    assert call.server.route is second
    assert first.failures == [(Cause.SILENT, True)]


def test_a_server_that_went_silent_is_asked_again_where_no_other_can_be_had() -> None:
    first, second = FakeRoute("first"), FakeRoute("second", *[UNREACHABLE] * 10)
    call = Call(first, second)
    call.drop(SILENT)
    assert second.failures == [(Cause.UNREACHABLE, False)]
    call.wait(1)
    assert call.server.route is first


# --- caps and silence -----------------------------------------------------------------------------------------


def test_a_session_rolls_over_before_its_cap_and_nobody_notices() -> None:
    call = Call(FakeRoute("first", cap=600.0))
    call.say("My name is Ada.")
    call.forget()
    call.wait(1500)
    assert len(call.routes[0].servers) >= 3
    assert call.types() == []
    call.client("response.create")
    assert call.core.told() == ["My name is Ada."]


def test_a_rollover_waits_for_a_pause() -> None:
    call = Call(FakeRoute("first", cap=600.0), options=PATIENT)
    call.say("Hello")
    call.client("response.create")
    call.generate("A long", done=False)
    before = call.server
    call.wait(520)
    assert call.server is before
    call.generate(" answer.")
    call.speak()
    call.wait(1)
    assert call.server is not before


def test_at_the_cap_there_is_no_more_waiting() -> None:
    call = Call(FakeRoute("first", cap=600.0), options=PATIENT)
    call.say("Hello")
    call.client("response.create")
    call.generate("A long", done=False)
    call.wait(599)
    assert len(call.routes[0].servers) == 2
    assert call.routes[0].servers[0].closed


def test_the_call_itself_has_an_end() -> None:
    call = Call(options=RelayOptions(session_seconds=60))
    call.wait(61)
    assert call.sent("error")["error"]["code"] == "session_expired"
    assert call.closed is not None
    assert call.closed[0] == 1001


def test_a_server_that_owes_and_says_nothing_is_replaced(call: Call) -> None:
    call.say("Hello")
    silent = call.server
    silent.mute = True
    call.client("response.create")
    call.wait(30)
    assert silent.closed
    assert call.server is not silent
    call.generate("Hi.")
    call.speak()
    assert call.sent("response.done")["response"]["status"] == "completed"


def test_a_server_that_owes_nothing_may_be_silent(call: Call) -> None:
    before = call.server
    call.wait(600)
    assert call.server is before
    assert before.received == []


def test_a_server_that_hears_nothing_more_of_a_turn_is_replaced(call: Call) -> None:
    """Nothing is owed while the user speaks, so it is asked for a sign of life."""
    call.hear((LOUD, 400))
    began = call.sent("input_audio_buffer.speech_started")
    stuck = call.server
    stuck.deaf = True
    call.hear((LOUD, 400), (QUIET, 900))
    call.wait(60)
    assert stuck.closed
    assert call.sent("input_audio_buffer.committed")["item_id"] == began["item_id"]
    assert call.all_sent("error") == []


def test_a_server_that_answers_may_hear_a_long_turn(call: Call) -> None:
    before = call.server
    call.hear((LOUD, 60_000))
    assert call.server is before
    assert "conversation.item.retrieve" in before.kinds()
    assert call.all_sent("error") == []


def test_a_server_that_hears_silence_is_asked_and_replaced_once_it_no_longer_answers(call: Call) -> None:
    before = call.server
    call.hear((QUIET, 60_000))
    assert call.server is before
    before.deaf = True
    call.hear((QUIET, 60_000))
    assert before.closed
    assert call.all_sent("error") == []


def test_a_server_that_never_answers_such_a_question_is_left_alone(call: Call) -> None:
    before = call.server
    before.deaf = True
    call.hear((QUIET, 120_000))
    assert call.server is before
    assert before.kinds() == ["conversation.item.retrieve"]


def _message(text: str) -> dict[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
