"""The relay as the settings ask for it: routes, options, models, and what is told at start."""

import logging
from typing import Any

import pytest

from antiphon.agents.loader import load_agent
from antiphon.config import RelaySettings, Settings, UpstreamSettings
from antiphon.config.settings import EngineSettings
from antiphon.engines import LocalEngine
from antiphon.engines.upstream import UpstreamRoute
from antiphon.errors import ConfigError
from antiphon.gateway.engine import build_backend
from antiphon.gateway.local_route import LocalRoute
from antiphon.gateway.relay import is_model_name, relay_options, upstream_config
from antiphon.path.options import RelayOptions
from antiphon.path.relayed import RelayEngine
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.models import REALTIME_MODELS

KEY = "sk-proj-0123456789abcdef0123456789"
OPENAI = UpstreamSettings(name="openai", api_key=KEY, dialect="ga")
OWN = UpstreamSettings(
    name="own",
    base_url="http://127.0.0.1:9/v1",
    dialect="ga",
    models=(("gpt-realtime", "my-model"), ("house-voice", "theirs"), ("*", "other")),
    headers=(("X-Team", "voice"),),
)


def settings(*upstreams: UpstreamSettings, fallback: str = "none", agent: str = "") -> Settings:
    return Settings(
        engine=EngineSettings(kind="relay", agent=agent), upstreams=upstreams, relay=RelaySettings(fallback=fallback)
    )


def engine_of(chosen: Settings) -> RelayEngine:
    engine = build_backend(chosen).engine
    assert isinstance(engine, RelayEngine)
    return engine


def test_each_upstream_is_a_route_in_order() -> None:
    routes = engine_of(settings(OWN, OPENAI)).routes
    assert all(isinstance(route, UpstreamRoute) for route in routes)
    assert [route.name for route in routes] == ["own", "openai"]


def test_the_embedded_engine_is_the_last_route() -> None:
    *_, last = engine_of(settings(OWN, fallback="local")).routes
    assert isinstance(last, LocalRoute)
    assert last.name == "local"


def test_upstreams_alone_make_a_relay_and_local_goes_back() -> None:
    assert isinstance(build_backend(Settings(upstreams=(OWN,))).engine, RelayEngine)
    local = build_backend(Settings(upstreams=(OWN,), engine=EngineSettings(kind="local")))
    assert isinstance(local.engine, LocalEngine)
    assert not local.upstream_decides


def test_an_upstream_is_handed_over_whole() -> None:
    config = upstream_config(OWN)
    assert (config.name, config.base_url, config.api_key) == ("own", "http://127.0.0.1:9/v1", "")
    assert config.model_for("gpt-realtime") == "my-model"
    assert config.model_for("anything") == "other"
    assert dict(config.headers) == {"X-Team": "voice"}
    assert upstream_config(OPENAI).api_key == KEY


@pytest.mark.parametrize(
    ("setting", "wanted"), [("", None), ("none", ""), ("http://proxy.example:3128", "http://proxy.example:3128")]
)
def test_no_proxy_and_the_environments_proxy_are_two_things(setting: str, wanted: str | None) -> None:
    assert upstream_config(UpstreamSettings(name="a", dialect="ga", proxy=setting)).proxy == wanted


def test_the_defaults_of_the_settings_are_those_of_the_call_path() -> None:
    assert relay_options(RelaySettings()) == RelayOptions()


def test_options_are_in_seconds_and_bytes() -> None:
    options = relay_options(
        RelaySettings(responses="refuse", cut_response="end", session_minutes=2, held_mb=3, kept_audio_mb=0)
    )
    assert (options.responses, options.cut_response) == ("refuse", "end")
    assert (options.session_seconds, options.held_bytes, options.kept_audio_bytes) == (120.0, 3_000_000, 0)


@pytest.mark.parametrize("key", ["ek_0123456789abcdef", "your-api-key"])
def test_a_key_of_the_wrong_kind_stops_the_start(key: str) -> None:
    with pytest.raises(ConfigError, match="upstream 'openai'") as caught:
        build_backend(settings(UpstreamSettings(name="openai", api_key=key, dialect="ga")))
    assert key not in str(caught.value)


def test_a_missing_key_stops_the_start_where_one_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"no key for api\.openai\.com"):
        build_backend(settings(UpstreamSettings(name="openai", dialect="ga")))
    build_backend(settings(OWN))  # others may need none


def test_the_start_tells_where_calls_go_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    build_backend(settings(OPENAI, OWN))
    assert "upstream openai: https://api.openai.com/v1, ga, with a key; models: any, under its own name" in caplog.text
    assert "upstream own: http://127.0.0.1:9/v1, ga, without a key; models: gpt-realtime as my-model" in caplog.text
    assert "calls wait, then end" in caplog.text
    assert KEY not in caplog.text


def test_configured_models_are_listed_first() -> None:
    models = build_backend(settings(OWN)).models
    assert models[:2] == ("gpt-realtime", "house-voice")
    assert set(models) == {"house-voice", *REALTIME_MODELS}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("gpt-9-realtime", True), ("my deployment", True), ("", False), ("a\nb", False), ("a" * 201, False)],
)
def test_any_name_may_be_a_model_of_an_upstream(name: str, wanted: bool) -> None:
    assert is_model_name(name) is wanted


def test_a_relayed_session_has_no_agent_that_nobody_chose() -> None:
    backend = build_backend(settings(OWN))
    assert backend.asked == {}
    assert backend.defaults == SessionConfig()


def test_a_chosen_agent_is_asked_for_upstream() -> None:
    backend = build_backend(settings(OWN, agent="maple"))
    assert load_agent("maple").instructions.strip() in backend.asked["instructions"]
    assert backend.defaults.instructions == backend.asked["instructions"]


def test_the_fallback_knows_nothing_of_an_agent_that_nobody_chose() -> None:
    def facts(chosen: Settings) -> Any:
        *_, last = engine_of(chosen).routes
        assert isinstance(last, LocalRoute)
        return last.engine.equipment.knowledge.facts

    assert not facts(settings(OWN, fallback="local"))
    assert facts(settings(OWN, fallback="local", agent="maple"))
