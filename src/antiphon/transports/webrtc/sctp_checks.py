"""Whether an SCTP packet may be given to a parser that trusts lengths.

Source: RFC 9260 (SCTP), RFC 6525 (stream reset), RFC 3758 (FORWARD TSN).
"""

import struct
from collections.abc import Iterator

_HEADER = 12
_DATA, _INIT, _INIT_ACK, _SACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _ERROR = 0, 1, 2, 3, 4, 5, 6, 9
_RECONFIG, _FORWARD_TSN = 130, 192
# Chunks that are lists of parameters, with the bytes before the first one.
_PARAMETERS = {_INIT: 16, _INIT_ACK: 16, _HEARTBEAT: 0, _HEARTBEAT_ACK: 0, _ABORT: 0, _ERROR: 0, _RECONFIG: 0}
# A receiver acknowledges what was sent; this much more may be on its way.
_SACK_SLACK = 64


def acceptable(packet: bytes, max_streams: int, outstanding: int) -> bool:
    """Return whether all lengths in `packet` make sense.

    Args:
        packet: A whole SCTP packet; its checksum is not looked at.
        max_streams: Data on streams from this number on is refused.
        outstanding: Packets of ours that can be acknowledged at all.
    """
    try:
        return all(_chunk_ok(kind, body, max_streams, outstanding) for kind, body in _chunks(packet))
    except (ValueError, struct.error):
        return False


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    if len(packet) < _HEADER + 4:
        raise ValueError
    position = _HEADER
    while position <= len(packet) - 4:
        kind, _, length = struct.unpack_from("!BBH", packet, position)
        if length < 4 or position + length > len(packet):
            raise ValueError
        yield kind, packet[position + 4 : position + length]
        position += length + -length % 4


def _chunk_ok(kind: int, body: bytes, max_streams: int, outstanding: int) -> bool:
    if kind in _PARAMETERS:
        return len(body) >= _PARAMETERS[kind] and _parameters_ok(body[_PARAMETERS[kind] :])
    if kind == _DATA:
        return len(body) > 12 and int(struct.unpack_from("!H", body, 4)[0]) < max_streams
    if kind == _SACK:
        return _sack_ok(body, outstanding + _SACK_SLACK)
    return kind != _FORWARD_TSN or (len(body) >= 4 and len(body) % 4 == 0)


def _parameters_ok(body: bytes) -> bool:
    position = 0
    while position <= len(body) - 4:
        (length,) = struct.unpack_from("!H", body, position + 2)
        if length < 4 or position + length > len(body):
            return False
        position += length + -length % 4
    return True


def _sack_ok(body: bytes, most: int) -> bool:
    gaps, duplicates = struct.unpack_from("!HH", body, 8)
    if len(body) < 12 + 4 * (gaps + duplicates):
        return False
    last = 0
    for number in range(gaps):
        start, end = struct.unpack_from("!HH", body, 12 + 4 * number)
        if not last < start <= end <= most:
            return False
        last = end
    return True
