"""A user's machine with a browser, a server, and the network between them; each is skipped with the reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.browser.browsers import ProgramMissingError, find
from tests.clients.node_apps import NodeMissingError, install, is_required, node_major
from tests.clients.ways import KEY
from tests.running import RunningServer, running_server
from tests.web.kit.accessibility import assert_accessible
from tests.web.kit.chromium import Chromium, Faults, running_chromium
from tests.web.kit.machine import Machine, running_machine
from tests.web.kit.network import Network, running_network
from tests.web.kit.pictures import Pictures, default_folder
from tests.web.kit.servers import RestartableServer, restartable_server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver. It keeps an event loop running in this thread, where no other may run meanwhile."""
    with sync_playwright() as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Close the pages first: what they say about networks and servers that are torn down is no fault."""
    browser = item.funcargs.get("chromium") if isinstance(item, pytest.Function) else None
    if isinstance(browser, Chromium):
        browser.close_pages()


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine with a microphone to speak into and a loudspeaker to listen at, both idle."""
    with _skipping(), running_machine() as running:
        yield running


@pytest.fixture
def chromium(playwright: Playwright, machine: Machine) -> Iterator[Chromium]:
    """A new browser on that machine; what its pages complain of fails the test, unless `faults` expects it."""
    with _skipping(), running_chromium(playwright, machine) as running:
        yield running
        running.check()


@pytest.fixture
def open_page(chromium: Chromium) -> Callable[..., Page]:
    """`Chromium.open` of the test's browser."""
    return chromium.open


@pytest.fixture
def faults(chromium: Chromium) -> Faults:
    """What the pages complain of: to expect some of it."""
    return chromium.faults


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """The embedded engine, as `antiphon serve` starts it without settings: it wants no key."""
    with running_server(ANTIPHON_SERVER_DRAIN_SECONDS="1") as running:
        yield running


@pytest.fixture(scope="session")
def keyed_server() -> Iterator[RunningServer]:
    """The embedded engine; it wants `tests.clients.ways.KEY`."""
    with running_server(ANTIPHON_API_KEYS=KEY, ANTIPHON_SERVER_DRAIN_SECONDS="1") as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[RestartableServer]:
    """The embedded engine for this test alone: it may be ended and started again."""
    with restartable_server() as running:
        yield running


@pytest.fixture
def network(server: RunningServer) -> Iterator[Network]:
    """A network between the browser and `server`: pages open `network.origin`."""
    with running_network(server.port) as running:
        yield running


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """`assert_accessible`: fails if axe-core finds anything on a page."""
    try:
        node_major()
        install()
    except NodeMissingError as error:
        (pytest.fail if is_required() else pytest.skip)(str(error))
    return assert_accessible


@pytest.fixture(scope="session")
def pictures() -> Iterator[Pictures]:
    """The pictures of this run, for people to look at."""
    made = Pictures(default_folder())
    yield made
    with sync_playwright() as running, running.chromium.launch(executable_path=find("chromium")) as browser:
        made.take_sheets(browser)


@contextmanager
def _skipping() -> Iterator[None]:
    """Skip the test if a program is missing."""
    try:
        yield
    except ProgramMissingError as error:
        pytest.skip(str(error))
