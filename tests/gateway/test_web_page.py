"""The talk page at `/`, and what it is told of its server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import antiphon
from antiphon.agents.agent import Agent
from antiphon.config.settings import ServerSettings
from antiphon.config.web_settings import WebSettings
from antiphon.gateway.server import _announce
from antiphon.gateway.web import content_security_policy
from antiphon.session.context import Knowledge
from tests.gateway.kit import Running

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CODE = "/web/antiphon.js"
PAGES = ("http://127.0.0.1:5173", "https://stranger.example")
INN = Agent("inn", "Answers guests.", knowledge=Knowledge(phrases=tuple("abcde")))


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
    open_gateway: Running, accept: str, is_page: bool
) -> None:
    response = await open_gateway.http.get("/", headers={"Accept": accept})
    kind = "text/html; charset=utf-8" if is_page else "application/json"
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert "Accept" in re.split(", ?", response.headers["vary"])
    assert is_page or response.json()["name"] == "antiphon"


async def test_the_page_may_do_what_it_needs_and_no_more(open_gateway: Running) -> None:
    headers = (await open_gateway.http.get("/", headers=HTML)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    host = f"127.0.0.1:{open_gateway.server.port}"
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
    known = await open_gateway.http.get("/", headers=HTML | {"If-None-Match": headers["etag"]})
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


async def test_the_page_can_be_left_out(run: Callable[..., Any]) -> None:
    gateway = await run(web=WebSettings(page="off"))
    assert (await gateway.http.get("/", headers=HTML)).json()["name"] == "antiphon"
    assert (await gateway.http.get(CODE)).status_code == 200
    assert (await gateway.http.get("/web/settings.json")).status_code == 200


async def test_without_the_file_there_is_no_page(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.gateway.web.FOLDER", tmp_path)
    gateway = await run()
    assert (await gateway.http.get("/", headers=HTML)).json()["name"] == "antiphon"


# --- what it is told ------------------------------------------------------------------------------------------


async def test_the_page_is_told_what_it_must_know(run: Callable[..., Any]) -> None:
    gateway = await run(traits={"agent": INN})
    response = await gateway.http.get("/web/settings.json")
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
        "agent": {"name": "inn", "description": "Answers guests.", "questions": ["a", "b", "c", "d"]},
    }


async def test_who_needs_a_key_is_told_neither_a_secret_nor_who_answers(run: Callable[..., Any]) -> None:
    gateway = await run(
        traits={"models": ("their-model", "gpt-realtime"), "upstream_decides": True, "agent": INN},
        web=WebSettings(token_url="/token"),
        api_keys=("sk-never-shown",),
        client_secret_key="neither-shown",
        resume_seconds=5.0,
    )
    for headers in ({}, {"Origin": "https://stranger.example"}, {"Authorization": "Bearer sk-never-shown"}):
        told = (await gateway.http.get("/web/settings.json", headers=headers)).json()
        assert told == {
            "version": antiphon.__version__,
            "keys_needed": True,
            "token_url": "/token",
            "model": "their-model",
            "webrtc": told["webrtc"],
            "resume_seconds": 5.0,
            "relays": True,
            "agent": None,
        }


async def test_webrtc_is_told_as_it_is(run: Callable[..., Any]) -> None:
    gateway = await run()
    told = (await gateway.http.get("/web/settings.json")).json()["webrtc"]
    offered = await gateway.http.post("/v1/realtime/calls", content=b"v=0", headers={"Content-Type": "application/sdp"})
    assert told == (offered.status_code != 501)


async def test_the_servers_settings_are_for_pages_that_may_use_it(open_gateway: Running) -> None:
    here = await open_gateway.http.get("/web/settings.json", headers={"Origin": PAGES[0]})
    assert here.headers["access-control-allow-origin"] == PAGES[0]
    elsewhere = await open_gateway.http.get("/web/settings.json", headers={"Origin": PAGES[1]})
    assert "access-control-allow-origin" not in elsewhere.headers


# --- what is printed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_page", [True, False])
def test_the_first_line_invites(caplog: pytest.LogCaptureFixture, has_page: bool) -> None:
    caplog.set_level("INFO", "antiphon")
    _announce(ServerSettings(), 8080, has_page=has_page)
    invitation = " (open it in a browser and talk)" if has_page else ""
    assert caplog.records[0].getMessage() == f"listening on http://127.0.0.1:8080{invitation}"
