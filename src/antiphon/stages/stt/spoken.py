"""How written words, keys, numbers and units sound: the text side of the embedded recogniser. Pure."""

import re
import unicodedata

_ONES = [
    *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
    *["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (100, "hundred"))

# Units as they end keys ("floor_area_sqft") or follow numbers ("22 m2").
UNITS = {
    "sqft": "square feet",
    "ft2": "square feet",
    "sqm": "square metres",
    "m2": "square metres",
    "km": "kilometres",
    "kms": "kilometres",
    "mi": "miles",
    "cm": "centimetres",
    "mm": "millimetres",
    "ft": "feet",
    "kg": "kilograms",
    "lb": "pounds",
    "lbs": "pounds",
    "ml": "millilitres",
    "kw": "kilowatts",
    "kwh": "kilowatt hours",
    "mph": "miles per hour",
    "kmh": "kilometres per hour",
    "min": "minutes",
    "mins": "minutes",
    "hr": "hours",
    "hrs": "hours",
    "usd": "dollars",
    "eur": "euros",
    "gbp": "pounds",
    "pct": "percent",
}
_SYMBOLS = {
    "%": " percent ",
    "&": " and ",
    "+": " plus ",
    "@": " at ",
    "$": " dollars ",
    "€": " euros ",
    "£": " pounds ",
}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOKEN = re.compile(r"\d+(?:,\d{3})+|\d+(?:\.\d+)?|[a-z]+(?:'[a-z]+)*")
_DIGITS_THEN_LETTERS = re.compile(r"(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)")


def integer_words(number: int) -> list[str]:
    """Return how `number` is read aloud: 489000 is "four hundred eighty nine thousand"."""
    if number < 0:
        return ["minus", *integer_words(-number)]
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        return [_TENS[number // 10], *([_ONES[number % 10]] if number % 10 else [])]
    for size, name in _SCALES:
        if number >= size:
            rest = integer_words(number % size) if number % size else []
            return [*integer_words(number // size), name, *rest]
    raise AssertionError("every number of a hundred or more has a scale")


def year_words(year: int) -> list[str]:
    """Return how a year from 1100 to 2099 is read aloud: 1987 is "nineteen eighty seven"."""
    century, rest = divmod(year, 100)
    if 2000 <= year < 2010:
        return integer_words(year)
    if rest == 0:
        return [*integer_words(century), "hundred"]
    middle = ["oh"] if rest < 10 else []
    return [*integer_words(century), *middle, *integer_words(rest)]


def number_words(text: str) -> list[list[str]]:
    """Return the ways to read a number of digits, with commas or a decimal point, aloud."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(whole) > 12:  # an account or serial number: digit by digit
        return [[_ONES[int(digit)] for digit in whole]]
    point = ["point", *(_ONES[int(digit)] for digit in fraction)] if fraction else []
    readings = [[*integer_words(int(whole)), *point]]
    if not point and 1100 <= int(whole) < 2100:
        readings.append(year_words(int(whole)))
    return readings


def words_of(text: str) -> list[str]:
    """Return `text` as lower-case spoken words; numbers and units are spelled out, punctuation is gone."""
    readings = _tokens(text)
    return [word for token in readings for word in _spoken(token)[0]]


def readings_of(text: str) -> list[list[str]]:
    """Return `text` as `words_of` does, and once more with years read as years where it holds any."""
    tokens = _tokens(text)
    first = [word for token in tokens for word in _spoken(token)[0]]
    last = [word for token in tokens for word in _spoken(token)[-1]]
    return [first] if first == last else [first, last]


def key_words(key: str) -> tuple[list[str], list[str]]:
    """Split a key into its name and its unit: "floorArea_sqft" is `["floor", "area"]` and `["square", "feet"]`."""
    tokens = _tokens(_CAMEL.sub(" ", key.replace("_", " ").replace("-", " ").replace(".", " ")))
    unit: list[str] = []
    if len(tokens) > 1 and tokens[-1] in UNITS:
        unit = UNITS[tokens.pop()].split()
    return [word for token in tokens for word in _spoken(token)[0]], unit


def sentences_of(text: str) -> list[str]:
    """Split prose into pieces that a speaker would say in one breath."""
    pieces = re.split(r"[.!?;:,\n]+(?:\s|$)", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def _tokens(text: str) -> list[str]:
    lowered = _plain_letters(text).lower()
    for symbol, name in _SYMBOLS.items():
        lowered = lowered.replace(symbol, name)
    tokens: list[str] = []
    for piece in re.split(r"[\s_/\-]+", lowered):
        if piece.strip(".,;:!?()'\"") in UNITS:
            tokens.append(piece.strip(".,;:!?()'\""))
        else:
            tokens.extend(_TOKEN.findall(_DIGITS_THEN_LETTERS.sub(" ", piece)))
    return tokens


def _plain_letters(text: str) -> str:
    """Take accents off letters, and make typographic apostrophes and powers plain: "café" is "cafe", "m²" is "m2"."""
    plain = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _spoken(token: str) -> list[list[str]]:
    if token[0].isdigit():
        if token in UNITS:
            return [UNITS[token].split()]
        return number_words(token)
    return [UNITS.get(token, token).split()]
