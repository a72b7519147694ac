"""The talk page as its user has it: what is pressed, what is read, and what is heard of its answers."""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.sound import SPEECH
from tests.running import RunningServer
from tests.web.kit.machine import Machine, share_heard

WAIT_MS = 60_000  # for what takes as long as a busy machine needs
QUESTION = SPEECH / "questions" / "property-00-slt.wav"  # how many bedrooms does this property have
WRITTEN = "How many bedrooms does this property have?"
BEDROOMS = re.compile(r"\b(4|four) bedrooms", re.IGNORECASE)
# What is heard of an answer at least, of the words on the page: the recogniser takes some for others.
MOSTLY = 0.7  # of a long answer
PARTLY = 0.4  # of a short one: on a busy machine the recogniser mistakes every other word
NUMBERS = {"2": "two", "3": "three", "4": "four", "5": "five"}


class TalkPage:
    """A page at `/`, found out about by roles and names.

    Args:
        page: It is open.
        machine: Where its user speaks and hears.
    """

    def __init__(self, page: Page, machine: Machine) -> None:
        page.set_default_timeout(WAIT_MS)
        self.page = page
        self.machine = machine
        self.state = page.get_by_role("region", name="State", exact=True)
        self.transcript = page.get_by_role("region", name="Conversation", exact=True)
        self.badge = page.get_by_role("button", name=re.compile("^Connection: "))
        self.connection = page.get_by_role("group", name="Connection", exact=True)
        self.attempts = self.connection.get_by_role("listitem")
        self.message = page.get_by_role("textbox", name="Write a message")
        self.notices = page.locator(".notices")

    # --- beginning and ending ---------------------------------------------------------------------------------

    def press_talk(self) -> None:
        self.page.get_by_role("button", name="Talk", exact=True).click()

    def talk(self, transport: str) -> None:
        """Press Talk, and wait until the page listens over a transport."""
        self.press_talk()
        self.wait_for_transport(transport)
        self.wait_for_state("Listening")

    def end(self) -> None:
        self.page.get_by_role("button", name="End the conversation").click()

    def choose_transports(self, *names: str) -> None:
        """Leave only these in the list of transports that are tried."""
        self.badge.click()
        for box in self.connection.get_by_role("checkbox").all():
            name = box.locator("xpath=..").inner_text().strip()
            box.set_checked(name in names)
        self.badge.click()

    def give_key(self, key: str) -> None:
        self.page.get_by_label("Client secret or API key").fill(key)
        self.page.get_by_role("button", name="Use it and talk").click()

    # --- what it shows ----------------------------------------------------------------------------------------

    def wait_for_state(self, text: str | re.Pattern[str]) -> None:
        try:
            expect(self.state).to_contain_text(text, timeout=WAIT_MS)
        except AssertionError as error:
            error.add_note(f"notices: {self.noticed()}")
            raise

    def wait_for_transport(self, name: str) -> None:
        expect(self.badge).to_have_accessible_name(f"Connection: {name}", timeout=WAIT_MS)

    def entries(self, who: str) -> Locator:
        """Return the entries of `You` or `Assistant`."""
        return self.transcript.get_by_role("listitem").filter(has=self.page.get_by_text(who, exact=True))

    def last(self, who: str) -> Locator:
        """Return what was said last, without the head of its entry."""
        return self.entries(who).last.locator(".entry-body")

    def said(self) -> list[str]:
        """Return the texts of all entries, in order."""
        return [row.inner_text() for row in self.transcript.locator(".entry-body").all()]

    def noticed(self) -> str:
        """Return the problems that it tells of, and what to do about them."""
        return re.sub(r"\s+", " ", self.notices.inner_text())

    def tried(self) -> list[str]:
        """Return the attempts of the ladder, as the list under the badge has them."""
        self.badge.click()
        texts = [row.inner_text() for row in self.attempts.all()]
        self.badge.click()
        return texts

    def phases(self) -> list[tuple[str, ...]]:
        """Return the rows of the newest turn's table: phase, when it began, how long it took."""
        rows = self.page.get_by_role("table", name="Phases of the turn").get_by_role("row").all()[1:]
        return [tuple(row.inner_text().split("\t")) for row in rows]

    # --- the panels at the side -------------------------------------------------------------------------------

    def show_panel(self, name: str) -> Locator:
        """Open a panel by its tab; returns it."""
        tab = self.page.get_by_role("tab", name=name)
        if not tab.is_visible():
            self.page.get_by_role("button", name="Details", exact=True).click()
        tab.click()
        return self.page.get_by_role("tabpanel", name=name)

    def exported(self) -> list[dict[str, Any]]:
        """Return the lines of the export of the events that are shown."""
        panel = self.show_panel("Events")
        with self.page.expect_download() as saved:
            panel.get_by_role("button", name="Export as JSON lines").click()
        return [json.loads(line) for line in saved.value.path().read_text().splitlines()]

    def events(self, type_: str) -> list[dict[str, Any]]:
        """Return the events of a type, from the oldest on."""
        return [line["event"] for line in self.exported() if line["event"]["type"] == type_]

    # --- talking ----------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        self.message.fill(text)
        self.message.press("Enter")

    def ask(self) -> None:
        """Ask aloud how many bedrooms there are: the right answer is shown, and heard as it stands there."""
        answers = self.entries("Assistant").count()
        self.hear(self.machine.say(QUESTION), answers, BEDROOMS)

    def ask_in_writing(self, text: str = WRITTEN, answer: re.Pattern[str] = BEDROOMS) -> None:
        """Write a question; as `ask`."""
        answers = self.entries("Assistant").count()
        asked = self.machine.now()
        self.write(text)
        self.hear(asked, answers, answer)

    def hear(self, since: float, before: int, answer: re.Pattern[str]) -> None:
        """Wait for an answer behind `before` others, and listen until its sound ends."""
        begun = self.machine.sound_after(since)
        self.wait_for_answer(before, answer)
        ended = self.machine.silence_after(begun, seconds=0.8)
        text = self.last("Assistant").inner_text()
        # The recogniser knows the facts, and little of the phrases around them.
        fact = next(sentence for sentence in re.split(r"(?<=[.!?])\s", text) if answer.search(sentence))
        assert_heard(fact, self.machine.words_after(begun - 0.2, ended + 0.3), PARTLY)

    def wait_for_answer(self, before: int, answer: re.Pattern[str]) -> None:
        """Wait until an answer behind `before` others is shown; it is not listened to."""
        expect(self.entries("Assistant")).to_have_count(before + 1, timeout=WAIT_MS)
        expect(self.last("Assistant"), f"all: {self.said()}").to_contain_text(answer, timeout=WAIT_MS)


def address(server: RunningServer, host: str = "127.0.0.1") -> str:
    """Return where the page is."""
    return f"http://{host}:{server.port}/"


def assert_heard(said: str, heard: str, share: float = MOSTLY) -> None:
    """Fail if less than that share of the words on the page was heard at the loudspeaker."""
    words = re.sub(r"\d", lambda digit: NUMBERS.get(digit[0], digit[0]), said)
    assert share_heard(words, heard) > share, f"said: {said!r}, heard: {heard!r}"
