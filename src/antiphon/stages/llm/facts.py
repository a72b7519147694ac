"""Facts laid out for looking up: each entry knows what it is about and which kinds of question it answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from antiphon.session.context import FactValue, Knowledge
from antiphon.stages.llm.vocabulary import (
    CURRENCIES,
    MONEY_WORDS,
    MONTHS,
    QUALIFIERS,
    SUBJECT_WORDS,
    UNITS,
    WEEKDAYS,
    attributes_of,
)
from antiphon.stages.llm.words import is_number, split_words, stem, word_set

Path = tuple[str, ...]

_TITLE_KEYS = ("title", "name", "type", "business_name", "company", "product")
_TIME = re.compile(
    r"\d\s*(?:am|pm|h)\b|\d:\d\d|o'clock|\bnoon\b|midnight"
    r"|\b(?:from|between|at|until|till|after|before) \d{1,2}\b(?!\S)"
    rf"|\b(?:daily|every day|mornings?|afternoons?|evenings?|{'|'.join(WEEKDAYS + MONTHS)})",
    re.I,
)
_AREA = re.compile(r"square|sq(?:ft|m)\b", re.I)
_DISTANCE = re.compile(r"\d\s*(?:km|kilomet|mile|minute|metres? (?:away|from))", re.I)
_PRICE = re.compile(r"[$€£]\s*\d|\d\s*(?:dollar|euro|pound|usd|eur|gbp)", re.I)
# `key: value`, alone on a line of the instructions, perhaps as a list item or as JSON.
_LINE = re.compile(r"""^\s*(?:[-*•]\s+)?["'*]{0,2}([A-Za-z][\w /()-]{0,40}?)["'*]{0,2}\s*:["'*]{0,2}\s+(\S.*?)\s*$""")
# Lines with these keys tell the model how to behave; they say nothing about the world.
_DIRECTIVES = word_set(
    """tone role style language personality persona goal goals task voice pacing pace speed note notes instruction
    instructions rule rules example examples format output warning important always never do don user assistant
    system context objective identity demeanor enthusiasm formality emotion filler accent greeting remember step
    steps first if when q a question answer policy behaviour behavior guidelines response"""
)


@dataclass(frozen=True)
class Entry:
    """One fact, or a table of facts, that can answer a question.

    Args:
        path: Keys that lead to it: `("nearest_train_station", "distance_km")`.
        value: The scalar or list, or the table when `is_table`.
        children: The entries of a table; empty otherwise, also for a table that is said in one breath.
    """

    path: Path
    value: FactValue
    children: tuple["Entry", ...] = ()

    @property
    def is_table(self) -> bool:
        return bool(self.children)

    @cached_property
    def key_words(self) -> tuple[str, ...]:
        """Words of all its keys, without units."""
        return tuple(
            word for key in self.path for word in split_words(key) if word not in UNITS and word not in CURRENCIES
        )

    @cached_property
    def own_key_words(self) -> frozenset[str]:
        """Stems of its last key: what tells it from its sisters."""
        return frozenset(stem(word) for word in split_words(self.path[-1]) if word not in UNITS)

    @cached_property
    def topics(self) -> frozenset[str]:
        """Stems of what it is about; empty when its key is only a kind of question, such as `price`."""
        return frozenset(
            stem(word)
            for word in self.key_words
            if not attributes_of(stem(word)) and word not in QUALIFIERS | SUBJECT_WORDS
        )

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The kinds of question it answers: `price`, `area`, `distance`…"""
        return frozenset(self._key_attributes()) | frozenset(self._value_attributes(self.value))

    @cached_property
    def value_words(self) -> frozenset[str]:
        return frozenset(stem(word) for word in _words_of(self.value) if not is_number(word))

    def _key_attributes(self) -> Iterator[str]:
        for key in self.path:
            for word in split_words(key):
                if word in UNITS:
                    yield UNITS[word][0]
                elif word in CURRENCIES:
                    yield "price"
                else:
                    yield from attributes_of(stem(word))[:1]

    def _value_attributes(self, value: FactValue) -> Iterator[str]:
        if isinstance(value, Mapping) and is_money(value):
            yield "price"
        elif isinstance(value, Mapping):
            for key, child in value.items():
                yield from Entry((*self.path, key), child).attributes
        elif isinstance(value, int) and not isinstance(value, bool):
            yield "count"
        elif isinstance(value, str):
            kinds = (("time", _TIME), ("area", _AREA), ("distance", _DISTANCE), ("price", _PRICE))
            yield from (kind for kind, pattern in kinds if pattern.search(value))
        elif isinstance(value, Sequence):
            yield "count"


def _words_of(value: FactValue) -> Iterator[str]:
    if isinstance(value, str):
        yield from split_words(value)
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _words_of(child)
    elif isinstance(value, Sequence):
        for child in value:
            yield from _words_of(child)


@dataclass(frozen=True)
class FactBook:
    """Every entry of one table of facts; `roots` are the top ones, in the table's order."""

    roots: tuple[Entry, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, tables after what they hold."""
        return tuple(entry for root in self.roots for entry in _walk(root))

    @cached_property
    def title(self) -> Entry | None:
        """The entry that says what all of it is about, if one does."""
        return next((root for key in _TITLE_KEYS for root in self.roots if root.path == (key,)), None)

    @cached_property
    def subject_words(self) -> frozenset[str]:
        """Stems that stand for the whole table: `house`, and the words of its title."""
        words = {stem(word) for word in SUBJECT_WORDS} | set(SUBJECT_WORDS)
        return frozenset(words | (self.title.value_words if self.title else frozenset()))

    @cached_property
    def topic_words(self) -> frozenset[str]:
        """Every word of a key that is a topic, as written."""
        return frozenset(word for entry in self.entries for word in entry.key_words if stem(word) in entry.topics)

    @cached_property
    def kind_words(self) -> frozenset[str]:
        """Every word of a key that is a kind of question, as written: `price`, `address`."""
        return frozenset(word for entry in self.entries for word in entry.key_words if attributes_of(stem(word)))

    @cached_property
    def topics(self) -> frozenset[str]:
        """The stems of `topic_words`."""
        return frozenset(topic for entry in self.entries for topic in entry.topics)

    def value_of(self, key: str) -> FactValue | None:
        """Return the value of the only top-level fact called `key`."""
        wanted = split_words(key)
        return next((root.value for root in self.roots if split_words(root.path[0]) == wanted), None)


def lay_out(knowledge: Knowledge, instructions: str) -> FactBook:
    """Return the facts of `knowledge` and the `key: value` lines of `instructions` (the former win)."""
    facts = dict(facts_in(instructions)) | dict(knowledge.facts)
    return FactBook(tuple(_entry((key,), value) for key, value in facts.items() if _says_something(value)))


def facts_in(instructions: str) -> dict[str, FactValue]:
    """Return the `key: value` lines of `instructions`, leaving out those that direct the model."""
    found: dict[str, FactValue] = {}
    for line in instructions.splitlines():
        match = _LINE.match(line)
        if match and _is_fact_line(match[1], match[2]):
            found[match[1].strip().lower().replace(" ", "_")] = read_scalar(match[2].rstrip(",").strip("\"'*"))
    return found


def _is_fact_line(key: str, value: str) -> bool:
    words = split_words(key)
    return 0 < len(words) <= 5 and not _DIRECTIVES.intersection(words) and 0 < len(value) <= 200 and value not in "{["


def read_scalar(text: str) -> FactValue:
    """Return text as the number or truth value that it spells, else as it is."""
    truth = {"yes": True, "true": True, "no": False, "false": False}.get(text.lower())
    if truth is not None:
        return truth
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+|-?(0|[1-9]\d{0,14})", text):
        return int(text.replace(",", ""))
    return float(text) if re.fullmatch(r"-?\d{1,15}\.\d+", text) else text


def _says_something(value: FactValue | None) -> bool:
    return value is not None and value != "" and not (isinstance(value, Sequence | Mapping) and not value)


def _entry(path: Path, value: FactValue) -> Entry:
    named = _named_rows(value)
    if named is not None:
        value = named
    if not isinstance(value, Mapping) or is_compact(value):
        return Entry(path, value)
    value = _with_currency(value)
    return Entry(
        path, value, tuple(_entry((*path, key), child) for key, child in value.items() if _says_something(child))
    )


def _with_currency(table: Mapping[str, FactValue]) -> Mapping[str, FactValue]:
    """Move a currency that stands beside prices into them."""
    if "currency" not in table or not any(_is_price(key, value) for key, value in table.items()):
        return table
    return {
        key: {"amount": value, "currency": table["currency"]} if _is_price(key, value) else value
        for key, value in table.items()
        if key != "currency"
    }


def _is_price(key: str, value: FactValue) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and any("price" in attributes_of(stem(word)) or word in MONEY_WORDS for word in split_words(key))


def _named_rows(value: FactValue) -> Mapping[str, FactValue] | None:
    """Return a list of tables that have names as one table by name."""
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence) or not value:
        return None
    if not all(isinstance(row, Mapping) and isinstance(row.get("name"), str) for row in value):
        return None
    return {
        str(row["name"]): {k: v for k, v in row.items() if k != "name"} for row in value if isinstance(row, Mapping)
    }


def is_compact(table: Mapping[str, FactValue]) -> bool:
    """Tell whether a table is one thing with measures, such as a price with its currency or a named place."""
    if any(not isinstance(value, str | int | float) for value in table.values()):
        return False
    return is_money(table) or ("name" in table and 1 < len(table) <= 4)


def is_money(table: Mapping[str, FactValue]) -> bool:
    """Tell whether a table is only an amount of money."""
    keys = set(table)
    return "currency" in keys and len(keys) == 2 and bool(keys & {"amount", "value", "price", "total"})


def _walk(entry: Entry) -> Iterator[Entry]:
    for child in entry.children:
        yield from _walk(child)
    yield entry
