"""Sessions with faults: between any engine and its clients, seeing every event both ways as bytes."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from antiphon.engines.scripted.api_errors import ApiError, api_error
from antiphon.engines.scripted.faults import Fault, FaultPlan, Group, Place, Side
from antiphon.protocol.codec import event_id_of
from antiphon.protocol.heads import type_of
from antiphon.protocol.ids import Ids
from antiphon.session.start import SessionStart
from antiphon.testing.frames import BINARY, CLOSE, TEXT, fragments, frame
from antiphon.testing.pipe import Pipe, Step
from antiphon.testing.recording import Connection, Recording
from antiphon.testing.upgrade import reset, takeover
from antiphon.transports.base import Client, Engine, EngineSession
from antiphon.transports.handshake import Handshake
from antiphon.transports.picows_glue import Takeover
from antiphon.transports.websocket import ABNORMAL, NO_STATUS, WebSocketClient

TRICKLE_SECONDS = 0.05  # between two fragments
_ids = Ids(os.urandom)


class FaultyEngine:
    """An engine whose connections meet faults.

    Args:
        engine: Answers.
        faults: What goes wrong, by number; what comes and goes there later holds for running sessions too.
        seed: Of what is random.
        recording: Takes down what comes and goes.
    """

    def __init__(self, engine: Engine, faults: dict[int, Fault], seed: int, recording: Recording) -> None:
        self._engine = engine
        self._faults = faults
        self._seed = seed
        self._recording = recording
        self._joining: WeakKeyDictionary[WebSocketClient, tuple[Connection, FaultPlan, list[Fault]]] = (
            WeakKeyDictionary()
        )
        self._raw: set[asyncio.Transport] = set()
        self.sessions: set[FaultySession] = set()

    @property
    def ready(self) -> bool:
        return self._engine.ready

    async def start(self) -> None:
        await self._engine.start()

    async def close(self) -> None:
        self.drop_raw()
        await self._engine.close()

    def knock(self, client: WebSocketClient, handshake: Handshake) -> Takeover | None:
        """Record a connection, and decide what becomes of it."""
        connection = self._recording.begin(handshake)
        plan = FaultPlan(self._faults, self._seed, connection.number)
        faults = plan.connect()
        connection.faults += [f"{fault.do} at {fault.at}" for fault in faults]
        refusal = next((fault for fault in faults if fault.group is Group.UPGRADE), None)
        if refusal is not None:
            connection.ended = True
            return partial(self._hand_over, takeover(refusal))
        self._joining[client] = connection, plan, [fault for fault in faults if fault.group is Group.ACT]
        return None

    def open(self, start: SessionStart, client: Client) -> "FaultySession":
        assert isinstance(client, WebSocketClient)
        connection, plan, faults = self._joining.pop(client)
        session = FaultySession(client, connection, plan, self._recording)
        self.sessions.add(session)
        session.on_closed = self.sessions.discard
        for fault in faults:
            session.act(fault, Side.SERVER, b"")
        if not session.over:
            session.begin(self._engine, start)
        return session

    def drop_raw(self) -> None:
        """Drop the connections that never got an answer."""
        for connection in self._raw:
            connection.abort()
        self._raw.clear()

    def _hand_over(self, taker: Takeover, connection: asyncio.Transport) -> None:
        self._raw = {each for each in self._raw if not each.is_closing()} | {connection}
        taker(connection)


class FaultyClient:
    """The client as the engine's session sees it."""

    def __init__(self, session: "FaultySession", client: Client) -> None:
        self._session = session
        self._client = client
        self.abort = client.abort
        self.pause_reading = client.pause_reading
        self.resume_reading = client.resume_reading

    @property
    def unsent(self) -> int:
        return self._client.unsent

    def send(self, message: bytes) -> None:
        self._session.pass_on(Side.SERVER, message)

    def close(self, code: int, reason: str) -> None:
        self._session.end_in_order(code, reason)


class FaultySession:
    """One connection's session: passes events on, and does to them what the plan says.

    Args:
        client: Gets what is sent.
        connection: What is taken down of it.
        plan: Which faults there are.
        recording: Where that belongs to.
    """

    def __init__(self, client: WebSocketClient, connection: Connection, plan: FaultPlan, recording: Recording) -> None:
        self._client = client
        self._connection = connection
        self._plan = plan
        self._recording = recording
        self._loop = asyncio.get_running_loop()
        self._pipes = {side: Pipe(self._loop) for side in Side}
        self._swapped: dict[Side, list[Step]] = {side: [] for side in Side}
        self._trickle = 0  # bytes a second; 0 is no bound
        self._session: EngineSession | None = None
        self.over = False
        self.on_closed: Callable[[FaultySession], None] = _nobody

    def begin(self, engine: Engine, start: SessionStart) -> None:
        self._connection.has_session = True
        self._session = engine.open(start, FaultyClient(self, self._client))

    # --- the session, for its transport -----------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        self.pass_on(Side.CLIENT, message)

    def client_slow(self, slow: bool) -> None:
        if self._session is not None:
            self._session.client_slow(slow)

    def close(self, lost: bool = False) -> None:
        if self._connection.ended:
            return
        self._connection.ended, self._connection.lost = True, lost
        self._stop()
        if self._session is not None:
            self._session.close(lost=lost)
        self._recording.tell()
        self.on_closed(self)

    # --- events -----------------------------------------------------------------------------------------------

    def pass_on(self, side: Side, message: bytes) -> None:
        """Take an event from `side`, and give it to the other with what the plan has for it."""
        kind = type_of(message)
        if side is Side.CLIENT:
            self._recording.received(self._connection, kind, message)
        if self.over:
            return
        faults = self._plan.decide(side, kind)
        self._connection.faults += [f"{fault.do} at {kind}" for fault in faults]
        self._act_all(Place.BEFORE, faults, side, message)
        self._put(side, message, faults)
        self._act_all(Place.INSTEAD, faults, side, message)
        self._act_all(Place.AFTER, faults, side, message)

    def _act_all(self, place: Place, faults: tuple[Fault, ...], side: Side, message: bytes) -> None:
        for fault in faults:
            if fault.group is Group.ACT and fault.place is place:
                self._pipes[side].put(partial(self.act, fault, side, message))

    def _put(self, side: Side, message: bytes, faults: tuple[Fault, ...]) -> None:
        steps, after = self._steps(side, message, faults)
        if any(fault.do == "reorder" for fault in faults):
            self._swapped[side] += steps
            return
        swapped, self._swapped[side] = self._swapped[side], []
        for step in (*steps, *swapped):
            self._pipes[side].put(step, after)
            after = 0.0

    def _steps(self, side: Side, message: bytes, faults: tuple[Fault, ...]) -> tuple[list[Step], float]:
        """Return what delivers the event, as often as it is to be delivered, and the seconds before it."""
        deliver = self._send if side is Side.SERVER else self._receive
        steps: list[Step] = [partial(deliver, message)]
        after = 0.0
        for fault in faults:
            match fault.do:
                case "omit":
                    steps = []
                case "duplicate":
                    steps = steps * fault.options["times"]
                case "delay":
                    after += fault.options["seconds"]
                case "malformed_json" | "binary" | "half_message":
                    steps = [partial(self._spoil, fault, message)]
        if any(fault.group is Group.ACT and fault.place is Place.INSTEAD for fault in faults):
            steps = []
        return steps, after

    def _receive(self, message: bytes) -> None:
        if self._session is not None and not self.over:
            self._session.receive(message)

    def _send(self, message: bytes) -> "list[tuple[float, Step]] | None":
        if self.over:
            return None
        self._recording.sent(self._connection, type_of(message), message)
        if not self._trickle:
            self._client.send(message)
            return None
        size = max(1, round(self._trickle * TRICKLE_SECONDS))
        return [(size / self._trickle, partial(self._write, part)) for part in fragments(message, size)]

    def _spoil(self, fault: Fault, message: bytes) -> None:
        if self.over:
            return
        self._recording.sent(self._connection, type_of(message), message)
        match fault.do:
            case "malformed_json":
                self._client.send(message.rstrip()[:-1])  # without its last brace
            case "binary":
                self._write(frame(BINARY, message))
            case _:
                whole = frame(TEXT, message)
                self._write(whole[: max(1, int(len(whole) * fault.options["share"]))])
                self.drop(fault.options["how"])

    def _write(self, data: bytes) -> None:
        if not self.over and not self._client.raw.is_closing():
            self._client.raw.write(data)

    # --- faults -----------------------------------------------------------------------------------------------

    def act(self, fault: Fault, side: Side, message: bytes) -> None:
        """Do what a fault says, when it is time; `message` is the event of `side` that it stands beside."""
        if fault.wait:
            self._loop.call_later(fault.wait, self._do, fault, side, message)
        else:
            self._do(fault, side, message)

    def _do(self, fault: Fault, side: Side, message: bytes) -> None:
        if self.over:
            return
        options = fault.options
        match fault.do:
            case "error":
                self._tell(error_event(options, event_id_of(message) if side is Side.CLIENT else None))
            case "error_then_close":
                self._tell(error_event(options, None))
                self.end(options["close_code"], options["close_reason"] or scripted_error(options).close_reason)
            case "close":
                self.end(options["code"], options["reason"])
            case "drop":
                self.drop(options["how"])
            case "stall":
                self._stall(options["pong"], options["seconds"])
            case "late_pong":
                self._client.pong_seconds = options["seconds"]
            case "trickle":
                self._trickle = options["bytes_per_second"]
            case "garbage":
                # 0xFF: reserved bits and an opcode that nobody has defined.
                self._write(b"\xff" + self._plan.noise(options["bytes"]))
            case "rate_limits":
                self._tell({"type": "rate_limits.updated", "rate_limits": options["limits"]})
            case "send":
                self._tell(options["event"])

    def _tell(self, event: dict[str, Any]) -> None:
        """Send an event of our own, past the faults and what waits."""
        message = msgspec.json.encode({"event_id": _ids.event(), **event})
        self._recording.sent(self._connection, event["type"], message)
        self._client.send(message)

    def _stall(self, pong: bool, seconds: float) -> None:
        for pipe in self._pipes.values():
            pipe.hold()
        if not pong:
            self._client.pong_seconds = None
        if seconds:
            self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._client.pong_seconds is None:
            self._client.pong_seconds = 0.0
        for pipe in self._pipes.values():
            pipe.release()

    # --- the end ----------------------------------------------------------------------------------------------

    def end_in_order(self, code: int, reason: str) -> None:
        """Close the connection behind all that was sent."""
        self._pipes[Side.SERVER].put(partial(self.end, code, reason))

    def end(self, code: int, reason: str) -> None:
        """Close the connection; 1005 and 1006 are what the client shall find: no code, and no CLOSE frame."""
        if self.over:
            return
        if code == ABNORMAL:
            self.drop("fin")
            return
        self._connection.close = code, reason
        if code == NO_STATUS:
            self._write(frame(CLOSE, b""))
            self.drop("fin")
            return
        self._stop()
        self._client.close(code, reason)

    def drop(self, how: str) -> None:
        """Drop the connection: `reset` breaks it, `fin` ends it, without a CLOSE frame."""
        self._stop()
        if self._client.raw.is_closing():
            return
        if how == "reset":
            reset(self._client.raw)
        else:
            self._client.raw.close()

    def _stop(self) -> None:
        self.over = True
        for pipe in self._pipes.values():
            pipe.close()


def _nobody(_session: "FaultySession") -> None:
    pass


def error_event(options: Mapping[str, Any], event_id: str | None) -> dict[str, Any]:
    """Return the `error` event that a fault's options ask for; `event_id` is that of the client's event."""
    error = scripted_error(options)
    return {
        "type": "error",
        "error": {
            "type": error.type,
            "code": error.code,
            "message": error.message,
            "param": options["param"],
            "event_id": event_id,
        },
    }


def scripted_error(options: Mapping[str, Any]) -> ApiError:
    """Return the API's error of that code, with the texts that the script gives."""
    known = api_error(options["code"])
    return replace(known, type=options["type"] or known.type, message=options["message"] or known.message)
