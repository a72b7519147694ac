"""Flags that give settings, and the settings that result: shared by the commands that need them."""

import argparse
import os
from pathlib import Path

from antiphon.config import SETTINGS, Loaded, load_settings


def add_settings_flags(parser: argparse.ArgumentParser) -> None:
    """Add `--config`, and a flag for each setting that has one."""
    parser.add_argument("--config", metavar="FILE", help="settings file to read in place of antiphon.toml")
    for setting in SETTINGS:
        if setting.flag:
            # Values stay text here: the settings' own checks apply to all sources alike.
            parser.add_argument(
                setting.flag,
                dest=setting.key,
                metavar=setting.flag.strip("-").rpartition("-")[2].upper(),
                help=f"{setting.description} Default: {setting.default or 'none'}.".replace("%", "%%"),
            )


def load_from(arguments: argparse.Namespace) -> Loaded:
    """Load the settings for a command line that `add_settings_flags` parsed.

    Raises:
        ConfigError: A setting is wrong.
    """
    given = {setting.key: getattr(arguments, setting.key) for setting in SETTINGS if setting.flag}
    flags = {key: value for key, value in given.items() if value is not None}
    return load_settings(flags, os.environ, Path.cwd(), arguments.config)
