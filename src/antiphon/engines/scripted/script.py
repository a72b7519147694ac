"""A script: what the emulator says, calls and hears, at what pace, and what goes wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.engines.scripted.faults import Fault

FOR_EVER = 0


@dataclass(frozen=True)
class Pace:
    """How fast an answer comes; 0 is as fast as it can be sent.

    Args:
        first_delay: Seconds from `response.created` to the first output.
        words_per_second: Of text, and pieces of a call's arguments.
        audio_speed: Audio is made this many times faster than it plays.
        chunk_ms: Audio in one delta.
        character_ms: How long the tone for one character lasts.
    """

    first_delay: float = 0.0
    words_per_second: float = 0.0
    audio_speed: float = 0.0
    chunk_ms: int = 200
    character_ms: int = 50


@dataclass(frozen=True)
class Call:
    """A function call; `arguments` is JSON text, and the emulator makes up a `call_id` where there is none."""

    name: str
    arguments: str = "{}"
    call_id: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a response fails."""

    code: str
    message: str


@dataclass(frozen=True)
class Turn:
    """What is understood of one utterance, and one answer.

    Args:
        hear: The transcript of an utterance; None when the turn is not for one.
        hear_error: The transcription fails with this message.
        when: The turn answers only what this is found in; None for a turn that comes in its order.
        repeat: How many times it is used; `FOR_EVER` for no end.
        say: What is answered; "{user}" stands for what the user said. "" for no message.
        audio: What is heard of it, PCM16 at 24000 Hz; None for a tone.
        calls: Function calls, behind the message.
        fail: The response fails, after what is said.
        stop: How the generation ends: `stop`, `length` or `content_filter`.
        usage: Keys of `response.usage` that are to be shown in the place of what was counted.
        pace: How fast it comes.
    """

    hear: str | None = None
    hear_error: str = ""
    when: re.Pattern[str] | None = None
    repeat: int = 1
    say: str = ""
    audio: bytes | None = field(default=None, repr=False)
    calls: tuple[Call, ...] = ()
    fail: Failure | None = None
    stop: str = "stop"
    usage: Mapping[str, Any] = field(default_factory=dict)
    pace: Pace = Pace()

    @property
    def hears(self) -> bool:
        return self.hear is not None or bool(self.hear_error)

    @property
    def answers(self) -> bool:
        return bool(self.say or self.calls or self.fail)


@dataclass(frozen=True)
class SessionOptions:
    """What every session is like.

    Args:
        seconds: After so long it ends with `session_expired` and 1001.
        created_delay: Seconds until `session.created`.
        turn_detection: To begin with: `server_vad`, `semantic_vad` or `none`.
        threshold_db: Audio of this RMS level in dBFS, or louder, is speech.
    """

    seconds: float = 3600.0
    created_delay: float = 0.0
    turn_detection: str = "server_vad"
    threshold_db: float = -40.0


@dataclass(frozen=True)
class ServerOptions:
    """Who may connect: with no `keys` everybody, with any key."""

    keys: tuple[str, ...] = field(default=(), repr=False)
    max_sessions: int = 1000


HELLO = Turn(say="Hello! I am the emulator: I repeat what you say.")
ECHO = Turn(say="{user}", repeat=FOR_EVER)


@dataclass(frozen=True)
class Script:
    """All that an emulator does.

    Args:
        seed: Of all that is random in faults.
        shared: Connections go through the turns together: one that comes again goes on where the script stood. Else
            each begins at the first turn.
        server: Who may connect.
        session: What sessions are like.
        turns: In order; without any, the emulator says hello and then repeats what it is told.
        otherwise: The answer when no turn is left.
        faults: What goes wrong.
    """

    seed: int = 0
    shared: bool = False
    server: ServerOptions = ServerOptions()
    session: SessionOptions = SessionOptions()
    turns: tuple[Turn, ...] = (HELLO,)
    otherwise: Turn = ECHO
    faults: tuple[Fault, ...] = ()
