"""Ids that a leg gave to what the client knows by other ids."""


class Aliases:
    """Exchanges ids in messages without parsing them.

    An id is exchanged where it is a whole JSON string. That is safe in text, too: a quotation mark inside of a string
    has a backslash in front of it.
    """

    def __init__(self) -> None:
        self._to_client: dict[bytes, bytes] = {}
        self._to_leg: dict[bytes, bytes] = {}

    def add(self, leg_id: str, client_id: str) -> None:
        """What the leg calls `leg_id` is `client_id` to the client from now on."""
        if leg_id and leg_id != client_id:
            theirs, ours = _quoted(leg_id), _quoted(client_id)
            self._to_client[theirs] = ours
            self._to_leg[ours] = theirs

    def to_client(self, message: bytes) -> bytes:
        return _exchanged(message, self._to_client)

    def to_leg(self, message: bytes) -> bytes:
        return _exchanged(message, self._to_leg)


def _quoted(name: str) -> bytes:
    return f'"{name}"'.encode()


def _exchanged(message: bytes, table: dict[bytes, bytes]) -> bytes:
    for old, new in table.items():
        if old in message:
            message = message.replace(old, new)
    return message
