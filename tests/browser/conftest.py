"""Browsers, the pages that they show, and a server for both: each is there once, and skipped with the reason."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.browser.browsers import (
    Page,
    ProgramMissingError,
    chromium_options,
    find,
    firefox_options,
    has_network,
    running_browser,
    running_sound_device,
)
from tests.browser.site import build, served
from tests.browser.sound import SPEECH, microphone_file
from tests.clients.node_apps import NodeMissingError, install, node_major
from tests.clients.ways import KEY
from tests.running import RunningServer, running_server

QUESTION = SPEECH / "questions" / "property-00-slt.wav"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the bundled pages; skips where npm cannot install what they are made of."""
    try:
        node_major()
        modules = install()
    except NodeMissingError as error:
        pytest.skip(str(error))
    return build(tmp_path_factory.mktemp("site"), modules)


@pytest.fixture(scope="session")
def pages(site: Path) -> Iterator[str]:
    """The address of the pages."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """The embedded engine, as `antiphon serve` starts it; it wants a key."""
    with running_server(ANTIPHON_API_KEYS=KEY) as running:
        yield running


@pytest.fixture
def chromium(site: Path, pages: str, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a page of the site in a new Chromium whose microphone gives a recording of tests/speech."""
    with ExitStack() as stack:

        def start(name: str, speech: Path = QUESTION) -> Page:
            microphone = microphone_file(tmp_path / "microphone.wav", speech)
            options = chromium_options(tmp_path / "chromium", microphone)
            return _opened(stack.enter_context(running_browser(site.parent, options)), f"{pages}/{name}.html")

        _skip_without("chromium")
        yield start


@pytest.fixture(scope="session")
def sound_device() -> Iterator[dict[str, str]]:
    """The environment in which a browser finds a loudspeaker."""
    _skip_without("pulseaudio")
    with running_sound_device() as environment:
        yield environment


@pytest.fixture
def firefox(site: Path, pages: str, sound_device: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a page of the site in a new Firefox, which has a microphone only if the page makes one."""
    with ExitStack() as stack:

        def start(name: str) -> Page:
            options = firefox_options(tmp_path / "firefox")
            running = running_browser(site.parent, options, **sound_device)
            return _opened(stack.enter_context(running), f"{pages}/{name}.html")

        _skip_without("firefox-esr")
        if not has_network():
            pytest.skip("Firefox does WebRTC only where there is an address besides loopback")
        yield start


def _skip_without(command: str) -> None:
    try:
        find(command)
    except ProgramMissingError as error:
        pytest.skip(str(error))


def _opened(page: Page, url: str) -> Page:
    page.open(url)
    return page
