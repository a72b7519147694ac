"""The pages of docs/ do what they say: commands run, settings load, links lead somewhere."""

import asyncio
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running import RunningServer, running_server
from tests.transports.webrtc.kit import Client

from antiphon.agents.loader import load_agent
from antiphon.audio.pcm import Wav, read_wav, write_wav
from antiphon.audio.resample import resample
from antiphon.config import load_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def blocks(info: str) -> list[pytest.param]:  # type: ignore[valid-type]
    """Return the fenced blocks of all pages with that info string, named by page and number."""
    found = []
    for page in PAGES:
        texts = [match["text"] for match in BLOCK.finditer(page.read_text()) if match["info"].strip() == info]
        found += [pytest.param(text, id=f"{page.name}-{number}") for number, text in enumerate(texts, 1)]
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


@pytest.mark.parametrize("script", blocks("sh"))
def test_a_command_works(script: str, server: RunningServer, tmp_path: Path) -> None:
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", server.rewritten(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert '"error"' not in result.stdout


@pytest.mark.parametrize("program", blocks("python"))
def test_a_python_program_works(program: str, server: RunningServer) -> None:
    result = subprocess.run(
        [sys.executable, "-c", server.rewritten(program)], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"\b(4|four)\b", result.stdout)


@pytest.mark.parametrize("program", blocks("python call"))
async def test_a_program_works_beside_a_call(program: str, server: RunningServer) -> None:
    """It is given the id of a running WebRTC call, which it hangs up at its end."""
    caller = Client()
    headers = {"Content-Type": "application/sdp"}
    offer = (await caller.offer()).encode()
    request = urllib.request.Request(f"{server.base_url}/realtime/calls?model=gpt-realtime", offer, headers)
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        call_id = answer.headers["Location"].rpartition("/")[2]
        await caller.take(answer.read().decode())
    beside = await asyncio.create_subprocess_exec(
        sys.executable, "-c", server.rewritten(program), call_id, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    told, complaints = await asyncio.wait_for(beside.communicate(), 60)
    assert beside.returncode == 0, complaints.decode()
    assert re.search(r"\b(4|four)\b", told.decode())
    await caller.wait_for(lambda caller: caller.channel is not None and caller.channel.readyState == "closed")
    await caller.close()


@pytest.mark.parametrize("text", blocks("toml settings"))
def test_a_settings_sample_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "antiphon.toml").write_text(text)
    load_settings({}, {"OPENAI_API_KEY": "sk-0123456789abcdef"}, tmp_path)


@pytest.mark.parametrize("text", blocks("toml agent"))
def test_an_agent_sample_loads(text: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    assert load_agent(str(path)).knowledge.facts == tomllib.loads(text)["facts"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", page.read_text())):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_an_example_works(example: Path, server: RunningServer, tmp_path: Path) -> None:
    speaks = example.name in ("voice.py", "webrtc_client.py")
    arguments = [str(recording(tmp_path)), str(tmp_path / "answer.wav")] if speaks else []
    result = subprocess.run(
        [sys.executable, str(example), *arguments],
        env={**server.environment, "OPENAI_BASE_URL": server.base_url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "assistant:" in result.stdout
    if arguments:
        assert (tmp_path / "answer.wav").stat().st_size > 24_000


def recording(folder: Path) -> Path:
    """Return a question at the rate that the example wants."""
    wav = read_wav(next((ROOT / "tests" / "speech" / "questions").glob("*.wav")))
    path = folder / "question.wav"
    write_wav(path, Wav(resample(wav.pcm, wav.rate, 24_000), 24_000))
    return path
