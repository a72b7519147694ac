"""What one event costs on its way through decoder, session core and encoder, on one core and without any socket.

    python -m benchmarks.event_path [--turns 200]

A turn is three seconds of speech in packets of 20 ms with `server_vad`, and a spoken answer of three seconds; the
stages answer at once. Beside our decoder and encoder stands what most programs do: json.loads with base64.b64decode,
and json.dumps with base64.b64encode.
"""

import argparse
import base64
import json
import os
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass

from antiphon.protocol.codec import decode, encode
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import OutputAudioDelta, OutputTextDelta, ServerEvent
from antiphon.session import Session, SessionStart
from antiphon.session.requests import DetectSpeech, FinishTranscription, Generate, Request, Speak
from antiphon.session.results import (
    GeneratedText,
    GenerationDone,
    SpeechDetected,
    SpeechDone,
    SpokenAudio,
    TranscriptFinal,
)
from benchmarks.machine import machine

RATE = 24_000
PACKET = os.urandom(RATE // 50 * 2)  # 20 ms
FRAME = 768  # samples of one frame of voice activity detection at 24000 Hz
CHUNK = os.urandom(RATE // 10 * 2)  # 100 ms, as TTS hands it over
TURNS_OF_A_SESSION = 20
PIECES = 20  # in which the answer's text comes
REPEATS = 7
IDS = Ids(os.urandom)


def client_event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


APPEND = client_event("input_audio_buffer.append", audio=base64.b64encode(PACKET).decode())


@dataclass
class Counts:
    """What went through."""

    received: int = 0
    sent: int = 0
    sent_bytes: int = 0


class Turns:
    """One session, and stages that answer without doing anything."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._now = 0.0
        self._session = Session(SessionStart("gpt-realtime"), IDS, 0.0, 1_700_000_000)
        self._heard = 0  # samples that detection has passed
        self._asked: list[Request] = []
        self._take()
        self._receive(client_event("session.update", session={"type": "realtime", "audio": {"input": {
            "transcription": {"model": "whisper-1"}}}}))  # fmt: skip

    def turn(self) -> None:
        """Speak for 2.4 s, be silent for 0.6 s, and hear the answer."""
        for packet in range(150):
            self._receive(APPEND)
            self._detect(0.9 if packet < 120 else 0.0)
        self._answer()
        self._now += 3.0

    def _receive(self, message: bytes) -> None:
        self._counts.received += 1
        self._session.receive_event(decode(message), self._now)
        self._take()

    def _take(self) -> None:
        while outputs := self._session.outputs():
            for output in outputs:
                if isinstance(output, ServerEvent):
                    self._counts.sent += 1
                    self._counts.sent_bytes += len(encode(output, IDS))
                else:
                    self._asked.append(output)

    def _detect(self, probability: float) -> None:
        end = max((ask.start + len(ask.pcm) // 2 for ask in self._asked if isinstance(ask, DetectSpeech)), default=0)
        self._asked = [ask for ask in self._asked if not isinstance(ask, DetectSpeech)]
        while self._heard + FRAME <= end:
            self._session.receive_result(SpeechDetected(self._heard, FRAME, (probability,)), self._now)
            self._heard += FRAME
            self._take()

    def _answer(self) -> None:
        """Transcribe what was said, generate the answer and speak it."""
        while self._asked:
            ask = self._asked.pop(0)
            match ask:
                case FinishTranscription():
                    self._session.receive_result(TranscriptFinal(ask.item_id, "How many bedrooms?", 3.0), self._now)
                case Generate():
                    for _ in range(PIECES):
                        self._session.receive_result(GeneratedText(ask.response_id, "word "), self._now)
                    self._session.receive_result(GenerationDone(ask.response_id), self._now)
                case Speak():
                    for _ in range(30):
                        self._session.receive_result(SpokenAudio(ask.speech_id, CHUNK), self._now)
                        self._take()
                    self._session.receive_result(SpeechDone(ask.speech_id), self._now)
            self._take()


def mix(turns: int) -> tuple[Counts, float]:
    """Return what went through in so many turns, and the processor's seconds for it."""
    counts = Counts()
    began = time.process_time()
    for number in range(turns):
        if number % TURNS_OF_A_SESSION == 0:
            session = Turns(counts)
        session.turn()
    return counts, time.process_time() - began


# --- single events --------------------------------------------------------------------------------------------


def append_to_core() -> Callable[[], object]:
    """Return a call that takes one append from the wire to the request for turn detection."""
    session = Session(SessionStart("gpt-realtime"), IDS, 0.0, 1_700_000_000)
    position = 0

    def append() -> None:
        nonlocal position
        session.receive_event(decode(APPEND), 0.0)
        session.receive_result(SpeechDetected(position, RATE // 50, (0.0,)), 0.0)  # as quiet, so that nothing gathers
        position += RATE // 50
        session.outputs()

    return append


def loads_append() -> object:
    event = json.loads(APPEND)
    return event["type"], base64.b64decode(event["audio"])


AUDIO_DELTA = OutputAudioDelta("resp_" + "x" * 21, "item_" + "x" * 21, 0, 0, CHUNK)
TEXT_DELTA = OutputTextDelta("resp_" + "x" * 21, "item_" + "x" * 21, 0, 0, " bedrooms")


def dumps_delta(kind: str, delta: str, **more: str) -> bytes:
    place = {"response_id": AUDIO_DELTA.response_id, "item_id": AUDIO_DELTA.item_id, "output_index": 0}
    event = {"type": kind, "event_id": IDS.event(), **place, "content_index": 0, "delta": delta, **more}
    return json.dumps(event).encode()


def dumps_audio_delta() -> bytes:
    return dumps_delta("response.output_audio.delta", base64.b64encode(CHUNK).decode())


def dumps_text_delta() -> bytes:
    return dumps_delta("response.output_text.delta", TEXT_DELTA.delta, obfuscation=IDS.letters(8))


def microseconds(call: Callable[[], object]) -> float:
    """Return the time of one call: the best of some runs, so that other programs disturb least."""
    timer = timeit.Timer(call, timer=time.process_time)
    timer.timeit(500)
    number = 5000
    return min(timer.repeat(REPEATS, number)) / number * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=200, help="turns of the mix (default: %(default)s)")
    arguments = parser.parse_args()
    print(machine(), end="\n\n", flush=True)
    mix(TURNS_OF_A_SESSION)
    counts, seconds = mix(arguments.turns)
    events = counts.received + counts.sent
    print(f"{arguments.turns} turns: {counts.received} events in, {counts.sent} out ({counts.sent_bytes / 1e6:.0f} MB)")
    print(f"{events / seconds:,.0f} events/s on one core, {seconds / events * 1e6:.1f} us each")
    spoken = arguments.turns * 6  # seconds: three of speech, three of answer
    print(f"{seconds / arguments.turns * 1000:.2f} ms for a turn:", end=" ")
    print(f"enough for {spoken / seconds:,.0f} conversations at once, without sockets and stages\n")
    print(f"{'us of one event':44}{'Antiphon':>10}{'json + base64':>15}{'ratio':>8}")
    rows: tuple[tuple[str, Callable[[], object], Callable[[], object] | None], ...] = (
        ("20 ms append, decoded", lambda: decode(APPEND), loads_append),
        ("20 ms append, decoded and through the core", append_to_core(), None),
        ("100 ms audio delta, encoded", lambda: encode(AUDIO_DELTA, IDS), dumps_audio_delta),
        ("text delta, encoded", lambda: encode(TEXT_DELTA, IDS), dumps_text_delta),
    )
    for title, ours, plain in rows:
        taken = microseconds(ours)
        beside = microseconds(plain) if plain else None
        shown = f"{beside:15.1f}{beside / taken:8.1f}" if beside else ""
        print(f"{title:44}{taken:10.1f}{shown}", flush=True)


if __name__ == "__main__":
    main()
