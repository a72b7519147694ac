"""Upstreams in the settings: what describes them, which key goes where, and what `auto` comes to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from antiphon.config import Loaded, UpstreamSettings, load_settings
from antiphon.config.engine_choice import is_own_address
from antiphon.config.report import to_json, to_text
from antiphon.config.upstreams import FIELDS, key_variable
from antiphon.errors import ConfigError

KEY = "sk-0123456789abcdef"
OTHER_KEY = "another-key-0123456789"
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://my.openai.azure.com/", "AZURE_OPENAI_API_KEY": OTHER_KEY}


def load(
    folder: Path, toml: str = "", environ: Mapping[str, str] | None = None, dotenv: str = "", **flags: str
) -> Loaded:
    (folder / "antiphon.toml").write_text(toml, encoding="utf-8")
    (folder / ".env").write_text(dotenv, encoding="utf-8")
    given = {name.replace("_", ".", 1): value for name, value in flags.items()}
    return load_settings(given, environ or {}, folder)


def refusal(folder: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, toml, environ, **flags)
    return str(caught.value)


def only(loaded: Loaded) -> UpstreamSettings:
    (upstream,) = loaded.settings.upstreams
    return upstream


# --- what `auto` comes to -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "environ", "relays", "why"),
    [
        ("", {}, False, "there is no [[upstream]] and no OPENAI_API_KEY"),
        ("", {"OPENAI_API_KEY": KEY}, True, "OPENAI_API_KEY is set (environment OPENAI_API_KEY)"),
        ("", {"OPENAI_API_KEY": ""}, False, "there is no [[upstream]]"),
        ("", AZURE, True, "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY are set"),
        ("", {"AZURE_OPENAI_API_KEY": OTHER_KEY}, False, "there is no [[upstream]]"),
        # Clients are pointed here by it; it says nothing of whom to relay to.
        ("", {"OPENAI_BASE_URL": "https://voice.example/v1"}, False, "there is no [[upstream]]"),
        (
            "",
            {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1", "OPENAI_API_KEY": KEY},
            False,
            "this server's own address",
        ),
        ('llm = "openai"', {"OPENAI_API_KEY": KEY}, False, "llm.provider is chosen (antiphon.toml)"),
        ("", {"OPENAI_API_KEY": KEY, "ANTIPHON_TTS": "none"}, False, "tts.provider is chosen (environment"),
        ('engine = "relay"\nllm = "openai"', {"OPENAI_API_KEY": KEY}, True, "engine.kind says so (antiphon.toml)"),
        ('engine = "local"', {"OPENAI_API_KEY": KEY}, False, "engine.kind says so (antiphon.toml)"),
        ('llm = "openai"\n[[upstream]]\nname = "openai"', {"OPENAI_API_KEY": KEY}, True, "there is an [[upstream]]"),
    ],
)
def test_what_auto_comes_to_and_why(tmp_path: Path, toml: str, environ: dict[str, str], relays: bool, why: str) -> None:
    loaded = load(tmp_path, toml, environ)
    assert loaded.settings.relays is relays
    assert why in loaded.settings.why


def test_the_report_shows_what_auto_came_to(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"OPENAI_API_KEY": KEY})
    (line,) = [line for line in to_text(loaded).splitlines() if line.startswith("engine.kind")]
    assert line.split(maxsplit=3) == [
        "engine.kind",
        "auto",
        "(relay)",
        "default; OPENAI_API_KEY is set (environment OPENAI_API_KEY)",
    ]
    assert json.loads(to_json(loaded))["engine.kind"] == {
        "value": "auto",
        "origin": "default",
        "became": "relay",
        "why": "OPENAI_API_KEY is set (environment OPENAI_API_KEY)",
    }


def test_local_goes_back_and_leaves_the_upstreams_alone(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"OPENAI_API_KEY": KEY}, engine_kind="local")
    assert not loaded.settings.relays
    assert loaded.settings.upstreams == ()


def test_a_relay_to_nobody_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, engine_kind="relay")
    assert message.startswith("engine.kind (flag --engine): there is nobody to relay to; set OPENAI_API_KEY, or ")


# --- the SDKs' own variables ----------------------------------------------------------------------------------


def test_openais_variables_are_an_upstream(tmp_path: Path) -> None:
    environ = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": "wss://eu.example/v1/",
        "OPENAI_ORG_ID": "org-1",
        "OPENAI_PROJECT_ID": "proj_1",
    }
    loaded = load(tmp_path, environ=environ)
    assert only(loaded) == UpstreamSettings(
        "openai", "https://eu.example/v1", KEY, organization="org-1", project="proj_1", dialect="ga"
    )
    assert loaded.origins["upstream.openai.base_url"] == "environment OPENAI_BASE_URL"
    assert loaded.origins["upstream.openai.api_key"] == "environment OPENAI_API_KEY"


def test_the_key_may_stand_in_dotenv_and_the_environment_wins(tmp_path: Path) -> None:
    loaded = load(tmp_path, dotenv=f"# mine\nOPENAI_API_KEY={KEY}\n")
    assert (only(loaded).api_key, loaded.origins["upstream.openai.api_key"]) == (KEY, ".env line 2, OPENAI_API_KEY")
    both = load(tmp_path, dotenv=f"OPENAI_API_KEY={KEY}\n", environ={"OPENAI_API_KEY": OTHER_KEY})
    assert only(both).api_key == OTHER_KEY


def test_a_server_of_ones_own_needs_no_key(tmp_path: Path) -> None:
    upstream = only(load(tmp_path, environ={"OPENAI_BASE_URL": "http://10.0.0.7:9000/v1"}, engine_kind="relay"))
    assert (upstream.base_url, upstream.api_key) == ("http://10.0.0.7:9000/v1", None)


@pytest.mark.parametrize(
    ("version", "dialect", "taken"),
    [
        ({}, "azure", ""),
        ({"OPENAI_API_VERSION": "2025-04-01-preview"}, "azure-beta", "2025-04-01-preview"),
        ({"OPENAI_API_VERSION": "2024-10-21"}, "azure", ""),  # of other APIs: realtime never had it
        ({"OPENAI_API_VERSION": "preview"}, "azure", ""),
    ],
)
def test_azures_variables_are_an_upstream(tmp_path: Path, version: dict[str, str], dialect: str, taken: str) -> None:
    upstream = only(load(tmp_path, environ=AZURE | version))
    assert upstream == UpstreamSettings(
        "azure", "https://my.openai.azure.com", OTHER_KEY, dialect=dialect, api_version=taken
    )


def test_both_companies_are_tried_in_turn(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ=AZURE | {"OPENAI_API_KEY": KEY})
    assert [upstream.name for upstream in loaded.settings.upstreams] == ["openai", "azure"]


@pytest.mark.parametrize("value", [f'"{KEY}"', f"{KEY} ", f"{KEY}\n", "schlüssel-0123456789"])
def test_a_badly_copied_key_is_told_and_not_shown(tmp_path: Path, value: str) -> None:
    message = refusal(tmp_path, environ={"OPENAI_API_KEY": value})
    assert message.startswith("upstream.openai.api_key (environment OPENAI_API_KEY): the API key ")
    assert value.strip('" \n') not in message


# --- [[upstream]] ---------------------------------------------------------------------------------------------


def test_every_setting_of_an_upstream_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    toml = f"""
        [[upstream]]
        name = "azure-east"
        base_url = "https://east.openai.azure.com/openai/v1"
        api_key = "{KEY}"
        organization = "org"
        project = "proj"
        dialect = "azure-beta"
        api_version = "2025-04-01-preview"
        models = {{ "gpt-realtime" = "voice", "*" = "other" }}
        priority = 3
        connect_seconds = 2.5
        ping_seconds = 30
        standby = 2
        proxy = "http://user:secret@proxy.example:3128"
        tls_ca = "ca.pem"
        headers = {{ X-Team = "voice" }}
    """
    loaded = load(tmp_path, toml)
    assert only(loaded) == UpstreamSettings(
        name="azure-east",
        base_url="https://east.openai.azure.com/openai/v1",
        api_key=KEY,
        organization="org",
        project="proj",
        dialect="azure-beta",
        api_version="2025-04-01-preview",
        models=(("gpt-realtime", "voice"), ("*", "other")),
        priority=3,
        connect_seconds=2.5,
        ping_seconds=30.0,
        standby=2,
        proxy="http://user:secret@proxy.example:3128",
        tls_ca=str(tmp_path / "ca.pem"),
        headers=(("X-Team", "voice"),),
    )
    assert {loaded.origins[f"upstream.azure-east.{name}"] for name in FIELDS} == {"antiphon.toml [[upstream]] 1"}
    for report in (to_text(loaded), to_json(loaded), repr(loaded)):
        assert KEY not in report
        assert "secret@" not in report


def test_the_lowest_priority_is_tried_first_and_else_the_order_counts(tmp_path: Path) -> None:
    toml = "".join(
        f'[[upstream]]\nname = "{name}"\nbase_url = "http://{name}/v1"\npriority = {priority}\n'
        for name, priority in (("c", 1), ("a", 0), ("d", 1), ("b", 0))
    )
    assert [upstream.name for upstream in load(tmp_path, toml).settings.upstreams] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://api.openai.com/v1", "ga"),
        ("https://my.openai.azure.com", "azure"),
        ("https://my.cognitiveservices.azure.com/openai/v1", "azure"),
        ("https://my.openai.azure.com.example.com/v1", "ga"),
        ("ws://127.0.0.1:9000/v1", "ga"),
    ],
)
def test_the_dialect_follows_from_the_host(tmp_path: Path, url: str, dialect: str) -> None:
    assert only(load(tmp_path, f'[[upstream]]\nname = "a"\nbase_url = "{url}"')).dialect == dialect


def test_listed_upstreams_are_all_that_there_are(tmp_path: Path) -> None:
    """Calls must not go to a company that the operator left out of the list."""
    toml = '[[upstream]]\nname = "own"\nbase_url = "http://10.0.0.7/v1"'
    upstream = only(load(tmp_path, toml, AZURE | {"OPENAI_API_KEY": KEY}))
    assert (upstream.name, upstream.api_key) == ("own", None)


@pytest.mark.parametrize("name", ["openai", "azure"])
def test_a_listed_upstream_of_a_known_name_is_completed(tmp_path: Path, name: str) -> None:
    environ = AZURE | {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://eu.example/v1"}
    upstream = only(load(tmp_path, f'[[upstream]]\nname = "{name}"\nstandby = 2', environ))
    wanted = {"openai": ("https://eu.example/v1", KEY), "azure": ("https://my.openai.azure.com", OTHER_KEY)}[name]
    assert (upstream.base_url, upstream.api_key, upstream.standby) == (*wanted, 2)


# --- keys -----------------------------------------------------------------------------------------------------


TABLE = '[[upstream]]\nname = "azure-east"\nbase_url = "https://east.example/v1"\n'


@pytest.mark.parametrize(
    ("more", "environ", "origin"),
    [
        (f'api_key = "{KEY}"', {}, "antiphon.toml [[upstream]] 1"),
        ('api_key_file = "key"', {}, "antiphon.toml [[upstream]] 1, the file key"),
        ('api_key_env = "EAST"', {"EAST": KEY}, "environment EAST"),
        ("", {"ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY": KEY}, "environment ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY"),
        (
            "",
            {"ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY_FILE": "key"},
            "environment ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY_FILE, the file key",
        ),
        (
            'api_key = "of-the-file"',
            {"ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY": KEY},
            "environment ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY",
        ),
    ],
)
def test_where_a_key_may_stand(tmp_path: Path, more: str, environ: dict[str, str], origin: str) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    loaded = load(tmp_path, TABLE + more, environ)
    assert only(loaded).api_key == KEY
    assert loaded.origins["upstream.azure-east.api_key"] == origin


@pytest.mark.parametrize(
    ("url", "environ", "key"),
    [
        ("https://api.openai.com/v1", {}, KEY),
        ("https://eu.api.openai.com/v1", {}, KEY),
        ("http://api.openai.com/v1", {}, None),
        ("https://api.openai.com.evil.example/v1", {}, None),
        ("https://evil-api.openai.com/v1", {}, None),
        ("https://east.example/v1", {}, None),
        ("https://east.example/v2", {"OPENAI_BASE_URL": "https://east.example/v1"}, KEY),
        ("http://east.example/v1", {"OPENAI_BASE_URL": "https://east.example/v1"}, None),
        ("https://east.example:444/v1", {"OPENAI_BASE_URL": "https://east.example/v1"}, None),
        ("https://my.openai.azure.com/openai/v1", AZURE, OTHER_KEY),
        ("https://their.openai.azure.com/openai/v1", AZURE, None),
    ],
)
def test_a_key_travels_to_its_own_server_alone(
    tmp_path: Path, url: str, environ: dict[str, str], key: str | None
) -> None:
    toml = f'[[upstream]]\nname = "a"\nbase_url = "{url}"'
    upstream = only(load(tmp_path, toml, {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1"} | environ))
    assert upstream.api_key == key
    assert bool(upstream.organization) == (key == KEY)


def test_a_key_that_is_another_servers_is_told(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://east.example/v1"}
    message = refusal(tmp_path, '[[upstream]]\nname = "a-b"\nbase_url = "https://api.openai.com/v1"', environ)
    assert (
        "OPENAI_API_KEY goes with OPENAI_BASE_URL, which is another server; set ANTIPHON_UPSTREAM_A_B_API_KEY"
        in message
    )


def test_stages_keep_their_key_beside_a_relay(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'engine = "relay"\nllm = "openai"', {"OPENAI_API_KEY": KEY})
    assert loaded.settings.llm.api_key == only(loaded).api_key == KEY


# --- what is wrong --------------------------------------------------------------------------------------------

PLACE = "(antiphon.toml [[upstream]] 1)"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            "[upstream]\nname = 'a'",
            "antiphon.toml: upstream is a list of tables; write [[upstream]] above each, with two",
        ),
        ("upstream = 'a'", "antiphon.toml: upstream is a list of tables"),
        ("[[upstreams]]\nname = 'a'", "antiphon.toml: upstreams is not a setting; did you mean upstream?"),
        ("[[upstream]]\nbase_url = 'http://a/v1'", f"upstream.1.name {PLACE}: it has none; give one, such as name ="),
        (
            "[[upstream]]\nname = 'A b'\nbase_url = 'http://a'",
            f"upstream.A b.name {PLACE}: 'A b' is not a name; give up",
        ),
        ("[[upstream]]\nname = 'a'", f"upstream.a.base_url {PLACE}: it has none; give one, such as base_url ="),
        (
            TABLE + "modles = {}",
            "antiphon.toml [[upstream]] 1 'azure-east': modles is not a setting; did you mean models?",
        ),
        (TABLE + "key = 'x'", "antiphon.toml [[upstream]] 1 'azure-east': key is not a setting; did you mean api_key?"),
        (TABLE + "priority = 'x'", f"upstream.azure-east.priority {PLACE}: 'x' is not a whole number; give a whole"),
        (TABLE + "dialect = 'live'", f"upstream.azure-east.dialect {PLACE}: 'live' is not a dialect; give ga, azure,"),
        (TABLE + "dialect = 'azure-beta'", f"upstream.azure-east.api_version {PLACE}: azure-beta needs one; give"),
        (TABLE + "models = 'a'", f"upstream.azure-east.models {PLACE}: it is not a table; give a table such as"),
        (TABLE + "models = {a = 1}", f"upstream.azure-east.models {PLACE}: 'a' = 1 does not name two models"),
        (TABLE + "headers = {Authorization = 'x'}", f"{PLACE}: the header Authorization is sent anyway; remove it"),
        (TABLE + "headers = {'a b' = 'x'}", f"{PLACE}: 'a b' is not the name of a header"),
        (TABLE + 'headers = {X = "a\\nb"}', f"{PLACE}: the value of X is not a line of printable ASCII"),
        (TABLE + "proxy = 'socks5://me:hunter2@x'", f"{PLACE}: it is not the URL of an HTTP proxy; give one such as"),
        (TABLE + "api_key = 'hunter2'\napi_key_env = 'X'", f"api_key_env {PLACE}: the key is set by api_key too"),
        (TABLE + "api_key_env = 'X'", f"upstream.azure-east.api_key_env {PLACE}: X is not set; set that variable"),
        (TABLE + "api_key_env = 'hunter2-0123'", f"{PLACE}: what it names is not set; set that variable of the"),
        (TABLE + "api_key_file = 'hunter2'", f"upstream.azure-east.api_key {PLACE}: the file it names cannot be read"),
        ("[[upstream]]\nname = 'a'\nbase_url = 'http://u:hunter2@x/v1'", f"{PLACE}: this URL is not usable; give one"),
        (
            "[[upstream]]\nname = 'a'\nbase_url = 'http://x/v1?key=hunter2'",
            f"{PLACE}: this URL is not usable; give one",
        ),
    ],
)
def test_what_is_wrong_with_an_upstream_is_told_with_the_fix(tmp_path: Path, toml: str, message: str) -> None:
    told = refusal(tmp_path, toml)
    assert message in told
    assert "hunter2" not in told


def test_two_upstreams_need_two_names(tmp_path: Path) -> None:
    message = refusal(tmp_path, TABLE + TABLE.replace("azure-east", "azure_east"))
    assert "upstream.azure_east.name (antiphon.toml [[upstream]] 2)" in message
    assert "is also antiphon.toml [[upstream]] 1; give each another name" in message


def test_a_key_for_no_upstream_is_told(tmp_path: Path) -> None:
    message = refusal(tmp_path, TABLE, {"ANTIPHON_UPSTREAM_AZURE_EST_API_KEY": KEY})
    assert message == (
        "environment ANTIPHON_UPSTREAM_AZURE_EST_API_KEY: it is the key of no upstream; "
        "did you mean ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY?"
    )


def test_a_relay_to_itself_is_refused(tmp_path: Path) -> None:
    toml = '[[upstream]]\nname = "me"\nbase_url = "ws://localhost:8080/v1"'
    message = refusal(tmp_path, toml)
    assert message.startswith(f"upstream.me.base_url {PLACE}: http://localhost:8080/v1 is this server itself; ")
    assert load(tmp_path, toml, server_port="8081").settings.relays
    assert not load(tmp_path, toml, engine_kind="local").settings.relays


@pytest.mark.parametrize(
    ("url", "host", "port", "own"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080, True),
        ("ws://localhost:8080", "0.0.0.0", 8080, True),
        ("http://[::1]:8080", "127.0.0.1", 8080, True),
        ("https://voice.example/v1", "voice.example", 443, True),
        ("http://voice.example/v1", "Voice.example", 80, True),
        ("http://127.0.0.1:8081/v1", "127.0.0.1", 8080, False),
        ("http://10.0.0.7:8080/v1", "127.0.0.1", 8080, False),
        ("http://127.0.0.1:0/v1", "127.0.0.1", 0, False),
        ("http://127.0.0.1:x/v1", "127.0.0.1", 80, False),
    ],
)
def test_which_address_is_our_own(url: str, host: str, port: int, own: bool) -> None:
    assert is_own_address(url, host, port) is own


def test_the_variable_of_a_key_is_made_of_the_name() -> None:
    assert key_variable("azure-east") == "ANTIPHON_UPSTREAM_AZURE_EAST_API_KEY"


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("name", "api_key", "dialect")])
def test_every_default_of_an_upstream_is_a_value_that_could_be_given(name: str) -> None:
    default: Any = getattr(UpstreamSettings(), name)
    raw = dict(default) if isinstance(default, tuple) else default
    assert FIELDS[name]["kind"].read(raw) == default
