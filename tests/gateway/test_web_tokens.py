"""Client secrets for pages, behind the operator's own login, as the documentation tells it."""

import asyncio
import contextlib
import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from antiphon.config.web_settings import WebSettings
from tests.gateway.kit import Running, event
from tests.running import free_port

ROOT = Path(__file__).parents[2]
HTML = {"Accept": "text/html"}


def documented(page: str, info: str) -> str:
    (found,) = re.findall(rf"^```{info}\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


async def test_the_documented_token_route_lets_in_whom_it_knows(locked_gateway: Running) -> None:
    """The route of docs/connect.md, before a server that wants a key."""

    program = documented("connect.md", "python token").replace("8080", str(locked_gateway.server.port))
    scope: dict[str, Any] = {}
    exec(program.replace('os.environ["ANTIPHON_API_KEY"]', '"sk-right"'), scope)
    assert isinstance(scope["antiphon"], AsyncOpenAI)
    transport = httpx2.ASGITransport(scope["app"])
    async with httpx2.AsyncClient(transport=transport, base_url="http://app.example") as page:
        assert (await page.post("/token")).status_code == 401
        given = await page.post("/token", headers={"Cookie": "login=rose"})
        assert set(given.json()) == {"value", "expires_at", "session"}
        assert given.json()["session"] == {"model": "gpt-realtime"}
    secret = given.json()["value"]
    async with locked_gateway.connect(subprotocols=["realtime", f"openai-insecure-api-key.{secret}"]) as ws:
        assert (await event(ws)).session.instructions == "You talk to rose. Be brief."
    await scope["antiphon"].close()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Start an nginx with what is given as its part `http`; skipped where there is none."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    with contextlib.ExitStack() as stack:

        def start(http: str) -> None:
            kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            places = "".join(f"{kind}_temp_path {tmp_path / kind};\n" for kind in kinds)
            user = f"user {getpass.getuser()};\n" if os.getuid() == 0 else ""
            config = f"{user}daemon off;\nmaster_process off;\npid {tmp_path / 'pid'};\nevents {{}}\n"
            (tmp_path / "nginx.conf").write_text(f"{config}http {{\naccess_log off;\n{places}{http}}}\n")
            command = [program, "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
            process = stack.enter_context(subprocess.Popen(command))
            stack.callback(process.terminate)

        yield start


async def answering(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Return `client` when somebody listens where it asks."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(httpx2.ConnectError):
                await client.get("/")
                return client
            await asyncio.sleep(0.02)


async def test_the_documented_nginx_mints_for_whom_it_lets_in(
    run: Callable[..., Any], nginx: Callable[[str], None]
) -> None:
    """The example of docs/operate.md, with a login that is a cookie."""
    gateway = await run(api_keys=("a-long-random-key",), web=WebSettings(token_url="/token"))
    front, login = free_port(), free_port()
    example = documented("operate.md", "nginx").replace("listen 443 ssl", f"listen 127.0.0.1:{front}")
    example = re.sub(r" *ssl_certificate.*\n", "", example)
    example = example.replace("127.0.0.1:8080", f"127.0.0.1:{gateway.server.port}").replace(":9000", f":{login}")
    knows = 'if ($http_cookie != "login=rose") { return 401; } return 200;'
    nginx(f"{example}\nserver {{ listen 127.0.0.1:{login}; location / {{ {knows} }} }}\n")
    url = f"http://127.0.0.1:{front}"
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        page = {"Cookie": "login=rose", "Origin": url}
        await answering(http)
        for path in ("/", "/web/antiphon.js", "/web/settings.json"):
            assert (await http.get(path, headers=HTML)).status_code == 401
        assert (await http.get("/token", headers=HTML | page)).status_code == 403
        assert (await http.get("/check", headers=HTML | page)).status_code == 404
        assert (await http.post("/token", json={})).status_code == 401
        policy = (await http.get("/", headers=HTML | page)).headers["content-security-policy"]
        assert f"ws://127.0.0.1:{front}" in policy
        assert (await http.get("/web/settings.json", headers=page)).json()["token_url"] == "/token"
        minted = await http.post("/token", headers=page, json={"agent": "rose"})
        assert minted.status_code == 200, minted.text
    subprotocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{minted.json()['value']}")]
    address = f"ws://127.0.0.1:{front}/v1/realtime?model=gpt-realtime"
    async with connect(address, subprotocols=subprotocols, additional_headers=page, proxy=None) as ws:
        assert (await event(ws)).type == "session.created"
