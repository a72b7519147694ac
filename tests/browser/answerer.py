"""A plain WebRTC server that says a tone, remembers what it hears and echoes events: proves the ground of these tests.

What a server must know of the browsers' clients: they post the offer as soon as it is made, with no candidate in it,
and never send one later. So the server's answer must hold its own candidates, and it learns the browser's address from
the checks that come in (peer-reflexive candidates, RFC 8445 section 7.3.1.3). mDNS names therefore never come up.
aioice leaves 127.0.0.1 out of its candidates, so that on a host without a network there would be none at all.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import uvicorn
from aioice.ice import get_host_addresses
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

RATE = 48_000
FRAME = RATE // 50
TONE_HZ = 1000
# Over before anybody speaks: browsers take out of the microphone what they play, and a word or two with it.
TONE_SECONDS = 2


class Tone(MediaStreamTrack):
    """A tone of `TONE_HZ` at a quarter of full scale, then silence, at the pace of playing."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._position = 0
        self._begin = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        await asyncio.sleep(max(0.0, self._begin + self._position / RATE - loop.time()))
        at = np.arange(self._position, self._position + FRAME)
        amplitude = 8192 * (at < TONE_SECONDS * RATE)
        pcm = (amplitude * np.sin(2 * np.pi * TONE_HZ * at / RATE)).astype("<i2")
        frame = AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._position, Fraction(1, RATE)
        self._position += FRAME
        return frame


@dataclass
class Answerer:
    """What the server saw.

    Args:
        heard: What came in, PCM16 mono at `RATE` Hz.
        offers: The offers as they came.
    """

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    offers: list[str] = field(default_factory=list)
    _connections: list[RTCPeerConnection] = field(default_factory=list)
    _listeners: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where offers are posted."""
        return f"http://127.0.0.1:{self.port}/v1/realtime/calls"

    def app(self) -> Starlette:
        route = Route("/v1/realtime/calls", self._answer, methods=["POST"])
        cors = Middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["POST"],
            allow_headers=["*"],
            expose_headers=["Location"],
        )
        return Starlette(routes=[route], middleware=[cors])

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    async def _answer(self, request: Request) -> Response:
        self.offers.append((await request.body()).decode())
        connection = RTCPeerConnection()
        self._connections.append(connection)
        connection.addTrack(Tone())
        connection.on("track", self._listen)
        connection.on("datachannel", _echo)
        await connection.setRemoteDescription(RTCSessionDescription(self.offers[-1], "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        headers = {"Location": "/v1/realtime/calls/rtc_plain"}
        return Response(connection.localDescription.sdp, 201, headers, "application/sdp")

    def _listen(self, track: MediaStreamTrack) -> None:
        task = asyncio.ensure_future(self._hear(track))
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    async def _hear(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                left = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                self.heard += left.astype("<i2").tobytes()
        except MediaStreamError:
            pass  # the call is over


def _echo(channel: RTCDataChannel) -> None:
    channel.on("message", channel.send)


@contextmanager
def running_answerer() -> Iterator[Answerer]:
    """Run the server in a thread until the block ends."""
    answerer = Answerer()
    with socket.create_server(("127.0.0.1", 0)) as door:
        answerer.port = door.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(answerer.app(), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=asyncio.run, args=(_serve(server, answerer, door),))
        with patch("aioice.ice.get_host_addresses", _addresses):
            thread.start()
            try:
                yield answerer
            finally:
                server.should_exit = True
                thread.join(timeout=30)


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return get_host_addresses(use_ipv4, use_ipv6) or ["127.0.0.1"]


async def _serve(server: uvicorn.Server, answerer: Answerer, door: socket.socket) -> None:
    await server.serve(sockets=[door])
    await answerer.close()
