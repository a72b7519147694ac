"""What a chat completion server streams: chunks, as generation events. No I/O."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta, ToolCallDelta, ToolCallStarted
from antiphon.stages.event_stream import MalformedStreamError, parse_object

# finish_reason on the wire to ours; everything else ended as it should.
_REASONS = {"length": "length", "max_tokens": "length", "content_filter": "content_filter"}


@dataclass
class _Call:
    index: int
    call_id: str | None
    name: str = ""
    waiting: str = ""  # arguments that came before the name
    started: bool = False


@dataclass
class ChunkReader:
    """Turns chunks into generation events, forgiving what servers leave out.

    `finish_reason` is None until the server said that the answer is complete.
    """

    finish_reason: str | None = None
    _calls: list[_Call] = field(default_factory=list)
    _by_wire_index: dict[int, _Call] = field(default_factory=dict)
    _usage: Mapping[str, Any] = field(default_factory=dict)

    def read(self, data: str) -> list[GenerationEvent]:
        """Return the events of one chunk.

        Raises:
            MalformedStreamError: It is not a JSON object, or not a chunk.
            ServerReportedError: It is an error.
        """
        chunk = parse_object(data)
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chunk["usage"]
        choices = chunk.get("choices")
        if choices is None and "usage" not in chunk:
            raise MalformedStreamError(f"a chunk without choices: {data[:80]!r}")
        return [event for choice in (choices or [])[:1] for event in self._choice(choice)]

    def finished(self) -> GenerationFinished:
        """Return the end of the generation, with usage if the server told it."""
        details = self._usage.get("prompt_tokens_details")
        return GenerationFinished(
            reason=_REASONS.get(self.finish_reason or "", "stop"),
            input_tokens=_count(self._usage.get("prompt_tokens")),
            output_tokens=_count(self._usage.get("completion_tokens")),
            cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, Mapping) else None,
        )

    @property
    def is_complete(self) -> bool:
        return self.finish_reason is not None

    @property
    def has_usage(self) -> bool:
        return bool(self._usage)

    def _choice(self, choice: Any) -> Iterator[GenerationEvent]:
        if not isinstance(choice, Mapping):
            raise MalformedStreamError(f"a choice that is not an object: {str(choice)[:80]!r}")
        # A server that does not stream sends the whole `message`.
        delta = choice.get("delta") or choice.get("message") or {}
        text = _text(delta.get("content")) or _text(delta.get("refusal"))
        if text:
            yield TextDelta(text)
        for call in delta.get("tool_calls") or ():
            yield from self._tool_call(call)
        reason = choice.get("finish_reason")
        self.finish_reason = reason if isinstance(reason, str) and reason else self.finish_reason

    def _tool_call(self, raw: Any) -> Iterator[GenerationEvent]:
        if not isinstance(raw, Mapping):
            raise MalformedStreamError(f"a tool call that is not an object: {str(raw)[:80]!r}")
        function = raw.get("function") or {}
        call = self._find(raw.get("index"), raw.get("id") or None, function.get("name") or "")
        arguments = function.get("arguments") or ""
        # Some servers send the arguments parsed.
        call.waiting += arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        if call.name and not call.started:
            call.started = True
            yield ToolCallStarted(call.index, call.name, call.call_id)
        if call.started and call.waiting:
            piece, call.waiting = call.waiting, ""
            yield ToolCallDelta(call.index, piece)

    def _find(self, wire_index: object, call_id: str | None, name: str) -> _Call:
        """Return the call that a delta continues, or a new one.

        Servers leave out the index, or send 0 for every call; a new id then begins a new call. Others repeat id
        and name in every delta.
        """
        known = next((call for call in self._calls if call_id and call.call_id == call_id), None)
        if known is None and isinstance(wire_index, int):
            at_index = self._by_wire_index.get(wire_index)
            known = at_index if at_index and (call_id is None or at_index.call_id is None) else None
        elif known is None and not call_id and not name and self._calls:
            known = self._calls[-1]
        call = known or self._new_call(call_id)
        if isinstance(wire_index, int):
            self._by_wire_index[wire_index] = call
        call.call_id = call.call_id or call_id
        call.name = call.name or name
        return call

    def _new_call(self, call_id: str | None) -> _Call:
        call = _Call(len(self._calls), call_id)
        self._calls.append(call)
        return call


def _text(content: Any) -> str:
    """Return text content, also where it comes as a list of parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
