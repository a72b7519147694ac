"""Builds the relay that the settings ask for: its routes, and what the gateway must know of its sessions."""

import logging
from collections.abc import Iterable
from typing import cast

from antiphon.agents.agent import Agent
from antiphon.config import RelaySettings, Settings, UpstreamSettings
from antiphon.engines.upstream import UpstreamConfig, UpstreamDialect, UpstreamRoute, key_problems
from antiphon.errors import AntiphonError, ConfigError
from antiphon.gateway.engine import Backend, agent_defaults, agent_update, build_local_engine
from antiphon.gateway.local_route import LocalRoute
from antiphon.path.legs import Route
from antiphon.path.options import CutResponse, RelayOptions, WhileActive
from antiphon.path.relayed import RelayEngine
from antiphon.protocol.models import REALTIME_MODELS
from antiphon.session.limits import Limits

_log = logging.getLogger("antiphon.relay")

_LONGEST_MODEL = 200  # characters; Azure's deployment names have at most 64
_ANY_MODEL = "*"
_MB = 1_000_000
_PROXIES: dict[str, str | None] = {"": None, "none": ""}  # a setting's word: what the engine calls it


def relay_backend(settings: Settings, agent: Agent | None) -> Backend:
    """Return what relays to the configured upstreams.

    Args:
        settings: All of them.
        agent: Who answers, None when the operator chose nobody: then clients alone say what a session is.

    Raises:
        ConfigError: A key cannot be meant for its upstream.
    """
    configs = [upstream_config(upstream) for upstream in settings.upstreams]
    _check_keys(configs)
    routes: list[Route] = [UpstreamRoute(config) for config in configs]
    routes += _fallback(settings, agent)
    engine = RelayEngine(routes, relay_options(settings.relay))
    _announce(settings, has_fallback=len(routes) > len(configs))
    return Backend(
        engine,
        agent_defaults(agent or Agent("")),
        asked=agent_update(agent) if agent else {},
        models=_models(settings.upstreams),
        accepts_model=is_model_name,
        upstream_decides=True,
        agent=agent,
    )


def upstream_config(upstream: UpstreamSettings) -> UpstreamConfig:
    """Return one upstream as its engine knows it."""
    return UpstreamConfig(
        name=upstream.name,
        base_url=upstream.base_url,
        api_key=upstream.api_key or "",
        organization=upstream.organization,
        project=upstream.project,
        dialect=cast(UpstreamDialect, upstream.dialect),
        api_version=upstream.api_version,
        models=dict(upstream.models),
        headers=dict(upstream.headers),
        connect_seconds=upstream.connect_seconds,
        ping_seconds=upstream.ping_seconds,
        standby=upstream.standby,
        proxy=_PROXIES.get(upstream.proxy, upstream.proxy),
        tls_ca=upstream.tls_ca,
    )


def relay_options(relay: RelaySettings) -> RelayOptions:
    """Return the table `relay` in the units of the call path."""
    return RelayOptions(
        responses=cast(WhileActive, relay.responses),
        cut_response=cast(CutResponse, relay.cut_response),
        session_seconds=relay.session_minutes * 60.0,
        rollover_seconds=relay.rollover_seconds,
        silence_seconds=relay.silence_seconds,
        give_up_seconds=relay.give_up_seconds,
        held_seconds=relay.held_seconds,
        held_bytes=relay.held_mb * _MB,
        kept_audio_bytes=relay.kept_audio_mb * _MB,
        return_seconds=relay.return_seconds,
    )


def is_model_name(name: str) -> bool:
    """Whether `name` may go to an upstream, which alone knows whether it has such a model."""
    return 0 < len(name) <= _LONGEST_MODEL and name.isprintable()


def _check_keys(configs: Iterable[UpstreamConfig]) -> None:
    # What is merely suspicious the routes tell when they start.
    if problems := [problem for config in configs for problem in key_problems(config)]:
        raise ConfigError("\n  ".join(problems))


def _fallback(settings: Settings, agent: Agent | None) -> list[Route]:
    if settings.relay.fallback != "local":
        return []
    # A stranger's facts must not come into a call of somebody who chose no agent.
    agent = agent or Agent("")
    try:
        engine = build_local_engine(settings, agent, Limits(session_seconds=settings.relay.session_minutes * 60.0))
    except AntiphonError as error:
        _log.warning("the embedded engine cannot take over when upstreams fail: %s", error)
        return []
    # The embedded responder answers questions; it knows no beginning of an answer to go on from.
    return [LocalRoute(engine, agent_defaults(agent), continues=settings.llm.provider == "openai")]


def _models(upstreams: Iterable[UpstreamSettings]) -> tuple[str, ...]:
    named = [name for upstream in upstreams for name, _ in upstream.models if name != _ANY_MODEL]
    return tuple(dict.fromkeys([*named, *REALTIME_MODELS]))


def _announce(settings: Settings, *, has_fallback: bool) -> None:
    for upstream in settings.upstreams:
        models = ", ".join(f"{name} as {theirs}" for name, theirs in upstream.models) or "any, under its own name"
        key = "with a key" if upstream.api_key else "without a key"
        _log.info(
            "upstream %s: %s, %s, %s; models: %s", upstream.name, upstream.base_url, upstream.dialect, key, models
        )
    _log.info(
        "when no upstream can be had: %s", "the embedded engine answers" if has_fallback else "calls wait, then end"
    )
