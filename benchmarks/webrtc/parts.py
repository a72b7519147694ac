"""Where the processor's time goes in 20 ms of a call: each part of the path by itself, over many frames.

What a call costs beyond their sum is the event loop, timers, the HTTP server and caches that other calls emptied.
"""

import os
import secrets
import socket
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from typing import TypeVar

from pylibsrtp import Policy, Session

from antiphon.audio.opus import OpusDecoder
from antiphon.path.playback import Playback
from antiphon.protocol.ids import Ids
from antiphon.transports.rtp import Opus, RtpPacket, RtpReceiver, RtpSender, write_rtp
from benchmarks.webrtc.server import DELTA_FRAMES, deltas
from benchmarks.webrtc.speech import SAID_BY_SERVERS, chatter, speech

FRAMES = 2000
ROUNDS = 7
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_256_GCM  # what aiortc and OpenSSL agree on
KEY_BYTES = 44
DELTA = (
    b'{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1",'
    b'"output_index":0,"content_index":0,"delta":"%b"}'
)

In = TypeVar("In")
Out = TypeVar("Out")


def timed(call: Callable[[In], Out], inputs: Iterable[In]) -> tuple[float, list[Out]]:
    """Return the microseconds of one of these calls, and what they returned."""
    given = list(inputs)
    began = time.perf_counter()
    returned = [call(each) for each in given]
    return (time.perf_counter() - began) / len(given) * 1e6, returned


def parts() -> dict[str, float]:
    """Return the microseconds of each part in one frame: the median of some rounds, as others disturb one or two."""
    rounds = [{**_receiving(), **_sending()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _receiving() -> dict[str, float]:
    payloads = list(islice(cycle(chatter()), FRAMES))
    packets = [write_rtp(RtpPacket(111, number, number * 960, 7, said)) for number, said in enumerate(payloads)]
    protecting, clearing = _sessions()
    socket_us, arrived = _through_a_socket([protecting.protect(packet) for packet in packets])[1:]
    decrypt, clear = timed(clearing.unprotect, arrived)
    decode, _ = timed(OpusDecoder().decode, payloads)
    receiver = RtpReceiver({111: Opus()})

    def play(numbered: tuple[int, bytes]) -> bytes:
        now = numbered[0] * 0.020
        receiver.receive(numbered[1], now)
        return receiver.pull(now + 0.001)

    play_us, heard = timed(play, enumerate(clear))
    event, _ = timed(_playback().hear, [pcm for pcm in heard if pcm])
    return {
        "receive: socket": socket_us,
        "receive: decrypt": decrypt,
        "receive: packet, jitter buffer": play_us - decode,
        "receive: decode": decode,
        "receive: event for the engine": event,
    }


def _sending() -> dict[str, float]:
    playback = _playback()
    count = FRAMES // DELTA_FRAMES
    events = (DELTA % said for said in islice(cycle(deltas()), count))
    take, _ = timed(playback.take, events)
    pull, frames = timed(lambda _: playback.pull(), range(FRAMES))
    codec = Opus()
    encode, _ = timed(codec.encode, islice(cycle(speech(SAID_BY_SERVERS)), FRAMES))
    send, packets = timed(RtpSender(Opus(), 111, 7).packet, frames)
    protecting, _ = _sessions()
    encrypt, protected = timed(protecting.protect, [packet for packet in packets if packet])
    return {
        "send: event of the engine": take / DELTA_FRAMES,
        "send: next frame of the queue": pull,
        "send: encode": encode,
        "send: packet": send - encode,
        "send: encrypt": encrypt,
        "send: socket": _through_a_socket(protected)[0],
    }


def _playback() -> Playback:
    return Playback(_ignore, _ignore, Ids(os.urandom))


def _ignore(_message: bytes) -> None:
    pass


def _sessions() -> tuple[Session, Session]:
    """Return the two ends of one encrypted stream."""
    key = secrets.token_bytes(KEY_BYTES)
    outbound = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE)
    inbound = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE)
    return Session(outbound), Session(inbound)


def _through_a_socket(packets: list[bytes], at_once: int = 50) -> tuple[float, float, list[bytes]]:
    """Return the microseconds for sending and for receiving one packet, and what came."""
    sent = received = 0.0
    arrived: list[bytes] = []
    with socket.socket(type=socket.SOCK_DGRAM) as near, socket.socket(type=socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        address = far.getsockname()
        for at in range(0, len(packets), at_once):
            some = packets[at : at + at_once]
            sent += timed(lambda packet: near.sendto(packet, address), some)[0] * len(some)
            each, came = timed(lambda _: far.recvfrom(2048)[0], some)
            received += each * len(some)
            arrived += came
    return sent / len(packets), received / len(packets), arrived
