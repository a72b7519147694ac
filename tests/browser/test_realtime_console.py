"""The flow of the first realtime-console, which copies of it still have: the beta routes, and a bare offer."""

from collections.abc import Callable

from tests.browser.asking import assert_answers_the_question, assert_audio_goes_as_media, beta_with_session
from tests.browser.browsers import Page
from tests.running import RunningServer


def test_a_question_into_the_microphone_gets_the_right_spoken_answer(
    chromium: Callable[..., Page], server: RunningServer
) -> None:
    page = chromium("console")
    page.call("connect", **beta_with_session(server))
    page.wait("session.created")
    transcription = {"input_audio_transcription": {"model": "whisper-1"}}
    page.call("send", event={"type": "session.update", "session": transcription})
    page.wait("session.updated")
    assert_answers_the_question(page)
    assert_audio_goes_as_media(page)
