"""The emulator in a thread of its own, for tests that do not run on an event loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from antiphon.testing.emulator import Emulator, ScriptSource, script_of
from antiphon.testing.recording import Connection, RecordedEvent

T = TypeVar("T")


class ThreadedEmulator:
    """An emulator that runs from the beginning of a `with` block to its end; its methods wait for their answers.

    Args:
        source: As for `emulator`.
        keys: Likewise.

    Raises:
        ConfigError: The script is wrong.
    """

    def __init__(self, source: ScriptSource | None = None, **keys: Any) -> None:
        self._script = script_of(source, keys)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="antiphon emulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._emulator = self._run(self._start())
        self.url = self._emulator.url
        self.base_url = self._emulator.base_url
        self.websocket_base_url = self._emulator.websocket_base_url
        self.port = self._emulator.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._emulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> Sequence[Connection]:
        return self._call(lambda: self._emulator.connections)

    @property
    def client_events(self) -> list[dict[str, Any]]:
        return self._call(lambda: self._emulator.client_events)

    def wait_for(self, kind: str, nth: int = 1, timeout: float = 10.0) -> RecordedEvent:
        return self._run(self._emulator.wait_for(kind, nth, timeout))

    def wait_for_connection(self, nth: int = 1, timeout: float = 10.0) -> Connection:
        return self._run(self._emulator.wait_for_connection(nth, timeout))

    def wait_for_end(self, nth: int = 1, timeout: float = 10.0) -> Connection:
        return self._run(self._emulator.wait_for_end(nth, timeout))

    def add_fault(self, at: str, do: str, **options: Any) -> None:
        self._call(lambda: self._emulator.add_fault(at, do, **options))

    def clear_faults(self) -> None:
        self._call(self._emulator.clear_faults)

    def clear(self) -> None:
        self._call(self._emulator.clear)

    def drop_all(self, how: str = "reset") -> None:
        self._call(lambda: self._emulator.drop_all(how))

    def close_all(self, code: int = 1001, reason: str = "") -> None:
        self._call(lambda: self._emulator.close_all(code, reason))

    async def _start(self) -> Emulator:
        emulator = Emulator(self._script)
        await emulator.start()
        return emulator

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self._run(call())
