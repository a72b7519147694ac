"""On uvloop, as servers run; each test has a server of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.hostile.kit import Host, hosting


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running
