"""The Realtime API over server-sent events, long polling and POST, for networks that let nothing else through."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from antiphon.gateway.errors import RequestError
from antiphon.gateway.openapi import Operation
from antiphon.gateway.requests import SESSION_HEADER, handshake_of, refusal_response, refused
from antiphon.transports.admission import Refusal
from antiphon.transports.handshake import Handshake
from antiphon.transports.http import (
    HttpCall,
    HttpSessions,
    Mailbox,
    MissingPostError,
    PostError,
    Stream,
    TooManyPostsError,
    UnknownSessionError,
)
from antiphon.transports.http.bodies import events_in
from antiphon.transports.http.framing import resume_point
from antiphon.transports.websocket import PATH

EVENTS_PATH = f"{PATH}/events"
BODY_SECONDS = 60.0
SHORTEST_WAIT, USUAL_WAIT, LONGEST_WAIT = 1.0, 20.0, 55.0  # of a poll; proxies give up after a minute

_STREAM, _JSON = "text/event-stream", "application/json"
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
# Nobody on the way may keep, compress or hold back what is sent.
_FRESH = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class Accepted(Struct, frozen=True):
    """How many client events were taken; what is wrong with one is told by an `error` event."""

    accepted: int


class Polled(Struct, frozen=True):
    """What a poll brings; `last_event_id` is for the next one."""

    events: list[Any]
    session: str
    last_event_id: str | None


class HttpEventRoutes:
    """Sessions over HTTP.

    Args:
        sessions: All of them.
    """

    def __init__(self, sessions: HttpSessions) -> None:
        self._sessions = sessions

    def operations(self) -> tuple[Operation, ...]:
        token: dict[str, Any] = {"keyed": False}  # the token is enough: client secrets run out in mid-session
        sent = (400, 404, 409, 413, 429)
        return (
            Operation(
                "GET",
                EVENTS_PATH,
                self.listen,
                "Begin a session over server-sent events, or go on with one",
                Polled,
                failures=(400, 404, 503),
            ),
            Operation(
                "POST", EVENTS_PATH, self.post, "Send client events", Accepted, status=202, failures=sent, **token
            ),
            Operation("DELETE", EVENTS_PATH, self.hang_up, "End a session", status=204, failures=(400, 404), **token),
        )

    async def listen(self, request: Request) -> Response:
        """Begin a session, or go on with one: its events are the answer."""
        if request.method == "HEAD":
            raise HTTPException(405, headers={"Allow": "GET, POST, DELETE"})
        handshake = _asked(request)
        if (seconds := _wait_of(request)) is not None:
            return self._poll(handshake, seconds)
        stream = self._sessions.stream(handshake)
        return refusal_response(stream) if isinstance(stream, Refusal) else EventStream(stream)

    async def post(self, request: Request) -> Response:
        """Take client events, or begin a session for a client that would rather not GET."""
        token = _token_of(request)
        if not token and _STREAM in request.headers.get("accept", ""):
            if request.headers.get("content-length", "0") != "0":
                raise RequestError(400, "A session begins with an empty body.", "invalid_value")
            return await self.listen(request)
        try:
            return JSONResponse(
                {"accepted": await self._take(request, _needed(token))}, 202, {"Cache-Control": "no-store"}
            )
        except PostError as error:
            return _post_refused(error)

    async def hang_up(self, request: Request) -> Response:
        """End a session."""
        try:
            self._sessions.hang_up(_needed(_token_of(request)))
        except PostError as error:
            return _post_refused(error)
        return Response(status_code=204)

    def _poll(self, handshake: Handshake, seconds: float) -> Response:
        token, last_event_id = handshake.parameter("resume") or "", handshake.parameter("last_event_id") or ""
        mailbox = self._sessions.mailbox(token, last_event_id) or self._sessions.poll(handshake)
        return refusal_response(mailbox) if isinstance(mailbox, Refusal) else PollAnswer(mailbox, seconds)

    async def _take(self, request: Request, token: str) -> int:
        number = _number_of(request)
        call = self._sessions.call(token)  # before the body is read: who knows no session may send nothing
        body = _HeldBody(call, self._sessions.limits.max_message)
        try:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            events = events_in(await body.read(request), is_lines=kind in _LINES)
            await call.post(events, number)
        finally:
            body.let_go()
        return len(events)


# --- what is asked --------------------------------------------------------------------------------------------


def _asked(request: Request) -> Handshake:
    """Return what a client asks for.

    An EventSource that connects again asks as at first, and tells in a header what it had.
    """
    if "call_id" in request.query_params:
        raise RequestError(400, "A call is joined over WebSocket, not here.", "invalid_parameter", "call_id")
    handshake = handshake_of(request)
    query = handshake.query
    token, event_id = resume_point(request.headers.get("last-event-id", ""))
    if token:
        query = (("resume", token), *(pair for pair in query if pair[0] not in ("resume", "last_event_id")))
    if event_id:
        query = (("last_event_id", event_id), *(pair for pair in query if pair[0] != "last_event_id"))
    return replace(handshake, path=handshake.path.rstrip("/").removesuffix("/events"), query=query)


def _wait_of(request: Request) -> float | None:
    """Return for how many seconds a poll waits, None for who wants a stream."""
    asked, accept = request.query_params.get("wait"), request.headers.get("accept", "")
    if asked is None:
        return USUAL_WAIT if _JSON in accept and _STREAM not in accept else None
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        message = f"Invalid wait: {asked[:20]!r}; give seconds, from {SHORTEST_WAIT:g} to {LONGEST_WAIT:g}."
        raise RequestError(400, message, "invalid_value", "wait")
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _token_of(request: Request) -> str:
    return request.headers.get(SESSION_HEADER, "") or request.query_params.get("session", "")


def _needed(token: str) -> str:
    if not token:
        message = f"Say which session this is for: its token, in the header {SESSION_HEADER} or as ?session=."
        raise RequestError(400, message, "missing_required_parameter", "session")
    return token


def _number_of(request: Request) -> int | None:
    asked = request.query_params.get("seq")
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 15):
        message = f"Invalid seq: {asked[:20]!r}; number the POSTs of a session 0, 1, 2 and so on."
        raise RequestError(400, message, "invalid_value", "seq")
    return int(asked)


class _HeldBody:
    """A body while it is read and until it is taken, counted among what waits for its call."""

    def __init__(self, call: HttpCall, most: int) -> None:
        self._call = call
        self._most = most
        self._size = 0

    async def read(self, request: Request) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._most:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return b"".join([part async for part in request.stream() if self._fits(len(part))])
        except TimeoutError:
            raise RequestError(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None
        except ClientDisconnect:
            raise RequestError(400, "The connection was closed before the body was complete.") from None

    def _fits(self, size: int) -> bool:
        if self._size + size > self._most:
            raise self._too_large()
        self._call.hold(size)
        self._size += size
        return True

    def let_go(self) -> None:
        self._call.let_go(self._size)
        self._size = 0

    def _too_large(self) -> RequestError:
        return RequestError(413, f"The body is larger than {self._most} bytes.", "request_too_large")


# --- what is answered -----------------------------------------------------------------------------------------

_STATUS_OF_POST = {UnknownSessionError: 404, TooManyPostsError: 429, MissingPostError: 409}


def _post_refused(error: PostError) -> Response:
    return refused(RequestError(_STATUS_OF_POST[type(error)], error.message, error.code, error.param))


class EventStream(Response):
    """The events of a session for as long as it lasts, or its connection."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = self._stream
        stream.goes_over(_connection_of(receive))
        leaving = asyncio.ensure_future(_disconnected(receive))
        leaving.add_done_callback(lambda _: stream.gone())
        try:
            refusal = await stream.begins()
            if refusal is not None:
                await refusal_response(refusal)(scope, receive, send)
            else:
                await self._write(send)
        finally:
            stream.gone()
            await _cancelled(leaving)

    async def _write(self, send: Send) -> None:
        headers = {"Content-Type": _STREAM, SESSION_HEADER: self._stream.token, **_FRESH}
        await send({"type": "http.response.start", "status": 200, "headers": _raw(headers)})
        while (chunk := await self._stream.chunk()) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class PollAnswer(Response):
    """The events that wait for a client, as soon as there are any."""

    def __init__(self, mailbox: Mailbox, seconds: float) -> None:
        self._mailbox = mailbox
        self._seconds = seconds
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_disconnected(receive))
        answering = asyncio.ensure_future(self._answer())
        try:
            await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await answering.result()(scope, receive, send)
        finally:
            await _cancelled(leaving)
            await _cancelled(answering)

    async def _answer(self) -> Response:
        mailbox = self._mailbox
        if (refusal := await mailbox.begins()) is not None:
            return refusal_response(refusal)
        events = await mailbox.poll(self._seconds)
        last_event_id = msgspec.json.encode(mailbox.last_event_id(events) or None)
        parts = (b'{"events":[', b",".join(events), b'],"session":', msgspec.json.encode(mailbox.token))
        body = b"".join((*parts, b',"last_event_id":', last_event_id, b"}"))
        return Response(body, media_type=_JSON, headers={SESSION_HEADER: mailbox.token, **_FRESH})


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _connection_of(receive: Receive) -> asyncio.Transport | None:
    """Return what a request came over: uvicorn's `receive` is a method of the exchange that holds it."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    return transport if hasattr(transport, "abort") else None  # uvloop's are of classes of its own
