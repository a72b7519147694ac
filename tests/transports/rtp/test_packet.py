"""RTP and RTCP on the wire, against the layouts of RFC 3550."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MediaError
from antiphon.transports.rtp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtpPacket,
    SenderReport,
    ntp_time,
    parse_rtcp,
    parse_rtp,
    write_cname,
    write_report,
    write_rtp,
)

HEADER = bytes.fromhex("80 6f 1234 00010203 cafebabe")
words = st.integers(0, 2**32 - 1)


def test_a_plain_packet() -> None:
    packet = RtpPacket(111, 0x1234, 0x10203, 0xCAFEBABE, b"opus")
    assert parse_rtp(HEADER + b"opus") == packet
    assert write_rtp(packet) == HEADER + b"opus"


@given(
    st.builds(
        RtpPacket, st.integers(0, 127), st.integers(0, 0xFFFF), words, words, st.binary(max_size=30), st.booleans()
    )
)
def test_what_is_written_is_read(packet: RtpPacket) -> None:
    assert parse_rtp(write_rtp(packet)) == packet


def test_contributing_sources_extensions_and_padding_are_skipped() -> None:
    sources, extension = b"\1\2\3\4" * 3, bytes.fromhex("bede 0002 10ff0000 22aabbcc")
    data = bytes([0x80 | 0x20 | 0x10 | 3]) + HEADER[1:] + sources + extension + b"opus" + b"\0\0\3"
    assert parse_rtp(data).payload == b"opus"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "at least 12 bytes, this one has 0"),
        (HEADER[:11], "this one has 11"),
        (b"\x40" + HEADER[1:], "this packet says 1"),
        (b"\x82" + HEADER[1:] + bytes(7), "wants 20 bytes, the packet has 19"),
        (b"\x90" + HEADER[1:] + bytes(3), "extension of an RTP packet is cut off"),
        (b"\x90" + HEADER[1:] + b"\0\0\0\2" + bytes(7), "wants 24 bytes, the packet has 23"),
        (b"\xa0" + HEADER[1:] + b"ab\0", "0 bytes of padding"),
        (b"\xa0" + HEADER[1:] + b"ab\4", "4 bytes of padding behind 3"),
        (b"\xa0" + HEADER[1:], "of padding behind 0"),
    ],
)
def test_what_is_no_rtp_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        parse_rtp(data)


@given(st.binary(max_size=60))
def test_garbage_is_a_media_error_or_a_packet(data: bytes) -> None:
    for parse in (parse_rtp, parse_rtcp):
        try:
            parse(data)
        except MediaError:
            continue


BYE = bytes.fromhex("82cb0002 00000001 00000002")
BLOCK = ReportBlock(0xCAFE, 0.25, -3, 0x1_0005, 480, 0x1234_5678, 65_536)


def test_a_sender_report_is_laid_out_as_the_standard_says() -> None:
    report = SenderReport(0xA, 0x0102_0304_0506_0708, 0xB, 7, 700, (BLOCK,))
    assert write_report(report) == bytes.fromhex(
        "81c8000c 0000000a 0102030405060708 0000000b 00000007 000002bc"
        "0000cafe 40 fffffd 00010005 000001e0 12345678 00010000"
    )


def test_a_compound_packet_is_read_report_by_report() -> None:
    sender, receiver = SenderReport(1, 2, 3, 4, 5, (BLOCK, BLOCK)), ReceiverReport(9, (BLOCK,))
    data = write_report(sender) + write_cname(1, "realtimeapi") + write_report(receiver) + BYE
    assert parse_rtcp(data) == [sender, receiver, Bye((1, 2))]


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "abcd", "é" * 200])
def test_a_source_description_fills_whole_words(cname: str) -> None:
    data = write_cname(1, cname)
    assert len(data) == 4 * (1 + int.from_bytes(data[2:4], "big"))
    assert data[9] == min(len(cname.encode()), 255)
    assert data[10 + data[9] :].strip(b"\0") == b""
    assert len(data) > 10 + data[9], "the list of items ends with a zero"
    assert parse_rtcp(data) == []


def test_feedback_of_other_kinds_is_skipped() -> None:
    nack = bytes.fromhex("81cd0003 00000001 00000002 00050000")
    assert parse_rtcp(nack + BYE) == [Bye((1, 2))]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("80c8", "2 bytes are left over"),
        ("40c90001 00000001", "this packet says 1"),
        ("80c90002 00000001", "of 12 bytes is cut off after 8"),
        ("81c90001 00000001", "type 201 has 8 bytes instead of 32"),
        ("80c80001 00000001", "type 200 has 8 bytes instead of 28"),
        ("82cb0001 00000001", "type 203 has 8 bytes instead of 12"),
    ],
)
def test_what_is_no_rtcp_is_refused_with_the_reason(data: str, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        parse_rtcp(bytes.fromhex(data))


def test_ntp_time_counts_from_1900() -> None:
    assert ntp_time(0.5) == (2_208_988_800 << 32) + 0x8000_0000
