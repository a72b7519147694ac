"""The talk session's rules, on a virtual clock."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest

from antiphon.protocol import codec
from antiphon.talk.address import read_address
from antiphon.talk.options import Question, TalkOptions
from antiphon.talk.outputs import Failed, Notice, Output, Ready, Send, State, StateChanged, Transcript, TurnDone
from antiphon.talk.playback import Playback
from antiphon.talk.session import TalkSession
from tests.talk import events

Kind = TypeVar("Kind", bound=Output)
ADDRESS = read_address("ws://127.0.0.1:8080", "gpt-realtime")
QUESTION = (Question(text="asked"),)
TICK = 0.02


class Talker:
    """A session, its loudspeaker and its clock; a tick plays 20 ms."""

    def __init__(self, options: TalkOptions) -> None:
        self.now = 0.0
        self.playback = Playback()
        self.session = TalkSession(options, self.playback, self.now)
        self.outputs: list[Output] = []

    def receive(self, *received: events.Event) -> None:
        for event in received:
            self.session.receive_event(event, self.now)
        self.collect()

    def collect(self) -> None:
        self.outputs += self.session.outputs()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.playback.take(480)
            self.session.tick(self.now)
        self.collect()

    def speak(self, seconds: float) -> None:
        """Send audio at real pace."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.session.send_audio(events.audio(20), self.now)
            self.session.tick(self.now)
        self.collect()

    def begin_turn(self) -> None:
        self.session.begin_turn(self.now)

    def ask(self, text: str) -> None:
        self.begin_turn()
        self.session.ask(text, self.now)
        self.collect()

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [output for output in self.outputs if isinstance(output, kind)]

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the events sent of a type, each of which the server's own decoder must take."""
        found = [output.event for output in self.all(Send) if output.event["type"] == kind]
        for event in found:
            codec.decode(msgspec.json.encode(event))
        return found

    @property
    def states(self) -> list[State]:
        return [output.state for output in self.all(StateChanged)]

    @property
    def result(self) -> TurnDone:
        (result,) = self.all(TurnDone)
        return result


Make = Callable[..., Talker]


@pytest.fixture
def connect() -> Make:
    """Return what makes a talker that the server has greeted."""

    def make(session: dict[str, Any] | None = None, **options: Any) -> Talker:
        talker = Talker(TalkOptions(ADDRESS, "none", **options))
        talker.receive(events.created(**(session or {})), events.updated(**(session or {})))
        return talker

    return make


@pytest.fixture
def live(connect: Make) -> Talker:
    """A talker with a microphone."""
    return connect()


@pytest.fixture
def scripted(connect: Make) -> Talker:
    """A talker with questions to ask."""
    return connect(questions=QUESTION)


def answer(talker: Talker, ms: int = 100, text: str = "Four.", response: str = "resp_1", item: str = "item_a1") -> None:
    """Let the server answer as a whole, faster than it sounds."""
    ids = {"response_id": response, "item": item}
    talker.receive(
        events.response_created(response),
        events.said(text, **ids),
        events.sound(events.audio(ms), **ids),
        events.sound_done(**ids),
        events.said_all(text, **ids),
        events.response_done(response),
    )


# --- configuration --------------------------------------------------------------------------------------------


def test_the_configuration_is_sent_once_the_session_is_there() -> None:
    talker = Talker(TalkOptions(ADDRESS, "none", voice="marin", instructions="Be brief.", text_only=True))
    talker.wait(1)
    assert talker.outputs == []
    talker.receive(events.created())
    (update,) = talker.sent("session.update")
    pcm = {"type": "audio/pcm", "rate": 24000}
    assert update["session"] == {
        "type": "realtime",
        "output_modalities": ["text"],
        "instructions": "Be brief.",
        "audio": {
            "input": {"format": pcm, "transcription": {"model": "gpt-4o-mini-transcribe"}},
            "output": {"voice": "marin", "format": pcm},
        },
    }
    assert not talker.session.is_ready
    talker.receive(events.updated())
    assert talker.all(Ready) == [Ready("gpt-realtime", "marin", "server_vad", 200)]


@pytest.mark.parametrize(
    ("options", "session", "field", "value"),
    [
        ({"transcription": False}, {}, "transcription", None),
        ({}, {"transcription": {"model": "whisper-1"}}, "transcription", None),
        ({}, {"detection": None}, "turn_detection", {"type": "server_vad"}),
        ({}, {}, "turn_detection", None),
    ],
)
def test_what_the_server_has_already_is_left_alone(
    connect: Make, options: dict[str, Any], session: dict[str, Any], field: str, value: object
) -> None:
    talker = connect(session, **options)
    assert talker.sent("session.update")[0]["session"]["audio"]["input"].get(field) == value


def test_a_refused_configuration_is_asked_for_again_with_the_flags_alone() -> None:
    talker = Talker(TalkOptions(ADDRESS, "none", voice="marin"))
    talker.receive(events.created(), events.error("no transcription here", "invalid_value", "talk_update"))
    assert talker.sent("session.update")[1]["session"] == {
        "type": "realtime",
        "audio": {"output": {"voice": "marin"}},
    }
    assert "no transcription here (invalid_value)" in talker.all(Notice)[0].message
    talker.receive(events.error("no such voice", "invalid_value", "talk_plain_update"))
    assert talker.all(Failed) == [Failed("the server refuses the configuration: no such voice (invalid_value)")]


@pytest.mark.parametrize(("greetings", "missing"), [([], "session.created"), ([events.created()], "session.updated")])
def test_a_server_that_never_gets_ready_fails_after_the_timeout(greetings: list[events.Event], missing: str) -> None:
    talker = Talker(TalkOptions(ADDRESS, "none", timeout=5.0))
    talker.receive(*greetings)
    talker.wait(4.9)
    assert talker.all(Failed) == []
    talker.wait(0.2)
    assert f"no {missing} came within 5 s" in talker.all(Failed)[0].message


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": 3},
        {"type": "rate_limits.updated"},
        {"type": "response.new_thing.delta", "delta": "x"},
        {"type": "session.updated"},
        {"type": "session.created", "session": []},
        {"type": "error"},
        {"type": "error", "error": "text"},
        {"type": "response.created", "response": None},
        {"type": "response.done"},
        {"type": "response.output_audio.delta"},
        {"type": "response.output_audio.delta", "response_id": "resp_1", "item_id": "i", "delta": "%%"},
        {"type": "response.output_audio.done"},
        {"type": "response.output_audio_transcript.done", "response_id": "resp_1", "transcript": None},
        {"type": "input_audio_buffer.speech_started"},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": "soon"},
        {"type": "conversation.item.input_audio_transcription.delta", "delta": None},
    ],
)
def test_unknown_and_malformed_events_do_no_harm(scripted: Talker, event: events.Event) -> None:
    scripted.ask("how many bedrooms")
    scripted.receive(event, events.response_created(), event)
    answer(scripted)
    scripted.receive({"type": "input_audio_buffer.committed"}, events.speech_stopped())
    scripted.wait(1)
    assert scripted.session.is_ready


# --- a turn ---------------------------------------------------------------------------------------------------


def test_a_text_turn(scripted: Talker) -> None:
    scripted.ask("How many bedrooms?")
    assert [output.event["type"] for output in scripted.all(Send)][-2:] == [
        "conversation.item.create",
        "response.create",
    ]
    content = scripted.sent("conversation.item.create")[0]["item"]["content"]
    assert content == [{"type": "input_text", "text": "How many bedrooms?"}]
    scripted.wait(0.3)
    answer(scripted, ms=100)
    scripted.wait(0.08)
    assert scripted.all(TurnDone) == []  # 20 ms are still to be heard
    scripted.wait(0.04)
    assert scripted.result == TurnDone(1, "How many bedrooms?", "Four.", "completed", None, 300, 300, None)
    assert scripted.states == [State.LISTENING, State.THINKING, State.SPEAKING, State.LISTENING]


def test_a_written_answer_is_timed_by_its_text(connect: Make) -> None:
    talker = connect(questions=QUESTION, text_only=True)
    talker.ask("How many?")
    talker.wait(0.2)
    talker.receive(events.response_created(), events.piece("output_text.delta", delta="Fo"))
    assert talker.states[-1] is State.SPEAKING
    talker.receive(events.piece("output_text.done", text="Four."), events.response_done())
    talker.wait(TICK)
    assert (talker.result.answer, talker.result.first_text_ms, talker.result.first_audio_ms) == ("Four.", 200, None)


def test_a_question_from_a_file(scripted: Talker) -> None:
    """First-audio latency counts from the last sample of speech, which the file tells."""
    scripted.begin_turn()
    scripted.speak(1.0)
    scripted.session.end_speech(scripted.now - 0.01)
    scripted.receive(events.speech_started(), events.heard("how many"))
    scripted.speak(0.2)
    scripted.receive(events.speech_stopped(ms=1190), events.committed(), events.heard(" bedrooms"))
    assert scripted.states[-1] is State.THINKING
    scripted.receive(events.transcribed("how many bedrooms"))
    scripted.speak(0.1)
    answer(scripted, ms=400)
    scripted.wait(0.6)
    assert scripted.result == TurnDone(1, "how many bedrooms", "Four.", "completed", None, 310, 310, 200)
    mine = [(text.text, text.final) for text in scripted.all(Transcript) if text.role == "user"]
    assert mine == [("how many", False), ("how many bedrooms", False), ("how many bedrooms", True)]


def test_transcripts_grow(live: Talker) -> None:
    live.receive(events.response_created(), events.said("Yes, "), events.said("four"), events.said_all("Yes, four."))
    assert live.all(Transcript) == [
        Transcript(1, "assistant", "Yes,", final=False),
        Transcript(1, "assistant", "Yes, four", final=False),
        Transcript(1, "assistant", "Yes, four.", final=True),
    ]


def test_a_late_transcript_is_waited_for_but_not_for_ever(live: Talker) -> None:
    live.receive(events.speech_started(), events.speech_stopped(), events.committed())
    answer(live, ms=20)
    live.wait(1.9)
    assert live.all(TurnDone) == []
    live.wait(0.2)
    assert (live.result.status, live.result.question) == ("completed", "")
    live.receive(events.transcribed("how many"))
    assert live.all(Transcript)[-1] == Transcript(1, "user", "how many", final=True)


def test_a_failed_transcription_is_not_waited_for(live: Talker) -> None:
    live.receive(events.speech_started(), events.speech_stopped(), events.committed())
    live.receive(events.transcription_failed("the recogniser is gone"))
    answer(live, ms=20)
    live.wait(0.04)
    assert live.result.status == "completed"
    assert live.all(Notice) == [Notice("no transcript of the question: the recogniser is gone")]


def test_without_transcription_none_is_waited_for(connect: Make) -> None:
    talker = connect(transcription=False)
    talker.receive(events.speech_started(), events.speech_stopped(), events.committed())
    answer(talker, ms=20)
    talker.wait(0.04)
    assert talker.result.status == "completed"


def test_the_microphones_speech_ends_a_silence_before_the_server_says_so(live: Talker) -> None:
    """`audio_end_ms` counts the audio sent and includes the 200 ms that ended the turn."""
    live.wait(3.0)
    live.speak(1.0)  # the server hears the last of it as silence, from 0.71 s on
    live.receive(events.speech_started(), events.speech_stopped(ms=910), events.committed())
    live.wait(0.1)
    answer(live)
    live.wait(3)
    assert live.result.first_audio_ms == 390  # 0.71 to 1.1 s


def test_a_server_that_tells_no_position_is_timed_by_its_event(live: Talker) -> None:
    live.receive(events.speech_started())
    live.wait(1)
    live.receive({"type": "input_audio_buffer.speech_stopped", "item_id": "item_u1"}, events.committed())
    live.wait(0.1)
    answer(live)
    live.wait(3)
    assert live.result.first_audio_ms == 300


def test_a_server_that_waits_for_the_client_is_asked_to_respond(connect: Make) -> None:
    talker = connect({"detection": {"type": "server_vad", "create_response": False}})
    talker.receive(events.speech_started(), events.speech_stopped(), events.committed())
    assert len(talker.sent("response.create")) == 1


# --- interruption ---------------------------------------------------------------------------------------------


def test_speech_during_an_answer_flushes_it_and_tells_what_was_heard(live: Talker) -> None:
    answer(live, ms=1000)
    live.wait(0.3)
    live.receive(events.speech_started("item_u2"))
    (truncate,) = live.sent("conversation.item.truncate")
    assert (truncate["item_id"], truncate["content_index"], truncate["audio_end_ms"]) == ("item_a1", 0, 300)
    assert not live.playback.is_waiting
    assert live.result.status == "interrupted"
    assert live.states[-1] is State.LISTENING


def test_audio_that_comes_after_an_interruption_is_dropped(live: Talker) -> None:
    live.receive(events.response_created(), events.sound(events.audio(100)))
    live.receive(events.speech_started("item_u2"), events.sound(events.audio(100)), events.said("late"))
    assert not live.playback.is_waiting
    live.receive(
        events.response_done(status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})
    )
    live.receive(events.speech_stopped("item_u2"), events.committed("item_u2"), events.transcribed("stop", "item_u2"))
    answer(live, ms=20, text="Fine.", response="resp_2", item="item_a2")
    live.wait(0.1)
    assert [(turn.status, turn.answer) for turn in live.all(TurnDone)] == [("interrupted", ""), ("completed", "Fine.")]


def test_parts_that_were_never_begun_are_cut_at_zero(live: Talker) -> None:
    live.receive(events.response_created())
    for item in ("item_a1", "item_a2"):
        live.receive(events.sound(events.audio(100), item=item), events.sound_done(item=item))
    live.wait(0.04)
    live.receive(events.speech_started("item_u2"))
    cuts = [(cut["item_id"], cut["audio_end_ms"]) for cut in live.sent("conversation.item.truncate")]
    assert cuts == [("item_a1", 40), ("item_a2", 0)]


def test_speech_after_an_answer_was_heard_cuts_nothing(live: Talker) -> None:
    answer(live, ms=100)
    live.wait(0.2)
    live.receive(events.speech_started("item_u2"))
    assert live.sent("conversation.item.truncate") == []
    assert live.result.status == "completed"


def test_a_server_that_is_not_to_be_interrupted_speaks_on(connect: Make) -> None:
    talker = connect({"detection": {"type": "server_vad", "interrupt_response": False}})
    answer(talker, ms=500)
    talker.receive(events.speech_started("item_u2"))
    assert talker.playback.is_waiting
    assert talker.sent("conversation.item.truncate") == []


def test_the_refusal_of_a_truncation_that_came_too_late_is_no_news(live: Talker) -> None:
    live.receive(events.error("beyond the end", "invalid_value", "talk_truncate_0"))
    live.receive(events.error("nothing to cancel", "response_cancel_not_active"))
    assert live.all(Notice) == []


def test_a_question_with_a_pause_gets_the_answer_to_its_whole(scripted: Talker) -> None:
    """The server answers the first half; the second half interrupts it, and the turn goes on."""
    scripted.begin_turn()
    scripted.receive(events.speech_started(), events.speech_stopped(), events.committed(), events.transcribed("how"))
    answer(scripted, ms=1000, text="What?")
    scripted.wait(0.5)
    scripted.receive(events.speech_started("item_u2"))
    scripted.session.end_speech(scripted.now)
    scripted.wait(0.3)
    scripted.receive(
        events.speech_stopped("item_u2"), events.committed("item_u2"), events.transcribed("many", "item_u2")
    )
    answer(scripted, ms=100, response="resp_2", item="item_a2")
    scripted.wait(1)
    assert scripted.result == TurnDone(1, "how many", "Four.", "completed", None, 300, 300, 200)


def test_an_answer_to_the_first_half_does_not_end_the_turn(scripted: Talker) -> None:
    """The first half's answer was heard to its end in the pause: the file is not over yet."""
    scripted.begin_turn()
    scripted.receive(events.speech_started(), events.speech_stopped(), events.committed(), events.transcribed("how"))
    answer(scripted, ms=100, text="What?")
    scripted.wait(2)
    assert scripted.all(TurnDone) == []
    scripted.session.end_speech(scripted.now)
    scripted.wait(0.4)
    assert scripted.all(TurnDone) == []  # the server may still notice the second half
    scripted.wait(0.2)
    assert scripted.result.answer == "What?"
    assert scripted.result.first_audio_ms is None


def test_an_answer_that_is_cut_off_before_its_first_sound_stays_silent(scripted: Talker) -> None:
    scripted.begin_turn()
    scripted.receive(events.speech_started(), events.speech_stopped(), events.committed(), events.transcribed("how"))
    scripted.receive(events.response_created(), events.speech_started("item_u2"), events.sound(events.audio(100)))
    assert not scripted.playback.is_waiting
    scripted.receive(events.speech_stopped("item_u2"), events.committed("item_u2"), events.transcribed("", "item_u2"))
    scripted.session.end_speech(scripted.now)
    scripted.receive(events.response_done(status="cancelled"))
    scripted.wait(1)
    assert scripted.all(TurnDone) == []  # the cancelled response is not the answer
    answer(scripted, response="resp_2", item="item_a2")
    scripted.wait(1)
    assert scripted.result.status == "completed"


def test_an_interruption_that_is_no_turn_leaves_the_answer_interrupted(scripted: Talker) -> None:
    scripted.begin_turn()
    scripted.receive(events.speech_started(), events.speech_stopped(), events.committed(), events.transcribed("how"))
    answer(scripted, ms=1000)
    scripted.receive(events.speech_started("item_u2"))
    scripted.session.end_speech(scripted.now)
    scripted.wait(5)
    assert scripted.all(TurnDone) == []  # somebody speaks
    scripted.receive(events.speech_stopped("item_u2"))
    scripted.wait(TICK)
    assert scripted.result.status == "interrupted"


def test_a_part_that_was_never_ended_does_not_block_the_next_response(live: Talker) -> None:
    live.receive(events.response_created(), events.sound(events.audio(20)), events.response_done(status="incomplete"))
    live.wait(0.1)
    live.receive(events.response_created("resp_2"))
    live.receive(events.sound(events.audio(20), response_id="resp_2", item="item_a2"))
    assert live.playback.take(480) == events.audio(20)


# --- what goes wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("failed", {"type": "failed", "error": {"type": "server_error", "code": "llm_down"}}, "llm_down"),
        ("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}, "max_output_tokens"),
        ("cancelled", {"type": "cancelled", "reason": "client_cancelled"}, "client_cancelled"),
        ("failed", None, None),
    ],
)
def test_a_response_that_does_not_complete_says_why(
    scripted: Talker, status: str, details: dict[str, Any] | None, reason: str | None
) -> None:
    scripted.ask("x")
    scripted.receive(events.response_created(), events.response_done(status=status, status_details=details))
    scripted.wait(TICK)
    assert (scripted.result.status, scripted.result.reason) == (status, reason)


def test_a_refused_question_ends_its_turn(scripted: Talker) -> None:
    scripted.ask("x")
    scripted.receive(events.error("too long", "invalid_value", "talk_ask"))
    scripted.wait(TICK)
    assert (scripted.result.status, scripted.result.reason) == ("failed", "too long (invalid_value)")


def test_an_error_in_between_is_shown_and_changes_nothing(scripted: Talker) -> None:
    scripted.ask("x")
    scripted.receive(events.error("odd"))
    answer(scripted)
    scripted.wait(0.2)
    assert scripted.result.status == "completed"
    assert scripted.all(Notice) == [Notice("the server says: odd")]


def test_a_tool_call_is_answered_so_that_the_model_goes_on(scripted: Talker) -> None:
    scripted.ask("book a visit")
    scripted.receive(events.response_created(), events.said_all("Let me see."))
    scripted.receive(events.response_done(output=[events.function_call("book")]))
    scripted.wait(1)
    assert scripted.all(TurnDone) == []
    item = scripted.sent("conversation.item.create")[-1]["item"]
    assert (item["type"], item["call_id"]) == ("function_call_output", "call_1")
    assert len(scripted.sent("response.create")) == 2
    answer(scripted, response="resp_2", item="item_a2")
    scripted.wait(0.2)
    assert (scripted.result.status, scripted.result.answer) == ("completed", "Let me see. Four.")


def test_a_model_that_only_calls_tools_is_given_up(scripted: Talker) -> None:
    scripted.ask("book a visit")
    for number in range(6):
        done = events.response_done(f"resp_{number}", output=[events.function_call("book")])
        scripted.receive(events.response_created(f"resp_{number}"), done)
    scripted.wait(TICK)
    assert scripted.result.status == "failed"
    assert "keeps calling tools (book)" in str(scripted.result.reason)


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        ([], "the server heard no speech in the question within 30 s"),
        ([events.speech_started()], "no answer began within 30 s"),
        (
            [events.speech_started(), events.speech_stopped(), events.committed(), events.response_created()],
            "the answer did not end within 30 s",
        ),
    ],
)
def test_a_turn_that_stalls_times_out(scripted: Talker, received: list[events.Event], reason: str) -> None:
    scripted.begin_turn()
    scripted.wait(100)  # a long question is no stall
    scripted.session.end_speech(scripted.now)
    scripted.receive(*received)
    scripted.wait(29.9)
    assert scripted.all(TurnDone) == []
    scripted.wait(0.2)
    assert (scripted.result.status, scripted.result.reason) == ("timeout", reason)
    assert scripted.states[-1] is State.LISTENING


def test_a_long_answer_is_no_stall(scripted: Talker) -> None:
    scripted.ask("tell me all")
    answer(scripted, ms=40_000)
    scripted.wait(40.1)
    assert scripted.result.status == "completed"


def test_an_open_microphone_does_not_time_out(live: Talker) -> None:
    live.speak(120)
    assert live.all(TurnDone) == []
    assert live.all(Failed) == []


def test_an_ended_connection_leaves_the_turn_unanswered(scripted: Talker) -> None:
    scripted.ask("x")
    scripted.receive(events.response_created())
    scripted.session.stop("the server went away")
    scripted.collect()
    assert (scripted.result.status, scripted.result.reason) == ("unanswered", "the server went away")
