"""Counting what a response used: 1 token per 100 ms the user said, 1 per 50 ms the assistant said, text by length.

Source: Realtime API, costs.
"""

from collections.abc import Iterable

import msgspec

from antiphon.protocol.items import FunctionCall, Message
from antiphon.protocol.responses import Usage
from antiphon.session.context import ContextMessage, ContextToolCall, ContextToolResult, ModelContext
from antiphon.session.conversation import Entry
from antiphon.session.limits import RATE
from antiphon.session.model_context import IMAGE_TOKENS, text_tokens
from antiphon.session.results import GenerationDone

USER_AUDIO_TOKENS_PER_SECOND = 10
ASSISTANT_AUDIO_TOKENS_PER_SECOND = 20
MESSAGE_TOKENS = 4  # what a message costs beside its content


def input_usage(context: ModelContext, entries: Iterable[Entry]) -> Usage:
    """Count the context of a response, and the audio of `entries` in it."""
    text = text_tokens(context.instructions)
    text += sum(_tool_tokens(tool.name, tool.description, tool.parameters) for tool in context.tools)
    images = 0
    for item in context.items:
        text += MESSAGE_TOKENS
        match item:
            case ContextMessage():
                text += text_tokens(item.text)
                images += len(item.images) * IMAGE_TOKENS
            case ContextToolCall():
                text += text_tokens(item.arguments)
            case ContextToolResult():
                text += text_tokens(item.output)
    return Usage(input_text_tokens=text, input_audio_tokens=sum(map(_audio_tokens, entries)), input_image_tokens=images)


def output_usage(used: Usage, entries: Iterable[Entry], generation: GenerationDone) -> Usage:
    """Return `used` with what was produced; the model's own counts go before our estimates."""
    text = audio = 0
    for entry in entries:
        audio += _audio_tokens(entry)
        text += _text_tokens(entry)
    if generation.input_tokens is not None:
        used = msgspec.structs.replace(used, input_text_tokens=generation.input_tokens)
    return msgspec.structs.replace(
        used,
        output_text_tokens=text if generation.output_tokens is None else generation.output_tokens,
        output_audio_tokens=audio,
        cached_tokens=generation.cached_tokens or 0,
    )


def _tool_tokens(name: str, description: str, parameters: object) -> int:
    return text_tokens(name + description) + text_tokens(msgspec.json.encode(parameters).decode())


def _audio_tokens(entry: Entry) -> int:
    if entry.spoken is not None:
        return -(-entry.spoken.samples * ASSISTANT_AUDIO_TOKENS_PER_SECOND // RATE)
    return round(entry.seconds * USER_AUDIO_TOKENS_PER_SECOND)


def _text_tokens(entry: Entry) -> int:
    if entry.spoken is not None:
        return text_tokens(entry.spoken.text)
    if isinstance(entry.item, FunctionCall):
        return text_tokens(entry.item.name) + text_tokens(entry.item.arguments)
    if isinstance(entry.item, Message):
        return sum(text_tokens(getattr(part, "text", "") or "") for part in entry.item.content)
    return 0
