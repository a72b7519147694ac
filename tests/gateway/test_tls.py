"""TLS on the server's own port, and what is said of files that do not do."""

import asyncio
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from antiphon.config.settings import ServerSettings
from antiphon.errors import ConfigError
from antiphon.gateway.tls import tls_context
from antiphon.transports.websocket import WebSocketLimits
from tests.gateway.kit import Running, check_event
from tests.transports.kit import TEXT, frame, raw_client, upgrade

TLS = Path(__file__).parents[1] / "talk" / "tls"
CERT, KEY = str(TLS / "localhost.cert.pem"), str(TLS / "localhost.key.pem")


@pytest.fixture
async def secure_gateway(run: Callable[..., Any]) -> Running:
    running: Running = await run(tls_cert=CERT, tls_key=KEY)
    return running


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERT)


async def test_a_session_over_wss(secure_gateway: Running) -> None:
    """Messages of all sizes cross whole, in both directions."""
    url = f"wss://127.0.0.1:{secure_gateway.server.port}/v1/realtime?model=gpt-realtime"
    async with connect(url, ssl=trusting(), proxy=None, max_size=None) as ws:
        assert check_event(await ws.recv()).type == "session.created"
        for size in (1, 125, 126, 65_535, 65_536, 3_000_000):
            message = json.dumps({"type": "x", "filling": "a" * size})
            await ws.send(message)
            assert await ws.recv() == message


async def test_a_session_over_wss_ends_with_its_code(run: Callable[..., Any]) -> None:
    gateway = await run(tls_cert=CERT, tls_key=KEY, max_sessions=1)
    url = f"wss://127.0.0.1:{gateway.server.port}/v1/realtime?model=gpt-5"
    async with connect(url, ssl=trusting(), proxy=None) as ws:
        assert check_event(await ws.recv()).error.code == "invalid_model"
        await ws.wait_closed()
        assert (ws.close_code, ws.close_reason) == (4000, "invalid_request_error.invalid_model")


async def test_a_client_over_wss_that_does_not_read_is_dropped(run: Callable[..., Any]) -> None:
    limits = WebSocketLimits(max_unsent=1_000_000, close_seconds=0.05)
    gateway = await run(limits, tls_cert=CERT, tls_key=KEY)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port, ssl=trusting())
    try:
        writer.write(upgrade("/v1/realtime?model=gpt-realtime"))
        await reader.readuntil(b"session.created")
        transport: Any = writer.transport
        transport.pause_reading()
        async with asyncio.timeout(20):
            for _ in range(40):
                writer.write(frame(TEXT, b"a" * 500_000))
                await asyncio.sleep(0)
            await gateway.engine.sessions[0].closed.wait()
    finally:
        writer.transport.abort()


async def test_https(secure_gateway: Running) -> None:
    base_url = f"https://127.0.0.1:{secure_gateway.server.port}"
    async with httpx2.AsyncClient(base_url=base_url, verify=trusting(), trust_env=False) as http:
        home = (await http.get("/")).json()
        assert home["websocket"].startswith(f"wss://127.0.0.1:{secure_gateway.server.port}/")
        assert (await http.get("/v1/models")).status_code == 200


async def test_a_client_without_tls_gets_no_answer(secure_gateway: Running) -> None:
    async with raw_client(secure_gateway.server.port) as raw:
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        await raw.end()


# --- files ----------------------------------------------------------------------------------------------------


def refusal(cert: str, key: str) -> str:
    with pytest.raises(ConfigError) as caught:
        tls_context(ServerSettings(tls_cert=cert, tls_key=key))
    return str(caught.value)


def test_without_files_there_is_no_tls() -> None:
    assert tls_context(ServerSettings()) is None


@pytest.mark.parametrize(("cert", "key", "missing"), [(CERT, "", "tls_key"), ("", KEY, "tls_cert")])
def test_one_file_is_not_enough(cert: str, key: str, missing: str) -> None:
    assert refusal(cert, key).startswith(f"server.{missing}: not set, but server.tls_")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    message = refusal(str(tmp_path / "none.pem"), KEY)
    assert message.startswith("server.tls_cert: cannot read ")
    assert "No such file" in message
    assert "give the PEM file with the certificate" in message


def test_files_in_each_others_place() -> None:
    assert f"server.tls_cert: {KEY!r} holds no 'CERTIFICATE' block" in refusal(KEY, CERT)
    assert f"server.tls_key: {CERT!r} holds no 'PRIVATE KEY' block" in refusal(CERT, CERT)


def test_a_damaged_file(tmp_path: Path) -> None:
    damaged = tmp_path / "cert.pem"
    damaged.write_text(Path(CERT).read_text().replace("M", "!", 3))
    message = refusal(str(damaged), KEY)
    assert "cannot be used" in message
    assert "give intact PEM files" in message


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make keys")
def test_the_key_of_another_certificate(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    make_key(other)
    message = refusal(CERT, str(other))
    assert message.startswith(f"server.tls_key: {str(other)!r} is not the key of the certificate in {CERT!r}")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make keys")
def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_passphrase(tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    make_key(locked, "-aes256", "-pass", "pass:secret")
    assert "is encrypted; give a key without a passphrase" in refusal(CERT, str(locked))


def make_key(path: Path, *options: str) -> None:
    kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command = ["openssl", "genpkey", *kind, *options, "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
