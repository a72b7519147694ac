"""RTP and RTCP packets as values, read and written.

Source: RFC 3550 (RTP, RTCP), RFC 8285 (header extensions, which are skipped here).
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from antiphon.errors import MediaError

VERSION = 2
HEADER_BYTES = 12
_RTP = struct.Struct("!BBHII")
_RTCP_HEADER = struct.Struct("!BBHI")  # version, padding and count; type; length in words; the first SSRC
_SENDER_INFO = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 201, 202, 203
_CNAME = 1
_MOST_BLOCKS = 31  # a 5-bit count
# Seconds from 1900, where NTP begins, to 1970.
_NTP_EPOCH = 2_208_988_800


class RtpPacket(NamedTuple):
    """One RTP packet without what is only for mixers and extensions."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


class ReportBlock(NamedTuple):
    """What a receiver says of one stream.

    Attributes:
        ssrc: The stream.
        loss: Share of the packets lost since the report before, 0 to 1.
        lost: Packets lost in all; below 0 when more were duplicated.
        highest: The highest sequence number, with its wraps above 16 bits.
        jitter: In ticks of the stream's clock.
        last_report: The middle 32 bits of the NTP time of the last sender report; 0 without one.
        delay: Since that report came, in units of 1/65536 s.
    """

    ssrc: int
    loss: float
    lost: int
    highest: int
    jitter: int
    last_report: int = 0
    delay: int = 0


class SenderReport(NamedTuple):
    """What a sender says of its stream, and of those that it receives; `ntp` is an NTP time of 64 bits."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """What one who sends nothing says of the streams that it receives."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class Bye(NamedTuple):
    """These streams have ended."""

    ssrcs: tuple[int, ...]


Report = SenderReport | ReceiverReport | Bye


def parse_rtp(data: bytes) -> RtpPacket:
    """Read an RTP packet.

    Raises:
        MediaError: It is none; the message says why.
    """
    if len(data) < HEADER_BYTES:
        raise MediaError(f"an RTP packet has at least {HEADER_BYTES} bytes, this one has {len(data)}")
    first, second, sequence_number, timestamp, ssrc = _RTP.unpack_from(data)
    if first >> 6 != VERSION:
        raise MediaError(f"RTP has version {VERSION}, this packet says {first >> 6}")
    begin, end = HEADER_BYTES, len(data)
    if first != 0x80:  # most packets have nothing besides the header
        begin, end = _payload_bounds(data, first)
    return RtpPacket(second & 0x7F, sequence_number, timestamp, ssrc, data[begin:end], second >= 0x80)


def _payload_bounds(data: bytes, first: int) -> tuple[int, int]:
    """Return where the payload lies between contributing sources, a header extension, and padding."""
    begin, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if begin + 4 > end:
            raise MediaError("the header extension of an RTP packet is cut off")
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if begin > end:
        raise MediaError(f"the header of an RTP packet wants {begin} bytes, the packet has {end}")
    if first & 0x20:
        padding = data[-1]
        if not 0 < padding <= end - begin:
            raise MediaError(f"an RTP packet says {padding} bytes of padding behind {end - begin}")
        end -= padding
    return begin, end


def write_rtp(packet: RtpPacket) -> bytes:
    """Write a packet without extensions."""
    second = packet.payload_type | 0x80 if packet.marker else packet.payload_type
    return _RTP.pack(0x80, second, packet.sequence_number, packet.timestamp, packet.ssrc) + packet.payload


def ntp_time(unix_seconds: float) -> int:
    """Return seconds since 1970 as an NTP time of 64 bits."""
    return int((unix_seconds + _NTP_EPOCH) * 2**32) & 0xFFFF_FFFF_FFFF_FFFF


def parse_rtcp(data: bytes) -> list[Report]:
    """Read the reports and the BYEs of a compound RTCP packet; other kinds are skipped.

    Raises:
        MediaError: It is cut off or no RTCP; the message says why.
    """
    reports: list[Report] = []
    begin = 0
    while begin < len(data):
        if begin + 4 > len(data):
            raise MediaError(f"{len(data) - begin} bytes are left over behind an RTCP packet")
        if data[begin] >> 6 != VERSION:
            raise MediaError(f"RTCP has version {VERSION}, this packet says {data[begin] >> 6}")
        end = begin + 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        if end > len(data):
            raise MediaError(f"an RTCP packet of {end - begin} bytes is cut off after {len(data) - begin}")
        if report := _parse_one(data[begin:end]):
            reports.append(report)
        begin = end
    return reports


def _parse_one(data: bytes) -> Report | None:
    count, kind = data[0] & 0x1F, data[1]
    if kind == _BYE:
        _demand(data, 4 + 4 * count)
        return Bye(struct.unpack_from(f"!{count}I", data, 4))
    if kind == _SENDER_REPORT:
        _demand(data, 28 + _BLOCK.size * count)
        ssrc = int.from_bytes(data[4:8], "big")
        ntp, timestamp, packets, octets = _SENDER_INFO.unpack_from(data, 8)
        return SenderReport(ssrc, ntp, timestamp, packets, octets, _parse_blocks(data, 28, count))
    if kind == _RECEIVER_REPORT:
        _demand(data, 8 + _BLOCK.size * count)
        return ReceiverReport(int.from_bytes(data[4:8], "big"), _parse_blocks(data, 8, count))
    return None


def _demand(data: bytes, size: int) -> None:
    if len(data) < size:
        raise MediaError(f"an RTCP packet of type {data[1]} has {len(data)} bytes instead of {size} or more")


def _parse_blocks(data: bytes, begin: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = _BLOCK.iter_unpack(data[begin : begin + _BLOCK.size * count])
    return tuple(
        # 8 bits of loss in 1/256, then 24 bits with a sign
        ReportBlock(ssrc, (losses >> 24) / 256, ((losses & 0xFF_FFFF) ^ 0x80_0000) - 0x80_0000, *rest)
        for ssrc, losses, *rest in blocks
    )


def write_report(report: SenderReport | ReceiverReport) -> bytes:
    """Write a sender or receiver report, with at most 31 blocks."""
    blocks = report.blocks[:_MOST_BLOCKS]
    if isinstance(report, ReceiverReport):
        return _write_one(_RECEIVER_REPORT, len(blocks), report.ssrc, _write_blocks(blocks))
    info = _SENDER_INFO.pack(*report[1:5])
    return _write_one(_SENDER_REPORT, len(blocks), report.ssrc, info + _write_blocks(blocks))


def _write_blocks(blocks: Iterable[ReportBlock]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            block.ssrc,
            min(max(int(block.loss * 256), 0), 255) << 24 | min(max(block.lost, -0x80_0000), 0x7F_FFFF) & 0xFF_FFFF,
            block.highest & 0xFFFF_FFFF,
            block.jitter & 0xFFFF_FFFF,
            block.last_report,
            block.delay & 0xFFFF_FFFF,
        )
        for block in blocks
    )


def write_cname(ssrc: int, cname: str) -> bytes:
    """Write the source description that every compound packet has: the sender's canonical name, at most 255 bytes."""
    name = cname.encode()[:255]
    item = bytes((_CNAME, len(name))) + name
    # The list of items ends with a zero, and then with more, up to a whole word.
    return _write_one(_SOURCE_DESCRIPTION, 1, ssrc, item + bytes(4 - len(item) % 4))


def _write_one(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _RTCP_HEADER.pack(VERSION << 6 | count, kind, 1 + len(body) // 4, ssrc) + body
