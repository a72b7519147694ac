"""A caller for benchmarks: speaks recordings at real pace and notes when each event came."""

import asyncio
import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from antiphon.audio.pcm import read_wav
from antiphon.audio.resample import resample

RATE = 24_000
PACKET_SECONDS = 0.02
PACKET_BYTES = int(RATE * PACKET_SECONDS) * 2
# A sample this loud belongs to speech; the recordings are clean.
SPEECH_LEVEL = 500


@dataclass(frozen=True)
class Recording:
    """Speech at 24000 Hz, PCM16, and the samples at which it begins and ends."""

    name: str
    pcm: bytes
    onset: int
    end: int

    @classmethod
    def load(cls, path: Path) -> "Recording":
        wav = read_wav(path)
        pcm = resample(wav.pcm, wav.rate, RATE)
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) >= SPEECH_LEVEL)
        return cls(path.name, pcm, int(loud[0]), int(loud[-1]) + 1)


@dataclass
class Heard:
    """Events with the times at which they came, in seconds of `time.perf_counter`."""

    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def time_of(self, kind: str) -> float | None:
        """Return when the first event of that type came."""
        return next((at for at, event in self.events if event["type"] == kind), None)

    def event(self, kind: str) -> dict[str, Any] | None:
        return next((event for _, event in self.events if event["type"] == kind), None)


class Caller:
    """One session. Use it with `async with`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.heard = Heard()
        self._news = asyncio.Condition()
        self._next_packet: float | None = None

    async def __aenter__(self) -> "Caller":
        headers = {"Authorization": "Bearer benchmark"}
        self._socket: ClientConnection = await connect(
            self._url, additional_headers=headers, max_size=None, compression=None
        )
        self._reader = asyncio.create_task(self._read())
        await self.wait_for("session.created")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}), text=True)

    async def configure(self, **session: Any) -> None:
        self.forget()
        await self.send("session.update", session={"type": "realtime", **session})
        await self.wait_for("session.updated", "error")

    def forget(self) -> None:
        """Begin a new turn: forget what was heard."""
        self.heard = Heard()

    async def say(self, pcm: bytes) -> float:
        """Send audio at real pace; return the time at which its first sample was due."""
        now = time.perf_counter()
        begin = self._next_packet if self._next_packet is not None and self._next_packet > now - 1 else now
        for index, packet in enumerate(_packets(pcm)):
            # A microphone hands over a packet when its last sample was recorded.
            due = begin + (index + 1) * PACKET_SECONDS
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            await self.send("input_audio_buffer.append", audio=base64.b64encode(packet).decode())
            self._next_packet = due
        return begin

    async def be_silent_until(self, *kinds: str, seconds: float = 30) -> bool:
        """Send silence at real pace until one of those events came; False if none did in time."""
        end = time.perf_counter() + seconds
        while not any(self.heard.time_of(kind) for kind in kinds):
            if time.perf_counter() > end:
                return False
            await self.say(bytes(PACKET_BYTES))
        return True

    async def wait_for(self, *kinds: str, seconds: float = 30) -> bool:
        """Wait until one of those events came; False if none did in time."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: any(self.heard.time_of(kind) for kind in kinds))
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message)
            self.heard.events.append((time.perf_counter(), event))
            async with self._news:
                self._news.notify_all()


def _packets(pcm: bytes) -> Iterable[bytes]:
    for begin in range(0, len(pcm), PACKET_BYTES):
        yield pcm[begin : begin + PACKET_BYTES].ljust(PACKET_BYTES, b"\0")
