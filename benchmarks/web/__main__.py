"""The voice in a page: from the button to sound, from speech to sound, interruptions, CPU, and what is loaded.

    python -m benchmarks.web [--quick] [--only button,speech,interruption,idle,devices,weight]

Needs Chromium, PulseAudio (scripts/system_packages) and Playwright. Prints RESULTS.md, and says on the standard error
how it goes. A whole run takes about five minutes.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.browser.sound import SPEECH

from benchmarks.machine import machine
from benchmarks.serving import Running, server
from benchmarks.web import measures, weight
from benchmarks.web.report import Findings, page
from benchmarks.web.room import TRANSPORTS, Room, running_room
from benchmarks.web.sound import Question

FOLDER = SPEECH / "questions"
QUESTIONS = ("property-00-slt.wav", "property-03-rms.wav", "property-12-slt.wav")
WRITTEN = ("how many bedrooms does this property have", "does it have a garage", "how far is the nearest train station")
INTERRUPTING = "property-03-rms.wav"
BOTH = ("webrtc", "websocket")  # of which the browser's part differs; HTTP plays and hears as WebSocket does
IDLE_SECONDS = 8.0


@dataclass(frozen=True)
class Pace:
    """How often each thing is done."""

    presses: int
    turns: int
    interruptions: int
    loops: int


FULL = Pace(presses=10, turns=6, interruptions=6, loops=5)
QUICK = Pace(presses=1, turns=1, interruptions=3, loops=1)


def progress(name: str, what: object) -> None:
    print(f"{name}: {what}", file=sys.stderr, flush=True)


def rounded(times: Iterable[float]) -> str:
    return " ".join(f"{each:.0f}" for each in times) + " ms"


class Run:
    """One run.

    Args:
        room: There it is measured.
        server: Who answers.
        pace: How often.
    """

    def __init__(self, room: Room, server: Running, pace: Pace) -> None:
        self._room = room
        self._server = server
        self._pace = pace
        self._questions = [Question.load(FOLDER / name) for name in QUESTIONS]
        self._interrupting = Question.load(FOLDER / INTERRUPTING)
        browser = f"Chromium {room.chromium.browser.version}"
        self.found = Findings(date=f"{datetime.now(UTC):%Y-%m-%d}", browser=browser)

    @property
    def parts(self) -> dict[str, Callable[[], None]]:
        return {
            "button": self.button,
            "speech": self.speech,
            "interruption": self.interruption,
            "idle": self.idle,
            "devices": self.devices,
            "weight": self.weight,
        }

    def button(self) -> None:
        for name in TRANSPORTS:
            self.found.presses[name] = [measures.press(self._room, name) for _ in range(self._pace.presses)]
            progress(f"button, {name}", rounded(each.sound for each in self.found.presses[name]))

    def speech(self) -> None:
        for name in TRANSPORTS:
            self.found.turns[name] = measures.turns(self._room, name, self._questions, self._pace.turns)
            progress(f"speech, {name}", rounded(self.found.turns[name].answered))
        self.found.talk = measures.talk_client(self._server.port, self._questions, self._pace.turns)
        progress("speech, antiphon talk", rounded(self.found.talk))

    def interruption(self) -> None:
        for name in BOTH:
            times = measures.interruptions(self._room, name, self._interrupting, self._pace.interruptions)
            self.found.interruptions[name] = times
            progress(f"interruption, {name}", rounded(times))

    def idle(self) -> None:
        for name in BOTH:
            self.found.idle[name] = measures.idle(self._room, name, IDLE_SECONDS)
            progress(f"idle, {name}", f"{self.found.idle[name].total:.0f} ms of CPU a second")

    def devices(self) -> None:
        self.found.sound_server = measures.sound_server(self._room, self._interrupting, self._pace.loops)
        self.found.browser_alone = measures.browser_alone(self._room, self._interrupting, self._pace.loops)
        self.found.leads = measures.leads(self._server.url, WRITTEN)
        progress("devices", rounded(self.found.sound_server + self.found.browser_alone))

    def weight(self) -> None:
        origin = f"http://127.0.0.1:{self._server.port}"
        self.found.weights["talk page"] = weight.talk_page(self._room, origin)
        self.found.weights["element"] = weight.element(self._room, origin)
        self.found.counted = weight.counted()
        progress("weight", [weights[-1].bodies for weights in self.found.weights.values()])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="everything once, for development")
    parser.add_argument("--only", default="", metavar="PARTS", help="what to measure, apart by commas (default: all)")
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Findings:
    """Measure what was asked for."""
    with (
        tempfile.TemporaryDirectory(prefix="site-") as folder,
        server() as running,
        running_room(Path(folder), f"http://127.0.0.1:{running.port}") as room,
    ):
        made = Run(room, running, QUICK if arguments.quick else FULL)
        wanted = arguments.only.split(",") if arguments.only else list(made.parts)
        if unknown := set(wanted) - set(made.parts):
            raise SystemExit(f"nothing is called {', '.join(unknown)}; there are: {', '.join(made.parts)}")
        try:
            for name in wanted:
                made.parts[name]()
        finally:
            for fault in room.chromium.faults.unexpected:
                progress("a page complains", fault)
    return made.found


def main() -> None:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped too
    progress("machine", machine())
    print(page(run(arguments)), end="", flush=True)


if __name__ == "__main__":
    main()
