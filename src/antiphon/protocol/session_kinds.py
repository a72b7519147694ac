"""The kinds of session: what each may be configured with, and how it is shown."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from antiphon.errors import ClientEventError
from antiphon.protocol import config as realtime
from antiphon.protocol.config import SessionConfig


class SessionKind(Protocol):
    """What `session.type` stands for."""

    @property
    def name(self) -> str: ...

    @property
    def responds(self) -> bool:
        """Whether responses are made at all."""
        ...

    def updated(self, config: SessionConfig, update: Mapping[str, Any], defaults: SessionConfig) -> SessionConfig:
        """Return `config` with a partial `update` merged in.

        Raises:
            ClientEventError: With the dotted path of the offending field, from `session`.
        """
        ...

    def wire(self, config: SessionConfig, session_id: str, model: str, expires_at: int) -> dict[str, Any]:
        """Return the session as events show it."""
        ...


class _Realtime:
    name = "realtime"
    responds = True

    def updated(self, config: SessionConfig, update: Mapping[str, Any], defaults: SessionConfig) -> SessionConfig:
        check_type(update, self.name)
        return realtime.updated(config, update, defaults)

    def wire(self, config: SessionConfig, session_id: str, model: str, expires_at: int) -> dict[str, Any]:
        return realtime.session_object(config, session_id, model, expires_at)


class _Transcription:
    """Hears and never answers: of a configuration only what concerns hearing."""

    name = "transcription"
    responds = False

    def updated(self, config: SessionConfig, update: Mapping[str, Any], defaults: SessionConfig) -> SessionConfig:
        check_type(update, self.name)
        _check_keys(update, ("type", "audio", "include", *realtime.ECHOED_KEYS), "session")
        if isinstance(audio := update.get("audio"), Mapping):
            _check_keys(audio, ("input",), "session.audio")
        return realtime.updated(config, update, defaults)

    def wire(self, config: SessionConfig, session_id: str, model: str, expires_at: int) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": self.name,
            "object": "realtime.transcription_session",
            "id": session_id,
            "expires_at": expires_at,
            "audio": {"input": msgspec.to_builtins(config.audio.input)},
            "include": config.include,
        }


REALTIME: SessionKind = _Realtime()
TRANSCRIPTION: SessionKind = _Transcription()
KINDS = {kind.name: kind for kind in (REALTIME, TRANSCRIPTION)}


def check_type(update: Mapping[str, Any], name: str) -> None:
    """Refuse a `session` without a type, or with another one than the session has."""
    kind = update.get("type")
    if kind is None:
        message = f"Missing required parameter: 'session.type'; send '{name}'."
        raise ClientEventError("missing_required_parameter", message, "session.type")
    if not isinstance(kind, str) or kind not in KINDS:
        message = f"Invalid value: {str(kind)[:100]!r}. Supported values are: 'realtime', 'transcription'."
        raise ClientEventError("invalid_value", message, "session.type")
    if kind != name:
        message = f"A {name} session cannot become a {kind} session; keep 'session.type' at '{name}'."
        raise ClientEventError("invalid_parameter", message, "session.type")


def _check_keys(found: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
    for key, value in found.items():
        if key not in allowed and value is not None:
            param = f"{path}.{key}"
            message = f"Unknown parameter: '{param}'; a transcription session takes audio.input and include."
            raise ClientEventError("unknown_parameter", message, param)
