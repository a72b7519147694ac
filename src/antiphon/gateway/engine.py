"""Builds the engine that the settings ask for: the one module that picks implementations by their standard names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from antiphon.agents.agent import Agent
from antiphon.agents.loader import load_agent
from antiphon.config import Settings
from antiphon.engines.local import LocalEngine, Stages
from antiphon.protocol.config import SessionConfig
from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.limits import Limits
from antiphon.transports.base import Engine


def _anything_goes(_config: SessionConfig) -> None:
    pass


@dataclass(frozen=True)
class Backend:
    """An engine, and what the gateway must know of its sessions.

    Args:
        engine: Answers them.
        defaults: The configuration that a session begins with.
        check_config: Raises a ClientEventError for a configuration that the engine cannot serve.
    """

    engine: Engine
    defaults: SessionConfig = field(default_factory=SessionConfig)
    check_config: Callable[[SessionConfig], None] = _anything_goes


def build_backend(settings: Settings) -> Backend:
    """Return the engine, not started yet, and its agent's defaults.

    Raises:
        ConfigError: The agent cannot be read.
    """
    agent = load_agent(settings.engine.agent)
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
        limits=Limits(
            session_seconds=settings.server.session_minutes * 60,
            speak_ahead_seconds=settings.engine.speak_ahead_seconds,
        ),
    )
    return Backend(LocalEngine(stages, equipment), agent_defaults(agent), equipment.capabilities.check_config)


def agent_defaults(agent: Agent) -> SessionConfig:
    """Return the configuration of a session with `agent` when the client asks for nothing."""
    update: dict[str, Any] = {"tools": [_tool(tool.name, tool.description, tool.parameters) for tool in agent.tools]}
    if instructions := _instructions(agent):
        update["instructions"] = instructions
    if agent.voice:
        update["audio"] = {"output": {"voice": agent.voice}}
    return msgspec.convert(update, SessionConfig)


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
