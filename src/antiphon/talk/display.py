"""What the terminal shows: live on a terminal, plain lines elsewhere, JSON for machines."""

import shutil
from typing import Any, Protocol, TextIO

import msgspec

from antiphon.talk.outputs import Notice, Output, Ready, State, StateChanged, Transcript, TurnDone
from antiphon.talk.text import printable

_NAMES = {"user": "you", "assistant": "it"}
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_CLEAR_BELOW = "\r\x1b[J"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Display(Protocol):
    def show(self, output: Output, now: float) -> None:
        """Show what happened at `now`, seconds on the session's clock; outputs without news are passed over."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def make_display(stream: TextIO, shown_url: str, *, json: bool) -> Display:
    """Return the display that suits `stream`."""
    if json:
        return JsonDisplay(stream, shown_url)
    return LiveDisplay(stream, shown_url) if stream.isatty() else PlainDisplay(stream, shown_url)


def greeting(shown_url: str, ready: Ready) -> str:
    """Return the line that tells what is at the other end."""
    if ready.turn_detection is None:
        detection = "no turn detection"
    elif ready.silence_ms is None:
        detection = ready.turn_detection
    else:
        detection = f"{ready.turn_detection} that waits for {ready.silence_ms} ms of silence"
    voice = f", voice {ready.voice}" if ready.voice else ""
    return printable(f"connected to {shown_url}: {ready.model or 'a model without a name'}{voice}, {detection}")


def summary(turn: TurnDone) -> str:
    """Return the line that closes a turn."""
    line = f"turn {turn.turn}: {printable(turn.status)}"
    if turn.reason:
        line += f" ({printable(turn.reason)})"
    what, latency = ("audio", turn.first_audio_ms) if turn.first_audio_ms is not None else ("text", turn.first_text_ms)
    if latency is None:
        return line
    line += f"; first {what} {latency} ms after the question's end"
    return line if turn.silence_ms is None else f"{line}, {turn.silence_ms} ms of it the server's silence"


class PlainDisplay:
    """A line for each thing that is final, for pipes and logs."""

    def __init__(self, stream: TextIO, shown_url: str) -> None:
        self._stream = stream
        self._shown_url = shown_url

    def show(self, output: Output, now: float) -> None:  # noqa: ARG002 - a live display's clock is not needed
        line = self._line(output)
        if line is not None:
            print(line, file=self._stream, flush=True)

    def _line(self, output: Output) -> str | None:
        match output:
            case Ready():
                return greeting(self._shown_url, output)
            case StateChanged(state=state):
                return f"[{state.value}]"
            case Transcript(final=True):
                return f"{_NAMES[output.role]}: {printable(output.text)}"
            case TurnDone():
                return summary(output)
            case Notice(message=message):
                return f"note: {printable(message)}"
        return None

    def close(self) -> None:
        pass


class LiveDisplay:
    """The turn under way and the state, redrawn in place; turns that are over stay above."""

    def __init__(self, stream: TextIO, shown_url: str) -> None:
        self._stream = stream
        self._shown_url = shown_url
        self._texts: dict[str, str] = {}
        self._turn = 1
        self._state = State.LISTENING
        self._drawn: list[str] = []  # rows below the finished lines; the cursor stands at the end of the last
        stream.write(_HIDE_CURSOR)

    def show(self, output: Output, now: float) -> None:  # noqa: ARG002 - the newest text is all that is drawn
        match output:
            case Ready():
                self._print(greeting(self._shown_url, output))
            case StateChanged(state=state):
                self._state = state
            case Transcript():
                self._take(output)
            case TurnDone():
                self._finish(output)
            case Notice(message=message):
                self._print(f"{_DIM}note: {printable(message)}{_PLAIN}")
            case _:
                return
        self._draw()

    def _take(self, transcript: Transcript) -> None:
        if transcript.turn >= self._turn:
            self._texts[transcript.role] = transcript.text
        elif transcript.final:  # it came after its turn was over
            self._print(_row(transcript.role, transcript.text))

    def _finish(self, turn: TurnDone) -> None:
        texts = {"user": turn.question, "assistant": turn.answer}
        rows = [_row(role, text) for role, text in texts.items() if text]
        self._print("\n".join([*rows, f"{_DIM}{summary(turn)}{_PLAIN}"]))
        self._texts.clear()
        self._turn = turn.turn + 1

    def _print(self, text: str) -> None:
        """Write lines that stay."""
        self._erase()
        self._stream.write(f"{text}\n")

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        rows = [_tail(_row(role, self._texts[role]), width) for role in _NAMES if role in self._texts]
        rows.append(f"[{self._state.value}]")
        if rows != self._drawn:
            self._erase()
            self._stream.write("\n".join(rows))
            self._drawn = rows
        self._stream.flush()

    def _erase(self) -> None:
        if len(self._drawn) > 1:
            self._stream.write(f"\x1b[{len(self._drawn) - 1}A")
        if self._drawn:
            self._stream.write(_CLEAR_BELOW)
        self._drawn = []

    def close(self) -> None:
        self._erase()
        self._stream.write(_SHOW_CURSOR)
        self._stream.flush()


def _row(role: str, text: str) -> str:
    return f"{_NAMES[role] + ':':<5}{printable(text)}"


def _tail(row: str, width: int) -> str:
    """Return a row that fits; of a long one the end, which is what is new."""
    return row if len(row) <= width else f"{row[:5]}…{row[len(row) - max(width - 6, 0) :]}"


class JsonDisplay:
    """One JSON object a line; `time` is in seconds since the server was ready."""

    def __init__(self, stream: TextIO, shown_url: str) -> None:
        self._stream = stream
        self._shown_url = shown_url
        self._start: float | None = None

    def show(self, output: Output, now: float) -> None:
        self._start = now if self._start is None else self._start
        fields = self._fields(output)
        if fields is not None:
            line = msgspec.json.encode({**fields, "time": round(now - self._start, 3)})
            print(line.decode(), file=self._stream, flush=True)

    def _fields(self, output: Output) -> dict[str, Any] | None:
        match output:
            case Ready():
                # The URL as shown has no query, so no key.
                return {"type": "ready", "url": self._shown_url, **msgspec.to_builtins(output)}
            case StateChanged(state=state):
                return {"type": "state", "state": state.value}
            case Transcript():
                return {"type": "transcript", **msgspec.to_builtins(output)}
            case TurnDone():
                return {"type": "turn", **msgspec.to_builtins(output)}
            case Notice(message=message):
                return {"type": "notice", "message": message}
        return None

    def close(self) -> None:
        pass
