"""Facts as short spoken sentences."""

import re
from collections.abc import Mapping, Sequence

from antiphon.session.context import FactValue
from antiphon.stages.llm.facts import Entry, is_money
from antiphon.stages.llm.vocabulary import (
    CURRENCIES,
    MONTHS,
    UNITS,
    WEEKDAYS,
    attributes_of,
    topics_agree,
)
from antiphon.stages.llm.words import find_numbers, split_words, stem, word_set

_LONGEST_VALUE = 300
_STATES = word_set(
    """available free open closed possible welcome ready active public private legal safe accessible compulsory
    optional mandatory vacant empty full new negotiable"""
)
_NOT_STATES = word_set("bed shed shared red seed feed speed need")
# Nouns without an article: `there is parking`.
_UNCOUNTABLE = word_set(
    """parking wifi breakfast heating internet aircon furniture wheelchair access electricity water gas laundry
    security storage insurance support service catering lighting cooling delivery broadband"""
)
_EXISTS = word_set("there have has got include includes offer offers with")
_COMPARES = word_set("more less over under than least most above below fewer")
_PERMITS = {"allows": "allowed", "accepts": "accepted"}
_EVENTS = word_set("built constructed founded established renovated opened created launched completed")
_SINGULAR_ENDINGS = ("ss", "us", "is", "ws")
_SINGULARS = word_set("address wireless business gas bus status access gps")
_YES_NO = re.compile(
    r"^\W*(?:(?:and|so|but|well|ok|okay|hi|hello|hey|please|um|uh|also|or)\W+)*"
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell me|say) (?:if|whether)|(?:do you "
    r"know|i wonder|tell me|i want to know"
    r"|i'd like to know|i would like to know) (?:if|whether)|is|are|was|were|does|do|did"
    r"|has|have|can|could|may|will|would)\b",
    re.I,
)
_TELL_WHAT = re.compile(r"\b(?:tell me|say|know) (?:how|what|where|when|which|who|about)\b", re.I)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T[\d:.]+(?:Z|[+-][\d:]+)?)?")


def say(entry: Entry, question: str = "") -> str:
    """Return one entry as sentences that answer `question`, or state it when there is none."""
    if entry.is_table:
        return " ".join(say(child) for child in entry.children)
    if isinstance(entry.value, bool):
        return _say_truth(entry, entry.value, is_yes_no(question))
    sentence = _statement(entry)
    verdict = _verdict(entry, question) if is_yes_no(question) else None
    return sentence if verdict is None else f"{verdict}, {lower_first(sentence)}"


def say_all(entries: Sequence[Entry]) -> str:
    """Return every entry as sentences, one after the other."""
    return " ".join(say(entry) for entry in entries)


def is_yes_no(question: str) -> bool:
    """Tell whether `question` wants a yes or a no."""
    return bool(_YES_NO.match(question)) and not _TELL_WHAT.search(question)


def label(entry: Entry) -> str:
    """Return what the entry is called aloud: `nearest train station`, `breakfast price`."""
    words = _label_words(entry)
    return (
        " ".join(words[i] for i in range(len(words)) if words[i] not in words[:i]) or entry.path[-1].strip() or "fact"
    )


def _label_words(entry: Entry) -> list[str]:
    path, is_measured = entry.path, isinstance(entry.value, int | float)
    own = _key_words(path[-1]) if is_measured else _split_key(path[-1])
    if len(path) == 1:
        return own
    above = [word for key in path[:-1] for word in _split_key(key)]
    if any(word.rstrip("s") in WEEKDAYS for word in own):
        return [*above, "on", *(upper_first(word) if word.rstrip("s") in WEEKDAYS else word for word in own)]
    # In `rooms` or `amenities` each part has a name of its own; in `breakfast` the parts are its `price` and `hours`.
    is_collection = bool(above) and _is_plural(above[-1]) and not any(attributes_of(stem(word)) for word in own)
    return own if is_collection else [*above, *own]


def _key_words(key: str) -> list[str]:
    """Return the words of a number's key without its unit: `floor area` of `floor_area_sqft`."""
    return [word for word in _split_key(key) if word.lower() not in UNITS and word.lower() not in CURRENCIES]


def _split_key(key: str) -> list[str]:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-/.]+", " ", key).split()
    return [
        "ID" if word.lower() == "id" else word if word.isupper() and len(word) > 1 else word.lower() for word in words
    ]


# --- yes and no ---------------------------------------------------------------------------------------------


def _say_truth(entry: Entry, truth: bool, answer_first: bool) -> str:
    sentence = _truth_sentence(label(entry).split(), truth)
    if not answer_first:
        return upper_first(sentence)
    return f"{'Yes' if truth else 'No'}, {sentence}."[: -1 if sentence.endswith(".") else None]


def _truth_sentence(words: list[str], truth: bool) -> str:
    if words[0] in ("has", "have", "is", "are", "allows", "accepts", "includes") and len(words) > 1:
        if words[0] in ("is", "are"):
            return f"it is {'' if truth else 'not '}{' '.join(words[1:])}."
        words = words[1:] if words[0] in ("has", "have", "includes") else [*words[1:], _PERMITS[words[0]]]
    if _is_state(words[-1]):
        subject = " ".join(words[:-1]) or "it"
        return f"{subject} {_be(words[:-1])} {'' if truth else 'not '}{words[-1]}."
    noun = " ".join(words)
    return f"there {_be(words)} {_article(words) if truth else 'no '}{noun}."


def _is_state(word: str) -> bool:
    """Tell whether a word says how something is (`allowed`, `furnished`) and does not name it."""
    if word in _STATES or word.endswith(("able", "ible")):
        return True
    return word.endswith("ed") and len(word) > 4 and word not in _NOT_STATES


def _verdict(entry: Entry, question: str) -> str | None:
    """Return Yes or No where the fact decides the question, None where it only bears on it."""
    words = split_words(question)
    if not _EXISTS.intersection(words) or _COMPARES.intersection(words) or _judges(words):
        return None
    value = entry.value
    if isinstance(value, int | float):
        numbers = [number for _, number in find_numbers(words)]
        return "Yes" if (value in numbers if numbers else value) else "No"
    if not isinstance(value, str):
        return None
    if re.match(r"(?:no|none|not|without|closed)\b", value.lower()):
        return "No"
    asked = {stem(word) for word in words}
    return "Yes" if any(topics_agree(topic, word) for topic in entry.topics for word in asked) else None


def _judges(words: list[str]) -> bool:
    """Tell whether a question asks for a judgement, such as `is the garden big`, that a number does not give."""
    return any(kind in ("area", "price", "age") for word in words for kind in attributes_of(stem(word)))


# --- statements ---------------------------------------------------------------------------------------------


def _statement(entry: Entry) -> str:
    value, words = entry.value, label(entry).split()
    if isinstance(value, Mapping):
        return _say_compact(value, words)
    if isinstance(value, str):
        return _say_text(words, say_value(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _say_number(entry, value, words)
    return f"The {' '.join(words)} {_be(words)} {say_value(value)}."


def _say_number(entry: Entry, value: int | float, words: list[str]) -> str:
    last = words[-1] if words else ""
    if "year" in words or _EVENTS.intersection(words):
        event = next((word for word in words if word in _EVENTS), None)
        return f"It was {event} in {value}." if event else f"The {' '.join(words)} is {value}."
    unit = _unit_of(entry.path[-1])
    if unit is None and isinstance(value, int) and (_is_plural(last) or (value == 1 and len(words) == 1)):
        counted = words if value != 1 else [*words[:-1], last[:-1] if _is_plural(last) else last]
        return f"There {'is' if value == 1 else 'are'} {say_number(value)} {' '.join(counted)}."
    return f"The {' '.join(words)} {_be(words)} {_with_unit(value, unit)}."


def _say_text(words: list[str], value: str) -> str:
    """Say a value that is a phrase, a clause, or a whole sentence."""
    first, noun = value.split(" ", maxsplit=1)[0].lower(), " ".join(words)
    if noun in ("title", "type"):
        return f"This is {_phrase(value)}."
    if value.endswith((".", "!", "?")) and len(value.split()) > 4:
        return value
    said = {stem(word) for word in split_words(value)}
    if stem(words[-1]) in said and first not in ("the", "from", "at"):
        plural = _is_plural(words[-1])
        return f"There {'are' if plural else 'is'} {_phrase(value, plural)}."
    preposition = "on " if first.rstrip("s,") in WEEKDAYS else ""
    event = next((word for word in words if word in _EVENTS), None)
    if event is not None and re.search(r"\d{4}", value):
        return f"It was {event} in {value}."
    if noun == "name":
        return f"The name is {value}."
    return f"The {noun} {_be(words)} {preposition}{value}."


def _phrase(value: str, plural: bool = False) -> str:
    """Return a noun phrase inside a sentence: `Detached family house` as `a detached family house`."""
    first = value.split(" ", maxsplit=1)[0]
    if (
        first.lower() in ("a", "an", "the", "no", "none", "two", "three", "four", "several", "many")
        or plural
        or first[:1].isdigit()
    ):
        return lower_first(value)
    lowered = lower_first(value)
    if set(split_words(value)) & _UNCOUNTABLE:
        return lowered
    return f"{'an' if lowered[:1].lower() in 'aeiou' else 'a'} {lowered}"


def _say_compact(value: Mapping[str, FactValue], words: list[str]) -> str:
    if is_money(value):
        return f"The {' '.join(words)} {_be(words)} {say_value(value)}."
    rest = [_measure(key, child, value) for key, child in value.items() if key not in ("name", "currency")]
    return f"The {' '.join(words)} {_be(words)} {', '.join([str(value['name']), *rest])}."


def _measure(key: str, value: FactValue, table: Mapping[str, FactValue]) -> str:
    """Return one measure of a named thing: `1.2 kilometres away`, `price 12 euros`."""
    unit = _unit_of(key)
    words = _key_words(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if unit is None and "currency" in table and {"price", "cost", "amount", "fee", "rate"} & set(words):
            unit = _currency(str(table["currency"]), value)
        said = _with_unit(value, unit)
        return f"{said} away" if "distance" in words else f"{' '.join(words)} {said}"
    return f"{' '.join(words)} {say_value(value)}"


def say_value(value: FactValue | None) -> str:
    """Return a bare value aloud: `489,000 US dollars`, `yes`, `soup, salad and bread`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return say_number(value)
    if isinstance(value, str):
        return _ISO_DATE.sub(_say_date, " ".join(value.split())[:_LONGEST_VALUE]).removesuffix(".")
    if isinstance(value, Mapping):
        return _say_table(value)
    if value is None:  # from a tool, whose JSON may hold anything
        return "unknown"
    return join_and([say_value(item) for item in value]) or "none"


def _say_table(table: Mapping[str, FactValue]) -> str:
    if is_money(table):
        amount = next(value for key, value in table.items() if key != "currency")
        if isinstance(amount, int | float):
            return _with_unit(amount, _currency(str(table["currency"]), amount))
    return ", ".join(f"{' '.join(_key_words(key))} {say_value(value)}" for key, value in table.items())


def _say_date(match: re.Match[str]) -> str:
    year, month, day = (int(part) for part in match.groups())
    if not 1 <= month <= 12:
        return match[0]
    return f"{day} {MONTHS[month - 1].capitalize()} {year}"


def say_number(value: int | float) -> str:
    """Return a number with its thousands set apart and no idle decimals."""
    if isinstance(value, float):
        value = round(value, 2)
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}"


def _unit_of(key: str) -> str | None:
    last = split_words(key)[-1:]
    if last and last[0] in UNITS:
        return UNITS[last[0]][1]
    return CURRENCIES[last[0]][1] if last and last[0] in CURRENCIES else None


def _currency(code: str, amount: int | float) -> str:
    one, many = CURRENCIES.get(code.lower(), (code, code))
    return one if amount == 1 else many


def _with_unit(value: int | float, unit: str | None) -> str:
    return say_number(value) if unit is None else f"{say_number(value)} {unit}"


# --- small grammar ------------------------------------------------------------------------------------------


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(_SINGULAR_ENDINGS) and word not in _SINGULARS


def _be(words: Sequence[str]) -> str:
    # `opening hours on Monday` are many.
    noun = words[: words.index("on")] if "on" in words[1:] else words
    return "are" if noun and _is_plural(noun[-1]) else "is"


def _article(words: Sequence[str]) -> str:
    if _is_plural(words[-1]) or _UNCOUNTABLE.intersection(words):
        return ""
    return "an " if words[0][:1] in "aeiou" else "a "


def join_and(parts: Sequence[str]) -> str:
    """Return parts as a spoken list: `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def lower_first(text: str) -> str:
    """Lower the first letter unless it begins a name or an abbreviation."""
    first = text.split(" ", maxsplit=1)[0]
    return text if first[1:] != first[1:].lower() or first == "I" else text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
