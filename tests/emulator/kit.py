"""What the emulator's tests share: a client that sees what came, and how it ended."""

import asyncio
import base64
import json
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

RATE = 24_000


async def say(ws: ClientConnection, text: str) -> None:
    """Write `text` and ask for an answer."""
    content = [{"type": "input_text", "text": text}]
    await send(ws, "conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await send(ws, "response.create")


async def send(ws: ClientConnection, kind: str, **fields: Any) -> None:
    await ws.send(json.dumps({"type": kind, **fields}))


async def until(ws: ClientConnection, kind: str, seen: list[Any] | None = None) -> Any:
    """Return the next event of that type; what comes before it goes to `seen`."""
    async with asyncio.timeout(10):
        while True:
            event = json.loads(await ws.recv())
            if seen is not None:
                seen.append(event)
            if event["type"] == kind:
                return event


async def to_end(ws: ClientConnection) -> tuple[list[Any], int | None, str]:
    """Return the types of all events that still come, and the code and the reason of the end; None without CLOSE."""
    kinds = []
    async with asyncio.timeout(10):
        try:
            while True:
                kinds.append(json.loads(await ws.recv())["type"])
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")
            return kinds, code, reason


def speech(ms: int) -> bytes:
    """Return a tone of 500 Hz, loud, as PCM16."""
    time = np.arange(RATE * ms // 1000) / RATE
    return bytes(np.rint(12_000 * np.sin(2 * np.pi * 500 * time)).astype("<i2").tobytes())


async def speak(ws: ClientConnection, *stretches: bytes) -> None:
    """Send audio in pieces of 100 ms."""
    pcm = b"".join(stretches)
    for start in range(0, len(pcm), RATE // 10 * 2):
        await send(
            ws, "input_audio_buffer.append", audio=base64.b64encode(pcm[start : start + RATE // 10 * 2]).decode()
        )


QUIET = bytes(RATE * 2)  # a second
