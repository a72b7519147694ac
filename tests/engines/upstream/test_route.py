"""What all calls on a route share: proxies, rests, what the operator is told."""

import asyncio
import json
import logging
import socket
from collections.abc import Iterator

import pytest
from tests.engines.upstream.servers import (
    CREATED,
    KEY,
    START,
    TLS,
    Heard,
    Upstream,
    ending,
    greet,
    joined,
    proxy,
    refuse,
    server_tls,
    upstream,
)
from websockets.asyncio.server import ServerConnection

from antiphon.engines.upstream.route import UpstreamRoute
from antiphon.errors import ConfigError
from antiphon.path.legs import Cause

NOW = 1000.0


@pytest.fixture(autouse=True)
def no_key_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG, "antiphon")
    yield
    assert KEY not in caplog.text
    assert KEY[-8:] not in caplog.text


# --- proxies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["", "me:pass%40word"])
async def test_a_proxy_of_the_settings(user: str) -> None:
    async with upstream() as server, proxy(user.replace("%40", "@")) as between:
        there = f"http://{user + '@' if user else ''}127.0.0.1:{between.port}"
        async with joined(server.config(proxy=there)) as (_, heard):
            assert await heard.messages.get() == CREATED
            assert between.heads[0].startswith(f"CONNECT localhost:{server.port} ")
            assert "Authorization: Bearer" not in between.heads[0]


async def test_tls_through_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with upstream(greet, server_tls()) as server, proxy() as between:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{between.port}")
        url = f"https://localhost:{server.port}/v1"
        changes = {"base_url": url, "tls_ca": str(TLS / "localhost.cert.pem"), "proxy": None}
        async with joined(server.config(**changes)) as (_, heard):
            assert await heard.messages.get() == CREATED
            assert len(between.heads) == 1
        monkeypatch.setenv("NO_PROXY", "localhost")
        async with joined(server.config(**changes)) as (_, heard):
            assert await heard.messages.get() == CREATED
            assert len(between.heads) == 1


async def test_a_proxy_that_wants_a_password() -> None:
    async with proxy("me:right") as between:
        end = await ending(Upstream(greet).config(proxy=f"http://me:wrong-word@127.0.0.1:{between.port}"))
        assert end.cause is Cause.UNREACHABLE
        assert f"the proxy http://127.0.0.1:{between.port} did not connect us (" in end.message
        assert "407" in end.message
        assert "wrong-word" not in end.message


async def test_a_proxy_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        there = f"127.0.0.1:{unused.getsockname()[1]}"
        end = await ending(Upstream(greet).config(proxy=f"http://me:word@{there}"))
    assert end.cause is Cause.UNREACHABLE
    assert f"the proxy http://{there} cannot be reached (nothing listens there); check proxy" in end.message


# --- rests and log lines --------------------------------------------------------------------------------------


async def test_a_failure_to_open_rests_the_route_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with upstream(refuse("invalid_api_key", 3000, f"Wrong: {KEY}")) as server:
        route = UpstreamRoute(server.config(), draw=lambda: 1.0)
        for _ in range(2):
            heard = Heard()
            route.open(START, heard)
            route.failed((await heard.end()).cause, NOW, had_session=False)
        assert route.rests_until == NOW + 60
        (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert record.getMessage() == (
            f"upstream 'test' (http://localhost:{server.port}/v1): the server closed the connection (3000): "
            "Wrong: ********; the key was not accepted; check api_key (OPENAI_API_KEY) and what it may use; "
            "it is tried again in 60.0 s"
        )
        route.worked()
        route.worked()
        assert route.rests_until == 0.0
        assert [r.getMessage() for r in caplog.records if r.levelno == logging.INFO] == ["upstream 'test' works again"]
        await route.close()


async def test_each_change_of_state_is_told(caplog: pytest.LogCaptureFixture) -> None:
    route = UpstreamRoute(Upstream(greet).config(), draw=lambda: 1.0)
    for cause in (Cause.UNREACHABLE, Cause.UNREACHABLE, Cause.QUOTA, Cause.CLIENT, Cause.UNREACHABLE):
        route.failed(cause, NOW, had_session=False)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [Cause.QUOTA.value in warning for warning in warnings] == [False, True, False]


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.SILENT, Cause.EXPIRED])
async def test_a_session_that_broke_does_not_rest_the_route(cause: Cause) -> None:
    route = UpstreamRoute(Upstream(greet).config(), draw=lambda: 1.0)
    route.failed(cause, NOW, had_session=True)
    assert route.rests_until == 0.0


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.SILENT, Cause.UNREACHABLE])
async def test_a_connection_without_a_session_rests_it(cause: Cause) -> None:
    route = UpstreamRoute(Upstream(greet).config(), draw=lambda: 1.0)
    route.failed(cause, NOW, had_session=False)
    assert route.rests_until == NOW + 0.5


@pytest.mark.parametrize("cause", [Cause.FULL, Cause.RATE_LIMIT, Cause.QUOTA, Cause.CREDENTIALS])
async def test_what_a_server_says_in_a_session_rests_it_too(cause: Cause) -> None:
    route = UpstreamRoute(Upstream(greet).config(), draw=lambda: 1.0)
    route.failed(cause, NOW, had_session=True)
    assert route.rests_until > NOW


async def test_closing_a_route_closes_its_legs() -> None:
    async with upstream() as server:
        route = UpstreamRoute(server.config())
        heard = Heard()
        route.open(START, heard)
        await heard.messages.get()
        await route.close()
        connection = await server.connections.get()
        await connection.wait_closed()
        assert connection.close_code == 1000


# --- start ----------------------------------------------------------------------------------------------------


async def test_a_wrong_key_refuses_to_start() -> None:
    route = UpstreamRoute(Upstream(greet).config(api_key="ek_0123456789"))
    with pytest.raises(ConfigError, match="upstream 'test': the key is a client secret"):
        await route.start()
    await route.close()


async def test_an_authorities_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"'/nowhere\.pem' cannot be used"):
        UpstreamRoute(Upstream(greet).config(base_url="https://localhost/v1", tls_ca="/nowhere.pem"))


async def test_what_the_probe_finds_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        route = UpstreamRoute(Upstream(greet).config(base_url=base))
        await route.start()
        assert route._probing is not None
        await route._probing
        await route.close()
    assert f"upstream 'test' ({base}): nothing listens there; see whether the server runs" in caplog.text


# --- beta -----------------------------------------------------------------------------------------------------


async def test_a_beta_server_is_spoken_to_in_its_shape() -> None:
    sent: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def handler(connection: ServerConnection) -> None:
        session = {"id": "sess_1", "object": "realtime.session", "model": "m", "modalities": ["text"], "voice": "alloy"}
        await connection.send(json.dumps({"type": "session.created", "event_id": "e", "session": session}))
        async for message in connection:
            sent.put_nowait(json.loads(message))

    async with upstream(handler) as server, joined(server.config(dialect="beta")) as (_, heard):
        created = await heard.event()
        assert created["session"]["output_modalities"] == ["text"]
        request = (await server.connections.get()).request
        assert request is not None
        assert request.headers["OpenAI-Beta"] == "realtime=v1"
        assert heard.leg is not None
        update = {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}
        heard.leg.send(json.dumps(update).encode())
        assert (await sent.get())["session"] == {"modalities": ["text"]}
