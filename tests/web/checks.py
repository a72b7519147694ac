"""Checks of the project's JavaScript, with what tests/clients/node installs: `python -m tests.web.checks lint types`.

Exits with 1 when one fails; on a machine without Node.js it says so and passes, but in continuous integration.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.clients.node_apps import NodeMissingError, install, node_major
from tests.running import ROOT

SCRIPTS = ("src/antiphon/web", "tests/web", "tests/browser", "tests/clients/node/apps", "examples", "eslint.config.js")
UNITS = ROOT / "tests" / "web" / "unit"
_LINK = ROOT / "node_modules"
_FORMATTED = tuple(f"{name}/**/*.{{js,jsx,mjs,ts,tsx,css,html}}" if "." not in name else name for name in SCRIPTS)
# The groups of files are there in the end; a tree in which one is still empty is no mistake.
_PRETTIER = ("--log-level=warn", "--no-error-on-unmatched-pattern", *_FORMATTED)
_ESLINT = ("--no-error-on-unmatched-pattern", *SCRIPTS)

CHECKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (("prettier", "--check", *_PRETTIER), ("eslint", *_ESLINT)),
    "format": (("prettier", "--write", *_PRETTIER), ("eslint", "--fix", *_ESLINT)),
    "types": (("tsc", "--project", "tests/web", "--pretty"),),
    "units": (("node", "--test", *sorted(str(path.relative_to(ROOT)) for path in UNITS.glob("*.test.mjs"))),),
}
_CURES = {"prettier": "make format", "eslint": "make format, where it can be mended by itself"}


def main(names: list[str]) -> int:
    """Run the named checks; return the process's exit code."""
    if unknown := [name for name in names if name not in CHECKS]:
        _say(f"there is no check {unknown[0]!r}; give some of {', '.join(CHECKS)}")
        return 2
    try:
        prepare()
    except NodeMissingError as error:
        _say(f"JavaScript is not checked: {error}")
        return 1 if os.environ.get("CI") == "true" else 0
    commands = [command for name in names for command in CHECKS[name]]
    return max((_run(tool, rest) for tool, *rest in commands), default=0)


def prepare() -> None:
    """Install what the checks need, and let Node find it from everywhere in the tree.

    Raises:
        NodeMissingError: This machine has no Node.js that would do, or the packages cannot be had.
    """
    node_major()
    modules = install()
    if _LINK.exists() and not _LINK.is_symlink():
        raise NodeMissingError("node_modules is a folder here; remove it, so that a link to the locked packages can be")
    if not _LINK.is_symlink() or _LINK.readlink() != modules:
        _link(modules)


def _link(modules: Path) -> None:
    # Put into place at once: others may be looking.
    new = _LINK.with_name(f"node_modules.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(modules)
    new.replace(_LINK)


def _run(tool: str, arguments: list[str]) -> int:
    program = tool if tool == "node" else str(_LINK / ".bin" / tool)
    status = subprocess.run([program, *arguments], cwd=ROOT).returncode
    if status:
        _say(f"{tool} failed" + (f"; mend with: {_CURES[tool]}" if tool in _CURES else ""))
    return status


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
