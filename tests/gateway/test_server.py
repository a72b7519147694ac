"""Start, drain and stop."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from antiphon.agents.agent import Agent
from antiphon.config import Settings
from antiphon.config.settings import LlmSettings, ServerSettings
from antiphon.errors import ConfigError, StageError
from antiphon.gateway.engine import Backend, agent_defaults, build_backend
from antiphon.gateway.server import Server, run_until_stopped
from antiphon.protocol.config import FunctionTool, SessionConfig
from antiphon.session.context import Tool
from tests.gateway.kit import GreetingEngine, Running, event, refused
from tests.transports.kit import raw_client

GOING_AWAY = (1001, "The server is shutting down.")


def closing(error: ConnectionClosed) -> tuple[int, str]:
    assert error.rcvd is not None
    return error.rcvd.code, error.rcvd.reason


async def test_while_loading_the_server_is_alive_but_not_ready() -> None:
    engine = GreetingEngine()
    engine.may_start.clear()
    server = Server(ServerSettings(port=0), Backend(engine))
    starting = asyncio.ensure_future(server.start())
    await engine.starting.wait()
    async with raw_client(server.port) as raw:
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 200")
    async with raw_client(server.port) as raw:
        raw.send(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 503")
    async with Running(server, engine, None).connect() as ws:  # type: ignore[arg-type]
        assert await refused(ws) == ("server_not_ready", 1013, "server_error.server_not_ready")
    engine.may_start.set()
    await starting
    async with Running(server, engine, None).connect() as ws:  # type: ignore[arg-type]
        assert (await event(ws)).type == "session.created"
    await server.stop()


async def test_a_drain_lets_sessions_end(run: Callable[..., Any]) -> None:
    gateway = await run(drain_seconds=60)
    async with gateway.connect() as ws:
        await event(ws)
        draining = asyncio.ensure_future(gateway.server.drain())
        await asyncio.sleep(0)
        async with gateway.connect() as late:
            assert await refused(late) == ("server_shutting_down", 1012, "server_error.server_shutting_down")
        assert (await gateway.http.get("/healthz")).status_code == 200
        ready = await gateway.http.get("/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "shutting_down")
        await ws.send('{"type": "still.here"}')
        assert "still.here" in str(await ws.recv())
        assert not draining.done()
    await draining
    assert gateway.server.sessions == 0


async def test_a_drain_closes_what_does_not_end_in_time(run: Callable[..., Any]) -> None:
    gateway = await run(drain_seconds=0)
    async with gateway.connect() as ws:
        await event(ws)
        draining = asyncio.ensure_future(gateway.server.drain())
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closing(closed.value) == GOING_AWAY
        await draining
    assert gateway.engine.sessions[0].closed.is_set()


async def test_stop_frees_the_port_and_closes_everything(run: Callable[..., Any]) -> None:
    gateway = await run()
    async with gateway.connect() as ws:
        await event(ws)
        await gateway.server.stop()
        assert gateway.engine.sessions[0].closed.is_set()
        assert gateway.engine.closed
    with socket.create_server(("127.0.0.1", gateway.server.port)):
        pass


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_name_is_listened_on_at_its_addresses(run: Callable[..., Any], host: str) -> None:
    gateway = await run(host=host)
    assert (await gateway.http.get("/healthz")).status_code == 200


async def test_an_unknown_host_is_told() -> None:
    server = Server(ServerSettings(host="no-such-host.invalid", port=0), Backend(GreetingEngine()))
    with pytest.raises(ConfigError, match=r"cannot listen on no-such-host\.invalid"):
        await server.start()


async def test_a_port_in_use_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(ServerSettings(port=taken.getsockname()[1]), Backend(GreetingEngine()))
        with pytest.raises(ConfigError, match=r"server\.port: cannot listen on 127\.0\.0\.1"):
            await server.start()


async def test_an_engine_that_cannot_start_stops_the_server() -> None:
    class Broken(GreetingEngine):
        async def start(self) -> None:
            raise StageError("stt", "no model; install one")

    engine = Broken()
    with pytest.raises(StageError, match="no model"):
        await Server(ServerSettings(port=0), Backend(engine)).start()
    assert engine.closed


# --- signals --------------------------------------------------------------------------------------------------


async def test_a_signal_drains_and_a_second_one_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Server] = []
    ready = asyncio.Event()
    monkeypatch.setattr("antiphon.gateway.server._announce", lambda *_, **__: ready.set())
    original = Server.__init__

    def remembering(self: Server, *arguments: Any, **named: Any) -> None:
        made.append(self)
        original(self, *arguments, **named)

    monkeypatch.setattr(Server, "__init__", remembering)
    engine = GreetingEngine()
    running = asyncio.ensure_future(run_until_stopped(ServerSettings(port=0, drain_seconds=600), Backend(engine)))
    await ready.wait()
    async with Running(made[0], engine, None).connect() as ws:  # type: ignore[arg-type]
        await event(ws)
        os.kill(os.getpid(), signal.SIGTERM)
        async with Running(made[0], engine, None).connect() as late:  # type: ignore[arg-type]
            assert (await refused(late))[0] == "server_shutting_down"
        os.kill(os.getpid(), signal.SIGTERM)
        await running
        assert engine.closed
        assert engine.sessions[0].closed.is_set()


async def test_a_signal_while_loading_stops_at_once() -> None:
    engine = GreetingEngine()
    engine.may_start.clear()
    running = asyncio.ensure_future(run_until_stopped(ServerSettings(port=0), Backend(engine)))
    await engine.starting.wait()
    os.kill(os.getpid(), signal.SIGINT)
    await running
    assert engine.closed


# --- the engine -----------------------------------------------------------------------------------------------


def test_a_language_model_server_is_chosen_by_its_name() -> None:
    backend = build_backend(Settings(llm=LlmSettings(provider="openai", base_url="http://127.0.0.1:1/v1", model="m")))
    engine: Any = backend.engine
    assert type(engine.stages.llm).__name__ == "OpenAIChat"
    assert type(engine.stages.stt).__name__ == "PocketSphinx"


def test_an_agents_wishes_are_the_defaults_of_its_sessions() -> None:
    tool = Tool("book", "Books a visit.", {"type": "object", "properties": {}})
    config = agent_defaults(Agent("a", instructions="Be kind.", voice="ash", tools=(tool,)))
    assert (config.instructions, config.audio.output.voice) == ("Be kind.", "ash")
    assert config.tools == [FunctionTool("book", "Books a visit.", {"type": "object", "properties": {}})]
    assert agent_defaults(Agent("a")) == SessionConfig()


def test_the_default_settings_build_an_engine() -> None:
    backend = build_backend(Settings())
    assert not backend.engine.ready
    assert backend.defaults.instructions
    assert backend.defaults.instructions != SessionConfig().instructions
