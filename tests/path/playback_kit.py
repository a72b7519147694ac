"""A playback between two lists, and the hands and the ear of those around it."""

import base64
import json
from typing import Any

import numpy as np

from antiphon.path.playback import Playback
from antiphon.protocol.ids import Ids
from tests.sdk_events import check_server_event
from tests.session.harness import in_base_62

FRAME = 960  # bytes of 20 ms
MS = 48  # bytes in a millisecond
PCM, PCMU, PCMA = {"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}


def pcm(ms: int, first: int = 1) -> bytes:
    """Return audio of which every sample tells its place."""
    return np.arange(first, first + ms * 24).astype("<u2").tobytes()


class Bench:
    """A playback between two lists, and the session's and the client's hands."""

    def __init__(self, heard: dict[str, int] | None = None) -> None:
        self.told: list[dict[str, Any]] = []  # to the client
        self.asked: list[dict[str, Any]] = []  # of the session
        self.sent: list[bytes] = []  # to the client, as it came
        self._number = 0
        self.playback = Playback(self._tell, lambda message: self.asked.append(json.loads(message)), self._ids(), heard)

    def _ids(self) -> Ids:
        def entropy(count: int) -> bytes:
            self._number += 1
            return in_base_62(self._number, count)

        return Ids(entropy)

    def _tell(self, message: bytes) -> None:
        self.sent.append(message)
        event = json.loads(message)
        if event["type"].startswith("output_audio_buffer"):
            check_server_event(event)
        self.told.append(event)

    # --- the session's hand ---

    def server(self, kind: str, **fields: Any) -> None:
        self._number += 1
        event = {"type": kind, "event_id": f"event_{self._number}", **fields}
        self.playback.take(json.dumps(event, separators=(",", ":")).encode())

    def session(self, **audio: Any) -> None:
        self.server("session.updated", session={"type": "realtime", "audio": audio})

    def created(self, response: str = "r", **fields: Any) -> None:
        self.server("response.created", response={"id": response, "conversation_id": "conv_1", **fields})

    def delta(self, audio: bytes, response: str = "r", item: str = "i") -> None:
        fields = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self.server("response.output_audio.delta", **fields, delta=base64.b64encode(audio).decode())

    def audio_done(self, response: str = "r", item: str = "i") -> None:
        fields = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self.server("response.output_audio.done", **fields)

    def item_done(self, response: str = "r", item: str = "i") -> None:
        self.server("response.output_item.done", response_id=response, output_index=0, item={"id": item})

    def done(self, response: str = "r", *items: str, limits: bool = True) -> None:
        """End a response and its items, as servers do."""
        for item in items or ("i",):
            self.audio_done(response, item)
            self.item_done(response, item)
        self.server("response.done", response={"id": response, "conversation_id": "conv_1"})
        if limits:
            self.server("rate_limits.updated", rate_limits=[])

    def speech(self) -> None:
        self.server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")

    # --- the client's hand ---

    def client(self, kind: str, **fields: Any) -> None:
        self.playback.receive(json.dumps({"type": kind, **fields}).encode())

    # --- the ear ---

    def hear(self, ms: int) -> bytes:
        """Listen for so long, and live; None is silence and is left out."""
        heard = self.miss(ms)
        self.playback.confirm()
        return heard

    def miss(self, ms: int) -> bytes:
        """Let so much be played without a sign of life."""
        return b"".join(frame for _ in range(ms // 20) if (frame := self.playback.pull()) is not None)

    def hear_out(self) -> bytes:
        """Listen until there is nothing."""
        heard = b""
        while frame := self.playback.pull():
            heard += frame
        self.playback.confirm()
        return heard

    # --- what was seen ---

    def buffer_events(self) -> list[tuple[str, str]]:
        """Return the word and the response of each `output_audio_buffer` event."""
        prefix = "output_audio_buffer."
        return [
            (event["type"].removeprefix(prefix), event["response_id"])
            for event in self.told
            if event["type"].startswith(prefix)
        ]

    def truncations(self) -> list[tuple[str, int]]:
        return [
            (event["item_id"], event["audio_end_ms"])
            for event in self.asked
            if event["type"] == "conversation.item.truncate"
        ]

    def types(self) -> list[str]:
        return [event["type"] for event in self.told]
