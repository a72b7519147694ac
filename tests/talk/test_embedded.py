"""The talk client with the real server and its embedded engine: real speech, and the right answer."""

import asyncio
import io
import json
import re
from pathlib import Path

from antiphon.audio import level_db, read_wav
from antiphon.config import Settings
from antiphon.config.settings import ServerSettings
from antiphon.gateway.engine import build_backend
from antiphon.gateway.server import Server
from antiphon.talk.address import read_address
from antiphon.talk.display import JsonDisplay
from antiphon.talk.options import Question, TalkOptions
from antiphon.talk.talk import talk

SPEECH = Path(__file__).parent.parent / "speech"


async def test_a_spoken_question_gets_the_right_spoken_answer(tmp_path: Path) -> None:
    (entry,) = [entry for entry in json.loads((SPEECH / "manifest.json").read_text()) if "garage" in entry["text"]]
    out = tmp_path / "answer.wav"
    printed = io.StringIO()
    server = Server(ServerSettings(port=0), build_backend(Settings()))
    async with asyncio.timeout(60):
        await server.start()
        try:
            address = read_address(f"127.0.0.1:{server.port}", "gpt-realtime")
            questions = (Question(file=SPEECH / entry["file"]),)
            await talk(TalkOptions(address, "none", questions, out), JsonDisplay(printed, address.shown))
        finally:
            await server.stop()
    (turn,) = [row for row in map(json.loads, printed.getvalue().splitlines()) if row["type"] == "turn"]
    assert turn["question"] == entry["text"]
    assert re.search(entry["expect"], turn["answer"], re.IGNORECASE)
    assert turn["status"] == "completed"
    assert turn["first_audio_ms"] > 0
    answer = read_wav(out)
    second = 2 * answer.rate
    assert level_db(answer.pcm[:second]) == -120  # silent while the question is asked
    assert level_db(answer.pcm[second:]) > -40
