"""Real speech for tests, from tests/speech and its manifest."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

from antiphon.audio.pcm import read_wav
from antiphon.audio.resample import resample

FOLDER = Path(__file__).parents[1] / "speech"
RATE = 24_000
PACKET_BYTES = RATE // 50 * 2  # 20 ms


@cache
def manifest() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text())
    return entries


def question(about: str) -> tuple[bytes, re.Pattern[str]]:
    """Return a spoken question whose text contains `about`, PCM16 at 24000 Hz, and what a right answer matches."""
    entry = next(entry for entry in manifest() if about in entry["text"] and "expect" in entry)
    wav = read_wav(FOLDER / entry["file"])
    return resample(wav.pcm, wav.rate, RATE), re.compile(entry["expect"], re.IGNORECASE)


async def at_real_pace(pcm: bytes) -> AsyncIterator[bytes]:
    """Yield packets of 20 ms when a microphone would have them."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for begin in range(0, len(pcm), PACKET_BYTES):
        due += 0.02
        await asyncio.sleep(max(due - loop.time(), 0))
        yield pcm[begin : begin + PACKET_BYTES]
