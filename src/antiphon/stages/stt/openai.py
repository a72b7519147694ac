"""Recognisers behind any OpenAI-compatible server: `POST {base_url}/audio/transcriptions`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from antiphon.audio.pcm import SAMPLE_BYTES, Wav, seconds_of, write_wav
from antiphon.session.context import TranscriptionHint
from antiphon.stages.base import Transcript
from antiphon.stages.event_stream import MalformedStreamError, ServerReportedError
from antiphon.stages.openai_http import Answer, Content, Endpoint, OpenAIServer, RefusedError, ServerSettings
from antiphon.stages.stt.recognition_prompt import recognition_prompt
from antiphon.stages.stt.transcript_stream import TranscriptReader, whole_transcript

_ENDPOINT = Endpoint("stt openai", "/audio/transcriptions", "a transcription server")
# Recognisers work at this rate, and it makes an upload a third smaller than the session's 24000 Hz.
RATE = 16_000
SHORTEST_SECONDS = 0.1  # servers refuse shorter audio, and nobody says anything in it


@dataclass(frozen=True)
class TranscriptionSettings(ServerSettings):
    """Where a recogniser is and how long to wait for it.

    Args:
        longest_seconds: Audio of one utterance that is kept until it is sent; OpenAI takes 25 MB, about 13 minutes.
    """

    longest_seconds: float = 600.0


class OpenAITranscription:
    """A recogniser on an OpenAI-compatible server.

    An utterance is sent when it ended. Servers that stream the transcript then give partials, which others do not.
    """

    rate = RATE

    def __init__(self, settings: TranscriptionSettings) -> None:
        self._settings = settings
        self._server = OpenAIServer(_ENDPOINT, settings)
        self._asks_stream = True

    async def start(self) -> None:
        """Check the settings and make the HTTP client."""
        await self._server.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._server.close()

    async def prepare(self, hint: TranscriptionHint) -> None:
        """Do nothing: the hint goes with each utterance."""

    def open(self, hint: TranscriptionHint) -> "BufferedTranscription":
        return BufferedTranscription(self, hint, int(self._settings.longest_seconds * RATE) * SAMPLE_BYTES)

    async def transcribe(self, pcm: bytes, hint: TranscriptionHint, tell: Callable[[str], None]) -> str:
        """Return what was said in `pcm`; `tell` gets the text so far each time that it grew.

        Raises:
            StageError: The server failed.
        """
        wav = BytesIO()
        write_wav(wav, Wav(pcm, RATE))
        deadline = self._server.first_deadline()
        try:
            async with self._server.post(deadline, lambda: self._request(wav.getvalue(), hint), self._relent) as answer:
                if "event-stream" in answer.content_type:
                    text = await self._follow(answer, deadline, tell)
                    await answer.drain()
                    return text
                return whole_transcript(await answer.whole(deadline), answer.is_json)
        except MalformedStreamError as error:
            raise self._server.malformed(str(error)) from None
        except ServerReportedError as error:
            raise self._server.reported(str(error)) from None

    def too_long(self) -> Exception:
        seconds = self._settings.longest_seconds
        return self._server.error("audio_too_long", f"an utterance lasts over {seconds:g} seconds; commit more often")

    def _request(self, wav: bytes, hint: TranscriptionHint) -> Content:
        fields: dict[str, Any] = {"model": self._settings.model, "response_format": "json"}
        if hint.language:
            fields["language"] = hint.language
        if prompt := recognition_prompt(hint):
            fields["prompt"] = prompt
        if self._asks_stream:
            fields["stream"] = "true"
        return {"data": fields | dict(self._settings.body), "files": {"file": ("audio.wav", wav, "audio/wav")}}

    def _relent(self, refused: RefusedError) -> bool:
        """Ask for no stream any more when that was the server's only objection."""
        relents = self._asks_stream and refused.objects_to("stream")
        self._asks_stream = self._asks_stream and not relents
        return relents

    async def _follow(self, answer: Answer, deadline: float, tell: Callable[[str], None]) -> str:
        reader = TranscriptReader()
        async with aclosing(answer.events(deadline, self._server.next_deadline)) as events:
            async for data in events:
                reader.read(data)
                if reader.is_complete:
                    break
                tell(reader.text)
        if not (reader.is_complete or reader.may_end or answer.is_done):
            raise self._server.cut("ended the stream")
        return reader.text


class BufferedTranscription:
    """One utterance: kept while the user speaks, sent when it ended."""

    def __init__(self, stage: OpenAITranscription, hint: TranscriptionHint, most_bytes: int) -> None:
        self._stage = stage
        self._hint = hint
        self._most_bytes = most_bytes
        self._pcm = bytearray()
        self._is_too_long = False
        self._request: asyncio.Task[str] | None = None
        self._newest = ""
        self._news = asyncio.Event()
        self._ended = False
        self._cancelled = False

    def feed(self, pcm: bytes) -> None:
        if self._request is not None or self._ended:
            return
        self._is_too_long = self._is_too_long or len(self._pcm) + len(pcm) > self._most_bytes
        if self._is_too_long:
            self._pcm.clear()
        else:
            self._pcm += pcm

    async def partials(self) -> AsyncIterator[str]:
        told = ""
        while not self._ended:
            if self._newest != told:
                told = self._newest
                yield told
            else:
                self._news.clear()
                await self._news.wait()

    async def finish(self) -> Transcript:
        """Send the audio and return what the server heard.

        Raises:
            StageError: The server failed, or the utterance was longer than `longest_seconds`.
        """
        try:
            return await self._finish()
        finally:
            self._end()

    def cancel(self) -> None:
        self._cancelled = True
        if self._request is not None:
            self._request.cancel()
        self._end()

    async def _finish(self) -> Transcript:
        if self._is_too_long and not self._cancelled:
            raise self._stage.too_long()
        pcm = bytes(self._pcm)
        self._pcm.clear()
        seconds = seconds_of(pcm, RATE)
        if self._cancelled or seconds < SHORTEST_SECONDS:
            return Transcript("", seconds, self._hint.language)
        self._request = asyncio.ensure_future(self._stage.transcribe(pcm, self._hint, self._tell))
        # `wait` tells apart who was cancelled: the request (by `cancel`), or the task that waits for it.
        try:
            await asyncio.wait([self._request])
        finally:
            self._request.cancel()
        text = "" if self._request.cancelled() else self._request.result()
        return Transcript(text, seconds, self._hint.language)

    def _tell(self, text: str) -> None:
        self._newest = text
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._pcm.clear()
        self._news.set()
