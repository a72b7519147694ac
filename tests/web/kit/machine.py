"""The sound of a machine that a browser runs on: what its user says to it, and what they hear from it.

A PulseAudio of its own has microphones and loudspeakers that the browser takes for real devices. So all that lies
between a page and a device is in the test: `getUserMedia`, echo cancellation, the choice of devices, latency.
"""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path

from antiphon.audio.pcm import level_db
from tests.browser.browsers import Heard, find, running_sound_device
from tests.browser.sound import words_in
from tests.running import clean_environment

RATE = 48_000
CHUNK_BYTES = 2 * RATE // 100  # 10 ms
WINDOW_SECONDS = 0.02
SOUND_DB = -50.0  # speech is far above it, comfort noise below
PATIENCE = 60.0
# Otherwise programs talk with PulseAudio two seconds at a time.
LISTENING = "--latency-msec=20"
SPEAKING = "--latency-msec=500"  # it begins at once all the same, and a busy machine has time to go on
MICROPHONE = "microphone"
LOUDSPEAKER = "loudspeaker"


class Recorder:
    """Keeps what a loudspeaker plays, and when it was heard.

    Args:
        command: Writes PCM16 mono at `RATE` Hz, as it is played.
        environment: For it.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._pcm = bytearray()
        self._begin = float("inf")
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._record, daemon=True)
        self._thread.start()

    def _record(self) -> None:
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read(CHUNK_BYTES):
            self._pcm += chunk
            # Sound arrives late, never early: so the chunk that came soonest for its place tells when it all began.
            self._begin = min(self._begin, time.monotonic() - len(self._pcm) / 2 / RATE)

    def heard(self, since: float) -> Heard:
        """Return what was heard from `since` up to now."""
        begin = self._begin
        first = max(0, round((since - begin) * RATE)) if self._pcm else 0
        return Heard(bytes(self._pcm[2 * first : len(self._pcm) // 2 * 2]), RATE, begin + first / RATE)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._thread.join(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Utterance:
    """Something that the user is saying."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def wait(self) -> None:
        """Return when all of it was said."""
        assert self._process.wait(timeout=PATIENCE) == 0

    def stop(self) -> None:
        """Break off."""
        self._process.terminate()
        self._process.wait(timeout=10)


class Machine:
    """A machine with one microphone and one loudspeaker, until others are plugged in.

    Times are seconds on `now`'s clock. What waits here blocks the thread: handlers of a page's events and routes, which
    run in the test's own thread, wait with it.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**clean_environment(), **environment}
        self._modules: dict[str, str] = {}  # what to unload, by name
        self._recorders: dict[str, Recorder] = {}
        self._utterances: list[Utterance] = []
        self._pactl("unload-module", "module-null-sink")  # the sound server's own, which nobody hears
        # In this order: with another default source, PulseAudio moves those that record from the one before.
        self.plug_microphone(MICROPHONE, "Built-in microphone")
        self.make_default(MICROPHONE)
        self.plug_loudspeaker(LOUDSPEAKER, "Speakers")
        self.make_default(LOUDSPEAKER)

    # --- devices ----------------------------------------------------------------------------------------------

    def plug_loudspeaker(self, name: str, label: str) -> None:
        """Add a loudspeaker; pages see `label`."""
        self._modules[name] = self._null_sink(name, label)
        command = ["parec", f"--device={name}.monitor", f"--rate={RATE}", "--format=s16le", "--channels=1", LISTENING]
        self._recorders[name] = Recorder(command, self.environment)

    def plug_microphone(self, name: str, label: str) -> None:
        """Add a microphone; pages see `label`, and a loudspeaker "Line out", by which the user speaks into it."""
        if _mouth(name) not in self._modules:
            self._modules[_mouth(name)] = self._null_sink(_mouth(name), "Line out")
        properties = f"source_properties='device.description=\"{label}\"'"
        source = (f"source_name={name}", f"master={_mouth(name)}.monitor", f"rate={RATE}", "channels=1", properties)
        self._modules[name] = self._pactl("load-module", "module-remap-source", *source)

    def unplug(self, name: str) -> None:
        """Take a device away; what was heard at it is forgotten."""
        if name in self._recorders:
            self._recorders.pop(name).close()
        else:
            # Pages do not see this one. PulseAudio would choose the loudspeaker's own, and move the recorder from it
            # as soon as there is a microphone again.
            self._pactl("set-default-source", f"{_mouth(name)}.monitor")
        self._pactl("unload-module", self._modules.pop(name))

    def make_default(self, name: str) -> None:
        """Make a device the one that is used unless a page wants another."""
        self._pactl("set-default-sink" if name in self._recorders else "set-default-source", name)

    def mute(self, muted: bool, name: str = MICROPHONE) -> None:
        """Press the mute key of a microphone, outside the browser."""
        self._pactl("set-source-mute", name, "1" if muted else "0")

    def _null_sink(self, name: str, label: str) -> str:
        # It takes 50 ms of sound at a time; with rewinds it would take two seconds, and hand them on in one lump.
        pace = (f"rate={RATE}", "channels=1", "norewinds=1")
        properties = f"sink_properties='device.description=\"{label}\"'"
        return self._pactl("load-module", "module-null-sink", f"sink_name={name}", *pace, properties)

    def _pactl(self, *words: str) -> str:
        told = subprocess.run(
            [find("pactl"), *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE
        )
        assert told.returncode == 0, f"pactl {words}: {told.stderr}"
        return told.stdout.strip()

    def echo(self, into: str = MICROPHONE, of: str = LOUDSPEAKER) -> None:
        """Let a microphone hear a loudspeaker from now on, 20 ms late, as in a room; it is as loud as the user."""
        loop = (f"source={of}.monitor", f"sink={_mouth(into)}", "latency_msec=20", "source_dont_move=true")
        self._pactl("load-module", "module-loopback", *loop)

    # --- the user speaks --------------------------------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic()

    def say(self, wav: Path, into: str = MICROPHONE) -> float:
        """Say a recording; returns when it was said, and the time then."""
        self.begin_to_say(wav, into).wait()
        return self.now()

    def begin_to_say(self, wav: Path, into: str = MICROPHONE) -> Utterance:
        """Say a recording; returns at once."""
        command = ["paplay", f"--device={_mouth(into)}", SPEAKING, str(wav)]
        utterance = Utterance(subprocess.Popen(command, env=self.environment))
        self._utterances.append(utterance)
        return utterance

    # --- the user hears ---------------------------------------------------------------------------------------

    def heard(self, since: float, at: str = LOUDSPEAKER) -> Heard:
        """Return what came out of a loudspeaker from `since` up to now; its times are those of `now`."""
        return self._recorders[at].heard(since)

    def sound_after(self, since: float, at: str = LOUDSPEAKER, patience: float = PATIENCE) -> float:
        """Wait for sound from `since` on; returns when it began.

        Raises:
            AssertionError: It stayed silent for `patience` seconds.
        """
        return self._wait(lambda: begin_of_sound(self.heard(since, at)), patience, "nothing is heard")

    def silence_after(
        self, since: float, seconds: float = 1.0, at: str = LOUDSPEAKER, patience: float = PATIENCE
    ) -> float:
        """Wait for silence of `seconds` that begins at `since` or later; returns when it began.

        Raises:
            AssertionError: It was never silent for so long within `patience` seconds.
        """
        return self._wait(lambda: begin_of_silence(self.heard(since, at), seconds), patience, "it is never silent")

    def words_after(self, since: float, until: float | None = None, at: str = LOUDSPEAKER) -> str:
        """Return the words in what was heard, as the embedded recogniser knows them."""
        heard = self.heard(since, at)
        pcm = heard.pcm if until is None else heard.between(since, until)
        # The recogniser runs an event loop of its own; in a test's thread Playwright's is already running.
        with ThreadPoolExecutor(1) as other_thread:
            return other_thread.submit(words_in, pcm, heard.rate).result()

    def _wait(self, look: Callable[[], float | None], patience: float, failure: str) -> float:
        end = self.now() + patience
        while (found := look()) is None:
            assert self.now() < end, f"{failure} for {patience} s"
            time.sleep(0.05)
        return found

    def close(self) -> None:
        """Fall silent and stop listening."""
        for utterance in self._utterances:
            utterance.stop()
        for recorder in self._recorders.values():
            recorder.close()


def share_heard(said: str, heard: str) -> float:
    """Return how much of what was said was heard, from 0 to 1: words, in their order.

    The recogniser takes a word for another now and then ("far bedrooms"), more on a busy machine, where sound stutters.
    So half of it is plenty; another answer shares next to nothing.
    """
    first, second = (re.findall(r"[a-z']+", text.lower()) for text in (said, heard))
    matching = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return sum(block.size for block in matching) / max(1, len(first))


def begin_of_sound(heard: Heard) -> float | None:
    """Return when the first sound came, if there is any."""
    return next((at for at, level in _levels(heard) if level > SOUND_DB), None)


def begin_of_silence(heard: Heard, seconds: float) -> float | None:
    """Return when the first silence of at least `seconds` began, if there is any."""
    begin: float | None = None
    for at, level in _levels(heard):
        if level > SOUND_DB:
            begin = None
        elif begin is None:
            begin = at
        elif at + WINDOW_SECONDS - begin >= seconds:
            return begin
    return None


def _levels(heard: Heard) -> Iterator[tuple[float, float]]:
    """Yield the beginning of each whole window, and its level in dBFS."""
    size = 2 * round(WINDOW_SECONDS * heard.rate)
    for first in range(0, len(heard.pcm) - size + 1, size):
        yield heard.begin + first / 2 / heard.rate, level_db(heard.pcm[first : first + size])


def _mouth(microphone: str) -> str:
    """Return the name of the sink that feeds a microphone."""
    return f"{microphone}_mouth"


@contextmanager
def running_machine() -> Iterator[Machine]:
    """Run a machine's sound until the block ends.

    Raises:
        ProgramMissingError: PulseAudio is not installed.
    """
    for program in ("pactl", "parec", "paplay"):
        find(program)
    with running_sound_device() as environment:
        machine = Machine(environment)
        try:
            yield machine
        finally:
            machine.close()
