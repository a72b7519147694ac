"""The kit's machine: what is said into its microphone reaches pages, and what pages play is heard."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from antiphon.audio.pcm import silence
from tests.browser.browsers import Heard
from tests.browser.site import served
from tests.browser.sound import SPEECH
from tests.web.kit.chromium import look_for_devices, until
from tests.web.kit.machine import RATE, Machine, begin_of_silence, begin_of_sound, share_heard

SENTENCE = SPEECH / "questions" / "property-00-slt.wav"
SAID = "how many bedrooms does this property have"
LOUD = b"\x00\x40" * (RATE // 10)  # 100 ms
# What goes into the microphone comes out of the loudspeaker a moment later.
LOOP = """async (device) => {
  globalThis.stream = await navigator.mediaDevices.getUserMedia({
    audio: { deviceId: device, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  globalThis.context = new AudioContext();
  const delay = new DelayNode(context, { delayTime: 0.5 });
  context.createMediaStreamSource(stream).connect(delay).connect(context.destination);
}"""
EVENTS = """() => {
  globalThis.events = [];
  const [track] = stream.getTracks();
  for (const type of ['mute', 'unmute']) track.addEventListener(type, () => events.push(type));
  navigator.mediaDevices.addEventListener('devicechange', () => events.push('devicechange'));
}"""
LABELS = "navigator.mediaDevices.enumerateDevices().then((all) => all.map(({ kind, label }) => `${kind} ${label}`))"


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    with served(Path(__file__).parent / "pages") as address:
        yield address


@pytest.fixture
def loop(open_page: Callable[..., Page], pages: str) -> Page:
    """A page that repeats what it hears."""
    page = open_page(f"{pages}/kit-plain.html")
    page.evaluate(LOOP, "default")
    return page


def heard(*parts: bytes) -> Heard:
    return Heard(b"".join(parts), RATE, begin=100.0)


def test_a_sound_begins_where_it_is_first_loud() -> None:
    assert begin_of_sound(heard(silence(0.3, RATE), LOUD)) == pytest.approx(100.3)
    assert begin_of_sound(heard(silence(0.3, RATE))) is None


def test_only_a_long_silence_counts() -> None:
    pause, end = silence(0.2, RATE), silence(0.6, RATE)
    assert begin_of_silence(heard(LOUD, pause, LOUD, end), seconds=0.5) == pytest.approx(100.4)
    assert begin_of_silence(heard(LOUD, pause, LOUD, end), seconds=0.1) == pytest.approx(100.1)
    assert begin_of_silence(heard(LOUD, end), seconds=0.7) is None


def test_what_was_heard_is_compared_word_by_word() -> None:
    said = "There are four bedrooms."
    assert share_heard(said, "there are four bedrooms") == 1
    assert share_heard(said, "well there are far bedrooms") == 0.75
    assert share_heard(said, "it has a double garage") == 0


def test_what_is_said_to_a_page_and_played_by_it_is_heard(machine: Machine, loop: Page) -> None:
    begun = machine.now()
    said = machine.say(SENTENCE)
    sound = machine.sound_after(begun)
    end = machine.silence_after(sound)
    assert share_heard(SAID, machine.words_after(begun, end + 0.3)) >= 0.5
    assert begun + 0.5 < sound < said  # the page was half a second late
    assert loop.evaluate("stream.getTracks()[0].readyState") == "live"


def test_a_page_sees_the_devices_of_the_machine(machine: Machine, loop: Page) -> None:
    machine.plug_microphone("headset", "Headset")
    machine.plug_loudspeaker("earphones", "Earphones")
    labels = loop.evaluate(LABELS)
    assert {"audioinput Built-in microphone", "audioinput Headset"} <= set(labels)
    assert {"audiooutput Speakers", "audiooutput Earphones"} <= set(labels)


def test_a_page_notices_the_mute_key_and_new_devices(machine: Machine, loop: Page) -> None:
    loop.evaluate(EVENTS)
    machine.mute(True)
    until(loop, "events.includes('mute')")
    machine.mute(False)
    until(loop, "events.includes('unmute')")
    machine.plug_microphone("headset", "Headset")
    look_for_devices(loop)
    until(loop, "events.includes('devicechange')")


def test_each_microphone_hears_only_what_is_said_to_it(machine: Machine, loop: Page) -> None:
    machine.plug_microphone("headset", "Headset")
    begun = machine.now()
    machine.say(SENTENCE, into="headset")
    with pytest.raises(AssertionError, match="nothing is heard"):
        machine.sound_after(begun, patience=1.0)


def test_a_recorder_stays_at_its_loudspeaker(machine: Machine, open_page: Callable[..., Page], pages: str) -> None:
    """Also when the microphone is taken away and comes back."""
    machine.unplug("microphone")
    machine.plug_microphone("microphone", "Built-in microphone")
    machine.make_default("microphone")
    page = open_page(f"{pages}/kit-plain.html")
    page.evaluate(LOOP, "default")
    begun = machine.now()
    machine.say(SENTENCE)
    machine.sound_after(begun, patience=5.0)


def test_a_user_breaks_off(machine: Machine, loop: Page) -> None:
    begun = machine.now()
    utterance = machine.begin_to_say(SENTENCE)
    sound = machine.sound_after(begun)
    utterance.stop()
    assert machine.silence_after(sound) - sound < 2.0  # all of it takes longer


def test_a_microphone_hears_the_echo_of_a_loudspeaker(machine: Machine, loop: Page) -> None:
    """With the page that repeats what it hears, it goes on for ever."""
    machine.echo()
    begun = machine.now()
    machine.begin_to_say(SENTENCE).wait()
    with pytest.raises(AssertionError, match="never silent"):
        machine.silence_after(begun + 3.0, seconds=1.0, patience=8.0)
