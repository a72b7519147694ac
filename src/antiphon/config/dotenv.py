"""The `.env` file: `KEY=VALUE` lines, with `#` comments, quotes and an `export` in front allowed."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE_QUOTED = re.compile(r"'([^']*)'")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True)
class Entry:
    name: str
    value: str
    line: int


def read_dotenv(text: str) -> tuple[list[Entry], list[str]]:
    """Parse a `.env` file.

    Returns:
        Its entries, and what is wrong with other lines as "line 3: …". Never shows a value: it may be a secret.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    # Not splitlines(): that also breaks at characters which may stand in a value.
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            entries.append(_read_line(line, number))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    return entries, problems


def _read_line(line: str, number: int) -> Entry:
    name, equals, rest = re.sub(r"^export\s+", "", line).partition("=")
    if not equals:
        raise ValueError("has no '='; write NAME=value, or begin a comment with #")
    if not _NAME.fullmatch(name.strip()):
        raise ValueError("has no name before its '='; write NAME=value, with letters, digits and _ in the name")
    return Entry(name.strip(), _read_value(rest.strip(), name.strip()), number)


def _read_value(rest: str, name: str) -> str:
    if rest[:1] not in ("'", '"'):
        # ` #` begins a comment; a # inside a word belongs to it.
        return re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip()
    quoted = (_SINGLE_QUOTED if rest[0] == "'" else _DOUBLE_QUOTED).match(rest)
    if not quoted:
        raise ValueError(f"the quotation mark of {name} is never closed; close it on the same line")
    after = rest[quoted.end() :].strip()
    if after and not after.startswith("#"):
        raise ValueError(f"something follows the closing quotation mark of {name}; remove it, or quote the whole value")
    if rest[0] == "'":
        return quoted[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), quoted[1])
