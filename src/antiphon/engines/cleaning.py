"""One utterance's way through a noise filter: in order, and in a thread, because a filter takes its time."""

import asyncio
from collections.abc import Callable

from antiphon.stages.base import NoiseFilter


class Cleaning:
    """Cleans audio as it comes and hands it on.

    Args:
        noise_filter: Belongs to the utterance from now on.
        deliver: Takes the cleaned audio, PCM16 at 24000 Hz.
    """

    def __init__(self, noise_filter: NoiseFilter, deliver: Callable[[bytes], None]) -> None:
        self._filter = noise_filter
        self._deliver = deliver
        self._waiting = bytearray()
        self._work: asyncio.Task[None] | None = None
        self._in_thread: asyncio.Future[bytes] | None = None
        self._closed = False

    def add(self, pcm: bytes) -> None:
        """Add PCM16 at 24000 Hz."""
        self._waiting += pcm
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._clean())

    async def finish(self) -> None:
        """Return when all audio was cleaned and handed on, the filter's tail included."""
        if self._work is not None:
            await self._work
        self._deliver(await self._threaded(self._filter.flush))
        self.close()

    def close(self) -> None:
        """Drop what waits and free the filter, once no thread is in it any more; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._work is not None:
            self._work.cancel()
        if self._in_thread is not None and not self._in_thread.done():
            self._in_thread.add_done_callback(lambda _: self._filter.close())
        else:
            self._filter.close()

    async def _clean(self) -> None:
        while self._waiting:
            pcm = bytes(self._waiting)
            self._waiting.clear()
            self._deliver(await self._threaded(self._filter.process, pcm))

    async def _threaded(self, call: Callable[..., bytes], *arguments: bytes) -> bytes:
        self._in_thread = asyncio.get_running_loop().run_in_executor(None, call, *arguments)
        # Whoever waits may be cancelled; the thread goes on, and `close` must know when it is out of the filter.
        return await asyncio.shield(self._in_thread)
