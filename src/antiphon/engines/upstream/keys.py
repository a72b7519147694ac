"""Wrong and suspicious keys, told at start and not at the first call. The key itself is never shown."""

import ipaddress
import re
from collections.abc import Iterator

from antiphon.engines.upstream.config import UpstreamConfig

_PLACEHOLDER = re.compile(
    r"(sk-)?(\.{3,}|\*{3,}|x{4,}|\u2026)|(sk-)?your\b.*|(sk-)?<.*>|\$\{?\w+\}?|change[-_ ]?me|sk-|todo|null|none"
    r"|(my|the|your)?[-_ ]?(openai[-_ ]?)?api[-_ ]?key([-_ ]?here)?|your_.*",
    re.IGNORECASE,
)
_AZURE_ALIKE = re.compile(r"[0-9a-f]{32}|[0-9A-Za-z]{84}")
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


def key_problems(config: UpstreamConfig) -> list[str]:
    """Return what is certainly wrong with the key, in plain words with the fix; the server must not start with it."""
    return [f"upstream {config.name!r}: {problem}" for problem in _problems(config)]


def key_warnings(config: UpstreamConfig) -> list[str]:
    """Return what is suspicious about the key, for the log."""
    if key_problems(config):
        return []
    return [f"upstream {config.name!r}: {warning}" for warning in _warnings(config)]


def _problems(config: UpstreamConfig) -> Iterator[str]:
    key = config.api_key
    if not key:
        if _is_openai(config) or _is_azure(config):
            yield f"there is no key for {config.host}; set api_key, or OPENAI_API_KEY in the environment"
        return
    yield from _badly_copied(key)
    if key.startswith("ek_"):
        yield (
            "the key is a client secret (ek_…), made for one browser and expired within minutes; "
            "give the project's API key (sk-…) instead"
        )
    elif key.startswith("sess_") or key.startswith("sess-"):
        yield "the key is a session's id or a dashboard's login, not an API key; make one in the dashboard (sk-…)"
    elif _PLACEHOLDER.fullmatch(key.strip(_QUOTES + " ")):
        yield "the key is a placeholder; put the real one in its place"
    elif key.startswith("sk-admin-"):
        yield "the key is an admin key, which manages an organisation and runs no model; give a project's key"


def _badly_copied(key: str) -> Iterator[str]:
    bare = key.strip()
    if len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        yield "the key is in quotes, which belong to the key as it stands; remove them"
    elif not key.isascii():
        yield "the key holds characters that no key has (not ASCII); copy it again"
    if "\n" in key or "\r" in key:
        yield "the key holds a line break; copy it again, without the end of the line"
    elif key != bare:
        yield "the key begins or ends with a blank; remove it"
    elif " " in bare or "\t" in bare:
        yield "the key holds a blank; copy it again, whole and alone (without 'Bearer')"
    elif not key.isprintable():
        yield "the key holds a control character; copy it again"


def _warnings(config: UpstreamConfig) -> Iterator[str]:
    key, openai_alike = config.api_key, config.api_key.startswith("sk-")
    if not config.is_secure and key and not _is_private(config.host):
        yield f"the key is sent to {config.host} without TLS; use https in base_url"
    if openai_alike and _is_azure(config):
        yield f"the key looks like OpenAI's, and {config.host} is Azure's; give the resource's key"
    elif key.startswith(("sk-proj-", "sk-svcacct-")) and not _is_openai(config) and not _is_private(config.host):
        yield f"the key looks like OpenAI's and is sent to {config.host}; check base_url, or give that server's own key"
    if _AZURE_ALIKE.fullmatch(key) and _is_openai(config):
        yield "the key looks like Azure's, and api.openai.com is OpenAI's; check base_url and dialect"
    if _is_azure(config) and not config.dialect.startswith("azure"):
        yield f"{config.host} is Azure's, and dialect is {config.dialect!r}; set dialect = 'azure'"
    if key.startswith(("sk-proj-", "sk-svcacct-")) and (config.project or config.organization):
        yield (
            "the key belongs to one project already, and project or organization is set too; "
            "if calls are refused, remove them"
        )


def _is_openai(config: UpstreamConfig) -> bool:
    return config.host == "openai.com" or config.host.endswith(".openai.com")


def _is_azure(config: UpstreamConfig) -> bool:
    return config.host.endswith(_AZURE_HOSTS)


def _is_private(host: str) -> bool:
    """Whether it is on this machine or in a private network: what stands there takes any key."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
