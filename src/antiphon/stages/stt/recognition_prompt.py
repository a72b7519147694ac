"""What a recogniser that takes a prompt is told to expect: the words of the agent, then what the session asks for."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from antiphon.session.context import FactValue, Knowledge, TranscriptionHint

# Whisper reads the last 224 tokens of a prompt, about 900 characters of English; the session's own prompt comes last.
MOST_CHARACTERS = 600
_LONGEST_NAME = 60
_NAMES = re.compile(r"[A-Z][\w'’&-]*(?: [A-Z][\w'’&-]*)*")  # noqa: RUF001 - as typographers write it
_SENTENCE_BEGIN = re.compile(r"(?:^|[.!?]\s+)[A-Z][\w'’-]*(?=[ ,.])")  # noqa: RUF001


def recognition_prompt(hint: TranscriptionHint) -> str:
    """Return the prompt for `hint`, "" when there is nothing to tell.

    Names and values come first, since a recogniser cannot guess them, then what they are about, then whole sentences
    that users say; all that fits in 600 characters.
    """
    words = _fitting(_expected(hint.knowledge))
    return " ".join(filter(None, [f"{', '.join(words)}." if words else "", (hint.prompt or "").strip()]))


def _fitting(words: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    left = MOST_CHARACTERS
    for word in words:
        if word and word.casefold() not in found and len(word) + 2 <= left:
            found[word.casefold()] = word
            left -= len(word) + 2
    return list(found.values())


def _expected(knowledge: Knowledge) -> Iterator[str]:
    texts = list(_texts(knowledge.facts))
    yield from (text for text in texts if _is_name(text))
    yield from (name for text in texts if not _is_name(text) for name in _names_in(text))
    yield from _keys(knowledge.facts)
    yield from knowledge.phrases


def _is_name(text: str) -> bool:
    return 3 <= len(text) <= _LONGEST_NAME and not text.rstrip().endswith((".", "!", "?"))


def _names_in(text: str) -> list[str]:
    """Return what is written with capitals, other than at the beginning of a sentence."""
    return _NAMES.findall(_SENTENCE_BEGIN.sub(" ", text))


def _texts(value: FactValue) -> Iterator[str]:
    if isinstance(value, str):
        yield " ".join(value.split())
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


def _keys(table: Mapping[str, FactValue]) -> Iterator[str]:
    for key, value in table.items():
        yield key.replace("_", " ")
        if isinstance(value, Mapping):
            yield from _keys(value)
