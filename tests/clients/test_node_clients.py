"""Clients for Node, as npm installs them, over real sockets: each is told another address and nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.clients.node_apps import FOLDER, App, Apps, NodeMissingError, apps_in, install, is_required, node_major
from tests.clients.speech import question
from tests.clients.table import clients
from tests.clients.ways import KEY, UPSTREAM_KEY, WRONG_KEY, Way, all_running, relay
from tests.running import RunningServer, running_server

from antiphon.testing import ThreadedEmulator

ABOUT = "bedrooms"
ASK = {
    "text": "How many bedrooms does this property have?",
    "weather": "What is the weather in Paris?",
    "everything": "Tell me everything about the property.",
}
HEARD_AND_ANSWERED = question(ABOUT)
# The server cancels on its own when speech interrupts; these clients ask for it once more, which does no harm.
LATE_CANCEL = {"agents-realtime", "livekit-plugin", "openai-realtime-api"}

RUN_HERE = [client for client in clients() if client.tests == Path(__file__).name]


@contextmanager
def skipped_where_allowed() -> Iterator[None]:
    try:
        yield
    except NodeMissingError as error:
        if is_required():
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def node() -> int:
    """Node's major version; skips where there is none."""
    with skipped_where_allowed():
        return node_major()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, node: int) -> tuple[Path, Path]:
    """A certificate for localhost that is its own authority, and its key."""
    with skipped_where_allowed():
        if not shutil.which("openssl"):
            raise NodeMissingError("openssl is not installed: these clients need a certificate, made by it")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    alternatives = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    made = subprocess.run(
        [*command.split(), "-addext", alternatives, "-keyout", str(key), "-out", str(cert)],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return cert, key


@pytest.fixture(scope="module")
def secure_servers(
    certificate: tuple[Path, Path],
    server: RunningServer,
    emulator: ThreadedEmulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[Way, RunningServer]]:
    """What clients are pointed at, with TLS."""
    folder = tmp_path_factory.mktemp("secure")
    with all_running(
        {
            Way.DIRECT: running_server(tls=certificate, ANTIPHON_API_KEYS=KEY),
            Way.LOCAL: relay(server.base_url, folder / "local", tls=certificate),
            Way.EMULATOR: relay(emulator.base_url, folder / "emulator", tls=certificate),
            Way.BETA: relay(server.base_url, folder / "beta", dialect="beta", tls=certificate),
        }
    ) as running:
        yield running


@pytest.fixture(scope="module")
def apps(
    servers: dict[Way, RunningServer],
    secure_servers: dict[Way, RunningServer],
    certificate: tuple[Path, Path],
    node: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Apps]:
    """All apps, started at once in the background."""
    folder = tmp_path_factory.mktemp("node")
    pcm, _ = HEARD_AND_ANSWERED
    (folder / "question.pcm").write_bytes(pcm)
    settings = {"key": KEY, "wrongKey": WRONG_KEY, "question": str(folder / "question.pcm"), "ask": ASK}
    with skipped_where_allowed():
        modules = install()
    with apps_in(folder, modules, settings, certificate[0]) as running:
        for way, server in secure_servers.items():
            start(running, way, servers[way].port, server.port, node)
        yield running


def start(apps: Apps, way: Way, port: int, tls_port: int, node: int) -> None:
    # What browsers have had for long, Node has without a flag from version 22.
    global_websocket = ("--experimental-websocket",) if node < 22 else ()
    host, secure = f"127.0.0.1:{port}", f"https://localhost:{tls_port}"
    for name, app in {
        "openai-node-ws": App("openai_node", f"{secure}/v1", "ws"),
        "openai-node-websocket": App("openai_node", f"{secure}/v1", "websocket", global_websocket),
        "openai-node-beta": App("openai_node", f"{secure}/v1", "beta"),
        "openai-node-azure": App("openai_node", secure, "azure"),
        "openai-node-azure-websocket": App("openai_node", secure, "azure-websocket", global_websocket),
        "ai-sdk-browser": App("ai_sdk", f"{secure}/v1", "browser"),
        "ai-sdk": App("ai_sdk", f"http://{host}/v1", "server"),
        "agents-realtime": App("agents_realtime", f"ws://{host}/v1/realtime?model=gpt-realtime"),
        "livekit-plugin": App("livekit_plugin", f"http://{host}/v1"),
        "mastra-voice": App("mastra_voice", f"ws://{host}/v1/realtime"),
        "openai-realtime-api": App("openai_realtime_api", f"ws://{host}/v1/realtime"),
        "rt-client": App("rt_client", f"ws://{host}"),
    }.items():
        apps.start(f"{way}-{name}", app)


def passing(scenario: str) -> list[Any]:
    return [
        pytest.param(way, client.app, id=f"{way}-{client.app}")
        for way in Way
        for client in RUN_HERE
        if scenario in client.passes
    ]


@pytest.mark.parametrize(("way", "client"), passing("text"))
def test_a_text_turn(way: Way, client: str, apps: Apps) -> None:
    report = apps.report(f"{way}-{client}")
    saw = report.result("text")
    assert "4 bedrooms" in saw["answer"]
    assert saw["status"] == "completed"
    assert saw["output_tokens"] > 0
    assert report.errors("text") == []
    if "history" in saw:  # clients that keep the conversation themselves
        assert saw["history"] == [["user", "completed", ASK["text"]], ["assistant", "completed", saw["answer"]]]


@pytest.mark.parametrize(("way", "client"), passing("audio"))
def test_a_spoken_question_gets_a_spoken_answer(way: Way, client: str, apps: Apps) -> None:
    report = apps.report(f"{way}-{client}")
    saw = report.result("audio")
    _, expected = HEARD_AND_ANSWERED
    assert ABOUT in saw["heard"]
    assert expected.search(saw["answer"])
    assert saw["status"] == "completed"
    assert saw["audio_seconds"] > 0.5
    assert report.errors("audio") == []


@pytest.mark.parametrize(("way", "client"), passing("function"))
def test_a_function_call_and_its_result(way: Way, client: str, apps: Apps) -> None:
    report = apps.report(f"{way}-{client}")
    saw = report.result("function")
    assert (saw["name"], saw["arguments"]) == ("get_weather", {"city": "Paris"})
    assert "19 degrees" in saw["answer"]
    assert report.errors("function") == []


@pytest.mark.parametrize(("way", "client"), passing("interruption"))
def test_speech_interrupts_and_the_client_truncates(way: Way, client: str, apps: Apps) -> None:
    report = apps.report(f"{way}-{client}")
    saw = report.result("interruption")
    _, expected = HEARD_AND_ANSWERED
    assert saw["status"] == "cancelled"
    assert expected.search(saw["answer"])
    if client == "agents-realtime":  # it truncates where its own clock says that playback was
        assert saw["truncated_ms"] > 0
    else:
        assert saw["truncated_ms"] == 700
    if "kept_seconds" in saw:
        assert saw["kept_seconds"] == pytest.approx(0.7)
    allowed = {"response_cancel_not_active"} if client in LATE_CANCEL else set()
    assert set(report.errors("interruption")) <= allowed


@pytest.mark.parametrize(("way", "client"), passing("wrong_key"))
def test_a_wrong_key(way: Way, client: str, apps: Apps) -> None:
    saw = apps.report(f"{way}-{client}").result("wrong_key")
    if client == "ai-sdk-browser":  # its key goes to the app's own server, which asks for a client secret
        assert re.search(r"401 .*invalid_api_key", saw["error"])
    else:
        assert saw["error"] == "invalid_api_key"
    if "close_code" in saw:
        assert (saw["close_code"], saw["close_reason"]) == (3000, "invalid_request_error.invalid_api_key")


def test_no_key_is_logged(apps: Apps, secure_servers: dict[Way, RunningServer]) -> None:
    apps.wait()
    for server in secure_servers.values():
        log = "".join(server.lines)
        assert "session" in log
        for key in (KEY, WRONG_KEY, UPSTREAM_KEY):
            assert key not in log


def test_every_app_is_listed(apps: Apps, secure_servers: dict[Way, RunningServer]) -> None:
    assert apps.names == {f"{way}-{client.app}" for way in secure_servers for client in RUN_HERE}


def test_the_lock_file_holds_for_any_registry() -> None:
    """It names packages by version and hash, and no host to fetch them from."""
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name


@pytest.mark.parametrize(
    ("ci", "has_node", "outcome"),
    [("true", True, NodeMissingError), ("true", False, pytest.skip.Exception), ("", True, pytest.skip.Exception)],
)
def test_only_continuous_integration_with_node_may_not_skip(
    monkeypatch: pytest.MonkeyPatch, ci: str, has_node: bool, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if has_node else None)
    with pytest.raises(outcome, match="no network"), skipped_where_allowed():
        raise NodeMissingError("no network")
