"""The client events as schemas, read off the structs of `protocol/`: valid examples, and what is nearly valid."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import inspect

from antiphon.protocol.client_events import ClientEvent, SessionUpdate
from antiphon.protocol.config import SessionConfig

# One value of each JSON type, and the ones that are near a border.
JSON_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, "", "text", [], [[]], ["text"], [{}], {}, {"": None}, {"type": "text"},
)  # fmt: skip
AUDIO = base64.b64encode(bytes(96)).decode()


def event_schemas() -> dict[str, inspect.StructType]:
    """Return the schema of each client event by its type."""
    union = inspect.type_info(ClientEvent)
    assert isinstance(union, inspect.UnionType)
    structs = [kind for kind in union.types if isinstance(kind, inspect.StructType)]
    return {str(struct.tag): struct for struct in structs}


def field_type(struct: inspect.StructType, field: inspect.Field) -> inspect.Type:
    """Return what a field may hold; `session.update` keeps its session unparsed until it is merged."""
    if struct.cls is SessionUpdate and field.name == "session":
        return inspect.type_info(SessionConfig)
    return field.type


def tag_fields(struct: inspect.StructType) -> dict[str, Any]:
    """Return the field that names a struct's alternative; a session names its kind."""
    if struct.cls is SessionConfig:
        return {"type": "realtime"}
    return {struct.tag_field: struct.tag} if struct.tag_field else {}


def alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """Return the types of a union without null, else the type alone."""
    if not isinstance(kind, inspect.UnionType):
        return (kind,)
    return tuple(one for one in kind.types if not isinstance(one, inspect.NoneType))


def examples(kind: inspect.Type) -> list[Any]:
    """Return valid JSON values with all fields set, enough of them that each alternative occurs."""
    return [value for one in alternatives(kind) for value in _examples_of(one)]


def _examples_of(kind: inspect.Type) -> list[Any]:  # noqa: PLR0911 - a table of types
    match kind:
        case inspect.StructType():
            return _struct_examples(kind)
        case inspect.ListType():
            inner = examples(kind.item_type)
            return [inner] if kind.max_length is None else [[value] for value in inner]
        case inspect.LiteralType():
            return list(kind.values)
        case inspect.DictType() | inspect.AnyType():
            return [{"key": "value"}]
        case inspect.BoolType():
            return [True]
        case inspect.IntType():
            return [int(kind.ge if kind.ge is not None else 1)]
        case inspect.FloatType():
            return [kind.ge if kind.ge is not None else 1.5]
        case inspect.BytesType():
            return [AUDIO]
        case inspect.StrType():
            return ["text"]
    raise TypeError(f"no example of {kind} is known; add it here")


def _struct_examples(struct: inspect.StructType) -> list[Any]:
    """Return as many examples as the field with most alternatives has; the others take turns."""
    values = {field.encode_name: examples(field_type(struct, field)) for field in struct.fields}
    count = max((len(found) for found in values.values()), default=1)
    return [
        {**tag_fields(struct), **{name: found[turn % len(found)] for name, found in values.items()}}
        for turn in range(count)
    ]


# --- one thing changed ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A message in which one thing differs from a valid one; `where` says which and how."""

    where: str
    message: bytes


def changes(value: Any) -> Iterator[Change]:
    """Yield `value` with each JSON type at each of its paths, each field left out, and a field too many anywhere."""
    for path, node in _nodes(value, ()):
        place = ".".join(map(str, path)) or "the whole"
        for wrong in JSON_VALUES:
            if path and json.dumps(wrong) != json.dumps(node):
                yield Change(f"{place} = {json.dumps(wrong)}", _dumped(_replaced(value, path, wrong)))
        if isinstance(node, Mapping):
            yield Change(f"{place} + unknown", _dumped(_replaced(value, path, {**node, "unknown": 1})))
            for name in node:
                rest = {key: inner for key, inner in node.items() if key != name}
                yield Change(f"{place} - {name}", _dumped(_replaced(value, path, rest)))


def _nodes(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, node in inner:
        yield from _nodes(node, (*path, key))


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    copy: Any = dict(value) if isinstance(value, Mapping) else list(value)
    copy[key] = _replaced(value[key], tuple(rest), new)
    return copy


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
