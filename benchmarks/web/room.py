"""A user with a browser: what they say and hear, and a page with the element, whose times are those of the room."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from tests.browser.browsers import Heard
from tests.browser.site import served
from tests.web.firefox import EMBEDDED
from tests.web.kit.chromium import FLAGS, Chromium, running_chromium, until
from tests.web.kit.machine import LISTENING, LOUDSPEAKER, MICROPHONE, RATE, Machine, Recorder, running_machine

from benchmarks.web.sound import Question, begin_of_sound, end_of_sound

PATIENCE = 30.0
LOOK_SECONDS = 0.02
CLOCK_LOOKS = 20
SETTLE_SECONDS = 1.0
ALL = "all"  # the name of the page that leaves the steps to the element
TRANSPORTS = ("webrtc", "websocket", "http")
# With the buffers that browsers have of themselves; the tests' longer ones are for machines that have much else to do.
USUAL_FLAGS = tuple(flag for flag in FLAGS if not flag.startswith("--audio-buffer-size"))
# Notes when the button was pressed and when it was connected; asks a question in that very moment, if there is one.
WATCH = """(question) => {
  const voice = document.querySelector('antiphon-voice');
  globalThis.times = {};
  voice.addEventListener('click', ({ timeStamp }) => (times.pressed ??= timeStamp), { capture: true });
  voice.addEventListener('antiphon-state', ({ detail }) => {
    if (detail.type !== 'connected' || times.connected) return;
    times.connected = performance.now();
    if (question) voice.client.sendText(question);
  });
}"""
CLIENT = "document.querySelector('antiphon-voice').client"


class Room:
    """The user's ears and mouth, and their browser.

    Args:
        machine: Its sound. Times are those of its clock.
        chromium: Runs there.
        site: Address of pages that embed the element, one for each transport, and one for `ALL`.
    """

    def __init__(self, machine: Machine, chromium: Chromium, site: str) -> None:
        self.machine = machine
        self.chromium = chromium
        self.site = site
        command = ["parec", f"--device={MICROPHONE}", f"--rate={RATE}", "--format=s16le", "--channels=1", LISTENING]
        # Hears what any program hears that opens the microphone.
        self._beside = Recorder(command, machine.environment)

    def close(self) -> None:
        self._beside.close()

    def at_the_microphone(self, since: float) -> Heard:
        return self._beside.heard(since)

    def sound_after(self, since: float) -> float:
        """Wait for sound in the loudspeaker; returns when it began, to the sample."""
        return self.wait(lambda: begin_of_sound(self.machine.heard(since)))

    def silence_after(self, since: float, seconds: float) -> float:
        """Wait for the end of a sound; returns when its last sample was heard before a silence of `seconds`."""
        return self.wait(lambda: end_of_sound(self.machine.heard(since), seconds))

    def say(self, question: Question) -> float:
        """Say a question; returns when its speech ended at the microphone."""
        since = self.machine.now()
        self.machine.say(question.path)
        return self.wait(lambda: question.ended(self.at_the_microphone(since)))

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Let the sound server itself play the microphone over the loudspeaker, with no delay that it can avoid."""
        ends = (f"source={MICROPHONE}", f"sink={LOUDSPEAKER}", "source_dont_move=true")
        module = self._pactl("load-module", "module-loopback", "latency_msec=1", *ends)
        try:
            time.sleep(SETTLE_SECONDS)
            yield
        finally:
            self._pactl("unload-module", module)

    def _pactl(self, *words: str) -> str:
        command = ["pactl", *words]
        told = subprocess.run(command, env=self.machine.environment, capture_output=True, text=True, check=True)
        return str(told.stdout).strip()

    def wait(self, look: Callable[[], float | None]) -> float:
        """Wait for what `look` finds.

        Raises:
            TimeoutError: It found nothing within `PATIENCE`.
        """
        end = time.monotonic() + PATIENCE
        while (found := look()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"nothing within {PATIENCE} s")
            time.sleep(LOOK_SECONDS)
        return found


class Talk:
    """The element in a page of its own, from a browser without anything in its cache.

    Args:
        room: There it is.
        transport: The only step that it takes.
        question: Asked in writing as soon as it is connected; '' for none.
    """

    def __init__(self, room: Room, transport: str, question: str = "") -> None:
        self.room = room
        self.transport = transport
        self.page: Page = room.chromium.open(f"{room.site}/{transport}.html")
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(WATCH, question)
        self._offset = clock_offset(self.page)

    def begin(self) -> None:
        """Press the button, and wait until it is connected."""
        self.page.locator("antiphon-voice [part=button]").click()
        until(self.page, "times.connected")

    def time_of(self, what: str) -> float:
        """Return when it was `pressed` or `connected`."""
        return float(self.page.evaluate(f"times.{what}")) / 1000 + self._offset

    def write(self, text: str) -> None:
        self.page.evaluate(f"(text) => {CLIENT}.sendText(text)", text)

    def interrupt(self) -> None:
        self.page.evaluate(f"{CLIENT}.interrupt()")

    def state(self) -> Any:
        return self.page.evaluate(f"{CLIENT}.state")

    def close(self) -> None:
        self.page.evaluate("document.querySelector('antiphon-voice').stop()")
        self.page.context.close()


def clock_offset(page: Page) -> float:
    """Return what has to be added to the page's clock, in seconds, so that it shows the machine's."""
    looks: list[tuple[float, float]] = []
    for _ in range(CLOCK_LOOKS):
        before = time.monotonic()
        there = page.evaluate("performance.now()") / 1000
        after = time.monotonic()
        looks.append((after - before, (before + after) / 2 - there))
    return min(looks)[1]  # the quickest look was least disturbed


@contextmanager
def talking(room: Room, transport: str, question: str = "") -> Iterator[Talk]:
    """A conversation that has begun, until the block ends."""
    talk = Talk(room, transport, question)
    talk.begin()
    try:
        yield talk
    finally:
        talk.close()


@contextmanager
def running_room(folder: Path, origin: str) -> Iterator[Room]:
    """Run it all until the block ends.

    Args:
        folder: Empty.
        origin: Of the server.
    """
    for transport in (*TRANSPORTS, ALL):
        (folder / f"{transport}.html").write_text(
            EMBEDDED.format(origin=origin, transport="" if transport == ALL else transport)
        )
    with (
        served(folder) as site,
        running_machine() as machine,
        sync_playwright() as playwright,
        running_chromium(playwright, machine, USUAL_FLAGS) as chromium,
    ):
        room = Room(machine, chromium, site)
        try:
            yield room
        finally:
            room.close()
