"""The receiver over networks that lose, delay, repeat and reorder, in virtual time."""

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import MediaError
from antiphon.transports.rtp import (
    Opus,
    RtpPacket,
    RtpReceiver,
    RtpSender,
    SenderReport,
    parse_rtp,
    pcma,
    pcmu,
    write_rtp,
)
from tests.transports.rtp.kit import (
    COPY,
    GUESS,
    LOUD,
    PAYLOAD_TYPE,
    TICKS,
    NumberCodec,
    arrivals,
    frames,
    number_packet,
    play,
    receiver,
    samples,
)

FRAME_BYTES = 960
VOICE = np.random.default_rng(1).integers(-8000, 8000, 480, "<i2").tobytes()


def packets(count: int, kind: str = "loud", first: int = 0, start: int = 0) -> list[bytes]:
    return [number_packet(number, kind, first, start) for number in range(count)]


def without(network: list[tuple[float, bytes]], lost: set[int]) -> list[tuple[float, bytes]]:
    return [arrival for index, arrival in enumerate(network) if index not in lost]


def played(values: list[int]) -> list[int]:
    """Return the packets that were heard, without what stood in for others."""
    return [value for value in values if 0 < value < COPY]


def test_nothing_comes_before_the_first_packet() -> None:
    assert list(play(receiver(), [], 0.1)) == [b""] * 5


def test_packets_become_audio_in_real_time() -> None:
    """After the hold-back each tick gives the next packet, and 20 ms of it."""
    heard = list(play(receiver(), arrivals(packets(50)), 1.0))
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES}
    assert frames(heard) == [0, *range(49)]


@pytest.mark.parametrize("milliseconds", [10, 20, 40, 60, 120])
def test_any_packet_length_becomes_frames_of_20_ms(milliseconds: int) -> None:
    ticks = 48 * milliseconds
    stream = [number_packet(number, ticks=ticks) for number in range(1200 // milliseconds)]
    receiver = RtpReceiver({PAYLOAD_TYPE: NumberCodec(ticks)})
    heard = list(play(receiver, arrivals(stream, interval=milliseconds / 1000), 1.2))
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES}
    values = samples(heard)
    values = values[values > 0]
    expected = np.repeat(np.arange(len(stream)) + 1000, ticks // 2)
    assert (values == expected[: values.size]).all()
    assert values.size >= 1.0 * 24_000


def test_what_overtakes_is_put_in_order() -> None:
    """Every third packet comes after the next one; the delay grows once and then suffices."""
    heard = frames(play(receiver(), arrivals(packets(100), [0.0, 0.030, 0.0] * 33), 2.0))
    numbers = played(heard)
    assert numbers == sorted(numbers)
    assert numbers[-50:] == heard[-50:]


def test_what_comes_twice_is_played_once() -> None:
    network = [arrival for arrival in arrivals(packets(20)) for _ in range(2)]
    subject = receiver()
    assert frames(play(subject, network, 0.4)) == [0, *range(19)]
    assert subject.stats.duplicate == 20
    assert subject.stats.received == 40


@pytest.mark.parametrize("lost", [[10], [10, 12], [10, 11], [10, 11, 12, 13]])
def test_lost_packets_are_guessed_and_the_rest_keeps_its_place(lost: list[int]) -> None:
    subject = receiver()
    heard = frames(play(subject, without(arrivals(packets(30)), set(lost)), 0.6))
    assert [value for value in heard[1:] if value != GUESS and value] == [n for n in range(1, 29) if n not in lost]
    assert heard[25] == 24
    assert subject.stats.lost == len(lost)
    assert subject.stats.concealed == 480 * len(lost)


def test_a_long_loss_becomes_silent_after_80_ms() -> None:
    heard = frames(play(receiver(), without(arrivals(packets(40)), set(range(10, 25))), 0.8))[11:26]
    assert heard[:3] == [GUESS] * 3
    assert heard[4:] == [0] * 11


def test_the_packet_before_is_recovered_from_its_copy() -> None:
    subject = receiver()
    heard = frames(play(subject, without(arrivals(packets(30, "copy")), {10}), 0.6))
    assert heard[10:13] == [9, COPY + 10, 11]
    assert subject.stats.recovered == 480
    assert subject.stats.concealed == 0


def test_a_stall_loses_nothing_and_is_made_up_for() -> None:
    """What is only late is played in full, and faster until the delay is bearable again."""
    delays = [0.0] * 50 + [0.4 - 0.02 * index for index in range(20)] + [0.0]
    heard = list(play(receiver(), arrivals(packets(300), delays), 6.0))
    assert played(frames(heard)) == list(range(1, max(played(frames(heard))) + 1))
    assert max(played(frames(heard))) > 285
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES, 2 * FRAME_BYTES}


def test_in_quiet_the_delay_shrinks_unheard() -> None:
    """Quiet packets are left out, so that the audio keeps to real time."""
    delays = [0.0] * 50 + [0.1 - 0.02 * index for index in range(5)] + [0.0]
    stream = [number_packet(n, "quiet" if n > 80 else "loud") for n in range(200)]
    subject = receiver()
    heard = list(play(subject, arrivals(stream, delays), 4.0))
    assert sum(map(len, heard)) == 200 * FRAME_BYTES
    assert frames(heard)[-1] >= 199 - 4
    assert subject.stats.lost == 0


def test_a_silent_far_end_is_silence_in_real_time() -> None:
    """Turn detection needs time to go on while nothing comes."""
    heard = list(play(receiver(), arrivals(packets(10)), 10.0))
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES}
    assert not samples(heard[20:]).any()


@pytest.mark.parametrize("pause", [0.5, 3.0, 100.0])
def test_speech_after_a_pause_is_heard_from_its_first_packet(pause: float) -> None:
    """Whether the timestamps went on in the pause or not."""
    for skipped in (round(pause * 48_000), 0):
        stream = packets(10) + packets(20, first=10, start=10 * TICKS + skipped)
        network = arrivals(stream[:10]) + [(0.2 + pause + time, one) for time, one in arrivals(stream[10:])]
        heard = list(play(receiver(), network, pause + 0.8))
        assert sum(map(len, heard)) == pytest.approx(FRAME_BYTES * (pause + 0.8) * 50, abs=2 * FRAME_BYTES)
        assert played(frames(heard)) == [*range(1, 10), *range(1, 20)]


def test_a_pause_by_dtx_is_silence_and_no_loss() -> None:
    """One packet in 400 ms, whose neighbours were never sent; the last before it said that a pause begins."""
    stream = [number_packet(n) for n in range(10)] + [number_packet(10, "pause")]
    later = [number_packet(11, "pause", start=20 * TICKS), number_packet(12, start=40 * TICKS)]
    network = [*arrivals(stream), (0.62, later[0]), (1.04, later[1])]
    subject = receiver()
    heard = frames(play(subject, network, 1.2))
    assert GUESS not in heard[:50]
    assert heard.index(12) in (53, 54)
    assert (subject.stats.lost, subject.stats.concealed) == (0, 480 * heard.count(GUESS))


@pytest.mark.parametrize("first", [0xFFF0, 0x7FF0])
def test_nothing_is_heard_of_numbers_that_wrap(first: int) -> None:
    subject = receiver()
    assert frames(play(subject, arrivals(packets(40, first=first, start=0xFFFF_F000)), 0.8)) == [0, *range(39)]
    assert subject.stats.lost == 0


@pytest.mark.parametrize("ppm", [-300, 300])
@pytest.mark.parametrize("kind", ["loud", "quiet", "mixed"])
def test_a_clock_that_drifts_for_ten_minutes_changes_no_delay(ppm: int, kind: str) -> None:
    """18 packets too many or too few; with loud audio none is lost or guessed twice, in quiet real time is kept."""
    count = 30_000
    stream = [number_packet(n, kind if kind != "mixed" else "quiet" if n // 100 % 2 else "loud") for n in range(count)]
    network = arrivals(stream, interval=0.020 * (1 - ppm / 1e6))
    subject = receiver()
    heard = list(play(subject, network, 599))
    assert subject.stats.lost == 0
    assert subject.stats.concealed <= 480 * 18
    assert abs(sum(map(len, heard)) // FRAME_BYTES - 599 * 50) <= (9 if kind == "loud" else 0)
    if kind == "loud":
        assert played(frames(heard)) == list(range(1, count))[: len(played(frames(heard)))]
        assert all(-0.25 <= lag <= 7 for lag in _lags(heard, ppm))  # a tick comes 0.25 frames after its packet


def _lags(heard: list[bytes], ppm: int) -> Iterator[float]:
    """Yield how many frames later than sent each tick's packet is heard."""
    for tick, pcm in enumerate(heard):
        if pcm and frames(pcm)[-1] > 0:
            yield tick - frames(pcm)[-1] * (1 - ppm / 1e6)


def test_another_source_takes_over_after_three_packets_in_a_row() -> None:
    """A far end that starts anew: the packets that proved it are heard as well."""
    codec = NumberCodec()
    subject = RtpReceiver({PAYLOAD_TYPE: codec})
    old = arrivals(packets(10))
    new = [(0.2 + time, one) for time, one in arrivals([number_packet(50 + n, ssrc=7) for n in range(20)])]
    heard = frames(play(subject, old + new, 0.7))
    assert played(heard) == [*range(1, 10), *range(50, 70)]
    assert codec.restarts == 1


def test_a_stray_packet_of_another_source_disturbs_nothing() -> None:
    subject = receiver()
    network = arrivals(packets(40))
    for index in (10, 11, 20):
        network.insert(index, (network[index][0], number_packet(index * 500, "bad", ssrc=index)))
    assert frames(play(subject, network, 0.8)) == [0, *range(39)]
    assert (subject.stats.discarded, subject.stats.lost) == (3, 0)


def test_a_sequence_that_starts_anew_is_another_stream() -> None:
    """The source may stay the same."""
    network = arrivals(packets(10) + packets(20, first=30_000, start=999_999))
    heard = played(frames(play(receiver(), network, 0.7)))
    assert heard == [*range(1, 10), *range(1, 20)]


def test_payloads_of_other_types_are_passed_over_and_counted() -> None:
    """Telephone events, say, and comfort noise: silence, and no loss."""
    subject = receiver()
    stream = packets(30)
    stream[10] = write_rtp(RtpPacket(101, 10, 10 * TICKS, 0xABCD, b"\x01\x0a\x00\xa0"))
    stream[20] = write_rtp(RtpPacket(13, 20, 20 * TICKS, 0xABCD, b"\x7f"))
    heard = frames(play(subject, arrivals(stream), 0.6))
    assert heard == [0, *range(10), 0, *range(11, 20), 0, *range(21, 29)]
    assert (subject.stats.lost, subject.stats.unknown, subject.stats.discarded) == (0, 2, 0)


def test_an_unreadable_payload_is_guessed() -> None:
    subject = receiver()
    stream = packets(30)
    stream[10] = number_packet(10, "bad")
    assert frames(play(subject, arrivals(stream), 0.6))[10:13] == [9, GUESS, 11]
    assert subject.stats.discarded == 1


def opus_packet(number: int, payload: bytes, timestamp: int | None = None) -> bytes:
    position = number * TICKS if timestamp is None else timestamp
    return write_rtp(RtpPacket(111, number, position, 0xABCD, payload))


def test_an_unreadable_copy_after_a_loss_is_guessed_instead() -> None:
    """An Opus packet that is longer than any may be, but says that it has a copy of the one before it."""
    sender = RtpSender(Opus(), 111, 0xABCD)
    stream = [parse_rtp(sender.packet(VOICE) or b"").payload for _ in range(30)]
    stream[11] = b"\x08\xff" + bytes(1400)
    subject = RtpReceiver({111: Opus()})
    network = without(arrivals([opus_packet(number, payload) for number, payload in enumerate(stream)]), {10})
    heard = list(play(subject, network, 0.6))
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES}
    assert (subject.stats.lost, subject.stats.discarded, subject.stats.recovered) == (1, 1, 0)
    assert subject.stats.concealed == 2 * 480


def test_a_gap_shorter_than_a_sample_is_nothing() -> None:
    """A lost number, the timestamp one tick too far, and a packet that says it has a copy of that tick."""
    payload = b"\x08\xff" + bytes(40)
    network = [opus_packet(number, payload) for number in range(10)]
    network += [opus_packet(number + 1, payload, number * TICKS + 1) for number in range(10, 30)]
    subject = RtpReceiver({111: Opus()})
    assert {len(pcm) for pcm in play(subject, arrivals(network), 0.5)} == {FRAME_BYTES}
    assert (subject.stats.lost, subject.stats.recovered, subject.stats.concealed) == (1, 0, 0)


def test_a_codec_that_cannot_guess_is_silent() -> None:
    class Speechless(NumberCodec):
        def conceal(self, samples: int) -> bytes:
            raise MediaError("so much cannot be guessed")

    subject = RtpReceiver({PAYLOAD_TYPE: Speechless()})
    heard = frames(play(subject, without(arrivals(packets(30)), {10}), 0.6))
    assert heard[10:13] == [9, 0, 11]
    assert subject.stats.concealed == 0


def hostile_packet(random: Random, number: int, timestamp: int) -> bytes:
    """Return a packet near a place in a stream, most likely; of any codec or none, readable or not."""
    payload = random.choice(
        [
            bytes([random.randrange(256)]) + random.randbytes(random.choice([0, 1, 3, 80])),
            b"\x08\xff" + bytes(random.choice([40, 1273, 1400])),  # speech with a copy, if it can be read
            random.randbytes(random.choice([0, 1, 2, 160, 1600])),
        ]
    )
    number += random.choice([0, 0, 0, 0, 1, 2, 5, -1, 3000, random.randrange(1 << 16)])
    timestamp += random.choice([0, 0, 0, 0, 1, -1, TICKS, 48_000, random.randrange(1 << 32)])
    kind = random.choice([111] * 6 + [0, 8, 101, random.randrange(128)])
    ssrc = random.choice([1] * 20 + [2, 3])
    return write_rtp(RtpPacket(kind, number & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc, payload))


@pytest.mark.parametrize("seed", range(20))
def test_the_codecs_themselves_never_raise_whatever_comes(seed: int) -> None:
    """Also at the seams: another codec's stream, a loss before what cannot be read, times that are off by a tick."""
    random = Random(seed)
    subject = RtpReceiver({111: Opus(), 0: pcmu(), 8: pcma()})
    number, timestamp, pulled = random.randrange(1 << 16), random.randrange(1 << 32), 0
    for tick in range(1000):
        now = tick * 0.020
        for _ in range(random.choice([0, 1, 1, 1, 2])):
            number, timestamp = number + 1, timestamp + random.choice([TICKS, 160])
            subject.receive(hostile_packet(random, number, timestamp), now)
        pcm = subject.pull(now)
        assert len(pcm) in (0, FRAME_BYTES, 2 * FRAME_BYTES)
        pulled += len(pcm)
        subject.report(now)
    assert pulled > 500 * FRAME_BYTES


def test_a_receiver_report_counts_as_the_standard_wants() -> None:
    subject = receiver()
    assert subject.report(0.0) is None
    list(play(subject, without(arrivals(packets(40, first=0xFFF0)), {10, 11, 20, 30}), 0.8))
    subject.sender_report(SenderReport(0xABCD, 0x1234_5678_9ABC_DEF0, 0, 0, 0), 0.8)
    subject.sender_report(SenderReport(0x9999, 1, 0, 0, 0), 0.8)
    block = subject.report(1.3)
    assert block is not None
    assert (block.ssrc, block.loss, block.lost, block.highest) == (0xABCD, 0.1, 4, 0xFFF0 + 39)
    assert (block.last_report, block.delay) == (0x5678_9ABC, 0x8000)
    again = subject.report(1.3)
    assert again is not None
    assert (again.loss, again.lost) == (0.0, 4)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.binary(max_size=40),
            st.tuples(st.integers(0, 60), st.sampled_from(["loud", "quiet", "bad", "pause", "copy"])),
            st.tuples(st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.sampled_from([1, 2])),
        ),
        max_size=150,
    )
)
def test_garbage_never_raises_nor_stops_the_audio(events: list[object]) -> None:
    """After whatever came, a tick gives none, one or two frames; then good packets are heard again."""
    subject = receiver()
    now = 0.0
    for event in events:
        match event:
            case None:
                now += 0.020
                assert len(subject.pull(now)) in (0, FRAME_BYTES, 2 * FRAME_BYTES)
            case bytes():
                subject.receive(event, now)
            case (int(number), str(kind)):
                subject.receive(number_packet(number, kind), now)
            case (int(number), int(timestamp), int(ssrc)):
                subject.receive(write_rtp(RtpPacket(PAYLOAD_TYPE, number, timestamp, ssrc, b"loud 1")), now)
    good = [(now + time, one) for time, one in arrivals([number_packet(n, ssrc=99) for n in range(100, 200)])]
    heard = []
    for time, packet in good:
        subject.receive(packet, time)
        heard.append(subject.pull(time + 0.005))
    values = samples(heard)
    numbers = values[values >= LOUD]  # odd timestamps may have moved the packets' edges off the frames'
    numbers = numbers[np.flatnonzero(np.diff(numbers))] - LOUD
    assert (np.diff(numbers[-40:]) == 1).all()
    assert numbers[-1] > 180


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=100), st.lists(st.floats(0, 0.08), min_size=1, max_size=100))
def test_on_any_network_no_packet_is_heard_twice_or_out_of_order(lost: list[bool], delays: list[float]) -> None:
    network = [
        (time, one)
        for (time, one), gone in zip(arrivals(packets(100), delays), ([False] + lost * 100)[:100], strict=True)
        if not gone
    ]
    heard = list(play(receiver(), network, 3.0))
    numbers = played(frames(heard))
    assert numbers == sorted(set(numbers))
    assert 140 * FRAME_BYTES <= sum(map(len, heard)) <= 160 * FRAME_BYTES
