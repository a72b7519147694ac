"""The talk page on a good network: a person talks with the embedded engine, by voice and in writing."""

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import EVERYTHING
from tests.clients.ways import KEY, WRONG_KEY
from tests.running import RunningServer, free_port, running_server
from tests.web.kit.chromium import Chromium, Faults, Microphone
from tests.web.kit.machine import Machine
from tests.web.kit.network import Network
from tests.web.talk_page import BEDROOMS, QUESTION, WAIT_MS, TalkPage, address

Opening = Callable[..., Page]

LONG = 3.0  # seconds: what the user says takes longer
PHASES = ["Your speech", "End of speech", "Speech to text", "Model", "Text to speech", "Playback"]
# All that a page keeps, and all that it has fetched.
KEPT = """() => [
  document.documentElement.outerHTML, location.href, document.cookie, JSON.stringify({ ...localStorage }),
  JSON.stringify({ ...sessionStorage }), ...performance.getEntries().map(({ name }) => name),
  ...[...document.querySelectorAll('input')].map(({ value }) => value),
].join('\\n')"""


# --- talking ----------------------------------------------------------------------------------------------------


def test_a_spoken_question_then_a_written_one(open_page: Opening, machine: Machine, network: Network) -> None:
    talk = TalkPage(open_page(network.origin), machine)
    talk.talk("WebRTC")
    talk.ask()
    expect(talk.last("You")).to_contain_text("bedrooms")
    phases = talk.phases()
    assert [name for name, _, _ in phases] == PHASES
    assert all(re.fullmatch(r"[\d,]+ ms", took) for _, _, took in phases)
    assert talk.tried()[0].startswith("WebRTC connected")
    talk.ask_in_writing()
    assert len(talk.said()) == 4
    assert network.datagrams > 100
    assert_events_are_searched_and_exported(talk)


def assert_events_are_searched_and_exported(talk: TalkPage) -> None:
    panel = talk.show_panel("Events")
    search = panel.get_by_role("searchbox", name="Search in events")
    search.fill("resumable token")
    expect(panel.get_by_text(re.compile(r"^1 of [\d,]+ events$"))).to_be_visible()
    panel.get_by_role("listbox").get_by_role("option").click()
    expect(panel).to_contain_text('"token": "…"')
    [resumable] = talk.exported()
    assert resumable["event"]["token"] == "…"
    search.fill("")
    lines = talk.exported()
    assert {line["direction"] for line in lines} == {"in", "out"}
    assert {line["transport"] for line in lines} == {"webrtc"}
    assert {line["event"]["type"] for line in lines} >= {"session.created", "response.create", "response.done"}


@pytest.mark.parametrize("transport", ["WebRTC", "WebSocket"])
def test_speech_interrupts_an_answer(
    transport: str, open_page: Opening, machine: Machine, server: RunningServer
) -> None:
    talk = TalkPage(open_page(address(server)), machine)
    talk.choose_transports(transport)
    talk.talk(transport)
    written = machine.now()
    talk.write(EVERYTHING)
    machine.sound_after(written)
    time.sleep(1)
    spoke = machine.now()
    machine.begin_to_say(QUESTION)
    silent = machine.silence_after(spoke, seconds=0.4)
    assert silent - spoke < LONG
    cut = talk.entries("Assistant").first
    expect(cut).to_contain_text("you interrupted here", timeout=WAIT_MS)
    expect(cut).to_contain_text(re.compile(r"The property .*you interrupted here.*Not heard:.*family house"))
    # The first words of the question may be lost in the sound of the answer, but it is answered.
    talk.wait_for_answer(1, re.compile("."))
    machine.sound_after(silent)


# --- without a microphone, without a key ------------------------------------------------------------------------


def test_a_refused_microphone_leaves_writing_and_is_taken_once_it_is_allowed(
    chromium: Chromium, machine: Machine, server: RunningServer
) -> None:
    talk = TalkPage(chromium.open(address(server), microphone=Microphone.REFUSED), machine)
    talk.press_talk()
    talk.wait_for_state("Ready for your message")
    assert "This page is not allowed to use the microphone. Allow it in your browser: the symbol" in talk.noticed()
    assert "You can go on in writing." in talk.noticed()
    talk.ask_in_writing()
    chromium.permit(talk.page, Microphone.GRANTED)
    talk.notices.get_by_role("button", name="Try again").click()
    talk.wait_for_state("Listening")
    expect(talk.notices).not_to_contain_text("not allowed")
    machine.say(QUESTION)
    talk.wait_for_answer(1, BEDROOMS)


def test_a_missing_microphone_leaves_writing(open_page: Opening, machine: Machine, server: RunningServer) -> None:
    talk = TalkPage(open_page(address(server), microphone=Microphone.MISSING), machine)
    talk.press_talk()
    talk.wait_for_state("Ready for your message")
    assert "No microphone was found. Plug one in or switch it on, then try again." in talk.noticed()
    talk.ask_in_writing()


def test_a_page_from_an_insecure_address_is_answered_aloud(open_page: Opening, machine: Machine) -> None:
    port = free_port()
    with running_server(port=port, ANTIPHON_SERVER_ALLOWED_ORIGINS=f"http://voice.test:{port}") as server:
        talk = TalkPage(open_page(address(server, "voice.test")), machine)
        assert "Your browser keeps the microphone from this page, because it was not opened over" in talk.noticed()
        assert "Open it with https, or as localhost on the machine that it runs on." in talk.noticed()
        talk.ask_in_writing()
        assert "keeps the microphone from this page" in talk.noticed()
        talk.page.close()


def test_a_key_is_asked_for_and_kept_nowhere(
    open_page: Opening, machine: Machine, faults: Faults, keyed_server: RunningServer
) -> None:
    faults.expect("401")
    talk = TalkPage(open_page(address(keyed_server)), machine)
    expect(talk.page.get_by_role("heading", name="This server asks for a key")).to_be_visible()
    talk.give_key(WRONG_KEY)
    expect(talk.notices).to_contain_text("The key is wrong or has expired.", timeout=WAIT_MS)
    talk.give_key(KEY)
    talk.wait_for_state("Listening")
    talk.ask_in_writing()
    kept = talk.page.evaluate(KEPT) + json.dumps(talk.exported())
    for secret in (KEY, WRONG_KEY, "ek_", "Bearer"):
        assert secret not in kept.replace("ek_…", "")  # a field shows what keys look like


# --- the panels -------------------------------------------------------------------------------------------------


def test_settings_are_applied_and_refusals_shown(open_page: Opening, machine: Machine, server: RunningServer) -> None:
    talk = TalkPage(open_page(address(server)), machine)
    talk.talk("WebRTC")
    settings = talk.show_panel("Settings")
    apply = settings.get_by_role("button", name="Apply")
    settings.get_by_label("Voice", exact=True).select_option("cedar")
    settings.get_by_label("Instructions").fill("breakfast: from 7 to 10")
    apply.click()
    expect(settings).to_contain_text("The server has all of this.", timeout=WAIT_MS)
    tokens = settings.get_by_label("Longest answer, in tokens")
    tokens.fill("5000")
    apply.click()
    expect(tokens).to_have_attribute("aria-invalid", "true", timeout=WAIT_MS)
    expect(tokens).to_have_accessible_description(re.compile("4096"))
    expect(settings.get_by_role("alert")).to_contain_text("see the field that is marked")
    talk.write("When is breakfast?")
    talk.wait_for_answer(0, re.compile("7 to 10"))
    session = talk.events("session.updated")[-1]["session"]
    assert session["audio"]["output"]["voice"] == "cedar"
    assert session["max_output_tokens"] != 5000


def test_the_self_test_runs_through(open_page: Opening, machine: Machine, server: RunningServer) -> None:
    talk = TalkPage(open_page(address(server)), machine)
    panel = talk.show_panel("Check")
    panel.get_by_role("button", name="Begin the test").click()
    expect(panel).to_contain_text("Say something.", timeout=WAIT_MS)
    machine.begin_to_say(QUESTION)
    begun = machine.now()
    panel.get_by_role("button", name="Yes").click()
    machine.sound_after(begun)  # the tone
    expect(panel.get_by_role("status")).to_have_text("Everything needed is there.", timeout=WAIT_MS)
    found = [row.inner_text() for row in panel.get_by_role("listitem").all()]
    assert len(found) == 9
    assert all("in order" in row for row in found), found
