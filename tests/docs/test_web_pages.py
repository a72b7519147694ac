"""What the documentation gives for the web works in a browser, as it stands there."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.browser.browsers import (
    ProgramMissingError,
    firefox_options,
    has_network,
    running_browser,
    running_sound_device,
)
from tests.browser.site import FOLDER, served
from tests.clients.node_apps import NodeMissingError, install, node_major
from tests.docs.test_docs import ROOT, blocks
from tests.running import RunningServer, running_server
from tests.web.kit.chromium import Chromium, running_chromium
from tests.web.kit.machine import running_machine
from tests.web.test_examples import ask_the_element

DRIVER = FOLDER / "driver.mjs"
WEB = ROOT / "src" / "antiphon" / "web"
ANSWER = re.compile(r"assistant: .*\b4\b")
ANSWER_MS = 30_000
PAGE = '<!doctype html><html lang="en"><link rel="icon" href="data:,">{body}</html>'
# Gives the answer when all of it was played.
FIREFOX_PAGE = """\
<!doctype html>
<link rel="icon" href="data:,">
<script type="module">
  import { AntiphonClient } from 'http://127.0.0.1:8080/web/antiphon.js';

  window.app = {
    async ask({ step }) {
      const client = new AntiphonClient({ transports: [step], microphone: false });
      await client.connect();
      const played = new Promise((resolve) => {
        client.addEventListener('event', ({ detail }) => detail.type === 'output_audio_buffer.stopped' && resolve());
      });
      client.sendText('How many bedrooms does this property have?');
      await played;
      return { step: client.state.transport, said: client.history.map(({ from, text }) => `${from}: ${text}`).join() };
    },
  };
</script>
"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(ANTIPHON_SERVER_DRAIN_SECONDS="0") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser whose user says nothing."""
    try:
        with (
            sync_playwright() as playwright,
            running_machine() as machine,
            running_chromium(playwright, machine) as running,
        ):
            yield running
    except ProgramMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def open_page(chromium: Chromium) -> Iterator[Callable[..., Page]]:
    """`Chromium.open`; what the test's pages complain of fails it, and their conversations end with it."""
    before = len(chromium.faults.unexpected)
    yield chromium.open
    chromium.close_pages()
    assert not chromium.faults.unexpected[before:]


@pytest.mark.parametrize("block", blocks("html page"))
def test_a_page_answers(block: str, server: RunningServer, open_page: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(PAGE.format(body=server.rewritten(block)))
    with served(tmp_path) as address:
        page = open_page(address)
        ask_the_element(page)


@pytest.mark.parametrize("block", blocks("js client"))
def test_a_client_is_answered(
    block: str, server: RunningServer, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    script = f'<body></body><script type="module">{server.rewritten(block)}</script>'
    (tmp_path / "index.html").write_text(PAGE.format(body=script))
    with served(tmp_path) as address:
        page = open_page(address)
        expect(page.locator("body")).to_contain_text(ANSWER, timeout=ANSWER_MS)


@pytest.mark.parametrize("step", ["webrtc", "websocket", "http"])
@pytest.mark.parametrize("policy", blocks("text csp"))
def test_a_page_with_a_policy_has_a_voice(
    policy: str, step: str, server: RunningServer, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """What violates it is told in the console, which the fixture looks at."""
    own = policy.strip().replace("//voice.example", f"//127.0.0.1:{server.port}")
    own = f"default-src 'none'; {own}".replace("https:", "http:").replace("wss:", "ws:")
    body = f"""<meta http-equiv="Content-Security-Policy" content="{own}">
        <script type="module" src="http://127.0.0.1:{server.port}/web/antiphon-voice.js"></script>
        <antiphon-voice transports="{step}"></antiphon-voice>"""
    (tmp_path / "index.html").write_text(PAGE.format(body=body))
    with served(tmp_path) as address:
        page = open_page(address)
        ask_the_element(page)


@pytest.mark.parametrize("step", ["webrtc", "websocket", "http"])
def test_firefox_is_answered(step: str, server: RunningServer, tmp_path: Path) -> None:
    """In writing, with the answer spoken: Firefox has no microphone here that would say a question."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(server.rewritten(FIREFOX_PAGE))
    try:
        node_major()
        (tmp_path / "node_modules").symlink_to(install())
        shutil.copy(DRIVER, tmp_path)
        if step == "webrtc" and not has_network():
            pytest.skip("Firefox does WebRTC only where there is an address besides loopback")
        with (
            running_sound_device() as sound,
            running_browser(tmp_path, firefox_options(tmp_path / "firefox"), **sound) as firefox,
            served(folder) as address,
        ):
            firefox.open(f"{address}/index.html")
            answer = firefox.call("ask", step=step)
    except (NodeMissingError, ProgramMissingError) as error:
        pytest.skip(str(error))
    assert answer["step"] == step
    assert ANSWER.search(answer["said"])


def test_what_is_told_of_the_element_is_there() -> None:
    """Attributes, properties and parts of docs/web.md stand in its source, and each attribute that it reads is told."""
    source = "".join(path.read_text() for path in sorted((WEB / "element").glob("*.js")))
    text = (ROOT / "docs" / "web.md").read_text()
    element = text[text.index("## The element") : text.index("## Tokens")]
    attributes = element[element.index("| attribute |") : element.index("| in a script |")]
    names = re.findall(r"`([a-z-]+)`", "".join(row.split("|")[1] for row in attributes.splitlines() if "|" in row))
    assert names
    assert not [name for name in names if f"'{name}'" not in source and f"[{name}=" not in source]
    read = set(re.findall(r"(?:attribute|tAttribute)\('([a-z-]+)'\)", source))
    assert {"token-url", "label"} <= read <= set(names)
    themed = element[element.index("The properties are") :]
    properties, parts = themed.split("The parts are")
    for name in re.findall(r"`([a-z-]+[a-z])`", properties):
        assert f"--antiphon-{name}" in source
    for name in re.findall(r"`([a-z-]+)`", parts.split(".")[0]):
        assert re.search(rf"part: '([a-z -]+ )?{name}[ ']|`entry entry-\$", source), name
