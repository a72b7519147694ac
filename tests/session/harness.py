"""A session with a clock in the test's hand, stages that answer at its word, and the SDK's types as judge."""

import base64
import itertools
import json
from typing import Any, TypeVar

from antiphon.errors import ClientEventError
from antiphon.protocol.codec import decode, encode, event_id_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import ServerEvent
from antiphon.session import Equipment, Session, SessionStart
from antiphon.session.context import ContextMessage
from antiphon.session.requests import DetectSpeech, Generate, Request, ResetDetection, Speak
from antiphon.session.results import (
    GeneratedArguments,
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    Result,
    SpeechDetected,
    SpeechDone,
    SpokenAudio,
    SpokenWord,
    TranscriptFinal,
)
from tests.sdk_events import check_server_event

R = TypeVar("R", bound=Request)
FRAME = 768  # samples at 24000 Hz of one VAD frame (512 at 16000 Hz)
MS = 24  # samples in a millisecond
LOUD = b"\x10\x27"  # one loud sample
QUIET = b"\x00\x00"


def in_base_62(number: int, count: int) -> bytes:
    """Return a number as the letters of an id: with each number another id, and every run alike."""
    digits = []
    for _ in range(count):
        number, digit = divmod(number, 62)
        digits.append(digit)
    return bytes(digits)


class ClientHand:
    """What a client does and sees, in the words of a test."""

    events: list[dict[str, Any]]

    def client(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        """Let the clock run, deadlines included."""
        raise NotImplementedError

    def configure(self, **session: Any) -> None:
        self.client("session.update", session={"type": "realtime", **session})

    def say(self, text: str, **fields: Any) -> None:
        """Add a user message in text."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.client("conversation.item.create", item=item, **fields)

    def append(self, pcm: bytes) -> None:
        self.client("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def hear(self, *stretches: tuple[bytes, int]) -> None:
        """Append audio in packets of 20 ms at real pace: (LOUD or QUIET, milliseconds), ..."""
        for sample, ms in stretches:
            for begin in range(0, ms, 20):
                length = min(20, ms - begin)
                self.wait(length / 1000)
                self.append(sample * (MS * length))

    def sent(self, kind: str) -> dict[str, Any]:
        """Return the newest event of that type."""
        return next(event for event in reversed(self.events) if event["type"] == kind)

    def all_sent(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def types(self) -> list[str]:
        """Return the types of the API's events since the last `forget`; runs of deltas count once."""
        names = [event["type"] for event in self.events if not event["type"].startswith("antiphon.")]
        return [
            name
            for index, name in enumerate(names)
            if not (name.endswith(".delta") and index and names[index - 1] == name)
        ]


class CoreClient(ClientHand):
    """Sends client events to a session and keeps what comes out."""

    def __init__(
        self,
        start: SessionStart | None = None,
        equipment: Equipment | None = None,
        now: float = 100.0,
        unix_time: int = 1_700_000_000,
    ) -> None:
        self.now = now
        self._counter = itertools.count()
        self.ids = Ids(self._entropy)
        self.events: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self._samples = 0
        self._pending = b""  # audio of frames that are not full
        self._pending_start = 0
        self.session = Session(start or SessionStart("gpt-realtime"), self.ids, self.now, unix_time, equipment)
        self._take()

    def _entropy(self, count: int) -> bytes:
        return in_base_62(next(self._counter), count)

    # --- in -------------------------------------------------------------------------------------------------

    def send(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        self.send_raw(json.dumps({"type": kind, **fields}).encode())

    client = send

    def send_raw(self, message: bytes) -> None:
        try:
            event = decode(message)
        except ClientEventError as error:
            self.session.refuse(error, event_id_of(message))
        else:
            self.session.receive_event(event, self.now)
        self._take()

    def result(self, result: Result) -> None:
        self.session.receive_result(result, self.now)
        self._take()

    def wait(self, seconds: float) -> None:
        """Let the clock run, deadlines included."""
        end = self.now + seconds
        while (deadline := self.session.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.session.handle_deadline(self.now)
            self._take()
        self.now = end

    # --- stages ---------------------------------------------------------------------------------------------

    def transcribe(self, text: str, item_id: str | None = None, seconds: float = 1.0) -> None:
        """STT understood the newest utterance, or the named one."""
        self.result(TranscriptFinal(item_id or self.last_item_id(), text, seconds))

    def last_item_id(self) -> str:
        return str(self.sent("conversation.item.added")["item"]["id"])

    def generate(self, *texts: str, done: bool = True, **counts: Any) -> None:
        """The model answers the newest request."""
        response_id = self.asked(Generate).response_id
        for text in texts:
            self.result(GeneratedText(response_id, text))
        if done:
            self.result(GenerationDone(response_id, **counts))

    def call(self, name: str, arguments: str, index: int = 0, done: bool = True) -> None:
        """The model calls a function, its arguments in two pieces."""
        response_id = self.asked(Generate).response_id
        self.result(GeneratedCall(response_id, index, name))
        half = len(arguments) // 2
        for piece in (arguments[:half], arguments[half:]):
            self.result(GeneratedArguments(response_id, index, piece))
        if done:
            self.result(GenerationDone(response_id))

    def speak(self, ms: int = 1000, marked: bool = True, done: bool = True) -> None:
        """TTS speaks the newest request in two chunks that last `ms` in all."""
        request = self.asked(Speak)
        marks = _marks(request.text, ms * MS) if marked else ()
        half = ms * MS // 2
        for begin, end in ((0, half), (half, ms * MS)):
            words = tuple(word for word in marks if begin <= word.sample < end)
            self.result(SpokenAudio(request.speech_id, LOUD * (end - begin), words))
        if done:
            self.result(SpeechDone(request.speech_id))

    # --- out ------------------------------------------------------------------------------------------------

    def asked(self, kind: type[R]) -> R:
        """Return the newest request of that kind."""
        return next(request for request in reversed(self.requests) if isinstance(request, kind))

    def all_asked(self, kind: type[R]) -> list[R]:
        return [request for request in self.requests if isinstance(request, kind)]

    def told(self) -> list[str]:
        """Return the messages that the model was told in the newest request."""
        return [item.text for item in self.asked(Generate).context.items if isinstance(item, ContextMessage)]

    def forget(self) -> None:
        """Begin anew with what was sent and asked."""
        self.events.clear()
        self.requests.clear()

    def forget_events(self) -> None:
        self.events.clear()

    @property
    def error(self) -> dict[str, Any]:
        """The newest error's detail."""
        detail: dict[str, Any] = self.sent("error")["error"]
        return detail

    def _take(self) -> None:
        while outputs := self.session.outputs():
            for output in outputs:
                if isinstance(output, ServerEvent):
                    event = json.loads(encode(output, self.ids))
                    check_server_event(event)
                    self.events.append(event)
                else:
                    self.requests.append(output)
            for output in outputs:
                self._detect(output)

    def _detect(self, output: object) -> None:
        """Answer for the VAD: loud frames are speech."""
        if isinstance(output, ResetDetection):
            self._pending = b""
        elif isinstance(output, DetectSpeech):
            if not self._pending:
                self._pending_start = output.start
            self._pending += output.pcm
            while len(self._pending) >= FRAME * 2:
                frame, self._pending = self._pending[: FRAME * 2], self._pending[FRAME * 2 :]
                probability = 0.9 if frame.count(LOUD) * 2 > FRAME else 0.05
                start, self._pending_start = self._pending_start, self._pending_start + FRAME
                self.session.receive_result(SpeechDetected(start, FRAME, (probability,)), self.now)


def _marks(text: str, samples: int) -> tuple[SpokenWord, ...]:
    words, position = [], 0
    for word in text.split():
        start = text.index(word, position)
        position = start + len(word)
        words.append(SpokenWord(start, position, samples * start // max(len(text), 1)))
    return tuple(words)
