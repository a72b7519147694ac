"""From what the operator wrote to a URL and headers."""

import pytest

from antiphon.engines.upstream.config import UpstreamConfig, models_url, realtime_url, request_headers, transcribes
from antiphon.errors import ConfigError
from antiphon.path.legs import LegStart
from antiphon.protocol.config import Audio, AudioInput, SessionConfig, Transcription
from antiphon.protocol.session_kinds import TRANSCRIPTION
from antiphon.session.start import SessionStart

REALTIME = LegStart(SessionStart("gpt-realtime"))
HEARS = LegStart(SessionStart("", kind=TRANSCRIPTION))
AZURE = "https://x.openai.azure.com"


@pytest.mark.parametrize(
    ("base_url", "dialect", "expected"),
    [
        ("https://api.openai.com/v1", "ga", "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        ("https://api.openai.com/v1/", "beta", "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        ("ws://127.0.0.1:8080/v1/realtime", "ga", "ws://127.0.0.1:8080/v1/realtime?model=gpt-realtime"),
        ("http://127.0.0.1:8080", "ga", "ws://127.0.0.1:8080/v1/realtime?model=gpt-realtime"),
        ("https://u:p@h/gate/v1?tenant=a", "ga", "wss://h/gate/v1/realtime?tenant=a&model=gpt-realtime"),
        (f"{AZURE}/openai/v1", "azure", "wss://x.openai.azure.com/openai/v1/realtime?model=gpt-realtime"),
        (AZURE, "azure", "wss://x.openai.azure.com/openai/v1/realtime?model=gpt-realtime"),
        *(
            (url, "azure-beta", "wss://x.openai.azure.com/openai/realtime?api-version=V&deployment=gpt-realtime")
            for url in (AZURE, f"{AZURE}/openai", f"{AZURE}/openai/v1/", f"{AZURE}/openai/realtime")
        ),
    ],
)
def test_the_url_of_a_session(base_url: str, dialect: str, expected: str) -> None:
    config = UpstreamConfig("u", base_url, dialect=dialect, api_version="V")  # type: ignore[arg-type]
    assert realtime_url(config, REALTIME) == expected


def test_the_url_of_a_transcription_session_names_no_model() -> None:
    ga = UpstreamConfig("u", models={"*": "other"})
    assert realtime_url(ga, HEARS) == "wss://api.openai.com/v1/realtime?intent=transcription"
    assert transcribes(realtime_url(ga, HEARS))
    assert not transcribes(realtime_url(ga, REALTIME))


def test_azure_s_beta_path_names_the_transcriber_s_deployment() -> None:
    config = UpstreamConfig("u", AZURE, dialect="azure-beta", api_version="V", models={"whisper-1": "my-ears"})
    heard = SessionConfig(audio=Audio(input=AudioInput(transcription=Transcription("whisper-1"))))
    start = LegStart(SessionStart("", heard, TRANSCRIPTION))
    assert realtime_url(config, start).endswith("?api-version=V&intent=transcription&deployment=my-ears")


def test_models_are_renamed() -> None:
    config = UpstreamConfig("u", models={"a": "b", "*": "c"})
    assert [config.model_for(name) for name in ("a", "x")] == ["b", "c"]
    assert UpstreamConfig("u", models={"a": "b"}).model_for("x") == "x"


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("ga", {"Authorization": "Bearer K"}),
        ("beta", {"Authorization": "Bearer K", "OpenAI-Beta": "realtime=v1"}),
        ("azure", {"api-key": "K"}),
        ("azure-beta", {"api-key": "K"}),
    ],
)
def test_the_key_goes_into_the_header_of_the_dialect(dialect: str, expected: dict[str, str]) -> None:
    config = UpstreamConfig("u", AZURE, "K", dialect=dialect, api_version="V")  # type: ignore[arg-type]
    headers = dict(request_headers(config))
    assert headers.pop("User-Agent").startswith("antiphon/")
    assert headers == expected
    assert "K" not in realtime_url(config, LegStart(SessionStart("m"))).replace("K8", "")


def test_organization_project_and_extra_headers() -> None:
    config = UpstreamConfig("u", organization="o", project="p", headers={"X-Tenant": "t"})
    headers = dict(request_headers(config, [("OpenAI-Safety-Identifier", "s")]))
    assert {"OpenAI-Organization": "o", "OpenAI-Project": "p", "X-Tenant": "t"}.items() <= headers.items()
    assert headers["OpenAI-Safety-Identifier"] == "s"


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer other"),
        ("API-Key", "other"),
        ("x-tenant", "other"),
        ("Host", "other"),
        ("OpenAI-Project", "other"),
        ("Sec-WebSocket-Protocol", "other"),
        ("X-Fine", "a\r\nAuthorization: other"),
        ("X-Fine\r\nA", "other"),
    ],
)
def test_a_client_s_header_never_decides_who_we_are(header: tuple[str, str]) -> None:
    config = UpstreamConfig("u", api_key="K", headers={"X-Tenant": "t"})
    assert request_headers(config, [header]) == request_headers(config)


def test_where_models_are_listed() -> None:
    assert models_url(UpstreamConfig("u", "wss://h/v1")) == "https://h/v1/models"
    beta = UpstreamConfig("u", AZURE, dialect="azure-beta", api_version="V")
    assert models_url(beta) == f"{AZURE}/openai/models?api-version=V"


@pytest.mark.parametrize(
    "base_url", ["", "api.openai.com", "ftp://h/v1", "https://", "https://h:port/v1", "http://[x/v1"]
)
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        UpstreamConfig("u", base_url)


def test_azure_s_beta_path_needs_a_version() -> None:
    with pytest.raises(ConfigError, match="needs api_version"):
        UpstreamConfig("u", AZURE, dialect="azure-beta")


def test_keys_and_passwords_are_in_no_repr() -> None:
    config = UpstreamConfig("u", api_key="K-secret", proxy="http://u:K-secret@h", headers={"X": "K-secret"})
    assert "K-secret" not in repr(config)
