from collections.abc import Iterator

import pytest
from tests.clients.ways import KEY, SCRIPT, UPSTREAM_KEY, Way, all_running, relay
from tests.running import RunningServer, running_server

from antiphon.testing import ThreadedEmulator


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """The embedded engine, as `antiphon serve` starts it; it wants a key."""
    with running_server(ANTIPHON_API_KEYS=f"{KEY},{UPSTREAM_KEY}") as running:
        yield running


@pytest.fixture(scope="session")
def emulator() -> Iterator[ThreadedEmulator]:
    """The emulator with the script for clients; it wants the relay's key."""
    with ThreadedEmulator(SCRIPT) as running:
        yield running


@pytest.fixture(scope="session")
def servers(
    server: RunningServer, emulator: ThreadedEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Way, RunningServer]]:
    """What clients are pointed at, without TLS."""
    folder = tmp_path_factory.mktemp("relays")
    relays = {
        Way.LOCAL: relay(server.base_url, folder / "local"),
        Way.EMULATOR: relay(emulator.base_url, folder / "emulator"),
        Way.BETA: relay(server.base_url, folder / "beta", dialect="beta"),
    }
    with all_running(relays) as running:
        yield {Way.DIRECT: server, **running}
