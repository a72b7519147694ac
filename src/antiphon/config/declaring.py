"""How one setting is declared: a dataclass field that carries what there is to know about it."""

from dataclasses import field
from typing import Any

from antiphon.config.values import Kind


def setting(
    default: object,
    kind: Kind[Any],
    description: str,
    *,
    flag: str = "",
    alias: str = "",
    stands_for_table: bool = False,
) -> Any:
    """Declare one setting.

    Args:
        default: Its value when nobody sets it.
        kind: How it is read and checked.
        description: One sentence or two for the documentation and `--help`.
        flag: Its command-line flag, such as `--port`.
        alias: A second, shorter name in the environment.
        stands_for_table: `llm = "openai"` means this setting of the table `llm`.
    """
    return _declare(default, kind, description, flag, alias, stands_for_table, is_secret=False)


def secret_setting(default: object, kind: Kind[Any], description: str, *, alias: str = "") -> Any:
    """Declare a setting whose value is never shown; it has no flag, since others can read a command line."""
    return _declare(default, kind, description, "", alias, stands_for_table=False, is_secret=True)


def _declare(  # noqa: PLR0917 - the one place where the two kinds of declaration meet
    default: object, kind: Kind[Any], description: str, flag: str, alias: str, stands_for_table: bool, is_secret: bool
) -> Any:
    metadata = {
        "kind": kind,
        "description": description,
        "flag": flag,
        "alias": alias,
        "stands_for_table": stands_for_table,
        "is_secret": is_secret,
    }
    return field(default=default, repr=not is_secret, metadata=metadata)
