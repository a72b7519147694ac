"""Clients: each sends 50 packets of speech a second and times those that come, or looks closely at one call."""

import asyncio
import gc
import json
import struct
from collections.abc import Callable
from itertools import cycle
from typing import Any

from antiphon.audio.opus import OpusDecoder
from antiphon.errors import MediaError
from benchmarks.relay.messages import now
from benchmarks.relay.ticker import Ticker
from benchmarks.relay.tools import Command, serve_commands
from benchmarks.webrtc.arrivals import FRAME_TICKS, Stream, Tally
from benchmarks.webrtc.peer import CallEndedError, ClientPeer, endless
from benchmarks.webrtc.server import CANCEL, INTERRUPT, PING
from benchmarks.webrtc.speech import chatter, is_loud, questions

REFUSALS = 5  # told of at most
PERIOD = 0.020
LISTEN_SECONDS = 0.4  # after a question's end, besides what the answer takes
ANSWER_SECONDS = 4.0
FRAME_NS = 20_000_000
OPUS_HEAD = 12
AUDIBLE = 60  # an encoder's filter goes on a little, inaudibly low, when speech is cut off
INTERRUPT_AFTER = 0.7
WAIT_SECONDS = 5.0
_NUMBERS = struct.Struct("!HI")


class Caller:
    """One call that loads the server."""

    def __init__(self, load: "Load", next_payload: Callable[[], bytes]) -> None:
        self.peer = ClientPeer()
        self.peer.on_packet = self._hear
        self._load = load
        self._next_payload = next_payload
        self._stream = Stream()
        self._spoke_at = 0

    def _hear(self, packet: bytes, at: int) -> None:
        number, timestamp = _NUMBERS.unpack_from(packet, 2)
        self._stream.packet(number, timestamp, at, self._load.received if self._load.counts(at) else None)

    def speak(self, at: int) -> None:
        self.peer.say(self._next_payload())
        if self._load.counts(at):
            sent = self._load.sent
            sent.packets += 1
            sent.gaps.add(at - self._spoke_at)
        self._spoke_at = at


class Load:
    """All clients of this process."""

    def __init__(self) -> None:
        self._callers: list[Caller] = []
        self._ticker = Ticker(PERIOD)
        self._begin = self._end = 0
        self.received, self.sent = Tally(), Tally()
        self._chatter = chatter()
        self._questions: list[list[bytes]] = []

    async def start(self) -> dict[str, Command]:
        self._running = asyncio.create_task(self._ticker.run(now))
        gc.freeze()
        return {
            "open": self.open,
            "close": self.close,
            "window": self.window,
            "first_audio": self.first_audio,
            "round_trips": self.round_trips,
            "interruptions": self.interruptions,
        }

    def counts(self, at: int) -> bool:
        return self._begin <= at < self._end

    # --- many calls -------------------------------------------------------------------------------------------

    async def open(self, url: str, calls: int, at_once: int, says: str = "chatter") -> dict[str, Any]:
        """Open calls; return what was said of those that could not be.

        Args:
            says: What each sends: `chatter`, `questions` with time to listen, or `nothing`.
        """
        turn = asyncio.Semaphore(at_once)
        told = await asyncio.gather(*(self._open(url, says, turn) for _ in range(calls)))
        return {"refusals": [refusal for refusal in told if refusal][:REFUSALS]}

    async def _open(self, url: str, says: str, turn: asyncio.Semaphore) -> str:
        caller = Caller(self, self._payloads(says))
        async with turn:
            try:
                await caller.peer.connect(url)
            except CallEndedError as error:
                await caller.peer.close()
                return str(error)
        self._callers.append(caller)
        if says != "nothing":
            self._ticker.add(caller.speak)
        return ""

    def _payloads(self, says: str) -> Callable[[], bytes]:
        if says != "questions":
            return endless(self._chatter)
        self._questions = self._questions or questions(ANSWER_SECONDS)
        first = 3 * len(self._callers)
        asked = self._questions[first % len(self._questions) :] + self._questions
        return cycle([packet for packets in asked for packet in packets]).__next__

    async def close(self, calls: int) -> dict[str, Any]:
        """Close the youngest calls."""
        leaving, self._callers = self._callers[len(self._callers) - calls :], self._callers[: -calls or None]
        for caller in leaving:
            self._ticker.remove(caller.speak)
        await asyncio.gather(*(caller.peer.close() for caller in leaving))
        return {}

    async def window(self, begin: int, end: int) -> dict[str, Any]:
        """Return what was sent and what came between these times."""
        self.received, self.sent = Tally(), Tally()
        self._begin, self._end = begin, end
        gc.freeze()
        await asyncio.sleep(max(0.0, (end - now()) / 1e9) + 0.1)
        lost = sum(not caller.peer.alive for caller in self._callers)
        return {"received": self.received.report(), "sent": self.sent.report(), "ended": lost}

    # --- one call ---------------------------------------------------------------------------------------------

    async def first_audio(self, url: str, times: int) -> dict[str, Any]:
        """Begin calls one after another; return the milliseconds from the POST to its answer and the first packet."""
        answered, heard = [], []
        for _ in range(times):
            peer = ClientPeer()
            try:
                await peer.connect(url)
                await _until(lambda peer=peer: peer.first_packet)  # type: ignore[misc]
                answered.append((peer.answered - peer.posted) / 1e6)
                heard.append((peer.first_packet - peer.posted) / 1e6)
            finally:
                await peer.close()
        return {"answered": answered, "heard": heard}

    async def round_trips(self, url: str, times: int) -> dict[str, Any]:
        """Return the milliseconds from an event over the data channel to its echo."""
        peer = ClientPeer()
        echoes: asyncio.Queue[int] = asyncio.Queue()
        peer.on_message = lambda message: echoes.put_nowait(now()) if message.startswith(PING) else None
        await peer.connect(url)
        found = []
        try:
            await asyncio.wait_for(peer.channel_open.wait(), WAIT_SECONDS)
            for number in range(times):
                await asyncio.sleep(0.03)
                sent = now()
                peer.send(PING + b',"event_id":"ping_%d"}' % number)
                found.append((await asyncio.wait_for(echoes.get(), WAIT_SECONDS) - sent) / 1e6)
        finally:
            await peer.close()
        return {"round_trips": found}

    async def interruptions(self, url: str, times: int, by: str) -> dict[str, Any]:
        """Return the milliseconds from each interruption to the end of the last packet with speech in it.

        Args:
            by: `speech`, counted from the engine's `speech_started`; or `clear`, from the sending of that event.
        """
        listener = Listener()
        await listener.peer.connect(url)
        found = []
        try:
            await asyncio.wait_for(listener.peer.channel_open.wait(), WAIT_SECONDS)
            for number in range(times):
                # At all moments between two packets.
                await asyncio.sleep(INTERRUPT_AFTER + number * 0.0037 % 0.02)
                found.append(await listener.interrupt(by))
        finally:
            await listener.peer.close()
        return {"milliseconds": found}


class Listener:
    """One call whose audio is really heard."""

    def __init__(self) -> None:
        self.peer = ClientPeer()
        self.peer.on_packet = self._hear
        self.peer.on_message = self._read
        self._decoder = OpusDecoder()
        self._timestamp = 0
        self._last_loud = 0
        self._quiet_since = 0
        self._interrupted = 0

    def _hear(self, packet: bytes, at: int) -> None:
        clear = self.peer.clear(packet)
        if clear is None:
            return
        timestamp = int.from_bytes(clear[4:8])
        paused = timestamp - self._timestamp & 0xFFFF_FFFF != FRAME_TICKS
        self._timestamp = timestamp
        try:
            loud = is_loud(self._decoder.decode(clear[OPUS_HEAD:]), AUDIBLE)
        except MediaError:
            return
        if loud:
            self._last_loud, self._quiet_since = at, 0
        elif not self._quiet_since or paused:
            self._quiet_since = self._quiet_since or at

    def _read(self, message: bytes) -> None:
        if b'"bench_ns"' in message:
            self._interrupted = json.loads(message)["bench_ns"]

    async def interrupt(self, by: str) -> float:
        await _until(lambda: self._last_loud > now() - FRAME_NS * 3)
        self._quiet_since = self._interrupted = 0
        if by == "speech":
            self.peer.send(b'{"type":"%b"}' % INTERRUPT.encode())
            await _until(lambda: self._interrupted)
        else:
            self.peer.send(b'{"type":"%b"}' % CANCEL.encode())
            self._interrupted = now()
            self.peer.send(b'{"type":"output_audio_buffer.clear"}')
        await _until(lambda: self._quiet_since)
        await asyncio.sleep(0.1)  # what comes late
        return (self._last_loud + FRAME_NS - self._interrupted) / 1e6


async def _until(condition: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():  # noqa: ASYNC110 - what is waited for is set in hot paths
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise CallEndedError("what was waited for did not happen") from None


if __name__ == "__main__":
    serve_commands(lambda: Load().start())
