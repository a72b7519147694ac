"""What a page really loads of the server until it shows, and until it talks."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page
from tests.web.kit.chromium import until
from tests.web.weight import summary

from antiphon.gateway.web import FOLDER
from antiphon.gateway.web_files import WebFiles
from benchmarks.web.room import ALL, Room

TALK_PAGE_IS_CONNECTED = "document.querySelector('.badge-place')?.dataset.state === 'connected'"
# A while after it is connected, a page loads what it needs to go on over the other steps.
STAGES = ("at rest", "connected over WebRTC", "a while later")
LATER_MS = 13_000
ELEMENT_IS_CONNECTED = "document.querySelector('antiphon-voice').client?.state.type === 'connected'"


@dataclass(frozen=True)
class Weight:
    """Files of the server.

    Args:
        files: How many.
        bodies: Bytes of their bodies, as they came.
        sent: Bytes with the heads of the responses.
    """

    files: int
    bodies: int
    sent: int


@dataclass
class _Response:
    is_file: bool
    bodies: int = 0
    sent: int = 0


class Loads:
    """Counts what a page loads, from before it is opened.

    Args:
        session: Of the page.
        origin: Of the server; what comes from elsewhere, and the API's answers, are not counted.
    """

    def __init__(self, session: CDPSession, origin: str) -> None:
        self._origin = origin
        self._responses: dict[str, _Response] = {}
        session.on("Network.requestWillBeSent", self._requested)
        session.on("Network.dataReceived", self._received)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def weight(self) -> Weight:
        """Return what came up to now."""
        files = [each for each in self._responses.values() if each.is_file and each.sent]
        return Weight(len(files), sum(each.bodies for each in files), sum(each.sent for each in files))

    def _requested(self, told: dict[str, Any]) -> None:
        self._responses[told["requestId"]] = _Response(is_file(told["request"]["url"], self._origin))

    def _received(self, told: dict[str, Any]) -> None:
        if (response := self._responses.get(told["requestId"])) is not None:
            response.bodies += told["encodedDataLength"]

    def _finished(self, told: dict[str, Any]) -> None:
        if (response := self._responses.get(told["requestId"])) is not None:
            response.sent = int(told["encodedDataLength"])


def is_file(url: str, origin: str) -> bool:
    """Whether a URL leads to the talk page or to a file of it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" == origin and (parts.path == "/" or parts.path.startswith("/web/"))


def counted() -> str:
    """Return what pages may load, as tests.web.weight counts it from the files."""
    return summary(WebFiles(FOLDER))


def talk_page(room: Room, origin: str) -> tuple[Weight, ...]:
    """Return what the talk page has loaded at each of `STAGES`."""
    return _weights(room, f"{origin}/", origin, (".talk-button", TALK_PAGE_IS_CONNECTED))


def element(room: Room, origin: str) -> tuple[Weight, ...]:
    """Return the same of a page with the element."""
    return _weights(room, f"{room.site}/{ALL}.html", origin, ("antiphon-voice [part=button]", ELEMENT_IS_CONNECTED))


def _weights(room: Room, url: str, origin: str, press: tuple[str, str]) -> tuple[Weight, ...]:
    button, connected = press
    page: Page = room.chromium.open("about:blank")
    loads = Loads(page.context.new_cdp_session(page), origin)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    shown = loads.weight()
    page.locator(button).click()
    until(page, connected)
    talking = loads.weight()
    page.wait_for_timeout(LATER_MS)
    ready = loads.weight()
    page.context.close()
    return shown, talking, ready
