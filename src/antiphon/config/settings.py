"""Every setting: its key, type, default, names and meaning.

The dataclasses are the source; `SETTINGS`, the list of all with what there is to know about each, is read off them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from antiphon.config.declaring import secret_setting, setting
from antiphon.config.relay_settings import RelaySettings, UpstreamSettings
from antiphon.config.values import (
    BOOLEAN,
    HOST,
    OPENAI_URL,
    ORIGINS,
    URL,
    Kind,
    choice,
    file,
    integer,
    optional_text,
    seconds,
    secret,
    secrets,
    text,
)
from antiphon.config.web_settings import WebSettings
from antiphon.config.webrtc_settings import WebRtcSettings

MODEL = text("a model", "the model's name as its server knows it")
# The tables of stages that can be a server of the OpenAI kind.
OPENAI_TABLES = ("stt", "tts", "llm")


def key_setting(table: str) -> Any:
    """Declare the key for the server of one stage."""
    description = f"Key for `{table}.base_url`. Unset, `OPENAI_API_KEY` is used, but only for OpenAI's own server."
    return secret_setting(None, secret("API key"), description)


@dataclass(frozen=True)
class ServerSettings:
    """Who may connect, where, and how much."""

    host: str = setting(
        "127.0.0.1", HOST, "Address to listen on; any but a loopback address needs API keys.", flag="--host"
    )
    port: int = setting(8080, integer(0, 65535, "a port", " (any free one)"), "Port to listen on.", flag="--port")
    api_keys: tuple[str, ...] = secret_setting(
        (), secrets("key"), "Keys that clients may use; with none, any key is accepted.", alias="ANTIPHON_API_KEYS"
    )
    client_secret_key: str | None = secret_setting(
        None, secret("signing key"), "Signs client secrets; unset, a new one is made at each start."
    )
    tls_cert: str = setting(
        "",
        file("the path of a PEM file: the certificate and its chain"),
        "Certificate for https and wss; with none, the server speaks http and ws.",
        flag="--tls-cert",
    )
    tls_key: str = setting(
        "", file("the path of a PEM file, not encrypted"), "Private key of `server.tls_cert`.", flag="--tls-key"
    )
    allowed_origins: tuple[str, ...] = setting(
        (),
        ORIGINS,
        "Origins whose web pages may connect. Empty means pages on loopback only while no API keys are set, else any.",
    )
    lenient_dialect: bool = setting(
        False,
        BOOLEAN,
        "Serve clients of the beta shape that do not say so when they connect: their first session.update shows it.",
    )
    log_level: str = setting(
        "info", choice("a log level", "debug", "info", "warning", "error"), "How much is logged.", flag="--log-level"
    )
    drain_seconds: float = setting(
        30.0, seconds(0, 3600), "How long running sessions may go on after the server was told to stop."
    )
    resume_seconds: float = setting(
        60.0, seconds(0, 3600), "How long a client that was lost may come back to its call; 0 keeps none."
    )
    max_sessions: int = setting(200, integer(1, 100_000), "Sessions at once; further ones are refused.")
    max_message_mb: int = setting(
        # 15 MiB of audio is the API's limit for one append; base64 and JSON make 21 MB of it.
        22,
        integer(1, 1024),
        "Largest message that a client may send, in MB (1,000,000 bytes).",
    )
    session_minutes: int = setting(
        60,
        integer(1, 1440),
        "Longest session of the embedded engine, in minutes; relayed calls have `relay.session_minutes`.",
    )


@dataclass(frozen=True)
class EngineSettings:
    """What answers."""

    kind: str = setting(
        "auto",
        choice("an engine", "auto", "local", "relay"),
        "The engine that answers: the embedded one, or other Realtime servers through the relay. `auto` relays when "
        "upstreams are configured or OPENAI_API_KEY is set, unless a stage was chosen as well.",
        flag="--engine",
        stands_for_table=True,
    )
    agent: str = setting(
        "",
        optional_text("an agent", "the name of a bundled agent or the path of an agent's TOML file"),
        "Who answers: a bundled agent's name, or the path of an agent's TOML file. Unset, the embedded engine answers "
        "as `maple`, and relayed sessions have only what their clients ask for.",
        flag="--agent",
        alias="ANTIPHON_AGENT",
    )
    speak_ahead_seconds: float = setting(5.0, seconds(0.1, 600), "How far audio may be sent ahead of its being played.")


@dataclass(frozen=True)
class VadSettings:
    """Voice activity detection."""

    provider: str = setting(
        "silero", choice("a VAD", "silero"), "Voice activity detection.", flag="--vad", stands_for_table=True
    )


@dataclass(frozen=True)
class SttSettings:
    """Speech to text."""

    provider: str = setting(
        "pocketsphinx",
        choice("an STT", "pocketsphinx", "openai"),
        "Speech to text: the embedded recogniser, or any server with OpenAI's transcriptions.",
        flag="--stt",
        stands_for_table=True,
    )
    decoders: int = setting(
        0,
        integer(0, 256, hint=" (one for each core, up to four when calls must wait)"),
        "Decoders, for `pocketsphinx`.",
    )
    base_url: str = setting(OPENAI_URL, URL, "Where the model is served, for `openai`.")
    api_key: str | None = key_setting("stt")
    model: str = setting("gpt-4o-mini-transcribe", MODEL, "The model, for `openai`.")


@dataclass(frozen=True)
class TtsSettings:
    """Text to speech."""

    provider: str = setting(
        "espeak",
        choice("a TTS", "espeak", "openai", "none"),
        "Text to speech: the embedded synthesiser, any server with OpenAI's speech, or none.",
        flag="--tts",
        stands_for_table=True,
    )
    base_url: str = setting(OPENAI_URL, URL, "Where the model is served, for `openai`.")
    api_key: str | None = key_setting("tts")
    model: str = setting("gpt-4o-mini-tts", MODEL, "The model, for `openai`.")
    voice: str = setting(
        "",
        optional_text("a voice", "the voice's name as its server knows it"),
        "The voice of all sessions, for `openai`, where the server knows none of the API's voice names.",
    )
    instructions: str = setting(
        "", optional_text("an instruction", "one line"), "How to speak, for `openai` and models that take it."
    )


@dataclass(frozen=True)
class LlmSettings:
    """The language model; `openai` is any server with OpenAI's chat completions."""

    provider: str = setting(
        "responder",
        choice("an LLM", "responder", "openai"),
        "The language model: the embedded rule-based responder, or any server with OpenAI's chat completions.",
        flag="--llm",
        stands_for_table=True,
    )
    base_url: str = setting(OPENAI_URL, URL, "Where the model is served, for `openai`.")
    api_key: str | None = key_setting("llm")
    model: str = setting("gpt-4.1-mini", MODEL, "The model, for `openai`.")


@dataclass(frozen=True)
class Settings:
    """All settings, checked. `Settings()` holds the defaults.

    Args:
        upstreams: Where calls are relayed to, the most wanted first.
        why: Why `engine.kind = "auto"` came to what `relays` says.
    """

    server: ServerSettings = ServerSettings()
    engine: EngineSettings = EngineSettings()
    vad: VadSettings = VadSettings()
    stt: SttSettings = SttSettings()
    tts: TtsSettings = TtsSettings()
    llm: LlmSettings = LlmSettings()
    relay: RelaySettings = RelaySettings()  # noqa: RUF009 - it is frozen
    webrtc: WebRtcSettings = WebRtcSettings()  # noqa: RUF009
    web: WebSettings = WebSettings()  # noqa: RUF009
    upstreams: tuple[UpstreamSettings, ...] = ()
    why: str = field(default="there is no [[upstream]] and no OPENAI_API_KEY", compare=False)

    @property
    def relays(self) -> bool:
        """Whether other servers answer: what `engine.kind` says, or what `auto` came to."""
        return self.engine.kind == "relay" or (self.engine.kind == "auto" and bool(self.upstreams))


@dataclass(frozen=True)
class Setting:
    """What there is to know about one setting; `environment` has its names there, the full one first."""

    table: str
    name: str
    kind: Kind[Any]
    default: object
    description: str
    environment: tuple[str, ...]
    flag: str
    is_secret: bool
    stands_for_table: bool

    @property
    def key(self) -> str:
        return f"{self.table}.{self.name}"

    def value_in(self, settings: Settings) -> object:
        return getattr(getattr(settings, self.table), self.name)


def _settings() -> Iterator[Setting]:
    for table in (entry for entry in fields(Settings) if is_dataclass(entry.default)):
        for leaf in fields(getattr(Settings(), table.name)):
            names = [f"ANTIPHON_{table.name}_{leaf.name}".upper()]
            if leaf.metadata["stands_for_table"]:
                names.append(f"ANTIPHON_{table.name}".upper())
            if leaf.metadata["alias"]:
                names.append(leaf.metadata["alias"])
            declared = {name: value for name, value in leaf.metadata.items() if name != "alias"}
            yield Setting(table=table.name, name=leaf.name, default=leaf.default, environment=tuple(names), **declared)


SETTINGS: tuple[Setting, ...] = tuple(_settings())
