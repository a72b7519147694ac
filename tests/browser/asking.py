"""What browsers are told to reach a server, what they are asked, and what a right answer has."""

import json
import re
import urllib.request
from typing import Any

from tests.browser.browsers import Page, Seen
from tests.browser.sound import words_in
from tests.clients.speech import question
from tests.clients.ways import KEY
from tests.running import RunningServer

QUESTION_WAV = "property-00-slt.wav"
SAID = "how many bedrooms does this property have"
_, ANSWER = question(SAID)
EVERYTHING = "Tell me everything about the property."


def post(url: str, **body: Any) -> Any:
    """Post JSON as an app's own server does, with the key that browsers never see; returns what the answer holds."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request) as response:
        text = response.read()
    return json.loads(text) if text else None


def calls_with_secret(server: RunningServer) -> dict[str, str]:
    """Return where offers go, and a client secret for the page."""
    session = {"type": "realtime", "model": "gpt-realtime"}
    secret = post(f"{server.base_url}/realtime/client_secrets", session=session)
    return {"url": f"{server.base_url}/realtime/calls", "key": secret["value"]}


def beta_with_session(server: RunningServer) -> dict[str, str]:
    """Return the address of old, and the secret of a session that was made beforehand."""
    session = post(f"{server.base_url}/realtime/sessions", model="gpt-realtime", voice="alloy")
    return {"url": f"{server.base_url}/realtime?model=gpt-realtime", "key": session["client_secret"]["value"]}


def transcript_of(done: Seen) -> str:
    """Return what was said in a response, from its `response.done`."""
    [item] = done.event["response"]["output"]
    return str(item["content"][0]["transcript"])


def spoken_answer(page: Page, after: Seen | None = None) -> tuple[str, str]:
    """Wait until an answer was played; return its transcript, and what is recognised in what was heard of it."""
    started = page.wait("output_audio_buffer.started", after)
    done = page.wait("response.done", after)
    stopped = page.wait("output_audio_buffer.stopped", started)
    page.call("recorded", until=stopped.seconds + 0.5)
    heard = page.heard()
    sound = heard.between(started.seconds - 0.2, stopped.seconds + 0.5)
    return transcript_of(done), words_in(sound, heard.rate)


def assert_answers_the_question(page: Page) -> None:
    """The question was understood, and the right answer was both written and heard."""
    transcribed = page.wait("conversation.item.input_audio_transcription.completed")
    assert transcribed.event["transcript"].lower().rstrip(".?") == SAID
    written, heard = spoken_answer(page)
    assert ANSWER.search(written)
    assert re.search(r"\bfour bed", heard)


def assert_audio_goes_as_media(page: Page) -> None:
    """No audio is on the data channel, and no error."""
    kinds = set(page.call("types"))
    assert "response.done" in kinds
    assert not kinds & {"response.output_audio.delta", "response.audio.delta", "error", "page.error"}
