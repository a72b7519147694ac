"""Rules that hold for any conversation, and for any nonsense that a server sends."""

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.path.ledger import DELTAS, PARSED, Ledger, LedgerLimits
from antiphon.path.ledger.cut import endings
from antiphon.session.requests import FinishTranscription, Generate, Speak
from antiphon.session.results import GeneratedCall, GenerationDone, TranscriptFinal
from tests.path.ledger.kit import Listened
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, MS, QUIET

texts = st.sampled_from(["One. ", "Two words and more.", "Ünï códe", "x"])
WORDS = ["item_id", "response_id", "item", "response", "content_index", "output_index", "part", "transcript", "text",
         "previous_item_id", "audio_start_ms", "audio_end_ms", "session", "error", "usage"]  # fmt: skip
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["a", "b", "resp", "message", "assistant", "user"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "type", "role", "content", "status", "transcript", "audio", "format", "call_id"]),
            inner,
        )
    ),
    max_leaves=8,
)


class TakeOver(RuleBasedStateMachine):
    """A client and its session do anything in any order; another session can take over at any time."""

    @initialize(vad=st.booleans(), transcripts=st.booleans())
    def begin(self, vad: bool, transcripts: bool) -> None:
        self.client = Listened()
        self.client.configure(
            audio={
                "input": {
                    "turn_detection": {"type": "server_vad"} if vad else None,
                    "transcription": {"model": "whisper-1"} if transcripts else None,
                }
            }
        )

    def _ids(self) -> list[str]:
        return [entry.id for entry in self.client.session._conversation]

    @rule(text=texts, role=st.sampled_from(["user", "system", "assistant"]), data=st.data())
    def create(self, text: str, role: str, data: st.DataObject) -> None:
        previous = data.draw(st.sampled_from([None, "root", "nowhere", *self._ids()]))
        item_id = data.draw(st.sampled_from([None, "item_mine", "item_other"]))
        kind = "output_text" if role == "assistant" else "input_text"
        item: dict[str, Any] = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        if item_id is not None:
            item["id"] = item_id
        place = {} if previous is None else {"previous_item_id": previous}
        self.client.send("conversation.item.create", item=item, event_id=f"event_{len(self.client.events)}", **place)

    @rule(text=st.none() | texts)
    def create_audio(self, text: str | None) -> None:
        part = {"type": "input_audio", "audio": base64.b64encode(LOUD * MS * 100).decode(), "transcript": text}
        item = {"type": "message", "role": "user", "content": [part]}
        self.client.send("conversation.item.create", item=item)

    @rule(known=st.booleans(), data=st.data())
    def answer_call(self, known: bool, data: st.DataObject) -> None:
        done = self.client.all_sent("response.function_call_arguments.done")
        calls = [event["call_id"] for event in done] if known else ["call_nowhere"]
        if calls:
            item = {"type": "function_call_output", "call_id": data.draw(st.sampled_from(calls)), "output": "{}"}
            self.client.send("conversation.item.create", item=item)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.client.send("conversation.item.delete", item_id=data.draw(st.sampled_from(["nowhere", *self._ids()])))

    @rule(data=st.data(), ms=st.sampled_from([0, 200, 5000]))
    def truncate(self, data: st.DataObject, ms: int) -> None:
        item_id = data.draw(st.sampled_from(["nowhere", *self._ids()]))
        self.client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)

    @rule(loud=st.booleans(), ms=st.sampled_from([60, 700, 1500]))
    def hear(self, loud: bool, ms: int) -> None:
        self.client.hear((LOUD if loud else QUIET, ms))

    @rule(action=st.sampled_from(["commit", "clear"]))
    def commit_or_clear(self, action: str) -> None:
        self.client.send(f"input_audio_buffer.{action}")

    @precondition(lambda self: self.client.all_asked(FinishTranscription))
    @rule(data=st.data(), text=texts)
    def transcribe(self, data: st.DataObject, text: str) -> None:
        request = data.draw(st.sampled_from(self.client.all_asked(FinishTranscription)))
        self.client.result(TranscriptFinal(request.item_id, text, 1.0))

    @rule(outside=st.booleans())
    def respond(self, outside: bool) -> None:
        self.client.send("response.create", response={"conversation": "none" if outside else "auto"})

    @precondition(lambda self: self.client.all_asked(Generate))
    @rule(text=texts, done=st.booleans(), call=st.booleans())
    def generate(self, text: str, done: bool, call: bool) -> None:
        self.client.generate(text, done=False)
        response_id = self.client.asked(Generate).response_id
        if call:
            self.client.result(GeneratedCall(response_id, 0, "book"))
        if done:
            self.client.result(GenerationDone(response_id))

    @precondition(lambda self: self.client.all_asked(Speak))
    @rule(done=st.booleans())
    def speak(self, done: bool) -> None:
        speech_id = self.client.asked(Speak).speech_id
        if any(one.speaks(speech_id) for one in self.client.session._responses._running.values()):
            self.client.speak(ms=400, marked=False, done=done)

    @rule()
    def cancel(self) -> None:
        self.client.send("response.cancel")

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def the_ledger_has_the_items_of_the_session_in_their_order(self) -> None:
        if hasattr(self, "client"):
            assert [entry.id for entry in self.client.ledger.items()] == self._ids()

    @invariant()
    def running_responses_are_known(self) -> None:
        if hasattr(self, "client"):
            assert set(self.client.ledger.responses) == set(self.client.session._responses._running)

    def teardown(self) -> None:
        """Another session takes over: the same items in the same order, and its ledger would restore the same."""
        if not hasattr(self, "client"):
            return
        ledger = self.client.ledger
        for response in list(ledger.responses.values()):
            for event in endings(response, "cancelled", {"type": "cancelled", "reason": "client_cancelled"}):
                check_server_event({"event_id": "event_x", **event})
                ledger.note_server(event["type"], event)
        assert ledger.responses == {}
        assert ledger.owed_events() == []
        second = Listened()
        second.restore(ledger)
        assert second.all_sent("error") == []
        left_out = [entry.id for entry in ledger.items() if entry.kind == "function_call" and not entry.is_whole_call]
        expected = [entry.id for entry in ledger.items() if entry.id not in left_out]
        assert [entry.id for entry in second.session._conversation][: len(expected)] == expected
        again = [event["item"] for event in second.ledger.restoration()][: len(expected)]
        assert [item["id"] for item in again] == expected


TestTakeOver = TakeOver.TestCase
TestTakeOver.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from(sorted(PARSED)), st.dictionaries(st.sampled_from(WORDS), values)), max_size=12
    ),
    deltas=st.lists(st.tuples(st.sampled_from(sorted(DELTAS)), st.binary(max_size=8)), max_size=2),
)
def test_nonsense_does_no_harm(events: list[tuple[str, dict[str, Any]]], deltas: list[tuple[str, bytes]]) -> None:
    ledger = Ledger(None, LedgerLimits(context_tokens=20))
    ledger.note_server("response.created", {"response": {"id": "resp", "conversation_id": "conv"}})
    ledger.note_server("response.output_item.added", {"response_id": "resp", "item": {"id": "a", "type": "message"}})
    for kind, event in events:
        ledger.note_server(kind, {"type": kind, **event})
        ledger.note_client("conversation.item.create", event)
        for _, delta in deltas:
            ledger.note_delta("resp", delta)
    for response in list(ledger.responses.values()):
        for event in endings(response, "failed", None):
            ledger.note_server(event["type"], event)
    ledger.restoration()
    ledger.owed_events()
    ledger.pending_input()
    for entry in ledger.items():
        ledger.restored_item(entry.id)
        ledger.truncate(entry.id, 0, 100)
        ledger.shown_item(entry.id)
