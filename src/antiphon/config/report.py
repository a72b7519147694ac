"""Settings as people and machines read them: the effective ones with their origins, and the page that documents all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from antiphon.config.loading import Loaded
from antiphon.config.relay_settings import UpstreamSettings
from antiphon.config.settings import SETTINGS, Setting, Settings
from antiphon.config.upstreams import FIELDS

MASK = "********"

_HEAD = """# Settings

<!-- Written by `make docs` from src/antiphon/config/settings.py; change it there. -->

Settings come from four places, the later one winning:

1. `antiphon.toml` in the working directory, or the file that `--config` names;
2. `.env` in the working directory;
3. the environment;
4. flags.

`antiphon config` prints the effective settings, secrets masked, and where each came from. A wrong or unknown setting
stops the server before it starts, with a message that names its source, the value and the fix.

`engine.kind` is `auto` unless you say otherwise: calls are relayed when there is an `[[upstream]]`, or `OPENAI_API_KEY`
is set, or both `AZURE_OPENAI_ENDPOINT` and `AZURE_OPENAI_API_KEY`. Whoever chose a stage (`llm = "openai"`) gets the
embedded engine with it all the same, unless there is an `[[upstream]]`. `antiphon config` says what it came to, and
why; [relay.md](relay.md) has the whole story.

The engine and each stage can be chosen by one line: `llm = "openai"` in `antiphon.toml` means the same as
`provider = "openai"` under `[llm]`, as `ANTIPHON_LLM=openai` in the environment, and as the flag `--llm openai`.

A secret can be kept in a file of its own: add `_FILE` to its name in the environment (`ANTIPHON_API_KEYS_FILE`), or
`_file` to its key in `antiphon.toml`, and give the file's path. Secrets have no flags, as other users of a machine can
read its command lines.

With no API keys set, any key is accepted, and the server listens on loopback addresses only.
"""


def masked(is_secret: bool, value: object) -> object:
    """Return `value`, or asterisks in its place when it is a secret that is set."""
    if not is_secret or not value:
        return value
    return [MASK] * len(value) if isinstance(value, tuple) else MASK


def to_text(loaded: Loaded) -> str:
    """One line for each setting: key, value, origin."""
    rows = [(row.key, _as_text(row), _origin(row)) for row in _rows(loaded)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}\n" for key, value, origin in rows)


@dataclass(frozen=True)
class _Row:
    """One setting as it is shown; `became` is what `auto` came to, and why."""

    key: str
    value: object
    origin: str
    became: tuple[str, str] | None = None


def _rows(loaded: Loaded) -> Iterator[_Row]:
    for setting in SETTINGS:
        value = masked(setting.is_secret, setting.value_in(loaded.settings))
        became = _became(loaded.settings) if (setting.key, value) == ("engine.kind", "auto") else None
        yield _Row(setting.key, value, loaded.origins[setting.key], became)
    for upstream in loaded.settings.upstreams:
        for name, metadata in FIELDS.items():
            key = f"upstream.{upstream.name}.{name}"
            yield _Row(key, masked(metadata["is_secret"], getattr(upstream, name)), loaded.origins[key])


def _became(settings: Settings) -> tuple[str, str]:
    return ("relay" if settings.relays else "local"), settings.why


def _as_text(row: _Row) -> str:
    if row.became:
        return f"{row.value} ({row.became[0]})"
    if isinstance(row.value, list | tuple):
        return ", ".join(" = ".join(each) if isinstance(each, tuple) else str(each) for each in row.value) or "(none)"
    return "(unset)" if row.value is None else str(row.value)


def _origin(row: _Row) -> str:
    return f"{row.origin}; {row.became[1]}" if row.became else row.origin


def to_json(loaded: Loaded) -> str:
    """An object from key to `value` and `origin`; what `auto` stands for has `became` and `why` as well."""
    rows = {row.key: {"value": row.value, "origin": row.origin} | _told(row.became) for row in _rows(loaded)}
    return json.dumps(rows, indent=2) + "\n"


def _told(became: tuple[str, str] | None) -> dict[str, object]:
    return {"became": became[0], "why": became[1]} if became else {}


def to_markdown() -> str:
    """The page docs/settings.md."""
    return "\n".join([_HEAD, *_tables(), _upstream_table()])


def _tables() -> Iterator[str]:
    for table, settings in groupby(SETTINGS, key=lambda setting: setting.table):
        rows = "".join(map(_row, settings))
        about = type(getattr(Settings(), table)).__doc__
        yield f"## {table}\n\n{about}\n\n| key | default | environment, flag | meaning |\n|---|---|---|---|\n{rows}"


def _row(setting: Setting) -> str:
    names = [*setting.environment, *([setting.flag] if setting.flag else [])]
    default = f"`{setting.default}`" if setting.default not in (None, (), "") else "none"
    given = "" if setting.is_secret else f" Give {setting.kind.expects}."
    shown = ", ".join(f"`{name}`" for name in names)
    return f"| `{setting.key}` | {default} | {shown} | {setting.description}{given} |\n"


def _upstream_table() -> str:
    rows = "".join(_upstream_row(name, metadata) for name, metadata in FIELDS.items())
    return (
        f"## upstream\n\n{UpstreamSettings.__doc__}\nA key is best kept out of the file: in "
        "`ANTIPHON_UPSTREAM_NAME_API_KEY`, with the upstream's name in the place of `NAME`, in capitals and with `_` "
        f"for `-`.\n\n| key | default | meaning |\n|---|---|---|\n{rows}"
    )


def _upstream_row(name: str, metadata: Mapping[str, Any]) -> str:
    default = getattr(UpstreamSettings(), name)
    shown = "none" if default in (None, (), "") else f"`{default}`"
    expects = "" if name == "api_key" else f" Give {metadata['kind'].expects}."
    return f"| `{name}` | {shown} | {metadata['description']}{expects} |\n"
