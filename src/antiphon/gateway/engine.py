"""Builds the engine that the settings ask for: the one module that picks implementations by their standard names."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from antiphon.agents.agent import Agent
from antiphon.agents.loader import DEFAULT_AGENT, load_agent
from antiphon.config import Settings
from antiphon.engines.local import LocalEngine, Stages
from antiphon.errors import ClientEventError
from antiphon.protocol.config import SessionConfig
from antiphon.protocol.models import OWN_MODEL, REALTIME_MODELS, is_realtime_model
from antiphon.protocol.session_kinds import SessionKind, check_type
from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.limits import Limits
from antiphon.transports.base import Engine

_log = logging.getLogger("antiphon")


def _anything_goes(_config: SessionConfig) -> None:
    pass


# What another version of the API may know and ours does not.
_PERHAPS_NEW = ("unknown_parameter", "invalid_value")


@dataclass(frozen=True)
class Backend:
    """An engine, and what the gateway must know of its sessions.

    Args:
        engine: Answers them.
        defaults: The configuration that a session begins with.
        check_config: Raises a ClientEventError for a configuration that the engine cannot serve.
        asked: What of `defaults` the operator asked for, as the `session` of a `session.update`; for upstreams, which
            have defaults of their own.
        models: Names that `/v1/models` lists.
        accepts_model: Whether a client may ask for that model.
        upstream_decides: Whether configurations are checked for their shape alone, as another server has the say.
        agent: Who answers; None for whom clients describe themselves.
    """

    engine: Engine
    defaults: SessionConfig = field(default_factory=SessionConfig)
    check_config: Callable[[SessionConfig], None] = _anything_goes
    asked: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = (OWN_MODEL, *REALTIME_MODELS)
    accepts_model: Callable[[str], bool] = is_realtime_model
    upstream_decides: bool = False
    agent: Agent | None = None

    def configured(self, kind: SessionKind, update: Mapping[str, Any]) -> SessionConfig:
        """Return the defaults with `update`, the `session` of a `session.update`, merged in.

        Raises:
            ClientEventError: It is wrong, with the dotted path of the offending field.
        """
        check_type(update, kind.name)
        try:
            config = kind.updated(self.defaults, update, self.defaults)
        except ClientEventError as error:
            if self.upstream_decides and error.code in _PERHAPS_NEW:
                return self.defaults
            raise
        self.check_config(config)
        return config


def build_backend(settings: Settings) -> Backend:
    """Return the engine, not started yet, and its agent's defaults.

    Raises:
        ConfigError: The agent cannot be read, or a key cannot be meant for its upstream.
    """
    _log.info("engine: %s (%s)", "relay" if settings.relays else "local", settings.why)
    if settings.relays:
        chosen = load_agent(settings.engine.agent) if settings.engine.agent else None
        backend: Backend = _load("antiphon.gateway.relay:relay_backend")(settings, chosen)
        return backend
    agent = load_agent(settings.engine.agent or DEFAULT_AGENT)
    engine = build_local_engine(settings, agent, Limits(session_seconds=settings.server.session_minutes * 60))
    return Backend(engine, agent_defaults(agent), engine.equipment.capabilities.check_config, agent=agent)


def build_local_engine(settings: Settings, agent: Agent, limits: Limits) -> LocalEngine:
    """Return the embedded engine with the stages that the settings name, not started yet."""
    stages = Stages(
        vad=_VAD[settings.vad.provider](settings),
        stt=_STT[settings.stt.provider](settings),
        llm=_LLM[settings.llm.provider](settings),
        tts=_TTS[settings.tts.provider](settings),
        noise=_noise_reduction(),
    )
    equipment = Equipment(
        knowledge=agent.knowledge,
        capabilities=Capabilities(images=settings.llm.provider == "openai", noise_reduction=stages.noise is not None),
        limits=replace(limits, speak_ahead_seconds=settings.engine.speak_ahead_seconds),
    )
    return LocalEngine(stages, equipment)


def agent_defaults(agent: Agent) -> SessionConfig:
    """Return the configuration of a session with `agent` when the client asks for nothing."""
    return msgspec.convert(agent_update(agent), SessionConfig)


def agent_update(agent: Agent) -> dict[str, Any]:
    """Return what `agent` asks of a session, as the `session` of a `session.update` without its type."""
    update: dict[str, Any] = {}
    if agent.tools:
        update["tools"] = [_tool(tool.name, tool.description, tool.parameters) for tool in agent.tools]
    if instructions := _instructions(agent):
        update["instructions"] = instructions
    if agent.voice:
        update["audio"] = {"output": {"voice": agent.voice}}
    return update


def _instructions(agent: Agent) -> str:
    greeting = f"Greeting: {agent.greeting}" if agent.greeting else ""
    return "\n".join(filter(None, [agent.instructions.strip(), greeting]))


def _tool(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "function", "name": name}
    if description:
        tool["description"] = description
    if parameters:
        tool["parameters"] = dict(parameters)
    return tool


# --- stages by name; a stage is imported when it is asked for ---------------------------------------------------


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _noise_reduction() -> Any:
    # There is one; sessions may ask for it where its package is installed.
    return _load("antiphon.stages.noise.rnnoise:Rnnoise")() if find_spec("pyrnnoise") else None


def _silero(_settings: Settings) -> Any:
    return _load("antiphon.stages.vad.silero:Silero")()


def _pocketsphinx(settings: Settings) -> Any:
    stage, options = (
        _load(f"antiphon.stages.stt.pocketsphinx:{name}") for name in ("PocketSphinx", "PocketSphinxSettings")
    )
    return stage(options(decoders=settings.stt.decoders or None))  # 0 stands for one on each core


def _responder(_settings: Settings) -> Any:
    return _load("antiphon.stages.llm.responder:Responder")()


def _openai_chat(settings: Settings) -> Any:
    stage, options = _load("antiphon.stages.llm.openai:OpenAIChat"), _load("antiphon.stages.llm.openai:ChatSettings")
    llm = settings.llm
    return stage(options(base_url=llm.base_url, model=llm.model, api_key=llm.api_key))


def _openai_transcription(settings: Settings) -> Any:
    stage, options = (
        _load(f"antiphon.stages.stt.openai:{name}") for name in ("OpenAITranscription", "TranscriptionSettings")
    )
    stt = settings.stt
    return stage(options(base_url=stt.base_url, model=stt.model, api_key=stt.api_key))


def _openai_speech(settings: Settings) -> Any:
    stage, options = (_load(f"antiphon.stages.tts.openai:{name}") for name in ("OpenAISpeech", "SpeechSettings"))
    tts = settings.tts
    return stage(
        options(
            base_url=tts.base_url,
            model=tts.model,
            api_key=tts.api_key,
            voice=tts.voice,
            instructions=tts.instructions,
        )
    )


def _espeak(_settings: Settings) -> Any:
    return _load("antiphon.stages.tts.espeak:Espeak")()


def _no_voice(_settings: Settings) -> Any:
    return _load("antiphon.stages.tts.none:NoVoice")()


_Builders = Mapping[str, Callable[[Settings], Any]]

_VAD: _Builders = {"silero": _silero}
_STT: _Builders = {"pocketsphinx": _pocketsphinx, "openai": _openai_transcription}
_LLM: _Builders = {"responder": _responder, "openai": _openai_chat}
_TTS: _Builders = {"espeak": _espeak, "openai": _openai_speech, "none": _no_voice}
