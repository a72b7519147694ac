"""Firefox: the talk page and the element hold spoken conversations over each step of the ladder that has a voice."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.browser.browsers import Page, ProgramMissingError, find, has_network
from tests.browser.sound import SPEECH
from tests.clients.node_apps import NodeMissingError, is_required, node_major
from tests.running import RunningServer
from tests.web.firefox import Element, Talker, TalkPage, running_firefox, site_with_the_element
from tests.web.kit.machine import Machine, running_machine, share_heard

QUESTION = SPEECH / "questions" / "property-00-slt.wav"  # how many bedrooms does this property have
QUESTION_SECONDS = 2.6
ANSWER = re.compile(r"\b(4|four) bedrooms", re.IGNORECASE)
EVERYTHING = "Tell me everything about the property."
HALF = 0.5  # of the words are heard at least: the recogniser takes some for others
HEARD_SECONDS = 1.5  # of an answer, before it is interrupted
TRANSPORTS = ("webrtc", "websocket", "http")
# Firefox finds no way over WebRTC where there is no address besides loopback.
WEBRTC = pytest.param("webrtc", marks=pytest.mark.skipif(not has_network(), reason="there is no network"))


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One for all tests here, as the browser is: its start takes longer than a conversation."""
    try:
        with running_machine() as running:
            yield running
    except ProgramMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def browser(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    try:
        find("firefox-esr")
        node_major()
        with running_firefox(tmp_path_factory.mktemp("firefox"), machine) as running:
            yield running
    except ProgramMissingError as error:
        pytest.skip(str(error))
    except NodeMissingError as error:
        (pytest.fail if is_required() else pytest.skip)(str(error))


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The browser's page; what it complains of fails the test."""
    before = len(browser.faults)
    yield browser
    browser.open("about:blank")
    assert not browser.faults[before:]


@pytest.fixture(scope="module")
def site(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another origin, whose pages embed the element."""
    folder = tmp_path_factory.mktemp("site")
    with site_with_the_element(folder, f"http://127.0.0.1:{server.port}", TRANSPORTS) as address:
        yield address


@pytest.fixture
def talk_page(page: Page, server: RunningServer) -> TalkPage:
    return TalkPage(page, f"http://127.0.0.1:{server.port}")


@pytest.fixture
def element(page: Page, site: str) -> Element:
    return Element(page, site)


def ask(machine: Machine, talker: Talker) -> None:
    """Say a question, once more if it was misheard; the right answer is written, and heard."""
    begun, ended = hear(machine)
    if not ANSWER.search(talker.last_answer()):  # a busy machine swallows words
        begun, ended = hear(machine)
    answer = talker.last_answer()
    assert ANSWER.search(answer)
    heard = machine.words_after(begun - 0.2, ended + 0.3)
    assert share_heard(answer.replace("4", "four"), heard) >= HALF, f"written: {answer!r}, heard: {heard!r}"


def hear(machine: Machine) -> tuple[float, float]:
    """Say the question; returns when the sound of an answer began and ended."""
    begun = machine.sound_after(machine.say(QUESTION))
    return begun, machine.silence_after(begun, seconds=1.2)


@pytest.mark.parametrize("transport", [WEBRTC, "websocket"])
def test_a_spoken_conversation_with_the_talk_page(transport: str, machine: Machine, talk_page: TalkPage) -> None:
    talk_page.begin(transport)
    ask(machine, talk_page)


@pytest.mark.parametrize("transport", [WEBRTC, "websocket", "http"])
def test_a_spoken_conversation_with_the_element(transport: str, machine: Machine, element: Element) -> None:
    element.begin(transport)
    ask(machine, element)


@pytest.mark.parametrize("transport", [WEBRTC, "websocket"])
def test_speech_silences_the_answer_and_gets_one_of_its_own(transport: str, machine: Machine, element: Element) -> None:
    element.begin(transport)
    asked = machine.now()
    element.write(EVERYTHING)
    sound = machine.sound_after(asked)
    time.sleep(HEARD_SECONDS)
    spoke = machine.now()
    utterance = machine.begin_to_say(QUESTION)
    silent = machine.silence_after(spoke, seconds=0.5)
    assert sound + HEARD_SECONDS < silent < spoke + QUESTION_SECONDS
    utterance.wait()
    machine.sound_after(machine.now())
    assert element.is_cut()
    # Which one, is not certain: echo cancellation holds back what is said at first while something is playing.
    element.until(f"{element.answers}.length === 2")
    assert element.last_answer()
