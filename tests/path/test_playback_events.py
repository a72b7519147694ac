"""Audio deltas, read without a JSON parser where they are spelled as usual."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.path.playback_events import AudioChunk, audio_chunk
from antiphon.protocol.heads import audio_delta

KEYS = ["type", "event_id", "response_id", "item_id", "output_index", "content_index", "delta"]


def an_event(audio: bytes = b"abc", **more: Any) -> dict[str, Any]:
    ids = {"event_id": "event_1", "response_id": "resp_1", "item_id": "item_1", "output_index": 2, "content_index": 1}
    delta = base64.b64encode(audio).decode()
    return {"type": "response.output_audio.delta", **ids, "delta": delta, **more}


def spelled(event: dict[str, Any], keys: list[str], separators: tuple[str, str]) -> bytes:
    return json.dumps({key: event[key] for key in keys}, separators=separators).encode()


@given(st.binary(max_size=50), st.permutations(KEYS), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_a_delta_is_read_however_it_is_spelled(audio: bytes, keys: list[str], separators: tuple[str, str]) -> None:
    message = spelled(an_event(audio), keys, separators)
    assert audio_chunk(message) == AudioChunk("event_1", "resp_1", "item_1", 2, 1, audio)


@given(st.binary(max_size=50), st.permutations(KEYS))
def test_the_usual_spelling_is_known_at_a_glance(audio: bytes, keys: list[str]) -> None:
    """That is, without white space and with the type before the audio."""
    message = spelled(an_event(audio), keys, (",", ":"))
    found = audio_delta(message)
    assert (found is not None) == (keys.index("type") < keys.index("delta"))
    assert found is None or base64.b64decode(message[found.begin : found.end]) == audio


@pytest.mark.parametrize(
    "event",
    [
        an_event(item_id='a"b'),
        an_event(item_id="\\"),
        an_event(extra={"item_id": "item_2"}),
        an_event(output_index=-1),
        {key: value for key, value in an_event().items() if key != "content_index"},
    ],
)
def test_what_is_unusual_is_looked_at_closely(event: dict[str, Any]) -> None:
    message = json.dumps(event, separators=(",", ":")).encode()
    assert audio_delta(message) is None
    chunk = audio_chunk(message)
    assert chunk is not None
    assert (chunk.item_id, chunk.output_index) == (event["item_id"], event["output_index"])


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"response.output_text.delta","delta":"\\"type\\":\\"response.output_audio.delta\\""}',
        b'{"type":"response.output_audio.delta","delta":"AAAA',
        b'{"type":"response.output_audio.done"}',
        b"",
        b"\xff",
    ],
)
def test_nothing_else_passes_for_a_delta(message: bytes) -> None:
    assert audio_delta(message) is None
    assert audio_chunk(message) is None


@given(st.binary(max_size=50), st.text(max_size=5), st.text(max_size=5))
def test_a_chunk_is_written_as_it_is_read(audio: bytes, event_id: str, item_id: str) -> None:
    chunk = AudioChunk(event_id, "resp_1", item_id, 0, 0, audio)
    assert audio_chunk(chunk.wire()) == chunk
