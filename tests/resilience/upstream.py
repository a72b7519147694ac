"""An upstream in a process of its own, to be killed: `python -m tests.resilience.upstream HOLD SPEAKS`.

HOLD is where its model waits for ever; SPEAKS is `no` for one that takes connections and never says a word. It writes
its port to standard output once it listens.
"""

import asyncio
import sys

from antiphon.gateway.engine import Backend
from antiphon.testing import Emulator
from tests.resilience.model import World
from tests.resilience.scene import fault


async def run(hold: str, speaks: bool) -> None:
    emulator = Emulator(backend=Backend(World(hold).engine()))
    if not speaks:
        emulator.add(fault(at="connect", do="stall", nth="every"))
    await emulator.start()
    print(emulator.port, flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2] != "no"))
