"""What the talk session wants done: events to send, and news for the display."""

from dataclasses import dataclass
from enum import Enum
from typing import Any


class State(Enum):
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True)
class Send:
    """A client event for the server."""

    event: dict[str, Any]


@dataclass(frozen=True)
class Ready:
    """The server has taken the configuration; the conversation may begin.

    Args:
        model: As the server names it.
        voice: As the server names it; None when it does not say.
        turn_detection: Its type; None when there is none.
        silence_ms: The silence that ends a turn under `server_vad`; None when there is no such number.
    """

    model: str | None
    voice: str | None
    turn_detection: str | None
    silence_ms: int | None


@dataclass(frozen=True)
class StateChanged:
    state: State


@dataclass(frozen=True)
class Transcript:
    """The text of one item as far as it is known.

    Args:
        turn: Number of the turn, from 1.
        role: `user` or `assistant`.
        text: All of it so far.
        final: Whether it will not change any more.
    """

    turn: int
    role: str
    text: str
    final: bool


@dataclass(frozen=True)
class TurnDone:
    """A turn is over: its answer was played out, was interrupted or did not come.

    Args:
        turn: Its number, from 1.
        question: What the user said or wrote, as far as it was transcribed.
        answer: What was answered.
        status: `completed`, or `interrupted`, `incomplete`, `failed`, `cancelled`, `timeout`, `unanswered`.
        reason: Why it is not completed; None without one.
        first_audio_ms: From the end of the user's speech, or from sending a text, to the first audio.
        first_text_ms: The same to the first text of the answer.
        silence_ms: Of these, what the server waits to be sure that a spoken turn is over; None when unknown.
    """

    turn: int
    question: str
    answer: str
    status: str
    reason: str | None
    first_audio_ms: int | None
    first_text_ms: int | None
    silence_ms: int | None


@dataclass(frozen=True)
class Notice:
    """Something that the user should know; the conversation goes on."""

    message: str


@dataclass(frozen=True)
class Failed:
    """The conversation cannot go on."""

    message: str


Output = Send | Ready | StateChanged | Transcript | TurnDone | Notice | Failed
