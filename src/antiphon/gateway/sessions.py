"""Client secrets over HTTP: in GA's shape, and in the two of the beta's.

Source: Realtime API, `client_secrets`, `sessions` and `transcription_sessions`.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon.errors import ClientEventError
from antiphon.gateway.auth import Keyring, key_in_headers
from antiphon.gateway.bodies import read_json
from antiphon.gateway.client_secrets import ClientSecret, ClientSecrets
from antiphon.gateway.engine import Backend
from antiphon.gateway.merging import merged
from antiphon.gateway.openapi import Operation
from antiphon.gateway.session_bodies import (
    GA_SECONDS,
    BetaClientSecret,
    BetaSession,
    BetaTranscriptionSession,
    ClientSecretCreated,
    CreateBetaSession,
    CreateBetaTranscriptionSession,
    CreateClientSecret,
)
from antiphon.protocol.beta.paths import beta_refusal
from antiphon.protocol.beta.sessions import REALTIME as BETA_REALTIME
from antiphon.protocol.beta.sessions import TRANSCRIPTION as BETA_TRANSCRIPTION
from antiphon.protocol.beta.sessions import SessionShape
from antiphon.protocol.beta.values import DEFAULT_TEMPERATURE
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.ids import Ids
from antiphon.protocol.models import REALTIME_MODELS
from antiphon.protocol.session_kinds import KINDS, REALTIME, SessionKind
from antiphon.protocol.validation import convert
from antiphon.transports.websocket import PATH

_ids = Ids(os.urandom)

# What a client secret must not carry, since whoever holds it can read it.
_SECRET_TOOL_KEYS = ("authorization", "headers")


@dataclass(frozen=True)
class _Wanted:
    """A checked configuration and the secret that will carry it."""

    kind: SessionKind
    update: Mapping[str, Any]
    config: SessionConfig
    seconds: int
    model: str | None = None
    temperature: float | None = None


class SessionRoutes:
    """Makes client secrets.

    Args:
        backend: Its defaults and its engine's limits apply.
        keyring: Who may make them.
        secrets: Signs them.
        clock: Unix time in seconds.
    """

    def __init__(
        self, backend: Backend, keyring: Keyring, secrets: ClientSecrets, clock: Callable[[], float] = time.time
    ) -> None:
        self._backend = backend
        self._keyring = keyring
        self._secrets = secrets
        self._clock = clock

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "POST",
                f"{PATH}/client_secrets",
                self.create_client_secret,
                "Make a client secret",
                ClientSecretCreated,
                CreateClientSecret,
            ),
            Operation(
                "POST",
                f"{PATH}/sessions",
                self.create_session,
                "Make a client secret (beta)",
                BetaSession,
                CreateBetaSession,
            ),
            Operation(
                "POST",
                f"{PATH}/transcription_sessions",
                self.create_transcription_session,
                "Make a client secret for transcription (beta)",
                BetaTranscriptionSession,
                CreateBetaTranscriptionSession,
            ),
        )

    async def create_client_secret(self, request: Request) -> Response:
        self._keyring.check_api_key(key_of(request))
        body = convert(await read_json(request), CreateClientSecret, "")
        update = body.session or {"type": REALTIME.name}
        asked = body.expires_after.seconds if body.expires_after else None
        kind = _kind_of(update)
        wanted = _Wanted(kind, update, self._checked(kind, update), asked or GA_SECONDS, _model_in(update))
        value, expires_at = self._mint(wanted, request)
        return JSONResponse({"value": value, "expires_at": expires_at, "session": self._wire(wanted)})

    async def create_session(self, request: Request) -> Response:
        return await self._create_flat(request, BETA_REALTIME)

    async def create_transcription_session(self, request: Request) -> Response:
        return await self._create_flat(request, BETA_TRANSCRIPTION)

    async def _create_flat(self, request: Request, shape: SessionShape) -> Response:
        self._keyring.check_api_key(key_of(request))
        body = convert(await read_json(request), dict[str, Any], "")
        wanted = self._read_flat(body, shape)
        value, expires_at = self._mint(wanted, request)
        temperature = DEFAULT_TEMPERATURE if wanted.temperature is None else wanted.temperature
        session = shape.show(self._wire(wanted), temperature)
        return JSONResponse({**session, "client_secret": {"value": value, "expires_at": expires_at}})

    def _read_flat(self, body: Mapping[str, Any], shape: SessionShape) -> _Wanted:
        secret = convert(body.get("client_secret") or {}, BetaClientSecret, "client_secret")
        asked = shape.read(body, "")
        kind = KINDS[shape.kind]
        try:
            config = self._checked(kind, asked.session)
            model = _model_in(body) if shape.converses else None
        except ClientEventError as error:
            raise _flat_refusal(error) from None
        return _Wanted(kind, asked.session, config, secret.seconds, model, asked.temperature)

    def _checked(self, kind: SessionKind, update: Mapping[str, Any]) -> SessionConfig:
        """Return the whole configuration that `update` makes, if a client secret may carry it."""
        config = self._backend.configured(kind, update)
        _check_tools(update.get("tools") or [])
        return config

    def _wire(self, wanted: _Wanted) -> dict[str, Any]:
        # A bad model is refused at connect only, as real servers do.
        wire = wanted.kind.wire(wanted.config, _ids.session(), wanted.model or REALTIME_MODELS[0], 0)
        # What only the upstream knows is shown as it came.
        return merged(wire, wanted.update) if self._backend.upstream_decides else wire

    def _mint(self, wanted: _Wanted, request: Request) -> tuple[str, int]:
        secret = ClientSecret(
            expires_at=int(self._clock()) + wanted.seconds,
            session=wanted.update,
            model=wanted.model,
            safety_identifier=request.headers.get("openai-safety-identifier"),
            temperature=wanted.temperature,
        )
        return self._secrets.mint(secret), secret.expires_at


def key_of(request: Request) -> str | None:
    """Return the key that a request shows in its headers."""
    return key_in_headers(request.headers.get("authorization"), request.headers.get("api-key"))


def _kind_of(update: Mapping[str, Any]) -> SessionKind:
    # What is no type at all is refused by the kind itself.
    name = update.get("type")
    return KINDS.get(name, REALTIME) if isinstance(name, str) else REALTIME


def _model_in(update: Mapping[str, Any]) -> str | None:
    model = update.get("model")
    if model is not None and not isinstance(model, str):
        raise ClientEventError("invalid_type", "Invalid 'session.model': expected a string.", "session.model")
    return model


def _check_tools(tools: list[Any]) -> None:
    for index, tool in enumerate(tools):
        for key in _SECRET_TOOL_KEYS:
            if tool.get(key):
                path = f"session.tools[{index}].{key}"
                message = f"'{path}' may not go into a client secret, which the client can read; leave it out."
                raise ClientEventError("invalid_parameter", message, path)


def _flat_refusal(error: ClientEventError) -> ClientEventError:
    """Return a refusal with paths that begin at the body, as there is no `session` around a flat one."""
    refusal = beta_refusal(error)
    param = refusal.param.removeprefix("session.") if refusal.param else None
    return ClientEventError(refusal.code, re.sub(r"'session\.", "'", refusal.message), param)
