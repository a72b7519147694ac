"""The ground under the other tests: browsers send their microphone, play what comes, and talk over the data channel."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from tests.browser.answerer import RATE, TONE_HZ, Answerer, running_answerer
from tests.browser.browsers import Heard, Page
from tests.browser.sound import words_in

from antiphon.audio.pcm import samples_of

# Of "how many bedrooms does this property have": browsers' gain and echo control have their way with the first words.
SAID = "bedrooms does this property have"


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    with running_answerer() as running:
        yield running


def loudest_hz(heard: Heard) -> float:
    """Return the frequency with the most power in the first second with sound in it."""
    samples = samples_of(heard.pcm).astype(np.float64)
    loud = np.flatnonzero(np.abs(samples) > 1000)
    assert len(loud) > heard.rate / 2
    second = samples[loud[0] : loud[0] + heard.rate]
    return float(np.abs(np.fft.rfft(second * np.hanning(len(second)))).argmax() * heard.rate / len(second))


def test_chromium_sends_its_microphone_and_plays_what_comes(chromium: Callable[..., Page], answerer: Answerer) -> None:
    page = chromium("console")
    assert page.call("connect", url=answerer.url, key="any") == {"location": "/v1/realtime/calls/rtc_plain"}
    opened = page.wait("page.open")
    page.call("send", event={"type": "session.update"})
    page.wait("session.update")
    page.call("recorded", until=opened.seconds + 9)
    assert loudest_hz(page.heard()) == pytest.approx(TONE_HZ, abs=2)
    assert SAID in words_in(bytes(answerer.heard), RATE)


def test_firefox_sends_its_microphone_and_plays_what_comes(firefox: Callable[..., Page], answerer: Answerer) -> None:
    page = firefox("console")
    page.call("connect", url=answerer.url, key="any", device=False)
    opened = page.wait("page.open")
    page.call("send", event={"type": "session.update"})
    page.wait("session.update")
    page.call("recorded", until=opened.seconds + 2)
    page.call("speak", wav="property-00-slt.wav")
    page.call("recorded", until=opened.seconds + 6)
    assert loudest_hz(page.heard()) == pytest.approx(TONE_HZ, abs=2)
    assert SAID in words_in(bytes(answerer.heard), RATE)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_clients_post_their_offer_before_it_has_candidates(
    browser: str, answerer: Answerer, request: pytest.FixtureRequest
) -> None:
    """A server that waited for the browser's candidates would wait for ever."""
    page: Page = request.getfixturevalue(browser)("console")
    page.call("connect", url=answerer.url, key="any", device=False)
    page.wait("page.open")
    assert "a=candidate" not in answerer.offers[0]
