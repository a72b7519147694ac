"""A Realtime server for tests: it answers from a script, fails where it is told to, and remembers what it was sent."""

from antiphon.testing.emulator import Emulator, emulator
from antiphon.testing.recording import Connection, RecordedEvent
from antiphon.testing.threaded import ThreadedEmulator

__all__ = ["Connection", "Emulator", "RecordedEvent", "ThreadedEmulator", "emulator"]
