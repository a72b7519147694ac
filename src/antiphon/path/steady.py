"""What a client sees of its session, whichever leg serves it: one id, one model, one end."""

from collections.abc import Mapping
from typing import Any


class SteadySession:
    """Shows sessions of changing legs as the one that the client began.

    Args:
        model: As the client asked for it; "" without one.
        expires_at: Unix time in seconds at which the gateway ends the session.
    """

    def __init__(self, model: str, expires_at: int) -> None:
        self._model = model
        self._expires_at = expires_at
        self.id: str | None = None

    def show(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Return a leg's session object as the client is to see it; the first one gives it its id."""
        if self.id is None:
            self.id = str(session.get("id") or "")
        shown = {**session, "id": self.id}
        if "model" in session and self._model:
            shown["model"] = self._model
        if "expires_at" in session:
            shown["expires_at"] = self._expires_at
        return shown
