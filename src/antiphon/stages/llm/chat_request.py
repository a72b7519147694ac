"""A model context as the body of a chat completion request."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from antiphon.session.context import (
    ContextItem,
    ContextMessage,
    ContextToolCall,
    ContextToolResult,
    FactValue,
    Knowledge,
    ModelContext,
    Tool,
)

Json = dict[str, Any]

_SPOKEN = (
    "Your answer is read aloud. Speak in short, complete sentences and plain words; use no markdown, lists, tables,"
    " links or emoji."
)
_FACTS = "These are the facts that you know. When they do not contain an answer, say that you do not know it."
# Servers refuse a call without a result, yet the client may not have sent it when the user speaks again.
_NO_RESULT = "The result has not arrived."
_INAUDIBLE = "(inaudible)"


def request_body(model: str, context: ModelContext, tokens_field: str = "max_tokens") -> Json:
    """Return the JSON body of a streaming request.

    Args:
        model: The model's name on that server.
        context: What to answer.
        tokens_field: What the server calls the limit: `max_tokens` or `max_completion_tokens`.
    """
    body: Json = {
        "model": model,
        "messages": messages(context),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if context.max_output_tokens is not None:
        body[tokens_field] = context.max_output_tokens
    if context.tools:
        body |= _tools(context)
    return body


def _tools(context: ModelContext) -> Json:
    choice = context.tool_choice
    chosen: Any = {"type": "function", "function": {"name": choice.function}} if choice.function else choice.mode
    body: Json = {"tools": [_tool(tool) for tool in context.tools], "tool_choice": chosen}
    # The default everywhere is parallel; servers that do not know the field refuse it, so it is sent only to say no.
    return body if context.parallel_tool_calls else body | {"parallel_tool_calls": False}


def _tool(tool: Tool) -> Json:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def system_prompt(context: ModelContext) -> str:
    """Return the instructions, then the facts, then how the answer is used."""
    facts = render_facts(context.knowledge)
    parts = [context.instructions.strip(), f"{_FACTS}\n{facts}" if facts else "", _SPOKEN if context.spoken else ""]
    return "\n\n".join(part for part in parts if part)


def render_facts(knowledge: Knowledge) -> str:
    """Return the facts as lines of TOML with dotted keys: `price.amount = 489000`."""
    return "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in _lines("", knowledge.facts))


def _lines(prefix: str, table: Mapping[str, FactValue]) -> Iterator[tuple[str, FactValue]]:
    for key, value in table.items():
        name = key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key, ensure_ascii=False)
        if isinstance(value, Mapping):
            yield from _lines(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def messages(context: ModelContext) -> list[Json]:
    """Return the conversation, each function call followed at once by its result, as servers require."""
    prompt = system_prompt(context)
    told: list[Json] = [{"role": "system", "content": prompt}] if prompt else []
    results = {item.call_id: item for item in context.items if isinstance(item, ContextToolResult)}
    called = {item.call_id for item in context.items if isinstance(item, ContextToolCall)}
    for group in _groups(context.items):
        if isinstance(group[0], ContextToolCall):
            told.extend(_call_messages([item for item in group if isinstance(item, ContextToolCall)], results, told))
        elif isinstance(group[0], ContextMessage):
            told.append(_message(group[0]))
        elif isinstance(group[0], ContextToolResult) and group[0].call_id not in called:
            told.append({"role": "system", "content": f"A function call returned: {group[0].output}"})
    return told


def _groups(items: Sequence[ContextItem]) -> Iterator[list[ContextItem]]:
    """Yield each item alone, function calls that were made together as one group."""
    calls: list[ContextItem] = []
    for item in items:
        if isinstance(item, ContextToolCall):
            calls.append(item)
            continue
        if calls:
            yield calls
            calls = []
        yield [item]
    if calls:
        yield calls


def _call_messages(
    calls: list[ContextToolCall], results: Mapping[str, ContextToolResult], told: list[Json]
) -> Iterator[Json]:
    said = told.pop()["content"] if told and told[-1]["role"] == "assistant" and "tool_calls" not in told[-1] else None
    yield {"role": "assistant", "content": said, "tool_calls": [_call(call) for call in calls]}
    for call in calls:
        result = results.get(call.call_id)
        yield {"role": "tool", "tool_call_id": call.call_id, "content": result.output if result else _NO_RESULT}


def _call(call: ContextToolCall) -> Json:
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }


def _message(message: ContextMessage) -> Json:
    if not message.images:
        return {"role": message.role, "content": message.text or (_INAUDIBLE if message.role == "user" else "")}
    text = [{"type": "text", "text": message.text}] if message.text else []
    return {
        "role": message.role,
        "content": [*text, *({"type": "image_url", "image_url": {"url": uri}} for uri in message.images)],
    }
