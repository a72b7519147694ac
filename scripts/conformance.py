"""Writes docs/conformance.md: what of the Realtime API is served, refused or not there yet, found by trying it.

    python scripts/conformance.py > docs/conformance.md

The events and fields are those of the official SDK's types. Each client event and each field is sent to a session
core, and the page says what came of it; a server event counts as served when the code can make it. What is there for
calls alone is tried with calls: conformance_calls.py.
"""

import json
import os
import re
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union

import openai.types.beta.realtime as beta_types
import openai.types.realtime as ga_types
from openai.types.beta.realtime.response_create_event import Response as BetaResponse
from openai.types.beta.realtime.session_update_event import Session as BetaSession
from pydantic import BaseModel

from antiphon.errors import ClientEventError
from antiphon.path.playback import Playback
from antiphon.protocol import server_events
from antiphon.protocol.beta.dialect import BetaDialect
from antiphon.protocol.beta.sessions import TRANSCRIPTION as BETA_TRANSCRIPTION
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import Error, ServerEvent
from antiphon.protocol.session_kinds import REALTIME, TRANSCRIPTION, SessionKind
from antiphon.session import Session, SessionStart
from conformance_calls import tried_calls

ITEM = {"id": "item_1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
AUDIO = "AAAA" * 1000
# A sample of each client event that a session in the right state serves.
SAMPLES: dict[str, dict[str, Any]] = {
    "transcription_session.update": {"session": {}},
    "input_audio_buffer.append": {"audio": AUDIO},
    "conversation.item.create": {"item": {**ITEM, "id": "item_2"}},
    "conversation.item.retrieve": {"item_id": "item_1"},
    "conversation.item.truncate": {"item_id": "item_1", "content_index": 0, "audio_end_ms": 0},
    "conversation.item.delete": {"item_id": "item_1"},
}


@dataclass(frozen=True)
class Verdict:
    """What came of trying something."""

    served: bool
    text: str
    missing: str | None = None  # the path of a required field that was not there


SERVED = Verdict(True, "served")
NOT_YET = Verdict(False, "not yet")
# Why an event is not made.
REASONS = {
    "conversation.created": "never sent in GA, by real servers neither",
    "conversation.item.created": "never sent in GA: `added` and `done` take its place",
    "conversation.item.input_audio_transcription.segment": "not yet: no recogniser here tells speakers apart",
    "input_audio_buffer.dtmf_event_received": "not yet: comes with SIP",
    "mcp_list_tools": "not yet: MCP tools are refused",
    "response.mcp_call": "not yet: MCP tools are refused",
    "response.mcp_call_arguments": "not yet: MCP tools are refused",
}


# --- trying ---------------------------------------------------------------------------------------------------


class Probe:
    """A session to try things on.

    Args:
        dialect: The shape to try them in.
        kind: Whether it converses or only transcribes.
    """

    def __init__(self, dialect: Dialect, kind: SessionKind = REALTIME) -> None:
        self._dialect = dialect
        self._session = Session(SessionStart("gpt-realtime", kind=kind, dialect=dialect), Ids(os.urandom), 0.0, 0)
        self._session.outputs()

    def send(self, event: dict[str, Any]) -> Verdict:
        """Send a client event and return what the session makes of it."""
        try:
            decoded = self._dialect.decode(json.dumps(event).encode())
        except ClientEventError as error:
            return _refused(error.code, error.message, error.param)
        self._session.receive_event(decoded, 0.0)
        for output in self._session.outputs():
            if isinstance(output, Error):
                return _refused(output.error.code or output.error.type, output.error.message, output.error.param)
        return SERVED


def _refused(code: str, message: str, param: str | None) -> Verdict:
    missing = param if code == "missing_required_parameter" else None
    return Verdict(False, f"refused: `{code}`, {message.rstrip('.')}", missing)


def try_event(dialect: Dialect, kind: str) -> Verdict:
    """Send the sample of a client event to a session that is ready for it."""
    if kind.startswith("transcription_session"):
        return Probe(BetaDialect(BETA_TRANSCRIPTION), TRANSCRIPTION).send({"type": kind, **SAMPLES[kind]})
    probe = Probe(dialect)
    probe.send({"type": "conversation.item.create", "item": ITEM})
    if kind == "input_audio_buffer.commit":
        probe.send({"type": "input_audio_buffer.append", "audio": AUDIO * 3})
    if kind == "response.cancel":
        probe.send({"type": "response.create"})
    if kind == "conversation.item.truncate":
        return SERVED if probe.send({"type": kind, **SAMPLES[kind]}).text.startswith("refused: `item_tr") else NOT_YET
    if kind == "session.update":
        return probe.send({"type": kind, "session": {"type": "realtime"} if isinstance(dialect, GaDialect) else {}})
    verdict = probe.send({"type": kind, **SAMPLES.get(kind, {})})
    if kind == "output_audio_buffer.clear":  # tried with a call
        return Verdict(True, f"served over WebRTC; over WebSocket {verdict.text}")
    return verdict


# --- the SDK's types ------------------------------------------------------------------------------------------


def members(union: Any) -> list[type[BaseModel]]:
    """Return the models of an annotated union."""
    while typing.get_origin(union) is typing.Annotated:
        union = typing.get_args(union)[0]
    return [member for member in typing.get_args(union) if isinstance(member, type)]


def event_type(model: type[BaseModel]) -> str:
    return str(typing.get_args(model.model_fields["type"].annotation)[0])


@dataclass(frozen=True)
class Field:
    """A field by its path, and a value to try it with."""

    path: str
    value: Any


def fields(model: type[BaseModel], path: str = "") -> Iterator[Field]:
    """Yield every field below `model`, each variant of a union by its `type`, with a sample value."""
    for name, info in model.model_fields.items():
        below = f"{path}.{name}" if path else name
        yield from _field(below, info.annotation)


def _field(path: str, annotation: Any) -> Iterator[Field]:
    for choice in _choices(annotation):
        origin = typing.get_origin(choice)
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            yield from fields(choice, _variant(path, choice))
        elif origin is Literal:
            for value in typing.get_args(choice):
                yield Field(path, value)
        elif origin is list:
            for inner in _field(f"{path}[]", typing.get_args(choice)[0]):
                yield inner if inner.path != f"{path}[]" else Field(path, [inner.value])
        else:
            yield Field(path, SAMPLE_VALUES.get(path.rpartition(".")[2], _sample(choice)))


def _choices(annotation: Any) -> list[Any]:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (Union, UnionType):
        return [inner for one in typing.get_args(annotation) if one is not type(None) for inner in _choices(one)]
    return [annotation]


def _variant(path: str, model: type[BaseModel]) -> str:
    kind = model.model_fields.get("type")
    values = typing.get_args(kind.annotation) if kind else ()
    return f"{path}({values[0]})" if len(values) == 1 and isinstance(values[0], str) else path


def _sample(annotation: Any) -> Any:
    return {str: "x", int: 1, float: 0.5, bool: True}.get(annotation, {})


# Values that the API's rules allow, by the last name of the path.
SAMPLE_VALUES: dict[str, Any] = {
    "speed": 1.0,
    "idle_timeout_ms": 6000,
    "rate": 24000,
    "temperature": 0.8,
    "voice": "alloy",
    "image_url": "data:image/png;base64,AAAA",
    "audio": AUDIO,
    "id": "x1",
    "metadata": {"key": "value"},
    "tool_choice": "auto",
    "conversation": "auto",
}
# What an object needs besides the field that is tried, by the last name of the path.
REQUIRED: dict[str, Any] = {
    "role": "user",
    "content": [],
    "name": "f",
    "arguments": "{}",
    "call_id": "c",
    "output": "o",
    "text": "x",
    "image_url": SAMPLE_VALUES["image_url"],
    "approval_request_id": "a",
    "approve": True,
    "server_label": "s",
    "retention_ratio": 0.5,
    "id": "x1",
}
# The variant that a field belongs to, where the SDK's types keep variants in one class.
TYPE_BY_FIELD = {
    "rate": "audio/pcm",
    "text": "input_text",
    "audio": "input_audio",
    "transcript": "input_audio",
    "image_url": "input_image",
    "detail": "input_image",
    "description": "function",
    "name": "function",
    "parameters": "function",
    "strength": "near_field",
    "eagerness": "semantic_vad",
}
ITEM_BY_FIELD = {
    "arguments": "function_call",
    "name": "function_call",
    "call_id": "function_call",
    "output": "function_call_output",
}
_SEGMENT = re.compile(r"(?P<name>\w*)(?P<list>\[\])?(?:\((?P<kind>[\w/]+)\))?")


# Fields, and what came of trying each.
Tried = Iterator[tuple[Field, Verdict]]


def build(path: str, value: Any) -> dict[str, Any]:
    """Return the smallest object that has `value` at `path`."""
    built = value
    for segment in reversed(path.split(".")):
        match = _SEGMENT.fullmatch(segment)
        assert match is not None, segment
        if match["kind"]:
            built = {"type": match["kind"], **built}
        if match["list"]:
            built = [built]
        if match["name"]:
            built = {match["name"]: built}
    return typing.cast(dict[str, Any], built)


def try_field(dialect: Dialect, event: dict[str, Any], field: Field) -> Verdict:
    """Send an event with one field in question; what else it must have is filled in."""
    verdict = Probe(dialect).send(event)
    for _ in range(8):
        if verdict.missing is None or not _fill(event, verdict.missing, field):
            break
        verdict = Probe(dialect).send(event)
    return verdict


def _fill(event: dict[str, Any], path: str, field: Field) -> bool:
    *above, last = path.split(".")
    place: Any = event
    for segment in above:
        name, _, index = segment.partition("[")
        place = place[name]
        if index:
            place = place[int(index.rstrip("]"))]
    tried = field.path.rpartition(".")[2]
    value = REQUIRED.get(last)
    if last == "type":
        of_item = above[-1].startswith(("item", "input["))
        value = ITEM_BY_FIELD.get(tried, "message") if of_item else TYPE_BY_FIELD.get(tried)
    if isinstance(value, str) and event.get("item", {}).get("role") == "assistant":
        value = value.replace("input_", "output_")
    if value is None or last in place:
        return False
    place[last] = value
    return True


def try_session_fields(dialect: Dialect, model: type[BaseModel], base: dict[str, Any]) -> Tried:
    """Send each field of the session's configuration in an update of its own."""
    for field in fields(model):
        session = base | build(field.path, field.value)
        if field.path == "turn_detection.eagerness":
            session["turn_detection"]["type"] = "semantic_vad"
        yield field, try_field(dialect, {"type": "session.update", "session": session}, field)


def try_response_fields(dialect: Dialect, model: type[BaseModel]) -> Tried:
    for field in fields(model):
        event = {"type": "response.create", "response": build(field.path, field.value)}
        yield field, try_field(dialect, event, field)


def try_item_fields(dialect: Dialect, models: list[type[BaseModel]]) -> Tried:
    for model in models:
        for field in fields(model, _variant("", model)):
            item = build(field.path, field.value)
            if field.path.startswith("(message)"):
                item = _with_role(model, item)
            yield field, try_field(dialect, {"type": "conversation.item.create", "item": item}, field)


def _with_role(model: type[BaseModel], item: dict[str, Any]) -> dict[str, Any]:
    return item | {"role": typing.get_args(model.model_fields["role"].annotation)[0]}


# --- server events --------------------------------------------------------------------------------------------

WIRE_ITEM = {"id": "item_1", "type": "message", "status": "completed", "role": "assistant", "content": []}
WIRES: dict[str, Any] = {
    "item": WIRE_ITEM,
    "part": {"type": "text", "text": ""},
    "error": server_events.ErrorDetail("invalid_request_error", "code", "message"),
    "rate_limits": [server_events.RateLimit("tokens", 1, 1, 0.0)],
    "usage": server_events.TranscriptionUsage(1.0),
}


def made_events(dialect: Dialect) -> dict[str, dict[str, Any]]:
    """Return an example of each event that the code can make, by its type, in the shape of `dialect`."""
    ids = Ids(os.urandom)
    probe = Session(SessionStart("gpt-realtime", dialect=dialect), ids, 0.0, 0)
    examples = {type(output): output for output in probe.outputs() if isinstance(output, ServerEvent)}
    probe.receive_event(dialect.decode(b'{"type":"response.create"}'), 0.0)
    probe.receive_event(dialect.decode(b'{"type":"response.cancel"}'), 0.0)
    examples |= {type(output): output for output in probe.outputs() if isinstance(output, ServerEvent)}
    created = examples[server_events.SessionCreated]
    assert isinstance(created, server_events.SessionCreated)
    examples[server_events.SessionUpdated] = server_events.SessionUpdated(created.session)
    kinds = _subclasses(ServerEvent)
    events = [examples.get(kind) or _example(kind) for kind in kinds]
    messages = [json.loads(message) for event in events for message in dialect.encode(event, ids)]
    return {message["type"]: message for message in [*messages, *played_events()]}


ANSWERS: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "resp_1", "conversation_id": "conv_1"}},
    {
        "type": "response.output_audio.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": AUDIO,
    },
]


def played_events() -> list[dict[str, Any]]:
    """Return the events of playing one answer to its end, and another one until it is cleared."""
    told: list[bytes] = []
    for end in ("response.done", "output_audio_buffer.clear"):
        playback = Playback(told.append, lambda _: None, Ids(os.urandom))
        for event in ANSWERS:
            playback.take(json.dumps(event).encode())
        playback.pull()
        if end == "response.done":
            playback.take(json.dumps({"type": end, "response": {"id": "resp_1"}}).encode())
            while playback.seconds or playback.pull():
                playback.pull()
        else:
            playback.receive(json.dumps({"type": end}).encode())
    events = [json.loads(message) for message in told]
    return [event for event in events if event["type"].startswith("output_audio_buffer.")]


def unsent(model: type[BaseModel], event: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the fields that the SDK knows of an event and that ours does not have."""
    for name, info in model.model_fields.items():
        below = f"{path}.{name}" if path else name
        if name not in event:
            yield below
            continue
        models = [one for one in _choices(info.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
        if len(models) == 1 and isinstance(event[name], dict):
            yield from unsent(models[0], event[name], below)


def _subclasses(kind: type[ServerEvent]) -> list[type[ServerEvent]]:
    return [sub for sub in kind.__subclasses__() if sub.__module__ == server_events.__name__]


def _example(kind: type[ServerEvent]) -> ServerEvent:
    values: dict[str, Any] = {}
    for name, annotation in typing.get_type_hints(kind).items():
        values[name] = WIRES.get(name, {int: 0, bytes: b""}.get(annotation, "x"))
    return kind(**values)


# --- the page -------------------------------------------------------------------------------------------------

Row = tuple[str, Verdict]
GA, BETA = GaDialect(), BetaDialect()


def main() -> None:
    ga_made = made_events(GA)
    beta_made = made_events(BETA) | made_events(BetaDialect(BETA_TRANSCRIPTION))
    sections = [
        ("Client events, GA", _client_events(GA, ga_types.RealtimeClientEvent)),
        ("Client events, beta", _client_events(BETA, beta_types.RealtimeClientEvent)),
        ("Server events, GA", _server_events(ga_made, ga_types.RealtimeServerEvent)),
        ("Server events, beta", _server_events(beta_made, beta_types.RealtimeServerEvent)),
        ("Session fields, GA", _session_fields(GA, ga_types.RealtimeSessionCreateRequest, {"type": "realtime"})),
        ("Session fields, beta", _session_fields(BETA, BetaSession, {})),
        ("Response fields, GA", _tried(try_response_fields(GA, ga_types.RealtimeResponseCreateParams))),
        ("Response fields, beta", _tried(try_response_fields(BETA, BetaResponse))),
        ("Item fields, GA", _tried(try_item_fields(GA, members(ga_types.ConversationItem)))),
        ("Item fields, beta", _tried(try_item_fields(BETA, [beta_types.ConversationItem]))),
        ("Calls", [(name, Verdict(text == SERVED.text, text)) for name, text in tried_calls()]),
    ]
    lines = [*_head(sections)]
    for title, rows in sections:
        lines += [
            "",
            f"## {title}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {verdict.text} |" for name, verdict in rows),
        ]
    sys.stdout.write("\n".join(lines) + "\n")


def _head(sections: list[tuple[str, list[Row]]]) -> Iterator[str]:
    yield "# Conformance"
    yield ""
    yield "<!-- Written by `make docs` with scripts/conformance.py, which tries each of these on a session. -->"
    yield ""
    yield "What of the Realtime API the embedded engine serves, by the types of the official SDK."
    yield "*Served* and *refused* are what a session over WebSocket answered when the event or field was sent to it;"
    yield "under *Calls*, what came of trying it with a [WebRTC call](webrtc.md). *Not yet* means that the code cannot"
    yield "make it. The [clients](clients.md) that work are the other half of the story."
    yield ""
    yield "| | served | of |"
    yield "|---|---|---|"
    for title, rows in sections:
        yield f"| {title} | {sum(verdict.served for _, verdict in rows)} | {len(rows)} |"


def _client_events(dialect: Dialect, union: Any) -> list[Row]:
    kinds = [event_type(model) for model in members(union)]
    return [(f"`{kind}`", try_event(dialect, kind)) for kind in kinds]


def _server_events(made: dict[str, dict[str, Any]], union: Any) -> list[Row]:
    rows = []
    for model in sorted(members(union), key=event_type):
        kind = event_type(model)
        if kind not in made:
            rows.append((f"`{kind}`", Verdict(False, _reason(kind))))
            continue
        missing = ", ".join(f"`{name}`" for name in unsent(model, made[kind]))
        rows.append((f"`{kind}`", Verdict(True, f"served, without {missing}" if missing else "served")))
    return rows


def _reason(kind: str) -> str:
    return REASONS.get(kind) or REASONS.get(kind.rpartition(".")[0], NOT_YET.text)


def _session_fields(dialect: Dialect, model: type[BaseModel], base: dict[str, Any]) -> list[Row]:
    return _tried(try_session_fields(dialect, model, base))


def _tried(tried: Tried) -> list[Row]:
    """Return a row for each field; values that fared alike share it, as do all fields of an MCP object."""
    verdicts: dict[str, dict[Verdict, list[Any]]] = {}
    for field, verdict in tried:
        path = field.path[: field.path.index(")") + 1] if "(mcp" in field.path else field.path
        verdicts.setdefault(path, {}).setdefault(Verdict(verdict.served, verdict.text), []).append(field.value)
    rows = []
    for path, by_verdict in verdicts.items():
        for verdict, values in by_verdict.items():
            shown = f" = {', '.join(str(value)[:40] for value in values)}" if len(by_verdict) > 1 else ""
            rows.append((f"`{path}`{shown}", verdict))
    return rows


if __name__ == "__main__":
    main()
