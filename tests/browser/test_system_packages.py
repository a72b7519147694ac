"""scripts/system_packages: quick when all is there, installs as root, and never stands in the way of the tests."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.running import ROOT

PROGRAMS = ("chromium", "firefox-esr", "pulseaudio")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The whole PATH of the script: what it calls itself, a root user, and an apt-get that writes down its orders."""
    for tool in ("cat", "sort", "tail", "tr"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    add(tmp_path, "id", "echo 0")
    add(tmp_path, "timeout", 'shift 2; "$@"')
    add(tmp_path, "apt-get", f'for word; do last="$last $word"; done; echo "${{last##*300}}" >>{tmp_path}/orders')
    return tmp_path


def add(folder: Path, name: str, does: str = "") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


def run(folder: Path) -> str:
    """Run the script and return what it prints."""
    command = ["/bin/sh", str(ROOT / "scripts" / "system_packages")]
    ended = subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_nothing_is_said_or_done_when_all_is_there(folder: Path) -> None:
    for program in PROGRAMS:
        add(folder, program)
    assert run(folder) == ""
    assert not (folder / "orders").exists()


def test_root_installs_what_is_missing_and_no_more(folder: Path) -> None:
    add(folder, "chromium")
    assert run(folder) == "system packages: installing firefox-esr pulseaudio with apt-get (once)\n"
    orders = (folder / "orders").read_text().splitlines()
    assert orders == [" update", " install --yes --no-install-recommends firefox-esr pulseaudio"]


def test_others_are_told_what_to_install(folder: Path) -> None:
    add(folder, "id", "echo 1000")
    assert "as root: apt-get install chromium firefox-esr pulseaudio" in run(folder)
    assert not (folder / "orders").exists()


def test_a_machine_without_apt_get_goes_on(folder: Path) -> None:
    (folder / "apt-get").unlink()
    assert run(folder).startswith("system packages: missing chromium firefox-esr pulseaudio (there is no apt-get")


def test_a_machine_without_a_network_goes_on_and_hears_why(folder: Path) -> None:
    add(folder, "apt-get", "echo 'E: could not resolve the archive'; exit 100")
    said = run(folder).splitlines()
    assert len(said) == 2
    assert "apt-get: E: could not resolve the archive" in said[1]
    assert said[1].endswith("the tests that need them are skipped")
