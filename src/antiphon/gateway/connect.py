"""What a WebSocket client gets: a session, or a refusal that says why.

Source: Realtime API, "WebSocket connect"; the close codes follow real traffic.
"""

from antiphon.errors import ClientEventError
from antiphon.gateway.auth import AccessDeniedError, Keyring, key_in_handshake
from antiphon.gateway.client_secrets import ClientSecret
from antiphon.gateway.engine import Backend
from antiphon.gateway.limits import Capacity
from antiphon.gateway.origins import Origins, refusal
from antiphon.protocol.beta import DEFAULT_TEMPERATURE, SHAPES, BetaDialect, LenientDialect
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.models import REALTIME_MODELS, is_realtime_model
from antiphon.protocol.server_events import ErrorDetail
from antiphon.protocol.session_kinds import KINDS, REALTIME, TRANSCRIPTION, SessionKind
from antiphon.session.start import SessionStart
from antiphon.transports.handshake import Handshake
from antiphon.transports.websocket import (
    AZURE_BETA_PATH,
    AZURE_PATH,
    BAD_REQUEST,
    PATH,
    SERVICE_RESTART,
    TRANSLATIONS_PATH,
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
        lenient_dialect: Whether a client's first `session.update` may show that it speaks beta.
    """

    def __init__(
        self,
        keyring: Keyring,
        origins: Origins,
        capacity: Capacity,
        backend: Backend,
        lenient_dialect: bool = False,
    ) -> None:
        self._keyring = keyring
        self._origins = origins
        self._capacity = capacity
        self._backend = backend
        self._lenient = lenient_dialect

    def admit(self, handshake: Handshake) -> Admission | Refusal:
        """Return the session's beginning, counted in, or why there is none."""
        try:
            secret = self._authenticate(handshake)
            _check_path(handshake)
            kind = _kind(handshake, secret)
            model = _model(handshake, secret) if kind.responds else _no_model(handshake)
            dialect = dialect_of(handshake, kind, secret, self._lenient)
            start = SessionStart(model, self._config(kind, secret), kind, dialect)
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

    def _config(self, kind: SessionKind, secret: ClientSecret | None) -> SessionConfig:
        if secret is None or not secret.session:
            return self._backend.defaults
        try:
            return kind.updated(self._backend.defaults, secret.session, self._backend.defaults)
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


# Azure's first version; clients of its time end at an event that came later.
FIRST_PREVIEW = "2024-10-01-preview"


def dialect_of(handshake: Handshake, kind: SessionKind, secret: ClientSecret | None, lenient: bool) -> Dialect:
    """Return the shape that the client speaks: the one place where it is chosen.

    Beta is asked for by a header, by a subprotocol, or by Azure's old path; all else is GA, at first at least where the
    server is `lenient`.
    """
    is_azure = _path(handshake) == AZURE_BETA_PATH
    if (
        "realtime=v1" in (handshake.header("openai-beta") or "")
        or "openai-beta.realtime-v1" in handshake.subprotocols
        or is_azure
    ):
        temperature = secret.temperature if secret else None
        return BetaDialect(
            SHAPES[kind.name],
            DEFAULT_TEMPERATURE if temperature is None else temperature,
            is_first_preview=is_azure and handshake.parameter("api-version") == FIRST_PREVIEW,
        )
    return LenientDialect() if lenient and kind is REALTIME else GaDialect()


def _check_path(handshake: Handshake) -> None:
    if _path(handshake) == TRANSLATIONS_PATH:
        message = f"Translation sessions are not available in this server; connect to {PATH} instead."
        raise _RefusedError(BAD_REQUEST, "translation_not_available", message)
    if handshake.parameter("call_id") is not None:
        message = "There is no call to join: WebRTC and SIP calls are not available yet; connect with ?model= instead."
        raise _RefusedError(BAD_REQUEST, "call_id_not_found", message, "call_id")


def _kind(handshake: Handshake, secret: ClientSecret | None) -> SessionKind:
    intent = handshake.parameter("intent")
    carried = KINDS.get(str(secret.session.get("type")), REALTIME) if secret else None
    if intent is None:
        return carried or REALTIME
    if intent != TRANSCRIPTION.name:
        message = f"Invalid intent: {intent[:100]!r}; send 'transcription', or leave it out for a realtime session."
        raise _RefusedError(BAD_REQUEST, "invalid_intent", message, "intent")
    if carried not in (None, TRANSCRIPTION):
        message = "The client secret is for a realtime session; leave ?intent= out, or create one for transcription."
        raise _RefusedError(BAD_REQUEST, "invalid_intent", message, "intent")
    return TRANSCRIPTION


def _no_model(handshake: Handshake) -> str:
    if handshake.parameter("model"):
        message = (
            "You must not provide a model parameter for transcription sessions: leave ?model= out, "
            "and set audio.input.transcription.model with session.update."
        )
        raise _RefusedError(BAD_REQUEST, "invalid_parameter", message, "model")
    return ""


def _model(handshake: Handshake, secret: ClientSecret | None) -> str:
    model = handshake.parameter("model") or (secret.model if secret else None)
    if _path(handshake) in (AZURE_PATH, AZURE_BETA_PATH):
        # Azure's customers name their deployments as they like.
        return handshake.parameter("deployment") or model or _missing_model("deployment")
    if not model:
        return _missing_model("model")
    if not is_realtime_model(model):
        message = f"Model {model[:100]!r} is not supported in realtime mode. GET /v1/models lists those that are."
        raise _RefusedError(BAD_REQUEST, "invalid_model", message, "model")
    return model


def _missing_model(parameter: str) -> str:
    message = f"You must provide a model, such as ?{parameter}={REALTIME_MODELS[0]}."
    raise _RefusedError(BAD_REQUEST, "missing_model", message, parameter)


def _path(handshake: Handshake) -> str:
    return handshake.path.rstrip("/")
