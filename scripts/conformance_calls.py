"""Tries what the Realtime API offers for calls: real ones over WebRTC, to a server with the embedded engine."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from websockets.asyncio.client import connect

from antiphon.config import load_settings
from antiphon.gateway.engine import build_backend
from antiphon.gateway.server import Server

PATIENCE = 30.0
CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
SESSION = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
SPEAK: tuple[dict[str, Any], ...] = (
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tell me everything."}]},
    },
    {"type": "response.create"},
)
SECRET_OF_TRANSLATION = f"{CALLS.removesuffix('/calls')}/translations/client_secrets"
CALL_OF_TRANSLATION = f"{CALLS.removesuffix('/calls')}/translations/calls"


@dataclass
class Caller:
    """A browser's part in one call; `events` has what came over the data channel."""

    connection: RTCPeerConnection = field(default_factory=lambda: RTCPeerConnection(RTCConfiguration(iceServers=[])))
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self.connection.addTrack(AudioStreamTrack())
        self.channel = self.connection.createDataChannel("oai-events")
        self.channel.on("message", self._receive)
        self.connection.on("connectionstatechange", self._changed.set)

    def _receive(self, message: str) -> None:
        self.events.append(json.loads(message))
        self._changed.set()

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def take(self, answer: str) -> dict[str, Any]:
        """Connect; return the first event."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return await self.event("session.created")

    async def event(self, kind: str) -> dict[str, Any]:
        """Return the first event of that type, waiting for it."""
        async with asyncio.timeout(PATIENCE):
            while not (found := [event for event in self.events if event["type"] == kind]):
                self._changed.clear()
                await self._changed.wait()
        return found[0]

    async def gone(self) -> None:
        """Wait until the server has ended the call."""
        async with asyncio.timeout(PATIENCE):
            while self.connection.connectionState != "closed":
                self._changed.clear()
                await self._changed.wait()

    def send(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.channel.send(json.dumps(event))


@dataclass(frozen=True)
class Begun:
    """A call under way."""

    caller: Caller
    id: str
    created: dict[str, Any]


class Calls:
    """Tries one thing after the other; each method returns what came of it."""

    def __init__(self, port: int, http: httpx2.AsyncClient) -> None:
        self._port = port
        self._http = http

    async def rows(self) -> list[tuple[str, str]]:
        """Return what was tried, and `served` or why not."""
        return [
            (f"`POST {CALLS}`, the offer as `application/sdp`", await self._bare()),
            (f"`POST {CALLS}`, a form with `sdp` and `session`", await self._form()),
            ("`POST /v1/realtime`, the beta's", await self._beta()),
            ("`GET /v1/realtime?call_id=` (sideband)", await self._sideband()),
            ("`output_audio_buffer.clear` over the data channel", await self._clear()),
            (f"`POST {CALLS}/{{id}}/hangup`", await self._hang_up()),
            *[(f"`POST {CALLS}/{{id}}/{name}`", await self._act(name)) for name in ("accept", "reject", "refer")],
            (f"`POST {SECRET_OF_TRANSLATION}`", _verdict(await self._http.post(SECRET_OF_TRANSLATION, json={}))),
            (f"`POST {CALL_OF_TRANSLATION}`", _verdict(await self._http.post(CALL_OF_TRANSLATION, content=b""))),
        ]

    async def _bare(self) -> str:
        async with self._call() as call:
            assert call.id.startswith("rtc_")
            return "served"

    async def _form(self) -> str:
        async with self._call(CALLS, session=SESSION) as call:
            return _served(call.created["session"]["instructions"] == SESSION["instructions"])

    async def _beta(self) -> str:
        async with self._call("/v1/realtime?model=gpt-realtime") as call:
            return _served("modalities" in call.created["session"])

    async def _sideband(self) -> str:
        url = f"ws://127.0.0.1:{self._port}/v1/realtime?call_id="
        async with self._call() as call, connect(url + call.id, proxy=None) as sideband:
            update = {"type": "session.update", "session": {"type": "realtime", "instructions": "Be kind."}}
            await sideband.send(json.dumps(update))
            told = json.loads(await asyncio.wait_for(sideband.recv(), PATIENCE))
            await call.caller.event("session.updated")
            return _served(told["type"] == "session.updated")

    async def _clear(self) -> str:
        async with self._call() as call:
            call.caller.send(*SPEAK)
            await call.caller.event("output_audio_buffer.started")
            call.caller.send({"type": "response.cancel"}, {"type": "output_audio_buffer.clear"})
            await call.caller.event("output_audio_buffer.cleared")
            return "served"

    async def _hang_up(self) -> str:
        async with self._call() as call:
            verdict = _verdict(await self._http.post(f"{CALLS}/{call.id}/hangup"))
            await call.caller.gone()
            return verdict

    async def _act(self, name: str) -> str:
        async with self._call() as call:
            return _verdict(await self._http.post(f"{CALLS}/{call.id}/{name}", json={}))

    @asynccontextmanager
    async def _call(
        self, path: str = f"{CALLS}?model=gpt-realtime", session: dict[str, Any] | None = None
    ) -> AsyncIterator[Begun]:
        caller = Caller()
        try:
            answer = await self._offered(path, await caller.offer(), session)
            answer.raise_for_status()
            yield Begun(caller, answer.headers["location"].rpartition("/")[2], await caller.take(answer.text))
        finally:
            await caller.connection.close()

    async def _offered(self, path: str, sdp: str, session: dict[str, Any] | None) -> httpx2.Response:
        if session is None:
            return await self._http.post(path, content=sdp, headers=SDP)
        return await self._http.post(path, files={"sdp": (None, sdp), "session": (None, json.dumps(session))})


def _served(as_it_should: bool) -> str:
    return "served" if as_it_should else "not yet"


def _verdict(answer: httpx2.Response) -> str:
    if answer.is_success:
        return "served"
    error = answer.json()["error"]
    return f"refused: {answer.status_code} `{error['code']}`, {error['message'].rstrip('.')}"


async def _tried() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:  # where no settings lie
        settings = load_settings({"server.port": "0"}, {}, Path(folder)).settings
    server = Server(settings.server, build_backend(settings), webrtc=settings.webrtc)
    await server.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE) as http:
            return await Calls(server.port, http).rows()
    finally:
        await server.stop()


def tried_calls() -> list[tuple[str, str]]:
    """Return what there is for calls, and what came of trying it."""
    return asyncio.run(_tried())
