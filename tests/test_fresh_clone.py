"""What the README promises: a fresh clone, `make run`, and a spoken question gets the right spoken answer."""

import base64
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from antiphon.audio.resample import resample
from antiphon.session.context import Knowledge, TranscriptionHint
from antiphon.stages.stt.pocketsphinx import PocketSphinx
from tests.clients.speech import RATE, at_real_pace, question
from tests.running import RunningServer, clean_environment, free_port, wait_until_ready

ROOT = Path(__file__).parents[1]
SET_UP_SECONDS = 600


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that `make run` started in a new clone, its virtual environment made anew."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is nothing to clone")
    folder = tmp_path_factory.mktemp("fresh") / "antiphon"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(folder)], check=True)
    port = free_port()
    # As from a shell: without the variables of the `make` that runs this test.
    inherited = {name: value for name, value in clean_environment().items() if not name.startswith(("MAKE", "MFLAGS"))}
    inherited.pop("VIRTUAL_ENV", None)
    with subprocess.Popen(
        ["make", "run"], cwd=folder, env={**inherited, "PORT": str(port)}, text=True, start_new_session=True
    ) as process:
        try:
            wait_until_ready(port, process, SET_UP_SECONDS)
            yield RunningServer(port, process)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)


async def test_a_fresh_clone_answers_a_spoken_question_aloud(fresh: RunningServer) -> None:
    pcm, expected = question("bedrooms")
    audio = b""
    async with (
        AsyncOpenAI(base_url=fresh.base_url, api_key="none") as sdk,
        sdk.realtime.connect(model="gpt-realtime") as connection,
    ):
        async for packet in at_real_pace(pcm + bytes(RATE * 2)):
            await connection.input_audio_buffer.append(audio=base64.b64encode(packet).decode())
        async for event in connection:
            if event.type == "response.output_audio.delta":
                audio += base64.b64decode(event.delta)
            if event.type == "response.output_audio_transcript.done":
                assert expected.search(event.transcript)
            if event.type == "response.done":
                break
    assert expected.search(await heard(audio))


async def heard(pcm: bytes) -> str:
    """Return what a listener who knows the subject makes of the answer's audio."""
    stt = PocketSphinx()
    await stt.start()
    try:
        hint = TranscriptionHint(knowledge=Knowledge(phrases=("there are four bedrooms", "there are three bedrooms")))
        await stt.prepare(hint)
        stream = stt.open(hint)
        stream.feed(resample(pcm, RATE, stt.rate))
        return (await stream.finish()).text
    finally:
        await stt.close()
