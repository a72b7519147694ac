"""The table [web]."""

from pathlib import Path

import pytest

from antiphon.config import load_settings
from antiphon.config.report import to_markdown
from antiphon.config.web_settings import WebSettings
from antiphon.errors import ConfigError


def load(folder: Path, toml: str) -> WebSettings:
    (folder / "antiphon.toml").write_text(f"[web]\n{toml}")
    return load_settings({}, {}, folder).settings.web


def test_there_is_a_talk_page_unless_told_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path, "") == WebSettings()
    assert WebSettings().has_page
    assert not load(tmp_path, 'page = "off"').has_page


def test_flags_and_the_environment_set_it(tmp_path: Path) -> None:
    environment = {"ANTIPHON_WEB_PAGE": "off", "ANTIPHON_WEB_TOKEN_URL": "/talk/token"}
    assert load_settings({}, environment, tmp_path).settings.web == WebSettings("off", "/talk/token")
    assert load_settings({"web.page": "on"}, environment, tmp_path).settings.web.has_page
    assert "`--talk-page`" in to_markdown()
    assert "`--token-url`" in to_markdown()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/token",
        "/",
        "/api/v1/token.php",
        "https://app.example.com/token",
        "https://app.example.com:8443",
        "http://127.0.0.1:3000/token",
        "http://localhost/token",
    ],
)
def test_a_token_url_is_a_path_or_safe_to_ask(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, f'token_url = "{url}"').token_url == url


@pytest.mark.parametrize(
    "url",
    [
        "token",
        "//elsewhere.example/token",
        "/a token",
        "/token?key=hush",
        "/token#part",
        "/t\\u00f6ken",
        "/token\\nx",
        "http://app.example.com/token",
        "https://app.example.com/token?key=hush",
        "https://me:hush@app.example.com/token",
        "https://app.example.com;script-src/token",
        "https://app.example.com,evil.example/token",
        "https://*/token",
        "http://[::1]:3000/token",
        "https://b\\u00fccher.example/token",
        "javascript:alert(1)",
        "wss://app.example.com/token",
    ],
)
def test_what_pages_must_not_ask_is_refused_and_secrets_are_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.token_url .* give a path such as /token") as caught:
        load(tmp_path, f'token_url = "{url}"')
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("toml", ['page = "perhaps"', "page = true", "token_url = 7", "pages = 'on'"])
def test_what_is_no_setting_is_refused(tmp_path: Path, toml: str) -> None:
    with pytest.raises(ConfigError):
        load(tmp_path, toml)
