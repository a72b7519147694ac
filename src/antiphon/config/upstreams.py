"""The upstreams: what `[[upstream]]` says, and what the variables of OpenAI's and Azure's own SDKs add to it.

A key travels only to the server that it was given for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from antiphon.config.relay_settings import UpstreamSettings
from antiphon.config.sources import UPSTREAM_PREFIX, UpstreamTable, Variable, advice, read_secret_file
from antiphon.config.values import OPENAI_URL

OPENAI = "openai"
AZURE = "azure"
OPENAI_KEY = "OPENAI_API_KEY"
OPENAI_BASE_URL = "OPENAI_BASE_URL"
AZURE_KEY = "AZURE_OPENAI_API_KEY"
AZURE_ENDPOINT = "AZURE_OPENAI_ENDPOINT"
AZURE_VERSION = "OPENAI_API_VERSION"
_OPENAI_EXTRAS = (("organization", "OPENAI_ORG_ID"), ("project", "OPENAI_PROJECT_ID"))
_AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.us")
_DATED_PREVIEW = re.compile(r"\d{4}-\d{2}-\d{2}-preview")

FIELDS: Mapping[str, Mapping[str, Any]] = {each.name: each.metadata for each in fields(UpstreamSettings)}
_KEY_FORMS = ("api_key", "api_key_file", "api_key_env")
_KNOWN = (*FIELDS, *_KEY_FORMS[1:])

Variables = Mapping[str, Variable]


@dataclass
class Upstreams:
    """The upstreams in the order in which they are tried, where each value came from, and what is wrong."""

    values: tuple[UpstreamSettings, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def key_variable(name: str) -> str:
    """Return the variable of the environment that holds the key of the upstream `name`."""
    return f"{UPSTREAM_PREFIX}{name.replace('-', '_').upper()}_API_KEY"


def names_in_environment(variables: Variables) -> tuple[str, ...]:
    """Return the upstreams that the SDKs' variables describe with no `[[upstream]]`."""
    openai = OPENAI_KEY in variables or OPENAI_BASE_URL in variables
    azure = AZURE_KEY in variables and AZURE_ENDPOINT in variables
    return (*((OPENAI,) if openai else ()), *((AZURE,) if azure else ()))


def environment_tables(variables: Variables) -> list[UpstreamTable]:
    """Return what stands for `[[upstream]]` where there is none."""
    return [UpstreamTable({"name": name}, "environment", Path()) for name in names_in_environment(variables)]


def read_upstreams(tables: Iterable[UpstreamTable], variables: Variables) -> Upstreams:
    """Read and check all upstreams."""
    drafts = [_Draft(table, number, variables) for number, table in enumerate(tables, 1)]
    read = Upstreams()
    for draft in drafts:
        draft.read()
        read.problems += draft.problems
        read.origins |= {f"upstream.{draft.name}.{key}": origin for key, origin in draft.origins.items()}
    read.problems += [*_repeated(drafts), *_keys_of_nobody(drafts, variables)]
    if not read.problems:
        made = (UpstreamSettings(**draft.values) for draft in drafts)
        read.values = tuple(sorted(made, key=lambda upstream: upstream.priority))
    return read


def _repeated(drafts: list["_Draft"]) -> list[str]:
    problems = []
    first: dict[str, _Draft] = {}
    for draft in drafts:
        # Two names that differ in - and _ alone would share the variable of their keys.
        earlier = first.setdefault(key_variable(draft.name), draft)
        if earlier is not draft:
            problems.append(draft.told("name", f"{draft.name!r} is also {earlier.origin}; give each another name"))
    return problems


def _keys_of_nobody(drafts: list["_Draft"], variables: Variables) -> list[str]:
    known = {key_variable(draft.name) for draft in drafts}
    problems = []
    for name, variable in variables.items():
        if name.startswith(UPSTREAM_PREFIX) and name.removesuffix("_FILE") not in known:
            place = variable.origin if name in variable.origin else f"{variable.origin}, {name}"
            problems.append(f"{place}: it is the key of no upstream; {advice(name, known)}")
    return problems


class _Draft:
    """One upstream while it is worked out: values, and where each came from."""

    def __init__(self, table: UpstreamTable, number: int, variables: Variables) -> None:
        self.origin = table.origin
        self._content = table.content
        self._folder = table.folder
        self._variables = variables
        named = table.content.get("name")
        self.name = named if isinstance(named, str) and named.isprintable() else str(number)
        self.values: dict[str, Any] = {each.name: each.default for each in fields(UpstreamSettings)}
        self.origins = dict.fromkeys(self.values, "default")
        self.problems: list[str] = []

    def told(self, key: str, problem: str, origin: str | None = None) -> str:
        """Return a problem with its place in front, as messages have it."""
        return f"upstream.{self.name}.{key} ({origin or self.origin}): {problem}"

    def read(self) -> None:
        for key, raw in self._content.items():
            if key not in _KNOWN:
                self.problems.append(f"{self.origin} {self.name!r}: {key} is not a setting; {advice(key, _KNOWN)}")
            elif key not in _KEY_FORMS:
                self._take(key, raw, self.origin)
        if "name" not in self._content:
            self.problems.append(self.told("name", 'it has none; give one, such as name = "azure-east"'))
        self._find_url()
        self._find_key()
        self._find_dialect()

    def _take(self, key: str, raw: object, origin: str) -> None:
        self.origins[key] = origin
        try:
            value = FIELDS[key]["kind"].read(raw)
        except ValueError as error:
            self.problems.append(self.told(key, str(error), origin))
            return
        self.values[key] = str((self._folder / value).expanduser().resolve()) if key == "tls_ca" and value else value

    def _take_variable(self, key: str, name: str) -> bool:
        """Take a value from the environment, if it has one."""
        variable = self._variables.get(name)
        if variable is not None:
            # One line of .env names no variable, as one of the environment does.
            origin = variable.origin if name in variable.origin else f"{variable.origin}, {name}"
            self._take(key, variable.value, origin)
        return variable is not None

    # --- what is worked out -------------------------------------------------------------------------------

    def _find_url(self) -> None:
        if "base_url" in self._content:
            return
        found = self._take_variable("base_url", {OPENAI: OPENAI_BASE_URL, AZURE: AZURE_ENDPOINT}.get(self.name, ""))
        if not found and self.name != OPENAI:
            self.problems.append(self.told("base_url", f'it has none; give one, such as base_url = "{OPENAI_URL}"'))

    def _find_key(self) -> None:
        """Take the key: our own variable first, as the environment wins over files, the SDKs' variables last."""
        given = [form for form in _KEY_FORMS if form in self._content]
        if len(given) > 1:
            self.problems.append(self.told(given[1], f"the key is set by {given[0]} too; remove one of them"))
        ours = key_variable(self.name)
        if self._take_variable("api_key", ours):
            return
        if f"{ours}_FILE" in self._variables:
            variable = self._variables[f"{ours}_FILE"]
            self._take_key_file(variable.value, variable.origin, variable.folder)
        elif given:
            self._take_key(given[0], self._content[given[0]])
        else:
            self._take_known_key()

    def _take_key(self, form: str, raw: object) -> None:
        if form == "api_key":
            self._take("api_key", raw, self.origin)
        elif form == "api_key_file":
            self._take_key_file(raw, self.origin, self._folder)
        elif not isinstance(raw, str) or not self._take_variable("api_key", raw):
            # What is no name may be the key itself, put here by mistake.
            shown = raw if isinstance(raw, str) and re.fullmatch(r"[A-Z][A-Z0-9_]*", raw) else "what it names"
            self.problems.append(self.told(form, f"{shown} is not set; set that variable of the environment"))

    def _take_key_file(self, raw: object, origin: str, folder: Path) -> None:
        try:
            content = read_secret_file(raw, folder)
        except ValueError as error:
            self.problems.append(self.told("api_key", str(error), origin))
            return
        self._take("api_key", content, f"{origin}, the file {raw}")

    def _take_known_key(self) -> None:
        if self._is_at(AZURE_ENDPOINT):
            self._take_variable("api_key", AZURE_KEY)
            if "api_version" not in self._content and self._is_dated_preview(AZURE_VERSION):
                self._take_variable("api_version", AZURE_VERSION)
        elif self._is_at(OPENAI_BASE_URL) or (self._is_openai() and OPENAI_BASE_URL not in self._variables):
            self._take_variable("api_key", OPENAI_KEY)
            for key, name in _OPENAI_EXTRAS:
                if key not in self._content:
                    self._take_variable(key, name)
        elif self._is_openai() and OPENAI_KEY in self._variables:
            problem = (
                f"OPENAI_API_KEY goes with OPENAI_BASE_URL, which is another server; set {key_variable(self.name)}, "
                "or remove OPENAI_BASE_URL"
            )
            self.problems.append(self.told("api_key", problem))

    def _is_openai(self) -> bool:
        own = urlsplit(str(self.values["base_url"]))
        host = urlsplit(OPENAI_URL).hostname
        # OpenAI's regions have their names in front: eu.api.openai.com.
        return own.scheme == "https" and (own.hostname == host or (own.hostname or "").endswith(f".{host}"))

    def _is_at(self, name: str) -> bool:
        """Whether this is the server that the variable `name` gives."""
        if name not in self._variables:
            return False
        own = urlsplit(str(self.values["base_url"]))
        other = urlsplit(re.sub(r"^ws(?=s?://)", "http", self._variables[name].value))
        return (own.scheme, own.netloc.lower()) == (other.scheme, other.netloc.lower())

    def _is_dated_preview(self, name: str) -> bool:
        return name in self._variables and bool(_DATED_PREVIEW.fullmatch(self._variables[name].value))

    def _find_dialect(self) -> None:
        if not self.values["dialect"]:
            host = urlsplit(str(self.values["base_url"])).hostname or ""
            beta = _DATED_PREVIEW.fullmatch(str(self.values["api_version"]))
            azure = "azure-beta" if beta else "azure"
            self.values["dialect"] = azure if host.endswith(_AZURE_HOSTS) else "ga"
            self.origins["dialect"] = "default for its base_url"
        if self.values["dialect"] == "azure-beta" and not self.values["api_version"]:
            self.problems.append(
                self.told("api_version", "azure-beta needs one; give the preview that your resource serves")
            )
