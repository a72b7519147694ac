"""@openai/agents-realtime with Antiphon's transport: its session, over whatever step of the ladder is left."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.asking import EVERYTHING, calls_with_secret
from tests.browser.site import served
from tests.browser.sound import SPEECH
from tests.clients.node_apps import NodeMissingError, install, is_required, node_major
from tests.running import RunningServer
from tests.web.kit.chromium import Faults
from tests.web.kit.machine import Machine

PAGES = Path(__file__).parent / "pages"
QUESTION = SPEECH / "questions" / "property-00-slt.wav"
# Of the question: browsers' gain and echo control have their way with its first words, and a busy machine with others.
SAID = "does this property"
STEPS = ["webrtc", "websocket", "http"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is; skips where npm cannot install the SDK."""
    folder = tmp_path_factory.mktemp("adapter")
    try:
        node_major()
        (folder / "node_modules").symlink_to(install())
    except NodeMissingError as error:
        if is_required():
            raise
        pytest.skip(str(error))
    for name in ("adapter.html", "adapter.mjs"):
        shutil.copy(PAGES / name, folder)
    bundle = ["--bundle", "--format=esm", "--log-level=warning", f"--outdir={folder}/site"]
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    made = subprocess.run([str(esbuild), "adapter.mjs", *bundle], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    shutil.copy(folder / "adapter.html", folder / "site")
    with served(folder / "site") as site:
        yield f"{site}/adapter.html"


@pytest.fixture
def page(open_page: Callable[..., Page], address: str) -> Page:
    return open_page(address)


def call(page: Page, name: str, *given: Any) -> Any:
    return page.evaluate("([name, given]) => window.app[name](...given)", [name, given])


def web_of(server: RunningServer) -> str:
    return server.base_url.removesuffix("/v1") + "/web"


def connect(page: Page, server: RunningServer, step: str, **options: Any) -> str:
    """Begin a session over one step of the ladder; returns which one it got."""
    wanted = {"web": web_of(server), "url": server.base_url, "key": calls_with_secret(server)["key"]}
    told: str = call(page, "connect", {**wanted, "transports": [step], **options})
    return told


def wait_for(page: Page, *types: str) -> None:
    try:
        page.wait_for_function("types => window.app.has(...types)", arg=list(types), timeout=45_000)
    except Exception as error:
        raise AssertionError(f"not all of {types} came, only {call(page, 'events')}") from error


@pytest.mark.parametrize("step", STEPS)
def test_a_spoken_question_gets_a_spoken_answer(
    page: Page, machine: Machine, keyed_server: RunningServer, step: str
) -> None:
    assert connect(page, keyed_server, step) == step
    machine.say(QUESTION)
    wait_for(page, "output_audio_buffer.started")
    page.wait_for_function("() => window.app.level() > 0.01")
    wait_for(page, "output_audio_buffer.stopped", "conversation.item.retrieved")
    assert call(page, "callId").startswith("rtc_")
    assert SAID in " ".join(call(page, "said")).lower()
    assert call(page, "answers")


@pytest.mark.parametrize("step", [*STEPS, "text"])
def test_a_function_is_called_and_its_result_told(page: Page, keyed_server: RunningServer, step: str) -> None:
    connect(page, keyed_server, step, microphone=False)
    call(page, "write", "What is the weather in Paris?")
    page.wait_for_function("() => window.app.answers().some((text) => text.includes('19 degrees'))")
    assert call(page, "called") == [{"city": "Paris"}]
    assert not [event for event in call(page, "events") if event.startswith("page.error")]


@pytest.mark.parametrize("step", STEPS)
def test_an_interruption_silences_the_answer(page: Page, keyed_server: RunningServer, step: str) -> None:
    connect(page, keyed_server, step, microphone=False)
    call(page, "write", EVERYTHING)
    wait_for(page, "output_audio_buffer.started")
    page.wait_for_function("() => window.app.level() > 0.01")
    call(page, "interrupt")
    wait_for(page, "output_audio_buffer.cleared", "page.interrupted", "conversation.item.truncated")
    page.wait_for_function("() => window.app.level() < 0.001")


def test_the_session_learns_that_its_key_is_wrong(page: Page, faults: Faults, keyed_server: RunningServer) -> None:
    wanted = {"web": web_of(keyed_server), "url": keyed_server.base_url, "key": "ek_not-a-secret-of-this-server"}
    faults.expect("401")
    assert "key_invalid" in call(page, "refused", wanted)
    wait_for(page, "page.error key_invalid", "page.disconnected")
