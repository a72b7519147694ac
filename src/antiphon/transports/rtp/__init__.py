"""Audio over RTP: packets to PCM16 at 24000 Hz and back, in real time. All but `ticker` is free of clocks and I/O."""

from antiphon.transports.rtp.codecs import CODECS, Codec, Opus, pcma, pcmu
from antiphon.transports.rtp.packet import (
    Bye,
    ReceiverReport,
    Report,
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
from antiphon.transports.rtp.receiver import ReceiverStats, RtpReceiver
from antiphon.transports.rtp.sender import RtpSender
from antiphon.transports.rtp.ticker import Member, Ticker

__all__ = [
    "CODECS",
    "Bye",
    "Codec",
    "Member",
    "Opus",
    "ReceiverReport",
    "ReceiverStats",
    "Report",
    "ReportBlock",
    "RtpPacket",
    "RtpReceiver",
    "RtpSender",
    "SenderReport",
    "Ticker",
    "ntp_time",
    "parse_rtcp",
    "parse_rtp",
    "pcma",
    "pcmu",
    "write_cname",
    "write_report",
    "write_rtp",
]
