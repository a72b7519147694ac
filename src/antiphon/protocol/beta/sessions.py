"""The two kinds of beta session: what their events are called, and their configuration to GA and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.errors import ClientEventError
from antiphon.protocol.beta.fields import SESSION, TRANSCRIPTION_SESSION, Field, flattened, nested
from antiphon.protocol.beta.values import DEFAULT_TEMPERATURE, SPOKEN, read_modalities

# What clients echo: the server sets it, it cannot change, or it is said elsewhere.
_ECHOED = ("id", "object", "model", "expires_at", "client_secret")


@dataclass(frozen=True)
class Update:
    """A client's wishes for a session.

    Args:
        session: As GA's `session.update` has them.
        temperature: As asked for; None when it was not.
    """

    session: dict[str, Any]
    temperature: float | None = None


@dataclass(frozen=True)
class SessionShape:
    """A kind of session as beta clients see it.

    Args:
        kind: Its GA `type`.
        update: Type of the client event that configures it.
        created: Type of the server event that begins it.
        updated: Type of the server event that confirms a configuration.
        converses: Whether there is a conversation to announce.
        head: What a session object begins with, beside its configuration.
        fields: Its configuration.
        ignored: Keys without effect.
    """

    kind: str
    update: str
    created: bytes
    updated: bytes
    converses: bool
    head: tuple[str, ...]
    fields: tuple[Field, ...]
    ignored: tuple[str, ...]

    def read(self, flat: Mapping[str, Any], path: str = "session") -> Update:
        """Return what a flat session asks for.

        Args:
            flat: As parsed from JSON.
            path: Where it stands in the event; "" for a whole body.

        Raises:
            ClientEventError: With the path of the field in the beta shape.
        """
        session = nested(self.fields, flat, path, self.ignored)
        self._check_modalities(flat, path)
        asked = "temperature" in session
        temperature = session.pop("temperature", None)
        if asked and temperature is None:
            temperature = DEFAULT_TEMPERATURE
        return Update({"type": self.kind, **session}, temperature)

    def show(self, session: Mapping[str, Any], temperature: float) -> dict[str, Any]:
        """Return a GA session object flat."""
        head = {key: session.get(key) for key in self.head}
        shown = {**head, **flattened(self.fields, {**session, "temperature": temperature})}
        # A transcription session's say nothing, but clients expect the field.
        return {**shown, "modalities": shown.get("modalities", list(SPOKEN)), "client_secret": None}

    def _check_modalities(self, flat: Mapping[str, Any], path: str) -> None:
        if "modalities" in self.ignored and flat.get("modalities") is not None:
            read_modalities(flat["modalities"], f"{path}.modalities".lstrip("."))

    def refuse_other(self, event: str) -> ClientEventError:
        """Return the refusal of the other kind's update event."""
        message = f"Invalid value: '{event}'. This session is configured with '{self.update}'."
        return ClientEventError("invalid_value", message, "type")


REALTIME = SessionShape(
    kind="realtime",
    update="session.update",
    created=b"session.created",
    updated=b"session.updated",
    converses=True,
    head=("id", "object", "model", "expires_at"),
    fields=SESSION,
    ignored=_ECHOED,
)
TRANSCRIPTION = SessionShape(
    kind="transcription",
    update="transcription_session.update",
    created=b"transcription_session.created",
    updated=b"transcription_session.updated",
    converses=False,
    head=("id", "object", "expires_at"),
    fields=TRANSCRIPTION_SESSION,
    ignored=(*_ECHOED, "modalities"),
)
SHAPES = {shape.kind: shape for shape in (REALTIME, TRANSCRIPTION)}
