"""Chat completions over an engine's session: one `ChatClient` for each request.

To the session it is a client that asks one thing in text; to the route it is the pieces of the answer, one by one.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import msgspec

from antiphon.audio.pcm import SAMPLE_BYTES, read_wav
from antiphon.audio.resample import resample
from antiphon.errors import MediaError
from antiphon.protocol.chat.answer import Finished, Piece
from antiphon.protocol.chat.exchange import EVENTS, LAST_EVENTS, Exchange, Send
from antiphon.protocol.chat.failures import ChatError
from antiphon.protocol.heads import plain_audio_delta, type_of
from antiphon.transports.base import EngineSession

RATE = 24_000
# Any others would need a filter, or an amount of memory, that nobody wants.
_WAV_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)

_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class ChatLimits:
    """What one request may cost.

    Args:
        seconds: From its beginning to the end of its answer.
        max_waiting: Bytes of events that wait because the client does not take the answer; with more it is given up.
        last_seconds: For a client to take what was sent, once its time is over.
        leave_seconds: How long a conversation is listened to for a response that nobody waits for any more, to cancel
            it as it begins.
    """

    seconds: float = 120.0
    max_waiting: int = 4_000_000
    last_seconds: float = 10.0
    leave_seconds: float = 5.0


class ChatClient:
    """One request: a `Client` for an engine's session, and the pieces of the answer for whoever iterates over it.

    Args:
        exchange: What is said and heard.
        limits: What it may cost.
    """

    def __init__(self, exchange: Exchange, limits: ChatLimits | None = None) -> None:
        self._exchange = exchange
        self.limits = limits or ChatLimits()
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + self.limits.seconds
        self._session: EngineSession | None = None
        self._inbox: deque[bytes] = deque()
        self._waiting = 0  # bytes in it
        self._arrived = asyncio.Event()
        self._pieces: deque[Piece] = deque()
        self._finished = False
        self._closed: str | None = None  # why
        self._is_over = False  # the session, by itself
        self._leaving: EngineSession | None = None  # listened to until the response can be cancelled
        self._left_at_last: asyncio.TimerHandle | None = None

    # --- Client, for the engine's session ---------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Keep an event that may be of the answer; a running conversation has many others."""
        if self._leaving is not None:
            self._overhear(message)
            return
        if self._closed is not None or plain_audio_delta(message) is not None or type_of(message) not in EVENTS:
            return
        if self._waiting > self.limits.max_waiting:
            self._closed = f"the client does not read: {self.limits.max_waiting} bytes wait to be sent"
            self._arrived.set()
            # Later, because the session itself is sending just now.
            self._loop.call_soon(self.end)
            return
        self._waiting += len(message)
        self._inbox.append(message)
        self._arrived.set()

    def close(self, code: int, reason: str) -> None:  # noqa: ARG002 - the code is of WebSockets
        """The session is over; what came before is still the answer's."""
        self._is_over = True
        if self._leaving is not None:
            self._loop.call_soon(self._leave)
        if self._closed is None:
            self._closed = reason
            self._arrived.set()

    def abort(self) -> None:
        self._inbox.clear()
        self._waiting = 0
        self.close(0, "the connection was dropped")

    @property
    def unsent(self) -> int:
        return self._waiting

    def pause_reading(self) -> None:
        """All that this client will say fits in one request's body, and is said already."""

    def resume_reading(self) -> None:
        pass

    # --- the request ------------------------------------------------------------------------------------------

    def begin(self, session: EngineSession) -> None:
        """Ask `session`, which this client was opened for, or which it joined."""
        self._session = session
        for message in self._exchange.begin():
            session.receive(message)

    def end(self) -> None:
        """Leave the session, and withdraw the question if it is not answered yet. Safe to call twice.

        A conversation is left a moment later if it has yet to say which response is ours.
        """
        session, self._session = self._session, None
        self._closed = self._closed or "the request is over"
        if session is None:
            return
        self._leaving = session
        for message in self._inbox:
            self._overhear(message)
        self._inbox.clear()
        self._waiting = 0
        if self._exchange.is_pending and not self._is_over:
            self._left_at_last = self._loop.call_later(self.limits.leave_seconds, self._leave)
        else:
            self._leave()

    def _overhear(self, message: bytes) -> None:
        if type_of(message) not in LAST_EVENTS:
            return
        self._exchange.overhear(_decoder.decode(message))
        if not self._exchange.is_pending:
            # Later, because the session itself may be sending just now.
            self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        session, self._leaving = self._leaving, None
        if self._left_at_last is not None:
            self._left_at_last.cancel()
        if session is not None:
            for message in self._exchange.withdraw():
                session.receive(message)
            session.close()

    def __aiter__(self) -> "ChatClient":
        return self

    async def __anext__(self) -> Piece:
        """Return the next piece of the answer; the last one is a `Finished`.

        Raises:
            ChatError: There will be no answer, or no more of it.
        """
        while not self._pieces:
            if self._finished:
                raise StopAsyncIteration
            self._take(await self._next_event())
        piece = self._pieces.popleft()
        self._finished = self._finished or isinstance(piece, Finished)
        return piece

    async def _next_event(self) -> bytes:
        while not self._inbox:
            if self._closed is not None:
                message = f"The session ended before the answer did: {self._closed or 'no reason was given'}."
                raise ChatError(502, message, "session_ended")
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(self._deadline):
                    await self._arrived.wait()
            except TimeoutError:
                message = f"There was no whole answer within {self.limits.seconds:g} seconds."
                raise ChatError(504, message, "timeout") from None
        event = self._inbox.popleft()
        self._waiting -= len(event)
        return event

    def _take(self, message: bytes) -> None:
        for output in self._exchange.receive(_decoder.decode(message)):
            if not isinstance(output, Send):
                self._pieces.append(output)
            elif self._session is not None:
                self._session.receive(output.message)


def read_audio(data: bytes, name: str) -> bytes:
    """Return audio that came with a message as PCM16 at 24000 Hz.

    Args:
        data: A whole WAV file of PCM16 mono, or bare PCM16 at 24000 Hz.
        name: The chat API's name of its format: `wav`, or our `pcm16`.

    Raises:
        MediaError: It is something else.
    """
    if name == "pcm16":
        if len(data) % SAMPLE_BYTES:
            raise MediaError(f"PCM16 has 2 bytes a sample, but {len(data)} bytes came; send whole samples")
        return data
    if name != "wav":
        raise MediaError(f"the format {name[:20]!r} is not available; use 'wav' (PCM16, mono) or 'pcm16' (24000 Hz)")
    wav = read_wav(BytesIO(data))
    if wav.rate not in _WAV_RATES:
        rates = ", ".join(map(str, _WAV_RATES))
        raise MediaError(f"a WAV file of {wav.rate} Hz cannot be read; convert it to one of {rates} Hz")
    return resample(wav.pcm, wav.rate, RATE)
