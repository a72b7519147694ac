"""Server events as a GA server sends them, each judged by the official SDK's types."""

import base64
from typing import Any

from tests.sdk_events import check_server_event

Event = dict[str, Any]
RATE = 24_000


def audio(ms: int, level: int = 1000) -> bytes:
    """Return PCM16 of that length at 24000 Hz, every sample the same."""
    return level.to_bytes(2, "little", signed=True) * (RATE * ms // 1000)


def checked(kind: str, **fields: Any) -> Event:
    event = {"type": kind, "event_id": "event_1", **fields}
    check_server_event(event)
    return event


def session_fields(detection: Event | str | None = "default", transcription: Event | None = None) -> Event:
    if detection == "default":
        detection = {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "create_response": True,
            "interrupt_response": True,
        }
    pcm = {"type": "audio/pcm", "rate": RATE}
    return {
        "type": "realtime",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {"format": pcm, "transcription": transcription, "turn_detection": detection},
            "output": {"format": pcm, "voice": "marin", "speed": 1.0},
        },
    }


def created(**given: Any) -> Event:
    return checked("session.created", session=session_fields(**given))


def updated(**given: Any) -> Event:
    return checked("session.updated", session=session_fields(**given))


def error(message: str, code: str | None = None, event_id: str | None = None) -> Event:
    detail = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": event_id}
    return checked("error", error=detail)


def speech_started(item: str = "item_u1", ms: int = 0) -> Event:
    return checked("input_audio_buffer.speech_started", item_id=item, audio_start_ms=ms)


def speech_stopped(item: str = "item_u1", ms: int = 0) -> Event:
    return checked("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=ms)


def committed(item: str = "item_u1") -> Event:
    return checked("input_audio_buffer.committed", item_id=item, previous_item_id=None)


_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def heard(delta: str, item: str = "item_u1") -> Event:
    return checked(f"{_TRANSCRIPTION}.delta", item_id=item, content_index=0, delta=delta)


def transcribed(text: str, item: str = "item_u1") -> Event:
    usage = {"type": "duration", "seconds": 1.0}
    return checked(f"{_TRANSCRIPTION}.completed", item_id=item, content_index=0, transcript=text, usage=usage)


def transcription_failed(message: str, item: str = "item_u1") -> Event:
    detail = {"type": "server_error", "code": "stt_failed", "message": message}
    return checked(f"{_TRANSCRIPTION}.failed", item_id=item, content_index=0, error=detail)


def response(kind: str, response_id: str = "resp_1", status: str = "in_progress", **fields: Any) -> Event:
    body = {"object": "realtime.response", "id": response_id, "status": status, "output": [], **fields}
    return checked(f"response.{kind}", response=body)


def response_created(response_id: str = "resp_1") -> Event:
    return response("created", response_id)


def response_done(response_id: str = "resp_1", status: str = "completed", **fields: Any) -> Event:
    return response("done", response_id, status, **fields)


def piece(kind: str, response_id: str = "resp_1", item: str = "item_a1", **fields: Any) -> Event:
    ids = {"response_id": response_id, "item_id": item, "output_index": 0, "content_index": 0}
    return checked(f"response.{kind}", **ids, **fields)


def said(delta: str, **ids: str) -> Event:
    return piece("output_audio_transcript.delta", delta=delta, **ids)


def said_all(text: str, **ids: str) -> Event:
    return piece("output_audio_transcript.done", transcript=text, **ids)


def sound(pcm: bytes, **ids: str) -> Event:
    return piece("output_audio.delta", delta=base64.b64encode(pcm).decode(), **ids)


def sound_done(**ids: str) -> Event:
    return piece("output_audio.done", **ids)


def function_call(name: str, call_id: str = "call_1") -> Event:
    return {
        "type": "function_call",
        "id": "item_f1",
        "status": "completed",
        "name": name,
        "call_id": call_id,
        "arguments": "{}",
    }
