"""The command `antiphon`: reads the command line, runs a subcommand, and turns errors into one clear message."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from antiphon import __version__
from antiphon.errors import AntiphonError, ConfigError

# Name, what it does, and the module with its `add_arguments` and `run`.
COMMANDS = (
    ("serve", "run the server", "antiphon.commands.serve"),
    ("config", "print the effective settings, and where each came from", "antiphon.commands.config"),
    ("talk", "speak with any Realtime server", "antiphon.commands.talk"),
    ("emulate", "run a Realtime server for tests: scripted answers, and faults", "antiphon.commands.emulate"),
)

EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Command(Protocol):
    """What the module of a subcommand has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work and return the exit code.

        Raises:
            AntiphonError: Its message is all that the user gets to see.
        """
        ...


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; a parsed one has the subcommand's function in `run`."""
    parser = argparse.ArgumentParser(
        prog="antiphon",
        description="A self-hosted realtime voice server that speaks the OpenAI Realtime API.",
        epilog="antiphon COMMAND --help says more about a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"antiphon {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary, module_name in COMMANDS:
        module = cast(Command, import_module(module_name))
        description = f"{summary[0].upper()}{summary[1:]}."
        subparser = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (by default this process's own) and return its exit code."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    try:
        return int(arguments.run(arguments))
    except AntiphonError as error:
        print(f"antiphon: {error}", file=sys.stderr)
        return EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
