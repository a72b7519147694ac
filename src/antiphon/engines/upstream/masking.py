"""Keeps keys out of what a server said."""

import re

MASK = "********"
# As OpenAI and others write theirs, whole or with stars in the middle. No part can make the search take long.
_ALIKE = re.compile(r"\b(?:sk|ek|sess|pk|key|gsk|xai)-[\w*.-]{4,}|(?<![\w-])[\w-]{0,100}\*{3,}[\w*-]*|\*{3,}[\w*-]*")
_PIECE = 8
# A short key of a home-made server may be an ordinary word: of such only the whole is hidden.
_LONG_KEY = 20
_LONGEST = 500


def masked(text: str, key: str) -> str:
    """Return `text` without the key, pieces of it, and anything that looks like a key."""
    if key:
        text = text.replace(key, MASK)
    text = _ALIKE.sub(MASK, text)
    return _without_pieces(text, key) if len(key) >= _LONG_KEY else text


def one_line(text: str, key: str) -> str:
    """Return `text` masked, on one line of at most 500 printable characters, for a log."""
    line = "".join(letter if letter.isprintable() else " " for letter in masked(text[: 2 * _LONGEST], key))
    return " ".join(line.split())[:_LONGEST]


def _without_pieces(text: str, key: str) -> str:
    pieces = {key[start : start + _PIECE] for start in range(len(key) - _PIECE + 1)}
    kept, end = [], 0  # up to `end`, text is kept or hidden
    hidden_to = 0
    for start in range(len(text) - _PIECE + 1):
        if text[start : start + _PIECE] in pieces:
            if start > hidden_to or not hidden_to:
                kept += [text[end:start], MASK]
            end = hidden_to = start + _PIECE
    return "".join([*kept, text[end:]])
