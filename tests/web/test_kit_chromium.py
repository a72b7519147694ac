"""The kit's browser: its pages meet a user, a machine and a window as real ones do."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.site import served
from tests.web.kit.chromium import Chromium, Faults, Microphone, asleep, in_background, until
from tests.web.kit.machine import Machine

ASK = """navigator.mediaDevices.getUserMedia({ audio: true }).then(
  (stream) => stream.getTracks()[0].readyState, (error) => error.name)"""
COUNT = "() => { globalThis.ticks = 0; setInterval(() => globalThis.ticks++, 10); }"


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The address of the kit's own pages."""
    with served(Path(__file__).parent / "pages") as address:
        yield address


@pytest.fixture
def plain(pages: str) -> str:
    """The address of a page with a strict policy."""
    return f"{pages}/kit-plain.html"


@pytest.mark.parametrize(
    ("microphone", "answer"),
    [
        (Microphone.GRANTED, "live"),
        (Microphone.REFUSED, "NotAllowedError"),
        (Microphone.MISSING, "NotFoundError"),
    ],
)
def test_a_page_that_asks_for_the_microphone_is_answered(
    microphone: Microphone, answer: str, open_page: Callable[..., Page], plain: str
) -> None:
    assert open_page(plain, microphone=microphone).evaluate(ASK) == answer


@pytest.mark.parametrize(
    ("microphone", "answer"),
    [
        (Microphone.GRANTED, "live"),
        (Microphone.REFUSED, "NotAllowedError"),
        (Microphone.ASKS, "NotAllowedError"),
    ],
)
def test_the_question_for_the_microphone_waits_for_the_user(
    microphone: Microphone, answer: str, chromium: Chromium, plain: str
) -> None:
    page = chromium.open(plain, microphone=Microphone.ASKS)
    page.evaluate(f"() => {{ {ASK}.then((answer) => (globalThis.answer = answer)); }}")
    assert page.evaluate("globalThis.answer ?? 'none'") == "none"
    chromium.answer(page, microphone)
    until(page, "globalThis.answer")
    assert page.evaluate("globalThis.answer") == answer


def test_names_of_their_own_make_an_insecure_context(open_page: Callable[..., Page], plain: str) -> None:
    page = open_page(plain.replace("127.0.0.1", "voice.test"))
    assert page.evaluate("[isSecureContext, typeof navigator.mediaDevices]") == [False, "undefined"]


def test_pages_are_opened_as_their_user_likes(open_page: Callable[..., Page], plain: str) -> None:
    page = open_page(plain, color_scheme="dark", locale="de-DE", viewport={"width": 390, "height": 844})
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("[navigator.language, innerWidth]") == ["de-DE", 390]


def test_faults_of_a_page_are_seen(chromium: Chromium, faults: Faults, plain: str) -> None:
    page = chromium.open(plain)
    page.evaluate("() => { setTimeout(() => { throw new Error('planted'); }); console.error('said'); }")
    page.evaluate("() => { new Image().src = 'https://elsewhere.example/'; }")
    page.wait_for_timeout(100)
    with pytest.raises(AssertionError, match=r"(?s)said.*planted.*Content Security Policy|planted.*said.*Content"):
        chromium.check()
    for pattern in ("planted", "said", "Content Security Policy"):
        faults.expect(pattern)
    chromium.check()


def test_a_hidden_tab_knows_that_it_is_hidden(chromium: Chromium, plain: str) -> None:
    page = chromium.open_tab(plain)
    with in_background(page):
        assert page.evaluate("document.hidden")
    assert not page.evaluate("document.hidden")


def test_a_tab_asleep_does_nothing_until_it_wakes(chromium: Chromium, machine: Machine, plain: str) -> None:
    page = chromium.open_tab(plain)
    assert page.evaluate(ASK) == "live"  # pages with a microphone do not sleep of themselves
    page.evaluate(COUNT)
    with asleep(page):
        asleep_at = page.evaluate("ticks")
        page.wait_for_timeout(1500)
        assert page.evaluate("ticks") == asleep_at
    until(page, f"ticks > {asleep_at} + 5")


def test_a_machine_asleep_stops_the_browser(chromium: Chromium, plain: str) -> None:
    """What pages see of it: a timer that jumped."""
    page = chromium.open(plain)
    page.evaluate("""() => {
      let last = performance.now();
      globalThis.jump = 0;
      setInterval(() => {
        globalThis.jump = Math.max(globalThis.jump, performance.now() - last);
        last = performance.now();
      }, 20);
    }""")
    with chromium.suspended():
        time.sleep(2)
    until(page, "jump > 1500")
