"""Microphone and loudspeaker, on a sounddevice without hardware."""

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from antiphon import cli
from antiphon.errors import MediaError, MissingExtraError
from antiphon.talk import audio_devices
from antiphon.talk.audio_devices import Loudspeaker, Microphone, list_devices, load_sounddevice
from antiphon.talk.playback import Cut, Playback


class PortAudioError(Exception):
    pass


class Stream:
    """A stream whose callback the test calls."""

    def __init__(self, kind: str, settings: dict[str, Any]) -> None:
        self.kind = kind
        self.settings = settings
        self.callback: Callable[[Any, int, object, object], None] = settings.pop("callback")
        self.latency = 0.05
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def close(self) -> None:
        self.calls.append("close")

    def hear(self, pcm: bytes) -> None:
        self.callback(memoryview(pcm), len(pcm) // 2, None, None)

    def play(self, frames: int) -> bytes:
        data = bytearray(b"\xff" * (2 * frames))
        self.callback(memoryview(data), frames, None, None)
        return bytes(data)


class FakeSoundDevice(ModuleType):
    PortAudioError = PortAudioError

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.rates = {24_000, 48_000}
        self.devices = {"input": "Desk Mic", "output": "Desk Speakers"}
        self.streams: list[Stream] = []
        self.refuses_start = False

    def query_devices(self, device: object = None, kind: str | None = None) -> Any:
        if kind is None:
            return "> 0 Desk Mic\n< 1 Desk Speakers" if self.devices else ""
        if kind not in self.devices:
            raise PortAudioError("Error querying device -1")
        if device not in (None, 0, 1, "Desk"):
            raise ValueError(f"No {kind} device matching {device!r}")
        return {"name": self.devices[kind], "default_samplerate": 48_000.0}

    def _check(self, samplerate: int, **settings: object) -> None:
        assert settings["channels"] == 1
        assert settings["dtype"] == "int16"
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate")

    check_input_settings = check_output_settings = _check

    def _open(self, kind: str, settings: dict[str, Any]) -> Stream:
        if self.refuses_start:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.streams.append(Stream(kind, settings))
        return self.streams[-1]

    def RawInputStream(self, **settings: Any) -> Stream:  # noqa: N802 - sounddevice's name
        return self._open("input", settings)

    def RawOutputStream(self, **settings: Any) -> Stream:  # noqa: N802
        return self._open("output", settings)


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_the_microphone_gives_what_it_heard_since_the_last_time(sounddevice: FakeSoundDevice) -> None:
    microphone = Microphone(load_sounddevice(), None)
    microphone.start()
    (stream,) = sounddevice.streams
    settings = {key: stream.settings[key] for key in ("device", "samplerate", "channels", "dtype", "blocksize")}
    assert settings == {"device": None, "samplerate": 24_000, "channels": 1, "dtype": "int16", "blocksize": 480}
    stream.hear(b"\1\0" * 480)
    stream.hear(b"\2\0" * 480)
    assert microphone.read() == b"\1\0" * 480 + b"\2\0" * 480
    assert microphone.read() == b""
    microphone.close()
    microphone.close()
    assert stream.calls == ["start", "close"]


def test_a_microphone_of_another_rate_is_converted(sounddevice: FakeSoundDevice) -> None:
    sounddevice.rates = {48_000}
    microphone = Microphone(load_sounddevice(), "Desk")
    microphone.start()
    (stream,) = sounddevice.streams
    assert (stream.settings["samplerate"], stream.settings["blocksize"]) == (48_000, 960)
    heard = b""
    for _ in range(10):
        stream.hear(np.full(960, 1000, "<i2").tobytes())
        heard += microphone.read()
    assert len(heard) // 2 == pytest.approx(10 * 480, abs=30)
    assert set(np.frombuffer(heard, "<i2")[100:-100]) == {1000}


def test_the_loudspeaker_plays_what_waits_and_silence_after_it(sounddevice: FakeSoundDevice) -> None:
    playback = Playback()
    loudspeaker = Loudspeaker(load_sounddevice(), 1, playback)
    loudspeaker.start()
    playback.add("a", 0, b"\1\0" * 700)
    (stream,) = sounddevice.streams
    assert stream.play(480) == b"\1\0" * 480
    assert stream.play(480) == b"\1\0" * 220 + bytes(520)
    loudspeaker.close()
    assert stream.calls == ["start", "close"]


def test_the_loudspeakers_own_delay_counts_as_not_heard(sounddevice: FakeSoundDevice) -> None:
    playback = Playback()
    loudspeaker = Loudspeaker(load_sounddevice(), None, playback)
    loudspeaker.start()
    playback.add("a", 0, b"\1\0" * 24_000)
    for _ in range(10):
        sounddevice.streams[0].play(480)
    assert playback.flush() == [Cut("a", 0, 150)]  # 200 ms were taken, 50 ms are in the device


def test_a_loudspeaker_of_another_rate_is_converted(sounddevice: FakeSoundDevice) -> None:
    sounddevice.rates = {48_000}
    playback = Playback()
    loudspeaker = Loudspeaker(load_sounddevice(), None, playback)
    loudspeaker.start()
    playback.add("a", 0, np.full(4800, 1000, "<i2").tobytes())
    played = b"".join(sounddevice.streams[0].play(441) for _ in range(20))
    assert len(played) == 20 * 441 * 2
    assert set(np.frombuffer(played, "<i2")[200:]) == {1000}
    # Little more is taken from the queue than is played, or an interruption would come late.
    assert playback.flush()[0].heard_ms <= 20 * 441 / 48 + 5


def test_devices_are_listed(sounddevice: FakeSoundDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["talk", "--list-devices"]) == 0
    assert capsys.readouterr().out == "> 0 Desk Mic\n< 1 Desk Speakers\n"
    sounddevice.devices = {}
    assert list_devices() == "no sound devices"


@pytest.mark.parametrize(
    ("present", "open_device", "message"),
    [
        ("output", lambda module: Microphone(module, None), "a microphone cannot be opened: Error querying device -1"),
        ("input", lambda module: Loudspeaker(module, None, Playback()), "a loudspeaker cannot be opened: Error "),
        ("input", lambda module: Microphone(module, "Car"), "the microphone 'Car' cannot be opened: No input device"),
    ],
)
def test_a_missing_device_is_told(
    sounddevice: FakeSoundDevice, present: str, open_device: Callable[[Any], object], message: str
) -> None:
    sounddevice.devices = {present: "Desk"}
    with pytest.raises(MediaError) as refused:
        open_device(load_sounddevice())
    assert str(refused.value).startswith(f"talk: {message}")
    assert "--list-devices" in str(refused.value)
    assert "--in question.wav --out answer.wav" in str(refused.value)


def test_a_busy_device_is_told(sounddevice: FakeSoundDevice) -> None:
    microphone = Microphone(load_sounddevice(), None)
    sounddevice.refuses_start = True
    with pytest.raises(MediaError, match="Device unavailable"):
        microphone.start()
    microphone.close()


def raising(error: Exception) -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        assert name == "sounddevice"
        raise error

    return load


def test_without_sounddevice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_devices, "import_module", raising(ImportError("sounddevice")))
    with pytest.raises(MissingExtraError) as missing:
        load_sounddevice()
    assert missing.value.extra == "audio"
    assert "pip install 'antiphon[audio]'" in str(missing.value)


def test_without_portaudio_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_devices, "import_module", raising(OSError("PortAudio library not found")))
    with pytest.raises(MediaError, match=r"PortAudio library not found; install PortAudio .*libportaudio2"):
        load_sounddevice()


def test_the_module_is_imported_only_when_needed() -> None:
    code = "import sys; sys.modules['sounddevice'] = None; import antiphon.talk.talk"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
