"""What load and upstream say to each other: made beforehand, with a stamp at the head of each piece of audio.

The stamp is 16 hexadecimal digits of CLOCK_MONOTONIC in nanoseconds, which all processes of a machine share, and 8 of
a count. Hexadecimal digits are letters of base64, so a stamp is audio to whoever carries it.
"""

import json
import random
import string
import time
from typing import Any

AUDIO_LETTERS = 1280  # base64 of 960 bytes: 20 ms of PCM16 at 24000 Hz
STAMP_LETTERS = 24
APPENDS_PER_SECOND = 50
DELTAS_PER_SECOND = 15
APPEND = b"input_audio_buffer.append"
DELTA = b"response.output_audio.delta"
GROUP = "benchmark_group"  # a response's metadata, which every gateway leaves alone

_chance = random.Random(4)
_TYPE_WITHIN = 120  # bytes of a message's head that hold its type; `event_id` may come first
_SILENT = "".join(_chance.choices(string.ascii_letters + string.digits, k=AUDIO_LETTERS - STAMP_LETTERS)).encode()

now = time.monotonic_ns


def stamp(nanoseconds: int, count: int) -> bytes:
    return b"%016x%08x" % (nanoseconds, count)


def read_stamp(message: bytes, key: bytes) -> tuple[int, int]:
    """Return time and count from the audio under `key`, which is in its quotes; spaces and order may have changed."""
    start = message.index(b'"', message.index(key) + len(key)) + 1
    return int(message[start : start + 16], 16), int(message[start + 16 : start + 24], 16)


def has_type(message: bytes, kind: bytes) -> bool:
    return message.find(kind, 0, _TYPE_WITHIN) >= 0


def event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, **fields}, separators=(",", ":")).encode()


def identifier(prefix: str) -> str:
    return prefix + "_" + "".join(_chance.choices(string.ascii_letters + string.digits, k=21))


def server_event(kind: str, **fields: object) -> bytes:
    return event(kind, event_id=identifier("event"), **fields)


class Append:
    """One client's appends."""

    def __init__(self) -> None:
        self._count = 0

    def next(self, nanoseconds: int) -> bytes:
        self._count += 1
        return b'{"type":"%b","audio":"%b%b"}' % (APPEND, stamp(nanoseconds, self._count), _SILENT)


def new_session(model: str) -> dict[str, Any]:
    """Return a whole session object, as OpenAI fills it."""
    audio_format = {"type": "audio/pcm", "rate": 24000}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": identifier("sess"),
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful, friendly voice assistant. Answer briefly, as one does when speaking.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": int(time.time()) + 3600,
        "audio": {
            "input": {
                "format": audio_format,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": audio_format, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


class Answer:
    """One response that never ends: what opens it, and its deltas."""

    def __init__(self, metadata: dict[str, str]) -> None:
        self._response, self._item = identifier("resp"), identifier("item")
        self._metadata = metadata
        self._count = 0
        place = f'"response_id":"{self._response}","item_id":"{self._item}","output_index":0,"content_index":0'
        self._tail = _SILENT + b'",' + place.encode() + b"}"
        self._head = b'{"type":"%b","event_id":"event_%b' % (DELTA, identifier("")[1:-8].encode())

    def opening(self) -> list[bytes]:
        item = {"id": self._item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        response = {
            "object": "realtime.response",
            "id": self._response,
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": identifier("conv"),
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
            "usage": None,
            "metadata": self._metadata,
        }
        place = {"response_id": self._response, "output_index": 0}
        return [
            server_event("response.created", response=response),
            server_event("response.output_item.added", **place, item=item),
            server_event("conversation.item.added", previous_item_id=None, item=item),
            server_event(
                "response.content_part.added",
                **place,
                item_id=self._item,
                content_index=0,
                part={"type": "audio", "transcript": ""},
            ),
        ]

    def next(self, nanoseconds: int) -> bytes:
        self._count += 1
        return b'%b%08x","delta":"%b%b' % (self._head, self._count, stamp(nanoseconds, self._count), self._tail)
