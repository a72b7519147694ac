"""What a user asked of the talk client."""

from dataclasses import dataclass, field
from pathlib import Path

from antiphon.talk.address import Address


@dataclass(frozen=True)
class Question:
    """One turn to ask: a text, or a WAV file to speak."""

    text: str | None = None
    file: Path | None = None


@dataclass(frozen=True)
class TalkOptions:
    """A conversation to hold.

    Args:
        address: The server.
        key: Its key; never shown.
        questions: Asked one after another; with none, the microphone and the loudspeaker are used.
        out: WAV file for what the user hears, written when there are questions.
        voice: Asked of the server; None leaves its own.
        instructions: Asked of the server; None leaves its own.
        text_only: Whether answers are written instead of spoken.
        transcription: Whether the server is asked to transcribe the user's audio.
        timeout: Longest wait for the server to do anything, in seconds.
        json: Whether to print one JSON object a line.
        input_device: Microphone by number or part of its name.
        output_device: Loudspeaker by number or part of its name.
    """

    address: Address
    key: str = field(repr=False)
    questions: tuple[Question, ...] = ()
    out: Path | None = None
    voice: str | None = None
    instructions: str | None = None
    text_only: bool = False
    transcription: bool = True
    timeout: float = 30.0
    json: bool = False
    input_device: int | str | None = None
    output_device: int | str | None = None
