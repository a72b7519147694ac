"""Receives one call's RTP audio: packets in, PCM16 at 24000 Hz out, in real time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from antiphon.audio.pcm import SAMPLE_BYTES, samples_of
from antiphon.errors import MediaError
from antiphon.transports.rtp.codecs import FRAME_BYTES, RATE, Codec
from antiphon.transports.rtp.jitter import Arrival, Cause, Entry, Gap, JitterBuffer
from antiphon.transports.rtp.packet import ReportBlock, RtpPacket, SenderReport, parse_rtp

CONCEALED_SAMPLES = RATE * 80 // 1000  # longer guesses sound worse than silence
QUIET = 328  # the highest sample of a frame that nobody misses, or hears twice: -40 dBFS
# Seconds off the wanted delay at which a quiet packet is played twice or left out; two packets lie between.
TOO_EARLY, TOO_LATE = -0.010, 0.010
FAR_LATE, FAR_EARLY = 0.100, -0.060  # seconds beyond which even speech is sent on faster or slower
NEW_STREAM_PACKETS = 3  # in a row, of another source, before it takes the stream's place
MAX_DROPOUT = 3000  # RFC 3550, appendix A.1: sequence numbers further on, or further back, are another stream
MAX_MISORDER = 100


@dataclass
class ReceiverStats:
    """What came of the packets of a call.

    Attributes:
        received: Packets of a stream, whatever became of them.
        lost: Packets that were missing when their time came.
        late: Of those, packets that came afterwards.
        duplicate: Packets that had come before.
        concealed: Samples that were guessed.
        recovered: Samples taken from another packet's copy (FEC).
        discarded: Packets that were not RTP, no audio, or too many.
        unknown: Packets of payload types that were not agreed on.
    """

    received: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    concealed: int = 0
    recovered: int = 0
    discarded: int = 0
    unknown: int = 0


@dataclass
class _Reported:
    """What the last receiver report and the last sender report said."""

    expected: int = 0
    received: int = 0
    last_report: int = 0
    heard_at: float = 0.0


class RtpReceiver:
    """One call's way from packets to audio.

    `pull` is to be called every 20 ms. It gives one frame, and gives it without a break from the first packet on: lost
    packets are recovered or guessed, then there is silence. Now and then it gives none or two, so that no speech is cut
    when the delay must change; in quiet moments it changes unheard.

    Args:
        codecs: By payload type; this call's own, for they remember what they heard. Packets of other types, as those
            of telephone events, are passed over.
    """

    def __init__(self, codecs: Mapping[int, Codec]) -> None:
        self._codecs = codecs
        self._stats = ReceiverStats()
        self._ssrc = 0
        self._codec: Codec | None = None  # of the packet played last
        self._buffer: JitterBuffer | None = None
        self._counted = 0  # packets of this stream, duplicates too, as receiver reports want them
        self._strays: list[tuple[RtpPacket, float]] = []
        self._pcm = b""  # decoded, not yet pulled
        self._guessed = 0  # samples guessed one after another
        self._pausing = True  # what was heard last was silence
        self._reported = _Reported()

    @property
    def stats(self) -> ReceiverStats:
        """The counts so far."""
        if self._buffer is not None:
            self._collect(self._buffer)
        return self._stats

    def receive(self, packet: bytes, now: float) -> None:
        """Take a decrypted RTP packet that arrived now; what is bad is counted and dropped."""
        try:
            rtp = parse_rtp(packet)
        except MediaError:
            self._stats.discarded += 1
            return
        if self._belongs(rtp):
            if self._strays:
                self._forget_strays()
            self._keep(rtp, now)
        elif rtp.payload_type in self._codecs:
            self._take_stray(rtp, now)
        else:
            self._stats.unknown += 1

    def _belongs(self, rtp: RtpPacket) -> bool:
        """Return whether a packet is of the running stream: source, sequence number and clock rate fit."""
        if self._buffer is None or rtp.ssrc != self._ssrc:
            return False
        codec = self._codecs.get(rtp.payload_type)
        if codec is not None and codec.clock_rate != self._buffer.clock_rate:
            return False
        distance = (rtp.sequence_number - self._buffer.highest + MAX_MISORDER) & 0xFFFF
        return distance <= MAX_MISORDER + MAX_DROPOUT

    def _take_stray(self, rtp: RtpPacket, now: float) -> None:
        """Take the first packet of all, or one that may begin another stream: some in a row do."""
        strays = self._strays
        if strays and (rtp.ssrc, rtp.sequence_number) != (
            strays[-1][0].ssrc,
            strays[-1][0].sequence_number + 1 & 0xFFFF,
        ):
            self._forget_strays()
        strays.append((rtp, now))
        if self._buffer is None or len(strays) == NEW_STREAM_PACKETS:
            self._start(strays[0][0])
            for stray, arrived in strays:
                self._keep(stray, arrived)
            strays.clear()

    def _forget_strays(self) -> None:
        self._stats.discarded += len(self._strays)
        self._strays.clear()

    def _start(self, rtp: RtpPacket) -> None:
        """Begin another stream; what is playing goes on until its first packet is due."""
        if self._buffer is not None:
            self._collect(self._buffer)
            for codec in self._codecs.values():
                codec.restart()
        self._ssrc = rtp.ssrc
        self._buffer = JitterBuffer(self._codecs[rtp.payload_type].clock_rate, rtp.sequence_number, rtp.timestamp)
        self._counted = 0
        self._reported = _Reported()

    def _collect(self, buffer: JitterBuffer) -> None:
        """Move the buffer's counts to the call's."""
        self._stats.lost += buffer.lost
        self._stats.discarded += buffer.discarded
        buffer.lost = buffer.discarded = 0

    def _keep(self, rtp: RtpPacket, now: float) -> None:
        assert self._buffer is not None
        self._stats.received += 1
        self._counted += 1
        codec = self._codecs.get(rtp.payload_type)
        ticks = codec.ticks(rtp.payload) if codec else 0
        if not ticks:
            self._count_without_audio(rtp)
        number, timestamp = self._buffer.unwrap(rtp.sequence_number, rtp.timestamp)
        arrival = self._buffer.put(Entry(number, timestamp, ticks, rtp.payload_type, rtp.payload), now)
        if arrival is not Arrival.KEPT:
            self._stats.late += arrival is Arrival.LATE
            self._stats.duplicate += arrival is Arrival.DUPLICATE

    def _count_without_audio(self, rtp: RtpPacket) -> None:
        if rtp.payload_type in self._codecs:
            self._stats.discarded += 1
        else:
            self._stats.unknown += 1

    def pull(self, now: float) -> bytes:
        """Return the audio of the next 20 ms: one frame, seldom none or two; none before the first packet."""
        if self._buffer is None:
            return b""
        excess = self._buffer.excess(now)
        if excess < FAR_EARLY and not self._pausing:
            return b""
        pcm = self._frame(self._buffer, now, excess)
        if excess > FAR_LATE and not self._buffer.empty:
            pcm += self._frame(self._buffer, now, self._buffer.excess(now))
        return pcm

    def _frame(self, buffer: JitterBuffer, now: float, excess: float) -> bytes:
        pcm = self._pcm
        if len(pcm) < FRAME_BYTES:
            pcm += self._more(buffer, now, excess)
        while len(pcm) < FRAME_BYTES:
            pcm += self._more(buffer, now, buffer.excess(now))
        self._pcm = pcm[FRAME_BYTES:]
        return pcm[:FRAME_BYTES]

    def _more(self, buffer: JitterBuffer, now: float, excess: float) -> bytes:
        taken = buffer.take(now)
        if isinstance(taken, Gap):
            return self._fill(taken, taken.ticks * RATE // buffer.clock_rate)
        return self._adjusted(self._play(taken, taken.ticks * RATE // buffer.clock_rate), excess)

    def _play(self, entry: Entry, samples: int) -> bytes:
        self._codec = codec = self._codecs[entry.payload_type]
        try:
            pcm = codec.decode(entry.payload)
        except MediaError:
            self._stats.discarded += 1
            return self._guess(samples)
        self._guessed = 0
        self._pausing = codec.is_pause(entry.payload)
        return pcm

    def _adjusted(self, pcm: bytes, excess: float) -> bytes:
        """Leave out a quiet packet or play it twice, to bring the delay nearer to what it should be."""
        if TOO_EARLY <= excess <= TOO_LATE:
            return pcm
        seconds = len(pcm) / (SAMPLE_BYTES * RATE)
        if excess > seconds + TOO_LATE and _is_quiet(pcm):
            return b""
        return pcm + pcm if excess < TOO_EARLY and _is_quiet(pcm) else pcm

    def _fill(self, gap: Gap, samples: int) -> bytes:
        """Return what stands in for missing audio: its copy in the packet after it, a guess, or silence."""
        if not samples:  # a timestamp that is off by a tick
            return b""
        if gap.following is not None and (recovered := self._recovered(gap.following, samples)):
            return recovered
        if gap.cause is Cause.PAUSED or self._pausing:
            return self._silence(samples)
        return self._guess(samples)

    def _recovered(self, following: Entry, samples: int) -> bytes | None:
        """Return what the packet after a gap says was in it; None if it says nothing, or cannot be read."""
        try:
            pcm = self._codecs[following.payload_type].recover(following.payload, samples)
        except MediaError:
            return None  # it is counted when it is played
        if pcm is not None:
            self._guessed = 0
            self._stats.recovered += samples
        return pcm

    def _silence(self, samples: int) -> bytes:
        self._pausing = True
        return bytes(samples * SAMPLE_BYTES)

    def _guess(self, samples: int) -> bytes:
        """Return the codec's guess for a while, then silence; silence at once if the codec has no guess."""
        if self._codec is None or self._guessed >= CONCEALED_SAMPLES:
            return self._silence(samples)
        try:
            pcm = self._codec.conceal(samples)
        except MediaError:
            return self._silence(samples)
        self._guessed += samples
        self._stats.concealed += samples
        return _faded(pcm) if self._guessed >= CONCEALED_SAMPLES else pcm

    def sender_report(self, report: SenderReport, now: float) -> None:
        """Take the far end's report that came now; ours will answer it, so that it can tell the round trip."""
        if report.ssrc == self._ssrc:
            self._reported.last_report, self._reported.heard_at = report.ntp >> 16 & 0xFFFF_FFFF, now

    def report(self, now: float) -> ReportBlock | None:
        """Return what a receiver report says now; None before the first packet. Source: RFC 3550, appendix A.3."""
        buffer, last = self._buffer, self._reported
        if buffer is None:
            return None
        expected = buffer.highest - buffer.first + 1
        new, missed = expected - last.expected, expected - last.expected - (self._counted - last.received)
        last.expected, last.received = expected, self._counted
        return ReportBlock(
            ssrc=self._ssrc,
            loss=max(0, missed) / new if new > 0 else 0.0,
            lost=expected - self._counted,
            highest=buffer.highest & 0xFFFF_FFFF,
            jitter=int(buffer.jitter * buffer.clock_rate),
            last_report=last.last_report,
            delay=int((now - last.heard_at) * 65536) if last.last_report else 0,
        )


def _is_quiet(pcm: bytes) -> bool:
    samples = samples_of(pcm)
    return bool(samples.size and samples.min() >= -QUIET and samples.max() <= QUIET)


def _faded(pcm: bytes) -> bytes:
    samples = samples_of(pcm)
    return (samples * np.linspace(1, 0, samples.size)).astype("<i2").tobytes()
