"""A client that cannot be installed is passed over only where that is nobody's mistake."""

from pathlib import Path

import pytest
from tests.clients import environments
from tests.clients.environments import NotInstalledError, RegistryUnreachableError, make, may_be_missing


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for environments, and no package registry within reach."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # discard: nobody listens
    return tmp_path


def test_an_environment_is_made_once(folder: Path) -> None:
    (folder / "nothing.txt").write_text("# needs nothing\n")
    python = make("nothing")
    assert python.exists()
    made = (python.parents[1] / "complete").stat().st_mtime_ns
    assert make("nothing") == python
    assert (python.parents[1] / "complete").stat().st_mtime_ns == made


def test_other_pins_are_another_environment_and_the_old_one_goes(folder: Path) -> None:
    (folder / "nothing.txt").write_text("# needs nothing\n")
    old = make("nothing")
    (folder / "nothing.txt").write_text("# still needs nothing\n")
    assert make("nothing") != old
    assert not old.exists()


def test_a_registry_out_of_reach_is_told_from_a_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "far.txt").write_text("a-package-far-away==1.0\n")
    (folder / "wrong.txt").write_text("this is no requirement\n")
    with pytest.raises(RegistryUnreachableError) as far:
        make("far")
    with pytest.raises(NotInstalledError) as wrong:
        make("wrong")
    assert not isinstance(wrong.value, RegistryUnreachableError)
    monkeypatch.setenv("CI", "true")
    assert may_be_missing(far.value)
    assert not may_be_missing(wrong.value)
    monkeypatch.delenv("CI")
    assert may_be_missing(wrong.value)


def test_the_pins_hold_for_every_package() -> None:
    for path in environments.FOLDER.glob("*.txt"):
        pins = [line for line in path.read_text().splitlines() if line and not line.lstrip().startswith("#")]
        assert pins
        assert [line for line in pins if "==" not in line.split(";")[0]] == [], path.name
        assert not [line for line in pins if "://" in line]
