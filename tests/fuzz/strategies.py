"""Hypothesis strategies for client events, derived from the structs of `protocol/client_events.py`."""

import base64
import json
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from tests.fuzz.shapes import JSON_VALUES, alternatives, event_schemas, field_type, tag_fields

# Few ids, so that events name items which others have made.
IDS = st.sampled_from(["item_a", "item_b", "item_c", "root", "", "x" * 33])
TEXT = st.sampled_from(["", "text", "Two sentences. Here.", "é。", "\x00", "😀"]) | st.text(max_size=12)
FREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
AUDIO = st.binary(max_size=400).map(lambda pcm: base64.b64encode(pcm * 40).decode())


def valid(kind: inspect.Type, name: str = "") -> st.SearchStrategy[Any]:
    """Return JSON values that `kind` takes; `name` is that of the field which holds them."""
    if isinstance(kind, inspect.UnionType):
        nothing = [st.none()] if any(isinstance(one, inspect.NoneType) for one in kind.types) else []
        return st.one_of(*nothing, *(valid(one, name) for one in alternatives(kind)))
    return _of_one_type(kind, name)


def _of_one_type(kind: inspect.Type, name: str) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table of types
    match kind:
        case inspect.StructType():
            return _struct(kind)
        case inspect.ListType():
            least, most = kind.min_length or 0, kind.max_length or 3
            return st.lists(valid(kind.item_type), min_size=least, max_size=most)
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.DictType():
            return st.dictionaries(TEXT, FREE if isinstance(kind.value_type, inspect.AnyType) else TEXT, max_size=3)
        case inspect.AnyType():
            return FREE
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return _integers(kind)
        case inspect.FloatType():
            return st.floats(kind.ge, kind.le, allow_nan=False, allow_infinity=False)
        case inspect.BytesType():
            return AUDIO
        case inspect.StrType():
            return IDS if name == "id" or name.endswith("_id") else TEXT
    raise TypeError(f"no strategy for {kind} is known; add it here")


def _integers(kind: inspect.IntType) -> st.SearchStrategy[int]:
    least = int(kind.ge) if kind.ge is not None else None
    most = int(kind.le) if kind.le is not None else None
    return st.integers(least, most)


def _struct(struct: inspect.StructType) -> st.SearchStrategy[Any]:
    fields = {field.encode_name: valid(field_type(struct, field), field.name) for field in struct.fields}
    required = {field.encode_name for field in struct.fields if field.required}
    tags = {name: st.just(value) for name, value in tag_fields(struct).items()}
    return st.fixed_dictionaries(
        {**tags, **{name: fields[name] for name in required}},
        optional={name: strategy for name, strategy in fields.items() if name not in required},
    )


@st.composite
def corrupted(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    """Return a value with one of its inner values replaced, left out or joined by another."""
    value = draw(values)
    node = value
    while isinstance(node, dict | list) and node:
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            _corrupt(draw, node, key)
            break
        node = inner
    return value


def _corrupt(draw: st.DrawFn, node: Any, key: Any) -> None:
    match draw(st.integers(0, 2)):
        case 0:
            node[key] = draw(st.sampled_from(JSON_VALUES) | FREE)
        case 1:
            del node[key]
        case _ if isinstance(node, dict):
            node[draw(TEXT)] = draw(FREE)
        case _:
            node.append(draw(FREE))


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """Return a message with a few bytes cut out, doubled or changed."""
    message = draw(messages)
    begin = draw(st.integers(0, len(message)))
    end = draw(st.integers(begin, min(begin + 8, len(message))))
    return message[:begin] + draw(st.binary(max_size=4)) + message[end:]


EVENTS = st.one_of(*(valid(schema) for schema in event_schemas().values()))


def _dumped(event: Any) -> bytes:
    return json.dumps(event).encode()


MESSAGES = st.one_of(
    EVENTS.map(_dumped), corrupted(EVENTS).map(_dumped), damaged(EVENTS.map(_dumped)), st.binary(max_size=40)
)
