"""Beta clients that do not say so."""

import json
from typing import Any

import pytest

from antiphon.errors import ClientEventError
from antiphon.protocol import server_events as server
from antiphon.protocol.beta import LenientDialect
from antiphon.protocol.client_events import InputAudioBufferCommit, SessionUpdate
from antiphon.protocol.ids import Ids
from tests.protocol.beta.kit import BetaClient

IDS = Ids(bytes)
DELTA = server.OutputTextDelta("resp_1", "item_1", 0, 0, "x")


def update(**session: Any) -> bytes:
    return json.dumps({"type": "session.update", "session": session}).encode()


def shape_of(dialect: LenientDialect) -> str:
    (message,) = dialect.encode(DELTA, IDS)
    return {"response.text.delta": "beta", "response.output_text.delta": "ga"}[json.loads(message)["type"]]


@pytest.mark.parametrize(
    ("session", "shape"),
    [
        ({"modalities": ["text"], "instructions": "x"}, "beta"),
        ({"voice": "ash"}, "beta"),
        ({"temperature": 0.8}, "beta"),
        ({"type": "realtime", "voice": "ash"}, "ga"),
        ({"instructions": "x"}, "ga"),
        ({"voice": "ash", "audio": {}}, "ga"),
        ({}, "ga"),
    ],
)
def test_the_first_update_decides(session: dict[str, Any], shape: str) -> None:
    dialect = LenientDialect()
    assert dialect.decode(b'{"type":"input_audio_buffer.commit"}') == InputAudioBufferCommit()
    assert shape_of(dialect) == "ga"
    assert isinstance(dialect.decode(update(**session)), SessionUpdate)
    assert shape_of(dialect) == shape


def test_the_second_update_decides_nothing() -> None:
    dialect = LenientDialect()
    dialect.decode(update(type="realtime"))
    dialect.decode(update(voice="ash"))
    assert shape_of(dialect) == "ga"
    other = LenientDialect()
    other.decode(update(voice="ash"))
    with pytest.raises(ClientEventError):
        other.decode(update(type="realtime"))


def test_a_whole_turn(session: BetaClient) -> None:
    """What comes after the update is a beta session like any other."""
    session.dialect = LenientDialect()
    session.configure(modalities=["text"])
    session.say("How many?")
    session.send("response.create")
    session.generate("Four.")
    assert session.sent("response.text.done")["text"] == "Four."
    assert session.sent("response.done")["response"]["conversation_id"].startswith("conv_")
