"""What all stages on OpenAI-compatible servers share: where a server is, one request to it, and what went wrong."""

import asyncio
import importlib
import json
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from antiphon.errors import MissingExtraError, StageError
from antiphon.stages.event_stream import DONE, EventDecoder, MalformedStreamError

if TYPE_CHECKING:
    import httpx2

_DRAIN_SECONDS = 0.1
# Between two turns a minute may pass; a new connection costs the next one two or three round trips.
_KEEP_SECONDS = 60.0
_LONGEST_BODY = 4 * 1024 * 1024
_LONGEST_ERROR_BODY = 64 * 1024
_LONGEST_ERROR_TEXT = 300
_TELL_ALIKE = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*.-]{4,}")


@dataclass(frozen=True)
class ServerSettings:
    """Where a model is and how long to wait for it.

    Args:
        base_url: Up to and including the version: `http://localhost:11434/v1`.
        model: Its name on that server.
        api_key: Sent as a bearer token; None for servers without keys.
        headers: Extra request headers.
        body: Extra fields of the request, such as `temperature`.
        connect_timeout: Seconds to reach the server.
        first_timeout: Seconds from the request to the first piece of the answer.
        next_timeout: Seconds between two pieces.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict)
    connect_timeout: float = 10.0
    first_timeout: float = 30.0
    next_timeout: float = 20.0

    @property
    def host(self) -> str:
        """Host and port, for messages: never the credentials that a URL may carry."""
        parts = urlsplit(self.base_url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")


@dataclass(frozen=True)
class Endpoint:
    """One path of the API and the stage that uses it.

    Args:
        stage: As errors name it, such as `llm openai`.
        path: Below the version, such as `/chat/completions`.
        what: What serves it, such as `a chat completions server`.
        accept: The media type to ask for.
    """

    stage: str
    path: str
    what: str
    accept: str = "*/*"


class RefusedError(StageError):
    """The server answered with a bad `status`; `said` are its own words, without anything secret."""

    def __init__(self, stage: str, message: str, code: str, status: int, said: str) -> None:
        super().__init__(stage, message, code)
        self.status = status
        self.said = said

    def objects_to(self, *names: str) -> bool:
        """Tell whether the request was refused because of one of these fields or values."""
        return self.status in (400, 415, 422) and any(name in self.said for name in names)


Content = Mapping[str, Any]


def _never(_refused: RefusedError) -> bool:
    return False


class OpenAIServer:
    """One endpoint of an OpenAI-compatible server.

    Nothing is sent before the first request: a server that is down now may be up when the first call comes.
    """

    def __init__(self, endpoint: Endpoint, settings: ServerSettings) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._client: httpx2.AsyncClient | None = None
        self._httpx: ModuleType | None = None

    async def start(self) -> None:
        """Check the settings and make the HTTP client.

        Raises:
            MissingExtraError: The HTTP client is not installed.
            StageError: `bad_settings`.
        """
        _check(self._settings, self._endpoint.stage)
        if self._client is None:
            self._httpx = _import_httpx(self._endpoint.stage)
            self._client = self._new_client()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def first_deadline(self) -> float:
        """Return when the answer to a request that is made now must have begun, on the loop's clock."""
        return asyncio.get_running_loop().time() + self._settings.first_timeout

    def next_deadline(self) -> float:
        """Return when the next piece of an answer must have come."""
        return asyncio.get_running_loop().time() + self._settings.next_timeout

    @asynccontextmanager
    async def post(
        self, deadline: float, content: Callable[[], Content], relent: Callable[[RefusedError], bool] = _never
    ) -> AsyncIterator["Answer"]:
        """Send a request; leaving the context closes the connection, which stops the server's work.

        Args:
            deadline: When the answer must have begun.
            content: Returns the request as the HTTP client takes it: `json`, or `data` and `files`.
            relent: Told why the server refused; True asks once more, with what `content` returns then.

        Raises:
            RefusedError: A bad status.
            StageError: The server could not be reached, which was tried twice.
        """
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._post(deadline, content()))
            except RefusedError as refused:
                if not relent(refused):
                    raise
                answer = await stack.enter_async_context(self._post(deadline, content()))
            yield answer

    @asynccontextmanager
    async def _post(self, deadline: float, content: Content) -> AsyncIterator["Answer"]:
        response = await self._send(deadline, content)
        try:
            if response.status_code != 200:
                raise await self._refusal(response, deadline)
            assert self._httpx is not None
            yield Answer(self, response, self._httpx.TransportError)
        finally:
            await response.aclose()

    # --- request --------------------------------------------------------------------------------------------

    def _new_client(self) -> "httpx2.AsyncClient":
        settings, httpx = self._settings, self._httpx
        assert httpx is not None
        key = {"authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        client: httpx2.AsyncClient = httpx.AsyncClient(
            headers=key | {"accept": self._endpoint.accept} | dict(settings.headers),
            # Waiting for an answer has deadlines of its own, which comments do not extend.
            timeout=httpx.Timeout(None, connect=settings.connect_timeout, write=settings.next_timeout),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEP_SECONDS),
        )
        return client

    async def _send(self, deadline: float, content: Content) -> "httpx2.Response":
        """Return the response, trying once more when the connection failed."""
        try:
            return await self._try(deadline, content)
        except _ConnectionLostError:
            try:
                return await self._try(deadline, content)
            except _ConnectionLostError as again:
                raise again.error from again.__cause__

    async def _try(self, deadline: float, content: Content) -> "httpx2.Response":
        client, httpx = self._client, self._httpx
        if client is None or httpx is None:
            raise self.error("not_started", "it was not started; call start() first")
        try:
            async with asyncio.timeout_at(deadline):
                request = client.build_request("POST", self._url, **content)
                return await client.send(request, stream=True)
        except TimeoutError:
            raise self.stalled(first=True) from None
        except httpx.TransportError as error:
            raise _ConnectionLostError(self._unreachable(error)) from error

    @property
    def _url(self) -> str:
        base, path = self._settings.base_url.rstrip("/"), self._endpoint.path
        return base if base.endswith(path) else base + path

    # --- what went wrong ------------------------------------------------------------------------------------

    def error(self, code: str, message: str) -> StageError:
        return StageError(self._endpoint.stage, message, code)

    def stalled(self, first: bool) -> StageError:
        seconds = self._settings.first_timeout if first else self._settings.next_timeout
        what = "did not begin its answer" if first else "stopped in the middle of its answer"
        return self.error(
            "answer_timeout" if first else "stream_stalled",
            f"{self._settings.host} {what} for {seconds:g} seconds; see whether it is overloaded",
        )

    def cut(self, how: str) -> StageError:
        return self.error(
            "stream_cut", f"{self._settings.host} {how} in the middle of the answer; see that server's log"
        )

    def malformed(self, what: str) -> StageError:
        """Return the error for an answer of the wrong kind: `what` the server sent."""
        return self.error(
            "malformed_stream",
            f"{self._settings.host} sent {self._clean(what)}; check that base_url is {self._endpoint.what}",
        )

    def reported(self, text: str) -> StageError:
        """Return the error for one that the server reported inside its answer."""
        return self.error("server_error", f"{self._settings.host} reported: {self._clean(text)}")

    async def _refusal(self, response: "httpx2.Response", deadline: float) -> RefusedError:
        said = self._clean(_error_text(await self._error_body(response, deadline)))
        code, message = self._explain(response, f" ({said})" if said else "")
        return RefusedError(self._endpoint.stage, f"{self._settings.host} {message}", code, response.status_code, said)

    async def _error_body(self, response: "httpx2.Response", deadline: float) -> bytes:
        body = b""
        assert self._httpx is not None
        # Whatever happens now, the status says enough.
        with suppress(TimeoutError, self._httpx.TransportError):
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _LONGEST_ERROR_BODY:
                        break
        return body

    def _explain(self, response: "httpx2.Response", said: str) -> tuple[str, str]:
        """Return the code of a bad status, and what it means after the server's name."""
        status = response.status_code
        if status in (401, 403):
            return "unauthorized", f"refused the key with status {status}{said}; check the api key and its rights"
        if status == 404:
            model = self._settings.model
            advice = f"check the model name {model!r} and that base_url ends with the version, such as /v1"
            return "not_found", f"does not know that model or path{said}; {advice}"
        if status == 429:
            after = response.headers.get("retry-after", "")
            wait = f"try again in {after} seconds" if after.isdigit() else "try again later or raise the quota"
            return "rate_limited", f"limits the rate{said}; {wait}"
        if status >= 500 or status == 408:
            return "server_error", f"failed with status {status}{said}; see that server's log"
        if 300 <= status < 400:
            return "redirected", f"redirects (status {status}); set base_url to where it leads"
        return "bad_request", f"refused the request with status {status}{said}; check the model and its settings"

    def _unreachable(self, error: Exception) -> StageError:
        host, causes = self._settings.host, list(_causes(error))
        assert self._httpx is not None
        if isinstance(error, self._httpx.ConnectTimeout):
            seconds = self._settings.connect_timeout
            message = f"did not accept a connection within {seconds:g} seconds; check base_url and the network"
            return self.error("connect_timeout", f"{host} {message}")
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return self.error("dns_failed", f"the host name of {host} is not known; check base_url and DNS")
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            advice = "check the certificate, or use http:// for a server without TLS"
            return self.error("tls_failed", f"TLS with {host} failed; {advice}")
        if isinstance(error, self._httpx.ConnectError):
            advice = "check that the server runs and base_url is right"
            return self.error("connection_failed", f"{host} refused the connection; {advice}")
        return self.error("connection_failed", f"{host} closed the connection without an answer; see that server's log")

    def _clean(self, text: str) -> str:
        """Return a server's words without anything secret, on one line, cut to 300 characters."""
        for secret in filter(None, (self._settings.api_key, *self._settings.headers.values())):
            text = text.replace(secret, "[hidden]")
        return " ".join(_TELL_ALIKE.sub("[hidden]", text).split())[:_LONGEST_ERROR_TEXT]


class Answer:
    """The body of an answer with a good status, as it comes.

    Args:
        server: Where it comes from.
        response: Whose body was not touched yet.
        lost: What the HTTP client raises for a lost connection.

    `is_done` says that the server marked the end of its events.
    """

    def __init__(self, server: OpenAIServer, response: "httpx2.Response", lost: type[Exception]) -> None:
        self._server = server
        self._chunks = response.aiter_bytes()
        self._lost = lost
        self.is_done = False
        self.content_type: str = response.headers.get("content-type", "").lower()

    @property
    def is_json(self) -> bool:
        return "json" in self.content_type

    async def next(self, deadline: float, is_first: bool) -> bytes | None:
        """Return the next bytes, None at the end.

        Raises:
            StageError: `answer_timeout`, `stream_stalled` or `stream_cut`.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(self._chunks, None)
        except TimeoutError:
            raise self._server.stalled(is_first) from None
        except self._lost:
            raise self._server.cut("dropped the connection") from None

    async def events(self, deadline: float, next_deadline: Callable[[], float]) -> AsyncGenerator[str]:
        """Yield the data of each server-sent event until the last; a body of JSON is one event.

        Args:
            deadline: When the first must have come; comments do not count.
            next_deadline: Returns when the next must have come.
        """
        if self.is_json:
            yield (await self.whole(deadline)).decode(errors="replace")
            return
        decoder, is_first = EventDecoder(), True
        chunk: bytes | None = b""
        while chunk is not None:
            chunk = await self.next(deadline, is_first)
            for data in self._decode(decoder, chunk):
                if data == DONE:
                    self.is_done = True
                    return
                yield data
                is_first, deadline = False, next_deadline()

    def _decode(self, decoder: EventDecoder, chunk: bytes | None) -> list[str]:
        try:
            return decoder.finish() if chunk is None else decoder.feed(chunk)
        except MalformedStreamError as error:
            raise self._server.malformed(str(error)) from None

    async def whole(self, deadline: float, begin: bytes = b"") -> bytes:
        """Return the rest of the body after `begin`; all of it must come before `deadline`."""
        body = bytearray(begin)
        while (chunk := await self.next(deadline, is_first=True)) is not None:
            body += chunk
            if len(body) > _LONGEST_BODY:
                raise self._server.malformed(f"an answer longer than {_LONGEST_BODY} bytes")
        return bytes(body)

    async def drain(self) -> None:
        """Read the few bytes after the answer, so that its connection serves the next turn without a handshake."""
        with suppress(TimeoutError, self._lost):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._chunks:
                    pass


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


class _ConnectionLostError(Exception):
    """The connection failed before any answer; trying again cannot do harm."""

    def __init__(self, error: StageError) -> None:
        super().__init__(str(error))
        self.error = error


def _import_httpx(stage: str) -> ModuleType:
    try:
        return importlib.import_module("httpx2")
    except ImportError as error:
        raise MissingExtraError(stage, "httpx2", "openai") from error


def _check(settings: ServerSettings, stage: str) -> None:
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
            stage, f"base_url: {shown!r} is not a URL; write it like http://localhost:11434/v1", "bad_settings"
        )
    if not settings.model.strip():
        raise StageError(stage, "model: it is empty; give the model's name on that server", "bad_settings")
    key = settings.api_key
    if key is not None and (not key.isascii() or not key.isprintable() or any(map(str.isspace, key))):
        raise StageError(
            stage, "api_key: it contains blanks or characters that no key has; copy it again", "bad_settings"
        )
