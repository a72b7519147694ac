"""Whole conversations over a real socket, by the command line and without it."""

import argparse
import asyncio
import io
import json
import os
import re
import signal
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon import cli
from antiphon.audio import read_wav
from antiphon.commands import talk as talk_command
from antiphon.talk.address import read_address
from antiphon.talk.display import make_display
from antiphon.talk.options import Question, TalkOptions
from antiphon.talk.outputs import Output, State, StateChanged, Transcript, TurnDone
from antiphon.talk.talk import talk
from tests.talk import events
from tests.talk.server import Line, RealtimeServer, realtime_server
from tests.talk.test_audio_devices import FakeSoundDevice


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No keys in the environment, but those that a test sets."""
    for name in ("OPENAI_API_KEY", "ANTIPHON_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with realtime_server() as server:
        yield server


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """60 ms of sound and 40 ms of silence, at 16000 Hz."""
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.concatenate([np.full(960, 5000), np.zeros(640)]).astype("<i2").tobytes())
    return path


async def run(server: RealtimeServer, *line: str | Path) -> int:
    """Run the command in a thread, as it brings its own event loop; return its exit code."""
    words = ["talk", "--url", f"localhost:{server.port}", *map(str, line)]
    return await asyncio.to_thread(cli.main, words)


def rows(printed: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in map(json.loads, printed.splitlines()) if row["type"] == kind]


async def test_files_are_asked_one_after_another_and_answers_recorded(
    server: RealtimeServer, question: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [("Four.", 100), ("Two.", 60)]
    out = tmp_path / "answer.wav"
    assert await run(server, "--in", question, "--in", question, "--out", out, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    turns = rows(printed.out, "turn")
    assert [(turn["question"], turn["answer"], turn["status"]) for turn in turns] == [
        ("how many bedrooms", "Four.", "completed"),
        ("how many bedrooms", "Two.", "completed"),
    ]
    assert all(turn["silence_ms"] == 60 and turn["first_audio_ms"] >= 0 for turn in turns)
    assert server.line.turns == 2
    assert server.line.close_code == 1000
    heard = read_wav(out)
    samples = np.frombuffer(heard.pcm, "<i2")
    assert heard.rate == 24_000
    assert [int((samples == level).sum()) for level in (1, 2)] == [2400, 1440]
    # The second question was asked only when the first answer had been heard.
    assert samples.tolist().index(2) - samples.tolist().index(1) >= 2400 + 0.16 * 24_000


async def test_the_questions_audio_arrives_whole_and_silence_after_it(server: RealtimeServer, question: Path) -> None:
    sizes: list[int] = []
    react = server.react

    def count(line: Line, event: dict[str, Any]) -> None:
        if event["type"] == "input_audio_buffer.append":
            sizes.append(len(event["audio"]))
        react(line, event)

    server.on_event = count
    assert await run(server, "--in", question) == 0
    assert set(sizes) == {1280}  # 960 bytes in base64
    assert len(sizes) > 8  # 5 packets of question and the silence that ends the turn


async def test_texts_need_no_audio(server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(server, "--text", "How many?", "--text", "And then?", "--voice", "cedar", "--text-only") == 0
    asked = ["conversation.item.create", "response.create"]
    assert server.line.received_types() == ["session.update", *asked, *asked]
    assert len(server.line.received) == 5
    update = server.line.received[0]["session"]
    assert (update["audio"]["output"]["voice"], update["output_modalities"]) == ("cedar", ["text"])
    printed = capsys.readouterr().out
    assert "you: How many?\n" in printed
    assert "it: Four.\n" in printed
    assert "turn 2: completed; first audio " in printed


async def test_files_and_texts_mix_in_their_order(server: RealtimeServer, question: Path) -> None:
    assert await run(server, "--text", "One?", "--in", question, "--text", "Three?") == 0
    texts = [
        event["item"]["content"][0]["text"]
        for event in server.line.received
        if event["type"] == "conversation.item.create"
    ]
    assert texts == ["One?", "Three?"]
    assert server.line.turns == 3


@pytest.mark.parametrize(
    ("options", "environment_key", "authorization"),
    [
        (["--key", "sk-from-flag"], "sk-other", "Bearer sk-from-flag"),
        ([], "sk-openai", "Bearer sk-openai"),
        ([], "", "Bearer none"),
    ],
)
async def test_the_key_is_sent_and_never_printed(
    server: RealtimeServer, keys: pytest.MonkeyPatch, options: list[str], environment_key: str, authorization: str
) -> None:
    keys.setenv("OPENAI_API_KEY", environment_key)
    printed = io.StringIO()
    keys.setattr(sys, "stdout", printed)
    keys.setattr(sys, "stderr", printed)
    assert await run(server, "--text", "x", "--json", "--model", "gpt-realtime-mini", *options) == 0
    assert server.line.headers["authorization"] == authorization
    assert server.line.path == "/v1/realtime?model=gpt-realtime-mini"
    assert "completed" in printed.getvalue()
    assert "sk-" not in printed.getvalue()


# --- what fails -----------------------------------------------------------------------------------------------


async def test_a_failed_turn_makes_the_exit_code_1_and_the_rest_is_asked(
    server: RealtimeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    react = server.react

    def fail_once(line: Line, event: dict[str, Any]) -> None:
        if event["type"] == "response.create" and line.turns == 0:
            line.turns = 1
            detail = {"type": "failed", "error": {"type": "server_error", "code": "llm: no route to the model"}}
            line.send(events.response_created(), events.response_done(status="failed", status_details=detail))
        else:
            react(line, event)

    server.on_event = fail_once
    assert await run(server, "--text", "One?", "--text", "Two?", "--json") == 1
    printed = capsys.readouterr()
    assert [turn["status"] for turn in rows(printed.out, "turn")] == ["failed", "completed"]
    assert printed.err == (
        "antiphon: 1 of 2 turns got no completed answer; turn 1: failed, llm: no route to the model\n"
    )


async def test_a_server_that_refuses_in_band(server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(line: Line) -> None:
        line.send(events.error("Incorrect API key provided.", "invalid_api_key"))
        line.close(3000, "invalid_request_error.invalid_api_key")

    server.on_connect = refuse
    assert await run(server, "--text", "One?") == 1
    error = capsys.readouterr().err
    assert "closed the connection (3000): Incorrect API key provided. (invalid_api_key); " in error
    assert error.count("\n") == 1


async def test_a_key_that_the_server_quotes_is_masked(
    server: RealtimeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def quote(line: Line) -> None:
        line.send(events.error("Wrong key: sk-secret-of-mine", "invalid_api_key"))
        line.close(3000, "sk-secret-of-mine")

    server.on_connect = quote
    assert await run(server, "--text", "One?", "--key", "sk-secret-of-mine", "--json") == 1
    printed = "".join(capsys.readouterr())
    assert "Wrong key: ********" in printed
    assert "sk-secret" not in printed


async def test_a_server_that_goes_away_in_a_turn(server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    react = server.react

    def leave(line: Line, event: dict[str, Any]) -> None:
        if event["type"] == "response.create":
            line.close(1001, "going away")
        else:
            react(line, event)

    server.on_event = leave
    assert await run(server, "--text", "One?", "--json") == 1
    printed = capsys.readouterr()
    (turn,) = rows(printed.out, "turn")
    assert turn["status"] == "unanswered"
    assert "(1001): going away" in turn["reason"]
    assert "(1001): going away; the server is going away" in printed.err


async def test_a_server_that_is_no_realtime_server(server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.on_connect = lambda line: None
    assert await run(server, "--text", "One?", "--timeout", "0.1") == 1
    assert "no session.created came within 0.1 s; is this a Realtime server" in capsys.readouterr().err


async def test_a_turn_without_answer_times_out(server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    react = server.react
    server.on_event = lambda line, event: None if event["type"] == "response.create" else react(line, event)
    assert await run(server, "--text", "One?", "--timeout", "0.1") == 1
    assert "turn 1: timeout, no answer began within 0.1 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["--out", "x.wav"], 2, "--out: only answers to --in and --text can be recorded"),
        (["--url", "ftp://x"], 2, "--url: 'ftp' is not a scheme"),
        (["--in", "/nowhere.wav"], 1, "--in: /nowhere.wav cannot be read as WAV"),
    ],
)
def test_a_wrong_command_line(line: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["talk", *line]) == code
    assert capsys.readouterr().err.startswith(f"antiphon: {message}")


@pytest.mark.parametrize("line", [["--timeout", "0"], ["--timeout", "soon"], ["--text", " "], ["extra"]])
def test_a_wrong_flag(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["talk", *line])
    assert ended.value.code == 2
    assert "usage: antiphon" in capsys.readouterr().err


def test_every_option_is_documented_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "talk.md").read_text()
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page))
    parser = argparse.ArgumentParser()
    talk_command.add_arguments(parser)
    assert documented == set(re.findall(r"--[a-z-]+", parser.format_help())) - {"--help"}


# --- the end --------------------------------------------------------------------------------------------------


async def test_ctrl_c_closes_with_1000_and_keeps_the_recording(
    server: RealtimeServer, question: Path, tmp_path: Path
) -> None:
    server.answers = [("For ever.", 60_000)]
    out = tmp_path / "answer.wav"
    words = ["talk", "--url", f"localhost:{server.port}", "--in", str(question), "--out", str(out)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while b"[speaking]" not in (line := await process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"")
    assert server.line.close_code == 1000
    assert len(read_wav(out).pcm) > 0


async def test_ctrl_c_leaves_the_terminal_as_it_was(server: RealtimeServer) -> None:
    server.answers = [("For ever.", 60_000)]
    terminal, inner = os.openpty()
    words = ["talk", "--url", f"localhost:{server.port}", "--text", "Talk."]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "antiphon", *words, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    while b"[speaking]" not in shown:
        shown += await asyncio.to_thread(os.read, terminal, 4096)
    assert shown.startswith(b"\x1b[?25l")
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    rest = await asyncio.to_thread(os.read, terminal, 4096)
    os.close(terminal)
    assert rest.endswith(b"\x1b[?25h")
    assert b"Traceback" not in shown + rest


async def test_a_reader_that_goes_away_ends_it_quietly(server: RealtimeServer) -> None:
    server.answers = [("For ever.", 60_000)]
    words = f"{sys.executable} -m antiphon talk --url localhost:{server.port} --text x --json | head -1"
    process = await asyncio.create_subprocess_shell(
        words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await process.communicate()
    assert (printed.count(b"\n"), errors) == (1, b"")
    await server.left.wait()


# --- the microphone -------------------------------------------------------------------------------------------


class Watcher:
    """A display that a test waits on."""

    def __init__(self) -> None:
        self.shown: asyncio.Queue[Output] = asyncio.Queue()

    def show(self, output: Output, now: float) -> None:
        self.shown.put_nowait(output)

    def close(self) -> None: ...

    async def until(self, kind: type[Output], **fields: object) -> Output:
        """Return the next output of a kind that has these values, passing over what comes before it."""
        while True:
            output = await self.shown.get()
            if isinstance(output, kind) and all(getattr(output, name) == value for name, value in fields.items()):
                return output


async def test_a_conversation_by_microphone_with_an_interruption(
    server: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user asks, hears the beginning of the answer, and speaks into it."""
    sounddevice = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice)
    server.answers = [("A long answer.", 1000)]
    display = Watcher()
    talking = asyncio.create_task(talk(TalkOptions(read_address(f"localhost:{server.port}", "m"), "none"), display))
    async with asyncio.timeout(10):
        await display.until(StateChanged, state=State.LISTENING)
        loudspeaker, microphone = sounddevice.streams
        loud, quiet = events.audio(20), bytes(960)
        for packet in [loud, loud, quiet, quiet, quiet, quiet]:
            microphone.hear(packet)
        await display.until(Transcript, role="assistant", final=True)
        for _ in range(10):
            assert any(loudspeaker.play(480))
        microphone.hear(loud)
        await display.until(TurnDone, status="interrupted")
        assert not any(loudspeaker.play(480))
        talking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talking
        await server.left.wait()
    (cut,) = [event for event in server.line.received if event["type"] == "conversation.item.truncate"]
    # 200 ms were taken; the last 50 ms of these are still in the device.
    assert (cut["item_id"], cut["audio_end_ms"]) == ("item_a1", 150)
    assert server.line.close_code == 1000
    assert loudspeaker.calls == microphone.calls == ["start", "close"]


async def test_without_a_microphone_nothing_is_connected(
    server: RealtimeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sounddevice = FakeSoundDevice()
    sounddevice.devices = {"output": "Desk"}
    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice)
    assert await run(server) == 1
    assert "a microphone cannot be opened" in capsys.readouterr().err
    assert server.lines == []


async def test_our_own_mistake_is_not_taken_for_the_servers(
    server: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TalkOptions(read_address(f"localhost:{server.port}", "m"), "none", (Question(text="x"),))
    monkeypatch.setattr("antiphon.talk.session.TalkSession.tick", lambda self, now: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await talk(options, make_display(io.StringIO(), "", json=False))
    await server.left.wait()
    assert server.line.close_code == 1000
