"""What anybody would write with aiortc: an answerer that decodes what it hears, and says speech of 24000 Hz."""

import asyncio
import gc
import os
from fractions import Fraction
from typing import Any

import aioice.ice
import numpy as np
import uvicorn
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.relay.gateways import free_port
from benchmarks.relay.tools import Command, _serve
from benchmarks.webrtc.speech import RATE, SAID_BY_SERVERS, WIRE_RATE, speech


class Speech(MediaStreamTrack):
    """Speech at the pace of playing."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames = speech(SAID_BY_SERVERS)
        self._count = 0
        self._begin = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        await asyncio.sleep(max(0.0, self._begin + self._count * 0.020 - loop.time()))
        samples = np.frombuffer(self._frames[self._count % len(self._frames)], "<i2")[np.newaxis]
        frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._count * RATE // 50, Fraction(1, RATE)
        self._count += 1
        return frame


class Tool:
    """The server, as the benchmark directs it."""

    def __init__(self) -> None:
        self._port = free_port()
        speech(SAID_BY_SERVERS)  # read once, before the first call
        self._connections: set[RTCPeerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard_samples = 0

    async def start(self) -> dict[str, Command]:
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # noqa: ARG005 - like the other one
        app = Starlette(routes=[Route("/v1/realtime/calls", self._begin, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, port=self._port, log_level="warning", lifespan="off"))
        self._keep(asyncio.create_task(server.serve()))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        gc.collect()
        gc.freeze()
        return {"about": self.about, "heard": self.heard}

    async def about(self) -> dict[str, Any]:
        return {"port": self._port, "pid": os.getpid()}

    async def heard(self) -> dict[str, Any]:
        return {"seconds": self._heard_samples / WIRE_RATE}

    async def _begin(self, request: Request) -> Response:
        offer = (await request.body()).decode()
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connections.add(connection)
        connection.addTrack(Speech())
        connection.on("track", lambda track: self._keep(asyncio.create_task(self._hear(track))))
        connection.on("datachannel", _echo)
        connection.on("connectionstatechange", lambda: self._changed(connection))
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return Response(connection.localDescription.sdp, 201, media_type="application/sdp")

    async def _hear(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._heard_samples += frame.samples
        except MediaStreamError:
            pass  # the call is over

    def _changed(self, connection: RTCPeerConnection) -> None:
        if connection.connectionState in ("closed", "failed") and connection in self._connections:
            self._connections.discard(connection)
            self._keep(asyncio.create_task(connection.close()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _echo(channel: RTCDataChannel) -> None:
    channel.on("message", channel.send)


if __name__ == "__main__":
    asyncio.run(_serve(lambda: Tool().start()))
