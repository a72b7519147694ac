"""Settings: read from antiphon.toml, .env, the environment and flags, and checked before anything starts."""

from antiphon.config.loading import Loaded, load_settings
from antiphon.config.relay_settings import RelaySettings, UpstreamSettings
from antiphon.config.settings import (
    SETTINGS,
    EngineSettings,
    LlmSettings,
    ServerSettings,
    Setting,
    Settings,
    SttSettings,
    TtsSettings,
    VadSettings,
)
from antiphon.config.values import is_loopback

__all__ = [
    "SETTINGS",
    "EngineSettings",
    "LlmSettings",
    "Loaded",
    "RelaySettings",
    "ServerSettings",
    "Setting",
    "Settings",
    "SttSettings",
    "TtsSettings",
    "UpstreamSettings",
    "VadSettings",
    "is_loopback",
    "load_settings",
]
