"""Bytes to events and back."""

import base64
import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import ClientEventError
from antiphon.protocol import server_events as server
from antiphon.protocol.client_events import CLIENT_EVENT_TYPES, InputAudioBufferAppend, ResponseCreate
from antiphon.protocol.codec import decode, encode, event_id_of
from antiphon.protocol.ids import Ids
from tests.sdk_events import check_server_event

IDS = Ids(os.urandom)


@given(audio=st.binary(max_size=2000), type_last=st.booleans())
def test_appended_audio_arrives_as_bytes(audio: bytes, type_last: bool) -> None:
    fields = {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}
    order = reversed(list(fields.items())) if type_last else fields.items()
    event = decode(json.dumps(dict(order)).encode())
    assert event == InputAudioBufferAppend(audio=audio)


@given(audio=st.binary(max_size=2000))
def test_an_audio_delta_is_json_with_base64(audio: bytes) -> None:
    event = json.loads(encode(server.OutputAudioDelta("resp_1", "item_1", 0, 0, audio), IDS))
    assert base64.b64decode(event.pop("delta")) == audio
    assert event.pop("event_id").startswith("event_")
    assert event == {
        "type": "response.output_audio.delta",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
    }


@given(text=st.text())
def test_any_text_survives_encoding(text: str) -> None:
    event = json.loads(encode(server.OutputTextDelta("resp_1", "item_1", 0, 0, text), IDS))
    assert event["delta"] == text
    check_server_event(event)


def test_text_deltas_are_obfuscated_and_audio_is_not() -> None:
    text = json.loads(encode(server.OutputTextDelta("resp_1", "item_1", 0, 0, "a"), IDS))
    audio = json.loads(encode(server.OutputAudioDelta("resp_1", "item_1", 0, 0, b"a"), IDS))
    assert 1 <= len(text["obfuscation"]) <= 16
    assert "obfuscation" not in audio


def test_null_is_tolerated_in_a_response() -> None:
    event = decode(b'{"type":"response.create","response":{"instructions":null,"tools":null,"metadata":null}}')
    assert isinstance(event, ResponseCreate)


@given(message=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_nothing_but_a_client_event_error_comes_of_garbage(message: bytes) -> None:
    with contextlib.suppress(ClientEventError):
        decode(message)
    event_id_of(message)


def test_ids_have_the_apis_shape() -> None:
    for made, prefix, length in [
        (IDS.item(), "item_", 21),
        (IDS.response(), "resp_", 21),
        (IDS.session(), "sess_", 21),
        (IDS.event(), "event_", 21),
        (IDS.conversation(), "conv_", 21),
        (IDS.call(), "call_", 16),
    ]:
        assert made.startswith(prefix)
        assert len(made) == len(prefix) + length
        assert made.removeprefix(prefix).isalnum()


def test_an_item_id_fits_the_limit_that_clients_must_keep() -> None:
    assert len(IDS.item()) <= 32


def test_every_client_event_type_decodes_or_names_what_is_missing() -> None:
    assert {decoded_or_code(kind) for kind in CLIENT_EVENT_TYPES} == {"decoded", "missing_required_parameter"}


def decoded_or_code(kind: str) -> str:
    try:
        decode(json.dumps({"type": kind}).encode())
    except ClientEventError as error:
        return error.code
    return "decoded"


def test_deep_nesting_is_refused() -> None:
    deep = b'{"type":"session.update","session":' + b'{"a":' * 5000 + b"1" + b"}" * 5001
    with pytest.raises(ClientEventError) as caught:
        decode(deep)
    assert caught.value.code == "invalid_json"
