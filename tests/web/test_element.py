"""The element in a page of another origin with a strict policy: a person talks with the embedded engine."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import EVERYTHING
from tests.clients.ways import KEY
from tests.docs.test_docs import blocks
from tests.running import RunningServer, origin
from tests.web.element_page import POLICY, TOKEN_URL, Site, VoiceElement, running_site, told
from tests.web.kit.chromium import Faults, Microphone
from tests.web.kit.machine import Machine
from tests.web.kit.network import Network
from tests.web.talk_page import BEDROOMS, QUESTION, WAIT_MS

Opening = Callable[..., Page]

WRITTEN = "How many bedrooms does this property have?"
PRICE = re.compile(r"\b(price|costs?|dollars|pounds|euros)\b", re.IGNORECASE)
WITH_TOKENS = f'<antiphon-voice token-url="{TOKEN_URL}" agent="guide"></antiphon-voice>'
TWO = "".join(f'<antiphon-voice id="{name.lower()}" label="{name}"></antiphon-voice>' for name in ("First", "Second"))
GIVE_TOOL = "() => { document.querySelector('antiphon-voice').tools = [weather]; }"
# All that a page of this origin keeps, and all that it has fetched; shadow trees, too.
KEPT = """() => [
  document.documentElement.getHTML({ shadowRoots: [document.querySelector('antiphon-voice').shadowRoot] }),
  location.href, document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }),
  ...performance.getEntries().map(({ name }) => name), JSON.stringify(told),
].join('\\n')"""


@pytest.fixture
def site(network: Network, server: RunningServer) -> Iterator[Site]:
    """A site whose users reach the server through the network."""
    with running_site(network.origin, server.base_url) as running:
        yield running


@pytest.fixture
def open_element(open_page: Opening, site: Site, machine: Machine) -> Callable[..., VoiceElement]:
    """Open the site's page; gives the element in it."""

    def open_it(body: str = "", microphone: Microphone = Microphone.GRANTED) -> VoiceElement:
        site.body = body or site.body
        return VoiceElement(open_page(site.address, microphone=microphone), machine)

    return open_it


Open = Callable[..., VoiceElement]


def latest_call(server: RunningServer) -> str:
    """Return the id of the call that began last."""
    began = (re.search(r"\bcall (\S+) began", line) for line in server.lines)
    return [found[1] for found in began if found][-1]


def is_over(server: RunningServer, call: str) -> bool:
    return any(f"call {call} ended after" in line for line in server.lines)


def test_the_policy_of_the_pages_is_the_documented_one() -> None:
    [block] = [block.values[0] for block in blocks("text csp")]  # type: ignore[attr-defined]
    documented = (
        block.strip().replace("https://voice.example", "{server}").replace("wss://voice.example", "{websocket}")
    )
    assert all(directive in POLICY for directive in documented.split("; "))


# --- talking ----------------------------------------------------------------------------------------------------


def test_a_spoken_question_gets_the_right_spoken_answer(open_element: Open, network: Network) -> None:
    element = open_element()
    element.talk()
    answer = element.ask()
    assert BEDROOMS.search(answer)
    expect(element.entries("You")).to_contain_text("bedrooms")
    assert element.transport() == "WebRTC"
    assert network.datagrams > 100


def test_without_udp_it_talks_over_a_websocket(open_element: Open, network: Network) -> None:
    network.udp_blocked = True
    element = open_element()
    element.talk()
    assert element.transport() == "WebSocket"
    element.ask()
    attempts = told(element.page, "state")[-1]["attempts"]
    assert [(attempt["transport"], attempt["outcome"]) for attempt in attempts] == [
        ("webrtc", "failed"),
        ("websocket", "connected"),
    ]


def test_without_a_microphone_one_writes_and_is_answered_aloud(open_element: Open, machine: Machine) -> None:
    element = open_element(microphone=Microphone.REFUSED)
    element.button("Start talking").click()
    element.wait_for_state("Ready for your message")
    expect(element.problem).to_contain_text("This page is not allowed to use the microphone.")
    expect(element.problem).to_contain_text("You can go on in writing.")
    asked = machine.now()
    element.write(WRITTEN)
    element.hear(asked, BEDROOMS)
    assert [problem["code"] for problem in told(element.page, "problem")] == ["microphone_denied"]


def test_speech_silences_the_answer(open_element: Open, machine: Machine) -> None:
    element = open_element()
    element.talk()
    element.write(EVERYTHING)
    machine.sound_after(machine.now())
    time.sleep(2)
    begun = machine.now()
    utterance = machine.begin_to_say(QUESTION)
    silent = machine.silence_after(begun, seconds=0.4)
    utterance.wait()
    assert silent < machine.now()  # while the user was still speaking
    expect(element.entries("Assistant").first).to_contain_text("Not heard:", timeout=WAIT_MS)
    [cut] = {entry["id"]: entry for entry in told(element.page, "entry") if entry["status"] == "cut"}.values()
    assert 0 < cut["heard"] < len(cut["text"])


# --- what pages do with it --------------------------------------------------------------------------------------


def test_a_function_of_the_page_is_called_and_its_result_spoken(open_element: Open, machine: Machine) -> None:
    element = open_element()
    element.page.evaluate(GIVE_TOOL)
    element.talk()
    asked = machine.now()
    element.write("What is the weather in Paris?")
    begun = machine.sound_after(asked)
    expect(element.entries("Assistant").last).to_contain_text("19 degrees", timeout=WAIT_MS)
    silent = machine.silence_after(begun, seconds=1.2)
    assert "temperature" in machine.words_after(begun - 0.2, silent + 0.3)
    assert element.page.evaluate("called") == [{"city": "Paris"}]
    expect(element.log).to_contain_text("Called get_weather")
    calls = told(element.page, "tool")
    assert [(call["name"], call["status"]) for call in calls] == [("get_weather", "running"), ("get_weather", "done")]


def test_pages_are_told_what_happens(open_element: Open) -> None:
    element = open_element()
    element.talk()
    element.write(WRITTEN)
    element.wait_for_state("Listening")
    expect(element.entries("Assistant")).to_contain_text(BEDROOMS, timeout=WAIT_MS)
    element.button("End the conversation").click()
    element.wait_for_state("Conversation ended")
    states = told(element.page, "state")
    assert [states[0]["type"], states[-1]["type"]] == ["connecting", "closed"]
    assert {"thinking", "listening"} <= {state.get("activity") for state in states}
    entries = {entry["id"]: entry for entry in told(element.page, "entry")}.values()
    assert [(entry["from"], entry["spoken"]) for entry in entries] == [("user", False), ("assistant", True)]
    assert not told(element.page, "problem")


def test_the_key_stays_on_the_sites_server(open_page: Opening, keyed_server: RunningServer, machine: Machine) -> None:
    with running_site(origin(keyed_server.port, has_tls=False), keyed_server.base_url) as site:
        site.body = WITH_TOKENS
        page = open_page(site.address)
        requests = []
        page.on("request", lambda request: requests.append(str(request.all_headers())))
        element = VoiceElement(page, machine)
        element.talk()
        element.write(WRITTEN)
        expect(element.entries("Assistant")).to_contain_text(BEDROOMS, timeout=WAIT_MS)
        kept = page.evaluate(KEPT)
        page.close()
    assert site.asked == [{"agent": "guide"}]
    [secret] = site.secrets
    assert KEY not in kept
    assert KEY not in "".join(requests)
    assert secret not in kept


def test_a_server_with_keys_refuses_a_page_without_a_token(
    open_page: Opening, keyed_server: RunningServer, machine: Machine, faults: Faults
) -> None:
    faults.expect("401")
    with running_site(origin(keyed_server.port, has_tls=False), keyed_server.base_url) as site:
        element = VoiceElement(open_page(site.address), machine)
        element.button("Start talking").click()
        element.wait_for_state("Not connected")
        expect(element.problem).to_contain_text("The server asks for a key, and this page has none.")
        expect(element.button("Try again")).to_be_visible()
        element.page.close()


def test_two_elements_hold_two_conversations(open_element: Open, machine: Machine) -> None:
    first = open_element(TWO)
    first, second = (VoiceElement(first.page, machine, name) for name in ("First", "Second"))
    first.talk()
    second.talk()
    first.button("Mute the microphone").click()
    second.button("Mute the microphone").click()
    first.write(WRITTEN)
    expect(first.entries("Assistant")).to_contain_text(BEDROOMS, timeout=WAIT_MS)
    second.write("How much does it cost?")
    expect(second.entries("Assistant")).to_contain_text(PRICE, timeout=WAIT_MS)
    first.wait_for_state("You are muted")
    first.button("End the conversation").click()
    first.wait_for_state("Conversation ended")
    second.write(WRITTEN)
    expect(second.entries("Assistant")).to_have_count(2, timeout=WAIT_MS)
    expect(first.entries("Assistant")).to_have_count(1)
    assert not PRICE.search(first.log.inner_text())
    assert {state["id"] for state in first.page.evaluate("told")} == {"first", "second"}


def test_a_removed_element_ends_its_conversation(open_element: Open, server: RunningServer) -> None:
    element = open_element()
    element.talk()
    call = latest_call(server)
    assert not is_over(server, call)
    element.page.evaluate("document.querySelector('antiphon-voice').remove()")
    end = time.monotonic() + WAIT_MS / 1000
    while not is_over(server, call):
        assert time.monotonic() < end, "the conversation goes on at the server"
        element.page.wait_for_timeout(50)


def test_a_moved_element_goes_on(open_element: Open, server: RunningServer) -> None:
    element = open_element()
    element.talk()
    call = latest_call(server)
    element.page.evaluate("document.querySelector('footer').prepend(document.querySelector('antiphon-voice'))")
    element.write(WRITTEN)
    expect(element.entries("Assistant")).to_contain_text(BEDROOMS, timeout=WAIT_MS)
    element.wait_for_state("Listening")
    states = [state["type"] for state in told(element.page, "state")]
    assert set(states[states.index("connected") :]) == {"connected"}
    assert latest_call(server) == call
    assert not is_over(server, call)


# --- without a mouse, and without sight ---------------------------------------------------------------------------


def focused(page: Page) -> str:
    """Return the name of what has the focus."""
    name: str = page.evaluate("""() => {
      let one = document.activeElement;
      while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
      return one.getAttribute('aria-label') ?? one.textContent.trim();
    }""")
    return name


def tabs_to(page: Page, name: str) -> list[str]:
    """Press Tab until something has the focus; returns what had it on the way."""
    way: list[str] = []
    while not way or way[-1] != name:
        page.keyboard.press("Tab")
        way.append(focused(page))
        assert len(way) < 20, f"{name!r} is not reached: {way}"
    return way


def test_all_is_done_by_keyboard(open_element: Open, machine: Machine) -> None:
    element = open_element()
    expect(element.button("Start talking")).to_be_visible()
    keys = element.page.keyboard
    assert tabs_to(element.page, "Start talking") == ["To the voice", "Microphone and loudspeaker", "Start talking"]
    keys.press("Enter")
    element.wait_for_state("Listening")
    assert focused(element.page) == "End the conversation"
    assert tabs_to(element.page, "Write a message") == ["Write a message"]
    keys.type(EVERYTHING)
    asked = machine.now()
    keys.press("Enter")
    machine.sound_after(asked)
    element.wait_for_state("Answering")
    keys.press("Escape")
    machine.silence_after(machine.now(), seconds=1.0)
    expect(element.entries("Assistant")).to_contain_text("Not heard:", timeout=WAIT_MS)
    keys.press("Shift+Tab")
    assert focused(element.page) == "End the conversation"
    keys.press("Shift+Tab")
    keys.press("Shift+Tab")
    assert focused(element.page) == "Mute the microphone"
    keys.press("Space")
    element.wait_for_state("You are muted")
    assert tabs_to(element.page, "End the conversation")[-1] == "End the conversation"
    keys.press("Enter")
    element.wait_for_state("Conversation ended")
    assert focused(element.page) == "Start talking"


def test_the_menu_opens_and_closes_by_keyboard(open_element: Open) -> None:
    element = open_element()
    tabs_to(element.page, "Microphone and loudspeaker")
    element.page.keyboard.press("Enter")
    menu = element.region.get_by_role("group", name="Microphone and loudspeaker")
    expect(menu.get_by_role("combobox", name="Microphone")).to_be_visible()
    element.page.keyboard.press("Tab")
    element.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert focused(element.page) == "Microphone and loudspeaker"


def test_screen_readers_are_told_names_and_states(open_element: Open) -> None:
    element = open_element()
    expect(element.region).to_match_aria_snapshot("""
      - region "Voice conversation":
        - paragraph: Ready when you are
        - paragraph: Press the button and speak.
        - button "Microphone and loudspeaker"
        - button "Start talking"
        - status
    """)
    element.talk()
    expect(element.region.get_by_role("status")).to_have_text("Connected. Speak now.")
    element.write(WRITTEN)
    expect(element.entries("Assistant")).to_contain_text(BEDROOMS, timeout=WAIT_MS)
    element.wait_for_state("Listening")
    expect(element.region).to_match_aria_snapshot("""
      - region "Voice conversation":
        - paragraph: Listening
        - paragraph: Speak whenever you like.
        - button "Microphone and loudspeaker"
        - log "Conversation":
          - list:
            - listitem:
              - text: "You:"
              - paragraph: How many bedrooms does this property have?
            - listitem:
              - text: "Assistant:"
              - paragraph: /4 bedrooms/
        - button "Mute the microphone"
        - button "Interrupt the answer" [disabled]
        - button "End the conversation"
        - textbox "Write a message"
        - button "Send" [disabled]
        - status: Connected. Speak now.
    """)
