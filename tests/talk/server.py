"""A small Realtime server for tests: it hears turns by loudness and answers from a list."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pybase64
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from antiphon.protocol import codec
from tests.talk import events

PACKET_BYTES = 960  # 20 ms
SILENT_PACKETS = 3  # that end a turn


class Line(WSListener):
    """One connection of the server."""

    def __init__(self, server: "RealtimeServer", request: WSUpgradeRequest) -> None:
        self.server = server
        self.path = request.path.decode()
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.received: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.turns = 0
        self.samples = 0
        self.silent = 0
        self.speaking = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.server.lines.append(self)
        self.server.on_connect(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.close_code = int(frame.get_close_code())  # type: ignore[call-overload]
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        message = frame.get_payload_as_bytes()
        codec.decode(message)  # the strict decoder of our own server takes all that the client sends
        event = json.loads(message)
        self.received.append(event)
        self.server.on_event(self, event)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.server.left.set()

    def send(self, *sent: events.Event) -> None:
        for event in sent:
            self.transport.send(WSMsgType.TEXT, json.dumps(event))

    def close(self, code: int, reason: str) -> None:
        self.transport.send_close(code, reason.encode())  # type: ignore[arg-type]

    def received_types(self) -> list[str]:
        """Return the types of what came, audio left out."""
        return [event["type"] for event in self.received if event["type"] != "input_audio_buffer.append"]


class RealtimeServer:
    """Greets, takes the configuration, and answers each turn with its next answer.

    Tests replace `on_connect` and `on_event` for other behaviour.
    """

    def __init__(self) -> None:
        self.port = 0
        self.lines: list[Line] = []
        self.left = asyncio.Event()
        self.answers = [("Four.", 100)]  # text and milliseconds
        self.on_connect: Callable[[Line], None] = lambda line: line.send(events.created())
        self.on_event: Callable[[Line, dict[str, Any]], None] = self.react

    @property
    def line(self) -> Line:
        (line,) = self.lines
        return line

    def react(self, line: Line, event: dict[str, Any]) -> None:
        if event["type"] == "session.update":
            vad = {"type": "server_vad", "silence_duration_ms": 20 * SILENT_PACKETS}
            line.send(events.updated(detection=vad, transcription={"model": "x"}))
        elif event["type"] == "response.create":
            self.answer(line)
        elif event["type"] == "input_audio_buffer.append":
            pcm = pybase64.b64decode(event["audio"])
            for start in range(0, len(pcm), PACKET_BYTES):
                self.hear(line, pcm[start : start + PACKET_BYTES])

    def hear(self, line: Line, pcm: bytes) -> None:
        """Detect turns: any sound is speech."""
        line.samples += len(pcm) // 2
        loud = bool(np.frombuffer(pcm, "<i2").any())
        item, ms = f"item_u{line.turns}", line.samples // 24
        line.silent = 0 if loud else line.silent + 1
        if loud and not line.speaking:
            line.speaking = True
            line.send(events.speech_started(item, ms), events.heard("how", item))
        elif line.speaking and line.silent == SILENT_PACKETS:
            line.speaking = False
            line.send(events.speech_stopped(item, ms), events.committed(item))
            self.answer(line)
            line.send(events.transcribed("how many bedrooms", item))

    def answer(self, line: Line) -> None:
        text, ms = self.answers[min(line.turns, len(self.answers) - 1)]
        line.turns += 1
        response = f"resp_{line.turns}"
        ids = {"response_id": response, "item": f"item_a{line.turns}"}
        line.send(events.response_created(response), events.said(text, **ids))
        for _ in range(ms // 20):
            line.send(events.sound(events.audio(20, level=line.turns), **ids))
        line.send(events.sound_done(**ids), events.said_all(text, **ids), events.response_done(response))


@contextlib.asynccontextmanager
async def realtime_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[RealtimeServer]:
    """Listen; with TLS on every address, as a certificate may be wrong for one of them."""
    server = RealtimeServer()
    listening = await ws_create_server(
        lambda request: Line(server, request), "0.0.0.0" if tls else "127.0.0.1", 0, ssl=tls
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for line in server.lines:
            line.transport.disconnect(graceful=False)
        for _ in range(3):  # the loop's turns in which transports are closed
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def tcp_server(reply: bytes) -> AsyncIterator[int]:
    """Answer whatever comes first with `reply` and hang up; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
