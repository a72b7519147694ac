"""Voices behind any OpenAI-compatible server: `POST {base_url}/audio/speech`, streaming."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from antiphon.stages.base import Speech
from antiphon.stages.openai_http import Answer, Content, Endpoint, OpenAIServer, RefusedError, ServerSettings
from antiphon.stages.tts.pcm_stream import RATE, PcmStream, WrongAudioError

_ENDPOINT = Endpoint("tts openai", "/audio/speech", "a speech server")
# A server may send byte by byte; 20 ms is the least that is worth an event.
_PIECE_BYTES = RATE // 50 * 2
_LONGEST_SAID = 300  # bytes of a page or an error instead of audio, for the message


@dataclass(frozen=True)
class SpeechSettings(ServerSettings):
    """Where voices are and how long to wait for them.

    Args:
        voice: Speaks whatever voice a session asks for; "" passes the session's voice on.
        instructions: How to speak, for models that take it.
    """

    voice: str = ""
    instructions: str = ""


class OpenAISpeech:
    """Voices on an OpenAI-compatible server; it tells nothing of where words begin."""

    rate = RATE

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._server = OpenAIServer(_ENDPOINT, settings)
        self._format = "pcm"

    async def start(self) -> None:
        """Check the settings and make the HTTP client."""
        await self._server.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._server.close()

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech, None]:
        """Speak as `TextToSpeech` says; closing the iterator closes the connection, which stops the server's work."""
        if not any(letter.isalnum() for letter in text):
            return  # servers refuse what has nothing to say in it, or answer with a noise
        deadline = self._server.first_deadline()
        try:
            async with (
                self._server.post(deadline, lambda: self._request(text, voice, speed), self._relent) as answer,
                aclosing(self._read(answer, deadline)) as pieces,
            ):
                async for pcm in pieces:
                    yield Speech(pcm)
        except WrongAudioError as error:
            advice = "use one that answers with response_format 'pcm' or 'wav', PCM16 mono"
            raise self._server.error("unsupported_audio", f"the server sent {error}; {advice}") from None

    def _request(self, text: str, voice: str, speed: float) -> Content:
        body: dict[str, Any] = {
            "model": self._settings.model,
            "input": text,
            "voice": self._settings.voice or voice,
            "response_format": self._format,
        }
        if speed != 1.0:
            body["speed"] = speed
        if self._settings.instructions:
            body["instructions"] = self._settings.instructions
        return {"json": body | dict(self._settings.body)}

    def _relent(self, refused: RefusedError) -> bool:
        """Ask for WAV from now on when raw samples were the server's only objection."""
        relents = self._format == "pcm" and refused.objects_to("response_format", "pcm")
        self._format = "wav" if relents else self._format
        return relents

    # --- answer ---------------------------------------------------------------------------------------------

    async def _read(self, answer: Answer, deadline: float) -> AsyncGenerator[bytes]:
        await self._check_type(answer, deadline)
        stream, waiting, is_first = PcmStream(answer.content_type), b"", True
        while (data := await answer.next(deadline, is_first)) is not None:
            waiting += stream.feed(data)
            if len(waiting) >= _PIECE_BYTES:
                yield waiting
                waiting = b""
            is_first, deadline = False, self._server.next_deadline()
        if is_first:
            raise self._server.error("no_audio", "the server's answer was empty; check the model and the voice")
        waiting += stream.finish()
        if waiting:
            yield waiting
        if stream.is_cut:
            raise self._server.cut("ended the audio")

    async def _check_type(self, answer: Answer, deadline: float) -> None:
        """Refuse what is text, such as an error that came with a good status."""
        if answer.is_json or answer.content_type.startswith("text/"):
            said = (await answer.whole(deadline))[:_LONGEST_SAID].decode(errors="replace")
            raise self._server.malformed(f"{answer.content_type or 'text'} instead of audio: {said!r}")
