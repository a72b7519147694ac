"""What is told of keys at start."""

from typing import Any

import pytest

from antiphon.engines.upstream.config import UpstreamConfig
from antiphon.engines.upstream.keys import key_problems, key_warnings

GOOD = "sk-proj-Zy8WvUt7SrQp6OnMl5KjIh4GfEd3Cba2"
AZURE_KEY = "0123456789abcdef0123456789abcdef"
AZURE = "https://x.openai.azure.com/openai/v1"


def config(key: str, base_url: str = "https://api.openai.com/v1", **changes: Any) -> UpstreamConfig:
    return UpstreamConfig("main", base_url, key, **changes)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "there is no key for api.openai.com"),
        (f'"{GOOD}"', "in quotes"),
        (f"'{GOOD}'", "in quotes"),
        (f"\u201c{GOOD}\u201d", "in quotes"),
        (f" {GOOD}", "begins or ends with a blank"),
        (f"{GOOD} ", "begins or ends with a blank"),
        (f"{GOOD}\n", "line break"),
        (f"{GOOD[:9]}\r\n{GOOD[9:]}", "line break"),
        (f"Bearer {GOOD}", "without 'Bearer'"),
        (f"{GOOD[:9]}\u2011{GOOD[9:]}", "not ASCII"),
        (f"{GOOD}\x00", "control character"),
        ("ek_68af296e8e408191a1120ab6383263c2", "client secret"),
        ("sess_9a8b7c6d5e4f", "session's id"),
        ("sess-9a8b7c6d5e4f", "session's id"),
        ("sk-admin-abcdefghijklmn", "admin key"),
        ("sk-...", "placeholder"),
        ("sk-xxxxxxxx", "placeholder"),
        ("sk-your-key-here", "placeholder"),
        ("your-api-key", "placeholder"),
        ("YOUR_OPENAI_API_KEY", "placeholder"),
        ("<your key>", "placeholder"),
        ("$OPENAI_API_KEY", "placeholder"),
        ("${OPENAI_API_KEY}", "placeholder"),
        ("changeme", "placeholder"),
    ],
)
def test_a_wrong_key_is_told_and_never_shown(key: str, words: str) -> None:
    problems = key_problems(config(key))
    assert any(words in problem for problem in problems), problems
    assert all(problem.startswith("upstream 'main': ") for problem in problems)
    assert not key or not any(key in problem or GOOD[-8:] in problem for problem in problems)
    assert key_warnings(config(key)) == []


@pytest.mark.parametrize("key", [GOOD, "sk-svcacct-abcdefghijklmnop", "sk-abcdefghijklmnopqrstuvwxyz123456"])
def test_a_good_key_is_left_alone(key: str) -> None:
    assert key_problems(config(key)) == []
    assert key_warnings(config(key)) == []


def test_azure_s_key_at_azure_is_good() -> None:
    assert key_problems(config(AZURE_KEY, AZURE, dialect="azure")) == []
    assert key_warnings(config(AZURE_KEY, AZURE, dialect="azure")) == []


@pytest.mark.parametrize("base_url", ["http://localhost:8080/v1", "http://10.0.0.7/v1", "http://antiphon:8080/v1"])
def test_a_server_of_one_s_own_takes_any_key_and_none(base_url: str) -> None:
    for key in ("", "local", GOOD):
        assert key_problems(config(key, base_url)) == []
        assert key_warnings(config(key, base_url)) == []


@pytest.mark.parametrize(
    ("upstream", "words"),
    [
        (config(GOOD, AZURE, dialect="azure"), "looks like OpenAI's, and x.openai.azure.com is Azure's"),
        (config(AZURE_KEY, AZURE), "set dialect = 'azure'"),
        (config(GOOD, "https://other.example/v1"), "is sent to other.example"),
        (config(AZURE_KEY), "looks like Azure's"),
        (config("key", "http://other.example/v1"), "without TLS"),
        (config(GOOD, project="proj_1"), "belongs to one project already"),
        (config(GOOD, organization="org-1"), "belongs to one project already"),
    ],
)
def test_a_suspicious_key_is_a_warning_only(upstream: UpstreamConfig, words: str) -> None:
    assert key_problems(upstream) == []
    (warning,) = key_warnings(upstream)
    assert words in warning
    assert upstream.api_key not in warning.split(": ", 1)[1].split() or upstream.api_key == "key"
