"""The whole way of audio: a sender, a network with its faults, a receiver."""

import random

import numpy as np
import pytest

from antiphon.audio import level_db
from antiphon.transports.rtp import CODECS, RtpReceiver, RtpSender
from tests.transports.rtp.kit import arrivals, play
from tests.transports.rtp.sounds import cut, frequency_of, tone, voice

FRAME_BYTES = 960


def carried(
    pcm: bytes, name: str = "opus", lost: list[bool] | None = None, jitter: float = 0.0, expected_loss: float = 0.0
) -> tuple[bytes, RtpReceiver]:
    """Return what is heard of `pcm`: packets are lost by a repeated pattern, and delayed by up to `jitter` seconds."""
    chance = random.Random(7)
    sender, receiver = RtpSender(CODECS[name](), 96, 1), RtpReceiver({96: CODECS[name]()})
    sender.expect_loss(expected_loss)
    packets = [(index * 0.020, packet) for index, frame in enumerate(cut(pcm)) if (packet := sender.packet(frame))]
    pattern = lost or [False]
    network = sorted(
        (time + jitter * chance.random(), packet)
        for index, (time, packet) in enumerate(packets)
        if not pattern[index % len(pattern)]
    )
    return b"".join(play(receiver, network, len(pcm) / 48_000 + 0.4)), receiver


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("jitter", [0.0, 0.030])
@pytest.mark.parametrize("lost", [[False], [False] * 19 + [True], [False] * 30 + [True] * 2])
def test_a_tone_keeps_its_pitch_and_level(name: str, jitter: float, lost: list[bool]) -> None:
    heard, receiver = carried(tone(4.0), name, lost, jitter)
    middle = heard[48_000:-48_000]
    assert frequency_of(middle) == pytest.approx(440, abs=1)
    assert level_db(middle) == pytest.approx(level_db(tone(1.0)), abs=1.5)
    assert len(heard) == pytest.approx(4.4 * 48_000, abs=3 * FRAME_BYTES)
    assert (receiver.stats.lost > 0) == any(lost)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("lost", [[False], [False] * 9 + [True]])
def test_speech_keeps_its_place_in_time(name: str, lost: list[bool]) -> None:
    """Each of three words, with pauses between, is heard the same time after it was said."""
    word, pause = tone(0.4), bytes(28_800)
    heard, _ = carried(word + pause + word + pause + pause + word, name, lost)
    levels = [level_db(frame) > -40 for frame in cut(heard) if len(frame) == FRAME_BYTES]
    starts = [index for index in range(1, len(levels)) if levels[index] and not any(levels[max(0, index - 10) : index])]
    assert len(starts) == 3
    assert starts[1] - starts[0] == pytest.approx(50, abs=1)
    assert starts[2] - starts[1] == pytest.approx(80, abs=1)
    assert starts[0] <= 4


def test_with_loss_reported_most_of_what_is_lost_is_recovered() -> None:
    _, receiver = carried(voice(6.0), lost=[False] * 6 + [True], expected_loss=0.15)
    assert receiver.stats.recovered > 2 * receiver.stats.concealed


def test_a_pause_between_two_answers_is_heard_as_long_as_it_was() -> None:
    """The sender sends next to nothing in it, and the receiver takes none of it for loss."""
    chunks: list[bytes | None] = [*cut(tone(0.5)), *[None] * 100, *cut(tone(0.5))]
    sender, receiver = RtpSender(CODECS["opus"](), 96, 1), RtpReceiver({96: CODECS["opus"]()})
    network = [(index * 0.020, packet) for index, chunk in enumerate(chunks) if (packet := sender.packet(chunk))]
    assert len(network) < 70
    loud = [level_db(pcm) > -40 for pcm in play(receiver, network, 3.2) if pcm]
    ends = [index for index in range(1, len(loud)) if loud[index] != loud[index - 1]]
    assert len(ends) == 4
    assert ends[2] - ends[1] == pytest.approx(100, abs=2)
    assert (receiver.stats.lost, receiver.stats.recovered) == (0, 0)


def test_nothing_louder_than_what_was_said_comes_of_heavy_loss() -> None:
    chance = random.Random(3)
    heard, _ = carried(voice(6.0), lost=[chance.random() < 0.3 for _ in range(200)], jitter=0.040, expected_loss=0.3)
    assert np.abs(np.frombuffer(heard, "<i2").astype(int)).max() < 32_000
    assert level_db(heard) < level_db(voice(6.0)) + 1


def test_the_network_of_these_tests_orders_by_arrival() -> None:
    assert arrivals([b"a", b"b"], [0.05, 0.0]) == [(0.020, b"b"), (0.050, b"a")]
