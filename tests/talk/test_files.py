"""Questions from files, at real pace on a virtual clock, and the recording of answers."""

import wave
from pathlib import Path

import numpy as np
import pytest

from antiphon.audio import read_wav
from antiphon.errors import MediaError
from antiphon.talk.files import (
    FileMicrophone,
    SpokenQuestion,
    WavRecorder,
    every_packet,
    find_speech_end,
    read_question,
)

SPEECH = Path(__file__).parent.parent / "speech"


def write(path: Path, samples: np.ndarray, rate: int = 24_000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def tone(seconds: float, rate: int) -> np.ndarray:
    return 8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_any_rate_is_converted(tmp_path: Path, rate: int) -> None:
    samples = np.concatenate([tone(0.5, rate), np.zeros(rate // 4)])
    question = read_question(write(tmp_path / "q.wav", samples, rate))
    assert len(question.pcm) // 2 == pytest.approx(18_000, abs=1)
    assert question.speech_end == pytest.approx(12_000, abs=60)


def test_stereo_is_mixed_down(tmp_path: Path) -> None:
    both = np.stack([np.full(480, 1000), np.full(480, 3000)], axis=1)
    question = read_question(write(tmp_path / "q.wav", both, channels=2))
    assert set(np.frombuffer(question.pcm, "<i2")) == {2000}


def test_the_end_of_speech_is_found_before_quiet_noise() -> None:
    noise = np.random.default_rng(1).integers(-20, 20, 24_000)
    samples = noise + np.concatenate([tone(0.5, 24_000), np.zeros(12_000)]).astype(int)
    assert find_speech_end(samples.astype("<i2").tobytes()) == pytest.approx(12_000, abs=10)


def test_a_real_recording_ends_with_its_last_sound() -> None:
    question = read_question(SPEECH / "questions" / "property-03-rms.wav")
    tail = np.frombuffer(question.pcm, "<i2")[question.speech_end :]
    assert 0 < question.speech_end < len(question.pcm) // 2
    assert np.abs(tail).max(initial=0) < 0.011 * np.abs(np.frombuffer(question.pcm, "<i2")).max()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "No such file or directory"),
        (lambda path: path.write_bytes(b"hello, no RIFF here"), "cannot be read as WAV"),
        (lambda path: path.write_bytes(b""), "cannot be read as WAV: it ends too early"),
        (lambda path: write(path, np.zeros(480)), "nothing but silence"),
        (lambda path: write(path, np.ones(480), width=1), "1 channel(s) of 8 bits"),
        (lambda path: write(path, np.ones(480), channels=4), "4 channel(s) of 16 bits"),
    ],
)
def test_another_kind_of_file_is_refused_by_name(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "q.wav"
    make(path)  # type: ignore[operator]
    with pytest.raises(MediaError) as refused:
        read_question(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_is_heard_in_packets_and_silence_follows() -> None:
    pcm = np.arange(1, 1001, dtype="<i2").tobytes()  # two packets and a bit
    microphone = FileMicrophone()
    assert microphone.read() == (bytes(960), None)
    microphone.start(SpokenQuestion(pcm, 720))
    packets = [microphone.read() for _ in range(4)]
    assert b"".join(packet for packet, _ in packets) == pcm + bytes(4 * 960 - len(pcm))
    # The last sound is the middle of the second packet, 10 ms before its end.
    assert [ended for _, ended in packets] == [None, pytest.approx(0.01), None, None]


@pytest.mark.parametrize(("end", "packet"), [(1, 0), (480, 0), (481, 1), (960, 1)])
def test_the_end_of_speech_belongs_to_the_packet_that_holds_its_sample(end: int, packet: int) -> None:
    microphone = FileMicrophone()
    microphone.start(SpokenQuestion(bytes(2 * 960), end))
    ended = [microphone.read()[1] for _ in range(4)]
    assert [number for number, when in enumerate(ended) if when is not None] == [packet]


class Stop(Exception):  # noqa: N818 - it is no error
    pass


class Clock:
    """Virtual time: sleeping takes longer than asked by `oversleep`."""

    def __init__(self, oversleep: float = 0.0) -> None:
        self.now = 100.0
        self.oversleep = oversleep
        self.acts: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleep

    def act(self, now: float) -> None:
        self.acts.append(now - 100.0)
        if len(self.acts) == 500:
            raise Stop


async def test_packets_keep_their_pace_however_late_sleep_returns() -> None:
    clock = Clock(oversleep=0.007)
    with pytest.raises(Stop):
        await every_packet(clock.act, clock, clock.sleep)
    assert clock.acts[-1] == pytest.approx(10.0 + 0.007)
    assert all(act == pytest.approx((number + 1) * 0.02 + 0.007) for number, act in enumerate(clock.acts))


async def test_a_delay_is_caught_up_without_loss() -> None:
    clock = Clock()

    def stall_once(now: float) -> None:
        clock.act(now)
        if len(clock.acts) == 10:
            clock.now += 1.0

    with pytest.raises(Stop):
        await every_packet(stall_once, clock, clock.sleep)
    assert clock.acts[-1] == pytest.approx(10.0)


def test_the_recording_is_a_wav_file_of_what_was_heard(tmp_path: Path) -> None:
    recorder = WavRecorder(tmp_path / "answer.wav")
    recorder.write(b"\1\0" * 480)
    recorder.write(bytes(960))
    recorder.close()
    wav = read_wav(tmp_path / "answer.wav")
    assert (wav.rate, wav.pcm) == (24_000, b"\1\0" * 480 + bytes(960))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be written: No such file or directory"):
        WavRecorder(tmp_path / "nowhere" / "answer.wav")
