"""What the three displays print."""

import io
import json

import pytest

from antiphon.talk.display import JsonDisplay, LiveDisplay, PlainDisplay, make_display
from antiphon.talk.outputs import Notice, Output, Ready, Send, State, StateChanged, Transcript, TurnDone

URL = "ws://127.0.0.1:8080/v1/realtime"
TURN = TurnDone(1, "how many", "There are four.", "completed", None, 740, 700, 500)
CONVERSATION: list[Output] = [
    Ready("gpt-realtime", "marin", "server_vad", 500),
    StateChanged(State.LISTENING),
    Transcript(1, "user", "how", final=False),
    Transcript(1, "user", "how many", final=True),
    StateChanged(State.THINKING),
    Transcript(1, "assistant", "There are", final=False),
    StateChanged(State.SPEAKING),
    Transcript(1, "assistant", "There are four.", final=True),
    Notice("something odd"),
    Send({"type": "response.create"}),
    TURN,
    StateChanged(State.LISTENING),
]


class Terminal(io.StringIO):
    """Text as a terminal would show it, for the few control sequences in use."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        rows, row, column = [""], 0, 0
        text = self.getvalue()
        for plain in ("\x1b[2m", "\x1b[0m", "\x1b[?25l", "\x1b[?25h"):
            text = text.replace(plain, "")
        position = 0
        while position < len(text):
            character = text[position]
            position += 1
            if character == "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            elif character == "\r":
                column = 0
            elif character == "\x1b":
                end = next(at for at in range(position, len(text)) if text[at].isalpha())
                if text[end] == "A":
                    row -= int(text[position + 1 : end])
                else:
                    assert text[position : end + 1] == "[J"
                    rows[row:] = [rows[row][:column]]
                position = end + 1
            else:
                rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
                column += 1
        return rows


def test_plain_lines() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream, URL)
    for output in CONVERSATION:
        display.show(output, 0.0)
    assert stream.getvalue().splitlines() == [
        f"connected to {URL}: gpt-realtime, voice marin, server_vad that waits for 500 ms of silence",
        "[listening]",
        "you: how many",
        "[thinking]",
        "[speaking]",
        "it: There are four.",
        "note: something odd",
        "turn 1: completed; first audio 740 ms after the question's end, 500 ms of it the server's silence",
        "[listening]",
    ]


@pytest.mark.parametrize(
    ("turn", "line"),
    [
        (TurnDone(2, "", "", "failed", "llm down", None, None, 500), "turn 2: failed (llm down)"),
        (
            TurnDone(3, "", "", "completed", None, None, 90, None),
            "turn 3: completed; first text 90 ms after the question's end",
        ),
    ],
)
def test_the_summary_tells_what_is_known(turn: TurnDone, line: str) -> None:
    stream = io.StringIO()
    PlainDisplay(stream, URL).show(turn, 0.0)
    assert stream.getvalue() == line + "\n"


@pytest.mark.parametrize(
    ("ready", "words"),
    [
        (Ready(None, None, None, None), "a model without a name, no turn detection"),
        (Ready("m", "alloy", "semantic_vad", None), "m, voice alloy, semantic_vad"),
    ],
)
def test_the_greeting_tells_what_is_known(ready: Ready, words: str) -> None:
    stream = io.StringIO()
    PlainDisplay(stream, URL).show(ready, 0.0)
    assert stream.getvalue() == f"connected to {URL}: {words}\n"


def test_a_terminal_shows_the_turn_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    display = make_display(terminal, URL, json=False)
    assert isinstance(display, LiveDisplay)
    screens = []
    for output in CONVERSATION:
        display.show(output, 0.0)
        screens.append(terminal.screen[1:])
    assert screens[2] == ["you: how", "[listening]"]
    assert screens[6] == ["you: how many", "it:  There are", "[speaking]"]
    assert screens[8] == ["note: something odd", "you: how many", "it:  There are four.", "[speaking]"]
    done = ["note: something odd", "you: how many", "it:  There are four."]
    assert screens[11][:3] == done
    assert screens[11][3].startswith("turn 1: completed; first audio 740 ms")
    assert screens[11][4:] == ["[listening]"]
    display.close()
    assert terminal.screen[-1] == ""
    assert terminal.getvalue().endswith("\x1b[?25h")


def test_a_long_row_shows_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    display = LiveDisplay(terminal, URL)
    display.show(Transcript(1, "user", "one two three four five", final=False), 0.0)
    assert terminal.screen == ["you: …ree four five", "[listening]"]


def test_a_transcript_that_comes_after_its_turn_is_not_taken_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    display = LiveDisplay(terminal, URL)
    display.show(TURN, 0.0)
    display.show(Transcript(1, "user", "late", final=True), 0.0)
    assert terminal.screen[-2:] == ["you: late", "[listening]"]


@pytest.mark.parametrize(
    "output",
    [
        Ready("m\x1b]0;x\x07", "v\x1b[2J", "server_vad", 500),
        Transcript(1, "user", "\x1b[2J\rhello", final=True),
        Notice("a\x1b[31m\nb"),
        TurnDone(1, "\x1b[2J", "\x9b2J", "failed\x07", "\x1bc", None, None, None),
    ],
)
@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_a_server_cannot_steer_the_terminal(output: Output, kind: type[PlainDisplay | LiveDisplay]) -> None:
    stream = io.StringIO()
    kind(stream, URL).show(output, 0.0)
    printed = stream.getvalue()
    for ours in ("\x1b[?25l", "\x1b[2m", "\x1b[0m"):
        printed = printed.replace(ours, "")
    assert all(letter.isprintable() or letter == "\n" for letter in printed)


def test_json_lines() -> None:
    stream = io.StringIO()
    display = make_display(stream, URL, json=True)
    assert isinstance(display, JsonDisplay)
    for number, output in enumerate(CONVERSATION):
        display.show(output, 10.0 + number / 4)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines[0] == {
        "type": "ready",
        "url": URL,
        "model": "gpt-realtime",
        "voice": "marin",
        "turn_detection": "server_vad",
        "silence_ms": 500,
        "time": 0.0,
    }
    assert lines[2] == {"type": "transcript", "turn": 1, "role": "user", "text": "how", "final": False, "time": 0.5}
    assert lines[-2] == {
        "type": "turn",
        "turn": 1,
        "question": "how many",
        "answer": "There are four.",
        "status": "completed",
        "reason": None,
        "first_audio_ms": 740,
        "first_text_ms": 700,
        "silence_ms": 500,
        "time": 2.5,
    }
    assert [line["type"] for line in lines].count("state") == 4
    assert len(lines) == len(CONVERSATION) - 1
