"""The Agents SDK for TypeScript over its own WebRTC transport, in a browser: told another address and nothing else."""

from collections.abc import Callable

from tests.browser.asking import (
    ANSWER,
    EVERYTHING,
    QUESTION_WAV,
    assert_answers_the_question,
    assert_audio_goes_as_media,
    calls_with_secret,
    post,
    spoken_answer,
)
from tests.browser.browsers import Page
from tests.running import RunningServer

from antiphon.audio.pcm import level_db

AUDIBLE_DB = -45.0
QUIET_DB = -65.0
# What is on its way when the server stops to send: in the network, and in the browser's jitter buffer.
ON_ITS_WAY_SECONDS = 0.6


def test_a_question_into_the_microphone_gets_the_right_spoken_answer(
    chromium: Callable[..., Page], server: RunningServer
) -> None:
    page = chromium("agents")
    call = page.call("connect", **calls_with_secret(server), device=True)
    assert call["callId"].startswith("rtc_")
    assert_answers_the_question(page)
    assert_audio_goes_as_media(page)


def test_firefox_gets_the_right_spoken_answer(firefox: Callable[..., Page], server: RunningServer) -> None:
    page = firefox("agents")
    page.call("connect", **calls_with_secret(server))
    page.call("speak", wav=QUESTION_WAV)
    assert_answers_the_question(page)
    assert_audio_goes_as_media(page)


def test_speech_silences_the_answer_and_the_item_keeps_what_was_heard(
    chromium: Callable[..., Page], server: RunningServer
) -> None:
    page = chromium("agents")
    page.call("connect", **calls_with_secret(server))
    page.call("write", text=EVERYTHING)
    started = page.wait("output_audio_buffer.started")
    page.call("recorded", until=started.seconds + 2)
    page.call("speak", wav=QUESTION_WAV)
    cleared = page.wait("output_audio_buffer.cleared", after=started)
    truncated = page.wait("conversation.item.truncated")
    again = page.wait("output_audio_buffer.started", after=cleared)
    heard = page.heard()
    assert level_db(heard.between(started.seconds + 1, started.seconds + 2)) > AUDIBLE_DB
    assert level_db(heard.between(cleared.seconds + ON_ITS_WAY_SECONDS, again.seconds)) < QUIET_DB
    played = cleared.seconds - started.seconds
    assert 1 < truncated.event["audio_end_ms"] / 1000 < played + ON_ITS_WAY_SECONDS
    written, _ = spoken_answer(page, after=cleared)
    assert ANSWER.search(written)


def test_a_button_silences_the_answer(chromium: Callable[..., Page], server: RunningServer) -> None:
    """`interrupt()` sends response.cancel and output_audio_buffer.clear."""
    page = chromium("agents")
    page.call("connect", **calls_with_secret(server))
    page.call("write", text=EVERYTHING)
    started = page.wait("output_audio_buffer.started")
    page.call("recorded", until=started.seconds + 2)
    page.call("interrupt")
    cleared = page.wait("output_audio_buffer.cleared", after=started)
    page.call("recorded", until=cleared.seconds + 3)
    heard = page.heard()
    assert level_db(heard.between(started.seconds + 1, started.seconds + 2)) > AUDIBLE_DB
    silent = heard.between(cleared.seconds + ON_ITS_WAY_SECONDS, cleared.seconds + 3)
    assert level_db(silent) < QUIET_DB


def test_a_function_of_the_page_is_called_and_its_result_spoken(
    chromium: Callable[..., Page], server: RunningServer
) -> None:
    page = chromium("agents")
    page.call("connect", **calls_with_secret(server), tools=True)
    page.call("write", text="What is the weather in Paris?")
    calling = page.wait("response.done")
    written, heard = spoken_answer(page, after=calling)
    assert page.call("called") == [{"city": "Paris"}]
    assert "19 degrees" in written
    assert "temperature" in heard
    assert_audio_goes_as_media(page)


def test_a_call_is_hung_up_by_its_id(chromium: Callable[..., Page], server: RunningServer) -> None:
    page = chromium("agents")
    call = page.call("connect", **calls_with_secret(server))
    post(f"{server.base_url}/realtime/calls/{call['callId']}/hangup")
    page.wait("page.disconnected")


def test_a_page_learns_that_its_key_is_wrong(chromium: Callable[..., Page], server: RunningServer) -> None:
    page = chromium("agents")
    address = {**calls_with_secret(server), "key": "ek_not-a-secret-of-this-server"}
    told = page.call("refused", **address)
    assert "401" in told
