"""Each test runs on both event loops: servers run on uvloop, and picows treats the two differently."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.transports.kit import Host, listening


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with listening() as listening_host:
        yield listening_host
