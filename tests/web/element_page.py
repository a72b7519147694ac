"""Pages of another origin that embed the element, and the element in them as its user has it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.asking import post
from tests.web.kit.machine import Machine
from tests.web.talk_page import BEDROOMS, QUESTION, WAIT_MS, assert_heard

PAGES = Path(__file__).parent / "pages"
TOKEN_URL = "/api/token"
# Of the documentation, and what keeps all else away from the page.
POLICY = (
    "default-src 'none'; script-src 'self' {server}; connect-src 'self' {server} {websocket}; media-src 'self' blob:; "
    "img-src data:; base-uri 'none'; require-trusted-types-for 'script'"
)
ELEMENT = "<antiphon-voice></antiphon-voice>"


class Site:
    """A website that embeds the element of an Antiphon server.

    Args:
        server: Origin of that server, as its users reach it.
        base_url: Of its API, for the site's own server, which has the key.
    """

    def __init__(self, server: str, base_url: str) -> None:
        self.body = ELEMENT
        self.port = 0
        self.asked: list[Any] = []  # what pages sent to the token route
        self.secrets: list[str] = []  # what they got
        self._server = server
        self._base_url = base_url

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def policy(self) -> str:
        return POLICY.format(server=self._server, websocket=self._server.replace("http", "ws", 1))

    def page(self) -> str:
        html = (PAGES / "embedding.html").read_text(encoding="utf-8")
        return html.replace("{server}", self._server).replace("{body}", self.body)

    def mint(self, asked: Any) -> dict[str, Any]:
        """Return what the token route answers: a client secret that the API key has bought."""
        self.asked.append(asked)
        session = {"type": "realtime", "model": "gpt-realtime"}
        secret: dict[str, Any] = post(f"{self._base_url}/realtime/client_secrets", session=session)
        self.secrets.append(secret["value"])
        return secret


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html", self.site.page().encode(), {"Content-Security-Policy": self.site.policy})
        elif self.path == "/embedding.js":
            self._answer("text/javascript", (PAGES / "embedding.js").read_bytes(), {})
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == TOKEN_URL:
            self._answer("application/json", json.dumps(self.site.mint(asked)).encode(), {})
        else:
            self.send_error(404)

    def _answer(self, kind: str, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running_site(server: str, base_url: str) -> Iterator[Site]:
    """Run a site until the block ends, on a port of its own: its origin is not the server's."""
    site = Site(server, base_url)
    handler = type("_SiteHandler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        site.port = running.server_port
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            running.shutdown()
            thread.join()


class VoiceElement:
    """One <antiphon-voice>, found out about by roles and names.

    Args:
        page: It is open.
        machine: Where its user speaks and hears.
        name: Of the element, for screen readers.
    """

    def __init__(self, page: Page, machine: Machine, name: str = "Voice conversation") -> None:
        page.set_default_timeout(WAIT_MS)
        self.page = page
        self.machine = machine
        self.region = page.get_by_role("region", name=name, exact=True)
        self.state = self.region.locator("[part=state]")
        self.log = self.region.get_by_role("log", name="Conversation")
        self.message = self.region.get_by_role("textbox", name="Write a message")
        self.problem = self.region.locator("[part=problem]")

    def button(self, name: str) -> Locator:
        return self.region.get_by_role("button", name=name, exact=True)

    def talk(self) -> None:
        """Press the button, and wait until it listens."""
        self.button("Start talking").click()
        self.wait_for_state("Listening")

    def wait_for_state(self, text: str) -> None:
        expect(self.state).to_have_text(text, timeout=WAIT_MS)

    def entries(self, who: str) -> Locator:
        """Return what `You` or `Assistant` said."""
        return self.log.get_by_role("listitem").filter(has_text=re.compile(f"^{who}: "))

    def write(self, text: str) -> None:
        self.message.fill(text)
        self.message.press("Enter")

    def ask(self, wav: Path = QUESTION, answer: re.Pattern[str] = BEDROOMS) -> str:
        """Say a question; returns the answer, which is right, and was heard as it stands there."""
        return self.hear(self.machine.say(wav), answer)

    def hear(self, since: float, answer: re.Pattern[str]) -> str:
        """Wait for an answer and for the end of its sound; returns it."""
        begun = self.machine.sound_after(since)
        expect(self.entries("Assistant").last).to_contain_text(answer, timeout=WAIT_MS)
        ended = self.machine.silence_after(begun, seconds=1.2)
        text = self.entries("Assistant").last.locator("[part=heard]").inner_text()
        fact = next(sentence for sentence in re.split(r"(?<=[.!?])\s", text) if answer.search(sentence))
        assert_heard(fact, self.machine.words_after(begun - 0.2, ended + 0.3))
        return text

    def transport(self) -> str:
        """Return what the conversation goes over, as the menu tells it."""
        self.button("Microphone and loudspeaker").click()
        told = self.region.locator("[part=via]").inner_text()
        self.button("Microphone and loudspeaker").click()
        return told.removeprefix("Connected over ")


def told(page: Page, kind: str) -> list[dict[str, Any]]:
    """Return the details of the element's events of a kind, from the first on."""
    details: list[dict[str, Any]] = page.evaluate(
        "(kind) => told.filter(({ type }) => type === kind).map(({ detail }) => detail)", kind
    )
    return details
