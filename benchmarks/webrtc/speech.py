"""What is said in the calls: recordings, as the server has them and as browsers send them."""

import json
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from av import AudioFrame, CodecContext
from av.audio.codeccontext import AudioCodecContext

from antiphon.audio.pcm import read_wav, samples_of
from antiphon.audio.resample import resample

DATA = Path(__file__).parents[3] / "shared" / "data"
SAID_BY_SERVERS = "human-librivox"
SAID_BY_CLIENTS = "human-jfk"
QUESTIONS = "property"
RATE = 24_000
WIRE_RATE = 48_000  # of Opus in WebRTC
LOUD = 250  # a frame that swings less is a pause
BROWSER_BITRATE = 32_000


def recordings(kind: str, rate: int) -> list[bytes]:
    """Return all recordings of that kind, PCM16 at `rate` Hz."""
    entries = json.loads((DATA / "manifest.json").read_text())
    return [load(DATA / entry["file"], rate) for entry in entries if entry["set"] == kind]


def load(path: Path, rate: int) -> bytes:
    wav = read_wav(path)
    return resample(wav.pcm, wav.rate, rate)


@lru_cache
def speech(kind: str, rate: int = RATE, seconds: float = 20.0) -> tuple[bytes, ...]:
    """Return speech without its pauses in frames of 20 ms, PCM16: every frame is a loud one."""
    size = rate // 50 * 2
    frames: list[bytes] = []
    for pcm in recordings(kind, rate):
        frames += (pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size))
        loud = [frame for frame in frames if is_loud(frame)]
        if len(loud) >= seconds * 50:
            return tuple(loud[: int(seconds * 50)])
    return tuple(loud)


def is_loud(frame: bytes, level: int = LOUD) -> bool:
    """Return whether the standard deviation of a frame's samples reaches `level`: what does not swing is no sound."""
    return bool(samples_of(frame).std() >= level)


def as_browsers_send(pcm: bytes) -> list[bytes]:
    """Return PCM16 at 48000 Hz as Opus packets of 20 ms: speech mode at 32 kbit/s, with in-band FEC."""
    encoder = CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.bit_rate = WIRE_RATE, BROWSER_BITRATE
    encoder.format, encoder.layout, encoder.time_base = "s16", "mono", Fraction(1, WIRE_RATE)
    encoder.options = {"application": "voip", "fec": "1", "packet_loss": "1"}
    size = WIRE_RATE // 50
    packets: list[bytes] = []
    for number, at in enumerate(range(0, len(pcm) - 2 * size + 1, 2 * size)):
        samples = np.frombuffer(pcm, "<i2", size, at)[np.newaxis]
        frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = WIRE_RATE, number * size
        packets += map(bytes, encoder.encode(frame))
    return packets


@lru_cache
def chatter() -> list[bytes]:
    """Return packets of speech without an end, to be sent again and again."""
    return as_browsers_send(b"".join(speech(SAID_BY_CLIENTS, WIRE_RATE, 10.0)))


def questions(pause_seconds: float) -> list[list[bytes]]:
    """Return what a caller sends who asks a question and listens, for each question."""
    pause = bytes(round(pause_seconds * 50) * WIRE_RATE // 50 * 2)
    return [as_browsers_send(asked + pause) for asked in recordings(QUESTIONS, WIRE_RATE)]
