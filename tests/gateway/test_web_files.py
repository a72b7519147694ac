"""The files under `/web/`: which are sent, to whom, and how."""

import gzip
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from antiphon.gateway.web import FOLDER
from antiphon.gateway.web_files import WebFiles
from tests.gateway.kit import Running
from tests.gateway.test_http import error_of
from tests.transports.kit import raw_client

ROOT = Path(__file__).parents[2]
CODE = "export const words = [\n" + "'one and the same line',\n" * 200 + "];\n"
PLAIN = {"Accept-Encoding": "identity"}
HTML = {"Accept": "text/html"}


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


# --- how they are sent -----------------------------------------------------------------------------------------


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


# --- to whom --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5173", "https://stranger.example", "null"])
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


# --- in the package -------------------------------------------------------------------------------------------


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
