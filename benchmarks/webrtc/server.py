"""Antiphon with an engine that costs next to nothing: it always speaks, and counts what it hears."""

import asyncio
import base64
import cProfile
import gc
import io
import itertools
import os
import pstats
from typing import Any

import msgspec

from antiphon.config.settings import ServerSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server
from antiphon.protocol.heads import plain_append, type_of
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import SessionCreated
from antiphon.session.start import SessionStart
from antiphon.transports.base import Client
from benchmarks.relay.messages import now
from benchmarks.relay.tools import Command, serve_commands
from benchmarks.webrtc.speech import RATE, SAID_BY_SERVERS, speech

SPEAKING, SILENT = "gpt-realtime", "gpt-realtime-mini"  # models: what the server does without being asked
PING = b'{"type":"bench.ping"'
INTERRUPT, CANCEL = "bench.interrupt", "response.cancel"
DELTA_FRAMES = 10  # 200 ms
LEAD_SECONDS = 0.6  # how much of an answer is sent ahead of its playing
EARLY_SECONDS = 0.002
NEXT_ANSWER_SECONDS = 0.4
MOST_SESSIONS = 10_000
FUNCTIONS = 35
_encode = msgspec.json.Encoder().encode


def deltas() -> list[bytes]:
    """Return speech as deltas carry it, in base64."""
    frames = speech(SAID_BY_SERVERS)
    return [
        base64.b64encode(b"".join(frames[at : at + DELTA_FRAMES]))
        for at in range(0, len(frames) - DELTA_FRAMES + 1, DELTA_FRAMES)
    ]


class SpeakingEngine:
    """An `Engine` whose sessions answer all the time."""

    ready = False

    def __init__(self) -> None:
        self.ids = Ids(os.urandom)
        self.deltas = deltas()
        self.heard_bytes = 0

    async def start(self) -> None:
        self.ready = True

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> "SpeakingSession":
        return SpeakingSession(self, start, client)


class SpeakingSession:
    """One answer without an end; after an interruption, another one."""

    def __init__(self, engine: SpeakingEngine, start: SessionStart, client: Client) -> None:
        self._engine = engine
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._count = 0
        session = start.kind.wire(start.config, "sess_bench", start.model, 0)
        for message in start.dialect.encode(SessionCreated(session), engine.ids):
            client.send(message)
        if start.model == SPEAKING:
            self._answer()

    # --- the client -------------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        size = plain_append(message)
        if size >= 0:
            self._engine.heard_bytes += size
        elif message.startswith(PING):
            self._client.send(message)
        elif (kind := type_of(message)) in (INTERRUPT, CANCEL):
            self._stop(by_speech=kind == INTERRUPT)

    def client_slow(self, slow: bool) -> None: ...

    def close(self, lost: bool = False) -> None:  # noqa: ARG002 - fits EngineSession
        if self._timer is not None:
            self._timer.cancel()

    # --- the answer -------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        self._count += 1
        self._speech = itertools.cycle(self._engine.deltas)
        self._response = {"object": "realtime.response", "id": f"resp_{self._count}", "conversation_id": "conv_1"}
        self._head = (
            b'{"type":"response.output_audio.delta","event_id":"event_bench","response_id":"resp_%d",'
            b'"item_id":"item_%d","output_index":0,"content_index":0,"delta":"' % (self._count, self._count)
        )
        self._tell("response.created", response={**self._response, "status": "in_progress"})
        self._due = self._loop.time() - LEAD_SECONDS
        self._speak()

    def _speak(self) -> None:
        while self._due <= self._loop.time():
            self._client.send(b"".join((self._head, next(self._speech), b'"}')))
            self._due += DELTA_FRAMES * 0.020
        # A little later, because the loop's timers may come a millisecond early, and would have to be set again.
        self._timer = self._loop.call_at(self._due + EARLY_SECONDS, self._speak)

    def _stop(self, by_speech: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if by_speech:
            at = now()
            self._tell("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0, bench_ns=at)
        self._tell("response.done", response={**self._response, "status": "cancelled"})
        self._timer = self._loop.call_later(NEXT_ANSWER_SECONDS, self._answer)

    def _tell(self, kind: str, **fields: Any) -> None:
        self._client.send(_encode({"type": kind, "event_id": self._engine.ids.event(), **fields}))


class Tool:
    """The server, as the benchmark directs it."""

    def __init__(self) -> None:
        self._engine = SpeakingEngine()
        settings = ServerSettings(port=0, max_sessions=MOST_SESSIONS)
        webrtc = WebRtcSettings(enabled="on", address=("127.0.0.1",))
        self._server = Server(settings, Backend(self._engine), webrtc=webrtc)
        self._trace = cProfile.Profile()

    async def start(self) -> dict[str, Command]:
        await self._server.start()
        gc.collect()
        gc.freeze()  # as the server does when it is run by itself
        return {
            "about": self.about,
            "heard": self.heard,
            "trace": self.trace,
            "traced": self.traced,
        }

    async def about(self) -> dict[str, Any]:
        return {"port": self._server.port, "pid": os.getpid()}

    async def heard(self) -> dict[str, Any]:
        """Return how many seconds of audio came to the engine, of all calls."""
        return {"seconds": self._engine.heard_bytes / (2 * RATE)}

    async def trace(self) -> dict[str, Any]:
        self._trace.enable()
        return {}

    async def traced(self) -> dict[str, Any]:
        self._trace.disable()
        text = io.StringIO()
        pstats.Stats(self._trace, stream=text).strip_dirs().sort_stats("tottime").print_stats(FUNCTIONS)
        return {"text": text.getvalue()}


if __name__ == "__main__":
    serve_commands(lambda: Tool().start())
