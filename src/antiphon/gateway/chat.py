"""Chat completions over HTTP: the configured engine answers in text, by itself or within a running conversation.

Source: Chat completions API, "Create chat completion"; server-sent events of the HTML standard.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from antiphon.gateway.auth import Keyring
from antiphon.gateway.bodies import read_json
from antiphon.gateway.client_secrets import ClientSecret
from antiphon.gateway.engine import Backend
from antiphon.gateway.errors import RequestError, error_body, error_response
from antiphon.gateway.limits import Capacity
from antiphon.gateway.merging import merged
from antiphon.gateway.openapi import Operation
from antiphon.gateway.requests import SESSION_HEADER
from antiphon.gateway.sessions import key_of
from antiphon.path.call import CallFullError
from antiphon.protocol.chat.answer import Piece
from antiphon.protocol.chat.completions import ChatCompletion, Chunks, Completion, Head
from antiphon.protocol.chat.exchange import Exchange
from antiphon.protocol.chat.failures import ChatError
from antiphon.protocol.chat.request import ChatRequest, read_request
from antiphon.protocol.chat.turn import turn_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.session_kinds import REALTIME
from antiphon.session.start import SessionStart
from antiphon.transports.base import Client, EngineSession
from antiphon.transports.chat import ChatClient, ChatLimits, read_audio
from antiphon.transports.websocket import Gatekeeper

PATH = "/v1/chat/completions"

_ids = Ids(os.urandom)
_T = TypeVar("_T")

# What every session for a chat request is like.
_TEXT_SESSION: dict[str, Any] = {
    "type": REALTIME.name,
    "output_modalities": ["text"],
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24_000}, "turn_detection": None}},
}
_LONGEST_IDENTIFIER = 512  # characters
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
# SDKs ask again by themselves, unless they are told not to.
_ASK_NO_MORE = {"x-should-retry": "false"}
_TRY_LATER = {"Retry-After": "5"}

Join = Callable[[str, Client], EngineSession | None]


@dataclass
class _Running:
    """A request under way.

    Args:
        client: Yields its answer.
        head: What its answer is called.
        release: Counts its session out; None for one that takes part in a conversation of others.
    """

    client: ChatClient
    head: Head
    release: Callable[[], None] | None = None

    def headers(self, error: ChatError) -> dict[str, str] | None:
        """Return what a failure's answer has.

        To ask again would say the same once more in a conversation, or take as long once more.
        """
        return _ASK_NO_MORE if self.release is None or error.status == HTTPStatus.GATEWAY_TIMEOUT else None

    def end(self) -> None:
        """Leave the session. Safe to call twice."""
        self.client.end()
        if self.release is not None:
            release, self.release = self.release, _nothing
            release()


class ChatRoutes:
    """Answers chat completions.

    Args:
        backend: Its engine answers, as its agent.
        keyring: Who is answered.
        capacity: How many sessions there may be; a request is one while it lasts.
        join: Lets a client take part in the conversation with that token; None when there is no such conversation,
            `CallFullError` when too many do already.
        clock: Unix time in seconds.
        limits: What one request may cost.
    """

    def __init__(
        self,
        backend: Backend,
        keyring: Keyring,
        capacity: Capacity,
        *,
        join: Join | None = None,
        clock: Callable[[], float] = time.time,
        limits: ChatLimits | None = None,
    ) -> None:
        self._backend = backend
        self._keyring = keyring
        self._capacity = capacity
        self._join = join
        self._clock = clock
        self._limits = limits or ChatLimits()

    def operations(self) -> tuple[Operation, ...]:
        failures = (404, 409, 429, 501, 502, 503, 504)
        return (
            Operation(
                "POST", PATH, self.create_completion, "Answer in text", ChatCompletion, ChatRequest, failures=failures
            ),
        )

    async def create_completion(self, request: Request) -> Response:
        secret = self._keyring.check(key_of(request))
        if isinstance(self._backend.engine, Gatekeeper):
            message = "Chat completions are not available in this server, which knows its clients by their WebSockets."
            return error_response(RequestError(501, message, "chat_not_available"), _ASK_NO_MORE)
        asked = read_request(await read_json(request))
        token = request.headers.get(SESSION_HEADER) or asked.session
        if not token and (reason := self._no_room()) is not None:
            return error_response(reason, _TRY_LATER)
        try:
            running = self._joined(asked, token) if token else self._opened(asked, request, secret)
        except CallFullError as error:
            return error_response(RequestError(429, f"{error} Ask again later.", "call_full", "session"), _TRY_LATER)
        try:
            return await (_streamed if asked.stream else _whole)(request, asked, running)
        except ChatError as error:
            running.end()
            return error_response(_refusal(error), running.headers(error))
        except BaseException:
            running.end()
            raise

    # --- the beginning ----------------------------------------------------------------------------------------

    def _opened(self, asked: ChatRequest, request: Request, secret: ClientSecret | None) -> _Running:
        """Begin a session of the request's own."""
        start = self._start(asked, request, secret)
        client = self._client(asked, joins=False)
        release = self._capacity.enter()
        try:
            client.begin(self._backend.engine.open(start, client))
        except BaseException:
            release()
            raise
        return _Running(client, self._head(asked), release)

    def _joined(self, asked: ChatRequest, token: str) -> _Running:
        """Take part in a running conversation, which counts already."""
        client = self._client(asked, joins=True)
        session = self._join(token, client) if self._join is not None else None
        if session is None:
            message = "There is no such session, or it is over; leave its token out for a conversation of its own."
            raise RequestError(404, message, "session_not_found", "session")
        client.begin(session)
        return _Running(client, self._head(asked))

    def _client(self, asked: ChatRequest, *, joins: bool) -> ChatClient:
        turn = turn_of(asked, _ids, read_audio, joins=joins)
        return ChatClient(Exchange(turn, "chat_" + _ids.letters(12), joins=joins), self._limits)

    def _head(self, asked: ChatRequest) -> Head:
        return Head("chatcmpl-" + _ids.letters(24), int(self._clock()), asked.model)

    def _start(self, asked: ChatRequest, request: Request, secret: ClientSecret | None) -> SessionStart:
        self._check_model(asked.model)
        carried = secret.session if secret else {}
        if carried.get("type", REALTIME.name) != REALTIME.name:
            message = "The client secret is for transcription, which answers nothing; create one of type 'realtime'."
            raise RequestError(400, message, "invalid_client_secret")
        update = merged(carried, _TEXT_SESSION)
        identifier = asked.safety_identifier or request.headers.get("openai-safety-identifier")
        return SessionStart(
            asked.model,
            self._backend.configured(REALTIME, update),
            asked=merged(self._backend.asked, update),
            safety_identifier=_printable(identifier) or (secret.safety_identifier if secret else None),
        )

    def _check_model(self, model: str) -> None:
        if not self._backend.accepts_model(model):
            message = f"The model {model[:100]!r} does not exist. GET /v1/models lists those that do."
            raise RequestError(404, message, "model_not_found", "model")

    def _no_room(self) -> RequestError | None:
        capacity = self._capacity
        if capacity.draining:
            return _unavailable("The server is shutting down; ask again.", "server_shutting_down")
        if not self._backend.engine.ready:
            return _unavailable("The server is still loading; try again in a few seconds.", "server_not_ready")
        if capacity.is_full:
            message = f"All {capacity.max_sessions} sessions of this server are in use; try again later."
            return _unavailable(message, "server_full")
        return None


# --- the answer -----------------------------------------------------------------------------------------------


async def _whole(request: Request, _asked: ChatRequest, running: _Running) -> Response:
    completion = await _while_connected(request, _collected(running.client))
    running.end()  # before the client knows: it may ask again at once
    return Response(msgspec.json.encode(completion.whole(running.head)), media_type="application/json")


async def _collected(client: ChatClient) -> Completion:
    completion = Completion()
    async for piece in client:
        completion.add(piece)
    return completion


async def _streamed(request: Request, asked: ChatRequest, running: _Running) -> Response:
    # A failure before the first piece still gets its HTTP status.
    first = await _while_connected(request, anext(running.client))
    options = asked.stream_options
    chunks = Chunks(running.head, includes_usage=bool(options and options.include_usage))
    return _Stream(_lines(chunks, first, running.client), running)


async def _lines(chunks: Chunks, first: Piece, client: ChatClient) -> AsyncIterator[bytes]:
    try:
        for chunk in chunks.of(first):
            yield _line(chunk)
        async for piece in client:
            for chunk in chunks.of(piece):
                yield _line(chunk)
        yield b"data: [DONE]\n\n"
    except ChatError as error:
        yield _line(error_body(_refusal(error)))


def _line(value: Any) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(value)


class _Stream(StreamingResponse):
    """Server-sent events; however they end, and whenever the client goes, so does the request."""

    def __init__(self, lines: AsyncIterator[bytes], running: _Running) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=_STREAM_HEADERS)
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._running.client.limits
        try:
            async with asyncio.timeout(limits.seconds + limits.last_seconds):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            pass  # the client does not read: the connection is dropped with what it did not take
        finally:
            self._running.end()


async def _while_connected(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what `work` comes to; stop it when the client goes."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise RequestError(400, "The connection was closed before there was an answer.")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(error: ChatError) -> RequestError:
    return RequestError(error.status, error.message, error.code, error.param, error.kind)


def _unavailable(message: str, code: str) -> RequestError:
    return RequestError(503, message, code, kind="server_error")


def _printable(identifier: str | None) -> str | None:
    # It is passed on in a header.
    fits = identifier and len(identifier) <= _LONGEST_IDENTIFIER and identifier.isascii() and identifier.isprintable()
    return identifier if fits else None


def _nothing() -> None:
    pass
