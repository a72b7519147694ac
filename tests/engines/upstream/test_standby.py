"""Warm standby, with a clock that the test moves."""

import asyncio
import json
import logging

import pytest
from tests.engines.upstream.servers import CREATED, START, Handler, Heard, Upstream, greet, refuse, upstream
from websockets.asyncio.server import ServerConnection

from antiphon.engines.upstream.config import realtime_url
from antiphon.engines.upstream.leg import LegSettings, UpstreamLeg
from antiphon.engines.upstream.rest import Rest
from antiphon.engines.upstream.route import UpstreamRoute
from antiphon.engines.upstream.standby import Standby
from antiphon.path.legs import Cause, LegEnd, LegListener, LegStart
from antiphon.session.start import SessionStart
from antiphon.wire.connect import Endpoint


class Bench:
    """A standby pool on a server, and the clocks."""

    def __init__(self, server: Upstream, size: int = 1, always: bool = True) -> None:
        self.url = realtime_url(server.config(), START)
        self.now = 100.0
        self.unix = 0.0
        self.legs: list[UpstreamLeg] = []
        self.failures: asyncio.Queue[LegEnd] = asyncio.Queue()
        self.became_ready: asyncio.Queue[None] = asyncio.Queue()
        self.rest = Rest(lambda: 1.0)
        self.pool = Standby(
            size,
            self.make,
            self.rest,
            failed=self.failures.put_nowait,
            worked=lambda: self.became_ready.put_nowait(None),
            always=(self.url,) if always else (),
            clock=lambda: self.now,
            wall=lambda: self.unix,
        )

    def make(self, url: str, listener: LegListener) -> UpstreamLeg:
        self.legs.append(UpstreamLeg(LegSettings(Endpoint(url)), listener))
        return self.legs[-1]

    async def ready(self, count: int = 1) -> None:
        for _ in range(count):
            await self.became_ready.get()
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.pool.close()
        for leg in self.legs:
            leg.close()
        await asyncio.wait({leg.gone for leg in self.legs})


async def test_a_ready_session_is_handed_out_at_once_and_replaced() -> None:
    async with upstream() as server:
        bench = Bench(server)
        bench.pool.start()
        await bench.ready()
        heard = Heard()
        leg = bench.pool.take(bench.url, heard)
        assert leg is bench.legs[0]
        assert heard.messages.empty()  # nothing is told from within
        assert await heard.messages.get() == CREATED
        leg.send(b"{}")
        assert await heard.messages.get() == b"{}"
        await bench.ready()
        assert (len(bench.legs), bench.pool.ready) == (2, 1)
        await bench.close()
        assert not heard.ended.done()


async def test_what_came_before_is_told_first_and_the_end_last() -> None:
    handed_out = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        await handed_out.wait()
        await connection.send('{"type":"rate_limits.updated"}')
        await connection.close(1012)

    async with upstream(handler) as server:
        bench = Bench(server)
        bench.pool.start()
        await bench.ready()
        heard = Heard()
        assert bench.pool.take(bench.url, heard) is not None
        handed_out.set()
        end = await heard.end()
        assert (end.cause, end.close_code) == (Cause.LOST, 1012)
        assert [heard.messages.get_nowait() for _ in range(2)] == [CREATED, b'{"type":"rate_limits.updated"}']
        await bench.close()


async def test_a_handed_out_leg_may_be_closed_before_it_told_anything() -> None:
    async with upstream() as server:
        bench = Bench(server)
        bench.pool.start()
        await bench.ready()
        heard = Heard()
        leg = bench.pool.take(bench.url, heard)
        assert leg is not None
        leg.close()
        await leg.gone
        assert heard.messages.empty()
        await bench.close()


async def test_two_are_kept_and_all_are_closed() -> None:
    async with upstream() as server:
        bench = Bench(server, size=2)
        bench.pool.start()
        await bench.ready(2)
        assert bench.pool.ready == 2
        bench.pool.close()
        for leg in bench.legs:
            await leg.gone
        for _ in range(2):
            connection = await server.connections.get()
            await connection.wait_closed()
            assert connection.close_code == 1000


async def test_an_address_is_kept_warm_once_it_was_used_and_forgotten_later() -> None:
    async with upstream() as server:
        bench = Bench(server, always=False)
        bench.pool.start()
        assert bench.legs == []
        assert bench.pool.take(bench.url, Heard()) is None
        await bench.ready()
        assert bench.pool.ready == 1
        bench.now += 1800
        bench.pool.tick()
        assert (bench.pool.ready, len(bench.legs)) == (0, 1)
        await bench.close()


@pytest.mark.parametrize("expires_at", [0, 4000])
async def test_an_old_session_is_thrown_away_and_replaced(expires_at: int) -> None:
    """Ten minutes after it was opened, or near the time at which it ends anyway."""
    created = json.dumps({"type": "session.created", "session": {"id": "s", "expires_at": expires_at}})

    async def handler(connection: ServerConnection) -> None:
        await connection.send(created)
        await connection.wait_closed()

    async with upstream(handler) as server:
        bench = Bench(server)
        bench.pool.start()
        await bench.ready()
        if expires_at:
            bench.unix = 3701.0
        else:
            bench.now += 600
        assert bench.pool.take(bench.url, Heard()) is None  # too old, and not yet thrown away
        bench.pool.tick()
        await bench.ready()
        assert len(bench.legs) == 2
        await bench.legs[0].gone
        await bench.close()


@pytest.mark.parametrize(
    ("handler", "cause", "rest"),
    [
        (refuse("insufficient_quota", 3000), Cause.QUOTA, 60.0),
        (refuse("server_full", 1013), Cause.FULL, 0.5),
        (refuse("invalid_model", 4000), Cause.CLIENT, 0.0),
    ],
)
async def test_a_refusal_is_told_and_not_repeated_at_once(handler: Handler, cause: Cause, rest: float) -> None:
    async with upstream(handler) as server:
        bench = Bench(server)
        bench.pool.start()
        assert (await bench.failures.get()).cause is cause
        bench.pool.tick()
        assert len(bench.legs) == 1
        bench.now += rest
        bench.pool.tick()
        assert len(bench.legs) == (1 if cause is Cause.CLIENT else 2)
        await bench.close()


async def test_a_session_that_ends_while_it_waits_is_replaced_after_a_rest() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(CREATED.decode())
        await connection.close(1000)

    async with upstream(handler) as server:
        bench = Bench(server)
        bench.pool.start()
        await bench.legs[0].gone
        bench.pool.tick()
        assert bench.failures.empty()
        assert len(bench.legs) == 1
        bench.now = bench.rest.until
        bench.pool.tick()
        assert len(bench.legs) == 2
        await bench.close()


async def test_a_route_gives_out_standby_sessions_but_not_to_another_s_identifier(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "antiphon")
    async with upstream() as server:
        route = UpstreamRoute(server.config(standby=1, models={"*": "gpt-realtime"}))
        route._standby = route._new_standby()
        ready = asyncio.Event()
        route._standby._worked = ready.set
        route._standby.start()
        await ready.wait()
        await asyncio.sleep(0)
        named = Heard()
        assert route.open(LegStart(SessionStart("a"), (("OpenAI-Safety-Identifier", "u"),)), named).had_session is False
        plain = Heard()
        assert route.open(LegStart(SessionStart("a")), plain).had_session is True
        assert await plain.messages.get() == CREATED
        assert await named.messages.get() == CREATED
        await route.close()


async def test_a_route_without_standby_opens_none() -> None:
    async with upstream(greet) as server:
        route = UpstreamRoute(server.config())
        await route.start()
        assert route._standby is None
        await route.close()
