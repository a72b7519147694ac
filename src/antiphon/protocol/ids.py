"""Ids in the API's shape: a prefix, an underscore and random letters and digits."""

from collections.abc import Callable

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 256 is no multiple of 62, so the first eight letters come up slightly more often; ids stay far from colliding.
_LETTERS = bytes(_ALPHABET[byte % 62] for byte in range(256))


class Ids:
    """Makes ids from a source of random bytes, so that the rooms without I/O can make them too.

    Args:
        entropy: Returns that many random bytes; `os.urandom` in a server, a counter in tests.
    """

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self.entropy = entropy

    def letters(self, count: int) -> str:
        """Return `count` random letters and digits."""
        return self.entropy(count).translate(_LETTERS).decode("ascii")

    def item(self) -> str:
        return "item_" + self.letters(21)

    def response(self) -> str:
        return "resp_" + self.letters(21)

    def session(self) -> str:
        return "sess_" + self.letters(21)

    def conversation(self) -> str:
        return "conv_" + self.letters(21)

    def event(self) -> str:
        return "event_" + self.letters(21)

    def call(self) -> str:
        """Return the `call_id` of a function call."""
        return "call_" + self.letters(16)
