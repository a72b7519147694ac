"""Calls with an engine in memory, by aiortc clients that sing and listen, or over a peer that the test moves."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from av import AudioFrame
from av.frame import Frame

import antiphon.transports.webrtc.call as under_test
from antiphon.path.calls import Calls
from antiphon.session.start import SessionStart
from antiphon.transports.admission import Admission
from antiphon.transports.base import Client as BaseClient
from antiphon.transports.webrtc.call import Answered, WebRtcCall, WebRtcCalls, WebRtcOptions
from antiphon.transports.webrtc.ice import IceOptions
from antiphon.transports.webrtc.peer import PeerListener
from antiphon.transports.webrtc.sdp import Offer
from tests.gateway.kit import GreetingEngine, GreetingSession
from tests.transports.webrtc.kit import LOOPBACK, PATIENCE, Client
from tests.transports.webrtc.offers import CHROME

RATE = 24_000
START = SessionStart("gpt-realtime", media=True)
Floats = npt.NDArray[np.float64]


def tone(ms: int, hz: float = 440.0, level: float = 0.3) -> bytes:
    """Return PCM16 at 24000 Hz; `level` is the amplitude, 1 the highest."""
    at = np.arange(ms * RATE // 1000) / RATE
    return (level * 32767 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def floats(pcm: bytes) -> Floats:
    return np.frombuffer(pcm, "<i2") / 32768


def level_of(audio: Floats, hz: float, rate: int = RATE) -> float:
    """Return the amplitude of one frequency in `audio`, 1 the highest."""
    at = np.arange(audio.size) / rate
    return float(2 * abs(np.mean(audio * np.exp(-2j * np.pi * hz * at)))) if audio.size else 0.0


def loudness(audio: Floats) -> float:
    return float(np.sqrt(np.mean(audio**2))) if audio.size else 0.0


# --- the engine -------------------------------------------------------------------------------------------------------


class Session(GreetingSession):
    """Greets, writes down what comes, and answers as the test wants."""

    def __init__(self, start: SessionStart, client: BaseClient) -> None:
        self.received: list[bytes] = []
        self.slow: list[bool] = []
        self.lost: bool | None = None
        self.on_message: Callable[[bytes], None] = lambda message: None
        self._changed = asyncio.Event()
        self._number = 0
        super().__init__(start, client)

    def receive(self, message: bytes) -> None:
        self.received.append(message)
        self._changed.set()
        self.on_message(message)

    def client_slow(self, slow: bool) -> None:
        self.slow.append(slow)

    async def wait_for(self, condition: Callable[["Session"], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    @property
    def heard(self) -> bytes:
        """All that the user said."""
        events = [json.loads(message) for message in self.received]
        return b"".join(base64.b64decode(event["audio"]) for event in events if event.get("audio"))

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What came besides audio."""
        return [json.loads(message) for message in self.received if b"input_audio_buffer.append" not in message]

    def tell(self, kind: str, **fields: Any) -> None:
        self._number += 1
        event = {"type": kind, "event_id": f"event_{self._number}", **fields}
        self.client.send(json.dumps(event, separators=(",", ":")).encode())

    def begin_answer(self, audio: bytes, response: str = "resp_1") -> None:
        """Speak, 100 ms an event, as fast as it can be sent."""
        self.tell("response.created", response={"id": response, "conversation_id": "conv_1"})
        fields = {"response_id": response, "item_id": f"item_of_{response}", "output_index": 0, "content_index": 0}
        for at in range(0, len(audio), 4800):
            delta = base64.b64encode(audio[at : at + 4800]).decode()
            self.tell("response.output_audio.delta", **fields, delta=delta)

    def end_answer(self, response: str = "resp_1") -> None:
        fields = {"response_id": response, "item_id": f"item_of_{response}", "output_index": 0, "content_index": 0}
        self.tell("response.output_audio.done", **fields)
        item = {"id": f"item_of_{response}"}
        self.tell("response.output_item.done", response_id=response, output_index=0, item=item)
        self.tell("response.done", response={"id": response, "conversation_id": "conv_1"})
        self.tell("rate_limits.updated", rate_limits=[])

    def answer(self, audio: bytes, response: str = "resp_1") -> None:
        self.begin_answer(audio, response)
        self.end_answer(response)

    def close(self, lost: bool = False) -> None:
        self.lost = lost
        super().close(lost)


class Engine(GreetingEngine):
    sessions: list[Session]  # type: ignore[assignment]

    def open(self, start: SessionStart, client: BaseClient) -> Session:
        self.sessions.append(Session(start, client))
        return self.sessions[-1]


class Switchboard:
    """A server's calls, with the engine behind them."""

    def __init__(self, options: WebRtcOptions = WebRtcOptions(LOOPBACK), resume_seconds: float = 60.0) -> None:  # noqa: B008
        self.engine = Engine()
        self.house = Calls(self.engine, resume_seconds)
        self.calls = WebRtcCalls(self.house, options)
        self.admitted = self.released = 0

    def admission(self, start: SessionStart = START, resume: str = "") -> Admission:
        self.admitted += 1
        come_back = (lambda client: self.house.resume(resume, client, None, start)) if resume else None
        return Admission(start, self._release, come_back)  # type: ignore[arg-type]

    def _release(self) -> None:
        self.released += 1

    async def begin(self, sdp: str, start: SessionStart = START) -> Answered:
        answered = await self.calls.begin(sdp.encode(), self.admission(start))
        assert answered is not None
        return answered

    @property
    def session(self) -> Session:
        return self.engine.sessions[-1]

    async def stop(self) -> None:
        self.calls.abort()
        async with asyncio.timeout(PATIENCE):
            await self.calls.empty()
        await self.house.close()


# --- clients over real sockets ----------------------------------------------------------------------------------------


class Singing(AudioStreamTrack):
    """A microphone that hears one tone, in stereo: from mono, aiortc makes a stereo that is 3 dB quieter."""

    def __init__(self, hz: float, level: float = 0.3) -> None:
        super().__init__()
        self._hz, self._level = hz, level
        self.ms = 0  # sung so far

    async def recv(self) -> Frame:
        silence: Any = await super().recv()
        self.ms += 20
        at = silence.pts / silence.sample_rate + np.arange(960) / 48_000
        wave = (self._level * 32767 * np.sin(2 * np.pi * self._hz * at)).astype("<i2")
        frame = AudioFrame.from_ndarray(np.repeat(wave, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, silence.pts * 6, Fraction(1, 48_000)
        return frame


class Caller(Client):
    """A client that sings one tone and keeps what it hears.

    Args:
        sings: In Hz.
        direction: Of its audio; "" for none.
        codec: The only one that it has; "" for all.
        channel: Of its data channel; "" for none.
    """

    def __init__(
        self, sings: float = 440.0, direction: str = "sendrecv", codec: str = "", channel: str = "oai-events"
    ) -> None:
        super().__init__(audio=False, channel=channel)
        self.call_id = ""
        self.microphone = Singing(sings)
        self.rate = 0
        self._heard: list[Floats] = []
        if direction:
            listens = direction == "recvonly"
            transceiver = self.pc.addTransceiver("audio" if listens else self.microphone, direction=direction)
            if codec:
                clock_rate, channels = (48_000, 2) if codec == "opus" else (8000, 1)
                only = RTCRtpCodecCapability(f"audio/{codec}", clock_rate, channels)
                transceiver.setCodecPreferences([only])

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                channels = len(frame.layout.channels)
                self.rate = frame.sample_rate
                self._heard.append(frame.to_ndarray().reshape(-1, channels).mean(axis=1) / 32768)
                self.frames += 1
                self._changed.set()

    @property
    def heard(self) -> Floats:
        """All audio so far, at `rate`."""
        return np.concatenate([*self._heard, np.zeros(0)])

    def parts(self, ms: int) -> list[Floats]:
        """What was heard, in stretches."""
        heard, step = self.heard, max(self.rate * ms // 1000, 1)
        return [heard[at : at + step] for at in range(0, heard.size - step + 1, step)]

    def seconds_of(self, hz: float) -> float:
        """Return for how long a tone of `hz` was heard as it should be; aiortc leaves out what was lost."""
        return 0.02 * sum(0.2 < level_of(part, hz, self.rate) < 0.4 for part in self.parts(20))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.received]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def tell(self, kind: str, **fields: Any) -> None:
        assert self.channel is not None
        self.channel.send(json.dumps({"type": kind, **fields}))

    async def told(self, kind: str) -> dict[str, Any]:
        """Wait for an event of that type, and return it."""
        await self.wait_for(lambda it: kind in self.types)
        return next(event for event in self.events if event["type"] == kind)


@contextlib.asynccontextmanager
async def on_the_line(
    caller: Caller | None = None, switchboard: Switchboard | None = None, start: SessionStart = START
) -> AsyncIterator[tuple[Caller, Switchboard]]:
    """A caller that is connected, with its channel, if it has one."""
    caller, switchboard = caller or Caller(), switchboard or Switchboard()
    try:
        answered = await switchboard.begin(await caller.offer(), start)
        await caller.take(answered.answer)
        await caller.wait_for(lambda it: it.is_open)
        yield caller, switchboard
    finally:
        await caller.close()
        await switchboard.stop()


# --- a peer in memory -------------------------------------------------------------------------------------------------


class Wire:
    """A `Peer` without a network: the test connects it, reads what was sent, and says how much waits."""

    def __init__(self, offer: Offer, options: IceOptions, listener: PeerListener, shared: object = None) -> None:
        assert shared is None
        self.offer, self.listener = offer, listener
        self.ssrc = 4711
        self.channel_is_open = False
        self.unsent = 0
        self.is_there = True  # though it may say nothing
        self.media: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.messages: list[bytes] = []
        self.closed = False
        self.answering: Exception | None = None

    async def answer(self) -> str:
        if self.answering is not None:
            raise self.answering
        return "v=0"

    @property
    def is_settled(self) -> bool:
        return not self.unsent

    def connect(self) -> None:
        self.listener.on_connected()
        self.channel_is_open = True
        self.listener.on_channel_open()

    def was_heard(self) -> bool:
        return self.is_there

    def send_media(self, packet: bytes) -> None:
        self.media.append(packet)

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)

    def send_message(self, data: bytes) -> str:
        channel = self.offer.channel
        if channel is None:
            return "no channel"
        if channel.max_message_bytes and len(data) > channel.max_message_bytes:
            return "too large"
        self.messages.append(data)
        return ""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.messages]

    def close(self) -> None:
        self.closed = True

    async def wait_closed(self) -> None:
        assert self.closed


class Hand:
    """A ticker that the test moves."""

    def __init__(self) -> None:
        self.members: list[WebRtcCall] = []
        self.now = 0.0

    def __len__(self) -> int:
        return len(self.members)

    def add(self, member: WebRtcCall) -> None:
        self.now = asyncio.get_running_loop().time()
        self.members.append(member)

    def discard(self, member: WebRtcCall) -> None:
        self.members = [each for each in self.members if each is not member]

    def go(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 50)):
            self.now += 0.020
            for member in self.members:
                member.tick(self.now)


class WiredCall:
    """A call over a `Wire`, whose time the test moves."""

    def __init__(self, switchboard: Switchboard, wire: Wire, call: WebRtcCall, hand: Hand) -> None:
        self.switchboard, self.wire, self.call, self.hand = switchboard, wire, call, hand
        self.go = hand.go

    @property
    def session(self) -> Session:
        return self.switchboard.session


@contextlib.asynccontextmanager
async def wired(
    offer: str = CHROME, connected: bool = True, extensions: bool = False, board: Switchboard | None = None
) -> AsyncIterator[WiredCall]:
    """A call over a wire."""
    board, hand = board or Switchboard(), Hand()
    board.calls.ticker = hand  # type: ignore[assignment]
    with mock.patch.object(under_test, "Peer", Wire):
        await board.begin(offer, replace(START, extensions=extensions))
    (call,) = board.calls._calls
    wire: Any = call._peer
    if connected:
        wire.connect()
    try:
        yield WiredCall(board, wire, call, hand)
    finally:
        await board.stop()
