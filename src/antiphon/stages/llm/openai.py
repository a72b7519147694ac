"""Language models behind any OpenAI-compatible server: `POST {base_url}/chat/completions`, streaming."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from antiphon.errors import StageError
from antiphon.session.context import ModelContext
from antiphon.stages.base import GenerationEvent
from antiphon.stages.event_stream import MalformedStreamError, ServerReportedError
from antiphon.stages.llm.chat_request import request_body
from antiphon.stages.llm.chat_stream import ChunkReader
from antiphon.stages.openai_http import Answer, Endpoint, OpenAIServer, RefusedError, ServerSettings

_ENDPOINT = Endpoint("llm openai", "/chat/completions", "a chat completions server", "text/event-stream")
# Hosts that refuse `max_tokens` for their newer models.
_NEW_FIELD_HOSTS = ("openai.com", "azure.com")


@dataclass(frozen=True)
class ChatSettings(ServerSettings):
    """Where a language model is and how long to wait for it.

    Args:
        usage_timeout: Seconds that a finished answer waits for its token counts.
    """

    usage_timeout: float = 2.0


class OpenAIChat:
    """A language model on an OpenAI-compatible server."""

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._server = OpenAIServer(_ENDPOINT, settings)
        self._asks_usage = True

    async def start(self) -> None:
        """Check the settings and make the HTTP client."""
        await self._server.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._server.close()

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        """Stream the server's answer; closing the iterator closes the connection, which stops the server's work."""
        deadline = self._server.first_deadline()
        async with self._server.post(deadline, lambda: {"json": self._body(context)}, self._relent) as answer:
            async with aclosing(self._read(answer, deadline)) as events:
                async for event in events:
                    yield event
            await answer.drain()

    def _body(self, context: ModelContext) -> dict[str, Any]:
        is_new = self._settings.host.split(":")[0].endswith(_NEW_FIELD_HOSTS)
        body = request_body(self._settings.model, context, "max_completion_tokens" if is_new else "max_tokens")
        if not self._asks_usage:
            del body["stream_options"]
        return body | dict(self._settings.body)

    def _relent(self, refused: RefusedError) -> bool:
        """Ask for no usage any more when that was the server's only objection."""
        relents = self._asks_usage and refused.objects_to("stream_options")
        self._asks_usage = self._asks_usage and not relents
        return relents

    async def _read(self, answer: Answer, deadline: float) -> AsyncGenerator[GenerationEvent]:
        reader = ChunkReader()
        try:
            async with aclosing(answer.events(deadline, lambda: self._next_deadline(reader))) as stream:
                async for data in stream:
                    for event in self._events(reader, data):
                        yield event
                    if reader.is_complete and reader.has_usage:
                        break
        except StageError:
            if not reader.is_complete:
                raise
        if not reader.is_complete:
            raise self._server.cut("ended the stream")
        yield reader.finished()

    def _events(self, reader: ChunkReader, data: str) -> list[GenerationEvent]:
        try:
            return reader.read(data)
        except MalformedStreamError as error:
            raise self._server.malformed(str(error)) from None
        except ServerReportedError as error:
            raise self._server.reported(str(error)) from None

    def _next_deadline(self, reader: ChunkReader) -> float:
        if not reader.is_complete:
            return self._server.next_deadline()
        return asyncio.get_running_loop().time() + self._settings.usage_timeout
