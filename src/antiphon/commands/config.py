"""`antiphon config`: print the effective settings and where each came from."""

import argparse

from antiphon.commands.settings_flags import add_settings_flags, load_from
from antiphon.config.report import to_json, to_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: an object from key to value and origin")


def run(arguments: argparse.Namespace) -> int:
    loaded = load_from(arguments)
    print(to_json(loaded) if arguments.json else to_text(loaded), end="")
    return 0
