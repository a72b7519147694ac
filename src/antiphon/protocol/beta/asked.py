"""What a beta client asked for that GA has no place for, until the answer comes that shows it."""

from collections import deque
from dataclasses import dataclass

from antiphon.protocol.server_events import ErrorDetail

# A client that asks and is never answered must not fill the memory.
MOST_ASKED = 100
_ACTIVE = "conversation_already_has_active_response"
_OF_OTHERS = ("item_", "input_audio_buffer_", "response_cancel_", "session_expired")  # codes


@dataclass(frozen=True)
class _Ask:
    kind: str
    event_id: str | None
    temperature: float | None


class Asked:
    """The updates of the session and the responses that were asked for and are not answered yet, oldest first.

    A kind is the field that the event carries: `session` or `response`. Servers answer in order, each kind for itself.
    A response that begins by itself, because a turn ended, takes the place of one that was asked for just before.
    """

    def __init__(self) -> None:
        self._asks: deque[_Ask] = deque(maxlen=MOST_ASKED)

    def note(self, kind: str, event_id: str | None, temperature: float | None) -> None:
        """An event of that kind was sent; `temperature` is None when it asks for none."""
        self._asks.append(_Ask(kind, event_id, temperature))

    def answered(self, kind: str) -> float | None:
        """The oldest of that kind is accepted: return the temperature that it asked for."""
        ask = next((ask for ask in self._asks if ask.kind == kind), None)
        if ask is None:
            return None
        self._asks.remove(ask)
        return ask.temperature

    def refused(self, error: ErrorDetail) -> None:
        """Forget the event that `error` refuses, if it is one of these."""
        kinds = _kinds_of(error)
        for ask in self._asks:
            if ask.event_id == error.event_id and (ask.event_id is not None or ask.kind in kinds):
                self._asks.remove(ask)
                return


def _kinds_of(error: ErrorDetail) -> tuple[str, ...]:
    # An event without an id is known by what its error says. In doubt it is one of these: what is forgotten too early
    # costs one answer its temperature, and what is forgotten never would shift those of all that follow.
    if error.code == _ACTIVE:
        return ("response",)
    if error.param is None:
        return () if (error.code or "").startswith(_OF_OTHERS) else ("session", "response")
    return (error.param.partition(".")[0].partition("[")[0],)
