"""Which pages may use a server without keys: none that has it under a name that others could point here."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.kit import Running, event, refused
from tests.gateway.test_http import KEY, SECRETS, error_of

HTML = {"Accept": "text/html"}


def as_page(gateway: Running, name: str, **headers: str) -> dict[str, str]:
    """Return the headers of a page's request to its own server, which it has under that name."""
    host = f"{name}:{gateway.server.port}"
    return {"Host": host, "Accept-Language": "en", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", **headers}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
async def test_the_talk_page_mints_its_own_secret_and_connects_with_it(open_gateway: Running, name: str) -> None:
    origin = f"http://{name}:{open_gateway.server.port}"
    headers = as_page(open_gateway, name)
    assert (await open_gateway.http.get("/", headers=headers | HTML)).headers["content-type"].startswith("text/html")
    minted = await open_gateway.http.post(SECRETS, headers=headers | {"Origin": origin})
    assert minted.status_code == 200
    secret = minted.json()["value"]
    assert (
        await open_gateway.http.get("/v1/models", headers=headers | {"Sec-Fetch-Site": "same-origin"})
    ).status_code == 200
    async with open_gateway.connect(
        subprotocols=["realtime", f"openai-insecure-api-key.{secret}"], origin=origin
    ) as ws:
        assert (await event(ws)).type == "session.created"


GETS = (
    "/",
    "/v1/models",
    "/v1/realtime/ice_servers",
    "/v1/realtime/events?model=gpt-realtime",
    "/openapi.json",
    "/web/settings.json",
    "/web/%73ettings.json",
)


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
    open_gateway: Running, path: str, marks: dict[str, str]
) -> None:
    """DNS rebinding: the page's own address is this server's, so that the browser sees nothing wrong."""
    response = await open_gateway.http.get(path, headers=as_page(open_gateway, "evil.example", **marks))
    assert (response.status_code, error_of(response)["code"]) == (403, "origin_not_allowed")
    assert "server.allowed_origins" in response.text
    assert not open_gateway.engine.sessions


async def test_neither_do_its_posts_and_websockets(open_gateway: Running) -> None:
    origin = f"http://evil.example:{open_gateway.server.port}"
    headers = as_page(open_gateway, "evil.example", Origin=origin)
    for path in (SECRETS, "/v1/realtime/calls", "/v1/realtime/events?model=gpt-realtime", "/v1/chat/completions"):
        response = await open_gateway.http.post(path, headers=headers)
        assert (response.status_code, error_of(response)["code"]) == (403, "origin_not_allowed")
    unsaid = await open_gateway.http.post(SECRETS, headers=as_page(open_gateway, "evil.example"))
    assert unsaid.status_code == 403
    async with open_gateway.connect(origin=origin) as ws:
        assert (await refused(ws))[0] == "origin_not_allowed"


@pytest.mark.parametrize(
    "name", ["127.0.0.1.evil.example", "localhost.evil.example", "evil.example#localhost", "a@b", "[", ""]
)
async def test_only_a_name_that_is_nobody_elses_will_do(open_gateway: Running, name: str) -> None:
    assert (await open_gateway.http.get("/v1/models", headers=as_page(open_gateway, name))).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "python-httpx2/2.12"},
        {"User-Agent": "curl/8.5.0", "X-Forwarded-For": "192.0.2.1"},
        {"User-Agent": "node", "Accept-Language": "*", "Sec-Fetch-Mode": "cors"},  # Node's fetch
    ],
)
async def test_programs_may_come_by_any_name(open_gateway: Running, headers: dict[str, str]) -> None:
    host = {"Host": "voice.example"}
    assert (await open_gateway.http.get("/v1/models", headers=host | headers)).status_code == 200
    assert (await open_gateway.http.post(SECRETS, headers=host | headers)).status_code == 200


async def test_the_operator_lets_pages_in_by_name(run: Callable[..., Any]) -> None:
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


async def test_code_is_public_by_any_name(open_gateway: Running) -> None:
    code = await open_gateway.http.get("/web/antiphon.js", headers=as_page(open_gateway, "evil.example"))
    assert (code.status_code, code.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
