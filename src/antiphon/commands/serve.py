"""`antiphon serve`: run the server."""

import argparse

from antiphon.commands.settings_flags import add_settings_flags, load_from

add_arguments = add_settings_flags


def run(arguments: argparse.Namespace) -> int:
    settings = load_from(arguments).settings
    # Imported here: a wrong setting is told at once, and other commands need no server.
    from antiphon.gateway.server import serve  # noqa: PLC0415

    return serve(settings)
