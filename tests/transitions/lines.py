"""One connection of a client, over each of the transports, with real sockets."""

import asyncio
import base64
import contextlib
import json
import os
import socket
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any

import httpx2
import numpy as np
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from av import AudioFrame
from av.frame import Frame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from antiphon.gateway.server import Server
from antiphon.transports.http import Mailbox
from tests.transitions.sound import Floats, samples
from tests.transports.webrtc.kit import Client

MODEL = "gpt-realtime"
PATIENCE = 20.0
FRAME_BYTES = 960

Event = dict[str, Any]


class Line(ABC):
    """A connection; it keeps what came until it is cut.

    Args:
        server: Where to.
        query: Added to the address: what to come back with, or how to begin.
    """

    def __init__(self, server: Server, query: dict[str, str]) -> None:
        self.server = server
        self.query = {"model": MODEL, "antiphon_events": "true"} | query
        self.events: list[Event] = []
        self.ended = asyncio.Event()
        self.reason = ""
        self.news = asyncio.Event()
        self.is_cut = False

    @property
    def root(self) -> str:
        return f"127.0.0.1:{self.server.port}/v1"

    def take(self, message: str | bytes) -> None:
        if not self.is_cut:
            self.events.append(json.loads(message))
            self.news.set()

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def send(self, *events: Event) -> None: ...

    async def speak(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), FRAME_BYTES):
            audio = base64.b64encode(pcm[at : at + FRAME_BYTES]).decode()
            await self.send({"type": "input_audio_buffer.append", "audio": audio})

    def heard(self) -> Floats:
        """Return all audio that came, at 24000 Hz."""
        deltas = [event["delta"] for event in self.events if event["type"] == "response.output_audio.delta"]
        return samples(b"".join(map(base64.b64decode, deltas)))

    async def cut(self) -> None:
        """Hear and say nothing from now on; the server does not learn of it."""
        self.is_cut = True

    @abstractmethod
    async def show(self) -> None:
        """Let the server learn that the line was cut."""

    @abstractmethod
    async def close(self) -> None:
        """Free what the client holds."""


class WebSocketLine(Line):
    _ws: ClientConnection
    _reading: asyncio.Task[None]

    async def open(self) -> None:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        self._ws = await connect(f"ws://{self.root}/realtime?{query}", proxy=None, max_size=None)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._ws:
                self.take(message)
        self.reason = self._ws.close_reason or ""
        self.ended.set()
        self.news.set()

    async def send(self, *events: Event) -> None:
        for event in events:
            await self._ws.send(json.dumps(event))

    async def show(self) -> None:
        self._ws.transport.abort()

    async def close(self) -> None:
        self._ws.transport.abort()
        await self._reading


class HttpLine(Line):
    _reading: asyncio.Task[None]
    token = ""

    async def open(self) -> None:
        self._http = httpx2.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE)
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(begun))
        assert await begun == 200

    async def _read(self, begun: "asyncio.Future[int]") -> None:
        url = f"http://{self.root}/realtime/events"
        try:
            async with self._http.stream("GET", url, params=self.query) as response:
                self.token = response.headers.get("antiphon-session", "")
                begun.set_result(response.status_code)
                async for line in response.aiter_lines():
                    if line.startswith("data:"):
                        self.take(line[5:])
                    elif line.startswith("retry:"):
                        self.reason = line
        except httpx2.HTTPError as error:
            self.reason = f"{error}"
        self.ended.set()
        self.news.set()

    async def send(self, *events: Event) -> None:
        url = f"http://{self.root}/realtime/events"
        answer = await self._http.post(url, json=list(events), headers={"Antiphon-Session": self.token})
        assert answer.status_code == 202, answer.text

    async def show(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def close(self) -> None:
        await HttpLine.show(self)
        await self._http.aclose()


class PollLine(HttpLine):
    """Asks for its events again and again."""

    async def _read(self, begun: "asyncio.Future[int]") -> None:
        url = f"http://{self.root}/realtime/events"
        query = self.query
        with contextlib.suppress(httpx2.HTTPError):
            while not self.is_cut:
                answer = await self._http.get(url, params=query | {"wait": "1"}, headers={"Accept": "application/json"})
                if not begun.done():
                    begun.set_result(answer.status_code)
                if answer.status_code != 200:
                    break
                got = answer.json()
                self.token = got["session"]
                for event in got["events"]:
                    self.take(json.dumps(event))
                query = {"resume": self.token, "last_event_id": got["last_event_id"]}
        self.ended.set()
        self.news.set()

    async def show(self) -> None:
        await super().show()
        for mailbox in tuple(self.server._sessions._clients):
            if isinstance(mailbox, Mailbox):
                mailbox._not_asked()  # as when it has not asked for half a minute


class Microphone(AudioStreamTrack):
    """Says what it is given, in real time, and is silent otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._to_say = bytearray()
        self._said = asyncio.Event()

    async def say(self, pcm: bytes) -> None:
        """Say it, PCM16 at 24000 Hz, and wait until it was said."""
        self._to_say += pcm
        self._said.clear()
        await self._said.wait()

    async def recv(self) -> Frame:
        silence: Any = await super().recv()
        if self._to_say:
            pcm = bytes(self._to_say[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
            del self._to_say[:FRAME_BYTES]
        else:
            pcm = bytes(FRAME_BYTES)
            self._said.set()
        # Twice as many samples a second, and in stereo: from mono, aiortc makes a stereo that is quieter.
        frame = AudioFrame.from_ndarray(np.repeat(np.frombuffer(pcm, "<i2"), 4)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, silence.pts * 6, Fraction(1, 48_000)
        return frame


class _Browser(Client):
    """A peer that keeps what it hears."""

    def __init__(self, line: "RtcLine") -> None:
        super().__init__(audio=False)
        self._line = line
        self.microphone = Microphone()
        self.pc.addTrack(self.microphone)
        self.parts: list[Floats] = []

    @property
    def connection(self) -> Any:
        """What aiortc sends and receives with."""
        assert self.pc.sctp is not None
        return self.pc.sctp.transport.transport._connection

    def _message(self, message: str | bytes) -> None:
        super()._message(message)
        self._line.take(message)

    def _track(self, track: MediaStreamTrack) -> None:
        receiver: RTCRtpReceiver = self.pc.getReceivers()[0]
        # What it has got, it shall play at once, so that nothing of it is lost with the connection.
        receiver._RTCRtpReceiver__jitter_buffer = JitterBuffer(capacity=16, prefetch=0)  # type: ignore[attr-defined]
        super()._track(track)

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                channels = len(frame.layout.channels)
                self.parts.append(frame.to_ndarray().reshape(-1, channels)[::2, 0].astype(np.float64))


class _Cut:
    """A socket that nothing comes out of."""

    def __init__(self, transport: Any) -> None:
        self.close = transport.close

    def sendto(self, data: bytes, address: Any = None) -> None: ...


def _drain(protocol: Any) -> None:
    """Take all packets that wait in a socket."""
    sock = protocol.transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(sock.fileno())) as reading, contextlib.suppress(BlockingIOError):
        while True:
            data, address = reading.recvfrom(4096, socket.MSG_DONTWAIT)
            protocol.datagram_received(data, address[:2])


def _ignored(data: bytes, address: Any) -> None: ...


class RtcLine(Line):
    token = ""

    async def open(self) -> None:
        await self.offer_only()
        await self._browser.take(self._answer)
        await self._browser.wait_for(lambda it: it.is_open)

    async def offer_only(self) -> None:
        """Begin the call, and do not connect."""
        self._browser = _Browser(self)
        answer = await self._offered()
        assert answer.status_code == 201, answer.text
        self._answer = answer.text
        self.token = answer.headers.get("antiphon-session", "")
        call_id = answer.headers["location"].rpartition("/")[2]
        assert self.server._webrtc is not None
        # An earlier one of the same id has ended by now.
        (self._theirs,) = [one for one in self.server._webrtc._calls if (one._id, one._ended) == (call_id, None)]

    async def status_of_offer(self) -> int:
        """Offer, and return what the server says to it."""
        self._browser = _Browser(self)
        answer = await self._offered()
        await self.close()
        return answer.status_code

    async def _offered(self) -> httpx2.Response:
        async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE) as http:
            return await http.post(
                f"http://{self.root}/realtime/calls",
                params=self.query,
                headers={"Content-Type": "application/sdp"},
                content=await self._browser.offer(),
            )

    async def send(self, *events: Event) -> None:
        channel = self._browser.channel
        assert channel is not None
        for event in events:
            channel.send(json.dumps(event))

    async def speak(self, pcm: bytes) -> None:
        await self._browser.microphone.say(pcm)
        await asyncio.sleep(0.2)  # until it was taken from the server's jitter buffer

    def heard(self) -> Floats:
        return np.concatenate([*self._browser.parts, np.zeros(0)])

    async def cut(self) -> None:
        """Cut both ways, at once, with nothing left on the way: closing takes a while in which one way still works."""
        protocols = self._browser.connection._protocols
        for protocol in [*self._theirs._peer._ice._protocols, *protocols]:
            _drain(protocol)
        for protocol in protocols:
            protocol.transport = _Cut(protocol.transport)
            protocol.datagram_received = _ignored
        await asyncio.sleep(0.05)  # what came is handled
        await super().cut()

    async def show(self) -> None:
        # As when the client has not answered for half a minute.
        self._theirs._peer._end("the client is not there any more", lost=True)

    async def close(self) -> None:
        await self._browser.close()


LINES: dict[str, type[Line]] = {"websocket": WebSocketLine, "http": HttpLine, "poll": PollLine, "webrtc": RtcLine}
