"""Text from a server, made fit for a terminal."""


def printable(text: str) -> str:
    """Return `text` on one line, without control characters: a server must not steer the user's terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
