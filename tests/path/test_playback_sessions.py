"""Playback in front of real sessions: the embedded engine's core, and another server's over the relay."""

import json
from typing import Any

import numpy as np
import pytest

from antiphon.path.playback import Playback
from antiphon.session.requests import Speak
from antiphon.session.results import SpeechDone
from tests.path.kit import Call
from tests.path.playback_kit import MS, PCMU
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, QUIET, ClientHand, CoreClient


class Listening(ClientHand):
    """A client with media: speaks and listens in packets of 20 ms, and sees events besides."""

    playback: Playback
    spoken = b""  # what it has heard

    def client_raw(self, message: bytes) -> None:
        """Send a client event to the session."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let the session say what it has to say."""
        raise NotImplementedError

    def listen(self, ms: int, sample: bytes = QUIET) -> None:
        """Let time pass; the user's microphone gives that sample."""
        for _ in range(ms // 20):
            self.wait(0.02)
            self.playback.hear(sample * 480)
            self.settle()
            self.spoken += self.playback.pull() or b""
            self.settle()

    def note(self, message: bytes) -> None:
        event = json.loads(message)
        check_server_event(event)
        self.events.append(event)


class LocalCall(Listening):
    """Served by the embedded engine's session core."""

    def __init__(self) -> None:
        self.core = CoreClient()
        self.events: list[dict[str, Any]] = []
        self._told = 0
        self.playback = Playback(self.note, self.core.send_raw, self.core.ids)
        self.settle()

    def client(self, kind: str, **fields: Any) -> None:
        self.playback.receive(json.dumps({"type": kind, **fields}).encode())
        self.settle()

    def wait(self, seconds: float) -> None:
        self.core.wait(seconds)
        self.settle()

    def settle(self) -> None:
        while self._told < len(self.core.events):
            self._told += 1
            self.playback.take(json.dumps(self.core.events[self._told - 1], separators=(",", ":")).encode())

    def answer(self, text: str, ms: int, **more: Any) -> None:
        self.core.generate(text)
        self.core.speak(ms, **more)
        self.settle()


class RelayedCall(Call, Listening):
    """Served by another server, over the relay."""

    def __init__(self) -> None:
        self._playback: Playback | None = None
        super().__init__()
        first = [json.dumps(event).encode() for event in self.events]
        self.playback = self._playback = Playback(
            super().send, lambda message: self.relay.receive(message, self.now), self.core.ids
        )
        self.playback.catch_up(first)

    def send(self, message: bytes) -> None:
        if self._playback is None:
            super().send(message)
        else:
            self._playback.take(message)

    def client_raw(self, message: bytes) -> None:
        self.playback.receive(message)
        self.settle()

    def answer(self, text: str, ms: int, **more: Any) -> None:
        self.generate(text)
        self.speak(ms, **more)


@pytest.fixture(params=[LocalCall, RelayedCall])
def call(request: pytest.FixtureRequest) -> LocalCall | RelayedCall:
    made: LocalCall | RelayedCall = request.param()
    return made


def buffer_types(call: Listening) -> list[str]:
    return [
        event["type"] for event in call.events if event["type"].startswith(("output_audio", "conversation.item.trunc"))
    ]


def asked_aloud(call: LocalCall | RelayedCall) -> None:
    """The user asks something by voice."""
    call.listen(200)
    call.listen(600, LOUD)
    call.listen(1000)
    call.core.transcribe("What time is it?")
    call.settle()


def test_a_real_turn_is_heard_to_its_end(call: LocalCall | RelayedCall) -> None:
    asked_aloud(call)
    call.answer("It is ten past nine.", 1000, done=False)
    call.listen(400)
    call.core.result(SpeechDone(call.core.asked(Speak).speech_id))
    call.listen(800)
    assert call.spoken == LOUD * 24_000
    types = call.types()
    assert "response.output_audio.delta" not in types
    assert types[-3:] == ["response.done", "rate_limits.updated", "output_audio_buffer.stopped"]
    assert types.index("response.output_audio_transcript.delta") < types.index("output_audio_buffer.started")
    assert types.index("output_audio_buffer.started") < types.index("response.output_audio.done")
    assert call.all_sent("error") == []


def test_a_real_answer_is_interrupted_while_it_is_made(call: LocalCall | RelayedCall) -> None:
    """The session ends it, and its item tells what was heard."""
    asked_aloud(call)
    call.answer("It is ten past nine in the morning.", 2000, done=False)
    call.listen(400)
    call.listen(600, LOUD)
    heard_ms = len(call.spoken) // MS
    assert 400 <= heard_ms < 1000
    truncated = call.sent("conversation.item.truncated")
    assert truncated["audio_end_ms"] == heard_ms
    types = call.types()
    assert types[types.index("output_audio_buffer.cleared") - 1] == "input_audio_buffer.speech_started"
    assert call.sent("response.done")["response"]["status"] == "cancelled"
    assert buffer_types(call) == [
        "output_audio_buffer.started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    call.listen(400)
    assert len(call.spoken) // MS == heard_ms
    assert call.all_sent("error") == []


def test_a_real_answer_is_interrupted_after_it_was_made(call: LocalCall | RelayedCall) -> None:
    """The model is told what was heard, and not what was said."""
    asked_aloud(call)
    call.answer("It is ten past nine in the morning.", 2000)
    call.listen(800)
    call.listen(600, LOUD)
    heard_ms = len(call.spoken) // MS
    call.listen(1000)
    call.core.transcribe("Thanks")
    call.settle()
    assert call.sent("conversation.item.truncated")["audio_end_ms"] == heard_ms < 1400
    told = call.core.told()
    assert told[-2].startswith("It is ten")
    assert not told[-2].endswith("morning.")
    assert call.all_sent("error") == []


def test_a_real_answer_is_cleared_by_the_client(call: LocalCall | RelayedCall) -> None:
    call.say("What time is it?")
    call.client("response.create")
    call.answer("It is ten past nine.", 2000, done=False)
    call.listen(200)
    call.client("response.cancel")
    call.client("output_audio_buffer.clear")
    call.listen(400)
    assert len(call.spoken) // MS == 200
    assert call.sent("conversation.item.truncated")["audio_end_ms"] == 200
    assert call.sent("output_audio_buffer.cleared")["response_id"] == call.sent("response.done")["response"]["id"]
    assert call.all_sent("error") == []


def test_a_real_refusal_of_a_truncation_is_not_shown(call: LocalCall | RelayedCall) -> None:
    """The client has deleted the item, and its deletion is on the way when the user speaks."""
    call.say("What time is it?")
    call.client("response.create")
    call.answer("It is ten past nine.", 2000)
    call.listen(200)
    item_id = call.sent("response.output_item.done")["item"]["id"]
    call.core.send("conversation.item.delete", item_id=item_id)  # nobody was told yet
    call.client("output_audio_buffer.clear")
    call.listen(100)
    assert call.sent("conversation.item.deleted")["item_id"] == item_id
    assert call.all_sent("error") == []


def test_a_real_session_speaks_like_a_telephone(call: LocalCall | RelayedCall) -> None:
    call.configure(audio={"output": {"format": PCMU}})
    asked_aloud(call)
    call.answer("It is ten past nine.", 1000)
    call.listen(1200)
    samples = np.frombuffer(call.spoken, "<i2")
    assert samples.size == 24_000
    assert np.abs(samples[480:-480].astype(int) - 10_000).max() < 500
    assert call.all_sent("error") == []
