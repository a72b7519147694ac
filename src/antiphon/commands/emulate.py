"""`antiphon emulate`: a Realtime server for tests, which answers from a script and fails where it is told to."""

import argparse
import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.errors import ConfigError

if TYPE_CHECKING:
    from antiphon.engines.scripted import Script
    from antiphon.gateway.engine import Backend
    from antiphon.testing import Emulator

KEPT = 1000  # connections, and events of each: it may run for days


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "docs/emulator.md has all that a script can say. Ctrl-C ends it."
    parser.add_argument(
        "--script", metavar="FILE", help="TOML file; without one it says hello and repeats what it hears"
    )
    parser.add_argument(
        "--engine",
        choices=("scripted", "local"),
        default="scripted",
        help="what answers: the script, or the embedded engine (%(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8090, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="'at=EVENT do=FAULT …'",
        help="let something go wrong, as a [[fault]] of a script does; may be repeated",
    )
    parser.add_argument("--seed", type=int, help="of what is random in faults; goes before the script's")
    parser.add_argument(
        "--key-from",
        metavar="VARIABLE",
        help="accept only the key in this environment variable; without it, and without keys in the script, any key",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give an integer from 0 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    script = read_script_of(arguments)
    backend = _local() if arguments.engine == "local" else None
    asyncio.run(_serve(script, backend, arguments.host, arguments.port))
    return 0


def read_script_of(arguments: argparse.Namespace) -> "Script":
    """Return the script that the command line asks for.

    Raises:
        ConfigError: The script, a fault or the key is wrong.
    """
    from antiphon.engines.scripted import Script, load_script, parse_fault  # noqa: PLC0415

    script = load_script(arguments.script) if arguments.script else Script()
    faults = script.faults + tuple(parse_fault(text) for text in arguments.faults)
    seed = script.seed if arguments.seed is None else arguments.seed
    keys = (_key(arguments.key_from),) if arguments.key_from else script.server.keys
    return replace(script, faults=faults, seed=seed, server=replace(script.server, keys=keys))


def _key(variable: str) -> str:
    key = os.environ.get(variable, "")
    if not key:
        raise ConfigError(f"--key-from: the environment variable {variable} is empty or not set; put the key there")
    return key


def _local() -> "Backend":
    """Return the embedded engine, as the settings have it."""
    from antiphon.config import load_settings  # noqa: PLC0415
    from antiphon.gateway.engine import build_backend  # noqa: PLC0415

    return build_backend(load_settings({"engine.kind": "local"}, os.environ, Path.cwd()).settings)


async def _serve(script: "Script", backend: "Backend | None", host: str, port: int) -> None:
    # Imported here: a wrong script is told at once, and other commands need no server.
    from antiphon.testing import Emulator  # noqa: PLC0415

    emulator = Emulator(script, backend, host, port, KEPT)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await emulator.start()
    try:
        print(_introduction(emulator, bool(script.server.keys)), flush=True)
        await stop.wait()
    finally:
        await emulator.stop()


def _introduction(emulator: "Emulator", keyed: bool) -> str:
    key = "the key that it was given" if keyed else "any key"
    return "\n".join(
        [
            f"Realtime emulator: {emulator.url}",
            f"  OpenAI's SDKs:   export OPENAI_BASE_URL={emulator.base_url} OPENAI_API_KEY=none   ({key} is accepted)",
            f"  what it saw:     curl {emulator.base_url.removesuffix('/v1')}/emulator",
            "Ctrl-C ends it.",
        ]
    )
