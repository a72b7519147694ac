"""What an operator chose for relayed calls: times in seconds, sizes in bytes."""

from dataclasses import dataclass
from typing import Literal

WhileActive = Literal["queue", "replace", "refuse"]
CutResponse = Literal["continue", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions:
    """The choices that hold for every relayed call of a gateway; the settings of `[relay]` in the core's units."""

    responses: WhileActive = "queue"
    """What is done with a `response.create` while a response is active."""

    cut_response: CutResponse = "continue"
    """What becomes of a response that an upstream's loss cut short."""

    session_seconds: float = 86_400.0
    """The longest call. An upstream's own, shorter cap is rolled over."""

    rollover_seconds: float = 90.0
    """How long before an upstream session's cap a fresh one is prepared."""

    silence_seconds: float = 20.0
    """How long a leg may say nothing when it should speak before it is replaced."""

    give_up_seconds: float = 60.0
    """How long a call waits for any route before its client is told and closed."""

    held_seconds: float = 30.0
    """Seconds of input audio kept while no leg is ready."""

    held_bytes: int = 8_000_000
    """Bytes of everything kept while no leg is ready."""

    kept_audio_bytes: int = 16_000_000
    """Bytes of the conversation's audio kept for a restore."""

    return_seconds: float = 15.0
    """Seconds between tries to go back to a better route."""

    """How long a client that was lost may come back to its call."""

    backoff_seconds: float = 0.25
    """The first pause between tries to reach a route; it doubles from there."""

    backoff_most_seconds: float = 8.0
    """The longest pause between tries to reach a route."""
