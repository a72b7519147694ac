"""Ten thousand clients that come and drop, in every phase: nothing of them stays."""

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine
from typing import Any

from tests.hostile.kit import FOREVER, Host, bystander, guest, memory, open_files, own_objects, stranger, until, upgrade
from tests.transports.kit import TEXT, frame

# `ANTIPHON_HOSTILE=10` makes it ten times as many.
FACTOR = int(os.environ.get("ANTIPHON_HOSTILE", "1"))
VISITS = 10_000 * FACTOR
AT_ONCE = 50
WARM_UP = 2_000
GROWTH = 400  # bytes of memory per visit that the allocator may keep; a session that stays costs 50,000


async def drop_before_the_handshake_is_complete(port: int, number: int) -> None:
    async with stranger(port) as peer:
        peer.send(upgrade()[: number % 150])


async def drop_after_101(port: int, number: int) -> None:
    async with stranger(port) as peer:
        peer.send(upgrade())
        await peer.head()
        peer.drop(reset=bool(number % 2))


async def drop_in_the_middle_of_a_message(port: int, number: int) -> None:
    async with guest(port) as peer:
        event = frame(TEXT, b'{"type":"input_audio_buffer.append","audio":"' + b"A" * 4000)
        peer.send(event[: 1 + number % 4000])
        peer.drop(reset=bool(number % 2))


async def drop_during_a_response(port: int, number: int) -> None:
    async with guest(port) as peer:
        peer.configure(output_modalities=["text"] if number % 2 else ["audio"])
        peer.say(FOREVER)
        peer.event("response.create")
        await peer.until("response.created")
        peer.drop(reset=bool(number % 4))


PHASES: tuple[Callable[[int, int], Coroutine[Any, Any, None]], ...] = (
    drop_before_the_handshake_is_complete,
    drop_after_101,
    drop_in_the_middle_of_a_message,
    drop_during_a_response,
)


async def visits(host: Host, first: int, end: int) -> None:
    """Come and drop, some at once and each phase in turn; return when the server has noticed all of it."""
    for begin in range(first, end, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, end))
        await asyncio.gather(*(PHASES[number % len(PHASES)](host.port, number) for number in numbers))
    await until(lambda: host.server.connections == host.server.sessions == 1)  # the bystander's


async def left(host: Host, tasks: int) -> tuple[int, int, dict[str, int]]:
    """Return the tasks, files and objects of ours that remain once the loop came to rest."""
    await until(lambda: len(asyncio.all_tasks()) <= tasks and host.model.running == 0)
    objects = own_objects()
    # What a bystander's events are at this moment is chance.
    mine = {name: count for name, count in objects.items() if ".protocol." not in name and ".requests." not in name}
    return len(asyncio.all_tasks()), open_files(), mine


async def test_10_000_connects_and_drops_leave_nothing_behind(host: Host) -> None:
    async with bystander(host.port) as other:
        tasks = len(asyncio.all_tasks())
        await visits(host, 0, WARM_UP)  # allocators, caches and pools reach their size
        before, used = await left(host, tasks), memory()
        answers = other.answers
        await visits(host, WARM_UP, VISITS)
        assert await left(host, tasks) == before
        gc.collect()
        assert memory() - used < GROWTH * (VISITS - WARM_UP)
        assert other.answers - answers > VISITS // AT_ONCE
        assert host.ears.open_streams == set()
