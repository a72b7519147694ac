"""Rules that hold whatever clients send and stages answer, in any order."""

import base64
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.session import Equipment
from antiphon.session.limits import Limits
from antiphon.session.requests import (
    CancelGeneration,
    CancelSpeech,
    CancelTranscription,
    FinishTranscription,
    Generate,
    Speak,
    StartTranscription,
)
from antiphon.session.results import (
    GeneratedArguments,
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    GenerationFailed,
    Result,
    SpeechDone,
    SpeechFailed,
    SpokenAudio,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from tests.session.harness import LOUD, MS, QUIET, CoreClient

texts = st.sampled_from(["One. ", "Two words", ", and more. ", " ", "", "\n", "é。"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**6) | st.floats(-10, 10) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
TYPES = [
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.retrieve",
    "conversation.item.truncate", "conversation.item.delete", "response.create", "response.cancel",
]  # fmt: skip
FIELDS = ["session", "audio", "item", "item_id", "response", "response_id", "previous_item_id", "content_index",
          "audio_end_ms", "event_id", "unknown"]  # fmt: skip
turn_detections = st.none() | st.fixed_dictionaries(
    {"type": st.just("server_vad")},
    optional={
        "threshold": st.sampled_from([0.0, 0.5, 1.0]),
        "silence_duration_ms": st.sampled_from([0, 200, 500]),
        "prefix_padding_ms": st.sampled_from([0, 300, 5000]),
        "idle_timeout_ms": st.sampled_from([None, 5000]),
        "create_response": st.booleans(),
        "interrupt_response": st.booleans(),
    },
)


class SessionMachine(RuleBasedStateMachine):
    """A client and four stages that do anything at any time."""

    @initialize()
    def begin(self) -> None:
        limits = Limits(items=12, buffer_seconds=20, utterance_seconds=5, quiet_seconds=2, kept_audio_seconds=5)
        self.client = CoreClient(equipment=Equipment(limits=limits))

    # --- the client -----------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(TYPES), fields=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3))
    def send_nonsense(self, kind: str, fields: dict[str, Any]) -> None:
        self.client.send(kind, **fields)

    @rule(message=st.binary(max_size=20))
    def send_bytes(self, message: bytes) -> None:
        self.client.send_raw(message)

    @rule(vad=turn_detections, speaks=st.booleans(), transcripts=st.booleans())
    def configure(self, vad: object, speaks: bool, transcripts: bool) -> None:
        self.client.configure(
            output_modalities=["audio"] if speaks else ["text"],
            audio={"input": {"turn_detection": vad, "transcription": {"model": "whisper-1"} if transcripts else None}},
        )

    @rule(kind=st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]))
    def change_format(self, kind: str) -> None:
        self.client.configure(audio={"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}})

    @rule(loud=st.booleans(), ms=st.sampled_from([20, 100, 700, 2000]))
    def append(self, loud: bool, ms: int) -> None:
        self.client.hear((LOUD if loud else QUIET, ms))

    @rule()
    def append_half_a_sample(self) -> None:
        self.client.send("input_audio_buffer.append", audio=base64.b64encode(b"abc").decode())

    @rule(action=st.sampled_from(["commit", "clear"]))
    def commit_or_clear(self, action: str) -> None:
        self.client.send(f"input_audio_buffer.{action}")

    @rule(text=texts, previous=st.sampled_from([None, "root", "nowhere"]))
    def say(self, text: str, previous: str | None) -> None:
        self.client.say(text, previous_item_id=previous)

    @rule(transcript=st.none() | texts)
    def send_audio_item(self, transcript: str | None) -> None:
        part = {"type": "input_audio", "audio": base64.b64encode(LOUD * MS * 20).decode(), "transcript": transcript}
        item = {"type": "message", "role": "user", "content": [part]}
        self.client.send("conversation.item.create", item=item)

    @rule(in_conversation=st.booleans(), own_input=st.booleans(), text=st.booleans())
    def respond(self, in_conversation: bool, own_input: bool, text: bool) -> None:
        options: dict[str, Any] = {"conversation": "auto" if in_conversation else "none"}
        if own_input:
            part = {"type": "input_audio", "audio": base64.b64encode(LOUD * MS * 20).decode()}
            options["input"] = [{"type": "message", "role": "user", "content": [part]}]
        if text:
            options["output_modalities"] = ["text"]
        self.client.send("response.create", response=options)

    @rule()
    def cancel(self) -> None:
        self.client.send("response.cancel")

    @rule(data=st.data(), action=st.sampled_from(["retrieve", "truncate", "delete"]))
    def touch_an_item(self, data: st.DataObject, action: str) -> None:
        items = [event["item"]["id"] for event in self.client.all_sent("conversation.item.added")]
        item_id = data.draw(st.sampled_from(items[-6:])) if items else "none"
        more = {"content_index": 0, "audio_end_ms": data.draw(st.integers(0, 900))} if action == "truncate" else {}
        self.client.send(f"conversation.item.{action}", item_id=item_id, **more)

    @rule(seconds=st.sampled_from([0.1, 2.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.client.wait(seconds)

    # --- the stages, late and wrong ones included -----------------------------------------------------------

    @precondition(lambda self: self.client.all_asked(StartTranscription))
    @rule(data=st.data(), text=texts)
    def transcribe(self, data: st.DataObject, text: str) -> None:
        item_id = data.draw(st.sampled_from(self.client.all_asked(StartTranscription)[-3:])).item_id
        kind = data.draw(st.integers(0, 3))
        if kind == 0:
            self.client.result(TranscriptPartial(item_id, text))
        elif kind == 1:
            self.client.result(TranscriptFailed(item_id, "failed", "stt: failed"))
        elif FinishTranscription(item_id) in self.client.requests:
            self.client.result(TranscriptFinal(item_id, text, 1.0))

    @precondition(lambda self: self.client.all_asked(Generate))
    @rule(data=st.data(), text=texts)
    def generate(self, data: st.DataObject, text: str) -> None:
        response_id = data.draw(st.sampled_from(self.client.all_asked(Generate)[-3:])).response_id
        results: list[Result] = [
            GeneratedText(response_id, text),
            GeneratedText(response_id, "A whole sentence. "),
            GeneratedCall(response_id, 0, "first"),
            GeneratedCall(response_id, 1, "second"),
            GeneratedArguments(response_id, 0, '{"a":1}'),
            GenerationDone(response_id),
            GenerationDone(response_id, "length"),
            GenerationFailed(response_id, "failed", "llm: failed"),
        ]
        self.client.result(data.draw(st.sampled_from(results)))

    @precondition(lambda self: self.client.all_asked(Speak))
    @rule(data=st.data(), ms=st.sampled_from([0, 10, 3000]))
    def speak(self, data: st.DataObject, ms: int) -> None:
        speech_id = data.draw(st.sampled_from(self.client.all_asked(Speak)[-2:])).speech_id
        results: list[Result] = [
            SpokenAudio(speech_id, LOUD * MS * ms),
            SpeechDone(speech_id),
            SpeechDone(speech_id),
            SpeechFailed(speech_id, "failed", "tts: failed"),
        ]
        self.client.result(data.draw(st.sampled_from(results)))

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def each_response_is_created_once_and_done_at_most_once(self) -> None:
        created = [event["response"]["id"] for event in self.client.all_sent("response.created")]
        done = [event["response"]["id"] for event in self.client.all_sent("response.done")]
        assert len(set(created)) == len(created)
        assert len(set(done)) == len(done)
        assert set(done) <= set(created)

    @invariant()
    def event_ids_are_unique(self) -> None:
        ids = [event["event_id"] for event in self.client.events]
        assert len(set(ids)) == len(ids)

    @invariant()
    def output_items_open_and_close_in_order(self) -> None:
        opened: dict[str, list[int]] = {}
        closed: dict[str, list[int]] = {}
        for event in self.client.events:
            if event["type"] == "response.output_item.added":
                opened.setdefault(event["response_id"], []).append(event["output_index"])
            if event["type"] == "response.output_item.done":
                closed.setdefault(event["response_id"], []).append(event["output_index"])
        for response_id, indexes in opened.items():
            assert indexes == list(range(len(indexes)))
            assert closed.get(response_id, []) == list(range(len(closed.get(response_id, []))))

    @invariant()
    def one_response_runs_in_the_conversation(self) -> None:
        running = 0
        for event in self.client.events:
            if event["type"] in ("response.created", "response.done") and event["response"]["conversation_id"]:
                running += 1 if event["type"] == "response.created" else -1
                assert running in (0, 1)

    @invariant()
    def speech_starts_and_stops_in_turn(self) -> None:
        items = Counter(event["item_id"] for event in self.client.all_sent("input_audio_buffer.speech_started"))
        assert all(count == 1 for count in items.values())
        stopped = {event["item_id"] for event in self.client.all_sent("input_audio_buffer.speech_stopped")}
        assert stopped <= set(items)

    def teardown(self) -> None:
        """In the end every response is done: cancelled at the latest when its stages are cancelled."""
        if not hasattr(self, "client"):
            return
        for event in self.client.all_sent("response.created"):
            self.client.send("response.cancel", response_id=event["response"]["id"])
        self.client.send("response.cancel")  # one that was waiting behind another
        created = Counter(event["response"]["id"] for event in self.client.all_sent("response.created"))
        done = Counter(event["response"]["id"] for event in self.client.all_sent("response.done"))
        assert created == done
        self._check_that_work_was_ended()

    def _check_that_work_was_ended(self) -> None:
        assert {request.response_id for request in self.client.all_asked(CancelGeneration)} <= {
            request.response_id for request in self.client.all_asked(Generate)
        }
        assert {request.speech_id for request in self.client.all_asked(CancelSpeech)} <= {
            request.speech_id for request in self.client.all_asked(Speak)
        }
        assert {request.item_id for request in self.client.all_asked(CancelTranscription)} <= {
            request.item_id for request in self.client.all_asked(StartTranscription)
        }


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
