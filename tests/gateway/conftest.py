"""A whole gateway on a free port, with an engine that echoes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx2
import pytest
import uvloop

from antiphon.config.settings import ServerSettings
from antiphon.config.web_settings import WebSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server
from antiphon.transports.websocket import WebSocketLimits
from tests.gateway.kit import GreetingEngine, Running


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Any]]:
    """Return what starts a gateway: `await run(api_keys=("K",))`; all are stopped at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            limits: WebSocketLimits | None = None,
            traits: Mapping[str, Any] | None = None,
            webrtc: WebRtcSettings | None = None,
            web: WebSettings | None = None,
            **settings: Any,
        ) -> Running:
            engine = GreetingEngine()
            backend = Backend(engine, **(traits or {}))
            server = Server(ServerSettings(port=0, **settings), backend, limits, webrtc=webrtc, web=web)
            await server.start()
            stack.push_async_callback(server.stop)
            http = await stack.enter_async_context(
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False)
            )
            return Running(server, engine, http)

        yield start


@pytest.fixture
async def open_gateway(run: Callable[..., Any]) -> Running:
    """Return a gateway without API keys."""
    running: Running = await run()
    return running


@pytest.fixture
async def locked_gateway(run: Callable[..., Any]) -> Running:
    """Return a gateway whose one API key is `sk-right`."""
    running: Running = await run(api_keys=("sk-right", "sk-other"))
    return running
