"""What a WebSocket client gets: a session, or a refusal that says why.

Source: Realtime API, "WebSocket connect"; the close codes follow real traffic.
"""

from antiphon.errors import ClientEventError
from antiphon.gateway.auth import AccessDeniedError, Keyring, key_in_handshake
from antiphon.gateway.client_secrets import ClientSecret
from antiphon.gateway.engine import Backend
from antiphon.gateway.limits import Capacity
from antiphon.gateway.origins import Origins, refusal
from antiphon.protocol.config import SessionConfig, updated
from antiphon.protocol.models import REALTIME_MODELS, is_realtime_model
from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart
from antiphon.transports.handshake import Handshake
from antiphon.transports.websocket import (
    BAD_REQUEST,
    SERVICE_RESTART,
    TRY_AGAIN_LATER,
    UNAUTHORIZED,
    Admission,
    Refusal,
)


class _RefusedError(Exception):
    def __init__(
        self,
        close_code: int,
        code: str | None,
        message: str,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.refusal = Refusal(ErrorDetail(kind, code, message, param), close_code)


class Door:
    """Decides who may begin a session.

    Args:
        keyring: Which keys open it.
        origins: Which web pages may come.
        capacity: How many sessions there may be.
        backend: What answers; its engine must be ready.
    """

    def __init__(self, keyring: Keyring, origins: Origins, capacity: Capacity, backend: Backend) -> None:
        self._keyring = keyring
        self._origins = origins
        self._capacity = capacity
        self._backend = backend

    def admit(self, handshake: Handshake) -> Admission | Refusal:
        """Return the session's beginning, counted in, or why there is none."""
        try:
            secret = self._authenticate(handshake)
            _check_dialect(handshake)
            _check_intent(handshake)
            start = SessionStart(_model(handshake, secret), self._config(secret))
            self._check_capacity()
        except _RefusedError as error:
            return error.refusal
        return Admission(start, self._capacity.enter())

    def _authenticate(self, handshake: Handshake) -> ClientSecret | None:
        origin = handshake.header("origin")
        if origin is not None and not self._origins.allows(origin):
            raise _RefusedError(UNAUTHORIZED, "origin_not_allowed", refusal(origin))
        try:
            return self._keyring.check(key_in_handshake(handshake))
        except AccessDeniedError as error:
            raise _RefusedError(UNAUTHORIZED, error.code, error.message) from None

    def _config(self, secret: ClientSecret | None) -> SessionConfig:
        if secret is None:
            return self._backend.defaults
        try:
            return updated(self._backend.defaults, secret.session, self._backend.defaults)
        except ClientEventError as error:  # made by another version of the server
            raise _RefusedError(BAD_REQUEST, error.code, error.message, error.param) from None

    def _check_capacity(self) -> None:
        # Reconnecting clients come back on 1012 and 1013.
        if self._capacity.draining:
            message = "The server is shutting down and begins no new sessions; connect again."
            raise _RefusedError(SERVICE_RESTART, "server_shutting_down", message, kind="server_error")
        if not self._backend.engine.ready:
            message = "The server is still loading; try again in a few seconds."
            raise _RefusedError(TRY_AGAIN_LATER, "server_not_ready", message, kind="server_error")
        if self._capacity.is_full:
            message = f"All {self._capacity.max_sessions} sessions of this server are in use; try again later."
            raise _RefusedError(TRY_AGAIN_LATER, "server_full", message, kind="server_error")


def asks_for_beta(handshake: Handshake) -> bool:
    """Whether the client speaks the beta dialect: the one place where the dialect is chosen."""
    return (
        "realtime=v1" in (handshake.header("openai-beta") or "") or "openai-beta.realtime-v1" in handshake.subprotocols
    )


def _check_dialect(handshake: Handshake) -> None:
    if asks_for_beta(handshake):
        message = (
            "The beta shape of the Realtime API is not supported; use the GA shape, without the header "
            "'OpenAI-Beta: realtime=v1' and the subprotocol 'openai-beta.realtime-v1'."
        )
        raise _RefusedError(BAD_REQUEST, "beta_api_shape_disabled", message)


def _check_intent(handshake: Handshake) -> None:
    intent, call_id = handshake.parameter("intent"), handshake.parameter("call_id")
    if intent == "transcription":
        message = (
            "Transcription sessions are not available yet; connect with ?model= and set audio.input.transcription."
        )
        raise _RefusedError(BAD_REQUEST, "unsupported_intent", message, "intent")
    if intent is not None:
        message = f"Invalid intent: {intent[:100]!r}; leave it out for a realtime session."
        raise _RefusedError(BAD_REQUEST, "invalid_intent", message, "intent")
    if call_id is not None:
        message = "There is no call to join: WebRTC and SIP calls are not available yet; connect with ?model= instead."
        raise _RefusedError(BAD_REQUEST, "call_id_not_found", message, "call_id")


def _model(handshake: Handshake, secret: ClientSecret | None) -> str:
    model = handshake.parameter("model") or (secret.model if secret else None)
    if not model:
        raise _RefusedError(
            BAD_REQUEST, "missing_model", f"You must provide a model, such as ?model={REALTIME_MODELS[0]}.", "model"
        )
    if not is_realtime_model(model):
        message = f"Model {model[:100]!r} is not supported in realtime mode. GET /v1/models lists those that are."
        raise _RefusedError(BAD_REQUEST, "invalid_model", message, "model")
    return model
