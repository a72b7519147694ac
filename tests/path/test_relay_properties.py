"""Rules that hold for any call, whatever the client does and whichever connections break when."""

import base64
import itertools
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.path.ledger import SUMMARY_ITEM_ID
from antiphon.path.legs import Cause, LegEnd
from antiphon.path.options import RelayOptions
from antiphon.session.requests import FinishTranscription, Generate, Speak
from antiphon.session.results import GeneratedCall, GeneratedText, GenerationDone, SpeechDone, SpokenAudio
from tests.path.judge import Judge
from tests.path.kit import HANG, Call, FakeRoute, Server
from tests.session.harness import LOUD, MS, CoreClient

texts = st.sampled_from(["One. ", "Two words and more. ", "Ünï códe. ", "x"])
CAUSES = [cause for cause in Cause if cause not in (Cause.CLIENT, Cause.CREDENTIALS, Cause.QUOTA)]
FIRST_WORDS = [
    "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
    "conversation.item.added", "response.created", "response.output_item.added", "response.content_part.added",
    "response.output_audio_transcript.delta", "response.output_audio.done", "response.output_item.done",
    "session.updated",
]  # fmt: skip
PACKET_MARKS = MS * 20 // 3  # samples of a packet that have its number
LOUD_VALUE = int.from_bytes(LOUD, "little")
MOST_WAKES_A_MINUTE = 700  # ten a second while a fresh leg waits for a pause, and a few besides
# A connection may break so often that nobody answers, and the client is told that.
HONEST = {"upstream_did_not_answer", "rate_limit_exceeded"}


class Relayed(RuleBasedStateMachine):
    """A client that does what the API allows, servers that answer in part, and connections that break."""

    @initialize(
        vad=st.booleans(),
        transcripts=st.booleans(),
        responses=st.sampled_from(["queue", "replace", "refuse"]),
        cut=st.sampled_from(["continue", "end"]),
    )
    def begin(self, vad: bool, transcripts: bool, responses: Any, cut: Any) -> None:
        options = RelayOptions(responses=responses, cut_response=cut, give_up_seconds=1e6)
        self.call = Call(FakeRoute("first", cap=900.0), FakeRoute("second", continues=False), options=options)
        self.judge = Judge()
        self.heard = 0
        self.sound: set[str] = set()  # ids of events that nobody has a reason to refuse
        self.leaving: set[str] = set()  # items whose deletion was asked for
        self._looked_at: dict[int, int] = {}  # how much each server had been sent when its audio was checked
        self.serial = itertools.count(1)
        self.names = itertools.count()
        self.configure(vad=vad, transcripts=transcripts, interrupts=True)

    def _name(self, sound: bool = False) -> str:
        name = f"mine_{next(self.names)}"
        if sound:
            self.sound.add(name)
        return name

    # --- the client -------------------------------------------------------------------------------------------

    @rule(vad=st.booleans(), transcripts=st.booleans(), interrupts=st.booleans())
    def configure(self, vad: bool, transcripts: bool, interrupts: bool) -> None:
        detection = {"type": "server_vad", "interrupt_response": interrupts} if vad else None
        transcription = {"model": "whisper-1"} if transcripts else None
        audio = {"input": {"turn_detection": detection, "transcription": transcription}}
        session = {"type": "realtime", "audio": audio}
        self.call.client("session.update", session=session, event_id=self._name(sound=True))

    @rule(session=st.sampled_from([{"output_modalities": ["smell"]}, {"instructions": 5}, {"audio": {"output": 3}}]))
    def configure_nonsense(self, session: dict[str, Any]) -> None:
        self.call.client("session.update", session={"type": "realtime", **session}, event_id=self._name())

    @rule(text=texts, role=st.sampled_from(["user", "system", "assistant"]), own_id=st.booleans(), data=st.data())
    def create(self, text: str, role: str, own_id: bool, data: st.DataObject) -> None:
        known = [item for item in self.judge.order if item not in self.leaving]
        previous = data.draw(st.sampled_from([None, "root", *known[-4:]]))
        kind = "output_text" if role == "assistant" else "input_text"
        item: dict[str, Any] = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        if own_id:
            item["id"] = f"item_mine_{next(self.names)}"
        place = {} if previous is None else {"previous_item_id": previous}
        self.call.client("conversation.item.create", item=item, event_id=self._name(sound=True), **place)

    @rule(with_id=st.booleans())
    def create_without_a_place(self, with_id: bool) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "lost"}]}
        more = {"event_id": self._name()} if with_id else {}
        self.call.client("conversation.item.create", item=item, previous_item_id="nowhere", **more)

    @property
    def _creates(self) -> bool:
        """Whether an item that the client has sent may not be in its place yet."""
        waits = any(sent.kind == "conversation.item.create" for sent in self.call.relay._exchange.in_flight)
        return waits or self.call.served_by is None

    @precondition(lambda self: set(self.judge.order) - self.leaving)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        item_id = data.draw(st.sampled_from([item for item in self.judge.order if item not in self.leaving]))
        self.leaving.add(item_id)
        self.call.client("conversation.item.delete", item_id=item_id, event_id=self._name(sound=True))

    # The place of an item that is made anew is not known beside one that may just be put there.
    @precondition(lambda self: self.judge.order and not self._creates)
    @rule(data=st.data(), ms=st.sampled_from([0, 200, 5000]))
    def truncate(self, data: st.DataObject, ms: int) -> None:
        item_id = data.draw(st.sampled_from(self.judge.order))
        fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": ms}
        self.call.client("conversation.item.truncate", **fields, event_id=self._name())

    @precondition(lambda self: set(self.judge.order) - self.leaving)
    @rule(data=st.data())
    def retrieve(self, data: st.DataObject) -> None:
        item_id = data.draw(st.sampled_from([item for item in self.judge.order if item not in self.leaving]))
        self.call.client("conversation.item.retrieve", item_id=item_id, event_id=self._name(sound=True))

    @rule(options=st.sampled_from([{}, {"metadata": {"a": "b"}}, {"instructions": "Sing."}, {"max_output_tokens": 9}]))
    def respond(self, options: dict[str, Any]) -> None:
        self.call.client("response.create", response=options, event_id=self._name())

    @rule()
    def respond_out_of_band(self) -> None:
        response = {"conversation": "none", "metadata": {"topic": "aside"}}
        self.call.client("response.create", response=response, event_id=self._name(sound=True))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        response_id = data.draw(st.sampled_from([None, *self.judge.responses]))
        which = {} if response_id is None else {"response_id": response_id}
        self.call.client("response.cancel", event_id=self._name(), **which)

    @rule(loud=st.booleans(), ms=st.sampled_from([60, 700, 1500]))
    def speak_up(self, loud: bool, ms: int) -> None:
        self.hear(loud, ms)

    def hear(self, loud: bool, ms: int) -> None:
        """Append audio in which every sample tells which packet it is of."""
        for _ in range(ms // 20):
            self.call.wait(0.02)
            level = LOUD_VALUE if loud else 0
            pcm = array("h", [level, level, next(self.serial)] * PACKET_MARKS).tobytes()
            self.call.client("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    @rule(action=st.sampled_from(["commit", "clear"]), named=st.booleans())
    def commit_or_clear(self, action: str, named: bool) -> None:
        more = {"event_id": self._name()} if named else {}
        self.call.client(f"input_audio_buffer.{action}", **more)

    @rule(data=st.data())
    def answer_a_call(self, data: st.DataObject) -> None:
        calls = [item["call_id"] for item in self.judge.items.values() if item["type"] == "function_call"]
        if calls:
            item = {"type": "function_call_output", "call_id": data.draw(st.sampled_from(calls)), "output": "{}"}
            self.call.client("conversation.item.create", item=item, event_id=self._name())

    # --- the servers ------------------------------------------------------------------------------------------

    def _servers(self) -> Iterator[Server]:
        return (server for route in self.call.routes for server in route.servers)

    def _cores(self) -> list[CoreClient]:
        return [one.core for one in self._servers() if one.core is not None and not (one.closed or one.ended)]

    @rule(text=texts, done=st.booleans(), call=st.booleans(), newest=st.booleans())
    def generate(self, text: str, done: bool, call: bool, newest: bool) -> None:
        for core in self._cores():
            for request in core.all_asked(Generate)[-1 if newest else -2 :][:1]:
                core.result(GeneratedText(request.response_id, text))
                if call:
                    core.result(GeneratedCall(request.response_id, 0, "look"))
                if done:
                    core.result(GenerationDone(request.response_id))
        self.call.settle()

    @rule(done=st.booleans())
    def speak(self, done: bool) -> None:
        for core in self._cores():
            for request in core.all_asked(Speak)[-1:]:
                core.result(SpokenAudio(request.speech_id, LOUD * MS * 300))
                if done:
                    core.result(SpeechDone(request.speech_id))
        self.call.settle()

    @rule(text=texts)
    def transcribe(self, text: str) -> None:
        for core in self._cores():
            for request in core.all_asked(FinishTranscription):
                core.transcribe(text, request.item_id)
        self.call.settle()

    # --- troubles ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.call.served_by is not None)
    @rule(cause=st.sampled_from(CAUSES), failures=st.integers(0, 2), hangs=st.booleans())
    def drop(self, cause: Cause, failures: int, hangs: bool) -> None:
        for route in self.call.routes:
            route.plan.extend([LegEnd(Cause.UNREACHABLE, "nothing listens there")] * failures + [HANG] * hangs)
        self.call.drop(LegEnd(cause, "the connection broke"))

    @precondition(lambda self: self.call.served_by is not None)
    @rule()
    def mute(self) -> None:
        self.call.server.mute = True

    @precondition(lambda self: self.call.served_by is not None)
    @rule(word=st.sampled_from(FIRST_WORDS))
    def mute_behind(self, word: str) -> None:
        self.call.server.last_word = word

    @precondition(lambda self: self.call.served_by is not None)
    @rule(events=st.integers(1, 8))
    def mute_the_next(self, events: int) -> None:
        """The next server falls silent while it is told of things."""
        for route in self.call.routes:
            route.most_words = events
        self.call.drop()
        for route in self.call.routes:
            route.most_words = 0

    @rule()
    def accept(self) -> None:
        for route in self.call.routes:
            route.plan.clear()
        self.call.settle()

    @rule(seconds=st.sampled_from([0.3, 2.0, 12.0, 40.0]))
    def wait(self, seconds: float) -> None:
        before = self.call.wakes
        self.call.wait(seconds)
        assert self.call.wakes - before <= MOST_WAKES_A_MINUTE * max(seconds / 60, 0.1)

    @rule()
    def wait_until_the_cap_is_near(self) -> None:
        self.call.wait(830.0)

    # --- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def the_client_s_picture_is_whole(self) -> None:
        if hasattr(self, "call"):
            for event in self.call.events[self.heard :]:
                self.judge.hear(event)
            self.heard = len(self.call.events)

    @invariant()
    def the_ledger_has_the_order_that_the_client_sees(self) -> None:
        if hasattr(self, "call"):
            known = [entry.id for entry in self.call.relay._exchange.ledger.items() if entry.is_added]
            assert known == self.judge.order

    @invariant()
    def what_nobody_has_a_reason_to_refuse_is_not_refused(self) -> None:
        if hasattr(self, "call"):
            refused = {name: code for name, code in self.judge.error_codes.items() if name in self.sound}
            assert set(refused.values()) <= HONEST, refused

    @invariant()
    def servers_are_told_of_nothing_unknown_by_us(self) -> None:
        if hasattr(self, "call"):
            for server in self._servers():
                errors = server.core.all_sent("error") if server.core is not None else []
                ours = [error["error"] for error in errors if "restore" in str(error["error"]["event_id"])]
                # A cancellation may come too late.
                assert all(error["code"] == "response_cancel_not_active" for error in ours), ours

    @invariant()
    def audio_is_delivered_in_order_and_once(self) -> None:
        if hasattr(self, "call"):
            for server in self._servers():
                if self._looked_at.get(id(server)) == len(server.received):
                    continue
                self._looked_at[id(server)] = len(server.received)
                last = -1
                for stretch in filter(None, _stretches(server)):
                    first = next(iter(stretch))
                    assert list(stretch) == list(range(first, first + len(stretch)))
                    assert first >= last, "audio was sent again that was sent before"
                    last = max(stretch)
                heard = sum(map(Counter, _stretches(server)), Counter[int]())
                assert all(count <= PACKET_MARKS for count in heard.values()), "part of a packet came twice"

    # --- and in the end ---------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "call"):
            return
        self._settle()
        self.the_client_s_picture_is_whole()
        self.what_nobody_has_a_reason_to_refuse_is_not_refused()
        exchange = self.call.relay._exchange
        assert self.call.closed is None
        assert self.call.served_by is not None
        assert not exchange.scheduler.active
        assert exchange.scheduler.is_idle
        assert list(exchange.in_flight) == [], list(exchange.in_flight)
        assert self.judge.responses == {}
        assert exchange.asks == {}
        assert exchange.ledger.responses == {}
        self._compare_conversations()

    def _settle(self) -> None:
        """Let all be well, and all that goes on end."""
        self.accept()
        for _ in range(40):
            for server in self._servers():
                server.mute, server.last_word, server.most_words = False, "", 0
            self.call.settle()
            for core in self._cores():
                _finish(core)
            self.call.settle()
            if self.call.relay._exchange.ledger.speech_item_id is not None:
                self.hear(loud=False, ms=700)
            self.call.wait(1.0)

    def _compare_conversations(self) -> None:
        ledger, state = self.call.relay._exchange.ledger, self.call.served_by
        assert state is not None
        order = [entry.id for entry in ledger.items()]
        assert order == self.judge.order, f"the ledger has {order}, the client {self.judge.order}"
        left_out = {entry.id for entry in ledger.items() if entry.kind == "function_call" and not entry.is_whole_call}
        served = [state.aliases.to_client(f'"{entry.id}"'.encode()) for entry in self.call.core.session._conversation]
        names = [name.decode().strip('"') for name in served]
        known = [name for name in names if name not in left_out and name != SUMMARY_ITEM_ID]
        expected = [item_id for item_id in order if item_id not in left_out]
        assert known == expected, f"the server has {known}, the client {expected}"


def _stretches(server: Server) -> list[dict[int, int]]:
    """Return the packets that a server was sent: how many samples with its number came of each.

    Turns that it heard again are stretches of their own: what was said behind them may have begun later.
    """
    found: list[dict[int, int]] = [{}]
    for event in server.received:
        if event["type"] == "input_audio_buffer.append":
            values = array("h", base64.b64decode(event["audio"]))
            for number, count in _marks(values):
                found[-1][number] = found[-1].get(number, 0) + count
        elif event["type"] == "input_audio_buffer.commit" and "restore" in str(event.get("event_id")):
            found.append({})
    return found


def _marks(values: "array[int]") -> list[tuple[int, int]]:
    if len(values) == 3 * PACKET_MARKS:
        return [(values[2], PACKET_MARKS)]  # a packet as the client sent it
    return sorted(Counter(value for value in values if value not in (0, LOUD_VALUE)).items())


def _finish(core: CoreClient) -> None:
    for finish in core.all_asked(FinishTranscription):
        core.transcribe("Words. ", finish.item_id)
    for request in core.all_asked(Generate):
        core.result(GenerationDone(request.response_id))
    for speak in core.all_asked(Speak):
        core.result(SpokenAudio(speak.speech_id, LOUD * MS * 100))
        core.result(SpeechDone(speak.speech_id))


TestRelayed = Relayed.TestCase
# The same calls at every run, so that a change is to blame for a failure; RELAY_EXAMPLES=2000 looks for new ones.
_EXAMPLES = os.environ.get("RELAY_EXAMPLES")
TestRelayed.settings = settings(
    max_examples=int(_EXAMPLES or 100), stateful_step_count=30, deadline=None, derandomize=_EXAMPLES is None
)
