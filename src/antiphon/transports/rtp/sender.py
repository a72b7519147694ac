"""Sends one call's audio as RTP: a frame of PCM16 at 24000 Hz in, a packet or nothing out, every 20 ms."""

from antiphon.transports.rtp.codecs import SILENCE, Codec
from antiphon.transports.rtp.packet import ReportBlock, RtpPacket, SenderReport, write_report, write_rtp

TAIL_FRAMES = 12  # of silence that are really encoded: a codec falls silent in 200 ms, then says so with its DTX packet
REFRESH_FRAMES = 20  # one packet in 400 ms of silence, as libopus does it, keeps the far end from taking us for dead
NOTABLE_LOSS, NO_LOSS = 0.03, 0.01  # shares; between them FEC stays as it is
FORGETTING = 0.75  # of the loss before, with each better report


class RtpSender:
    """One call's way from audio to packets.

    Args:
        codec: This call's own, for it remembers what it said.
        payload_type: As agreed on for the codec.
        ssrc: The stream's id, chosen at random by the caller.
        sequence_number: Of the first packet; random as well, as encryption wants it.
        timestamp: Likewise.
    """

    def __init__(
        self, codec: Codec, payload_type: int, ssrc: int, sequence_number: int = 0, timestamp: int = 0
    ) -> None:
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self._codec = codec
        self._payload_type = payload_type
        self._sequence_number = sequence_number
        self._timestamp = timestamp
        self._frame_ticks = codec.clock_rate // 50
        # Frames of silence so far: a call begins in a pause, whose first packet tells the far end that we are there.
        self._silent = TAIL_FRAMES + REFRESH_FRAMES - 1
        self._paused = True  # the last frame was the first of a pause, or was not sent
        self._loss = 0.0

    def packet(self, pcm: bytes | None) -> bytes | None:
        """Return the packet of the next 20 ms, or None while nothing need be sent.

        Args:
            pcm: One frame, 960 bytes; None is silence.

        Raises:
            MediaError: The frame has another length.
        """
        payload = self._silence() if pcm is None else self._sound(pcm)
        timestamp = self._timestamp
        self._timestamp = timestamp + self._frame_ticks & 0xFFFF_FFFF
        if payload is None:
            self._paused = True
            return None
        return self._written(payload, timestamp)

    def _sound(self, pcm: bytes) -> bytes | None:
        self._silent = 0
        return self._unless_paused(self._codec.encode(pcm))

    def _silence(self) -> bytes | None:
        self._silent += 1
        if self._silent <= TAIL_FRAMES or not self._codec.discontinuous:
            return self._unless_paused(self._codec.encode(SILENCE))
        refresh = (self._silent - TAIL_FRAMES) % REFRESH_FRAMES == 0
        return self._codec.encode(SILENCE) if refresh else None

    def _unless_paused(self, payload: bytes) -> bytes | None:
        """Drop what the codec says need not be sent, but for the first: it tells the far end that this is no loss."""
        return None if self._paused and self._codec.is_pause(payload) else payload

    def _written(self, payload: bytes, timestamp: int) -> bytes:
        pause = self._codec.is_pause(payload)
        marker = self._paused and not pause  # RFC 3551, section 4.1: speech begins
        self._paused = pause
        number = self._sequence_number
        self._sequence_number = number + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return write_rtp(RtpPacket(self._payload_type, number, timestamp, self.ssrc, payload, marker))

    def expect_loss(self, fraction: float) -> None:
        """Take the share of packets that the far end lost, as its latest report says: FEC goes on and off with it."""
        self._loss = max(fraction, self._loss * FORGETTING)
        if self._loss >= NOTABLE_LOSS:
            self._codec.expect_loss(round(100 * self._loss))
        elif self._loss < NO_LOSS:
            self._codec.expect_loss(0)

    def report(self, now_ntp: int, blocks: tuple[ReportBlock, ...] = ()) -> bytes:
        """Return a sender report.

        Args:
            now_ntp: See `ntp_time`.
            blocks: What is said of the streams that are received.
        """
        return write_report(SenderReport(self.ssrc, now_ntp, self._timestamp, self.packets, self.octets, blocks))
