"""Microphone and loudspeaker, by way of sounddevice (the extra `audio`), which is imported when it is needed."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from antiphon.audio import Resampler
from antiphon.audio.pcm import SAMPLE_BYTES
from antiphon.errors import MediaError, MissingExtraError
from antiphon.talk.playback import RATE, Playback

BLOCK_SECONDS = 0.02
_LIST_HINT = "`antiphon talk --list-devices` shows what there is"
_FILES_HINT = "without sound devices, use --in question.wav --out answer.wav"


def load_sounddevice() -> Any:
    """Return the module `sounddevice`.

    Raises:
        MissingExtraError: It is not installed.
        MediaError: The library PortAudio, which it needs, is missing.
    """
    try:
        return import_module("sounddevice")
    except ImportError as error:
        raise MissingExtraError("talk", "sounddevice", "audio") from error
    except OSError as error:
        raise MediaError(
            f"talk: {error}; install PortAudio (Debian and Ubuntu: apt install libportaudio2; macOS: brew install "
            f"portaudio), or, {_FILES_HINT}"
        ) from error


def list_devices() -> str:
    """Return a table of the sound devices, a line each; `>` marks the default input and `<` the default output.

    Raises:
        MissingExtraError: sounddevice is not installed.
        MediaError: PortAudio is missing.
    """
    return str(load_sounddevice().query_devices()) or "no sound devices"


class _Device:
    """One direction of one sound device, at 24000 Hz where it can, else at its own rate.

    Args:
        sounddevice: The module.
        direction: `input` or `output`.
        device: A number or part of a name; None is the system's default.

    Raises:
        MediaError: There is no such device.
    """

    def __init__(self, sounddevice: Any, direction: str, device: int | str | None) -> None:
        self._sounddevice = sounddevice
        self._direction = direction
        self._device = device
        with self._explaining():
            found = sounddevice.query_devices(device, direction)
            self.name = str(found["name"])
            self.rate = self._choose_rate(int(found["default_samplerate"]))

    def _choose_rate(self, own_rate: int) -> int:
        check = getattr(self._sounddevice, f"check_{self._direction}_settings")
        try:
            check(device=self._device, channels=1, dtype="int16", samplerate=RATE)
        except self._sounddevice.PortAudioError:
            return own_rate
        return RATE

    @property
    def settings(self) -> dict[str, Any]:
        """What a stream of this device is opened with."""
        return {
            "device": self._device,
            "samplerate": self.rate,
            "channels": 1,
            "dtype": "int16",
            "blocksize": round(self.rate * BLOCK_SECONDS),
            "latency": "low",
        }

    def open(self, **settings: Any) -> Any:
        """Return a started stream."""
        with self._explaining():
            stream = getattr(self._sounddevice, f"Raw{self._direction.title()}Stream")(**self.settings, **settings)
            stream.start()
        return stream

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (self._sounddevice.PortAudioError, ValueError) as error:
            noun = "microphone" if self._direction == "input" else "loudspeaker"
            which = f"the {noun} {self._device!r}" if self._device is not None else f"a {noun}"
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MediaError(f"talk: {which} cannot be opened: {text}; {_LIST_HINT}; {_FILES_HINT}") from error


class Microphone:
    """The user's voice as PCM16 at 24000 Hz; it is heard from `start` on.

    Raises:
        MediaError: There is no such device.
    """

    def __init__(self, sounddevice: Any, device: int | str | None) -> None:
        self._device = _Device(sounddevice, "input", device)
        self._resampler = Resampler(self._device.rate, RATE)
        self._heard: deque[bytes] = deque()
        self._stream: Any = None

    @property
    def name(self) -> str:
        return self._device.name

    def start(self) -> None:
        self._stream = self._device.open(callback=self._hear)

    def _hear(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        self._heard.append(bytes(data))  # on PortAudio's thread; a deque's append and popleft need no lock

    def read(self) -> bytes:
        """Return what was heard since the last call."""
        heard = bytearray()
        while self._heard:
            heard += self._heard.popleft()
        return self._resampler.process(bytes(heard)) if heard else b""

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Loudspeaker:
    """Plays what waits in `playback`, and tells it how long a sample takes to be heard.

    Raises:
        MediaError: There is no such device.
    """

    def __init__(self, sounddevice: Any, device: int | str | None, playback: Playback) -> None:
        self._device = _Device(sounddevice, "output", device)
        self._playback = playback
        self._resampler = Resampler(RATE, self._device.rate)
        self._ready = bytearray()  # at the device's rate
        self._stream: Any = None

    @property
    def name(self) -> str:
        return self._device.name

    def start(self) -> None:
        self._stream = self._device.open(callback=self._fill)
        self._playback.delay = float(self._stream.latency)

    def _fill(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        needed = len(data)
        while len(self._ready) < needed:
            missing = (needed - len(self._ready)) // SAMPLE_BYTES
            samples = -(-missing * RATE // self._device.rate)
            self._ready += self._resampler.process(self._playback.take(samples))
        data[:] = bytes(self._ready[:needed])
        del self._ready[:needed]

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
