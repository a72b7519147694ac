"""The effective settings: what all sources say, the later one winning, checked as a whole before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from antiphon.config.engine_choice import Asked, Choice, choose_engine, is_own_address
from antiphon.config.settings import OPENAI_TABLES, SETTINGS, Settings
from antiphon.config.sources import Given, Source, read_dotenv_file, read_environment, read_flags, read_toml
from antiphon.config.upstreams import OPENAI_KEY, Upstreams, Variables, environment_tables, read_upstreams
from antiphon.config.values import OPENAI_URL, is_loopback
from antiphon.errors import ConfigError

DEFAULT_FILE = "antiphon.toml"
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True)
class Loaded:
    """The settings, and for each key where its value came from, such as `environment ANTIPHON_SERVER_PORT`.

    The keys of an upstream are `upstream.NAME.base_url` and so on.
    """

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
    # A later source wins.
    variables = {name: variable for source in sources for name, variable in source.variables.items()}
    _use_openai_key(effective, variables)
    _check_exposure(effective)
    _check_webrtc(effective)
    for table in OPENAI_TABLES:
        _check_model_key(effective, table)
    upstreams, choice = _choose(effective, sources, variables)
    if effective.problems:
        raise ConfigError(_message(effective.problems))
    settings = replace(_build(effective.values), upstreams=upstreams.values, why=choice.why)
    return Loaded(settings, effective.origins | upstreams.origins)


def _choose(effective: _Effective, sources: list[Source], variables: Variables) -> tuple[Upstreams, Choice]:
    """Decide whether to relay, and where to."""
    tables = [table for source in sources for table in source.upstreams]
    values = effective.values
    asked = Asked(
        kind=str(values["engine.kind"]),
        origins=effective.origins,
        has_tables=bool(tables),
        variables=variables,
        host=str(values["server.host"]),
        port=cast(int, values["server.port"]),
    )
    choice = choose_engine(asked)
    # Where upstreams are listed, calls go to these and to nobody else.
    upstreams = read_upstreams(tables or (environment_tables(variables) if choice.relays else ()), variables)
    effective.problems += upstreams.problems
    if choice.relays and not upstreams.problems:
        _check_upstreams(effective, upstreams, asked)
    return upstreams, choice


def _check_upstreams(effective: _Effective, upstreams: Upstreams, asked: Asked) -> None:
    if not upstreams.values:
        effective.problems.append(
            f"engine.kind ({asked.origins['engine.kind']}): there is nobody to relay to; set OPENAI_API_KEY, "
            "or describe the server in antiphon.toml under [[upstream]]"
        )
    for upstream in upstreams.values:
        if effective.usable("server.host", "server.port") and is_own_address(upstream.base_url, asked.host, asked.port):
            effective.problems.append(
                f"upstream.{upstream.name}.base_url ({upstreams.origins[f'upstream.{upstream.name}.base_url']}): "
                f"{upstream.base_url} is this server itself; give the server to relay to, or choose --engine local"
            )


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


def _use_openai_key(effective: _Effective, variables: Variables) -> None:
    """Fall back to OPENAI_API_KEY where it belongs."""
    found = variables.get(OPENAI_KEY)
    for table in OPENAI_TABLES if found else ():
        key = f"{table}.api_key"
        # The key of one company must not travel to whatever other server base_url names.
        if found and effective.origins[key] == DEFAULT_ORIGIN and _is_openai(effective, table):
            effective.values[key], effective.origins[key] = found.value, found.origin


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


def _check_webrtc(effective: _Effective) -> None:
    """Refuse a range of ports that is none, and TURN servers that browsers could not use."""
    values, origins = effective.values, effective.origins
    lowest, highest = (cast(int, values[f"webrtc.port_{end}"]) for end in ("min", "max"))
    # 0 for both is any port.
    wrong = lowest > highest or (lowest == 0) != (highest == 0)
    if wrong and effective.usable("webrtc.port_min", "webrtc.port_max"):
        effective.problems.append(
            f"webrtc.port_max ({origins['webrtc.port_max']}): {highest} makes no range with webrtc.port_min, {lowest}; "
            "give the lowest and the highest port, or neither"
        )
    port = values["webrtc.port"]
    if port and highest and effective.usable("webrtc.port", "webrtc.port_min", "webrtc.port_max"):
        effective.problems.append(
            f"webrtc.port ({origins['webrtc.port']}): {port} would carry all calls, and webrtc.port_min and "
            "webrtc.port_max give each its own; set one or the others"
        )
    has_credentials = values["webrtc.turn_secret"] or (
        values["webrtc.turn_username"] and values["webrtc.turn_password"]
    )
    keys = ("webrtc.turn", "webrtc.turn_secret", "webrtc.turn_username", "webrtc.turn_password")
    if values["webrtc.turn"] and not has_credentials and effective.usable(*keys):
        effective.problems.append(
            f"webrtc.turn ({origins['webrtc.turn']}): a TURN server wants credentials; set webrtc.turn_secret, "
            "or webrtc.turn_username and webrtc.turn_password"
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
    made = {name: type(getattr(Settings(), name))(**values) for name, values in tables.items()}
    return Settings(**made)
