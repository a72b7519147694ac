"""scripts/setup.py: what it does the first time, the second, and after something went wrong."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "setup.py"


class Tree:
    """A checkout in which set-up is run, with a record of the commands it starts in place of their effect."""

    def __init__(self, root: Path, script: ModuleType) -> None:
        self.root = root
        self.script = script
        self.commands: list[str] = []
        self.failure: BaseException | None = None
        (root / "requirements").mkdir()
        for file in ("pyproject.toml", "requirements/run.txt", "requirements/dev.txt"):
            (root / file).write_text(f"{file}\n")

    def start(self, *command: str, advice: str) -> None:
        step = "venv" if command[2] == "venv" else command[-1].rpartition("/")[2]
        self.commands.append(step)
        assert (self.root / ".venv" / ".unfinished").exists(), "files are written without the mark"
        if self.failure and step != "venv":
            raise self.failure
        if step == "venv":
            python = self.root / ".venv" / "bin" / "python"
            python.parent.mkdir()
            python.write_text("#!/bin/sh\nexit 0\n")  # it has pip, as far as can be seen
            python.chmod(0o755)

    def set_up(self, group: str) -> list[str]:
        """Run the set-up of `group` and return the commands that it started."""
        self.commands.clear()
        self.code = self.script.main([group])
        return list(self.commands)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    spec = importlib.util.spec_from_file_location("antiphon_setup", SCRIPT)
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    root = tmp_path / "tree"
    root.mkdir()
    monkeypatch.setattr(script, "ROOT", root)
    monkeypatch.setattr(script, "VENV", root / ".venv")
    monkeypatch.setattr(script, "PYTHON", root / ".venv" / "bin" / "python")
    monkeypatch.setattr(script, "UNFINISHED", root / ".venv" / ".unfinished")
    monkeypatch.setattr(script.signal, "signal", lambda *_: None)
    made = Tree(root, script)
    monkeypatch.setattr(script, "check_call", made.start)
    return made


def test_the_first_set_up_makes_everything_and_the_second_nothing(tree: Tree) -> None:
    assert tree.set_up("run") == ["venv", "run.txt", "tree"]
    assert tree.set_up("run") == []
    assert tree.code == 0


def test_tools_are_added_to_what_the_server_needs(tree: Tree) -> None:
    """`make run` installs no tools; `make test` after it keeps the environment."""
    assert "dev.txt" not in tree.set_up("run")
    assert tree.set_up("dev") == ["dev.txt", "tree"]


def test_the_development_environment_serves_as_well(tree: Tree) -> None:
    tree.set_up("dev")
    assert tree.set_up("run") == []


@pytest.mark.parametrize("file", ["pyproject.toml", "requirements/run.txt"])
def test_a_changed_lock_or_project_is_installed_again(tree: Tree, file: str) -> None:
    tree.set_up("run")
    (tree.root / file).write_text("another\n")
    assert tree.set_up("run") == ["run.txt", "tree"]
    assert tree.set_up("run") == []


def test_after_an_interruption_everything_is_made_afresh(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.failure = KeyboardInterrupt()
    tree.set_up("run")
    assert tree.code == 130
    (tree.root / ".venv" / "half-written").touch()
    tree.failure = None
    assert tree.set_up("run") == ["venv", "run.txt", "tree"]
    assert not (tree.root / ".venv" / "half-written").exists()
    assert "the last set-up was interrupted; starting afresh" in capsys.readouterr().out
    assert tree.set_up("run") == []


def test_when_pip_fails_the_advice_is_printed_and_the_environment_kept(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.failure = tree.script.SetupFailedError("do this")
    tree.set_up("run")
    assert tree.code == 1
    assert capsys.readouterr().err == "setup: do this\n"
    tree.failure = None
    assert tree.set_up("run") == ["run.txt", "tree"]


def test_a_moved_tree_is_installed_again(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation in place knows the tree by its path."""
    before = tree.script.fingerprint("run")
    tree.root.rename(tmp_path / "moved")
    monkeypatch.setattr(tree.script, "ROOT", tmp_path / "moved")
    assert tree.script.fingerprint("run") != before


def test_an_environment_whose_python_is_gone_is_made_anew(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.set_up("run")
    (tree.root / ".venv" / "bin" / "python").unlink()
    assert tree.set_up("run") == ["venv", "run.txt", "tree"]
    assert ".venv does not work (any more)" in capsys.readouterr().out
