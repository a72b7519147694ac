"""The emulator: a Realtime server for tests, in the process of the test or on its own."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from antiphon.config.settings import ServerSettings
from antiphon.engines.scripted import Fault, Place, Script, ScriptedEngine, load_script, parse_script, read_script
from antiphon.engines.scripted.loading import read_fault
from antiphon.engines.scripted.tables import Table
from antiphon.gateway.auth import Keyring
from antiphon.gateway.client_secrets import ClientSecrets
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server
from antiphon.testing.faulty import FaultyEngine
from antiphon.testing.introspection import with_introspection
from antiphon.testing.recording import Connection, RecordedEvent, Recording

ScriptSource = Script | str | Path | Mapping[str, Any]


def script_of(source: ScriptSource | None, keys: Mapping[str, Any]) -> Script:
    """Return the script of a file (a path), of TOML text, of a table, or of a table's keys.

    Raises:
        ConfigError: It is wrong; names the key and what to write.
    """
    if source is not None and keys:
        raise TypeError("give a script or its keys, not both")
    match source:
        case None:
            return read_script(keys, "emulator()")
        case Script():
            return source
        case Path():
            return load_script(source)
        case str():
            # TOML has an equals sign in it; a file's name hardly ever.
            return parse_script(source) if "=" in source or "\n" in source else load_script(source)
        case _:
            return read_script(source, "emulator()")


class Emulator:
    """A running emulator, and what it saw.

    Args:
        script: What it does.
        backend: Answers in the place of the script's turns; the faults are the script's all the same.
        host: Address to listen on.
        port: 0 for a free one.
        keep: How many connections, and events of each in each direction, are kept; None for all.
    """

    def __init__(
        self,
        script: Script | None = None,
        backend: Backend | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int | None = None,
    ) -> None:
        script = script or Script()
        self._numbers = itertools.count()
        self._faults: dict[int, Fault] = {}
        self._recording = Recording(keep)
        self._host = host
        for fault in (*_session_delay(script), *script.faults):
            self.add(fault)
        backend = backend or _scripted(script)
        self._engine = FaultyEngine(backend.engine, self._faults, script.seed, self._recording)
        settings = ServerSettings(
            host=host,
            port=port,
            api_keys=script.server.keys,
            max_sessions=script.server.max_sessions,
            drain_seconds=0.0,
        )
        keyring = Keyring(script.server.keys, ClientSecrets(None))
        self._server = Server(
            settings,
            Backend(self._engine, backend.defaults, backend.check_config),
            around=lambda app: with_introspection(app, self, keyring),
        )

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: The address cannot be listened on.
        """
        await self._server.start()

    async def stop(self) -> None:
        """Drop all connections, and free the port."""
        self._engine.drop_raw()
        await self._server.stop()

    # --- where it is ------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def base_url(self) -> str:
        """What official SDKs take as `base_url`."""
        return f"http://{self._address}/v1"

    @property
    def websocket_base_url(self) -> str:
        """What official SDKs take as `websocket_base_url`, such as for their beta classes."""
        return f"ws://{self._address}/v1"

    @property
    def url(self) -> str:
        """Where WebSocket clients connect, with a model."""
        return f"{self.websocket_base_url}/realtime?model=gpt-realtime"

    @property
    def _address(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    # --- what it saw ------------------------------------------------------------------------------------------

    @property
    def connections(self) -> Sequence[Connection]:
        """Every connection in the order they came, also those that were refused."""
        return tuple(self._recording.connections)

    @property
    def client_events(self) -> list[dict[str, Any]]:
        """All that clients sent, in order, connection by connection."""
        return [recorded.event for connection in self.connections for recorded in connection.client_events]

    async def wait_for(self, kind: str, nth: int = 1, timeout: float = 10.0) -> RecordedEvent:  # noqa: ASYNC109
        """Return the `nth` event of that type over all connections, also if it came long ago.

        Args:
            kind: A client event's type for one that was received, a server event's for one that was sent.
            nth: From 1.
            timeout: Seconds after which a TimeoutError tells what came instead.
        """

        def find() -> RecordedEvent | None:
            found = self._recording.events(kind)
            return found[nth - 1] if len(found) >= nth else None

        found: RecordedEvent = await self._found(find, f"{kind} number {nth}", timeout)
        return found

    async def wait_for_connection(self, nth: int = 1, timeout: float = 10.0) -> Connection:  # noqa: ASYNC109
        """Return the `nth` connection, as soon as it asks to be accepted."""

        def find() -> Connection | None:
            return next((connection for connection in self.connections if connection.number == nth), None)

        found: Connection = await self._found(find, f"connection number {nth}", timeout)
        return found

    async def wait_for_end(self, nth: int = 1, timeout: float = 10.0) -> Connection:  # noqa: ASYNC109
        """Return the `nth` connection once it has ended."""

        def find() -> Connection | None:
            return next((each for each in self.connections if each.number == nth and each.ended), None)

        found: Connection = await self._found(find, f"the end of connection {nth}", timeout)
        return found

    async def _found(self, find: Any, what: str, seconds: float) -> Any:
        try:
            return await asyncio.wait_for(self._recording.wait(find), seconds)
        except TimeoutError:
            came = [event.type for connection in self.connections for event in connection.client_events]
            message = f"{what} did not come within {seconds:g} s; {len(self.connections)} connections sent: {came}"
            raise TimeoutError(message) from None

    def clear(self) -> None:
        """Forget what was seen; connections are numbered from 1 again."""
        self._recording.clear()

    # --- what goes wrong --------------------------------------------------------------------------------------

    def add_fault(self, at: str, do: str, **options: Any) -> None:
        """Add a fault, with the keys that a `[[fault]]` has; its `nth` is counted from now.

        Raises:
            ConfigError: A key or value is wrong.
        """
        self.add(read_fault(Table({"at": at, "do": do, **options}, "add_fault()")))

    def add(self, fault: Fault) -> None:
        """Add a fault that was read already."""
        self._faults[next(self._numbers)] = fault

    def clear_faults(self) -> None:
        """Let all go well from now on."""
        self._faults.clear()

    def drop_all(self, how: str = "reset") -> None:
        """Drop every connection now: `reset` breaks them, `fin` ends them, both without a CLOSE frame."""
        self._engine.drop_raw()
        for session in tuple(self._engine.sessions):
            session.drop(how)

    def close_all(self, code: int = 1001, reason: str = "") -> None:
        """Close every session's connection now."""
        for session in tuple(self._engine.sessions):
            session.end(code, reason)


def _scripted(script: Script) -> Backend:
    engine = ScriptedEngine(script)
    return Backend(engine, engine.defaults, engine.equipment.capabilities.check_config)


def _session_delay(script: Script) -> list[Fault]:
    seconds = script.session.created_delay
    kinds = ("session.created", "transcription_session.created") if seconds else ()
    return [Fault(kind, "delay", place=Place.INSTEAD, options={"seconds": seconds}) for kind in kinds]


@contextlib.asynccontextmanager
async def emulator(source: ScriptSource | None = None, **keys: Any) -> AsyncIterator[Emulator]:
    """Run an emulator on a free port of 127.0.0.1 until the block ends.

    Args:
        source: A script: its file's path, TOML text, or a table. None for one that says hello and repeats.
        keys: The keys of a script's TOML in place of `source`, such as `turn=[{"say": "Hi."}]`.

    Raises:
        ConfigError: The script is wrong.
    """
    running = Emulator(script_of(source, keys))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
