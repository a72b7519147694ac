"""Which proxy the environment means."""

import pytest

from antiphon.wire.proxies import proxy_for


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_there_may_be_none() -> None:
    assert proxy_for("wss://api.openai.com/v1") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://a.example/v1", "http://secure:1"),
        ("https://a.example/v1", "http://secure:1"),
        ("ws://a.example/v1", "http://plain:2"),
        ("http://a.example/v1", "http://plain:2"),
    ],
)
def test_each_scheme_has_its_own(url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:2")
    monkeypatch.setenv("ALL_PROXY", "socks5://all:3")
    assert proxy_for(url) == expected


def test_one_serves_what_is_left() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ALL_PROXY", "socks5://all:3")
        assert proxy_for("wss://a.example/v1") == "socks5://all:3"


def test_lower_case_goes_first_and_a_scheme_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("https_proxy", "lower:2")
    assert proxy_for("wss://a.example/v1") == "http://lower:2"


@pytest.mark.parametrize("listed", ["a.example", "example", ".example", "x, a.example:8443", "*"])
def test_some_hosts_are_reached_directly(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("NO_PROXY", listed)
    assert proxy_for("wss://a.example:8443/v1") is None
    assert proxy_for("wss://user@a.example:8443/v1") is None
    assert (proxy_for("wss://other.test/v1") is None) == (listed == "*")
