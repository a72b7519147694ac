"""The settings of the relay: each server that calls may be relayed to, and what holds for all relayed calls."""

from dataclasses import dataclass

from antiphon.config.declaring import secret_setting, setting
from antiphon.config.upstream_values import HEADERS, MODELS, PROXY, UPSTREAM_NAME, UPSTREAM_URL
from antiphon.config.values import (
    OPENAI_URL,
    choice,
    file,
    integer,
    optional_text,
    seconds,
    secret,
)


@dataclass(frozen=True)
class UpstreamSettings:
    """A Realtime server that calls may be relayed to, one `[[upstream]]` in `antiphon.toml` for each."""

    name: str = setting("", UPSTREAM_NAME, "What logs and messages call it; each upstream has another one.")
    base_url: str = setting(
        OPENAI_URL,
        UPSTREAM_URL,
        "Where it is, as the SDKs have it: with `/v1` for OpenAI's kind, the endpoint for Azure. Only those named "
        "`openai` and `azure` need none: it comes from `OPENAI_BASE_URL` or `AZURE_OPENAI_ENDPOINT`.",
    )
    api_key: str | None = secret_setting(
        None,
        secret("API key"),
        "Its key. `api_key_file` names a file with it, `api_key_env` a variable of the environment with it. Unset, "
        "`OPENAI_API_KEY` goes to OpenAI's own server and `AZURE_OPENAI_API_KEY` to `AZURE_OPENAI_ENDPOINT`.",
    )
    organization: str = setting(
        "", optional_text("an organization", "its id"), "Whom OpenAI bills; `OPENAI_ORG_ID` goes along with its key."
    )
    project: str = setting(
        "", optional_text("a project", "its id"), "Of the organization; `OPENAI_PROJECT_ID` goes along with its key."
    )
    dialect: str = setting(
        "",
        choice("a dialect", "ga", "azure", "beta", "azure-beta"),
        "The shape that it speaks. Unset, Azure's hosts speak `azure`, or `azure-beta` with a dated preview as "
        "`api_version`, and all others `ga`.",
    )
    api_version: str = setting("", optional_text("a version", "one such as 2025-04-01-preview"), "For `azure-beta`.")
    models: tuple[tuple[str, str], ...] = setting(
        (), MODELS, "What it calls the models that clients ask for; `*` stands for any other. Others keep their names."
    )
    priority: int = setting(0, integer(0, 1000), "The lowest is tried first; those of one priority in their order.")
    connect_seconds: float = setting(10.0, seconds(0.1, 120), "How long a connection and its session may take.")
    ping_seconds: float = setting(20.0, seconds(1, 600), "Between pings; one that is not answered ends the connection.")
    standby: int = setting(0, integer(0, 100), "Connections kept open for the next calls.")
    proxy: str = secret_setting(
        "", PROXY, "The proxy to connect through. Unset, `HTTPS_PROXY` and `NO_PROXY` in the environment say it."
    )
    tls_ca: str = setting("", file("the path of a PEM file"), "Certificates to trust beside those of the system.")
    headers: tuple[tuple[str, str], ...] = secret_setting((), HEADERS, "Headers to send with each connection.")


@dataclass(frozen=True)
class RelaySettings:
    """How calls are kept while upstreams come and go; for `engine.kind = "relay"`."""

    fallback: str = setting(
        "local",
        choice("a fallback", "local", "none"),
        "What answers while no upstream can be had: the embedded engine, or nothing.",
    )
    responses: str = setting(
        "queue",
        choice("a policy", "queue", "replace", "refuse"),
        "What becomes of a response.create while a response is active: it waits, it takes its place, or it is refused.",
    )
    cut_response: str = setting(
        "continue",
        choice("a policy", "continue", "end"),
        "What becomes of a response that an upstream's loss cut short: the next upstream says the rest, or it ends.",
    )
    session_minutes: int = setting(
        1440, integer(1, 10_080), "Longest call, in minutes; an upstream's own, shorter limit does not end it."
    )
    rollover_seconds: float = setting(
        90.0, seconds(1, 1800), "How long before the end of an upstream's session the next one is prepared."
    )
    silence_seconds: float = setting(
        20.0, seconds(1, 600), "How long an upstream may say nothing when it should speak, before it is replaced."
    )
    give_up_seconds: float = setting(
        60.0, seconds(1, 3600), "How long a call waits for any upstream, before its client is told and closed."
    )
    held_seconds: float = setting(30.0, seconds(0, 600), "User audio kept while no upstream is ready.")
    held_mb: int = setting(8, integer(1, 1024), "Everything kept while no upstream is ready, in MB (1,000,000 bytes).")
    kept_audio_mb: int = setting(
        16, integer(0, 1024), "Audio of the conversation kept to restore it elsewhere, in MB (1,000,000 bytes)."
    )
    return_seconds: float = setting(15.0, seconds(1, 3600), "Between tries to go back to an upstream that comes first.")
