"""A codec whose audio tells which packet it came from, and a network that is a list of arrivals."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from antiphon.errors import MediaError
from antiphon.transports.rtp.packet import RtpPacket, write_rtp
from antiphon.transports.rtp.receiver import RtpReceiver

FRAME_SAMPLES = 480
CLOCK_RATE = 48_000
TICKS = 960
PAYLOAD_TYPE = 111
SSRC = 0xABCD
LOUD, GUESS = 1000, -1  # what a packet's samples begin at; a guessed sample
COPY = 100_000  # what `frames` adds to the number of a recovered packet

Arrivals = list[tuple[float, bytes]]


class NumberCodec:
    """Packet `n` decodes to samples of the value LOUD + n (a loud frame) or n (a quiet one, as its payload says)."""

    name = "number"
    clock_rate = CLOCK_RATE
    discontinuous = True

    def __init__(self, ticks: int = TICKS) -> None:
        self.length = ticks
        self.restarts = 0

    def ticks(self, payload: bytes) -> int:
        return self.length

    def is_pause(self, payload: bytes) -> bool:
        return payload.startswith(b"pause")

    def decode(self, payload: bytes) -> bytes:
        if payload.startswith(b"bad"):
            raise MediaError("bad")
        return self._frame(int(payload.split()[-1]), quiet=payload.startswith((b"quiet", b"pause")))

    def _frame(self, number: int, quiet: bool) -> bytes:
        return np.full(self.length // 2, number % 300 if quiet else LOUD + number, "<i2").tobytes()

    def conceal(self, samples: int) -> bytes:
        return np.full(samples, GUESS, "<i2").tobytes()

    def recover(self, next_payload: bytes, samples: int) -> bytes | None:
        if not next_payload.startswith(b"copy"):
            return None
        return np.full(samples, -(LOUD + int(next_payload.split()[-1]) - 1), "<i2").tobytes()

    def restart(self) -> None:
        self.restarts += 1

    def encode(self, pcm: bytes) -> bytes:
        raise NotImplementedError

    def expect_loss(self, percent: int) -> None:
        raise NotImplementedError


def number_packet(
    number: int, kind: str = "loud", first: int = 0, start: int = 0, *, ssrc: int = SSRC, ticks: int = TICKS
) -> bytes:
    """Return packet `number` of a stream whose sequence begins at `first` and whose timestamps begin at `start`."""
    return write_rtp(
        RtpPacket(
            PAYLOAD_TYPE,
            (first + number) & 0xFFFF,
            (start + number * ticks) & 0xFFFF_FFFF,
            ssrc,
            f"{kind} {number}".encode(),
        )
    )


def arrivals(packets: Sequence[bytes], delays: Iterable[float] = (), interval: float = 0.020) -> Arrivals:
    """Return packets sent every `interval` seconds, each delayed by its own time (the last one's for the rest)."""
    delay, rest = 0.0, iter(delays)
    found = []
    for index, packet in enumerate(packets):
        delay = next(rest, delay)
        found.append((index * interval + delay, packet))
    return sorted(found, key=lambda arrival: arrival[0])


def play(receiver: RtpReceiver, network: Arrivals, seconds: float, phase: float = 0.005) -> Iterator[bytes]:
    """Yield what each tick of 20 ms pulls, with the packets given in as they arrive."""
    pending = iter(network)
    arrival = next(pending, None)
    for tick in range(round(seconds * 50)):
        now = tick * 0.020 + phase
        while arrival is not None and arrival[0] <= now:
            receiver.receive(arrival[1], arrival[0])
            arrival = next(pending, None)
        yield receiver.pull(now)


def samples(pcm: bytes | Iterable[bytes]) -> NDArray[np.int16]:
    return np.frombuffer(pcm if isinstance(pcm, bytes) else b"".join(pcm), "<i2")


def frames(pcm: bytes | Iterable[bytes]) -> list[int]:
    """Return the value of each whole frame that `NumberCodec` decoded: its packet, GUESS, 0, or COPY and its packet."""
    return [_meaning(frame) for frame in samples(pcm).reshape(-1, FRAME_SAMPLES)]


def _meaning(frame: NDArray[np.int16]) -> int:
    first, last = int(frame[0]), int(frame[-1])
    if first == GUESS:
        assert last in (GUESS, 0), "a guess that neither stays nor fades"
        return GUESS
    assert (frame == first).all(), "a frame is of two packets"
    if first <= -LOUD:
        return COPY - first - LOUD
    return first - LOUD if first >= LOUD else first


def receiver(ticks: int = TICKS) -> RtpReceiver:
    return RtpReceiver({PAYLOAD_TYPE: NumberCodec(ticks)})
