"""Calls over HTTP: WebRTC offers and their answers, and what may be done to a call.

Source: Realtime API, `calls` and `translations`; the beta's `POST /v1/realtime?model=`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from python_multipart.exceptions import MultipartParseError
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon.errors import MediaError
from antiphon.gateway.auth import Keyring
from antiphon.gateway.bodies import read_body
from antiphon.gateway.connect import Door
from antiphon.gateway.errors import RequestError, error_response
from antiphon.gateway.openapi import Operation
from antiphon.gateway.requests import SESSION_HEADER, handshake_of, refusal_response
from antiphon.gateway.sessions import key_of
from antiphon.path.calls import Calls
from antiphon.protocol.bounds import MAX_DEPTH, is_too_deep
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.websocket import PATH, TRANSLATIONS_PATH

if TYPE_CHECKING:
    from antiphon.transports.webrtc.call import WebRtcCalls

CALL_ACTIONS = ("accept", "reject", "refer")  # of SIP calls
_MOST_PARTS = 8
_SDP = "application/sdp"
_FORM = "multipart/form-data"


class IceServers(Struct, frozen=True):
    """What RTCPeerConnection takes as `iceServers`; for TURN also the form of the TURN REST API."""

    iceServers: list[dict[str, Any]]  # noqa: N815 - the browsers' name
    username: str | None = None
    password: str | None = None
    ttl: int | None = None
    uris: list[str] | None = None


class CallRoutes:
    """Answers for calls.

    Args:
        keyring: Who is answered at all.
        door: Decides who may begin a call, and with what.
        calls: All calls, of every transport.
        webrtc: The WebRTC calls; None where there are none.
        ice_servers: Returns what a client is told of STUN and TURN servers.
    """

    def __init__(
        self,
        keyring: Keyring,
        door: Door,
        calls: Calls,
        webrtc: "WebRtcCalls | None",
        ice_servers: Callable[[], dict[str, Any]],
    ) -> None:
        self._keyring = keyring
        self._door = door
        self._calls = calls
        self._webrtc = webrtc
        self._ice_servers = ice_servers

    def operations(self) -> tuple[Operation, ...]:
        sdp: dict[str, Any] = {"body": str, "media": _SDP, "failures": (501, 503)}
        call = f"{PATH}/calls/{{id}}"
        return (
            Operation("POST", PATH, self.create_beta_call, "Begin a WebRTC call (beta)", status=201, **sdp),
            Operation("POST", f"{PATH}/calls", self.create_call, "Begin a WebRTC call", status=201, **sdp),
            Operation("POST", f"{call}/hangup", self.hang_up, "End a call", failures=(404,)),
            Operation("DELETE", call, self.hang_up, "End a call", failures=(404,)),
            *(
                Operation("POST", f"{call}/{name}", self.act_on_call, f"{name.title()} a call", failures=(404,))
                for name in CALL_ACTIONS
            ),
            Operation("GET", f"{PATH}/ice_servers", self.ice_servers, "STUN and TURN servers for WebRTC", IceServers),
            Operation(
                "POST",
                f"{TRANSLATIONS_PATH}/client_secrets",
                self.create_translation,
                "Make a client secret for translation",
                failures=(501,),
            ),
            Operation("POST", f"{TRANSLATIONS_PATH}/calls", self.create_translation, "Begin a translation call", **sdp),
        )

    async def create_call(self, request: Request) -> Response:
        """Answer an offer: SDP as the body, or in a form beside a session's configuration."""
        return await self._create(request, beta=False)

    async def create_beta_call(self, request: Request) -> Response:
        """Answer an offer of a client of the beta's time."""
        return await self._create(request, beta=True)

    async def _create(self, request: Request, beta: bool) -> Response:
        self._keyring.check(key_of(request))
        if self._webrtc is None:
            return _no_webrtc()
        sdp, session = await _read_offer(request)
        decision = self._door.admit_call(handshake_of(request), session, beta)
        if isinstance(decision, Refusal):
            return refusal_response(decision)
        return await self._answer(self._webrtc, sdp, decision)

    async def _answer(self, webrtc: "WebRtcCalls", sdp: bytes, admission: Admission) -> Response:
        try:
            call = await webrtc.begin(sdp, admission)
        except MediaError as error:
            raise RequestError(503, f"{error}", "media_not_available", kind="server_error") from None
        if call is None:
            message = "There is no such session, or it waited long enough; start a new one, without ?resume=."
            raise RequestError(404, message, "session_not_found", "resume")
        headers = {"Location": f"{PATH}/calls/{call.id}"}
        if call.token:
            headers[SESSION_HEADER] = call.token
        # Documented as application/sdp; this is what real traffic has.
        return Response(call.answer, 201, headers, "text/plain")

    async def hang_up(self, request: Request) -> Response:
        """End a call; clients rely on the very answer for one that is unknown when they hang up twice."""
        call_id = request.path_params["id"]
        self._door.check_call(handshake_of(request), call_id)
        self._calls.hang_up(call_id)
        return Response(status_code=200)

    async def act_on_call(self, request: Request) -> Response:
        """Refuse what only SIP calls know."""
        call_id = request.path_params["id"]
        self._door.check_call(handshake_of(request), call_id)
        message = "This is no SIP call; only SIP calls can be accepted, rejected or referred."
        raise RequestError(400, message, "not_a_sip_call")

    async def ice_servers(self, request: Request) -> Response:
        """Tell a client through which STUN and TURN servers it may reach this one."""
        self._keyring.check(key_of(request))
        return JSONResponse(self._ice_servers(), headers={"Cache-Control": "no-store"})

    async def create_translation(self, request: Request) -> Response:
        self._keyring.check(key_of(request))
        return _not_available("Translation sessions", "translation_not_available", f"use {PATH} without translation")


# --- bodies ---------------------------------------------------------------------------------------------------


async def _read_offer(request: Request) -> tuple[bytes, Mapping[str, Any] | None]:
    """Return the offer, and the session's configuration where one came with it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return await _read_form(request)
    if kind == _SDP:
        return await read_body(request), None
    found = f"of type {kind[:100]!r}" if kind else "of no type"
    message = f"The body is {found}; send the offer as {_SDP}, or as {_FORM} with the fields sdp and session."
    raise RequestError(400, message, "unsupported_content_type")


async def _read_form(request: Request) -> tuple[bytes, Mapping[str, Any] | None]:
    fields = await _form_fields(request)
    if "sdp" not in fields:
        raise RequestError(
            400, "The form has no field 'sdp'; put the offer there.", "missing_required_parameter", "sdp"
        )
    return fields["sdp"], _session(fields.get("session"))


async def _form_fields(request: Request) -> dict[str, bytes]:
    body = await read_body(request)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(request.headers, whole(), max_files=_MOST_PARTS, max_fields=_MOST_PARTS).parse()
    except (MultiPartException, MultipartParseError, KeyError, ValueError) as error:
        raise RequestError(400, f"The form cannot be read: {error}", "invalid_form") from None
    try:
        return {name: part.encode() if isinstance(part, str) else await part.read() for name, part in form.items()}
    finally:
        await form.close()


def _session(text: bytes | None) -> Mapping[str, Any] | None:
    if text is None or not text.strip():
        return None
    try:
        session = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, f"The field 'session' is not valid JSON: {error}.", "invalid_json", "session") from None
    if not isinstance(session, dict) or is_too_deep(session):
        message = f"The field 'session' must be a JSON object of at most {MAX_DEPTH} levels."
        raise RequestError(400, message, "invalid_json", "session")
    return session


def _no_webrtc() -> Response:
    instead = f"connect a WebSocket to {PATH}?model=…; for WebRTC the server needs: pip install 'antiphon[webrtc]'"
    return _not_available("WebRTC calls", "webrtc_not_available", instead)


def _not_available(what: str, code: str, instead: str) -> Response:
    error = RequestError(501, f"{what} are not available in this server; {instead}.", code)
    # The official SDKs try again after a 5xx, unless told not to.
    return error_response(error, {"x-should-retry": "false"})
