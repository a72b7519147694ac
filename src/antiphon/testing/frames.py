"""WebSocket frames as a server writes them (RFC 6455, section 5.2), for what no library sends."""

CONTINUATION, TEXT, BINARY, CLOSE = 0, 1, 2, 8


def frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """Return an unmasked frame."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2)
    else:
        length = b"\x7f" + size.to_bytes(8)
    return bytes([(0x80 if fin else 0) | opcode]) + length + payload


def fragments(payload: bytes, size: int) -> list[bytes]:
    """Return the frames of one text message of which each carries `size` bytes at most."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(CONTINUATION if n else TEXT, part, fin=n == last) for n, part in enumerate(parts)]
