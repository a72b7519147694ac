"""The driver: it runs what the core asks of scripted stages and reports what came of it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import uvloop
from tests.sdk_events import check_server_event

from antiphon.engines import LocalEngine, Stages
from antiphon.errors import StageError
from antiphon.session import Equipment, SessionStart
from antiphon.session.capabilities import Capabilities
from antiphon.session.context import TranscriptionHint
from antiphon.stages.base import GenerationFinished, ToolCallDelta, ToolCallStarted
from antiphon.stages.llm.scripted import Gate, ScriptedLanguageModel, says
from antiphon.stages.stt.scripted import ScriptedSpeechToText, ScriptedTranscription, ScriptedUtterance
from antiphon.stages.tts.scripted import ScriptedTextToSpeech
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector

LOUD = b"\x10\x27" * 24 + b"\xf0\xd8" * 24  # 2 ms at 500 Hz, which every resampler lets through
QUIET = bytes(96)


class Client:
    """Keeps what the session sends; `until` waits for an event."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self._news = asyncio.Condition()

    def send(self, message: bytes) -> None:
        event = json.loads(message)
        check_server_event(event)
        self.events.append(event)
        self._wake = asyncio.ensure_future(self._notify())

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Return the event of that type once `count` of them came."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


class Call:
    """An engine with scripted stages, and one client's session with it."""

    def __init__(
        self,
        llm: ScriptedLanguageModel | None = None,
        stt: ScriptedSpeechToText | None = None,
        tts: ScriptedTextToSpeech | None = None,
        noise: "HalvingNoiseReduction | None" = None,
    ) -> None:
        self.vad = ScriptedVoiceActivityDetector()
        self.stt = stt or ScriptedSpeechToText()
        self.llm = llm or ScriptedLanguageModel()
        self.tts = tts or ScriptedTextToSpeech()
        equipment = Equipment(capabilities=Capabilities(noise_reduction=noise is not None))
        self.engine = LocalEngine(Stages(self.vad, self.stt, self.llm, self.tts, noise), equipment)
        self.client = Client()

    async def begin(self) -> "Call":
        await self.engine.start()
        self.session = self.engine.open(SessionStart("gpt-realtime"), self.client)
        return self

    def send(self, kind: str, **fields: Any) -> None:
        self.session.receive(json.dumps({"type": kind, **fields}).encode())

    def configure(self, **session: Any) -> None:
        self.send("session.update", session={"type": "realtime", **session})

    def say(self, text: str) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.send("conversation.item.create", item=item)
        self.send("response.create")

    def hear(self, *stretches: tuple[bytes, int]) -> None:
        for sound, ms in stretches:
            for _ in range(ms // 20):
                self.send("input_audio_buffer.append", audio=base64.b64encode(sound * 10).decode())


async def settled() -> None:
    """Let tasks that were cancelled, or are ready, run."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def calls() -> AsyncIterator[list[Call]]:
    """Calls that end with the test, leaving no task behind."""
    made: list[Call] = []
    yield made
    for call in made:
        call.session.close()
        await call.engine.close()
    await settled()
    left = [task for task in asyncio.all_tasks() if "Tasks._guard" in repr(task)]
    assert left == []


async def test_a_text_turn(calls: list[Call]) -> None:
    call = await Call(ScriptedLanguageModel([says("There are four bedrooms.")])).begin()
    calls.append(call)
    call.configure(output_modalities=["text"])
    call.say("How many bedrooms?")
    done = await call.client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "There are four bedrooms."


async def test_a_spoken_turn(calls: list[Call]) -> None:
    stt = ScriptedSpeechToText(
        [ScriptedUtterance("how many bedrooms", partials=("how", "how many", "how many bedrooms"))]
    )
    call = await Call(ScriptedLanguageModel([says("There are four bedrooms.")]), stt).begin()
    calls.append(call)
    call.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    call.hear((QUIET, 400), (LOUD, 1000), (QUIET, 800))
    done = await call.client.until("response.done")
    assert done["response"]["status"] == "completed"
    completed = await call.client.until("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "how many bedrooms"
    assert call.client.all("conversation.item.input_audio_transcription.delta")
    audio = b"".join(base64.b64decode(event["delta"]) for event in call.client.all("response.output_audio.delta"))
    # The fake speaks each character for 50 ms.
    assert len(audio) == len("There are four bedrooms.") * 1200 * 2
    # STT hears the turn with its padding at its own rate: 300 + 1000 + 500 ms at 16000 Hz.
    assert abs(len(stt.streams[0].pcm) / 32 - 1800) < 70


class HalvingFilter:
    """A noise filter whose work can be seen: it makes everything half as loud."""

    def __init__(self) -> None:
        self.closed = 0
        self.freed = asyncio.Event()

    def process(self, pcm: bytes) -> bytes:
        return (np.frombuffer(pcm, "<i2") // 2).astype("<i2").tobytes()

    def flush(self) -> bytes:
        return b""

    def close(self) -> None:
        self.closed += 1
        self.freed.set()


class HalvingNoiseReduction:
    def __init__(self) -> None:
        self.filters: list[HalvingFilter] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, config: object) -> HalvingFilter:
        self.filters.append(HalvingFilter())
        return self.filters[-1]


async def test_noise_reduction_cleans_what_stt_hears(calls: list[Call]) -> None:
    noise, stt = HalvingNoiseReduction(), ScriptedSpeechToText(["hello"])
    call = Call(ScriptedLanguageModel([says("Hello.")]), stt, noise=noise)
    calls.append(await call.begin())
    call.configure(audio={"input": {"noise_reduction": {"type": "near_field"}}})
    call.hear((QUIET, 400), (LOUD, 600), (QUIET, 800))
    await call.client.until("response.done")
    loudest = np.abs(np.frombuffer(bytes(stt.streams[0].pcm), "<i2").astype(int)).max()
    assert 3500 < loudest < 6500  # half of 10000, but for the resampler's ripple at the edges
    assert [one.closed for one in noise.filters] == [1]


async def test_a_noise_filter_is_freed_with_its_session(calls: list[Call]) -> None:
    noise = HalvingNoiseReduction()
    call = await Call(noise=noise).begin()
    calls.append(call)
    call.configure(audio={"input": {"noise_reduction": {"type": "far_field"}}})
    call.hear((QUIET, 400), (LOUD, 600))
    await call.client.until("input_audio_buffer.speech_started")
    call.session.close()
    async with asyncio.timeout(10):
        await noise.filters[0].freed.wait()
    assert noise.filters[0].closed == 1


class DeafSpeechToText(ScriptedSpeechToText):
    """A recogniser that refuses every utterance, as for a language that it does not know."""

    def open(self, hint: TranscriptionHint) -> ScriptedTranscription:
        raise StageError("stt scripted", "language 'de' is not supported", "language_not_supported")


async def test_no_noise_filter_is_left_where_stt_refuses(calls: list[Call]) -> None:
    noise = HalvingNoiseReduction()
    call = await Call(stt=DeafSpeechToText(), noise=noise).begin()
    calls.append(call)
    call.configure(audio={"input": {"noise_reduction": {"type": "near_field"}}})
    call.hear((QUIET, 400), (LOUD, 600), (QUIET, 800))
    done = await call.client.until("response.done")
    assert done["response"]["status"] == "failed"
    assert [one.closed for one in noise.filters] == [1] * len(noise.filters)


async def test_a_client_that_goes_while_it_is_told_leaves_no_work_behind(calls: list[Call]) -> None:
    """A transport may close the session out of `send`, as for a client that does not read."""
    llm = ScriptedLanguageModel([says("Hello.")])
    call = await Call(llm).begin()
    calls.append(call)
    call.client.send = lambda message: call.session.close()  # type: ignore[method-assign]
    call.send("response.create")
    await settled()
    assert llm.contexts == []


async def test_speech_begins_before_the_model_is_done(calls: list[Call]) -> None:
    gate = Gate()
    script = (*says("One sentence. Another ")[:-1], gate, *says("one."))
    call = await Call(ScriptedLanguageModel([script])).begin()
    calls.append(call)
    call.say("Tell me")
    await call.client.until("response.output_audio.delta")
    assert not gate.opened.is_set()
    gate.open()
    done = await call.client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "One sentence. Another one."


async def test_events_are_handled_in_order_without_waiting_for_stages(calls: list[Call]) -> None:
    gate = Gate()
    call = await Call(ScriptedLanguageModel([(gate, *says("Late."))])).begin()
    calls.append(call)
    call.say("Hello")
    call.configure(instructions="New.")
    call.say("Again")
    kinds = [event["type"] for event in call.client.events]
    assert kinds == [
        "session.created",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "session.updated",
        "conversation.item.added",
        "conversation.item.done",
        "error",
    ]


async def test_a_function_call(calls: list[Call]) -> None:
    script = (
        ToolCallStarted(0, "book", "call_1"),
        ToolCallDelta(0, '{"day":'),
        ToolCallDelta(0, '"Friday"}'),
        GenerationFinished(),
    )
    call = await Call(ScriptedLanguageModel([script])).begin()
    calls.append(call)
    call.say("Book Friday")
    done = await call.client.until("response.done")
    item = done["response"]["output"][0]
    assert (item["name"], item["call_id"], item["arguments"]) == ("book", "call_1", '{"day":"Friday"}')


async def test_an_interruption_stops_model_and_voice(calls: list[Call]) -> None:
    gate, tts = Gate(), ScriptedTextToSpeech(gate=asyncio.Semaphore(1))
    llm = ScriptedLanguageModel([(*says("A long story begins. ")[:-1], gate)])
    call = await Call(llm, tts=tts).begin()
    calls.append(call)
    call.say("Tell me")
    await call.client.until("response.output_audio.delta")
    await gate.reached.wait()
    call.hear((QUIET, 200), (LOUD, 300))
    done = await call.client.until("response.done")
    assert done["response"]["status_details"]["reason"] == "turn_detected"
    await settled()
    assert llm.closed == [0]
    assert tts.requests[0].cancelled


@pytest.mark.parametrize("stage", ["stt", "llm", "tts"])
async def test_a_failing_stage_ends_the_response_and_not_the_session(calls: list[Call], stage: str) -> None:
    error = StageError(f"{stage} scripted", "out of order; turn it off and on", "out_of_order")
    call = await Call(
        ScriptedLanguageModel([(error,) if stage == "llm" else says("Hello there."), says("Fine.")]),
        ScriptedSpeechToText([ScriptedUtterance("hello", error=error if stage == "stt" else None)]),
        ScriptedTextToSpeech(fail_after=0 if stage == "tts" else None),
    ).begin()
    calls.append(call)
    call.hear((QUIET, 400), (LOUD, 600), (QUIET, 800))
    done = await call.client.until("response.done")
    failure = done["response"]["status_details"]["error"]
    assert failure["code"] == {"stt": "transcription_failed", "llm": "out_of_order", "tts": "scripted"}[stage]
    if stage != "tts":
        assert "turn it off and on" in failure["message"]
    call.configure(output_modalities=["text"])
    call.say("Still there?")
    assert (await call.client.until("response.done", 2))["response"]["status"] == "completed"


async def test_an_unexpected_fault_of_a_stage_is_told_without_details(
    calls: list[Call], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await Call().begin()
    calls.append(call)
    monkeypatch.setattr(call.llm, "_script", lambda turn: [RuntimeError("secret detail")] and 1 / 0)
    call.say("Hello")
    done = await call.client.until("response.done")
    failure = done["response"]["status_details"]["error"]
    assert failure["code"] == "internal_error"
    assert "division" not in failure["message"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_fault_in_the_core_is_survived(calls: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    call = await Call(ScriptedLanguageModel([says("Fine.")])).begin()
    calls.append(call)
    with monkeypatch.context() as patch:
        patch.setattr(call.session._core, "receive_event", lambda event, now: 1 / 0)
        call.send("response.create", event_id="mine")
    error = await call.client.until("error")
    assert (error["error"]["type"], error["error"]["event_id"]) == ("server_error", "mine")
    call.send("response.create")
    assert (await call.client.until("response.done"))["response"]["status"] == "completed"


async def test_nothing_is_sent_after_the_client_is_gone(calls: list[Call]) -> None:
    gate = Gate()
    llm = ScriptedLanguageModel([(gate, *says("Late."))])
    call = await Call(llm).begin()
    calls.append(call)
    call.say("Hello")
    await gate.reached.wait()
    count = len(call.client.events)
    call.session.close()
    call.session.close()
    gate.open()
    call.say("Anybody?")
    await settled()
    assert len(call.client.events) == count
    assert llm.closed == [0]


async def test_binary_rubbish_is_an_error_event(calls: list[Call]) -> None:
    call = await Call().begin()
    calls.append(call)
    call.session.receive(b"\x00\xff")
    assert (await call.client.until("error"))["error"]["code"] == "invalid_json"


def test_a_deadline_that_has_passed_is_kept_on_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop answers `call_at` for a time in the past with a handle that has no `when`."""

    async def converse() -> None:
        call = await Call(ScriptedLanguageModel([says("Fine.")])).begin()
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(call.session._core, "next_deadline", lambda: loop.time() - 1)
            call.configure(output_modalities=["text"])
            call.configure(output_modalities=["text"])
        call.say("Hello")
        assert (await call.client.until("response.done"))["response"]["status"] == "completed"
        call.session.close()
        await call.engine.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(converse())


async def test_the_engine_is_ready_between_start_and_close() -> None:
    call = Call()
    assert not call.engine.ready
    await call.engine.start()
    assert call.engine.ready
    assert call.stt.running
    assert len(call.stt.prepared) == 1
    await call.engine.close()
    assert not call.engine.ready
    assert not call.stt.running
