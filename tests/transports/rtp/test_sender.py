"""The sender: what goes out every 20 ms, and what need not."""

import pytest

from antiphon.errors import MediaError
from antiphon.transports.rtp import CODECS, ReportBlock, RtpPacket, RtpSender, SenderReport, parse_rtcp, parse_rtp
from tests.transports.rtp.sounds import cut, tone, voice

SPEECH = cut(voice(1.0))


class Codec:
    """Encodes a frame to its first byte; zeros may become a pause."""

    name = "fake"
    clock_rate = 48_000
    discontinuous = True

    def __init__(self, pauses_after: int = 10) -> None:
        self.encoded = 0
        self.losses: list[int] = []
        self._zeros = 0
        self._pauses_after = pauses_after

    def encode(self, pcm: bytes) -> bytes:
        self.encoded += 1
        self._zeros = 0 if any(pcm) else self._zeros + 1
        return b"p" if self._zeros > self._pauses_after else b"sound"

    def is_pause(self, payload: bytes) -> bool:
        return payload == b"p"

    def expect_loss(self, percent: int) -> None:
        self.losses.append(percent)

    def ticks(self, payload: bytes) -> int:
        raise NotImplementedError

    def decode(self, payload: bytes) -> bytes:
        raise NotImplementedError

    def conceal(self, samples: int) -> bytes:
        raise NotImplementedError

    def recover(self, next_payload: bytes, samples: int) -> bytes | None:
        raise NotImplementedError

    def restart(self) -> None:
        raise NotImplementedError


SOUND = b"\1" * 960


def sent(sender: RtpSender, frames: list[bytes | None]) -> list[RtpPacket | None]:
    return [parse_rtp(packet) if packet else None for packet in map(sender.packet, frames)]


def test_each_frame_becomes_the_next_packet() -> None:
    sender = RtpSender(Codec(), 111, 7, sequence_number=0xFFFF, timestamp=2**32 - 960)
    assert sent(sender, [SOUND, SOUND]) == [
        RtpPacket(111, 0xFFFF, 2**32 - 960, 7, b"sound", marker=True),
        RtpPacket(111, 0, 0, 7, b"sound"),
    ]


@pytest.mark.parametrize(("name", "step", "size"), [("opus", 960, None), ("PCMU", 160, 160), ("PCMA", 160, 160)])
def test_the_timestamp_counts_the_codec_s_clock(name: str, step: int, size: int | None) -> None:
    packets = [packet for packet in sent(RtpSender(CODECS[name](), 0, 1), [*SPEECH]) if packet]
    assert [packet.timestamp for packet in packets] == [step * index for index in range(len(packets))]
    assert size is None or {len(packet.payload) for packet in packets} == {size}


def test_the_tail_of_speech_is_encoded_then_one_packet_in_400_ms_is_sent() -> None:
    codec = Codec()
    sender = RtpSender(codec, 111, 1)
    sent(sender, [SOUND])
    pattern = [packet is not None for packet in sent(sender, [None] * 92)]
    # Ten frames until the codec pauses, its first packet that says so, one that need not be sent; then the refreshes.
    assert pattern == [True] * 11 + [False] + ([False] * 19 + [True]) * 4
    assert codec.encoded == 1 + 12 + 4


def test_the_timestamp_goes_on_in_a_pause_and_the_numbers_do_not() -> None:
    sender = RtpSender(Codec(), 111, 1)
    packets = [packet for packet in sent(sender, [SOUND, *[None] * 32, SOUND, SOUND]) if packet]
    assert [packet.sequence_number for packet in packets] == list(range(len(packets)))
    assert [packet.timestamp // 960 for packet in packets[-3:]] == [32, 33, 34]


def test_the_marker_is_on_the_first_packet_of_speech_alone() -> None:
    sender = RtpSender(Codec(), 111, 1)
    packets = [packet for packet in sent(sender, [SOUND, SOUND, *[None] * 40, SOUND, SOUND]) if packet]
    assert [packet.timestamp // 960 for packet in packets if packet.marker] == [0, 42]


def test_what_the_codec_takes_for_a_pause_is_not_sent_either() -> None:
    """Zeros from a model are silence as well."""
    sender = RtpSender(Codec(pauses_after=2), 111, 1)
    assert [bool(packet) for packet in sent(sender, [SOUND, *[bytes(960)] * 6])] == [True] * 4 + [False] * 3


def test_a_call_that_begins_in_silence_says_that_it_is_there() -> None:
    packets = sent(RtpSender(CODECS["opus"](), 111, 1), [None] * 41)
    assert [index for index, packet in enumerate(packets) if packet] == [0, 20, 40]


def test_g711_is_sent_without_a_break() -> None:
    """Without comfort noise a pause is a loss to many telephones."""
    packets = sent(RtpSender(CODECS["PCMU"](), 0, 1), [*SPEECH, *[None] * 100])
    assert all(packets)
    assert packets[-1] is not None
    assert packets[-1].payload == b"\xff" * 160


def test_opus_falls_silent_with_its_own_pause_packet() -> None:
    """The last packet before the gap has one byte: the far end's decoder goes on with comfort noise."""
    packets = sent(RtpSender(CODECS["opus"](), 111, 1), [*SPEECH, *[None] * 30])
    last = [packet for packet in packets if packet][-1]
    assert len(last.payload) <= 2
    assert sum(packet is None for packet in packets[-30:]) >= 18


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(MediaError, match="but 100 came"):
        RtpSender(CODECS["opus"](), 111, 1).packet(bytes(100))


def test_fec_goes_on_with_loss_and_off_when_it_is_over() -> None:
    codec = Codec()
    sender = RtpSender(codec, 111, 1)
    for fraction in (0.0, 0.02, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
        sender.expect_loss(fraction)
    assert codec.losses == [0, 10, 8, 6, 4, 3, 0]


def test_a_report_counts_what_was_sent() -> None:
    sender = RtpSender(Codec(), 111, 7, timestamp=1000)
    sent(sender, [SOUND, SOUND, SOUND])
    block = ReportBlock(9, 0.5, 1, 2, 3)
    assert parse_rtcp(sender.report(12345, (block,))) == [SenderReport(7, 12345, 1000 + 3 * 960, 3, 15, (block,))]


def test_speech_after_a_pause_does_not_click() -> None:
    """The encoder is not reset: where it was silent in between, the far end hears silence and then the tone."""
    sender, codec = RtpSender(CODECS["opus"](), 111, 1), CODECS["opus"]()
    for packet in sent(sender, [*cut(tone(0.4)), *[None] * 60, *cut(bytes(9600))]):
        pcm = codec.decode(packet.payload) if packet else codec.conceal(480)
    assert not any(abs(sample) > 40 for sample in memoryview(pcm).cast("h"))
