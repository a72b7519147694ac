"""The talk page at `/`, and the files under `/web/`."""

import asyncio
import contextlib
import getpass
import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import antiphon
from antiphon.agents.agent import Agent
from antiphon.config.settings import ServerSettings
from antiphon.config.web_settings import WebSettings
from antiphon.gateway.server import _announce
from antiphon.gateway.web import FOLDER, content_security_policy
from antiphon.gateway.web_files import WebFiles
from antiphon.session.context import Knowledge
from tests.gateway.kit import Running, event, refused
from tests.gateway.test_http import KEY, SECRETS, error_of
from tests.running import free_port
from tests.transports.kit import raw_client

ROOT = Path(__file__).parents[2]
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CODE = "export const words = [\n" + "'one and the same line',\n" * 200 + "];\n"
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the package's, with what must be served and what must not."""
    folder = tmp_path / "web"
    files = {
        "index.html": "<!doctype html><title>Talk</title>",
        "app.js": CODE,
        "deep/er/style.css": "a{}",
        "mark.svg": "<svg/>",
        "other.html": "no policy goes with it",
        "types.d.ts": "export {};",
        "notes.py": "",
        ".hidden.js": "",
        ".git/config.js": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "outside.js").write_text("secret")
    monkeypatch.setattr("antiphon.gateway.web.FOLDER", folder)
    return folder


@pytest.fixture
async def gateway(site: Path, run: Callable[..., Any]) -> Running:
    running: Running = await run()
    return running


# --- the files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("deep/er/style.css", "text/css; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
    ],
)
async def test_a_file_has_the_type_that_browsers_want(gateway: Running, site: Path, name: str, kind: str) -> None:
    response = await gateway.http.get(f"/web/{name}")
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content == (site / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "missing.js",
        "deep",
        "deep/",
        "",
        "other.html",
        "index.html",
        "types.d.ts",
        "notes.py",
        ".hidden.js",
        ".git/config.js",
        "../outside.js",
        "deep/../../outside.js",
        "%2e%2e/outside.js",
        "..%2foutside.js",
        "..%5coutside.js",
        "deep/%2e%2e/%2e%2e/outside.js",
        "/etc/x.js",
        "app.js%00.svg",
        "a" * 300 + ".js",
        "app.js/",
    ],
)
async def test_nothing_else_is_served(gateway: Running, path: str) -> None:
    async with raw_client(gateway.server.port) as raw:  # an HTTP client would tidy the path up
        raw.send(f"GET /web/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (await raw.head()).startswith(b"HTTP/1.1 404")
    assert error_of(await gateway.http.get("/web/missing.js"))["code"] == "unknown_url"


async def test_a_file_is_asked_for_each_time_and_sent_once(gateway: Running, site: Path) -> None:
    first = await gateway.http.get("/web/app.js")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = await gateway.http.get("/web/app.js", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["access-control-allow-origin"] == "*"
    (site / "app.js").write_text("export {};")
    changed = await gateway.http.get("/web/app.js", headers=known)
    assert (changed.status_code, changed.text) == (200, "export {};")
    assert changed.headers["etag"] != first.headers["etag"]


async def test_a_file_is_compressed_for_whom_it_helps(gateway: Running) -> None:
    plain = await gateway.http.get("/web/app.js", headers=PLAIN)
    assert "content-encoding" not in plain.headers
    small = await gateway.http.get("/web/app.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(CODE) / 10
    assert small.text == plain.text == CODE
    for response in (plain, small):
        assert response.headers["vary"] == "Accept-Encoding"
    assert small.headers["etag"] != plain.headers["etag"]
    refused = await gateway.http.get("/web/app.js", headers={"Accept-Encoding": "gzip;q=0, br"})
    assert "content-encoding" not in refused.headers
    tiny = await gateway.http.get("/web/deep/er/style.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in tiny.headers


async def test_a_head_is_answered_as_a_get_without_its_body(gateway: Running) -> None:
    for path, headers in (("/web/app.js", PLAIN), ("/", HTML | PLAIN), ("/web/settings.json", PLAIN)):
        head = await gateway.http.head(path, headers=headers)
        get = await gateway.http.get(path, headers=headers)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length"):
            assert head.headers[name] == get.headers[name]


async def test_scripts_go_without_their_comments(gateway: Running, site: Path) -> None:
    before = await gateway.http.get("/web/app.js")
    (site / "app.js").write_text("// Words.\n" + CODE.replace("'one", "  /** @type {string} */ 'one"))
    after = await gateway.http.get("/web/app.js")
    assert after.text == "\n" + CODE
    (site / "app.js").write_text("// Other words, as long as\n// those that were there.\n" + CODE)
    assert (await gateway.http.get("/web/app.js")).text == "\n\n" + CODE
    assert after.headers["etag"] != before.headers["etag"]
    (site / "deep/er/style.css").write_text("/* stays */")
    assert (await gateway.http.get("/web/deep/er/style.css")).text == "/* stays */"


async def test_a_file_is_compressed_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = WebFiles(site)
    first = files.find("app.js")
    monkeypatch.setattr(gzip, "compress", None)
    assert files.find("app.js") is first
    assert first is not None


async def test_what_cannot_be_read_is_not_there(site: Path) -> None:
    (site / "broken.js").symlink_to("nowhere.js")
    (site / "folder.js").mkdir()
    assert WebFiles(site).find("broken.js") is None
    assert WebFiles(site).find("folder.js") is None
    assert WebFiles(site / "missing").find("app.js") is None


async def test_files_do_not_fill_the_log(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "antiphon.http")
    await gateway.http.get("/web/app.js")
    await gateway.http.get("/web/missing.js")
    lines = [record.getMessage() for record in caplog.records if record.name == "antiphon.http"]
    assert [line.split(",")[0] for line in lines] == ["GET /web/missing.js 404"]


# --- who may have the files -----------------------------------------------------------------------------------

PAGES = ("http://127.0.0.1:5173", "https://stranger.example", "null")


@pytest.mark.parametrize("origin", PAGES)
async def test_a_page_of_any_origin_may_embed_the_files(
    gateway: Running, site: Path, run: Callable[..., Any], origin: str
) -> None:
    strict = await run(api_keys=("sk-right",), allowed_origins=("https://app.example",))
    for each in (gateway, strict):
        response = await each.http.get("/web/app.js", headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 200
        # One answer for all: a cache may give it to anybody.
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert response.headers["vary"] == "Accept-Encoding"


async def test_the_servers_settings_are_for_pages_that_may_use_it(gateway: Running) -> None:
    here = await gateway.http.get("/web/settings.json", headers={"Origin": PAGES[0]})
    assert here.headers["access-control-allow-origin"] == PAGES[0]
    elsewhere = await gateway.http.get("/web/settings.json", headers={"Origin": PAGES[1]})
    assert "access-control-allow-origin" not in elsewhere.headers


# --- the page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (HTML["Accept"], True),
        ("text/html", True),
        ("TEXT/HTML;q=0.8, application/json;q=0.2", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html;q=0", False),
        ("text/html;q=nonsense", False),
    ],
)
async def test_browsers_get_the_page_and_others_what_the_server_is(
    gateway: Running, accept: str, is_page: bool
) -> None:
    response = await gateway.http.get("/", headers={"Accept": accept})
    kind = "text/html; charset=utf-8" if is_page else "application/json"
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert "Accept" in re.split(", ?", response.headers["vary"])
    assert is_page or response.json()["name"] == "antiphon"


async def test_the_page_may_do_what_it_needs_and_no_more(gateway: Running) -> None:
    headers = (await gateway.http.get("/", headers=HTML)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    host = f"127.0.0.1:{gateway.server.port}"
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": f"'self' ws://{host} wss://{host}",
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["permissions-policy"] == "camera=(), geolocation=(), microphone=(self)"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"
    assert "access-control-allow-origin" not in headers
    known = await gateway.http.get("/", headers=HTML | {"If-None-Match": headers["etag"]})
    assert known.status_code == 304
    assert known.headers["content-security-policy"] == headers["content-security-policy"]


@pytest.mark.parametrize(
    "host",
    ["", "h; script-src *", "h 'unsafe-inline'", "h,x", "*", "*.example", "h:", "h:x", "[::1]:8080", "h/x", "-h", "ä"],
)
def test_what_is_no_host_does_not_get_into_the_policy(host: str) -> None:
    assert "connect-src 'self';" in content_security_policy(host, "")


@pytest.mark.parametrize(
    ("token_url", "added"),
    [
        ("", ""),
        ("/token", ""),
        ("https://app.example/token", " https://app.example"),
        ("http://localhost:3000/token", " http://localhost:3000"),
    ],
)
def test_the_page_may_ask_for_its_token(token_url: str, added: str) -> None:
    policy = content_security_policy("voice.example", token_url)
    assert f"connect-src 'self' ws://voice.example wss://voice.example{added};" in policy


async def test_the_page_can_be_left_out(site: Path, run: Callable[..., Any]) -> None:
    gateway = await run(web=WebSettings(page="off"))
    assert (await gateway.http.get("/", headers=HTML)).json()["name"] == "antiphon"
    assert (await gateway.http.get("/web/app.js")).text == CODE
    assert (await gateway.http.get("/web/settings.json")).status_code == 200


async def test_without_the_file_there_is_no_page(gateway: Running, site: Path) -> None:
    (site / "index.html").unlink()
    assert (await gateway.http.get("/", headers=HTML)).json()["name"] == "antiphon"


async def test_the_page_is_told_what_it_must_know_and_no_secret(site: Path, run: Callable[..., Any]) -> None:
    open_one = await run()
    response = await open_one.http.get("/web/settings.json")
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert told == {
        "version": antiphon.__version__,
        "keys_needed": False,
        "token_url": "",
        "model": "gpt-realtime",
        "webrtc": told["webrtc"],
        "resume_seconds": 60.0,
        "relays": False,
        "agent": None,
    }
    inn = Agent("inn", "Answers guests.", knowledge=Knowledge(phrases=tuple("abcde")))
    locked = await run(
        traits={"models": ("their-model", "gpt-realtime"), "upstream_decides": True, "agent": inn},
        web=WebSettings(token_url="/token"),
        api_keys=("sk-never-shown",),
        client_secret_key="neither-shown",
        resume_seconds=5.0,
    )
    response = await locked.http.get("/web/settings.json")  # without a key
    expected = {"keys_needed": True, "token_url": "/token", "model": "their-model", "resume_seconds": 5.0}
    assert expected.items() <= response.json().items()
    assert response.json()["relays"] is True
    assert response.json()["agent"] == {
        "name": "inn",
        "description": "Answers guests.",
        "questions": ["a", "b", "c", "d"],
    }
    assert "shown" not in response.text


async def test_webrtc_is_told_as_it_is(site: Path, run: Callable[..., Any]) -> None:
    gateway = await run()
    told = (await gateway.http.get("/web/settings.json")).json()["webrtc"]
    offered = await gateway.http.post("/v1/realtime/calls", content=b"v=0", headers={"Content-Type": "application/sdp"})
    assert told == (offered.status_code != 501)


# --- who may use a server without keys ------------------------------------------------------------------------


def as_page(gateway: Running, name: str, **headers: str) -> dict[str, str]:
    """Return the headers of a page's request to its own server, which it has under that name."""
    host = f"{name}:{gateway.server.port}"
    return {"Host": host, "Accept-Language": "en", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", **headers}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
async def test_the_talk_page_mints_its_own_secret_and_connects_with_it(gateway: Running, name: str) -> None:
    origin = f"http://{name}:{gateway.server.port}"
    headers = as_page(gateway, name)
    assert (await gateway.http.get("/", headers=headers | HTML)).headers["content-type"].startswith("text/html")
    minted = await gateway.http.post(SECRETS, headers=headers | {"Origin": origin})
    assert minted.status_code == 200
    secret = minted.json()["value"]
    assert (
        await gateway.http.get("/v1/models", headers=headers | {"Sec-Fetch-Site": "same-origin"})
    ).status_code == 200
    async with gateway.connect(subprotocols=["realtime", f"openai-insecure-api-key.{secret}"], origin=origin) as ws:
        assert (await event(ws)).type == "session.created"


GETS = ("/", "/v1/models", "/v1/realtime/ice_servers", "/v1/realtime/events?model=gpt-realtime", "/openapi.json")


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize(
    "marks",
    [
        {},  # over http, a browser tells its name and its language
        {"User-Agent": "curl/8"},  # a page may change what it likes of these two
        {"Accept-Language": "*", "User-Agent": "node", "X-Forwarded-For": "192.0.2.1"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "http://evil.example:8080"},
    ],
)
async def test_a_name_that_leads_here_opens_nothing_to_its_pages(
    gateway: Running, path: str, marks: dict[str, str]
) -> None:
    """DNS rebinding: the page's own address is this server's, so that the browser sees nothing wrong."""
    response = await gateway.http.get(path, headers=as_page(gateway, "evil.example", **marks))
    assert (response.status_code, error_of(response)["code"]) == (403, "origin_not_allowed")
    assert "server.allowed_origins" in response.text
    assert not gateway.engine.sessions


async def test_neither_do_its_posts_and_websockets(gateway: Running) -> None:
    origin = f"http://evil.example:{gateway.server.port}"
    headers = as_page(gateway, "evil.example", Origin=origin)
    for path in (SECRETS, "/v1/realtime/calls", "/v1/realtime/events?model=gpt-realtime", "/v1/chat/completions"):
        response = await gateway.http.post(path, headers=headers)
        assert (response.status_code, error_of(response)["code"]) == (403, "origin_not_allowed")
    unsaid = await gateway.http.post(SECRETS, headers=as_page(gateway, "evil.example"))
    assert unsaid.status_code == 403
    async with gateway.connect(origin=origin) as ws:
        assert (await refused(ws))[0] == "origin_not_allowed"


@pytest.mark.parametrize(
    "name", ["127.0.0.1.evil.example", "localhost.evil.example", "evil.example#localhost", "a@b", "[", ""]
)
async def test_only_a_name_that_is_nobody_elses_will_do(gateway: Running, name: str) -> None:
    assert (await gateway.http.get("/v1/models", headers=as_page(gateway, name))).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "python-httpx2/2.12"},
        {"User-Agent": "curl/8.5.0", "X-Forwarded-For": "192.0.2.1"},
        {"User-Agent": "node", "Accept-Language": "*", "Sec-Fetch-Mode": "cors"},  # Node's fetch
    ],
)
async def test_programs_may_come_by_any_name(gateway: Running, headers: dict[str, str]) -> None:
    host = {"Host": "voice.example"}
    assert (await gateway.http.get("/v1/models", headers=host | headers)).status_code == 200
    assert (await gateway.http.post(SECRETS, headers=host | headers)).status_code == 200


async def test_the_operator_lets_pages_in_by_name(site: Path, run: Callable[..., Any]) -> None:
    named = await run(allowed_origins=("https://voice.example",))
    anyone = await run(allowed_origins=("*",))
    locked = await run(api_keys=("sk-right",))
    for gateway in (named, anyone, locked):
        # TLS ends in front of the server, so it does not know the scheme.
        headers = as_page(gateway, "voice.example") | KEY
        assert (await gateway.http.get("/v1/models", headers=headers)).status_code == 200
        minted = await gateway.http.post(SECRETS, headers=headers | {"Origin": "https://voice.example"})
        assert minted.status_code == 200
    assert (await named.http.get("/", headers=as_page(named, "other.example"))).status_code == 403


async def test_code_is_public_by_any_name(gateway: Running) -> None:
    assert (await gateway.http.get("/web/app.js", headers=as_page(gateway, "evil.example"))).text == CODE


# --- the operator's own authentication ------------------------------------------------------------------------


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
        assert set(given.json()) == {"value", "expires_at"}
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
    site: Path, run: Callable[..., Any], nginx: Callable[[str], None]
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
        for path in ("/", "/web/app.js", "/token", "/check"):
            assert (await http.get(path, headers=HTML)).status_code in (401, 403, 404)
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


# --- what is printed, and what is shipped ---------------------------------------------------------------------


@pytest.mark.parametrize("has_page", [True, False])
def test_the_first_line_invites(caplog: pytest.LogCaptureFixture, has_page: bool) -> None:
    caplog.set_level("INFO", "antiphon")
    _announce(ServerSettings(), 8080, has_page=has_page)
    invitation = " (open it in a browser and talk)" if has_page else ""
    assert caplog.records[0].getMessage() == f"listening on http://127.0.0.1:8080{invitation}"


def shipped(folder: Path) -> set[str]:
    """Build the wheel; return its files under `web/`."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1577836800"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    (wheel,) = folder.glob("*.whl")
    prefix = "antiphon/web/"
    with zipfile.ZipFile(wheel) as opened:
        return {name.removeprefix(prefix) for name in opened.namelist() if name.startswith(prefix)}


def test_the_wheel_has_all_that_is_served_and_nothing_else(tmp_path: Path) -> None:
    files = WebFiles(FOLDER)
    here = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    served = {name for name in here if files.find(name)}
    assert "client/problems.js" in served
    assert shipped(tmp_path) == served
    assert {Path(name).suffix for name in here - served} <= {".ts"}  # for the type checker of the sources alone
