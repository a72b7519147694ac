"""Which function tool a request fits, and the calls that it asks for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from antiphon.session.context import Tool
from antiphon.stages.llm.fact_matching import split_clauses
from antiphon.stages.llm.facts import FactBook
from antiphon.stages.llm.tool_arguments import Arguments, fill_arguments
from antiphon.stages.llm.vocabulary import STOP_WORDS, TIME_WORDS, topics_agree, verb_of
from antiphon.stages.llm.words import is_number, split_words, stem, word_set

# How well a request must fit before a tool is called unasked.
_FITS = 0.42
# A request that begins with the tool's own verb is an order, not a question about a fact.
_ORDER_BONUS = 0.35
_NAME, _PARAMETER, _DESCRIPTION, _ARGUMENT = 1.0, 0.8, 0.6, 0.8
_GENERIC_NAME_WORDS = word_set(
    "get set do run tool function api fetch make handle use user my new current perform request"
)
_ORDER = re.compile(
    r"^(?:\W*(?:please|hello|hi|hey|ok|okay|um|uh|and|so|well|yes|now|then|just|also|can "
    r"you|could you|would you|will you|can i|could i|may i|let me"
    r"|let's|i want to|i want you to|i would like(?: you)? to|i'd like(?: you)? to|i would "
    r"like|i need to|i need you to|i want|we want to|we would like to)\b)*\W*"
    r"(?P<verb>\w+)",
    re.I,
)


@dataclass(frozen=True)
class ToolRequest:
    """A tool with what the user said to it.

    Args:
        tool: What to call.
        arguments: Its arguments as far as they were found.
        score: How well the request fits, about 0 to 1.4.
        text: The part of what the user said that it was made of.
    """

    tool: Tool
    arguments: Arguments
    score: float
    text: str

    @property
    def fits(self) -> bool:
        return self.score >= _FITS

    @property
    def is_ready(self) -> bool:
        return not self.arguments.missing


@dataclass(frozen=True)
class _ToolWords:
    """Stems of a tool's name, parameters (with their choices) and descriptions."""

    tool: Tool

    @cached_property
    def name(self) -> frozenset[str]:
        words = split_words(_spaced(self.tool.name))
        return frozenset(stem(word) for word in words if word not in _GENERIC_NAME_WORDS) or frozenset(map(stem, words))

    @cached_property
    def parameters(self) -> frozenset[str]:
        return frozenset(
            stem(word) for text in _parameter_texts(self.tool.parameters) for word in split_words(_spaced(text))
        )

    @property
    def opening(self) -> frozenset[str]:
        """The first word of the description, usually a verb."""
        return frozenset(stem(word) for word in split_words(self.tool.description)[:1])

    @cached_property
    def description(self) -> frozenset[str]:
        return frozenset(stem(word) for word in split_words(self.tool.description) if word not in STOP_WORDS)


def find_requests(
    text: str, tools: Sequence[Tool], book: FactBook, answers: Mapping[str, str] | None = None
) -> list[ToolRequest]:
    """Return the calls that `text` asks for, in its order: usually none or one, several for several requests."""
    clauses = split_clauses(text)
    if len(clauses) > 1 and not answers:
        several = _requests_by_clause(clauses, tools, book)
        if len(several) > 1:
            return several
    best = best_request(text, tools, book, answers)
    return [best] if best is not None and best.fits else []


def best_request(
    text: str, tools: Sequence[Tool], book: FactBook, answers: Mapping[str, str] | None = None
) -> ToolRequest | None:
    """Return the tool that fits `text` best, however weakly; None when there is no tool."""
    requests = [_request(text, tool, book, answers) for tool in tools]
    return max(requests, key=lambda request: request.score, default=None)


def _requests_by_clause(clauses: list[str], tools: Sequence[Tool], book: FactBook) -> list[ToolRequest]:
    requests: list[ToolRequest] = []
    for clause in clauses:
        best = best_request(clause, tools, book)
        if best is not None and best.fits and best.is_ready:
            # `and the living room` orders what the clause before it ordered.
            is_same = bool(requests) and requests[-1].tool is best.tool
            requests.append(replace(best, score=max(best.score, requests[-1].score)) if is_same else best)
        elif requests and (again := _same_again(clause, requests[-1], book)) is not None:
            requests.append(again)
        else:
            return []
    return requests


def _same_again(clause: str, before: ToolRequest, book: FactBook) -> ToolRequest | None:
    """Read `london` after `the weather in paris` as the same request with the other place."""
    texts = [name for name, value in before.arguments.values.items() if isinstance(value, str)]
    words = [word for word in split_words(clause) if word not in STOP_WORDS]
    if len(texts) != 1 or not 1 <= len(words) <= 2 or words != split_words(clause)[-len(words) :]:
        return None
    if any(stem(word) in TIME_WORDS or is_number(word) for word in words):
        return None
    filled = fill_arguments(before.tool.parameters, clause, book, {texts[0]: " ".join(clause.split()[-len(words) :])})
    return ToolRequest(before.tool, filled, before.score, clause) if not filled.missing else None


def _request(text: str, tool: Tool, book: FactBook, answers: Mapping[str, str] | None) -> ToolRequest:
    arguments = fill_arguments(tool.parameters, text, book, answers)
    return ToolRequest(tool, arguments, _score(text, _ToolWords(tool), arguments), text)


def _score(text: str, tool: _ToolWords, arguments: Arguments) -> float:
    """Return the share of the request that the tool's words explain, less when much of its name was not said."""
    heard = [stem(word) for word in split_words(text) if _counts(word, tool)]
    if not heard:
        return 0.0
    filled = {stem(word) for name in arguments.values for word in split_words(_spaced(name))}
    named = {word for word in tool.name if any(_alike(word, said) for said in heard)}
    # A value says what its parameter's name would: `kitchen` for the room of `show_room`.
    named |= tool.name & filled if named else set()
    strengths = [_strength(word, tool, arguments) for word in heard]
    described = sum(1 for strength in strengths if strength >= _DESCRIPTION)
    if not named and described < 2:
        return 0.0
    share = sum(strengths) / len(heard)
    return share * (0.5 + 0.5 * len(named) / len(tool.name)) + (_ORDER_BONUS if _is_ordered(text, tool) else 0.0)


def _counts(word: str, tool: _ToolWords) -> bool:
    if any(_alike(name, stem(word)) for name in tool.name):
        return True
    return word not in STOP_WORDS and not is_number(word) and len(word) > 1


def _strength(word: str, tool: _ToolWords, arguments: Arguments) -> float:
    if any(_alike(name, word) for name in tool.name):
        return _NAME
    if word in arguments.used or any(_alike(part, word) for part in tool.parameters):
        return max(_PARAMETER, _ARGUMENT)
    if any(_alike(part, word) for part in tool.description):
        return _DESCRIPTION
    return 0.3 if word in TIME_WORDS else 0.0


def _is_ordered(text: str, tool: _ToolWords) -> bool:
    match = _ORDER.match(text)
    return match is not None and any(_alike(name, stem(match["verb"].lower())) for name in tool.name | tool.opening)


def _alike(one: str, other: str) -> bool:
    if one == other or verb_of(one) == verb_of(other) or topics_agree(one, other):
        return True
    shared = min(len(one), len(other))
    return shared >= 5 and one[:5] == other[:5] and one[: shared - 2] == other[: shared - 2]


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-./]+", " ", name)


def _parameter_texts(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        yield str(name)
        if isinstance(part, Mapping):
            choices = part.get("enum")
            yield from (str(choice) for choice in choices) if isinstance(choices, list) else ()
            yield from _parameter_texts(part)


def describe_parameter(tool: Tool, name: str) -> str:
    """Return what to ask the user for: the parameter's description, else its name as words."""
    properties = tool.parameters.get("properties")
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    text = schema.get("description") if isinstance(schema, Mapping) else None
    choices = schema.get("enum") if isinstance(schema, Mapping) else None
    if not text and isinstance(schema, Mapping) and schema.get("type") == "boolean":
        return f"whether it should be {_spaced(name)}"
    said = text.strip().split("\n")[0].rstrip(".") if isinstance(text, str) and text.strip() else f"the {_spaced(name)}"
    said = said[:1].lower() + said[1:] if said[1:2].islower() or said[1:2] == " " else said
    if said.split(" ")[0] not in ("the", "a", "an", "your", "which", "what", "how", "when", "where", "whether"):
        said = f"the {said}"
    if isinstance(choices, list) and 1 < len(choices) <= 6:
        said += f", one of {', '.join(_spaced(str(choice)) for choice in choices)}"
    return said
