"""Check, without a network, that requirements/*.txt still answer pyproject.toml.

Every requirement must be pinned to a version that it allows, every pin must have hashes, and the development
environment must contain the run-time one, pin for pin.
"""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
MEND = "mend with: make lock"


@dataclass(frozen=True)
class Pin:
    """One line of a lock file: a requirement `name==version`, perhaps with a marker, and how many hashes it has."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def read_pins(text: str) -> list[Pin]:
    """Parse a lock file as `make lock` writes it."""
    logical = re.sub(r"\\\n", " ", text)
    lines = [line.strip() for line in logical.splitlines()]
    return [read_pin(line) for line in lines if line and not line.startswith("#")]


def read_pin(line: str) -> Pin:
    requirement, *hashes = re.split(r"\s+--hash=", line)
    return Pin(Requirement(requirement), len(hashes))


def required(project: dict[str, Any], group: str) -> list[Requirement]:
    """What pyproject.toml asks of the lock file of `group`, `run` or `dev`."""
    groups = project["dependency-groups"]
    texts = [*project["project"]["dependencies"], *project["build-system"]["requires"], *groups["build"]]
    if group == "dev":
        texts += groups["dev"]
    return [Requirement(text) for text in texts]


def check_group(requirements: list[Requirement], pins: list[Pin], lock: str) -> list[str]:
    """Return what is wrong with the pins of the file named `lock`."""
    problems = [f"{lock}: {pin.name} has no hash" for pin in pins if not pin.hashes]
    for requirement in requirements:
        matching = [pin for pin in pins if pin.name == canonicalize_name(requirement.name)]
        if not matching:
            problems.append(f"{lock}: {requirement.name} is not pinned, pyproject.toml asks for {requirement}")
        problems += [
            f"{lock}: {pin.requirement} is not allowed, pyproject.toml asks for {requirement}"
            for pin in matching
            if not requirement.specifier.contains(pin.version, prereleases=True)
        ]
    return problems


def check_subset(run: list[Pin], dev: list[Pin]) -> list[str]:
    known = {(pin.name, pin.version) for pin in dev}
    return [
        f"dev.txt: lacks {pin.name}=={pin.version} of run.txt" for pin in run if (pin.name, pin.version) not in known
    ]


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = {group: read_pins((ROOT / "requirements" / f"{group}.txt").read_text()) for group in ("run", "dev")}
    problems = [
        problem for group in pins for problem in check_group(required(project, group), pins[group], f"{group}.txt")
    ]
    problems += check_subset(pins["run"], pins["dev"])
    for problem in problems:
        print(f"requirements/{problem}; {MEND}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
