"""The `session.update` that the talk client sends, and what it reads from the server's answer."""

from collections.abc import Mapping
from typing import Any

from antiphon.talk.options import TalkOptions
from antiphon.talk.outputs import Ready
from antiphon.talk.playback import RATE

# Every Realtime server in use takes this name for "transcribe"; those with one recogniser treat it as an alias.
TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe"


def full_update(options: TalkOptions, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration to ask for.

    Args:
        options: What the user wants.
        current: The session as `session.created` shows it; what is right already is left alone.
    """
    update = plain_update(options)
    audio = update.setdefault("audio", {})
    pcm = {"type": "audio/pcm", "rate": RATE}
    audio["input"] = {"format": pcm}
    audio.setdefault("output", {})["format"] = pcm
    given = mapping(mapping(current, "audio"), "input")
    if options.transcription and not given.get("transcription"):
        audio["input"]["transcription"] = {"model": TRANSCRIPTION_MODEL}
    if "turn_detection" in given and given["turn_detection"] is None:
        audio["input"]["turn_detection"] = {"type": "server_vad"}
    return update


def plain_update(options: TalkOptions) -> dict[str, Any]:
    """Return only what the user asked for by flags: for a server that refuses the rest."""
    update: dict[str, Any] = {"type": "realtime"}
    if options.text_only:
        update["output_modalities"] = ["text"]
    if options.instructions is not None:
        update["instructions"] = options.instructions
    if options.voice is not None:
        update["audio"] = {"output": {"voice": options.voice}}
    return update


def ready(session: Mapping[str, Any]) -> Ready:
    """Return what `session.updated` says that the user should know."""
    detection = turn_detection(session)
    voice = mapping(mapping(session, "audio"), "output").get("voice")
    silence = detection.get("silence_duration_ms")
    return Ready(
        model=_text(session.get("model")),
        voice=_text(voice.get("id") if isinstance(voice, Mapping) else voice),
        turn_detection=_text(detection.get("type")),
        silence_ms=int(silence) if isinstance(silence, int | float) else None,
    )


def turn_detection(session: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(mapping(session, "audio"), "input"), "turn_detection")


def mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object at `key`, an empty one when there is none."""
    inner = value.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
