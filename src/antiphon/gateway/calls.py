"""Calls over HTTP, WebRTC and SIP: what this server has none of yet is refused by name.

Source: Realtime API, `calls` and `translations`.
"""

from starlette.requests import Request
from starlette.responses import Response

from antiphon.gateway.auth import Keyring
from antiphon.gateway.errors import RequestError, error_response
from antiphon.gateway.sessions import key_of
from antiphon.transports.websocket import PATH

CALL_ACTIONS = ("accept", "reject", "refer", "hangup")


class CallRoutes:
    """Answers for calls.

    Args:
        keyring: Who is answered at all.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def act_on_call(self, request: Request) -> Response:
        """There are no calls, so every one is unknown; clients rely on this very answer when they hang up twice."""
        self._keyring.check_api_key(key_of(request))
        raise RequestError(404, "No session found for the provided call_id", "call_id_not_found", "")

    async def create_call(self, request: Request) -> Response:
        self._keyring.check(key_of(request))
        return _not_available("WebRTC calls", "webrtc_not_available", f"connect a WebSocket to {PATH}?model=…")

    async def create_translation(self, request: Request) -> Response:
        self._keyring.check(key_of(request))
        return _not_available("Translation sessions", "translation_not_available", f"use {PATH} without translation")


def _not_available(what: str, code: str, instead: str) -> Response:
    error = RequestError(501, f"{what} are not available in this server yet; {instead}.", code)
    # The official SDKs try again after a 5xx, unless told not to.
    return error_response(error, {"x-should-retry": "false"})
