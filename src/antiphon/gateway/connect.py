"""What a client gets: a session, or a refusal that says why.

Source: Realtime API, "WebSocket connect"; the close codes follow real traffic.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from antiphon.errors import ClientEventError
from antiphon.gateway.auth import AccessDeniedError, Keyring, key_in_handshake
from antiphon.gateway.client_secrets import ClientSecret
from antiphon.gateway.engine import Backend
from antiphon.gateway.errors import RequestError
from antiphon.gateway.limits import Capacity
from antiphon.gateway.merging import merged
from antiphon.gateway.origins import Origins, refusal
from antiphon.path.calls import Calls
from antiphon.protocol import codec
from antiphon.protocol.beta import DEFAULT_TEMPERATURE, SHAPES, BetaDialect, LenientDialect
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.ids import Ids
from antiphon.protocol.models import REALTIME_MODELS
from antiphon.protocol.server_events import Error, ErrorDetail
from antiphon.protocol.session_kinds import KINDS, REALTIME, TRANSCRIPTION, SessionKind
from antiphon.session.start import SessionStart
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import Client, EngineSession
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
)

SESSION_NOT_FOUND = "session_not_found"
_LONGEST_IDENTIFIER = 512  # characters
_CALL_LETTERS = 21
_NO_CALL = "No session found for the provided call_id"
_MOST_GUESTS = 32  # of one call; they do not count as sessions
_ids = Ids(os.urandom)


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
        calls: The calls that clients may come back to, or join.
        lenient_dialect: Whether a client's first `session.update` may show that it speaks beta.
    """

    def __init__(
        self,
        keyring: Keyring,
        origins: Origins,
        capacity: Capacity,
        backend: Backend,
        calls: Calls,
        *,
        lenient_dialect: bool = False,
    ) -> None:
        self._keyring = keyring
        self._origins = origins
        self._capacity = capacity
        self._backend = backend
        self._calls = calls
        self._lenient = lenient_dialect

    def admit(self, handshake: Handshake) -> Admission | Refusal:
        """Return the session's beginning, counted in, or why there is none."""
        try:
            secret = self._authenticate(handshake)
            _check_path(handshake)
            if handshake.parameter("resume") is not None:
                return self._resume(handshake)
            if handshake.parameter("call_id") is not None:
                return self._join(handshake, secret)
            start = self._start(handshake, secret)
            self._check_ready()
            self._check_room()
        except _RefusedError as error:
            return error.refusal
        return Admission(start, self._capacity.enter())

    def admit_call(
        self, handshake: Handshake, session: Mapping[str, Any] | None = None, beta: bool = False
    ) -> Admission | Refusal:
        """Decide on a client that brings audio as media, over HTTP.

        Args:
            handshake: Of its request.
            session: The configuration that it sent along, as the `session` of a `session.update`.
            beta: Whether it came to the beta's address.
        """
        try:
            secret = self._authenticate(handshake)
            if handshake.parameter("resume") is not None:
                return self._resume(handshake, media=True)
            start = self._start(handshake, _with_session(secret, session))
            self._check_ready()
            self._check_room()
        except _RefusedError as error:
            return error.refusal
        # Nobody learns of a new dialect once the call has begun, so a lenient one would not do.
        dialect = BetaDialect(SHAPES[start.kind.name], DEFAULT_TEMPERATURE) if beta else start.dialect
        start = replace(start, dialect=dialect, media=True, call_id=f"rtc_{_ids.letters(_CALL_LETTERS)}")
        return Admission(start, self._capacity.enter())

    def check_call(self, handshake: Handshake, call_id: str) -> None:
        """Let pass who may act on a call.

        Raises:
            AccessDeniedError: The key opens nothing.
            RequestError: There is no such call, or it is somebody else's, which nobody learns.
        """
        secret = self._keyring.check(key_in_handshake(handshake))
        if not self._may_see(call_id, secret):
            raise RequestError(404, _NO_CALL, "call_id_not_found", "")

    def _may_see(self, call_id: str, secret: ClientSecret | None) -> bool:
        """Whether there is such a call, and it is this client's: an API key's holder sees all."""
        owner = self._calls.owner(call_id)
        return owner is not None and (secret is None or owner == secret.id)

    def _resume(self, handshake: Handshake, media: bool = False) -> Admission:
        """Admit a client that comes back to its call, which counts already and needs no room."""
        self._check_ready()
        token, last_event_id = handshake.parameter("resume") or "", handshake.parameter("last_event_id") or None
        # All that a session begins with is the call's own already; the model is for the log, and no name that nobody
        # has checked.
        start = SessionStart(
            "as before",
            dialect=dialect_of(handshake, self._calls.kind_by_token(token), None, self._lenient),
            media=media,
        )

        def come_back(client: Client) -> EngineSession:
            return self._calls.resume(token, client, last_event_id, start) or _NoSession(client)

        return Admission(start, self._capacity.enter(), come_back)

    def _join(self, handshake: Handshake, secret: ClientSecret | None) -> Admission:
        """Admit one more client to a call."""
        call_id = handshake.parameter("call_id") or ""
        if not self._may_see(call_id, secret):
            raise _RefusedError(BAD_REQUEST, "call_id_not_found", _NO_CALL, "call_id")
        if self._calls.guests(call_id) >= _MOST_GUESTS:
            message = f"The call has {_MOST_GUESTS} guests already, the most that one may have; try again later."
            raise _RefusedError(TRY_AGAIN_LATER, "call_full", message, "call_id", "server_error")
        dialect = dialect_of(handshake, self._calls.kind(call_id), None, self._lenient)

        def join(client: Client) -> EngineSession:
            return self._calls.join(call_id, client, dialect) or _NoSession(client)

        return Admission(SessionStart("of the call", dialect=dialect), _nothing, join)

    def _start(self, handshake: Handshake, secret: ClientSecret | None) -> SessionStart:
        kind = _kind(handshake, secret)
        # An agent's wishes are about answers, which a transcription has none of.
        asked = merged(self._backend.asked if kind.responds else {}, secret.session if secret else {})
        return SessionStart(
            self._model(handshake, secret) if kind.responds else _no_model(handshake),
            self._config(kind, secret),
            kind,
            dialect_of(handshake, kind, secret, self._lenient),
            extensions=_wants_extensions(handshake),
            asked=asked,
            safety_identifier=_safety_identifier(handshake) or (secret.safety_identifier if secret else None),
            owner=secret.id if secret else "",
        )

    def _authenticate(self, handshake: Handshake) -> ClientSecret | None:
        origin = handshake.header("origin")
        if origin is not None and not self._origins.allows(origin, handshake.header("host") or ""):
            raise _RefusedError(UNAUTHORIZED, "origin_not_allowed", refusal(origin))
        try:
            return self._keyring.check(key_in_handshake(handshake))
        except AccessDeniedError as error:
            raise _RefusedError(UNAUTHORIZED, error.code, error.message) from None

    def _config(self, kind: SessionKind, secret: ClientSecret | None) -> SessionConfig:
        if secret is None or not secret.session:
            return self._backend.defaults
        try:
            return self._backend.configured(kind, secret.session)
        except ClientEventError as error:  # made by another version of the server
            raise _RefusedError(BAD_REQUEST, error.code, error.message, error.param) from None

    def _model(self, handshake: Handshake, secret: ClientSecret | None) -> str:
        model = handshake.parameter("model") or (secret.model if secret else None)
        is_azure = _path(handshake) in (AZURE_PATH, AZURE_BETA_PATH)
        if is_azure:
            model = handshake.parameter("deployment") or model
        if not model:
            return _missing_model("deployment" if is_azure else "model")
        # Azure's customers name their deployments as they like.
        if not (self._backend.accepts_model(model) or (is_azure and not self._backend.upstream_decides)):
            message = f"Model {model[:100]!r} is not supported in realtime mode. GET /v1/models lists those that are."
            raise _RefusedError(BAD_REQUEST, "invalid_model", message, "model")
        return model

    def _check_ready(self) -> None:
        # Reconnecting clients come back on 1012 and 1013.
        if self._capacity.draining:
            message = "The server is shutting down and begins no new sessions; connect again."
            raise _RefusedError(SERVICE_RESTART, "server_shutting_down", message, kind="server_error")
        if not self._backend.engine.ready:
            message = "The server is still loading; try again in a few seconds."
            raise _RefusedError(TRY_AGAIN_LATER, "server_not_ready", message, kind="server_error")

    def _check_room(self) -> None:
        if self._capacity.is_full:
            message = f"All {self._capacity.max_sessions} sessions of this server are in use; try again later."
            raise _RefusedError(TRY_AGAIN_LATER, "server_full", message, kind="server_error")


def refuse_http(_handshake: Handshake) -> Refusal:
    """Admit nobody over HTTP: for engines that know their clients by their WebSockets."""
    message = f"This server answers over WebSocket alone: connect one to {PATH}?model=…"
    return Refusal(ErrorDetail("invalid_request_error", "http_not_available", message), BAD_REQUEST)


def _nothing() -> None:
    pass


def _with_session(secret: ClientSecret | None, session: Mapping[str, Any] | None) -> ClientSecret | None:
    """Return the client's secret with what it sent along itself, which comes before what the secret carries."""
    if secret is not None and secret.model is None:
        secret = replace(secret, model=REALTIME_MODELS[0])  # as the session has it that its maker was shown
    if session is None:
        return secret
    secret = secret or ClientSecret(0)
    model = session.get("model")
    return replace(
        secret, session=merged(secret.session, session), model=model if isinstance(model, str) else secret.model
    )


class _NoSession:
    """What answers a client that asked for a session that is not there: it says so and ends."""

    def __init__(self, client: Client) -> None:
        message = "There is no such session, or it waited long enough; start a new one, without ?resume=."
        error = ErrorDetail("invalid_request_error", SESSION_NOT_FOUND, message, "resume")
        client.send(codec.encode(Error(error), _ids))
        client.close(BAD_REQUEST, Refusal(error, BAD_REQUEST).close_reason)

    def receive(self, message: bytes) -> None:
        pass

    def client_slow(self, slow: bool) -> None:
        pass

    def close(self, lost: bool = False) -> None:
        pass


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


def _wants_extensions(handshake: Handshake) -> bool:
    asked = handshake.parameter("antiphon_events") or handshake.header("antiphon-events")
    return (asked or "").lower() in ("true", "1")


def _safety_identifier(handshake: Handshake) -> str | None:
    value = handshake.header("openai-safety-identifier")
    # It is passed on in a header.
    return value if value and len(value) <= _LONGEST_IDENTIFIER and value.isascii() and value.isprintable() else None


def _check_path(handshake: Handshake) -> None:
    if _path(handshake) == TRANSLATIONS_PATH:
        message = f"Translation sessions are not available in this server; connect to {PATH} instead."
        raise _RefusedError(BAD_REQUEST, "translation_not_available", message)


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


def _missing_model(parameter: str) -> str:
    message = f"You must provide a model, such as ?{parameter}={REALTIME_MODELS[0]}."
    raise _RefusedError(BAD_REQUEST, "missing_model", message, parameter)


def _path(handshake: Handshake) -> str:
    return handshake.path.rstrip("/")
