"""Agents from TOML files, and the ones that come with the package."""

import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from antiphon.agents.agent import Agent
from antiphon.errors import ConfigError
from antiphon.session.context import FactValue, Knowledge, Tool

DEFAULT_AGENT = "maple"

_KEYS = {
    "name": "a string",
    "description": "a string",
    "instructions": "a string",
    "greeting": "a string",
    "voice": "a string",
    "facts": "a table",
    "facts_file": "the path of a JSON file, relative to the agent file",
    "phrases": "a list of strings",
    "tools": "a list of tables with a name",
}
_TOOL_KEYS = ("name", "description", "parameters")


def bundled_agents() -> tuple[str, ...]:
    """Return the names of the agents that come with the package."""
    folder = resources.files("antiphon.agents") / "bundled"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_agent(source: str | Path = DEFAULT_AGENT) -> Agent:
    """Return the agent of a TOML file, or a bundled one by its name.

    Args:
        source: A path, or a name such as `maple`; anything with a suffix or a folder is a path.

    Raises:
        ConfigError: The file or one of its values is wrong; names the file, the key and what to write.
    """
    path = Path(source)
    if isinstance(source, str) and not path.suffix and path.name == source:
        return _load_bundled(source)
    return parse_agent(_read(path, "agent"), str(path), path.parent)


def parse_agent(text: str, origin: str, folder: Path | None = None) -> Agent:
    """Return the agent that TOML text describes.

    Args:
        text: The TOML.
        origin: The file's name, for messages.
        folder: Where a relative `facts_file` is looked for; None forbids it.

    Raises:
        ConfigError: As `load_agent`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from None
    unknown = next((key for key in table if key not in _KEYS), None)
    if unknown is not None:
        raise ConfigError(f"{origin}: {unknown}: no such key; use one of {', '.join(_KEYS)}")
    reader = _Reader(table, origin)
    return Agent(
        name=reader.text("name") or Path(origin).stem,
        description=reader.text("description") or "",
        instructions=(reader.text("instructions") or "").strip(),
        greeting=reader.text("greeting"),
        voice=reader.text("voice"),
        knowledge=Knowledge(reader.facts(folder), reader.phrases()),
        tools=reader.tools(),
    )


def _load_bundled(name: str) -> Agent:
    if name not in bundled_agents():
        known = ", ".join(bundled_agents())
        raise ConfigError(f"agent: {name!r} is not a bundled agent; use {known}, or the path of a .toml file")
    file = resources.files("antiphon.agents") / "bundled" / f"{name}.toml"
    return parse_agent(file.read_text(encoding="utf-8"), f"{name}.toml")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{what}: cannot read {str(path)!r}: {error.strerror}; give the path of a file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{what}: {str(path)!r} is not UTF-8 text; save it as UTF-8") from None


class _Reader:
    """Reads checked values out of one agent table."""

    def __init__(self, table: Mapping[str, Any], origin: str) -> None:
        self._table = table
        self._origin = origin

    def text(self, key: str) -> str | None:
        value = self._table.get(key)
        return value if value is None or isinstance(value, str) else self._refuse(key, value)

    def phrases(self) -> tuple[str, ...]:
        value = self._table.get("phrases", [])
        if not isinstance(value, list) or not all(isinstance(phrase, str) and phrase.strip() for phrase in value):
            self._refuse("phrases", value)
        return tuple(value)

    def tools(self) -> tuple[Tool, ...]:
        value = self._table.get("tools", [])
        if not isinstance(value, list):
            self._refuse("tools", value)
        return tuple(self._tool(i, table) for i, table in enumerate(value))

    def facts(self, folder: Path | None) -> Mapping[str, FactValue]:
        """Return the facts of the file, with the agent's own winning over those of `facts_file`."""
        own = self._table.get("facts", {})
        if not isinstance(own, dict):
            self._refuse("facts", own)
        facts: dict[str, FactValue] = self._facts_file(folder) | own
        for key, value in facts.items():
            self._check_fact(f"facts.{key}", value)
        return facts

    def _facts_file(self, folder: Path | None) -> dict[str, Any]:
        name = self.text("facts_file")
        if name is None:
            return {}
        if folder is None:
            raise ConfigError(
                f"{self._origin}: facts_file: {name!r} needs an agent file on disk; write the facts in place"
            )
        try:
            facts = json.loads(_read(folder / name, f"{self._origin}: facts_file"))
        except ValueError as error:
            raise ConfigError(f"{self._origin}: facts_file: {name!r} is not valid JSON: {error}") from None
        if not isinstance(facts, dict):
            raise ConfigError(f'{self._origin}: facts_file: {name!r} holds no JSON object; write {{"key": value}}')
        return {key: value for key, value in facts.items() if value is not None}

    def _check_fact(self, key: str, value: object) -> None:
        if isinstance(value, dict):
            for name, child in value.items():
                self._check_fact(f"{key}.{name}", child)
        elif isinstance(value, list):
            for position, child in enumerate(value):
                self._check_fact(f"{key}[{position}]", child)
        elif not isinstance(value, str | int | float | bool):
            raise ConfigError(
                f"{self._origin}: {key}: {value!r} is not a fact; give text, a number, true or false, quoted if a date"
            )

    def _tool(self, position: int, table: object) -> Tool:
        where = f"tools[{position}]"
        if not isinstance(table, dict) or not isinstance(table.get("name"), str) or not table["name"]:
            raise ConfigError(f"{self._origin}: {where}: {table!r} has no name; give each tool a name")
        unknown = next((key for key in table if key not in _TOOL_KEYS), None)
        if unknown is not None:
            raise ConfigError(f"{self._origin}: {where}.{unknown}: no such key; use {', '.join(_TOOL_KEYS)}")
        description, parameters = table.get("description", ""), table.get("parameters", {})
        if not isinstance(description, str):
            raise ConfigError(f"{self._origin}: {where}.description: {description!r} is not text; give a string")
        if not isinstance(parameters, dict):
            raise ConfigError(
                f"{self._origin}: {where}.parameters: {parameters!r} is not a table; give a JSON Schema object"
            )
        return Tool(table["name"], description, parameters)

    def _refuse(self, key: str, value: object) -> Any:
        raise ConfigError(f"{self._origin}: {key}: {value!r} is not allowed here; give {_KEYS[key]}")
