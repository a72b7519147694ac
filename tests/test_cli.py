"""The command line: what each command prints, and how it ends."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from antiphon import __version__, cli
from antiphon.commands import serve as serve_command
from antiphon.commands.settings_flags import load_from
from antiphon.config import SETTINGS, Settings
from antiphon.errors import ConfigError, StageError


@pytest.fixture(autouse=True)
def clean_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without Antiphon's names."""
    monkeypatch.chdir(tmp_path)
    for setting in SETTINGS:
        for name in setting.environment:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Give the command line a further command, `act`, that does what the test says."""

    def add(act: Callable[[], int]) -> None:
        module = ModuleType("act_command")
        module.add_arguments = lambda parser: None  # type: ignore[attr-defined]
        module.run = lambda arguments: act()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "act_command", module)
        monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, ("act", "do what the test says", "act_command")))

    return add


def raising(error: BaseException) -> Callable[[], int]:
    def act() -> int:
        raise error

    return act


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"    {name} " in printed for name, _, _ in cli.COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"antiphon {__version__}\n"


def test_help_of_serve_has_every_flag_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "--config FILE" in printed
    for setting in (each for each in SETTINGS if each.flag):
        assert f"{setting.flag} " in printed
        assert f"{setting.description} Default: {setting.default or 'none'}." in printed


def test_config_prints_values_and_origins(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (clean_folder / ".env").write_text("ANTIPHON_API_KEYS=very-secret-key\n")
    monkeypatch.setenv("ANTIPHON_SERVER_MAX_SESSIONS", "7")
    assert cli.main(["config", "--port", "9000"]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows["server.port"] == ["9000", "flag", "--port"]
    assert rows["server.max_sessions"] == ["7", "environment", "ANTIPHON_SERVER_MAX_SESSIONS"]
    assert rows["server.api_keys"] == ["********", ".env", "line", "1"]
    assert rows["server.host"] == ["127.0.0.1", "default"]


def test_config_as_json(clean_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (clean_folder / ".env").write_text("ANTIPHON_API_KEYS=very-secret-key,another-secret\n")
    assert cli.main(["config", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == [setting.key for setting in SETTINGS]
    assert printed["server.port"] == {"value": 8080, "origin": "default"}
    assert printed["server.api_keys"] == {"value": ["********", "********"], "origin": ".env line 1"}


def test_a_wrong_setting_ends_with_its_message_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "--port", "abc"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("antiphon: server.port (flag --port): 'abc' is not a port; give ")
    assert printed.err.count("\n") == 1


def test_serve_hands_the_settings_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line adds nothing of its own: the server gets checked settings, its exit code is the command's."""
    served: list[Settings] = []

    def record(settings: Settings) -> int:
        served.append(settings)
        return 7

    server = ModuleType("antiphon.gateway.server")
    server.serve = record  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "antiphon.gateway.server", server)
    assert cli.main(["serve", "--port", "9000", "--log-level", "debug"]) == 7
    assert [(each.server.port, each.server.log_level) for each in served] == [(9000, "debug")]


def test_serve_refuses_wrong_settings_before_it_loads_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "antiphon.gateway.server", None)  # importing it would fail
    assert cli.main(["serve", "--host", "0.0.0.0"]) == 2


def test_each_settings_flag_reaches_its_setting() -> None:
    parser = argparse.ArgumentParser()
    serve_command.add_arguments(parser)

    def text(default: Any) -> str:
        return "2" if isinstance(default, int) else "192.0.2.1" if isinstance(default, tuple) else str(default)

    given = {each: text(each.default) for each in SETTINGS if each.flag}
    line = [part for setting, value in given.items() for part in (setting.flag, value)]
    loaded = load_from(parser.parse_args(line))
    for setting, value in given.items():
        found = setting.value_in(loaded.settings)
        assert (",".join(found) if isinstance(found, tuple) else str(found)) == value
        assert loaded.origins[setting.key] == f"flag {setting.flag}"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigError("x: is wrong; mend it"), 2, "antiphon: x: is wrong; mend it\n"),
        (StageError("llm", "gone; start it"), 1, "antiphon: llm: gone; start it\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_how_a_command_ends(
    command: Callable[[Callable[[], int]], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    command(raising(error))
    assert cli.main(["act"]) == code
    assert capsys.readouterr().err == message


def test_a_mistake_of_our_own_is_not_hidden(command: Callable[[Callable[[], int]], None]) -> None:
    command(raising(RuntimeError("bug")))
    with pytest.raises(RuntimeError, match="bug"):
        cli.main(["act"])


@pytest.mark.parametrize("line", [["sing"], ["serve", "--prot", "1"], ["serve", "extra"], ["serve", "--po", "1"]])
def test_an_unknown_command_or_flag_is_refused(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    assert "usage: antiphon" in capsys.readouterr().err
