"""Checks of the project's JavaScript, with what tests/clients/node installs: `python -m tests.web.checks lint types`.

Exits with 1 when one fails; on a machine without Node.js it says so and passes, but in continuous integration.
"""

import subprocess
import sys

from tests.clients.node_apps import NodeMissingError, install, is_required, node_major
from tests.running import ROOT

SCRIPTS = ("src/antiphon/web", "tests/web", "tests/browser", "tests/clients/node/apps", "examples", "eslint.config.js")
_FORMATTED = tuple(f"{name}/**/*.{{js,mjs,css,html}}" if "." not in name else name for name in SCRIPTS)

CHECKS = {
    "lint": (
        ("prettier", "--check", "--log-level=warn", "--no-error-on-unmatched-pattern", *_FORMATTED),
        ("eslint", "--no-error-on-unmatched-pattern", *SCRIPTS),
    ),
    "format": (
        ("prettier", "--write", "--log-level=warn", "--no-error-on-unmatched-pattern", *_FORMATTED),
        ("eslint", "--fix", "--no-error-on-unmatched-pattern", *SCRIPTS),
    ),
    "types": (("tsc", "--project", "tests/web"),),
}


def main(names: list[str]) -> int:
    """Run the named checks; return the process's exit code."""
    try:
        node_major()
        _link(install())
    except NodeMissingError as error:
        print(f"JavaScript is not checked: {error}", file=sys.stderr)  # noqa: T201
        return 1 if is_required() else 0
    commands = [command for name in names for command in CHECKS[name]]
    return max(
        subprocess.run([ROOT / "node_modules" / ".bin" / tool, *rest], cwd=ROOT).returncode for tool, *rest in commands
    )


def _link(modules: object) -> None:
    """Let Node find the packages from everywhere in the tree."""
    link = ROOT / "node_modules"
    if not link.is_symlink() or link.resolve() != modules:
        link.unlink(missing_ok=True)
        link.symlink_to(str(modules))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
