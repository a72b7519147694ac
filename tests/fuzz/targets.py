"""What is fuzzed: bytes through decoder, session and encoder; the official SDK's types judge what comes out."""

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from antiphon.errors import ClientEventError
from antiphon.protocol.codec import decode, event_id_of
from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.limits import Limits
from antiphon.session.requests import FinishTranscription, Generate, Speak
from antiphon.session.results import (
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    SpeechDone,
    SpokenAudio,
    TranscriptFinal,
)
from tests.fuzz.strategies import MESSAGES
from tests.sdk_events import KNOWN_EXTRAS
from tests.session.harness import LOUD, MS, QUIET, CoreClient

# What the API takes and shows again, and the SDK's types of server events do not name.
_OF_ITEMS = {"phase"}
_OF_SESSIONS = {"id", "object", "expires_at", "strict", "allowed_callers", "defer_loading", "tunnel_id"}
ECHOED = {
    **dict.fromkeys(("conversation.item.added", "conversation.item.done", "conversation.item.retrieved"), _OF_ITEMS),
    **dict.fromkeys(("session.created", "session.updated"), _OF_SESSIONS),
}


@dataclass(frozen=True)
class Step:
    """Something that happens besides a message: the stages answer, time passes, someone speaks."""

    kind: str


STEPS = st.sampled_from([Step(kind) for kind in ("transcribe", "generate", "call", "speak", "wait", "talk", "silence")])


def decode_bytes(message: bytes) -> None:
    """Decode; whatever the message, only a `ClientEventError` may come of it."""
    with contextlib.suppress(ClientEventError):
        decode(message)
    event_id = event_id_of(message)
    assert event_id is None or len(event_id) <= 512


def play(script: list[bytes | Step]) -> None:
    """The harness checks each event against the SDK's types; here is what must hold besides."""
    with patch.dict(KNOWN_EXTRAS, ECHOED):
        _play(script)


def _play(script: list[bytes | Step]) -> None:
    limits = Limits(items=6, buffer_seconds=5, utterance_seconds=2, kept_audio_seconds=2)
    client = CoreClient(equipment=Equipment(limits=limits, capabilities=Capabilities(images=True)))
    for step in script:
        if isinstance(step, Step):
            take(client, step.kind)
        else:
            client.send_raw(step)
    for event in client.all_sent("response.created"):
        client.send("response.cancel", response_id=event["response"]["id"])
    client.send("response.cancel")
    assert _ids(client, "response.created") == _ids(client, "response.done")
    assert len({event["event_id"] for event in client.events}) == len(client.events)
    # Nothing of the messages may look like a fault of the server.
    assert not [event for event in client.all_sent("error") if event["error"]["type"] == "server_error"]


def _ids(client: CoreClient, kind: str) -> Counter[str]:
    return Counter(event["response"]["id"] for event in client.all_sent(kind))


def take(client: CoreClient, kind: str) -> None:
    """Let a stage answer the newest request of its kind, if there is one."""
    match kind:
        case "transcribe":
            for finish in client.all_asked(FinishTranscription)[-1:]:
                client.result(TranscriptFinal(finish.item_id, "Words. ", 1.0))
        case "generate" | "call":
            for request in client.all_asked(Generate)[-1:]:
                said: Any = GeneratedText if kind == "generate" else GeneratedCall
                client.result(
                    said(request.response_id, "One. Two. ") if kind == "generate" else said(request.response_id, 0, "f")
                )
                client.result(GenerationDone(request.response_id))
        case "speak":
            for speak in client.all_asked(Speak)[-1:]:
                client.result(SpokenAudio(speak.speech_id, LOUD * MS * 100))
                client.result(SpeechDone(speak.speech_id))
        case "wait":
            client.wait(3.0)
        case _:
            client.hear((LOUD if kind == "talk" else QUIET, 600))


SCRIPTS = st.lists(MESSAGES | STEPS, max_size=12)
TARGETS: tuple[tuple[st.SearchStrategy[Any], Callable[[Any], None]], ...] = ((MESSAGES, decode_bytes), (SCRIPTS, play))
