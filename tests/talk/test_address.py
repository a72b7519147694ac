"""Where the server is, and which key goes there."""

import pytest

from antiphon.errors import ConfigError
from antiphon.talk.address import read_address, read_key


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ws://127.0.0.1:8080/v1/realtime", "ws://127.0.0.1:8080/v1/realtime?model=m"),
        ("ws://127.0.0.1:8080/v1/realtime/", "ws://127.0.0.1:8080/v1/realtime?model=m"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/realtime?model=m"),
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://example.com/voice/", "wss://example.com/voice/v1/realtime?model=m"),
        ("wss://x.azure.com/openai/v1/realtime?model=d", "wss://x.azure.com/openai/v1/realtime?model=d"),
        ("ws://h/v1/realtime?a=b%20c", "ws://h/v1/realtime?a=b+c&model=m"),
        ("localhost:8080", "ws://localhost:8080/v1/realtime?model=m"),
        ("127.0.0.1", "ws://127.0.0.1/v1/realtime?model=m"),
        ("[::1]:9000", "ws://[::1]:9000/v1/realtime?model=m"),
        ("example.com", "wss://example.com/v1/realtime?model=m"),
        ("HTTP://Example.com", "ws://Example.com/v1/realtime?model=m"),
    ],
)
def test_what_people_type_becomes_a_complete_url(text: str, url: str) -> None:
    assert read_address(text, "m").url == url


def test_the_model_is_percent_encoded() -> None:
    assert read_address("localhost", "a b&c").url == "ws://localhost/v1/realtime?model=a+b%26c"


def test_what_is_shown_holds_no_secrets() -> None:
    address = read_address("wss://user:pass@example.com/v1?api-key=sk-secret", "m")
    assert address.shown == "wss://example.com/v1/realtime"
    assert "secret" not in repr(address)


@pytest.mark.parametrize("text", ["ftp://x", "ws://", "", "ws://h:port", "ws://h:99999", "ws://[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--url: "):
        read_address(text, "m")


BOTH = {"ANTIPHON_API_KEY": "ours", "OPENAI_API_KEY": "theirs"}


@pytest.mark.parametrize(
    ("given", "url", "environment", "key"),
    [
        ("flag", "https://api.openai.com", BOTH, "flag"),
        (None, "https://api.openai.com", BOTH, "theirs"),
        (None, "https://eu.api.openai.com", BOTH, "theirs"),
        (None, "https://notopenai.com", BOTH, "ours"),
        (None, "localhost", BOTH, "ours"),
        (None, "localhost", {"OPENAI_API_KEY": " theirs\n"}, "theirs"),
        (None, "https://api.openai.com", {"ANTIPHON_API_KEY": "ours", "OPENAI_API_KEY": ""}, "ours"),
        (None, "localhost", {}, "none"),
        (None, "ws://127.0.0.2:1", {}, "none"),
        (None, "ws://[::1]", {}, "none"),
    ],
)
def test_which_key_is_used(given: str | None, url: str, environment: dict[str, str], key: str) -> None:
    assert read_key(given, read_address(url, "m"), environment) == key


def test_elsewhere_a_key_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"no key for wss://api\.openai\.com/v1/realtime; set OPENAI_API_KEY"):
        read_key(None, read_address("https://api.openai.com", "m"), {})


@pytest.mark.parametrize("key", ["a b", "a\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_key(None, read_address("localhost", "m"), {"OPENAI_API_KEY": key})
    assert "OPENAI_API_KEY" in str(refused.value)
    assert key not in str(refused.value)
