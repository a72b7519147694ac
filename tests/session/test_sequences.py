"""The exact event sequences of the Realtime API for turns in text and audio, calls and interruptions."""

from antiphon.session.context import ContextToolCall, ContextToolResult
from antiphon.session.requests import (
    CancelGeneration,
    CancelSpeech,
    CancelTranscription,
    FinishTranscription,
    Generate,
    Speak,
    TranscribeAudio,
)
from tests.session.harness import LOUD, MS, QUIET, CoreClient

ITEM = ["conversation.item.added", "conversation.item.done"]
SPOKEN_OPENING = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
SPOKEN_CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


def test_a_session_begins_with_session_created(session: CoreClient) -> None:
    created = session.events[0]
    assert created["type"] == "session.created"
    assert list(created["session"]) == [
        "type", "object", "id", "model", "output_modalities", "instructions", "tools", "tool_choice",
        "max_output_tokens", "tracing", "truncation", "prompt", "expires_at", "audio", "include",
    ]  # fmt: skip
    assert created["session"]["expires_at"] == 1_700_000_000 + 3600
    assert list(created["session"]["audio"]["input"]) == [
        "format",
        "transcription",
        "noise_reduction",
        "turn_detection",
    ]


def test_a_text_turn(session: CoreClient) -> None:
    session.configure(output_modalities=["text"])
    session.forget()
    session.say("How many bedrooms?")
    session.send("response.create")
    session.generate("Four ", "bedrooms.")
    assert session.types() == [
        *ITEM,
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    response = session.sent("response.done")["response"]
    assert response["status"] == "completed"
    assert response["status_details"] is None
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "Four bedrooms."}]


def test_an_item_of_a_response_opens_empty_and_in_progress(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("Hello.", done=False)
    added = session.sent("response.output_item.added")["item"]
    assert (added["status"], added["content"]) == ("in_progress", [])
    assert session.sent("response.content_part.added")["part"] == {"type": "audio", "transcript": ""}


def test_an_audio_turn_with_server_vad(session: CoreClient) -> None:
    session.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    session.forget()
    session.hear((QUIET, 500), (LOUD, 1000), (QUIET, 700))
    session.transcribe("how many bedrooms", seconds=1.5)
    session.generate("There are four bedrooms.")
    session.speak(ms=1200)
    types = session.types()
    assert types[:7] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        *ITEM,
        "response.created",
        "conversation.item.input_audio_transcription.delta",
    ]
    assert types[7] == "conversation.item.input_audio_transcription.completed"
    assert types[8:11] == SPOKEN_OPENING[1:]
    # Transcript and audio interleave, the transcript first.
    assert types[11:13] == ["response.output_audio_transcript.delta", "response.output_audio.delta"]
    assert types[-7:] == SPOKEN_CLOSING
    spoken = "".join(event["delta"] for event in session.all_sent("response.output_audio_transcript.delta"))
    assert spoken == "There are four bedrooms."
    assert session.sent("conversation.item.input_audio_transcription.completed")["usage"] == {
        "type": "duration",
        "seconds": 1.5,
    }


def test_a_turn_keeps_one_item_id_from_its_first_word(session: CoreClient) -> None:
    session.hear((QUIET, 500), (LOUD, 1000), (QUIET, 700))
    item_id = session.sent("input_audio_buffer.speech_started")["item_id"]
    assert session.sent("input_audio_buffer.speech_stopped")["item_id"] == item_id
    assert session.sent("input_audio_buffer.committed")["item_id"] == item_id
    item = session.sent("conversation.item.done")["item"]
    assert item["id"] == item_id
    assert item["content"] == [{"type": "input_audio", "transcript": None}]


def test_speech_positions_count_appended_audio(session: CoreClient) -> None:
    session.hear((QUIET, 960), (LOUD, 1000), (QUIET, 700))
    start = session.sent("input_audio_buffer.speech_started")["audio_start_ms"]
    end = session.sent("input_audio_buffer.speech_stopped")["audio_end_ms"]
    assert start == 960 - 300  # prefix padding; 960 ms are 30 whole frames
    # The end includes the silence that showed it; frames of 32 ms blur both sides.
    assert 1960 + 500 <= end <= 1960 + 500 + 64


def test_stt_hears_the_turn_from_its_padding_to_its_end(session: CoreClient) -> None:
    session.hear((QUIET, 960), (LOUD, 1000), (QUIET, 700))
    start = session.sent("input_audio_buffer.speech_started")["audio_start_ms"]
    end = session.sent("input_audio_buffer.speech_stopped")["audio_end_ms"]
    heard = b"".join(request.pcm for request in session.all_asked(TranscribeAudio))
    assert len(heard) == (end - start) * MS * 2
    assert heard.count(LOUD) >= 1000 * MS - 1
    assert len(session.all_asked(FinishTranscription)) == 1


def test_a_response_waits_for_the_transcript(session: CoreClient) -> None:
    session.hear((QUIET, 500), (LOUD, 1000), (QUIET, 700))
    assert session.all_asked(Generate) == []
    session.transcribe("how many bedrooms")
    assert session.told()[-1] == "how many bedrooms"


def test_the_transcript_stands_in_the_item_only_if_asked_for(session: CoreClient) -> None:
    session.hear((QUIET, 500), (LOUD, 1000), (QUIET, 700))
    item_id = session.last_item_id()
    session.transcribe("hello")
    assert session.all_sent("conversation.item.input_audio_transcription.completed") == []
    session.send("conversation.item.retrieve", item_id=item_id)
    assert session.sent("conversation.item.retrieved")["item"]["content"][0]["transcript"] is None


def test_a_manual_turn(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": None}})
    session.forget()
    session.hear((LOUD, 500))
    session.send("input_audio_buffer.commit")
    session.send("response.create")
    assert session.types() == ["input_audio_buffer.committed", *ITEM, "response.created"]
    heard = b"".join(request.pcm for request in session.all_asked(TranscribeAudio))
    assert heard == LOUD * (500 * MS)


def test_a_commit_alone_starts_no_response(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": None}})
    session.hear((LOUD, 500))
    session.send("input_audio_buffer.commit")
    session.transcribe("hello")
    assert session.all_sent("response.created") == []


def test_a_cleared_buffer_is_forgotten(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": None}})
    session.hear((LOUD, 500))
    session.send("input_audio_buffer.clear")
    assert session.events[-1]["type"] == "input_audio_buffer.cleared"
    session.send("input_audio_buffer.commit")
    assert session.error["code"] == "input_audio_buffer_commit_empty"
    assert len(session.all_asked(CancelTranscription)) == 1


def test_less_than_100_ms_cannot_be_committed(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": None}})
    session.append(LOUD * (99 * MS))
    session.send("input_audio_buffer.commit", event_id="mine")
    assert session.error["code"] == "input_audio_buffer_commit_empty"
    assert "99.00ms" in session.error["message"]
    assert session.error["event_id"] == "mine"
    session.append(LOUD * MS)
    session.send("input_audio_buffer.commit")
    assert session.events[-1]["type"] == "conversation.item.done"


def test_a_function_call(session: CoreClient) -> None:
    session.configure(tools=[{"type": "function", "name": "book_viewing", "parameters": {"type": "object"}}])
    session.forget()
    session.say("Book a viewing on Friday")
    session.send("response.create")
    assert session.asked(Generate).context.tools[0].name == "book_viewing"
    session.call("book_viewing", '{"day": "Friday"}')
    assert session.types() == [
        *ITEM,
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    added, done = session.sent("response.output_item.added")["item"], session.sent("response.output_item.done")["item"]
    assert (added["status"], added["arguments"]) == ("in_progress", "")
    assert (done["status"], done["arguments"]) == ("completed", '{"day": "Friday"}')
    assert session.sent("response.function_call_arguments.done")["name"] == "book_viewing"


def test_the_model_learns_the_result_of_its_call(session: CoreClient) -> None:
    session.say("Book a viewing on Friday")
    session.send("response.create")
    session.call("book_viewing", '{"day": "Friday"}')
    call_id = session.sent("response.output_item.done")["item"]["call_id"]
    output = {"type": "function_call_output", "call_id": call_id, "output": "booked"}
    session.send("conversation.item.create", item=output)
    assert session.sent("conversation.item.done")["item"] | {"id": ""} == {**output, "id": ""}
    session.send("response.create")
    assert session.asked(Generate).context.items[-2:] == (
        ContextToolCall(call_id, "book_viewing", '{"day": "Friday"}'),
        ContextToolResult(call_id, "booked"),
    )


def test_a_message_before_a_call_is_closed_first(session: CoreClient) -> None:
    """Blocks interleave: the message opens, the call opens, the message closes, the call closes."""
    session.say("Book a viewing")
    session.send("response.create")
    session.forget_events()
    session.generate("One moment.", done=False)
    session.call("book_viewing", "{}")
    session.speak(ms=500)
    items = [
        (event["type"].removeprefix("response.output_item."), event["output_index"])
        for event in session.events
        if event["type"].startswith("response.output_item.")
    ]
    assert items == [("added", 0), ("added", 1), ("done", 0), ("done", 1)]


def test_an_interruption_cancels_the_response(session: CoreClient) -> None:
    session.say("Tell me everything")
    session.send("response.create")
    session.generate("This is a long story. ", "It has many parts. ", done=False)
    session.speak(ms=800, done=False)
    session.forget_events()
    session.hear((QUIET, 320), (LOUD, 200))
    assert session.types() == ["input_audio_buffer.speech_started", *SPOKEN_CLOSING]
    response = session.sent("response.done")["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert session.sent("response.output_item.done")["item"]["status"] == "incomplete"
    assert len(session.all_asked(CancelGeneration)) == 1
    assert len(session.all_asked(CancelSpeech)) == 1


def test_what_a_cancelled_stage_still_sends_is_ignored(session: CoreClient) -> None:
    session.say("Tell me everything")
    session.send("response.create")
    session.generate("This is a long story. ", done=False)
    session.send("response.cancel")
    session.forget_events()
    session.generate("And more. ")
    session.speak(ms=500)
    assert session.events == []


def test_interrupt_response_false_lets_the_response_run_and_the_next_one_wait(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
    session.say("Tell me everything")
    session.send("response.create")
    session.generate("This is a long story. ", done=False)
    session.hear((QUIET, 320), (LOUD, 500), (QUIET, 700))
    assert len(session.all_sent("response.created")) == 1
    session.generate(done=True)
    session.speak(ms=500)
    assert len(session.all_sent("response.done")) == 1
    assert len(session.all_sent("response.created")) == 2


def test_create_response_false_leaves_the_answer_to_the_client(session: CoreClient) -> None:
    session.configure(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
    session.hear((QUIET, 320), (LOUD, 500), (QUIET, 700))
    session.transcribe("hello")
    assert session.all_sent("conversation.item.done")
    assert session.all_sent("response.created") == []


def test_a_cancelled_response_says_client_cancelled(session: CoreClient) -> None:
    session.send("response.create")
    session.send("response.cancel")
    response = session.sent("response.done")["response"]
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


def test_a_late_cancel_is_a_harmless_error(session: CoreClient) -> None:
    session.send("response.cancel", event_id="late")
    assert session.error["code"] == "response_cancel_not_active"
    assert session.error["message"].startswith("Cancellation failed")


def test_a_second_response_is_refused_by_the_name_of_the_first(session: CoreClient) -> None:
    session.send("response.create")
    session.send("response.create", event_id="second")
    assert session.error["code"] == "conversation_already_has_active_response"
    assert session.sent("response.created")["response"]["id"] in session.error["message"]


def test_speech_is_requested_sentence_by_sentence(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("One sen", done=False)
    assert session.all_asked(Speak) == []
    session.generate("tence. Two", done=False)
    assert [request.text for request in session.all_asked(Speak)] == ["One sentence."]


def test_speech_runs_ahead_of_playback_only_so_far(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("First. ", "Second. ", "Third.")
    session.speak(ms=6000)
    assert len(session.all_asked(Speak)) == 1  # 6 s are out, 5 s may be ahead
    session.wait(0.9)
    assert len(session.all_asked(Speak)) == 1
    session.wait(0.2)
    assert [request.text for request in session.all_asked(Speak)] == ["First.", "Second."]


def test_a_blank_rest_ends_the_response_when_its_time_comes(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("First. ", "\n")
    session.speak(ms=6000)  # 6 s are out, 5 s may be ahead
    assert session.all_sent("response.done") == []
    session.wait(1.1)
    assert session.sent("response.done")["response"]["status"] == "completed"


def test_the_metadata_of_a_response_comes_back(session: CoreClient) -> None:
    session.send("response.create", response={"metadata": {"client_event_id": "abc"}, "instructions": None})
    assert session.sent("response.created")["response"]["metadata"] == {"client_event_id": "abc"}
    session.generate()
    assert session.sent("response.done")["response"]["metadata"] == {"client_event_id": "abc"}


def test_the_token_limit_makes_a_response_incomplete(session: CoreClient) -> None:
    session.configure(output_modalities=["text"], max_output_tokens=3)
    session.send("response.create")
    assert session.asked(Generate).context.max_output_tokens == 3
    session.generate("One two", reason="length")
    response = session.sent("response.done")["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"
