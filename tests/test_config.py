"""Settings: where they come from, which source wins, and what a wrong one is told."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.config import SETTINGS, Loaded, Setting, Settings, load_settings
from antiphon.config.dotenv import Entry, read_dotenv
from antiphon.config.report import to_json, to_text
from antiphon.errors import ConfigError

KEY = "a-long-enough-key"


def load(
    folder: Path,
    *,
    toml: str = "",
    dotenv: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    config: str | None = None,
) -> Loaded:
    """Load settings from a folder with these files in it."""
    if toml:
        (folder / "antiphon.toml").write_text(toml, encoding="utf-8")
    if dotenv:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    return load_settings(flags or {}, environ or {}, folder, config)


def refusal(folder: Path, **sources: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, **sources)
    return str(caught.value)


# --- which source wins --------------------------------------------------------------------------------------


def test_without_any_source_every_setting_has_its_default(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.settings == Settings()
    assert set(loaded.origins) == {setting.key for setting in SETTINGS}
    assert set(loaded.origins.values()) == {"default"}


PORT_SOURCES: dict[str, tuple[str, Any]] = {
    "antiphon.toml [server]": ("toml", "[server]\nport = 1001\n"),
    ".env line 2": ("dotenv", "# the port\nANTIPHON_SERVER_PORT=1002\n"),
    "environment ANTIPHON_SERVER_PORT": ("environ", {"ANTIPHON_SERVER_PORT": "1003"}),
    "flag --port": ("flags", {"server.port": "1004"}),
}
PORTS = dict(zip(PORT_SOURCES, (1001, 1002, 1003, 1004), strict=True))


@pytest.mark.parametrize(
    "origins", [chosen for size in (1, 2, 3, 4) for chosen in itertools.combinations(PORT_SOURCES, size)]
)
def test_the_later_source_wins_and_is_named(tmp_path: Path, origins: tuple[str, ...]) -> None:
    """antiphon.toml, .env, the environment, flags: in each combination the last one given decides."""
    loaded = load(tmp_path, **dict(PORT_SOURCES[origin] for origin in origins))
    assert loaded.settings.server.port == PORTS[origins[-1]]
    assert loaded.origins["server.port"] == origins[-1]


def test_another_settings_file_takes_the_place_of_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[server]\nport = 7000\n")
    loaded = load(tmp_path, toml="[server]\nport = 1\nmax_sessions = 5\n", config="other.toml")
    assert (loaded.settings.server.port, loaded.settings.server.max_sessions) == (7000, 200)
    assert loaded.origins["server.port"] == "other.toml [server]"


def test_a_settings_file_asked_for_must_exist(tmp_path: Path) -> None:
    message = refusal(tmp_path, config="missing.toml")
    assert message == "flag --config: there is no file 'missing.toml'; give the path of a settings file"


@pytest.mark.parametrize(
    "sources",
    [
        {"toml": 'llm = "openai"\n'},
        {"toml": '[llm]\nprovider = "openai"\n'},
        {"dotenv": "ANTIPHON_LLM=openai\n"},
        {"environ": {"ANTIPHON_LLM": "openai"}},
        {"environ": {"ANTIPHON_LLM_PROVIDER": "openai"}},
        {"flags": {"llm.provider": "openai"}},
    ],
)
def test_one_line_in_any_source_chooses_a_stage(tmp_path: Path, sources: dict[str, Any]) -> None:
    environ = {"ANTIPHON_LLM_API_KEY": KEY, **sources.get("environ", {})}
    assert load(tmp_path, **{**sources, "environ": environ}).settings.llm.provider == "openai"


def test_one_source_may_not_set_the_same_thing_twice(tmp_path: Path) -> None:
    message = refusal(tmp_path, environ={"ANTIPHON_LLM": "openai", "ANTIPHON_LLM_PROVIDER": "responder"})
    assert "set by environment ANTIPHON_LLM too" in message


@pytest.mark.parametrize("setting", [each for each in SETTINGS if not each.is_secret], ids=lambda each: each.key)
def test_every_default_is_a_value_that_could_be_given(tmp_path: Path, setting: Setting) -> None:
    default = setting.default
    raw = "" if default == () else str(default)
    loaded = load(tmp_path, environ={setting.environment[0]: raw})
    assert loaded.settings == Settings()


# --- wrong values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["abc", "-1", "65536", "80.5", "", "８０８０", "0x50"])  # noqa: RUF001
def test_a_wrong_port_is_named_with_source_value_and_fix(tmp_path: Path, value: str) -> None:
    message = refusal(tmp_path, environ={"ANTIPHON_SERVER_PORT": value})
    assert message == (
        f"server.port (environment ANTIPHON_SERVER_PORT): {value!r} is not a port; "
        "give a whole number from 0 (any free one) to 65535"
    )


@pytest.mark.parametrize(
    ("toml", "found"),
    [
        ("[server]\nport = true", "True is not a port"),
        ("[server]\nport = 80.0", "80.0 is not a port"),
        ("[server]\nhost = 1", "1 is not a host"),
        ('[server]\nhost = "http://x"', "'http://x' is not a host"),
        ('[server]\nhost = "127.0.0.1:80"', "'127.0.0.1:80' is not a host"),
        ("[server]\ndrain_seconds = nan", "nan is not a duration"),
        ("[server]\ndrain_seconds = -1", "-1 is not a duration"),
        ('[server]\nlog_level = "loud"', "give debug, info, warning or error"),
        ('[server]\nallowed_origins = ["https://a.example/path"]', "'https://a.example/path' is not an origin"),
        ('llm = "gpt"', "'gpt' is not an LLM; give responder or openai"),
        ("llm = 3", "3 is not an LLM"),
        ('stt = "whisper"', "'whisper' is not an STT; give pocketsphinx"),
        ('[llm]\nbase_url = "localhost:11434"', "'localhost:11434' is not usable; give a URL such as"),
        ('[engine]\nagent = "./missing.toml"', "there is no file './missing.toml'"),
        ("server = 3", "write [server] and its settings below it"),
        ("[server]\nport = 80\nport = 81", "antiphon.toml: it is not valid TOML"),
    ],
)
def test_a_wrong_setting_in_the_file_is_told_with_the_fix(tmp_path: Path, toml: str, found: str) -> None:
    message = refusal(tmp_path, toml=toml)
    assert "antiphon.toml" in message
    assert found in message


def test_all_wrong_settings_are_reported_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        toml='[server]\nport = "x"\ncolour = 1\n',
        dotenv="no equals sign\n",
        environ={"ANTIPHON_STT": "x"},
        flags={"server.log_level": "x"},
    )
    first, *problems = message.splitlines()
    assert first == "5 settings are wrong:"
    assert [problem.strip().partition(":")[0] for problem in problems] == [
        "antiphon.toml",  # server.colour, which there is not
        "server.port (antiphon.toml [server])",
        ".env line 1",
        "stt.provider (environment ANTIPHON_STT)",
        "server.log_level (flag --log-level)",
    ]


def test_a_wrong_value_is_told_even_where_a_later_source_would_win(tmp_path: Path) -> None:
    assert "antiphon.toml" in refusal(tmp_path, toml='[server]\nport = "x"', flags={"server.port": "9000"})


@pytest.mark.parametrize(
    ("sources", "suggestion"),
    [
        ({"toml": "[server]\nprot = 1"}, "did you mean server.port?"),
        ({"toml": "[sever]\nport = 1"}, "did you mean server?"),
        ({"toml": "port = 1"}, "did you mean server.port?"),
        ({"dotenv": "ANTIPHON_API_KEY=x"}, "did you mean ANTIPHON_API_KEYS?"),
        ({"environ": {"ANTIPHON_PORT": "1"}}, "did you mean ANTIPHON_SERVER_PORT?"),
        ({"environ": {"ANTIPHON_XYZZY": "1"}}, "`antiphon config` lists all settings"),
    ],
)
def test_an_unknown_setting_gets_a_suggestion(tmp_path: Path, sources: dict[str, Any], suggestion: str) -> None:
    assert refusal(tmp_path, **sources).endswith(suggestion)


def test_what_kubernetes_tells_of_a_service_named_antiphon_is_no_setting(tmp_path: Path) -> None:
    environ = {
        "ANTIPHON_SERVICE_HOST": "10.0.0.1",
        "ANTIPHON_SERVICE_PORT_HTTP": "8080",
        "ANTIPHON_PORT": "tcp://10.0.0.1:8080",
        "ANTIPHON_SERVER_PORT": "tcp://10.0.0.1:8080",
        "ANTIPHON_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert load(tmp_path, environ=environ).settings == Settings()


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, dotenv="DATABASE_URL=x\n", environ={"PATH": "/bin"}).settings == Settings()


# --- who may connect ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_no_keys(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, flags={"server.host": host}).settings.server.host == host.strip("[]")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "::ffff:127.0.0.1", "voice.example.com", "127.1"])
def test_any_other_address_needs_keys(tmp_path: Path, host: str) -> None:
    message = refusal(tmp_path, flags={"server.host": host})
    assert message.startswith(f"server.host (flag --host): {host!r} can be reached from other machines")
    assert "set ANTIPHON_API_KEYS" in message
    assert load(tmp_path, flags={"server.host": host}, environ={"ANTIPHON_API_KEYS": KEY}).settings.server.host == host


def test_wrong_keys_are_not_called_missing(tmp_path: Path) -> None:
    message = refusal(tmp_path, flags={"server.host": "0.0.0.0"}, environ={"ANTIPHON_API_KEYS": "short"})
    assert "has 5 characters; give at least 8" in message
    assert "other machines" not in message


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        (KEY, (KEY,)),
        (f"{KEY},second-key", (KEY, "second-key")),
        (f" {KEY} , second-key ,\n", (KEY, "second-key")),
    ],
)
def test_keys_are_separated_by_commas(tmp_path: Path, value: str, keys: tuple[str, ...]) -> None:
    assert load(tmp_path, environ={"ANTIPHON_API_KEYS": value}).settings.server.api_keys == keys


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "key 1 of 1 is empty"),
        (f"{KEY},,{KEY}", "key 2 of 3 is empty"),
        ("hunter2", "key 1 of 1 has 7 characters"),
        (f'"{KEY}"', "quotation mark"),
        (f"'{KEY}", "quotation mark"),
        (f"{KEY} hunter2-again", "has a space"),
        ("hunter2-schlüssel", "printable ASCII"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused_and_not_shown(tmp_path: Path, value: str, problem: str) -> None:
    message = refusal(tmp_path, environ={"ANTIPHON_API_KEYS": value})
    assert message.startswith("server.api_keys (environment ANTIPHON_API_KEYS): ")
    assert problem in message
    assert KEY not in message
    assert "hunter2" not in message


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\nsecond-key\n")
    loaded = load(tmp_path, environ={"ANTIPHON_API_KEYS_FILE": "keys"})
    assert loaded.settings.server.api_keys == (KEY, "second-key")
    assert loaded.origins["server.api_keys"] == "environment ANTIPHON_API_KEYS_FILE, the file keys"
    assert load(tmp_path, toml='[server]\napi_keys_file = "keys"').settings.server.api_keys == (KEY, "second-key")


def test_a_secret_given_where_its_file_is_wanted_is_not_shown(tmp_path: Path) -> None:
    message = refusal(tmp_path, environ={"ANTIPHON_API_KEYS_FILE": KEY})
    assert "cannot be read (No such file or directory)" in message
    assert KEY not in message


def test_no_report_and_no_repr_shows_a_secret(tmp_path: Path) -> None:
    environ = {each.environment[0]: f"{KEY}-{each.name}" for each in SETTINGS if each.is_secret}
    loaded = load(tmp_path, environ=environ)
    for report in (to_text(loaded), to_json(loaded), repr(loaded)):
        assert KEY not in report
    assert to_text(loaded).count("********") == len(environ) == 7


# --- the model's key ----------------------------------------------------------------------------------------


TABLES = ("llm", "stt", "tts")


@pytest.mark.parametrize("table", TABLES)
def test_openai_takes_its_usual_variable(tmp_path: Path, table: str) -> None:
    environ = {f"ANTIPHON_{table.upper()}": "openai", "OPENAI_API_KEY": KEY}
    loaded = load(tmp_path, environ=environ, dotenv="OPENAI_API_KEY=earlier-source\n")
    assert keys_of(loaded.settings) == {table: KEY}
    assert loaded.origins[f"{table}.api_key"] == "environment OPENAI_API_KEY"


def keys_of(settings: Settings) -> dict[str, str]:
    """Return the keys of the stages that have one."""
    keys = {"llm": settings.llm.api_key, "stt": settings.stt.api_key, "tts": settings.tts.api_key}
    return {table: key for table, key in keys.items() if key is not None}


@pytest.mark.parametrize("table", TABLES)
def test_a_key_of_our_own_name_wins_over_the_usual_variable(tmp_path: Path, table: str) -> None:
    ours = f"ANTIPHON_{table.upper()}"
    environ = {ours: "openai", "OPENAI_API_KEY": "another", f"{ours}_API_KEY": KEY}
    assert keys_of(load(tmp_path, environ=environ).settings) == {table: KEY}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"": "openai", "_BASE_URL": "http://127.0.0.1:11434/v1"},
        {"": "openai", "_BASE_URL": "https://api.openai.com.evil.example/v1"},
    ],
)
def test_openai_key_travels_to_openai_alone(tmp_path: Path, table: str, changes: dict[str, str]) -> None:
    given = {f"ANTIPHON_{table.upper()}{name}": value for name, value in changes.items()}
    assert keys_of(load(tmp_path, environ={**given, "OPENAI_API_KEY": KEY}).settings) == {}


@pytest.mark.parametrize("table", TABLES)
def test_openai_without_a_key_is_told_before_anything_starts(tmp_path: Path, table: str) -> None:
    message = refusal(tmp_path, flags={f"{table}.provider": "openai"})
    assert message.startswith(f"{table}.api_key: {table}.provider is 'openai' (flag --{table})")
    assert f"set ANTIPHON_{table.upper()}_API_KEY or OPENAI_API_KEY" in message


def test_an_agent_file_is_found_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "mine.toml").touch()
    (tmp_path / "etc" / "antiphon.toml").write_text('[engine]\nagent = "mine.toml"\n')
    loaded = load(tmp_path, config="etc/antiphon.toml")
    assert loaded.settings.engine.agent == str(tmp_path / "etc" / "mine.toml")


# --- .env ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A = b  ", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A='b # c' # comment", "b # c"),
        ('A="b \\"c\\" \\n"', 'b "c" \n'),
        ("A='\\n'", "\\n"),
        ("A=b=c", "b=c"),
        ("\ufeffA=b\r", "b"),
    ],
)
def test_a_dotenv_line_is_read_as_shells_and_tools_write_it(line: str, value: str) -> None:
    assert read_dotenv(line) == ([Entry("A", value, 1)], [])


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "a b=hunter2", "A='hunter2", 'A="hunter2\\"', "A='x'hunter2"])
def test_a_malformed_dotenv_line_is_told_by_number_and_not_shown(tmp_path: Path, line: str) -> None:
    message = refusal(tmp_path, dotenv=f"# fine\n{line}\n")
    assert message.startswith(".env line 2: ")
    assert "hunter2" not in message


@given(st.text(alphabet=st.characters(blacklist_characters="'\n\r", blacklist_categories=["Cs"])))
def test_single_quotes_keep_any_text(value: str) -> None:
    assert read_dotenv(f"A='{value}'")[0] == [Entry("A", value, 1)]


@given(st.text())
def test_no_dotenv_text_breaks_the_reader(text: str) -> None:
    entries, problems = read_dotenv(text)
    assert len(entries) + len(problems) <= text.count("\n") + 1


def test_a_dotenv_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    assert (
        refusal(tmp_path)
        == ".env: it cannot be read (it is not UTF-8 text); make it a text file that this user may read"
    )
