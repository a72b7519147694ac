"""The model's view of a conversation: what was said, heard and done, within the model's window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from antiphon.protocol.config import RetentionRatio, SessionConfig, TokenLimits
from antiphon.protocol.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Message,
    OutputAudio,
    OutputText,
)
from antiphon.session.context import ContextItem, ContextMessage, ContextToolCall, ContextToolResult
from antiphon.session.conversation import Entry

CHARACTERS_PER_TOKEN = 4  # the usual estimate for English text
IMAGE_TOKENS = 1000


class ContextOverflowError(Exception):
    """The conversation is longer than the model's window, and the session forbids to leave any of it out."""


@dataclass(frozen=True)
class Window:
    """How much of a conversation the model is told.

    Args:
        tokens: The most.
        retention: When it is more, the share of `tokens` that is kept; less than 1 leaves room, so that the next turns
            need not cut again.
        may_truncate: Whether anything may be left out.
    """

    tokens: int
    retention: float = 1.0
    may_truncate: bool = True


def window_of(config: SessionConfig, most_tokens: int) -> Window:
    """Return the window that `truncation` asks for, within the model's own."""
    truncation = config.truncation
    if isinstance(truncation, RetentionRatio):
        limits = truncation.token_limits
        wanted = limits.post_instructions if isinstance(limits, TokenLimits) else most_tokens
        tokens = min(wanted, most_tokens) if isinstance(wanted, int) else most_tokens
        return Window(tokens, truncation.retention_ratio)
    return Window(most_tokens, may_truncate=truncation != "disabled")


def context_items(entries: Iterable[Entry], window: Window) -> tuple[ContextItem, ...]:
    """Return what the model is told of `entries`; what no longer fits is marked as left out, the oldest first.

    Raises:
        ContextOverflowError: It does not fit, and nothing may be left out.
    """
    told = [(entry, item) for entry in entries if not entry.left_out and (item := _context_item(entry)) is not None]
    tokens = sum(_tokens(item) for _, item in told)
    if tokens > window.tokens:
        if not window.may_truncate:
            raise ContextOverflowError(f"the conversation has about {tokens} tokens, the window {window.tokens}")
        told = _cut(told, tokens, round(window.tokens * window.retention))
    return tuple(_without_blanks(_without_orphans([item for _, item in told])))


def text_tokens(text: str) -> int:
    """Estimate the tokens of `text`."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _context_item(entry: Entry) -> ContextItem | None:
    item = entry.item
    if isinstance(item, FunctionCallOutput):
        return ContextToolResult(item.call_id, item.output)
    if item.status == "in_progress":
        return None
    if isinstance(item, FunctionCall):
        return ContextToolCall(item.call_id or "", item.name, item.arguments)
    return ContextMessage(item.role, _text(entry, item), _images(item))


def _text(entry: Entry, item: Message) -> str:
    if entry.spoken is not None:
        return entry.heard_text()
    return "\n".join(text for part in item.content if (text := _part_text(entry, part)))


def _part_text(entry: Entry, part: ContentPart) -> str:
    match part:
        case InputText(text=text) | OutputText(text=text):
            return text
        case InputAudio(transcript=transcript):
            return entry.transcript if entry.transcript is not None else transcript or ""
        case OutputAudio(transcript=transcript):
            return transcript or ""
        case InputImage():
            return ""


def _images(item: Message) -> tuple[str, ...]:
    return tuple(part.image_url for part in item.content if isinstance(part, InputImage))


def _cut(told: list[tuple[Entry, ContextItem]], tokens: int, most: int) -> list[tuple[Entry, ContextItem]]:
    # The newest item stays whatever it costs: without it there is nothing to answer.
    first = 0
    while tokens > most and first < len(told) - 1:
        entry, item = told[first]
        entry.left_out = True
        tokens -= _tokens(item)
        first += 1
    return told[first:]


def _without_orphans(items: Sequence[ContextItem]) -> list[ContextItem]:
    # Language models refuse a result whose call was left out.
    calls = {item.call_id for item in items if isinstance(item, ContextToolCall)}
    first = next((index for index, item in enumerate(items) if not isinstance(item, ContextToolResult)), len(items))
    leading = [item for item in items[:first] if isinstance(item, ContextToolResult) and item.call_id in calls]
    return [*leading, *items[first:]] if len(items) > 1 else list(items)


def _tokens(item: ContextItem) -> int:
    match item:
        case ContextMessage(text=text, images=images):
            return text_tokens(text) + len(images) * IMAGE_TOKENS
        case ContextToolCall(arguments=arguments, name=name):
            return text_tokens(name) + text_tokens(arguments)
        case ContextToolResult(output=output):
            return text_tokens(output)


def _without_blanks(items: Sequence[ContextItem]) -> list[ContextItem]:
    # An utterance that nobody understood says something only while it is the last word.
    last = len(items) - 1
    return [
        item
        for index, item in enumerate(items)
        if index == last or not (isinstance(item, ContextMessage) and not item.text and not item.images)
    ]
