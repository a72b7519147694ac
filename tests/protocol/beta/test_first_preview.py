"""Clients of the first preview, on Azure's old path, know fewer events, and rt-client ends on any other."""

import json
import os

from antiphon.protocol.beta.dialect import BetaDialect
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import SessionCreated, TranscriptionDelta
from tests.session.harness import CoreClient

IDS = Ids(os.urandom)


def kinds(dialect: BetaDialect, event: SessionCreated | TranscriptionDelta) -> list[str]:
    return [json.loads(message)["type"] for message in dialect.encode(event, IDS)]


def test_the_first_preview_announces_no_conversation() -> None:
    created = SessionCreated(CoreClient().sent("session.created")["session"])
    assert kinds(BetaDialect(is_first_preview=True), created) == ["session.created"]
    assert kinds(BetaDialect(), created) == ["session.created", "conversation.created"]


def test_the_first_preview_has_no_transcription_deltas() -> None:
    delta = TranscriptionDelta("item_1", 0, "hello")
    assert kinds(BetaDialect(is_first_preview=True), delta) == []
    assert kinds(BetaDialect(), delta) == ["conversation.item.input_audio_transcription.delta"]
