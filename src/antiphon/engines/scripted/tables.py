"""Reading the tables of a script: what is wrong is told with the file, the key and what to write."""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from antiphon.errors import ConfigError


class Table:
    """One table, read key by key; what was not asked for by `end` is no key.

    Args:
        raw: As parsed.
        origin: The file's name, for messages.
        where: Dotted path of the table in the file, "" for the whole.
    """

    def __init__(self, raw: Mapping[str, Any], origin: str, where: str = "") -> None:
        self._raw = raw
        self.origin = origin
        self.where = where
        self._asked: list[str] = []

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def refuse(self, key: str, message: str) -> NoReturn:
        """Raise a ConfigError about `key`."""
        raise ConfigError(f"{self.origin}: {self.path(key)}: {message}")

    def raw(self, key: str, default: object = None) -> Any:
        self._asked.append(key)
        return self._raw.get(key, default)

    def has(self, key: str) -> bool:
        return key in self._raw

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; a key without `default` must be there."""
        value = self.raw(key, default)
        if not isinstance(value, str):
            self._wrong(key, value, "a text in quotes")
        return value

    def number(self, key: str, default: float | None, lowest: float, highest: float = math.inf) -> float:
        value = self.raw(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            self._wrong(key, value, _span("a number", lowest, highest))
        return float(value)

    def integer(self, key: str, default: int | None, lowest: int, highest: float = math.inf) -> int:
        value = self.raw(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self._wrong(key, value, _span("a whole number", lowest, highest))
        return value

    def boolean(self, key: str, default: bool) -> bool:
        value = self.raw(key, default)
        if not isinstance(value, bool):
            self._wrong(key, value, "true or false")
        return value

    def choice(self, key: str, default: str | None, names: Sequence[str]) -> str:
        value = self.raw(key, default)
        if not isinstance(value, str) or value not in names:
            self._wrong(key, value, f"one of {', '.join(names)}")
        return value

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a table as it is, empty without one."""
        value = self.raw(key, {})
        if not isinstance(value, Mapping):
            self._wrong(key, value, "a table")
        return value

    def table(self, key: str) -> "Table":
        return Table(self.mapping(key), self.origin, self.path(key))

    def tables(self, key: str, one_will_do: bool = False) -> list["Table"]:
        """Return a list of tables; a single table counts as one where that is allowed."""
        value = self.raw(key, [])
        if one_will_do and isinstance(value, Mapping):
            return [Table(value, self.origin, self.path(key))]
        if not isinstance(value, Sequence) or not all(isinstance(entry, Mapping) for entry in value):
            self._wrong(key, value, f"tables, each begun with [[{self.path(key)}]]")
        return [Table(entry, self.origin, f"{self.path(key)}[{n}]") for n, entry in enumerate(value, 1)]

    def end(self) -> None:
        """Raise a ConfigError for a key that nobody asked for."""
        for key in self._raw:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(self._asked)}"
                self.refuse(key, f"no such key here; {hint}")

    def _wrong(self, key: str, value: object, expects: str) -> NoReturn:
        if value is None:
            self.refuse(key, f"is missing; give {expects}")
        shown = repr(value)
        self.refuse(key, f"{shown if len(shown) <= 80 else shown[:77] + '...'} is not allowed; give {expects}")


def _span(noun: str, lowest: float, highest: float) -> str:
    return f"{noun} from {lowest:g}" + ("" if math.isinf(highest) else f" to {highest:g}")
