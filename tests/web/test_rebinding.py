"""A website that points a name of its own at this machine gets nothing from a server without keys: in a browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.browsers import CHROMIUM_FLAGS, ProgramMissingError, find
from tests.running import RunningServer, running_server

ASKING = """async () => {
  const asked = {
    models: ['/v1/models'],
    disguised: ['/v1/models', { headers: { 'User-Agent': 'curl/8', 'Accept-Language': '' } }],
    events: ['/v1/realtime/events?model=gpt-realtime'],
    secret: ['/v1/realtime/client_secrets', { method: 'POST' }],
    blind: ['/v1/realtime/client_secrets', { method: 'POST', mode: 'no-cors' }],
    settings: ['/web/settings.json'],
    code: ['/web/client/problems.js'],
  };
  const got = {};
  for (const [name, request] of Object.entries(asked)) got[name] = (await fetch(...request)).status;
  return got;
}"""
SOCKET = """() => new Promise((resolve) => {
  const socket = new WebSocket(`ws://${location.host}/v1/realtime?model=gpt-realtime`);
  socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
})"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    """A page in a browser to which `evil.example` is this machine."""
    try:
        program = find("chromium")
    except ProgramMissingError as error:
        pytest.skip(str(error))
    flags = [*CHROMIUM_FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=program, args=flags)
    yield browser.new_page()
    browser.close()


def opened(page: Page, server: RunningServer, host: str) -> int:
    response = page.goto(f"http://{host}:{server.port}/")
    assert response is not None
    return response.status


def test_its_pages_are_refused_all_but_code(page: Page, server: RunningServer) -> None:
    assert opened(page, server, "evil.example") == 403
    got: dict[str, Any] = page.evaluate(ASKING)
    assert got.pop("code") == 200
    assert set(got.values()) == {403}, got
    assert page.evaluate(SOCKET) == "error"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_servers_own_page_is_not(page: Page, server: RunningServer, host: str) -> None:
    assert opened(page, server, host) == 200
    assert page.evaluate("async () => (await fetch('/v1/realtime/client_secrets', { method: 'POST' })).status") == 200
    assert page.evaluate(SOCKET) == "session.created"


def test_any_page_may_import_the_code(page: Page, server: RunningServer) -> None:
    opened(page, server, "evil.example")
    module = f"http://127.0.0.1:{server.port}/web/client/problems.js"
    assert "ProblemError" in page.evaluate(f"async () => Object.keys(await import('{module}'))")
