"""Arguments for a function call, filled by rules from what was said; never invented."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.stages.llm.facts import FactBook
from antiphon.stages.llm.vocabulary import DAY_PARTS, MONTHS, WEEKDAYS, topics_agree, verb_of
from antiphon.stages.llm.words import find_numbers, sounds_like, split_words, stem

Schema = Mapping[str, Any]

_DAY = rf"(?:{'|'.join(WEEKDAYS)})s?"
_PART = rf"(?:{'|'.join(DAY_PARTS)})s?"
_MONTH = rf"(?:{'|'.join(MONTHS)})"
_ORDINAL = r"(?:\d{1,2}(?:st|nd|rd|th)?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
_DATE = re.compile(
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?"
    rf"|(?:the )?{_ORDINAL} (?:of )?{_MONTH}(?: \d{{4}})?|{_MONTH} (?:the )?{_ORDINAL}(?:,? \d{{4}})?"
    rf"|(?:(?:next|this|on|coming) )?{_DAY}(?: {_PART})?|(?:today|tonight|(?:the day after )?tomorrow)(?: {_PART})?"
    r"|next (?:week|month|weekend)|this (?:week|weekend|morning|afternoon|evening)|in \w+ (?:days|weeks)",
    re.I,
)
_HOUR = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_TIME = re.compile(
    rf"\d{{1,2}}:\d{{2}}(?: ?[ap]\.?m\.?)?|(?:half past|quarter (?:past|to)) {_HOUR}|{_HOUR} "
    rf"?(?:[ap]\.?m\b\.?|o'clock)(?: in the {_PART})?"
    rf"|(?<=at ){_HOUR}(?: (?:thirty|fifteen|forty five))?\b|\b{_PART}\b",
    re.I,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\w+(?: dot \w+)* at \w+(?: dot \w+)+", re.I)
_PHONE = re.compile(r"\+?\d[\d ()-]{4,}\d")
_QUOTED = re.compile(r"[\"“”]([^\"“”]+)[\"“”]")
_NAME = re.compile(
    r"(?:my name is|my name's|i am called|this is|name of|(?:in|under) the name(?: of)?|called|named)\s+"
    r"((?!the\b|a\b|my\b|an\b)[^\W\d]+(?:\s+(?!and\b|i\b|at\b|on\b|for\b|in\b|please\b|my\b"
    r"|with\b|from\b|here\b|speaking\b)[^\W\d]+)?)",
    re.I,
)
_AFTER = (
    r"\b(?:{})\s+(?:the |a |an |my )?((?:(?!(?:and|please|on|off|at|in|for|to|from|with"
    r"|about|by|tomorrow|today|tonight|next|this|now|right|so|then|{days})\b)[^\s?!.,;]+\s*){{1,4}})"
)
# `in oslo` is surer than `going to rain`.
_PLACES = ("in|at|near|around", "for|of|from", "to")
_PREPOSITIONS = "about|called|named|titled|for|to|in|at|of|with|on|from|by"
_CAPITALISED = re.compile(r"(?<=[a-z,] )([A-Z][\w'-]+(?: [A-Z][\w'-]+)*)")
_POLITE = re.compile(
    r"^(?:\W*(?:please|hello|hi|hey|ok|okay|um|uh|and|so|well|can you|could you|would you"
    r"|will you|can i|could i|may i|let me|i want to|i want you to"
    r"|i would like(?: you)? to|i'd like(?: you)? to|i need to|i need you to|would you mind)\b)+\W*",
    re.I,
)
_NEGATION = re.compile(r"\b(?:no|not|without|don't|never|off|disable|false)\b", re.I)
_AFFIRMATION = re.compile(r"\b(?:yes|yeah|on|enable|with|true|sure|ok|okay)\b", re.I)


@dataclass(frozen=True)
class Arguments:
    """What could be filled, the words that it took, and the required parameters that could not be.

    Args:
        values: Ready for JSON.
        used: Stems of the words that the values were made of.
        missing: Names of required parameters without a value.
    """

    values: Mapping[str, Any]
    used: frozenset[str]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """One parameter, and the text that it is looked for in."""

    name: str
    schema: Schema
    text: str
    book: FactBook


def fill_arguments(
    parameters: Schema, text: str, book: FactBook, answers: Mapping[str, str] | None = None
) -> Arguments:
    """Fill the parameters of a tool from what was said.

    Args:
        parameters: JSON Schema object.
        text: The request as it was heard or typed.
        book: Facts; a parameter that has exactly a fact's key takes its value (`property_id`).
        answers: What the user answered when asked for a parameter, by its name.
    """
    properties = parameters.get("properties")
    values: dict[str, Any] = {}
    left = text
    for name, schema in _simplest_first(properties if isinstance(properties, Mapping) else {}):
        answer = (answers or {}).get(name)
        found = read_value(name, schema, left, book) if answer is None else _read_answer(name, schema, answer, book)
        if found is not None:
            values[name] = found
            left = _without(left, found, schema)
    required = parameters.get("required")
    missing = tuple(name for name in required if name not in values) if isinstance(required, list) else ()
    used = frozenset(stem(word) for value in values.values() for word in split_words(_as_text(value)))
    return Arguments(values, used, missing)


def _simplest_first(properties: Schema) -> list[tuple[str, Schema]]:
    """Return strings that may take any words last, so that dates and names are taken before."""
    pairs = [(str(name), schema if isinstance(schema, Mapping) else {}) for name, schema in properties.items()]
    return sorted(pairs, key=lambda pair: _is_free_text(*pair))


def _read_answer(name: str, schema: Schema, answer: str, book: FactBook) -> Any:
    found = read_value(name, schema, answer, book)
    if found is None and _type_of(schema) == "string" and not _choices(schema):
        return _POLITE.sub("", answer).strip(" .!?") or None
    return found


def read_value(name: str, schema: Schema, text: str, book: FactBook) -> Any:
    """Return the value of one parameter as `text` gives it, None when it does not."""
    schema = _plain(schema)
    if "const" in schema:
        return schema["const"]
    choices = _choices(schema)
    if choices:
        return _choose(choices, text)
    reader = _READERS.get(_type_of(schema))
    found = reader(_Asked(name, schema, text, book)) if reader else None
    return _from_facts(name, schema, book) if found is None else found


def _plain(schema: Schema) -> Schema:
    """Return the first variant that is not null of `anyOf` and its like."""
    for key in ("anyOf", "oneOf"):
        variants = schema.get(key)
        if isinstance(variants, list):
            return next((v for v in variants if isinstance(v, Mapping) and v.get("type") != "null"), {})
    return schema


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    return kind if isinstance(kind, str) else "object" if "properties" in schema else "string"


def _choices(schema: Schema) -> list[Any]:
    choices = _plain(schema).get("enum")
    return [choice for choice in choices if choice is not None] if isinstance(choices, list) else []


def _choose(choices: list[Any], text: str) -> Any:
    """Return the choice whose words were said, the one most fully said first."""
    said = split_words(text)
    scored = [(_choice_score(split_words(_spaced(str(choice))), said), choice) for choice in choices]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= 0.6 else None


def _choice_score(words: list[str], said: list[str]) -> float:
    if not words:
        return 0.0
    return (
        sum(max((_likeness(word, heard) for heard in said), default=0.0) for word in words) / len(words)
        + len(words) / 100
    )


def _likeness(word: str, heard: str) -> float:
    if word == heard:
        return 1.0
    if stem(word) == stem(heard):
        return 0.95
    if topics_agree(stem(word), stem(heard)) or verb_of(stem(word)) == verb_of(stem(heard)):
        return 0.8
    return 0.7 if sounds_like(heard, word) else 0.0


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-./]+", " ", name)


def _read_number(asked: _Asked) -> int | float | None:
    words = split_words(asked.text)
    numbers = [(at, value) for at, value in find_numbers(words) if _allows(asked.schema, value)]
    if not numbers:
        return None
    names = {stem(word) for word in split_words(_spaced(asked.name))} - {"number", "count", "num", "of"}
    near = [i for i, word in enumerate(words) if any(topics_agree(stem(word), part) for part in names)]
    at = min(numbers, key=lambda pair: min((abs(pair[0] - i) for i in near), default=pair[0]))
    return at[1]


def _allows(schema: Schema, value: int | float) -> bool:
    if _type_of(schema) == "integer" and isinstance(value, float):
        return False
    low, high = schema.get("minimum"), schema.get("maximum")
    return (not isinstance(low, int | float) or value >= low) and (not isinstance(high, int | float) or value <= high)


def _read_truth(asked: _Asked) -> bool | None:
    names = [
        stem(word)
        for word in split_words(_spaced(asked.name))
        if word not in ("is", "has", "with", "include", "enable", "enabled", "on")
    ]
    words = split_words(asked.text)
    if any(topics_agree(stem(word), part) for word in words for part in names):
        return not _NEGATION.search(asked.text)
    if names and not {"on", "off", "yes", "no"}.intersection(words):
        return None
    if _NEGATION.search(asked.text):
        return False
    return True if _AFFIRMATION.search(asked.text) else None


def _read_list(asked: _Asked) -> list[Any] | None:
    items = asked.schema.get("items")
    items = items if isinstance(items, Mapping) else {}
    choices = _choices(items)
    if choices:
        said = [
            choice
            for choice in choices
            if _choice_score(split_words(_spaced(str(choice))), split_words(asked.text)) >= 0.6
        ]
        return said or None
    found = read_value(asked.name, items, asked.text, asked.book)
    return None if found is None else [found]


def _read_object(asked: _Asked) -> dict[str, Any] | None:
    filled = fill_arguments(asked.schema, asked.text, asked.book)
    return None if filled.missing or not filled.values else dict(filled.values)


# --- strings ------------------------------------------------------------------------------------------------


def _read_text(asked: _Asked) -> str | None:
    hint = _hint(asked.name, asked.schema)
    for words, read in _TEXT_READERS:
        if words & hint:
            return read(asked.text)
    return _first(asked.text, _quoted, _after(_PREPOSITIONS), _capitalised)


def _hint(name: str, schema: Schema) -> set[str]:
    """Return the words that tell which kind of text a parameter wants; its name outweighs its description."""
    names = set(split_words(_spaced(name)))
    kind = schema.get("format")
    return names | ({kind} if isinstance(kind, str) else set())


def _first(text: str, *readers: Callable[[str], str | None]) -> str | None:
    return next((found for reader in readers if (found := reader(text))), None)


def _quoted(text: str) -> str | None:
    match = _QUOTED.search(text)
    return match[1].strip() if match else None


def _capitalised(text: str) -> str | None:
    match = _CAPITALISED.search(text)
    return match[1] if match else None


def _after(prepositions: str) -> Callable[[str], str | None]:
    pattern = re.compile(_AFTER.format(prepositions, days="|".join(WEEKDAYS)), re.I)

    def read(text: str) -> str | None:
        for match in pattern.finditer(text):
            words = match[1].strip()
            if split_words(words) and not _is_empty_phrase(split_words(words)):
                return words
        return None

    return read


def _is_empty_phrase(words: list[str]) -> bool:
    return all(
        word in {"it", "me", "you", "them", "that", "this", "us", "him", "her", "there", "here", "know"}
        for word in words
    )


def _matched(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        match = pattern.search(text)
        return re.sub(r"^on ", "", match[0].strip(), flags=re.I) if match else None

    return read


def _date_and_time(text: str) -> str | None:
    date, time = _matched(_DATE)(text), _matched(_TIME)(_DATE.sub(" ", text, count=1))
    return " ".join(part for part in (date, time) if part) or None


def _email(text: str) -> str | None:
    found = _matched(_EMAIL)(text)
    return found and re.sub(r" dot ", ".", re.sub(r" at ", "@", found, flags=re.I), flags=re.I)


def _phone(text: str) -> str | None:
    found = _matched(_PHONE)(text)
    if found:
        return found
    digits = "".join(str(value) for _, value in find_numbers(split_words(text)) if 0 <= value <= 9)
    return digits if len(digits) >= 5 else None


def _person(text: str) -> str | None:
    match = _NAME.search(text)
    return match[1].strip() if match else _first(text, _quoted, _capitalised)


def _whole(text: str) -> str | None:
    return _quoted(text) or _POLITE.sub("", text).strip(" .!?") or None


def _message(text: str) -> str | None:
    match = re.search(r"\b(?:saying|that says|to say|that|about|to)\s+(.+)$", text, re.I)
    return _first(text, _quoted) or (match[1].strip(" .!?") if match else None)


_TEXT_READERS: tuple[tuple[frozenset[str], Callable[[str], str | None]], ...] = (
    (frozenset({"datetime", "date-time", "when", "slot", "appointment"}), _date_and_time),
    (frozenset({"date", "day"}), _matched(_DATE)),
    (frozenset({"time", "hour"}), _matched(_TIME)),
    (frozenset({"email"}), _email),
    (frozenset({"phone", "telephone", "mobile"}), _phone),
    (
        frozenset(
            {
                "query",
                "question",
                "prompt",
                "request",
                "input",
                "text",
                "search",
                "utterance",
                "topic",
                "problem",
                "issue",
                "reason",
            }
        ),
        _whole,
    ),
    (frozenset({"message", "body", "content", "note", "reminder", "task", "subject"}), _message),
    (
        frozenset(
            {
                "location",
                "city",
                "place",
                "address",
                "destination",
                "origin",
                "town",
                "country",
                "region",
                "room",
                "zone",
                "area",
            }
        ),
        lambda text: _first(text, _quoted, *map(_after, _PLACES), _capitalised),
    ),
    (frozenset({"name", "person", "customer", "guest", "contact", "recipient", "who", "attendee"}), _person),
)
_READERS: dict[str, Callable[[_Asked], Any]] = {
    "string": _read_text,
    "integer": _read_number,
    "number": _read_number,
    "boolean": _read_truth,
    "array": _read_list,
    "object": _read_object,
}


def _is_free_text(name: str, schema: Schema) -> bool:
    schema = _plain(schema)
    if _type_of(schema) != "string" or _choices(schema):
        return False
    hint = _hint(name, schema)
    return not any(words & hint for words, _ in _TEXT_READERS[:5])


def _from_facts(name: str, schema: Schema, book: FactBook) -> Any:
    """Return the fact whose key is the parameter's name, such as `property_id`; a bare `name` is the user's own."""
    fact = book.value_of(_spaced(name)) if "_" in name or _spaced(name) != name else None
    wanted: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
    return fact if isinstance(fact, wanted.get(_type_of(schema), ())) and not isinstance(fact, bool) else None


def _without(text: str, value: Any, schema: Schema) -> str:
    """Return `text` without the words of a value, so that no other parameter takes them too."""
    if not isinstance(value, str) or _choices(schema):
        return text
    shorter = re.sub(re.escape(value), " ", text, count=1, flags=re.I)
    return shorter if split_words(shorter) else text


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_as_text(part) for part in value.values())
    return " ".join(_as_text(part) for part in value) if isinstance(value, list) else str(value)
