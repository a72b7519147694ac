"""What checks the project's JavaScript, with Node.js and without it."""

from pathlib import Path

import pytest

from tests.web import checks


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine where no program is to be found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)


def test_a_machine_without_node_passes_and_says_so(no_node: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.main(["lint", "types"]) == 0
    assert "JavaScript is not checked: Node.js and npm are not installed" in capsys.readouterr().err


def test_continuous_integration_must_have_node(
    no_node: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    assert checks.main(["lint"]) == 1
    assert "not checked" in capsys.readouterr().err


def test_an_unknown_check_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.main(["lints"]) == 2
    assert "'lints'; give some of lint, format, types, units" in capsys.readouterr().err


@pytest.mark.parametrize("status", [0, 1])
def test_a_check_that_fails_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    tools = tmp_path / "modules" / ".bin"
    tools.mkdir(parents=True)
    for name in ("prettier", "eslint"):
        (tools / name).write_text(f"#!/bin/sh\nexit {status if name == 'prettier' else 0}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setattr(checks, "node_major", lambda: 20)
    monkeypatch.setattr(checks, "install", lambda: tmp_path / "modules")
    monkeypatch.setattr(checks, "_LINK", tmp_path / "node_modules")
    assert checks.main(["lint"]) == status
    assert ("prettier failed; mend with: make format" in capsys.readouterr().err) == bool(status)
    assert checks.main(["lint"]) == status  # the link is there already
    assert (tmp_path / "node_modules").readlink() == tmp_path / "modules"
