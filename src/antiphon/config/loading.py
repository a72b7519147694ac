"""The effective settings: what all sources say, the later one winning, checked as a whole before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from antiphon.config.settings import OPENAI_TABLES, OPENAI_URL, SETTINGS, Settings
from antiphon.config.sources import Given, Source, read_dotenv_file, read_environment, read_flags, read_toml
from antiphon.config.values import is_loopback
from antiphon.errors import ConfigError

DEFAULT_FILE = "antiphon.toml"
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True)
class Loaded:
    """The settings, and for each key where its value came from, such as `environment ANTIPHON_SERVER_PORT`."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass
class _Effective:
    """Values and origins by key as they are worked out; a key in `failed` has none that could be used."""

    values: dict[str, object] = field(default_factory=lambda: {setting.key: setting.default for setting in SETTINGS})
    origins: dict[str, str] = field(default_factory=lambda: {setting.key: DEFAULT_ORIGIN for setting in SETTINGS})
    failed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def usable(self, *keys: str) -> bool:
        return self.failed.isdisjoint(keys)


def load_settings(
    flags: Mapping[str, str], environ: Mapping[str, str], folder: Path, config: str | None = None
) -> Loaded:
    """Read and check all settings.

    Args:
        flags: What the command line gave: text by setting key, such as `{"server.port": "9000"}`.
        environ: The environment.
        folder: The working directory, where antiphon.toml and .env are looked for.
        config: Another settings file in place of antiphon.toml; it must exist.

    Raises:
        ConfigError: Everything that is wrong, one line each, with source, key, value and the fix.
    """
    sources = [
        _read_file(folder, config),
        read_dotenv_file(folder / ".env"),
        read_environment(environ, folder),
        read_flags(flags, folder),
    ]
    effective = _Effective()
    for source in sources:
        effective.problems += source.problems
        for given in source.given.values():
            _apply(effective, given)
    _use_openai_key(effective, sources)
    _check_exposure(effective)
    for table in OPENAI_TABLES:
        _check_model_key(effective, table)
    if effective.problems:
        raise ConfigError(_message(effective.problems))
    return Loaded(_build(effective.values), effective.origins)


def _read_file(folder: Path, config: str | None) -> Source:
    path = folder / (config or DEFAULT_FILE)
    if path.is_file():
        return read_toml(path, config or DEFAULT_FILE)
    if config is None:
        return Source()
    return Source(problems=[f"flag --config: there is no file {config!r}; give the path of a settings file"])


def _apply(effective: _Effective, given: Given) -> None:
    """Take a source's value. A wrong one is reported even when a later source would win over it."""
    key = given.setting.key
    try:
        value = given.setting.kind.read(given.raw)
        effective.values[key] = _find_agent(str(value), given.folder) if key == "engine.agent" else value
    except ValueError as error:
        effective.problems.append(f"{key} ({given.origin}): {error}")
        effective.failed.add(key)
    effective.origins[key] = given.origin


def _find_agent(agent: str, folder: Path) -> str:
    """Return a bundled agent's name as it is, and the path of an agent's file made absolute."""
    if "/" not in agent and not agent.endswith(".toml"):
        return agent
    path = (folder / Path(agent).expanduser()).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {agent!r} (looked for {path}); give an agent's TOML file or a bundled name")
    return str(path)


def _use_openai_key(effective: _Effective, sources: list[Source]) -> None:
    """Fall back to OPENAI_API_KEY, the later source winning, where it belongs."""
    found = [source.openai_key for source in sources if source.openai_key]
    for table in OPENAI_TABLES if found else ():
        key = f"{table}.api_key"
        # The key of one company must not travel to whatever other server base_url names.
        if effective.origins[key] == DEFAULT_ORIGIN and _is_openai(effective, table):
            effective.values[key], effective.origins[key] = found[-1]


def _is_openai(effective: _Effective, table: str) -> bool:
    """Tell whether the stage of `table` is OpenAI's own server."""
    url = urlsplit(str(effective.values[f"{table}.base_url"]))
    is_openais = (url.scheme, url.hostname) == ("https", urlsplit(OPENAI_URL).hostname)
    return is_openais and effective.values[f"{table}.provider"] == "openai"


def _check_exposure(effective: _Effective) -> None:
    """Refuse to listen where others can reach us while any key would be accepted."""
    host = str(effective.values["server.host"])
    keys = effective.values["server.api_keys"]
    if effective.usable("server.host", "server.api_keys") and not keys and not is_loopback(host):
        effective.problems.append(
            f"server.host ({effective.origins['server.host']}): {host!r} can be reached from other machines, "
            "and with no API keys anybody could connect; set ANTIPHON_API_KEYS, or use 127.0.0.1"
        )


def _check_model_key(effective: _Effective, table: str) -> None:
    """Refuse OpenAI's own server without a key for it."""
    if not effective.usable(f"{table}.provider", f"{table}.base_url", f"{table}.api_key"):
        return
    if _is_openai(effective, table) and not effective.values[f"{table}.api_key"]:
        effective.problems.append(
            f"{table}.api_key: {table}.provider is 'openai' ({effective.origins[f'{table}.provider']}) and "
            f"{effective.values[f'{table}.base_url']} wants a key; set ANTIPHON_{table.upper()}_API_KEY or "
            f"OPENAI_API_KEY, or set {table}.base_url to a server that needs none"
        )


def _message(problems: list[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return "\n  ".join([f"{len(problems)} settings are wrong:", *problems])


def _build(values: Mapping[str, object]) -> Settings:
    tables: dict[str, dict[str, object]] = {}
    for setting in SETTINGS:
        tables.setdefault(setting.table, {})[setting.name] = values[setting.key]
    # Each value came through its setting's Kind, which is what makes it the field's type.
    made = {each.name: type(getattr(Settings(), each.name))(**tables[each.name]) for each in fields(Settings)}
    return Settings(**made)
