"""The embedded responder: a small, honest, rule-based stand-in where no language model is connected."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from itertools import count

from antiphon.session.context import ContextMessage, ContextToolCall, ModelContext
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta, ToolCallDelta, ToolCallStarted
from antiphon.stages.llm.reply import BookShelf, Reply, compose

# English text has about 4 characters a token; the responder has no tokens of its own.
_CHARACTERS_PER_TOKEN = 4
_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


class Responder:
    """Answers from its agent's facts and calls function tools, by rules alone.

    It cannot converse: what is not among the facts it says it does not know. It follows none of the instructions
    that ask for a manner (`answer in one word`); it reads in them only facts (`key: value` lines) and a greeting.

    A forced tool choice is called with the arguments that were found, even when required ones are missing.
    """

    def __init__(self) -> None:
        self._shelf = BookShelf()

    async def start(self) -> None:
        """Nothing is loaded."""

    async def close(self) -> None:
        """Nothing is held."""

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        """Answer `context` word by word; the loop runs between sentences."""
        reply = compose(context, self._shelf.book(context))
        budget = None if context.max_output_tokens is None else context.max_output_tokens * _CHARACTERS_PER_TOKEN
        spent = 0
        for event in _events(reply):
            size = _size(event)
            if budget is not None and spent + size > budget:
                yield _finished(context, spent, "length")
                return
            spent += size
            yield event
            if isinstance(event, TextDelta) and event.text.endswith("."):
                await asyncio.sleep(0)
        yield _finished(context, spent, "stop")


def _events(reply: Reply) -> Iterator[TextDelta | ToolCallStarted | ToolCallDelta]:
    yield from (TextDelta(word) for word in _WORD.findall(reply.text))
    for index, call in zip(count(), reply.calls, strict=False):
        yield ToolCallStarted(index, call.name)
        yield ToolCallDelta(index, call.arguments)


def _size(event: TextDelta | ToolCallStarted | ToolCallDelta) -> int:
    """Return the characters that an event spends of the output budget."""
    if isinstance(event, TextDelta):
        return len(event.text)
    return len(event.name) if isinstance(event, ToolCallStarted) else len(event.arguments)


def _finished(context: ModelContext, spent: int, reason: str) -> GenerationFinished:
    return GenerationFinished(reason, _tokens(_input_size(context)), _tokens(spent), 0)


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _input_size(context: ModelContext) -> int:
    items = 0
    for item in context.items:
        if isinstance(item, ContextMessage):
            items += len(item.text)
        else:
            items += len(item.arguments if isinstance(item, ContextToolCall) else item.output)
    return len(context.instructions) + items
