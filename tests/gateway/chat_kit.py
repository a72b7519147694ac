"""A gateway that answers chat completions with routes of the test's own."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.routing import Route

from antiphon.config.settings import ServerSettings
from antiphon.gateway.chat import ChatRoutes
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server


@contextlib.asynccontextmanager
async def chatting(
    settings: ServerSettings, backend: Backend, routes: ChatRoutes, key: str = "none"
) -> AsyncIterator[AsyncOpenAI]:
    """Run a gateway with `routes` until the block ends, and yield the official SDK pointed at it."""

    def around(app: Starlette) -> Starlette:
        app.router.routes.insert(0, Route("/v1/chat/completions", routes.create_completion, methods=["POST"]))
        return app

    server = Server(settings, backend, around=around)
    await server.start()
    try:
        base_url = f"http://127.0.0.1:{server.port}/v1"
        async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as sdk:
            yield sdk
    finally:
        await server.stop()


class Listener:
    """The client of a running conversation: it keeps all that it is told."""

    unsent = 0

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._came = asyncio.Event()

    def send(self, message: bytes) -> None:
        self.heard.append(json.loads(message))
        self._came.set()

    def close(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    async def until(self, kind: str, nth: int = 1) -> dict[str, Any]:
        """Return the `nth` event of that type."""
        async with asyncio.timeout(10):
            while len(found := [event for event in self.heard if event["type"] == kind]) < nth:
                self._came.clear()
                await self._came.wait()
        return found[nth - 1]
