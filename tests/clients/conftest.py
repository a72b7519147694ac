from collections.abc import Iterator

import pytest
from tests.running import RunningServer, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """The embedded engine, as `antiphon serve` starts it."""
    with running_server() as running:
        yield running
