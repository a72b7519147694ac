"""A listener that writes down what it is told, and aiortc's RTCPeerConnection as a client on the loopback address."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.peer import Peer
from antiphon.transports.webrtc.sdp import parse_offer

LOOPBACK = IceOptions(addresses=("127.0.0.1",), connect_seconds=15.0)
PATIENCE = 20.0  # for a busy machine; nothing here takes a second


@dataclass
class Recorder:
    """A `PeerListener`; `wait_for` waits until what it wrote down is as wanted."""

    connected: bool = False
    media: list[bytes] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    channel: list[str] = field(default_factory=list)
    closed: list[tuple[str, bool]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_connected(self) -> None:
        self.connected = True
        self._changed.set()

    def on_media(self, packet: bytes, now: float) -> None:
        self.media.append(packet)
        self._changed.set()

    def on_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)
        self._changed.set()

    def on_channel_open(self) -> None:
        self.channel.append("open")
        self._changed.set()

    def on_channel_close(self) -> None:
        self.channel.append("closed")
        self._changed.set()

    def on_message(self, data: bytes) -> None:
        self.messages.append(data)
        self._changed.set()

    def on_closed(self, reason: str, lost: bool) -> None:
        self.closed.append((reason, lost))
        self._changed.set()

    async def wait_for(self, condition: Callable[["Recorder"], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()


class Client:
    """A browser's part: `received` has the messages, `frames` counts the audio that was heard."""

    def __init__(self, audio: bool = True, channel: str = "oai-events") -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.received: list[str | bytes] = []
        self.frames = 0
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.channel = self.pc.createDataChannel(channel) if channel else None
        if self.channel is not None:
            self.channel.on("message", self._message)
            self.channel.on("open", self._changed.set)
        if audio:
            self.pc.addTrack(AudioStreamTrack())
        self.pc.on("track", self._track)
        self.pc.on("connectionstatechange", self._changed.set)

    def _message(self, message: str | bytes) -> None:
        self.received.append(message)
        self._changed.set()

    def _track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(self._hear(track)))

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self.frames += 1
                self._changed.set()

    async def wait_for(self, condition: Callable[["Client"], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    @property
    def is_open(self) -> bool:
        """Whether it is connected, with its channel, if it has one. aiortc's `close()` hangs before that."""
        return self.pc.connectionState == "connected" and self._channel_is_open

    @property
    def _channel_is_open(self) -> bool:
        return self.channel is None or self.channel.readyState == "open"

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def take(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def vanish(self) -> None:
        """Close the sockets and say nothing."""
        transport = (self.pc.sctp or self.pc.getSenders()[0]).transport
        await transport.transport._connection.close()

    async def close(self) -> None:
        await self.pc.close()
        for task in self._tasks:
            task.cancel()  # a track that never began does not end
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass
class Call:
    client: Client
    peer: Peer
    listener: Recorder


@contextlib.asynccontextmanager
async def calling(
    audio: bool = True,
    channel: str = "oai-events",
    options: IceOptions = LOOPBACK,
    edit: Callable[[str], str] = str,
    edit_answer: Callable[[str], str] = str,
) -> AsyncIterator[Call]:
    """A call that is being connected; `edit` changes the offer on its way, `edit_answer` the answer."""
    client, listener = Client(audio, channel), Recorder()
    peer = Peer(parse_offer(edit(await client.offer())), options, listener)
    try:
        await client.take(edit_answer(await peer.answer()))
        yield Call(client, peer, listener)
    finally:
        peer.close()
        await client.close()
        await peer.wait_closed()


@contextlib.asynccontextmanager
async def connected(
    audio: bool = True, channel: str = "oai-events", options: IceOptions = LOOPBACK
) -> AsyncIterator[Call]:
    async with calling(audio, channel, options) as call:
        await call.listener.wait_for(lambda it: it.connected and (not channel or "open" in it.channel))
        await call.client.wait_for(lambda it: it.is_open)
        yield call


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
