"""A real session feeds the ledger, and a second one takes the conversation over."""

import base64
import json
from typing import Any

import pytest

from antiphon.path.ledger import Ledger
from antiphon.path.ledger.cut import endings
from antiphon.session.requests import Generate, TranscribeAudio
from tests.path.ledger.kit import Listened
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, MS, QUIET, CoreClient

TRANSCRIBED = {"input": {"transcription": {"model": "whisper-1"}}}


@pytest.fixture
def first() -> Listened:
    client = Listened()
    client.configure(audio=TRANSCRIBED, tools=[{"type": "function", "name": "book", "parameters": {"type": "object"}}])
    return client


def user_speaks(client: CoreClient, text: str | None) -> None:
    client.hear((QUIET, 500), (LOUD, 1000), (QUIET, 700))
    if text is not None:
        client.transcribe(text)


def assistant_speaks(client: CoreClient, text: str, ms: int = 1000) -> None:
    client.generate(text)
    client.speak(ms=ms, marked=False)


def told_by(client: CoreClient) -> list[Any]:
    """Return what the model of a session is told, once it is asked."""
    client.send("response.create")
    return list(client.asked(Generate).context.items)


def taken_over(ledger: Ledger) -> Listened:
    second = Listened()
    second.restore(ledger)
    assert second.all_sent("error") == []
    return second


def test_the_model_of_the_second_session_is_told_the_same(first: Listened) -> None:
    first.say("Be kind.", previous_item_id="root")
    user_speaks(first, "How many bedrooms?")
    assistant_speaks(first, "There are four bedrooms.")
    first.say("Book it.")
    first.send("response.create")
    first.call("book", '{"day":"Monday"}')
    call_id = first.sent("response.function_call_arguments.done")["call_id"]
    output = {"type": "function_call_output", "call_id": call_id, "output": '{"ok":true}'}
    first.send("conversation.item.create", item=output)
    second = taken_over(first.ledger)
    assert told_by(second) == told_by(first)
    # The second session adds only what it answers now.
    assert [entry.id for entry in second.ledger.items()] == [entry.id for entry in first.ledger.items()]


def test_the_second_session_is_configured_as_the_first(first: Listened) -> None:
    first.configure(instructions="Sell.", audio={"output": {"voice": "ash"}}, tool_choice="required")
    second = taken_over(first.ledger)
    shown = [client.sent("session.updated")["session"] for client in (first, second)]
    assert {**shown[0], "id": "", "expires_at": 0} == {**shown[1], "id": "", "expires_at": 0}


def test_a_truncated_answer_is_told_as_it_was_heard(first: Listened) -> None:
    user_speaks(first, "How many bedrooms?")
    assistant_speaks(first, "There are four large bedrooms in this house.")
    item_id = first.last_item_id()
    first.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=500)
    told = told_by(first)
    assert told[-1].text != "There are four large bedrooms in this house."
    assert told_by(taken_over(first.ledger)) == told


def test_an_untranscribed_turn_is_heard_by_the_second_session(first: Listened) -> None:
    """The audio from its padding to its end comes over, sample by sample."""
    user_speaks(first, None)
    heard = b"".join(request.pcm for request in first.all_asked(TranscribeAudio))
    second = taken_over(first.ledger)
    assert b"".join(request.pcm for request in second.all_asked(TranscribeAudio)) == heard


def test_a_turn_in_the_middle_goes_on_in_the_second_session(first: Listened) -> None:
    first.hear((QUIET, 500), (LOUD, 600))
    item_id = first.sent("input_audio_buffer.speech_started")["item_id"]
    assert first.ledger.speech_item_id == item_id
    second = taken_over(first.ledger)
    second.hear((LOUD, 400), (QUIET, 700))
    assert second.all_sent("input_audio_buffer.speech_started")
    start, end = (
        second.sent("input_audio_buffer.speech_started")["audio_start_ms"],
        second.sent("input_audio_buffer.speech_stopped")["audio_end_ms"],
    )
    heard = b"".join(request.pcm for request in second.all_asked(TranscribeAudio))
    assert len(heard) == (end - start) * MS * 2
    assert heard.count(LOUD) >= 1000 * MS - 1


def test_a_manual_turn_in_the_middle_goes_on_in_the_second_session() -> None:
    first = Listened()
    first.configure(audio={"input": {"turn_detection": None}})
    first.hear((LOUD, 300))
    second = taken_over(first.ledger)
    second.hear((LOUD, 200))
    second.send("input_audio_buffer.commit")
    heard = b"".join(request.pcm for request in second.all_asked(TranscribeAudio))
    assert heard == LOUD * (500 * MS)


def test_a_cut_answer_is_told_as_far_as_it_was_sent(first: Listened) -> None:
    user_speaks(first, "How many bedrooms?")
    first.generate("There are four bedrooms. And more.", done=False)
    first.speak(ms=1000)
    [response] = first.ledger.responses.values()
    sent = "".join(event["delta"] for event in first.all_sent("response.output_audio_transcript.delta"))
    assert sent
    for event in endings(response, "cancelled", {"type": "cancelled", "reason": "turn_detected"}):
        check_server_event({"event_id": "event_x", **event})
        first.ledger.note_server(event["type"], event)
    assert told_by(taken_over(first.ledger))[-1].text == sent


def test_a_cut_response_ends_as_the_session_itself_ends_an_interrupted_one(first: Listened) -> None:
    """The same events with the same contents, but for the usage, which only a server knows."""
    user_speaks(first, "How many bedrooms?")
    first.generate("There are four bedrooms. And more.", done=False)
    first.speak(ms=1000, done=False)
    [response] = first.ledger.responses.values()
    ours = endings(response, "cancelled", {"type": "cancelled", "reason": "client_cancelled"})
    first.forget()
    first.send("response.cancel")
    theirs = [event for event in first.events if event["type"] != "rate_limits.updated"]
    for event in theirs:
        del event["event_id"]
    theirs[-1]["response"]["usage"] = None
    assert [json.dumps(event, sort_keys=True) for event in ours] == [
        json.dumps(event, sort_keys=True) for event in theirs
    ]


def test_audio_items_of_the_client_come_over(first: Listened) -> None:
    audio = base64.b64encode(LOUD * (200 * MS)).decode()
    content = [{"type": "input_audio", "audio": audio}]
    first.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    second = taken_over(first.ledger)
    assert second.asked(TranscribeAudio).pcm == LOUD * (200 * MS)


def test_the_idle_timeouts_own_words_come_over() -> None:
    first = Listened()
    first.configure(
        audio={
            "input": {
                "transcription": {"model": "whisper-1"},
                "turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000},
            }
        }
    )
    first.say("Hello")
    first.send("response.create")
    assistant_speaks(first, "Good morning.")
    first.wait(10)
    assert first.all_sent("input_audio_buffer.timeout_triggered")
    assert first.ledger.speech_item_id is None
    second = taken_over(first.ledger)
    roles = [entry.role for entry in second.ledger.items()]
    assert roles == ["user", "assistant", "system", "user"]


def test_a_third_session_is_told_the_same_as_the_second(first: Listened) -> None:
    user_speaks(first, "How many bedrooms?")
    assistant_speaks(first, "Four.")
    second = taken_over(first.ledger)
    third = taken_over(second.ledger)
    assert [e["item"] for e in third.ledger.restoration()] == [e["item"] for e in first.ledger.restoration()]
