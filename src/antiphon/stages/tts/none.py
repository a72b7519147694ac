"""No voice at all: for servers that only answer in text, and for machines without a speech synthesiser."""

from collections.abc import AsyncGenerator

from antiphon.errors import StageError
from antiphon.stages.base import Speech


class NoVoice:
    """A text-to-speech stage that refuses every text, and says what to do about it."""

    rate = 24_000

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:  # noqa: ARG002
        """Raise StageError, code `no_voice`."""
        raise StageError(
            "tts none",
            "this server has no voice; ask for text with output_modalities ['text'], or let the operator set tts",
            "no_voice",
        )
        yield  # makes this a generator, as the interface wants it
