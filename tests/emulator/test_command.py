"""`antiphon emulate` as users start it."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from antiphon.cli import main
from tests.running import clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples" / "emulator"


@contextlib.contextmanager
def emulate(*flags: str, **environment: str) -> Iterator[str]:
    """Run the command and give the URL that it prints."""
    command = [sys.executable, "-m", "antiphon", "emulate", "--port", "0", *flags]
    with subprocess.Popen(
        command, env={**clean_environment(), **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = re.search(r"ws://\S+", process.stdout.readline())
        assert url is not None
        try:
            yield url[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def answer(url: str, **headers: str) -> str:
    with connect(url, additional_headers=headers, max_queue=None) as ws:
        ws.send('{"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}}')
        ws.send('{"type":"response.create"}')
        while True:
            event = json.loads(ws.recv(30))
            if event["type"] == "response.output_text.done":
                return str(event["text"])


def test_without_anything_it_says_hello() -> None:
    with emulate() as url:
        assert answer(url).startswith("Hello!")


def test_a_script_faults_and_a_key(tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text('[[turn]]\nsay = "Scripted."\n')
    flags = ("--script", str(tmp_path / "script.toml"), "--fault", "at=connect do=close session=9")
    with emulate(*flags, "--key-from", "MY_KEY", MY_KEY="sk-right") as url:
        with connect(url) as ws:
            assert "Missing bearer" in str(ws.recv(30))
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 3000  # no key: before any fault
        assert answer(url, Authorization="Bearer sk-right") == "Scripted."
    with (
        emulate("--fault", "at=connect do=close code=1013") as url,
        connect(url) as ws,
        pytest.raises(ConnectionClosed, match="1013"),
    ):
        ws.recv(30)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--script", "nowhere.toml"], "script: cannot read 'nowhere.toml'"),
        (["--fault", "at=response.done"], "--fault: do: is missing; give one of refuse"),
        (["--key-from", "NOT_SET_ANYWHERE"], "--key-from: the environment variable NOT_SET_ANYWHERE is empty"),
    ],
)
def test_a_mistake_is_one_clear_line(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with emulate() as url:
        port = re.search(r":(\d+)/", url)
        assert port is not None
        assert main(["emulate", "--port", port[1]]) == 2
    assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
