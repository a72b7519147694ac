"""Words as a recogniser or a hurried typist leaves them: split, stemmed, compared by sound, read as numbers."""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:[.,:][0-9]+)*(?:'[^\W_]+)?")
_VOWELS = frozenset("aeiouy")
# Words that belong together, however they are written.
_JOINED = (
    (re.compile(r"\bwi[\s-]?fi\b"), "wifi"),
    (re.compile(r"\bcheck(?:ing)?[\s_-]?(in|out)\b"), r"check\1"),
    (re.compile(r"\be-mail"), "email"),
    (re.compile(r"\bair[\s-]con(?:ditioning|ditioner|ditioned)?\b"), "aircon"),
    (re.compile(r"\b(?:sitting|drawing|family) room\b"), "living room"),
    (re.compile(r"\b(?:fitness|exercise) (?:room|studio|cent(?:er|re))\b"), "gym"),
    (re.compile(r"\bback yard\b"), "backyard"),
    (re.compile(r"\bhow[\s-]?(much|many)\b"), r"how\1"),
    (re.compile(r"\b(?:can(?:no|')t)\b"), "can not"),
    (re.compile(r"\bhowmany (?=square|kilomet|miles|met(?:er|re)s|dollars|euros|pounds|years)"), ""),
    (re.compile(r"\bcalled$"), "name"),
    # `see` means many things; with the place itself it is a visit.
    (
        re.compile(
            r"\bcome (?:around|round|by|over)\b|\b(?:drop|stop) by\b|\bcome (?:and |to |over to "
            r")?(?:see|look at|have a look at|view)\b"
            r"|\b(?:can|could|may|to) (?:i |we )?(?:see|view|look at) (?=it\b|the (?:house|home"
            r"|property|place|flat|apartment)\b)"
        ),
        "visit ",
    ),
    (re.compile(r"\b(\w+)n't\b"), r"\1 not"),
)
_SOUNDS = str.maketrans({"z": "s", "q": "k", "v": "f"})
# Consonants that noise makes alike: `raiding` for `rating`.
_VOICELESS = str.maketrans("dbg", "tpk")


def word_list(text: str) -> list[str]:
    """Return the words of a table written as one string."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """Return the words of a table written as one string, for looking up."""
    return frozenset(text.split())


def split_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, without punctuation and possessive endings."""
    text = text.lower().replace("\u2019", "'").replace("_", " ")
    for pattern, replacement in _JOINED:
        text = pattern.sub(replacement, text)
    return [word.split("'")[0] if not word.endswith("o'clock") else word for word in _WORD.findall(text)]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return what `word` shares with its plural, past and -ing forms; crude, and the same for both sides."""
    if not word.isalpha() or len(word) <= 3:
        return word
    return _without_e(_without_inflection(_singular(word)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_inflection(word: str) -> str:
    for ending, shortest in (("ing", 6), ("ed", 5)):
        if word.endswith(ending) and len(word) >= shortest and not word.endswith("eed"):
            root = word[: -len(ending)]
            return root[:-1] if root[-1] == root[-2] and root[-1] not in "ls" else root
    return word


def _without_e(word: str) -> str:
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


@lru_cache(maxsize=4096)
def sound_key(word: str) -> str:
    """Return the consonants of `word` as they sound, so that `guardin` and `garden` have one key."""
    for spelling, sound in (("ph", "f"), ("ck", "k"), ("gh", ""), ("wh", "w"), ("kn", "n"), ("wr", "r"), ("th", "t")):
        word = word.replace(spelling, sound)
    word = re.sub(r"c(?=[eiy])", "s", word).replace("c", "k").replace("x", "ks").translate(_SOUNDS)
    key = word[:1] if word[:1] not in _VOWELS else "a"
    for letter in word[1:]:
        if letter not in _VOWELS and letter not in "hw" and not key.endswith(letter):
            key += letter
    return key


@lru_cache(maxsize=4096)
def edit_distance(one: str, other: str) -> int:
    """Return how many letters must be changed, added or dropped to turn `one` into `other` (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, target in enumerate(other, 1):
            substituted = previous + (letter != target)
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, substituted)
    return row[-1]


@lru_cache(maxsize=16384)
def sounds_like(heard: str, meant: str) -> bool:
    """Tell whether a recogniser could write `heard` for `meant`: `pull` for `pool`, `bad rooms` for `bedrooms`."""
    shorter, longer = sorted((len(heard), len(meant)))
    if shorter < 4 or longer - shorter > 2:
        return False
    one, other = sound_key(heard), sound_key(meant)
    if heard[0] != meant[0] and one[0].translate(_VOICELESS) != other[0].translate(_VOICELESS):
        return False
    if one == other and len(one) > 1:
        return edit_distance(heard, meant) <= longer // 2
    if longer >= 5 and len(one) > 2 and one.translate(_VOICELESS) == other.translate(_VOICELESS):
        return edit_distance(heard, meant) <= longer // 3
    return longer >= 6 and heard[0] == meant[0] and edit_distance(heard, meant) <= (2 if longer >= 9 else 1)


# --- numbers ------------------------------------------------------------------------------------------------

_UNITS = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = word_list("twenty thirty forty fifty sixty seventy eighty ninety")
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {
    word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def is_number(word: str) -> bool:
    return word in _SMALL or word in _SCALES or bool(_DIGITS.fullmatch(word))


def find_numbers(words: list[str]) -> list[tuple[int, int | float]]:
    """Return (position of its first word, value) of each number, written in digits or in words.

    `["two", "hundred", "and", "fifty", "at", "3.5"]` gives `[(0, 250), (5, 3.5)]`.
    """
    found: list[tuple[int, int | float]] = []
    position = 0
    while position < len(words):
        if _DIGITS.fullmatch(words[position]):
            found.append((position, _digits_value(words[position])))
            position += 1
        elif words[position] in _SMALL:
            value, length = _spoken_value(words[position:])
            found.append((position, value))
            position += length
        else:
            position += 1
    return found


def _digits_value(word: str) -> int | float:
    plain = word.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _spoken_value(words: list[str]) -> tuple[int, int]:
    total, group, length = 0, 0, 0
    for i, word in enumerate(words):
        if word in _SMALL and _fits_after(group, _SMALL[word], i):
            group += _SMALL[word]
        elif word == "hundred" and group:
            group *= 100
        elif word in _SCALES and group:
            total, group = total + group * _SCALES[word], 0
        elif not (word == "and" and total + group >= 100 and i + 1 < len(words) and words[i + 1] in _SMALL):
            break
        length = i + 1
    return total + group, length


def _fits_after(group: int, value: int, position: int) -> bool:
    """Tell `twenty three` (one number) from `two three` (two numbers)."""
    if position == 0 or group % 100 == 0:
        return True
    return group % 10 == 0 and group % 100 >= 20 and 0 < value < 10
