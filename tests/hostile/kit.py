"""A whole server with quick stages, peers that speak bytes to it, and someone else who must not notice them."""

import asyncio
import contextlib
import gc
import json
import socket
import struct
import tracemalloc
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from antiphon.config.settings import ServerSettings
from antiphon.engines import LocalEngine, Stages
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server
from antiphon.session import Equipment
from antiphon.session.context import ContextMessage, ModelContext, TranscriptionHint
from antiphon.stages.base import GenerationEvent, GenerationFinished, Speech, TextDelta, Transcript
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector
from antiphon.transports.websocket import PATH, WebSocketLimits
from tests.transports import kit
from tests.transports.kit import PING, PONG, TEXT, RawClient, frame

PATIENCE_SECONDS = 30  # a test that takes longer hangs
FOREVER = "Talk for ever."

# --- stages that keep nothing ---------------------------------------------------------------------------------


class Model:
    """Answers in a word; `FOREVER` is answered without end."""

    running = 0  # generations under way

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def generate(self, context: ModelContext) -> AsyncGenerator[GenerationEvent]:
        asked = [item.text for item in context.items if isinstance(item, ContextMessage)]
        self.running += 1
        try:
            yield TextDelta("Yes. ")
            while asked and asked[-1] == FOREVER:
                await asyncio.sleep(0)
                yield TextDelta("And so on, and so on. " * 100)
            yield GenerationFinished()
        finally:
            self.running -= 1


class Ears:
    """Understands every utterance at once, or, without a transcript, never."""

    rate = 16000

    def __init__(self, text: str | None = "yes") -> None:
        self.text = text
        self.open_streams: set[_Utterance] = set()
        self.preparing = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def prepare(self, hint: TranscriptionHint) -> None:
        self.preparing += 1
        try:
            if self.text is None and hint.prompt is not None:
                await asyncio.Event().wait()
        finally:
            self.preparing -= 1

    def open(self, hint: TranscriptionHint) -> "_Utterance":
        return _Utterance(self)


class _Utterance:
    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.fed = 0
        ears.open_streams.add(self)

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)

    async def partials(self) -> AsyncIterator[str]:
        return
        yield

    async def finish(self) -> Transcript:
        if self._ears.text is None:
            await asyncio.Event().wait()
        return Transcript(self._ears.text or "", self.fed / 2 / self._ears.rate)

    def cancel(self) -> None:
        self._ears.open_streams.discard(self)


class Voice:
    """Speaks everything as a tenth of a second of silence."""

    rate = 24000

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def speak(self, text: str, voice: str, speed: float = 1.0) -> AsyncGenerator[Speech]:
        yield Speech(bytes(4800))


# --- the server -----------------------------------------------------------------------------------------------


class Host:
    """A running server and its stages."""

    def __init__(self, ears: Ears, equipment: Equipment | None, limits: WebSocketLimits | None, most: int) -> None:
        self.model = Model()
        self.ears = ears
        stages = Stages(ScriptedVoiceActivityDetector(), ears, self.model, Voice())
        settings = ServerSettings(port=0, max_sessions=most)
        self.engine = LocalEngine(stages, equipment)
        self.server = Server(settings, Backend(self.engine), limits)

    @property
    def port(self) -> int:
        return self.server.port


@contextlib.asynccontextmanager
async def hosting(
    limits: WebSocketLimits | None = None,
    equipment: Equipment | None = None,
    ears: Ears | None = None,
    max_sessions: int = 2000,
) -> AsyncIterator[Host]:
    host = Host(ears or Ears(), equipment, limits, max_sessions)
    await host.server.start()
    try:
        yield host
    finally:
        await host.server.stop()
        for _ in range(10):  # the loop's turns in which transports are closed
            await asyncio.sleep(0)


def upgrade() -> bytes:
    """Return a valid upgrade request."""
    return kit.upgrade(f"{PATH}?model=gpt-realtime")


# --- peers ----------------------------------------------------------------------------------------------------


class Peer(RawClient):
    """A client that speaks bytes, and events when it likes to."""

    def event(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self.text(json.dumps({"type": kind, **fields}).encode())

    def text(self, message: bytes) -> None:
        self.send(frame(TEXT, message))

    def configure(self, **session: Any) -> None:
        self.event("session.update", session={"type": "realtime", **session})

    def say(self, text: str) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.event("conversation.item.create", item=item)

    async def next(self) -> dict[str, Any]:
        """Return the next event."""
        while True:
            opcode, payload = await self.frame()
            if opcode == PING:
                self.send(frame(PONG, payload))
                continue
            assert opcode == TEXT, (opcode, payload)
            event: dict[str, Any] = json.loads(payload)
            return event

    async def until(self, kind: str) -> dict[str, Any]:
        """Return the next event of that type."""
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def drained(self, mark: str = "end") -> list[dict[str, Any]]:
        """Return all that the server says to what was sent so far: it answers in order."""
        self.event("conversation.item.retrieve", item_id="nobody", event_id=mark)
        events = []
        while (event := await self.next()).get("error", {}).get("event_id") != mark:
            events.append(event)
        return events

    def drop(self, *, reset: bool = True) -> None:
        """Vanish: with a TCP reset, or with the FIN of a process that ended."""
        if reset:
            sock: socket.socket = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def stranger(port: int) -> AsyncIterator[Peer]:
    """A TCP connection on which nothing was said yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    peer = Peer(reader, writer)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield peer
    finally:
        peer.drop()


@contextlib.asynccontextmanager
async def guest(port: int) -> AsyncIterator[Peer]:
    """A session that has begun."""
    async with stranger(port) as peer:
        peer.send(upgrade())
        await peer.head()
        assert (await peer.next())["type"] == "session.created"
        yield peer


class Bystander:
    """Someone else's session, which asks and asks; `answers` counts."""

    def __init__(self) -> None:
        self.answers = 0

    async def ask_on(self, peer: Peer) -> None:
        while True:
            mark = f"ask_{self.answers}"
            assert await peer.drained(mark) == []
            self.answers += 1


@contextlib.asynccontextmanager
async def bystander(port: int) -> AsyncIterator[Bystander]:
    """Someone who is answered all the time; whatever disturbs them fails the test."""
    person = Bystander()
    async with guest(port) as peer:
        asking = asyncio.create_task(person.ask_on(peer))
        try:
            yield person
            assert not asking.done(), asking.exception()
        finally:
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking


# --- what is left behind --------------------------------------------------------------------------------------


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until something is true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def memory() -> int:
    """Return the bytes of memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Peak:
    bytes = 0


@contextlib.contextmanager
def peak_of_allocations() -> Iterator[Peak]:
    """Measure the most memory that Python objects took at once, beyond what they took before."""
    peak = Peak()
    gc.collect()
    tracemalloc.start()
    try:
        yield peak
        peak.bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def own_objects() -> Counter[str]:
    """Return how many objects of the project's own classes are alive, by class."""
    gc.collect()
    kinds = (type(each) for each in gc.get_objects())
    return Counter(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if str(kind.__module__).startswith("antiphon")
    )
