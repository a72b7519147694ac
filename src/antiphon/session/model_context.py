"""The model's view of a conversation: what was said, heard and done, within the model's window."""

from collections.abc import Iterable, Sequence

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


def context_items(entries: Iterable[Entry], most_tokens: int) -> tuple[ContextItem, ...]:
    """Return what the model is told of `entries`: the newest that fit into `most_tokens`."""
    items = [item for entry in entries if (item := _context_item(entry)) is not None]
    return tuple(_without_blanks(_newest(items, most_tokens)))


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


def _newest(items: Sequence[ContextItem], most_tokens: int) -> list[ContextItem]:
    kept: list[ContextItem] = []
    tokens = 0
    for item in reversed(items):
        tokens += _tokens(item)
        if tokens > most_tokens and kept:
            break
        kept.append(item)
    kept.reverse()
    calls = {item.call_id for item in kept if isinstance(item, ContextToolCall)}
    dropped = {item.call_id for item in items if isinstance(item, ContextToolCall)} - calls
    # A result without its call would be refused by language models.
    return [item for item in kept if not (isinstance(item, ContextToolResult) and item.call_id in dropped)]


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
