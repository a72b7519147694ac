"""Pronunciations in the phones of the CMU dictionary: looked up, joined from parts, or guessed by spelling. Pure."""

import re
from collections.abc import Iterator
from pathlib import Path

_SHORTEST_PART = 3  # letters of a compound's part; shorter ones find "parts" in any word
_LETTERS = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH", "i": "AY",
    "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY", "q": "K Y UW",
    "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S",
    "y": "W AY", "z": "Z IY",
}  # fmt: skip

# Letter groups and how they usually sound, the longest first; "^" and "$" are the word's beginning and end.
_RULES: tuple[tuple[str, str], ...] = (
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("cious", "SH AH S"), ("tious", "SH AH S"), ("ture", "CH ER"),
    ("ight", "AY T"), ("ough", "AO"), ("augh", "AO"), ("eigh", "EY"), ("tch", "CH"), ("dge", "JH"), ("sch", "SH"),
    ("^kn", "N"), ("^wr", "R"), ("^ps", "S"), ("^x", "Z"), ("^y", "Y"), ("ing$", "IH NG"), ("ed$", "D"),
    ("le$", "AH L"), ("es$", "Z"), ("ey$", "IY"), ("ie$", "IY"), ("y$", "IY"), ("a$", "AH"), ("o$", "OW"), ("i$", "IY"),
    ("e$", ""), ("air", "EH R"), ("ear", "IH R"), ("eer", "IH R"), ("oor", "AO R"), ("our", "AO R"), ("ar", "AA R"),
    ("er", "ER"), ("ir", "ER"), ("or", "AO R"), ("ur", "ER"), ("ai", "EY"), ("ay", "EY"), ("au", "AO"), ("aw", "AO"),
    ("ea", "IY"), ("ee", "IY"), ("ei", "EY"), ("ew", "UW"), ("eu", "Y UW"), ("ie", "IY"), ("oa", "OW"), ("oe", "OW"),
    ("oi", "OY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oy", "OY"), ("ue", "UW"), ("ui", "UW"), ("ch", "CH"),
    ("ck", "K"), ("gh", "G"), ("ng", "NG"), ("ph", "F"), ("qu", "K W"), ("sh", "SH"), ("th", "TH"), ("wh", "W"),
    ("ce", "S EH"), ("ci", "S IH"), ("cy", "S IY"), ("ge", "JH EH"), ("gi", "JH IH"), ("bb", "B"), ("cc", "K"),
    ("dd", "D"), ("ff", "F"), ("gg", "G"), ("ll", "L"), ("mm", "M"), ("nn", "N"), ("pp", "P"), ("rr", "R"),
    ("ss", "S"), ("tt", "T"), ("zz", "Z"), ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"),
    ("g", "G"), ("h", "HH"), ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AA"),
    ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"),
    ("y", "IH"), ("z", "Z"),
)  # fmt: skip
_LONG_VOWELS = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}


class Dictionary:
    """A pronunciation dictionary in the CMU format, kept as the text that it came as.

    A table of its 135,000 words would cost 25 MB for the few dozen that are ever looked up.
    """

    def __init__(self, text: str) -> None:
        self._text = f"\n{text}\n"

    @classmethod
    def read(cls, path: Path) -> "Dictionary":
        return cls(path.read_text(encoding="utf-8"))

    def __contains__(self, word: str) -> bool:
        return self.lookup(word) is not None

    def lookup(self, word: str) -> str | None:
        """Return the phones of `word`, its first pronunciation, or None when it is not in the dictionary."""
        start = self._text.find(f"\n{word} ")
        if start < 0:
            return None
        start += len(word) + 2
        return self._text[start : self._text.index("\n", start)].strip()

    def pronounce(self, word: str) -> str:
        """Return phones for any word of letters a to z and apostrophes: known, composed, spelled or guessed."""
        known = self.lookup(word) or self._inflected(word) or self._compound(word)
        if known:
            return known
        if not re.search("[aeiouy]", word):
            return " ".join(_LETTERS[letter] for letter in word if letter in _LETTERS)
        return sounded_out(word)

    def _inflected(self, word: str) -> str | None:
        """Pronounce a plural, possessive or opposite by the word that it comes from, and British "metre"."""
        for ending in ("'s", "es", "s"):
            stem = word.removesuffix(ending)
            if stem != word and len(stem) >= _SHORTEST_PART and (phones := self._respelled(stem)):
                return f"{phones} {_plural_sound(phones)}"
        if word.startswith("un") and len(word) > 4 and (phones := self.lookup(word[2:])):
            return f"AH N {phones}"
        return self._respelled(word)

    def _respelled(self, word: str) -> str | None:
        american = f"{word[:-2]}er" if word.endswith("re") else word
        return self.lookup(word) or self.lookup(american)

    def _compound(self, word: str) -> str | None:
        """Pronounce "oakfield" as "oak" and "field"; the most even split wins."""
        for cut in _cuts(len(word)):
            head = self.lookup(word[:cut])
            if head and (tail := self.lookup(word[cut:]) or self._inflected(word[cut:])):
                return f"{head} {tail}"
        return None


def sounded_out(word: str) -> str:
    """Return phones by the usual sound of each letter group; right for plain words, near for most."""
    phones: list[str] = []
    position = 0
    while position < len(word):
        length, sound = _rule_at(word, position)
        phones.append(sound)
        position += length
    return " ".join(phone for phone in phones if phone) or "AH"


def _rule_at(word: str, position: int) -> tuple[int, str]:
    if word[position] in _LONG_VOWELS and re.fullmatch("[^aeiouy]es?", word[position + 1 :]):
        return 1, _LONG_VOWELS[word[position]]  # a silent e at the end lengthens the vowel before
    for pattern, sound in _RULES:
        letters = pattern.strip("^$")
        if not word.startswith(letters, position):
            continue
        if pattern[0] == "^" and position > 0:
            continue
        if pattern[-1] == "$" and (position + len(letters) < len(word) or position == 0):
            continue
        return len(letters), sound
    return 1, ""  # an apostrophe


def _plural_sound(phones: str) -> str:
    last = phones.rsplit(maxsplit=1)[-1]
    if last in {"S", "Z", "SH", "ZH", "CH", "JH"}:
        return "AH Z"
    return "S" if last in {"P", "T", "K", "F", "TH"} else "Z"


def _cuts(length: int) -> Iterator[int]:
    cuts = range(_SHORTEST_PART, length - _SHORTEST_PART + 1)
    return iter(sorted(cuts, key=lambda cut: abs(cut - length / 2)))
