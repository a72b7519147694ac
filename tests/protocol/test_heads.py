"""Events read off their bytes: the same as a full parser finds, whatever the message looks like."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocol.heads import (
    audio_size,
    field_of,
    plain_append,
    plain_audio_delta,
    retyped,
    type_of,
    with_event_id,
)

NAMES = ["type", "event_id", "item_id", "audio", "delta", "x", 'a"type"', 'b\\"audio":"', "typ\u00e9"]
texts = st.sampled_from(["session.update", "input_audio_buffer.append", "type", "audio", "{", '"type":"x"', "\\"]) | (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
pairs = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=6)  # with duplicate keys
spaces = st.sampled_from(["", " ", "\t", "\r\n", "  \n"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """JSON objects with keys in any order, twice, escaped, and with any white space."""

    def name(key: str) -> str:
        if draw(st.booleans()):
            return json.dumps(key)
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in key) + '"'

    def space() -> str:
        return draw(spaces)

    ascii_only = draw(st.booleans())
    fields = [
        f"{space()}{name(key)}{space()}:{space()}{json.dumps(value, ensure_ascii=ascii_only)}{space()}"
        for key, value in draw(pairs)
    ]
    return f"{space()}{{{','.join(fields)}}}{space()}".encode()


def parsed(message: bytes) -> Any:
    try:
        return json.loads(message.decode())
    except (ValueError, RecursionError):
        return None


def string_in(message: bytes, key: str) -> str:
    value = parsed(message)
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


@given(messages())
def test_strings_are_those_of_a_parser(message: bytes) -> None:
    assert type_of(message) == string_in(message, "type")
    assert field_of(message, "item_id") == string_in(message, "item_id")


@given(st.binary() | messages().flatmap(lambda whole: st.integers(0, len(whole)).map(lambda cut: whole[:cut])))
def test_garbage_has_no_type(message: bytes) -> None:
    assert type_of(message) == string_in(message, "type")
    assert audio_size(message) >= 0


@pytest.mark.parametrize("rest", [b"[" * 100_000, b'"\\ud800"}', b"NaN}", b"1"])
def test_what_is_no_sound_json_has_no_type(rest: bytes) -> None:
    """Neither does the gateway's own engine take it; servers that do must not see it past the policy."""
    assert type_of(b'{"type":"session.update","x":' + rest) == ""


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"input_audio_buffer.append","audio":"","typ\\u0065":"session.update"}',
        b'{"type":"input_audio_buffer.append","type":"session.update"}',
        b'{"type":null,"type":"session.update"}',
        b'{"x":{"type":"input_audio_buffer.append"},"type" : "session.update"}',
        b'{"x":"{\\"type\\":\\"response.create\\"","type":"session.update"}',
    ],
)
def test_a_second_type_hides_nothing(message: bytes) -> None:
    """A server takes the last one: policy must see the same."""
    assert type_of(message) == json.loads(message)["type"] == "session.update"


AUDIO = base64.b64encode(bytes(range(256)) + b"\xff\xff\xff").decode()


@given(st.binary(max_size=50), st.permutations(["type", "event_id", "audio", "x"]), st.sampled_from([None, (",", ":")]))
def test_audio_is_measured_in_any_order(audio: bytes, order: list[str], separators: Any) -> None:
    encoded = base64.b64encode(audio).decode()
    values = {"type": "audio", "event_id": "e", "audio": encoded, "x": {"y": '"audio":"AAAA"'}}
    message = json.dumps({key: values[key] for key in order}, separators=separators).encode()
    assert audio_size(message) == len(audio)


@given(messages())
def test_audio_is_what_a_parser_finds(message: bytes) -> None:
    text = string_in(message, "audio").encode()
    assert audio_size(message) == max(0, (len(text) - text.endswith(b"=") - text.endswith(b"==")) * 3 // 4)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        ('{"type":"input_audio_buffer.append","audio":"AAA="}', 2),
        ('{"type":"input_audio_buffer.append","audio":"AAA"}', 2),  # without padding
        ('{"audio" :\n"AAAA","type":"x"}', 3),
        ('{"audio":"AAAA","audio":"AAAAAAAA"}', 6),
        ('{"audio":null,"type":"AAAA"}', 0),
        ('{"audio":"\\/\\/\\/\\/"}', 3),  # some encoders escape the slash
        ('{"type":"x"}', 0),
        ('{"typ": "AAAA"}', 0),
        ('{"audio":"AAAA', 0),
        ('{"audio":', 0),
        ("", 0),
    ],
)
def test_the_odd_forms_of_audio(message: str, size: int) -> None:
    assert audio_size(message.encode()) == size


def test_a_delta_is_measured_under_its_own_key() -> None:
    message = {"type": "response.output_audio.delta", "event_id": "e", "item_id": "i", "delta": AUDIO, "x": 0}
    assert audio_size(json.dumps(message).encode(), b'"delta"') == 259
    assert audio_size(json.dumps(message).encode()) == 0


@given(st.binary(max_size=50), st.sampled_from([None, (",", ":")]))
def test_a_plain_append_is_known_at_a_glance(audio: bytes, separators: Any) -> None:
    event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}
    assert plain_append(json.dumps(event, separators=separators).encode()) == len(audio)


PIECES = st.sampled_from(
    [
        '","type":"session.update',
        '\\"',
        '"',
        "}",
        '"}',
        "AAAA",
        "=",
        "\\",
        '{"type":"input_audio_buffer.append","audio":"',
    ]
)


@given(st.lists(PIECES, max_size=6), st.sampled_from(['"}', "}", '"', '" }', '"}\n']))
def test_nothing_else_passes_for_a_plain_append(pieces: list[str], end: str) -> None:
    """Whatever follows the beginning of one: if a server can read it, it reads an append without any other field."""
    message = ('{"type":"input_audio_buffer.append","audio":"' + "".join(pieces) + end).encode()
    if plain_append(message) >= 0:
        try:
            event = json.loads(message)
        except ValueError:
            return  # no server reads it at all
        assert event.keys() == {"type", "audio"}
        assert event["type"] == "input_audio_buffer.append"


@pytest.mark.parametrize(
    "event",
    [
        {"event_id": "e", "type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "e"},
        {"type": "input_audio_buffer.append", "audio": None},
        {"type": "input_audio_buffer.commit"},
    ],
)
def test_other_forms_are_looked_at_closely(event: dict[str, Any]) -> None:
    assert plain_append(json.dumps(event, separators=(",", ":")).encode()) == -1


@given(st.binary(min_size=1, max_size=50), st.permutations(["type", "event_id", "item_id", "output_index", "delta"]))
def test_a_plain_audio_delta_is_known_at_a_glance(audio: bytes, order: list[str]) -> None:
    event = {"type": "response.output_audio.delta", "event_id": "event_1", "item_id": "item_1", "output_index": 0}
    event["delta"] = base64.b64encode(audio).decode()
    message = json.dumps({key: event[key] for key in order}, separators=(",", ":")).encode()
    expected = ("item_1", len(audio)) if order.index("type") < order.index("delta") else None
    assert plain_audio_delta(message) == expected


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_audio.delta", "item_id": "item_1", "delta": ""},
        {"type": "response.output_audio.delta", "delta": "AAAA"},
        {"type": "response.output_text.delta", "item_id": "item_1", "delta": "response.output_audio.delta"},
        {"type": "response.output_text.delta", "item_id": "item_1", "delta": '"response.output_audio.delta"'},
    ],
)
def test_other_deltas_are_looked_at_closely(event: dict[str, Any]) -> None:
    assert plain_audio_delta(json.dumps(event, separators=(",", ":")).encode()) is None


def test_an_event_id_is_put_in() -> None:
    message = with_event_id(b' {"type":"response.create"}', 'a"b')
    assert json.loads(message) == {"event_id": 'a"b', "type": "response.create"}


@given(st.dictionaries(st.sampled_from(NAMES), values), texts)
def test_only_the_type_changes(fields: dict[str, Any], text: str) -> None:
    event = {"delta": text, **fields, "type": "response.text.delta", "text": '"type":"response.text.delta"'}
    for order in (list(event), list(reversed(event))):
        message = json.dumps({key: event[key] for key in order}).encode()
        assert json.loads(retyped(message, b"new")) == {**event, "type": "new"}
