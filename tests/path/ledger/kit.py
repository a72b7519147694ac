"""A ledger fed with exact event sequences, and one that listens to a real session."""

import base64
import itertools
import json
from typing import Any

from antiphon.path.ledger import DELTAS, PARSED, Ledger, LedgerLimits
from antiphon.session import Equipment, SessionStart
from tests.session.harness import CoreClient

Event = dict[str, Any]
MS = 48  # bytes in a millisecond of audio/pcm
VAD = {"type": "server_vad"}


def pcm(ms: int, value: int = 1) -> bytes:
    return bytes([value]) * (ms * MS)


def append_of(audio: bytes) -> bytes:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}).encode()


def audio_of(message: bytes) -> bytes:
    return base64.b64decode(json.loads(message)["audio"])


class Conversation:
    """A client and a server whose events a ledger hears, each sequence as in PROTOCOL.md 3.4."""

    def __init__(self, limits: LedgerLimits | None = None, turn_detection: Event | None = VAD, **options: Any) -> None:
        asked = {"audio": {"input": {"turn_detection": turn_detection}}}
        self.ledger = Ledger(asked, limits or LedgerLimits(), **options)
        self.heard = b""  # all that was appended
        self._numbers = itertools.count(1)
        self._last: str | None = None

    # --- pieces ---------------------------------------------------------------------------------------------

    def server(self, kind: str, **fields: Any) -> None:
        if kind == "response.output_audio.delta":
            self.ledger.note_audio_delta(fields["item_id"], len(base64.b64decode(fields["delta"])))
        elif kind in DELTAS:
            self.ledger.note_delta(fields["response_id"], json.dumps({"type": kind, **fields}).encode())
        else:
            assert kind in PARSED
            self.ledger.note_server(kind, {"type": kind, "event_id": "event_x", **fields})

    def client(self, kind: str, **fields: Any) -> None:
        self.ledger.note_client(kind, {"type": kind, **fields})

    def append(self, audio: bytes, size_ms: int = 20) -> None:
        """Append audio in packets."""
        self.heard += audio
        for begin in range(0, len(audio), size_ms * MS):
            piece = audio[begin : begin + size_ms * MS]
            self.ledger.note_append(append_of(piece), len(piece))

    def new_id(self, prefix: str = "item") -> str:
        return f"{prefix}_{next(self._numbers)}"

    def add(self, item: Event, done: Event | None = None) -> None:
        """The server adds an item at the end."""
        self.server("conversation.item.added", previous_item_id=self._last, item=item)
        # As real servers do, `done` names no item.
        self.server("conversation.item.done", previous_item_id=None, item=done or item)
        self._last = item["id"]

    # --- whole turns ----------------------------------------------------------------------------------------

    def create(self, item: Event, previous_item_id: str | None = None) -> str:
        """The client creates an item, and the server acknowledges it without its audio."""
        item = {"id": self.new_id(), **item}
        place = {} if previous_item_id is None else {"previous_item_id": previous_item_id}
        self.client("conversation.item.create", item=item, **place)
        previous = self._last if previous_item_id is None else previous_item_id
        shown = {"status": "completed", **item}
        if "content" in item:
            shown["content"] = [
                {key: value for key, value in part.items() if key not in ("audio", "image_url")}
                for part in item["content"]
            ]
        fields = {"previous_item_id": None if previous == "root" else previous, "item": shown}
        self.server("conversation.item.added", **fields)
        self.server("conversation.item.done", **{**fields, "previous_item_id": None})
        if previous_item_id is None:
            self._last = item["id"]
        return str(item["id"])

    def say(self, text: str, role: str = "user", **fields: Any) -> str:
        content = [{"type": "input_text", "text": text}]
        return self.create({"type": "message", "role": role, "content": content}, **fields)

    def start_speaking(self, padding_ms: int = 300) -> str:
        """The server hears speech that began `padding_ms` before the end of what was appended."""
        item_id = self.new_id()
        start = max(len(self.heard) // MS - padding_ms, 0)
        self.server("input_audio_buffer.speech_started", audio_start_ms=start, item_id=item_id)
        return item_id

    def stop_speaking(self, item_id: str) -> None:
        end = len(self.heard) // MS
        self.server("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item_id)

    def commit(self, item_id: str) -> None:
        self.server("input_audio_buffer.committed", previous_item_id=self._last, item_id=item_id)
        content = [{"type": "input_audio", "transcript": None}]
        self.add({"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content})

    def speak(self, audio: bytes = b"", transcript: str | None = None) -> str:
        """A turn of the user with server VAD."""
        self.append(pcm(1000, 9))
        self.append(audio[: 300 * MS])
        item_id = self.start_speaking(padding_ms=min(300, len(audio) // MS))
        self.append(audio[300 * MS :])
        self.stop_speaking(item_id)
        self.commit(item_id)
        if transcript is not None:
            self.transcribe(item_id, transcript)
        return item_id

    def transcribe(self, item_id: str, transcript: str) -> None:
        usage = {"type": "duration", "seconds": 1.5}
        kind = "conversation.item.input_audio_transcription.completed"
        self.server(kind, item_id=item_id, content_index=0, transcript=transcript, usage=usage)

    def created(self, conversation_id: str | None = "conv_1") -> str:
        response_id = self.new_id("resp")
        self.server("response.created", response=response_object(response_id, conversation_id))
        return response_id

    def open_item(self, response_id: str, item: Event, output_index: int = 0, shown: bool = True) -> str:
        item = {"id": self.new_id(), "status": "in_progress", **item}
        self.server("response.output_item.added", response_id=response_id, output_index=output_index, item=item)
        if shown:
            self.server("conversation.item.added", previous_item_id=self._last, item=item)
            self._last = item["id"]
        return str(item["id"])

    def open_message(self, response_id: str, kind: str = "audio", output_index: int = 0, shown: bool = True) -> str:
        item = {"type": "message", "role": "assistant", "content": []}
        item_id = self.open_item(response_id, item, output_index, shown)
        part = {"type": "audio", "transcript": ""} if kind == "audio" else {"type": "text", "text": ""}
        place = self.place(response_id, item_id, output_index)
        self.server("response.content_part.added", **place, part=part)
        return item_id

    def open_call(self, response_id: str, name: str, call_id: str, output_index: int = 0) -> str:
        item = {"type": "function_call", "name": name, "call_id": call_id, "arguments": ""}
        return self.open_item(response_id, item, output_index)

    def place(self, response_id: str, item_id: str, output_index: int = 0) -> Event:
        return {
            "response_id": response_id,
            "item_id": item_id,
            "output_index": output_index,
            "content_index": 0,
        }

    def stream(
        self, response_id: str, item_id: str, text: str, ms: int = 0, kind: str = "output_audio_transcript"
    ) -> None:
        """Send text word by word, and audio that lasts `ms`."""
        place = self.place(response_id, item_id)
        for word in text.split(" "):
            self.server(f"response.{kind}.delta", **place, delta=word + " ", obfuscation="x")
        for _ in range(0, ms, 100):
            delta = base64.b64encode(pcm(100)).decode()
            self.server("response.output_audio.delta", **place, delta=delta)

    def close_message(self, response_id: str, item_id: str, text: str) -> Event:
        place = self.place(response_id, item_id)
        self.server("response.output_audio.done", **place)
        self.server("response.output_audio_transcript.done", **place, transcript=text)
        self.server("response.content_part.done", **place, part={"type": "audio", "transcript": text})
        content = [{"type": "output_audio", "transcript": text}]
        item = {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": content}
        self.close_item(response_id, item)
        return item

    def close_item(self, response_id: str, item: Event) -> None:
        self.server("conversation.item.done", previous_item_id=None, item=item)
        self.server("response.output_item.done", response_id=response_id, output_index=0, item=item)

    def done(self, response_id: str, status: str = "completed", usage: Event | None = None) -> None:
        response = {**response_object(response_id), "status": status, "usage": usage}
        self.server("response.done", response=response)

    def answer(self, text: str, ms: int = 1000, usage: Event | None = None) -> str:
        """A whole spoken answer."""
        response_id = self.created()
        item_id = self.open_message(response_id)
        self.stream(response_id, item_id, text, ms)
        self.close_message(response_id, item_id, text)
        self.done(response_id, usage=usage)
        return item_id

    def call(self, name: str, call_id: str, arguments: str = "{}") -> str:
        """A whole function call."""
        response_id = self.created()
        item_id = self.open_call(response_id, name, call_id)
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "call_id": call_id}
        self.server("response.function_call_arguments.delta", **place, delta=arguments)
        self.server("response.function_call_arguments.done", **place, name=name, arguments=arguments)
        item = {"id": item_id, "type": "function_call", "status": "completed", "name": name, "call_id": call_id}
        self.close_item(response_id, {**item, "arguments": arguments})
        self.done(response_id)
        return item_id

    def result(self, call_id: str, output: str) -> str:
        return self.create({"type": "function_call_output", "call_id": call_id, "output": output})

    # --- what comes of it -----------------------------------------------------------------------------------

    def feed(self, events: list[Event]) -> None:
        for event in events:
            self.server(event["type"], **{key: value for key, value in event.items() if key != "type"})

    def restored(self) -> list[Event]:
        """Return the items of the restoration."""
        return [event["item"] for event in self.ledger.restoration()]

    def texts(self) -> list[str]:
        """Return the first text of every restored message."""
        return [item["content"][0].get("text", "") for item in self.restored() if item["type"] == "message"]

    def ids(self) -> list[str]:
        return [entry.id for entry in self.ledger.items()]


def response_object(response_id: str, conversation_id: str | None = "conv_1") -> Event:
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": conversation_id,
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": None,
        "metadata": {"topic": "x"},
    }


class Listened(CoreClient):
    """A real session, with a ledger that hears what its client sends and receives."""

    def __init__(
        self,
        start: SessionStart | None = None,
        equipment: Equipment | None = None,
        limits: LedgerLimits | None = None,
    ) -> None:
        self.ledger = Ledger(None, limits or LedgerLimits())
        self._told = 0
        super().__init__(start, equipment)

    def send_raw(self, message: bytes) -> None:
        event = json.loads(message)
        if event["type"] == "input_audio_buffer.append":
            self.ledger.note_append(message, len(base64.b64decode(event["audio"])))
        else:
            self.ledger.note_client(event["type"], event)
        if event["type"] == "session.update":
            self._update = event["session"]
        super().send_raw(message)

    def _take(self) -> None:
        super()._take()
        for event in self.events[self._told :]:
            self._tell(event)
        self._told = len(self.events)

    def forget(self) -> None:
        super().forget()
        self._told = 0

    def _tell(self, event: Event) -> None:
        kind = event["type"]
        if kind == "session.updated":
            self.ledger.merge_config(self._update)
        if kind == "response.output_audio.delta":
            self.ledger.note_audio_delta(event["item_id"], len(base64.b64decode(event["delta"])))
        elif kind in DELTAS:
            self.ledger.note_delta(event["response_id"], json.dumps(event).encode())
        elif kind in PARSED:
            self.ledger.note_server(kind, event)

    def restore(self, ledger: Ledger) -> None:
        """Be a fresh leg that takes the conversation of `ledger` over."""
        if ledger.config.keys() > {"type"}:
            self.send("session.update", session=ledger.config)
        for event in ledger.restoration():
            self.send_raw(json.dumps(event).encode())
        for message in ledger.pending_appends():
            self.send_raw(message)

    def conversation(self) -> list[Event]:
        """Return the items as the session itself has them, each as its model is told of it."""
        ids = [entry.id for entry in self.ledger.items()]
        shown = []
        for item_id in ids:
            self.send("conversation.item.retrieve", item_id=item_id)
            assert self.events[-1]["type"] == "conversation.item.retrieved", self.events[-1]
            shown.append(self.events[-1]["item"])
        return shown
