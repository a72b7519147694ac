"""Questions from WAV files at real pace, and the answers as the user would have heard them."""

import asyncio
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from antiphon.audio import resample, samples_of
from antiphon.audio.pcm import SAMPLE_BYTES
from antiphon.errors import MediaError
from antiphon.talk.playback import RATE

PACKET_SECONDS = 0.02
PACKET_SAMPLES = RATE // 50  # 480
_SILENCE = bytes(PACKET_SAMPLES * SAMPLE_BYTES)
# Speech reaches down to 40 dB below the file's loudest sample: soft endings are in, the noise of a good file is out.
_SPEECH_SHARE = 10 ** (-40 / 20)


@dataclass(frozen=True)
class SpokenQuestion:
    """A question as audio: PCM16 at 24000 Hz; `speech_end` is the position after its last sample of speech."""

    pcm: bytes
    speech_end: int


def read_question(path: Path) -> SpokenQuestion:
    """Read a WAV file of PCM16, mono or stereo, of any usual rate.

    Raises:
        MediaError: There is no such file, it is of another kind, or it is silent.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, count = file.getparams()[:4]
            pcm = file.readframes(count)
    except (OSError, wave.Error, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "it ends too early"
        raise MediaError(f"--in: {path} cannot be read as WAV: {reason}; give a WAV file of PCM16") from error
    if width != SAMPLE_BYTES or channels not in (1, 2):
        raise MediaError(f"--in: {path} has {channels} channel(s) of {8 * width} bits; give one or two of 16 bits")
    pcm = resample(_mono(pcm) if channels == 2 else pcm, rate, RATE)
    speech_end = find_speech_end(pcm)
    if not speech_end:
        raise MediaError(f"--in: {path} holds nothing but silence; give a file with a spoken question")
    return SpokenQuestion(pcm, speech_end)


def _mono(pcm: bytes) -> bytes:
    frames = samples_of(pcm[: len(pcm) // 4 * 4]).reshape(-1, 2).astype(np.int32)
    mean: NDArray[np.int16] = (frames.sum(axis=1) // 2).astype("<i2")
    return mean.tobytes()


def find_speech_end(pcm: bytes) -> int:
    """Return the position after the last sample of speech in PCM16 at 24000 Hz; 0 when all is silent."""
    samples = np.abs(samples_of(pcm).astype(np.int32))
    if not samples.size or not samples.max():
        return 0
    threshold = max(1, int(samples.max() * _SPEECH_SHARE))
    return int(np.flatnonzero(samples >= threshold)[-1]) + 1


class FileMicrophone:
    """A microphone that hears questions when told to, and silence otherwise; 20 ms at a time."""

    def __init__(self) -> None:
        self._question: SpokenQuestion | None = None
        self._position = 0

    def start(self, question: SpokenQuestion) -> None:
        """Hear a question, from the next packet on."""
        self._question = question
        self._position = 0

    def read(self) -> tuple[bytes, float | None]:
        """Return the next packet, and how long before its end speech ended, in seconds; None unless it ended in it."""
        question = self._question
        if question is None:
            return _SILENCE, None
        begin = self._position
        self._position = end = begin + PACKET_SAMPLES
        packet = question.pcm[begin * SAMPLE_BYTES : end * SAMPLE_BYTES].ljust(len(_SILENCE), b"\0")
        if end * SAMPLE_BYTES >= len(question.pcm):
            self._question = None
        ended = begin < question.speech_end <= end
        return packet, (end - question.speech_end) / RATE if ended else None


class WavRecorder:
    """A WAV file that grows with what is heard: PCM16 mono at 24000 Hz.

    Raises:
        MediaError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._target = path.open("wb")
        except OSError as error:
            raise MediaError(f"--out: {path} cannot be written: {error.strerror}; choose another place") from error
        self._file = wave.open(self._target, "wb")  # noqa: SIM115 - it stays open for the conversation
        self._file.setnchannels(1)
        self._file.setsampwidth(SAMPLE_BYTES)
        self._file.setframerate(RATE)

    def write(self, pcm: bytes) -> None:
        self._file.writeframesraw(pcm)

    def close(self) -> None:
        """Complete the file; it is a valid one from here on."""
        self._file.writeframes(b"")
        self._file.close()
        self._target.close()


async def every_packet(
    act: Callable[[float], None],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call `act` with the time every 20 ms, for ever; the pace is the clock's own, so that delays do not add up.

    Args:
        act: Called as often as packets were due: after a delay several times in a row.
        clock: Seconds, never decreasing.
        sleep: Waits so many seconds.
    """
    start = clock()
    count = 0
    while True:
        count += 1
        due = start + count * PACKET_SECONDS
        wait = due - clock()
        if wait > 0:
            await sleep(wait)
        elif count % 50 == 0:
            await sleep(0)  # after a long stop, what came in meanwhile has its turn as well
        act(clock())
