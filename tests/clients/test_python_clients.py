"""Clients for Python that need an environment of their own, over real sockets: each is told another address, no more.

An app of each client runs every scenario and prints what it saw; the tests judge that. The apps run side by side.
"""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.clients import environments
from tests.clients.speech import question
from tests.clients.table import Client, clients
from tests.clients.ways import KEY, UPSTREAM_KEY, WRONG_KEY, Way
from tests.running import RunningServer, clean_environment

APPS = Path(__file__).parent / "apps"
APP_SECONDS = 180
# Apps mostly wait for speech to pass; more of them at once would only wait for the processor.
AT_ONCE = 4
# LiteLLM asks for a response after every transcript; the first one is under way by then.
SECOND_RESPONSE = "Conversation already has an active response"

Saw = dict[str, dict[str, Any]]
Runs = dict[tuple[Way, str], Future[Saw]]

RUN_HERE = [client for client in clients() if client.tests == Path(__file__).name]


def environment_of(client: Client) -> str:
    return Path(client.pinned).stem


def run_app(client: Client, task: dict[str, str]) -> Saw:
    """Run the client's app in its environment and return what it saw, by scenario."""
    python = environments.make(environment_of(client))
    ended = subprocess.run(
        [str(python), str(APPS / f"{client.app}.py"), json.dumps(task)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=APP_SECONDS,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"scenario"')]
    saw: Saw = {line["scenario"]: line for line in lines}
    assert lines, ended.stderr[-3000:]
    return saw


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "question.pcm"
    path.write_bytes(question("bedrooms")[0])
    return path


@pytest.fixture(scope="module")
def runs(servers: dict[Way, RunningServer], speech: Path) -> Iterator[Runs]:
    """What each app saw, or will have seen: all of them are begun here."""
    # Way by way, so that those which have to be installed are so side by side. The one with most to install takes
    # longest: first, so that it is not what all wait for in the end.
    longest_first = sorted(RUN_HERE, key=lambda client: -client.lock.stat().st_size)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {}
        for way, server in servers.items():
            task = {"host": f"127.0.0.1:{server.port}", "key": KEY, "wrong_key": WRONG_KEY, "speech": str(speech)}
            for client in longest_first:
                begun[way, client.app] = pool.submit(run_app, client, task)
        yield begun
        pool.shutdown(cancel_futures=True)


def saw(runs: Runs, way: Way, app: str, scenario: str) -> dict[str, Any]:
    """Return what the app saw in that scenario; skip when its client cannot be installed here."""
    try:
        seen = runs[way, app].result()[scenario]
    except environments.NotInstalledError as error:
        if environments.may_be_missing(error):
            pytest.skip(f"{app} cannot be installed: {error}")
        raise
    assert "failure" not in seen, seen["failure"]
    return seen


def passing(scenario: str) -> list[Any]:
    return [
        pytest.param(way, client.app, id=f"{way}-{client.app}")
        for way in Way
        for client in RUN_HERE
        if scenario in client.passes
    ]


@pytest.mark.parametrize(("way", "app"), passing("text"))
def test_a_text_turn(runs: Runs, way: Way, app: str) -> None:
    seen = saw(runs, way, app, "text")
    assert "4 bedrooms" in seen["answer"]
    assert seen["errors"] == []


@pytest.mark.parametrize(("way", "app"), passing("audio"))
def test_a_spoken_question_gets_a_spoken_answer(runs: Runs, way: Way, app: str) -> None:
    seen = saw(runs, way, app, "audio")
    assert question("bedrooms")[1].search(seen["answer"])
    assert "bedrooms" in seen["heard"]
    assert seen["audio_bytes"] > 24_000
    assert [error for error in seen["errors"] if not (app == "litellm_proxy" and SECOND_RESPONSE in error)] == []


@pytest.mark.parametrize(("way", "app"), passing("function"))
def test_a_function_call_and_its_result(runs: Runs, way: Way, app: str) -> None:
    seen = saw(runs, way, app, "function")
    assert seen["called_with"] == {"city": "Paris"}
    assert "19 degrees" in seen["answer"]
    assert seen["errors"] == []


@pytest.mark.parametrize(("way", "app"), passing("interruption"))
def test_speech_interrupts_an_answer(runs: Runs, way: Way, app: str) -> None:
    """The client truncates what it had played, and the next answer is to what interrupted."""
    seen = saw(runs, way, app, "interruption")
    assert seen["interrupted"] is True
    # Pipecat goes by the clock since the first audio; the others were told that 700 ms were played.
    assert 0 < seen["played_ms"] < 5000 if app == "pipecat_openai" else seen["played_ms"] == 700
    assert question("bedrooms")[1].search(seen["answer"])
    assert seen["errors"] == []


@pytest.mark.parametrize(("way", "app"), passing("wrong_key"))
def test_a_wrong_key_is_told_as_one(runs: Runs, way: Way, app: str) -> None:
    assert "invalid_api_key" in saw(runs, way, app, "wrong_key")["told"]


def test_no_key_is_logged(runs: Runs, servers: dict[Way, RunningServer]) -> None:
    for run in runs.values():
        run.exception()  # until the last has ended
    for server in servers.values():
        log = "".join(server.lines)
        assert "session" in log
        for key in (KEY, WRONG_KEY, UPSTREAM_KEY):
            assert key not in log


def test_every_environment_is_used() -> None:
    environments_there = {path.stem for path in environments.FOLDER.glob("*.in")}
    assert environments_there == {environment_of(client) for client in RUN_HERE}
