"""The talk page when the network, the server or the tab goes away for a while: it comes back, and goes on."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.running import RunningServer
from tests.web.kit.chromium import Chromium, Faults, asleep
from tests.web.kit.machine import Machine
from tests.web.kit.network import Network, running_network
from tests.web.kit.servers import RestartableServer
from tests.web.talk_page import BEDROOMS, QUESTION, TalkPage, address, assert_heard

Opening = Callable[..., Page]

# What Chromium writes of requests that fail, and of sockets that break.
BROKEN = "net::ERR_|WebSocket connection to .* failed|status of (503|404)"
THINGS = "What is the price, the garden area and the nearest train station?"
ANSWERS = (
    "The price is 489,000 US dollars. The garden area is 640 square metres. "
    "The nearest train station is Oakfield Central, 1.2 kilometres away."
)
IN_WORDS = (
    "The price is four hundred eighty nine thousand US dollars. The garden area is six hundred forty square metres. "
    "The nearest train station is Oakfield Central, one point two kilometres away."
)
ONCE = 1.4  # as many words may be recognised in what was said once


# Over a WebSocket, tests/resilience ends servers in every phase.
@pytest.mark.parametrize("transport", ["WebRTC"])
def test_a_conversation_goes_on_when_its_server_was_killed(
    transport: str, open_page: Opening, machine: Machine, own_server: RestartableServer, faults: Faults
) -> None:
    """The new session is told what was said before."""
    faults.expect(BROKEN)
    with running_network(own_server.port) as network:
        talk = TalkPage(open_page(network.origin), machine)
        talk.choose_transports(transport)
        talk.talk(transport)
        talk.write("When can I see the house?")
        talk.wait_for_answer(0, re.compile("Friday and Saturday"))
        talk.wait_for_state("Listening")
        before = talk.said()
        own_server.stop(kill=True)
        talk.wait_for_state("Connecting again")
        own_server.start()
        talk.wait_for_transport(transport)
        talk.wait_for_state("Listening")
        assert talk.said() == before
        assert "The server no longer had the earlier conversation. A new one has begun with what" in talk.noticed()
        talk.ask()
        assert talk.said()[:2] == before
        assert len(talk.said()) == 4
        assert carried_over(talk) == before
        talk.page.close()


@pytest.mark.parametrize("transport", ["WebRTC", "WebSocket"])
def test_nothing_of_an_answer_is_lost_when_the_network_is_down_for_five_seconds(
    transport: str, open_page: Opening, machine: Machine, network: Network, faults: Faults
) -> None:
    faults.expect(BROKEN)
    talk = TalkPage(open_page(network.origin), machine)
    talk.choose_transports(transport)
    talk.talk(transport)
    asked = machine.now()
    talk.write(THINGS)
    begun = machine.sound_after(asked)
    time.sleep(2)
    with network.down():
        time.sleep(5)
    talk.wait_for_state("Listening")
    talk.wait_for_transport(transport)
    ended = machine.silence_after(machine.now())
    assert talk.said() == [THINGS, ANSWERS]
    heard = machine.words_after(begun - 0.2, ended + 0.3)
    assert_heard(IN_WORDS, heard)
    assert len(heard.split()) < ONCE * len(IN_WORDS.split())
    machine.say(QUESTION)
    talk.wait_for_answer(1, BEDROOMS)


def test_a_tab_that_slept_in_mid_sentence_goes_on(
    chromium: Chromium, machine: Machine, server: RunningServer, faults: Faults
) -> None:
    faults.expect("Page entered Back-Forward Cache")  # what Chromium writes of WebSockets of pages that it freezes
    talk = TalkPage(chromium.open_tab(address(server)), machine)
    talk.choose_transports("WebSocket")
    talk.talk("WebSocket")
    sentence = machine.begin_to_say(QUESTION)
    time.sleep(1)
    with asleep(talk.page):
        sentence.wait()
        time.sleep(3)
    talk.wait_for_state("Listening")
    machine.silence_after(machine.now())  # behind the answer to what it heard of the sentence, if that is anything
    answers = talk.entries("Assistant").count()
    machine.say(QUESTION)
    talk.wait_for_answer(answers, BEDROOMS)


def carried_over(talk: TalkPage) -> list[str]:
    """Return the texts that the latest session was told by the page, as the server confirmed them."""
    events = [line["event"] for line in talk.exported()]
    begun = max(index for index, event in enumerate(events) if event["type"] == "session.created")
    added = [event["item"] for event in events[begun:] if event["type"] == "conversation.item.added"]
    return [part["text"] for item in added for part in item["content"] if "text" in part]
