"""The client of a call: a plain WebSocket that keeps all that came, and when."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 20.0  # seconds until a wait is given up; a test that passes never waits so long

Event = dict[str, Any]


class Caller:
    """One client, over one connection or several.

    Args:
        url: Where to connect, with a model.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._ws: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.events: list[Event] = []
        self.times: list[float] = []  # when each came
        self.closed: tuple[int | None, str] | None = None

    async def connect(self, query: str = "") -> None:
        """Connect, or connect again."""
        self.closed = None
        self._ws = await connect(self._url + query, proxy=None, max_size=None)
        self._reading = asyncio.create_task(self._read(self._ws))

    async def resume(self) -> None:
        """Come back to the call after the connection was lost."""
        token = self.last("antiphon.session.resumable")["token"]
        await self.connect(f"&resume={token}&last_event_id={self.events[-1]['event_id']}")

    async def lose_connection(self) -> None:
        """Drop the connection as a network does, without a CLOSE frame."""
        assert self._ws is not None
        self._ws.transport.abort()
        await self._stop_reading()

    async def close(self) -> None:
        if self._ws is not None:
            await self._ws.close()
            await self._stop_reading()

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            await self._reading

    async def _read(self, ws: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in ws:
                await self._take(json.loads(message))
        async with self._news:
            self.closed = (ws.close_code, ws.close_reason or "")
            self._news.notify_all()

    async def _take(self, event: Event) -> None:
        async with self._news:
            self.events.append(event)
            self.times.append(time.monotonic())
            self._news.notify_all()

    # --- sending ----------------------------------------------------------------------------------------------

    async def send(self, kind: str, **fields: Any) -> None:
        assert self._ws is not None
        with contextlib.suppress(ConnectionClosed):  # what is waited for next tells
            await self._ws.send(json.dumps({"type": kind, **fields}))

    async def write(self, item_id: str, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", event_id=f"event_of_{item_id}", item=item)

    async def speak(self, frames: list[bytes]) -> None:
        for frame in frames:
            await self.send("input_audio_buffer.append", audio=base64.b64encode(frame).decode())

    # --- what came --------------------------------------------------------------------------------------------

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def last(self, kind: str) -> Event:
        return self.all(kind)[-1]

    async def until(self, kind: str, nth: int = 1, where: Callable[[Event], bool] = lambda event: True) -> Event:
        """Return the `nth` event of that type that `where` holds for, also if it came before.

        Raises:
            CallEndedError: The connection was closed first.
            TimeoutError: It did not come.
        """

        def found() -> list[Event]:
            return [event for event in self.all(kind) if where(event)]

        async with self._news:
            try:
                await asyncio.wait_for(
                    self._news.wait_for(lambda: len(found()) >= nth or self.closed is not None), PATIENCE
                )
            except TimeoutError:
                kinds = [event["type"] for event in self.events]
                raise TimeoutError(f"{kind} number {nth} did not come; the last that came: {kinds[-12:]}") from None
        if len(found()) < nth:
            raise CallEndedError(f"closed with {self.closed} before {kind} number {nth}")
        return found()[nth - 1]


class CallEndedError(Exception):
    """The server closed the call."""
