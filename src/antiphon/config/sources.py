"""Where settings come from: antiphon.toml, .env, the environment, flags. Each source yields values, still unchecked."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.config.dotenv import read_dotenv
from antiphon.config.settings import SETTINGS, Setting

BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}
BY_ENVIRONMENT: Mapping[str, Setting] = {name: setting for setting in SETTINGS for name in setting.environment}
BY_TABLE: Mapping[str, Setting] = {setting.table: setting for setting in SETTINGS if setting.stands_for_table}
TABLES = frozenset(setting.table for setting in SETTINGS)
UPSTREAM_TABLE = "upstream"
UPSTREAM_PREFIX = "ANTIPHON_UPSTREAM_"

# Kubernetes puts these into every pod beside a service named "antiphon" or "antiphon-…"; they are nobody's settings.
_SERVICE_LINK_NAME = re.compile(r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://\S+")


@dataclass(frozen=True)
class Given:
    """A value that a source gives to a setting.

    Args:
        setting: The setting.
        raw: The value as the source has it; text, or one of TOML's types.
        origin: Where it stands, such as `.env line 3`.
        folder: What a relative path in it is relative to.
    """

    setting: Setting
    raw: object = field(repr=False)
    origin: str
    folder: Path


@dataclass(frozen=True)
class Variable:
    """A variable of `.env` or the environment that is no setting of ours by itself; `folder` as in `Given`."""

    value: str = field(repr=False)
    origin: str
    folder: Path


@dataclass(frozen=True)
class UpstreamTable:
    """One `[[upstream]]`, as it stands there; `folder` as in `Given`."""

    content: Mapping[str, object] = field(repr=False)
    origin: str
    folder: Path


@dataclass
class Source:
    """What one source gave, and what is wrong with it; variables that are set to nothing count as not set."""

    given: dict[str, Given] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    upstreams: list[UpstreamTable] = field(default_factory=list)

    def add(self, setting: Setting, raw: object, origin: str, folder: Path) -> None:
        """Take a value; a second one for the same setting in one source is a mistake."""
        earlier = self.given.get(setting.key)
        if earlier:
            self.problems.append(f"{setting.key} ({origin}): it is set by {earlier.origin} too; remove one of them")
        else:
            self.given[setting.key] = Given(setting, raw, origin, folder)

    def add_file(self, setting: Setting, raw: object, origin: str, folder: Path) -> None:
        """Take a secret from the file that `raw` names."""
        try:
            content = read_secret_file(raw, folder)
        except ValueError as error:
            self.problems.append(f"{setting.key} ({origin}): {error}")
            return
        self.add(setting, content, f"{origin}, the file {raw}", folder)


def read_secret_file(raw: object, folder: Path) -> str:
    """Return the secret in the file that `raw` names, relative to `folder`.

    Raises:
        ValueError: What is wrong, and what to do.
    """
    if not isinstance(raw, str) or not raw:
        raise ValueError("it is not a path; give the path of a file")
    # Whoever gives the secret itself here by mistake must not find it in a log.
    shown = repr(raw) if "/" in raw else "it names"
    try:
        return (folder / raw).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"the file {shown} cannot be read ({reason}); make it readable for this user") from None


def read_toml(path: Path, shown: str) -> Source:
    """Read a settings file; messages call it `shown`."""
    source = Source()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        source.problems.append(f"{shown}: it is not valid TOML: {error}; correct that line")
        return source
    except (OSError, UnicodeDecodeError) as error:
        source.problems.append(_unreadable(shown, error))
        return source
    for table, content in tables.items():
        _read_table(source, table, content, path.parent, shown)
    return source


def _read_table(source: Source, table: str, content: object, folder: Path, shown: str) -> None:
    if table == UPSTREAM_TABLE:
        _read_upstreams(source, content, folder, shown)
    elif table not in TABLES:
        known = [*TABLES, *BY_KEY, UPSTREAM_TABLE]
        source.problems.append(f"{shown}: {table} is not a setting; {advice(table, known)}")
    elif isinstance(content, dict):
        for name, raw in content.items():
            _read_leaf(source, f"{table}.{name}", raw, folder, shown)
    elif table in BY_TABLE:
        source.add(BY_TABLE[table], content, shown, folder)
    else:
        source.problems.append(f"{shown}: {table} is a table of settings; write [{table}] and its settings below it")


def _read_upstreams(source: Source, content: object, folder: Path, shown: str) -> None:
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        source.problems.append(
            f"{shown}: {UPSTREAM_TABLE} is a list of tables; write [[{UPSTREAM_TABLE}]] above each, with two brackets"
        )
        return
    for number, entry in enumerate(content, 1):
        source.upstreams.append(UpstreamTable(entry, f"{shown} [[{UPSTREAM_TABLE}]] {number}", folder))


def _read_leaf(source: Source, key: str, raw: object, folder: Path, shown: str) -> None:
    origin = f"{shown} [{key.partition('.')[0]}]"
    if key in BY_KEY:
        source.add(BY_KEY[key], raw, origin, folder)
        return
    file_of = BY_KEY.get(key.removesuffix("_file"))
    if file_of and file_of.is_secret:
        source.add_file(file_of, raw, origin, folder)
        return
    source.problems.append(f"{shown}: {key} is not a setting; {advice(key, BY_KEY)}")


def read_dotenv_file(path: Path) -> Source:
    """Read `.env`, where names that are not Antiphon's are left to others; a missing file gives nothing."""
    source = Source()
    if not path.is_file():
        return source
    try:
        entries, problems = read_dotenv(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        source.problems.append(_unreadable(".env", error))
        return source
    source.problems += [f".env {problem}" for problem in problems]
    for entry in entries:
        _read_variable(source, entry.name, entry.value, f".env line {entry.line}", path.parent)
    return source


def read_environment(environ: Mapping[str, str], folder: Path) -> Source:
    source = Source()
    for name, value in sorted(environ.items()):
        if not _is_service_link(name, value):
            _read_variable(source, name, value, f"environment {name}", folder)
    return source


def _is_service_link(name: str, value: str) -> bool:
    return bool(_SERVICE_LINK_NAME.fullmatch(name) or (name.endswith("_PORT") and _SERVICE_LINK_VALUE.fullmatch(value)))


def _read_variable(source: Source, name: str, value: str, origin: str, folder: Path) -> None:
    if name in BY_ENVIRONMENT:
        source.add(BY_ENVIRONMENT[name], value, origin, folder)
        return
    file_of = BY_ENVIRONMENT.get(name.removesuffix("_FILE"))
    if file_of and file_of.is_secret:
        source.add_file(file_of, value, origin, folder)
    elif name.startswith("ANTIPHON_") and not name.startswith(UPSTREAM_PREFIX):
        place = origin if name in origin else f"{origin}, {name}"
        source.problems.append(f"{place}: there is no such setting; {advice(name, BY_ENVIRONMENT)}")
    elif value:
        source.variables[name] = Variable(value, origin, folder)


def read_flags(flags: Mapping[str, str], folder: Path) -> Source:
    """Take what the command line gave: values by setting key."""
    source = Source()
    for key, value in flags.items():
        source.add(BY_KEY[key], value, f"flag {BY_KEY[key].flag}", folder)
    return source


def _unreadable(shown: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return f"{shown}: it cannot be read ({reason}); make it a text file that this user may read"


def advice(name: str, known: Iterable[str]) -> str:
    """Return what to do about a name that is no setting: the one among `known` that was meant, or how to find it."""
    nearest = _nearest(name, sorted(known))
    return f"did you mean {nearest}?" if nearest else "remove it; `antiphon config` lists all settings"


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that `name` was probably meant to be: `port` is `server.port` that lost its table."""
    ending = re.split(r"\.|ANTIPHON_", name)[-1]
    candidates = [
        *difflib.get_close_matches(name, known, n=1, cutoff=0.9),  # a slip of the pen
        *(each for each in known if each.endswith((f".{ending}", f"_{ending}"))),
        *difflib.get_close_matches(name, known, n=1, cutoff=0.75),
    ]
    return candidates[0] if candidates else None
