"""Language models behind any OpenAI-compatible server: `POST {base_url}/chat/completions`, streaming."""

import asyncio
import importlib
import json
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from antiphon.errors import MissingExtraError, StageError
from antiphon.session.context import ModelContext
from antiphon.stages.base import GenerationEvent
from antiphon.stages.llm.chat_request import request_body
from antiphon.stages.llm.chat_stream import DONE, ChunkReader, EventDecoder, MalformedStreamError, ServerReportedError

if TYPE_CHECKING:
    import httpx2

_STAGE = "llm openai"
_DRAIN_SECONDS = 0.1
_LONGEST_ERROR_BODY = 64 * 1024
_LONGEST_ERROR_TEXT = 300
_TELL_ALIKE = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*.-]{4,}")
# Hosts that refuse `max_tokens` for their newer models.
_NEW_FIELD_HOSTS = ("openai.com", "azure.com")


@dataclass(frozen=True)
class ChatSettings:
    """Where a language model is and how long to wait for it.

    Args:
        base_url: Up to and including the version: `http://localhost:11434/v1`.
        model: Its name on that server.
        api_key: Sent as a bearer token; None for servers without keys.
        headers: Extra request headers.
        body: Extra fields of the request body, such as `temperature`.
        connect_timeout: Seconds to reach the server.
        first_timeout: Seconds from the request to the first piece of the answer.
        next_timeout: Seconds between two pieces.
        usage_timeout: Seconds that a finished answer waits for its token counts.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict)
    connect_timeout: float = 10.0
    first_timeout: float = 30.0
    next_timeout: float = 20.0
    usage_timeout: float = 2.0

    @property
    def url(self) -> str:
        base = self.base_url.rstrip("/")
        return base if base.endswith("/chat/completions") else f"{base}/chat/completions"

    @property
    def host(self) -> str:
        """Host and port, for messages: never the credentials that a URL may carry."""
        parts = urlsplit(self.base_url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")


class OpenAIChat:
    """A language model on an OpenAI-compatible server.

    Nothing is sent before the first request: a server that is down now may be up when the first call comes.
    """

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._client: httpx2.AsyncClient | None = None
        self._httpx: ModuleType | None = None
        self._asks_usage = True

    async def start(self) -> None:
        """Check the settings and make the HTTP client."""
        _check(self._settings)
        if self._client is None:
            self._httpx = _import_httpx()
            self._client = self._new_client()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        """Stream the server's answer; closing the iterator closes the connection, which stops the server's work."""
        deadline = asyncio.get_running_loop().time() + self._settings.first_timeout
        async with self._respond(context, deadline) as response:
            chunks = response.aiter_bytes()
            async with aclosing(self._read(response, chunks, deadline)) as events:
                async for event in events:
                    yield event
            await self._drain(chunks)

    # --- request --------------------------------------------------------------------------------------------

    def _new_client(self) -> "httpx2.AsyncClient":
        settings, httpx = self._settings, self._httpx
        assert httpx is not None
        key = {"authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        client: httpx2.AsyncClient = httpx.AsyncClient(
            headers=key | {"accept": "text/event-stream"} | dict(settings.headers),
            # Waiting for tokens has deadlines of its own, which comments do not extend.
            timeout=httpx.Timeout(None, connect=settings.connect_timeout, write=settings.next_timeout),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )
        return client

    @asynccontextmanager
    async def _respond(self, context: ModelContext, deadline: float) -> AsyncIterator["httpx2.Response"]:
        response = await self._send(context, deadline)
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(self, context: ModelContext, deadline: float) -> "httpx2.Response":
        """Return the response once its status is good, trying once more when the connection failed."""
        try:
            response = await self._post(context, deadline)
        except _ConnectionLostError:
            try:
                response = await self._post(context, deadline)
            except _ConnectionLostError as again:
                raise again.error from again.__cause__
        if response.status_code == 200:
            return response
        return await self._refused(response, context, deadline)

    async def _post(self, context: ModelContext, deadline: float) -> "httpx2.Response":
        client, httpx = self._client, self._httpx
        if client is None or httpx is None:
            raise StageError(_STAGE, "it was not started; call start() first", "not_started")
        try:
            async with asyncio.timeout_at(deadline):
                request = client.build_request("POST", self._settings.url, json=self._body(context))
                return await client.send(request, stream=True)
        except TimeoutError:
            raise self._stalled(first=True) from None
        except httpx.TransportError as error:
            raise _ConnectionLostError(self._unreachable(error)) from error

    def _body(self, context: ModelContext) -> dict[str, Any]:
        is_new = self._settings.host.split(":")[0].endswith(_NEW_FIELD_HOSTS)
        body = request_body(self._settings.model, context, "max_completion_tokens" if is_new else "max_tokens")
        if not self._asks_usage:
            del body["stream_options"]
        return body | dict(self._settings.body)

    # --- answer ---------------------------------------------------------------------------------------------

    async def _read(
        self, response: "httpx2.Response", chunks: AsyncIterator[bytes], deadline: float
    ) -> AsyncGenerator[GenerationEvent]:
        reader = ChunkReader()
        async with aclosing(self._data(response, chunks, reader, deadline)) as stream:
            async for data in stream:
                for event in self._events(reader, data):
                    yield event
        if reader.finish_reason is None:
            raise StageError(
                _STAGE,
                f"{self._settings.host} ended the stream in the middle of the answer; see that server's log",
                "stream_cut",
            )
        yield reader.finished()

    def _events(self, reader: ChunkReader, data: str) -> list[GenerationEvent]:
        try:
            return reader.read(data)
        except MalformedStreamError as error:
            raise self._malformed(error) from None
        except ServerReportedError as error:
            raise StageError(
                _STAGE, f"{self._settings.host} reported: {self._clean(str(error))}", "server_error"
            ) from None

    async def _data(
        self, response: "httpx2.Response", chunks: AsyncIterator[bytes], reader: ChunkReader, deadline: float
    ) -> AsyncGenerator[str]:
        """Yield the data of each event until the end of the answer, and no longer."""
        decoder, is_first = EventDecoder(), True
        is_whole = "json" in response.headers.get("content-type", "")
        while True:
            chunk = await self._next(chunks, deadline, reader, is_first)
            if is_whole and chunk is not None:
                whole = chunk + b"".join([part async for part in _rest(chunks, self, deadline, reader)])
                yield whole.decode(errors="replace")
                return
            try:
                found = decoder.finish() if chunk is None else decoder.feed(chunk)
            except MalformedStreamError as error:
                raise self._malformed(error) from None
            for data in found:
                if data == DONE:
                    return
                yield data
                is_first = False
                deadline = self._next_deadline(reader)
            if chunk is None or (reader.finish_reason is not None and reader.has_usage):
                return

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the few bytes after the answer, so that its connection serves the next turn without a handshake."""
        assert self._httpx is not None
        with suppress(TimeoutError, self._httpx.TransportError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in chunks:
                    pass

    def _next_deadline(self, reader: ChunkReader) -> float:
        is_over = reader.finish_reason is not None
        wait = self._settings.usage_timeout if is_over else self._settings.next_timeout
        return asyncio.get_running_loop().time() + wait

    async def _next(
        self, chunks: AsyncIterator[bytes], deadline: float, reader: ChunkReader, first: bool
    ) -> bytes | None:
        """Return the next bytes, None at the end; an answer that is complete ends where it stands."""
        assert self._httpx is not None
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, None)
        except TimeoutError:
            if reader.finish_reason is not None:
                return None
            raise self._stalled(first) from None
        except self._httpx.TransportError:
            if reader.finish_reason is not None:
                return None
            raise StageError(
                _STAGE,
                f"{self._settings.host} dropped the connection in the middle of the answer; see that server's log",
                "stream_cut",
            ) from None

    # --- what went wrong ------------------------------------------------------------------------------------

    async def _refused(self, response: "httpx2.Response", context: ModelContext, deadline: float) -> "httpx2.Response":
        """Raise what a bad status means; try again without usage when that was the server's only objection."""
        try:
            text = self._clean(_error_text(await self._error_body(response, deadline)))
        finally:
            await response.aclose()
        if response.status_code in (400, 422) and self._asks_usage and "stream_options" in text:
            self._asks_usage = False
            return await self._send(context, deadline)
        raise self._status_error(response, text)

    async def _error_body(self, response: "httpx2.Response", deadline: float) -> bytes:
        body = b""
        assert self._httpx is not None
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _LONGEST_ERROR_BODY:
                        break
        except (TimeoutError, self._httpx.TransportError):
            pass  # the status says enough
        return body

    def _status_error(self, response: "httpx2.Response", text: str) -> StageError:
        status, host, model = response.status_code, self._settings.host, self._settings.model
        said = f" ({text})" if text else ""
        if status in (401, 403):
            return StageError(
                _STAGE,
                f"{host} refused the key with status {status}{said}; check the api key and its rights",
                "unauthorized",
            )
        if status == 404:
            advice = f"check the model name {model!r} and that base_url ends with the version, such as /v1"
            return StageError(_STAGE, f"{host} does not know that model or path{said}; {advice}", "not_found")
        if status == 429:
            after = response.headers.get("retry-after")
            wait = (
                f"try again in {after} seconds" if after and after.isdigit() else "try again later or raise the quota"
            )
            return StageError(_STAGE, f"{host} limits the rate{said}; {wait}", "rate_limited")
        if status >= 500 or status == 408:
            return StageError(
                _STAGE, f"{host} failed with status {status}{said}; see that server's log", "server_error"
            )
        if 300 <= status < 400:
            return StageError(
                _STAGE, f"{host} redirects (status {status}); set base_url to where it leads", "redirected"
            )
        return StageError(
            _STAGE,
            f"{host} refused the request with status {status}{said}; check the model and its settings",
            "bad_request",
        )

    def _unreachable(self, error: Exception) -> StageError:
        host, causes = self._settings.host, list(_causes(error))
        assert self._httpx is not None
        if isinstance(error, self._httpx.ConnectTimeout):
            message = (
                f"{host} did not accept a connection within {self._settings.connect_timeout:g} seconds; "
                f"check base_url and the network"
            )
            return StageError(_STAGE, message, "connect_timeout")
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return StageError(_STAGE, f"the host name of {host} is not known; check base_url and DNS", "dns_failed")
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return StageError(
                _STAGE,
                f"TLS with {host} failed; check the certificate, or use http:// for a server without TLS",
                "tls_failed",
            )
        if isinstance(error, self._httpx.ConnectError):
            return StageError(
                _STAGE,
                f"{host} refused the connection; check that the server runs and base_url is right",
                "connection_failed",
            )
        return StageError(
            _STAGE, f"{host} closed the connection without an answer; see that server's log", "connection_failed"
        )

    def _stalled(self, first: bool) -> StageError:
        seconds = self._settings.first_timeout if first else self._settings.next_timeout
        what = "did not begin its answer" if first else "stopped in the middle of its answer"
        code = "first_token_timeout" if first else "stream_stalled"
        return StageError(
            _STAGE, f"{self._settings.host} {what} for {seconds:g} seconds; see whether it is overloaded", code
        )

    def _malformed(self, error: Exception) -> StageError:
        message = (
            f"{self._settings.host} sent {self._clean(str(error))}; check that base_url is a chat completions server"
        )
        return StageError(_STAGE, message, "malformed_stream")

    def _clean(self, text: str) -> str:
        """Return a server's words without anything secret, on one line, cut to 300 characters."""
        for secret in filter(None, (self._settings.api_key, *self._settings.headers.values())):
            text = text.replace(secret, "[hidden]")
        return " ".join(_TELL_ALIKE.sub("[hidden]", text).split())[:_LONGEST_ERROR_TEXT]


class _ConnectionLostError(Exception):
    """The connection failed before any answer; trying again cannot do harm."""

    def __init__(self, error: StageError) -> None:
        super().__init__(str(error))
        self.error = error


async def _rest(
    chunks: AsyncIterator[bytes], chat: OpenAIChat, deadline: float, reader: ChunkReader
) -> AsyncIterator[bytes]:
    while (chunk := await chat._next(chunks, deadline, reader, True)) is not None:
        yield chunk


def _causes(error: BaseException | None) -> "list[BaseException]":
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _error_text(body: bytes) -> str:
    """Return the message of an error body, in any of the shapes that servers use."""
    text = body.decode(errors="replace").strip()
    try:
        parsed = json.loads(text)
    except ValueError:
        return "" if text.startswith("<") else text
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = (
        parsed.get("error") or parsed.get("detail") or parsed.get("message") if isinstance(parsed, Mapping) else None
    )
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("code")
    return str(error) if error else text


def _import_httpx() -> ModuleType:
    try:
        return importlib.import_module("httpx2")
    except ImportError as error:
        raise MissingExtraError(_STAGE, "httpx2", "llm") from error


def _check(settings: ChatSettings) -> None:
    """Refuse settings that can never work.

    Raises:
        StageError: `bad_settings`, saying which and what to write instead.
    """
    try:
        parts = urlsplit(settings.base_url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        shown = re.sub(r"//[^/@]*@", "//[hidden]@", settings.base_url)
        raise StageError(
            _STAGE, f"base_url: {shown!r} is not a URL; write it like http://localhost:11434/v1", "bad_settings"
        )
    if not settings.model.strip():
        raise StageError(_STAGE, "model: it is empty; give the model's name on that server", "bad_settings")
    key = settings.api_key
    if key is not None and (not key.isascii() or not key.isprintable() or any(map(str.isspace, key))):
        raise StageError(
            _STAGE, "api_key: it contains blanks or characters that no key has; copy it again", "bad_settings"
        )
