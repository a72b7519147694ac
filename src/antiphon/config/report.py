"""Settings as people and machines read them: the effective ones with their origins, and the page that documents all."""

import json
from collections.abc import Iterator
from itertools import groupby

from antiphon.config.loading import Loaded
from antiphon.config.settings import SETTINGS, Setting, Settings

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

The engine and each stage can be chosen by one line: `llm = "openai"` in `antiphon.toml` means the same as
`provider = "openai"` under `[llm]`, as `ANTIPHON_LLM=openai` in the environment, and as the flag `--llm openai`.

A secret can be kept in a file of its own: add `_FILE` to its name in the environment (`ANTIPHON_API_KEYS_FILE`), or
`_file` to its key in `antiphon.toml`, and give the file's path. Secrets have no flags, as other users of a machine can
read its command lines.

With no API keys set, any key is accepted, and the server listens on loopback addresses only.
"""


def masked(setting: Setting, value: object) -> object:
    """Return `value`, or asterisks in its place when it is a secret that is set."""
    if not setting.is_secret or not value:
        return value
    return [MASK] * len(value) if isinstance(value, tuple) else MASK


def to_text(loaded: Loaded) -> str:
    """One line for each setting: key, value, origin."""
    rows = [(setting.key, _as_text(setting, loaded), loaded.origins[setting.key]) for setting in SETTINGS]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}\n" for key, value, origin in rows)


def _as_text(setting: Setting, loaded: Loaded) -> str:
    value = masked(setting, setting.value_in(loaded.settings))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "(none)"
    return "(unset)" if value is None else str(value)


def to_json(loaded: Loaded) -> str:
    """An object from key to `value` and `origin`."""
    rows = {
        setting.key: {
            "value": masked(setting, setting.value_in(loaded.settings)),
            "origin": loaded.origins[setting.key],
        }
        for setting in SETTINGS
    }
    return json.dumps(rows, indent=2) + "\n"


def to_markdown() -> str:
    """The page docs/settings.md."""
    return "\n".join([_HEAD, *_tables()])


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
