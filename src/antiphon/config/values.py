"""How a setting's value is read and checked, from text (environment, flags) as from TOML's own types."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

OPENAI_URL = "https://api.openai.com/v1"
SHORTEST_API_KEY = 8
_INTEGER = re.compile(r"[+-]?[0-9]+")
_QUOTES = "\"'`“”‘’"  # noqa: RUF001 - typographic quotes come along when a key is copied from a document
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of value.

    Args:
        expects: What to give, as it completes the sentence "give …".
        read: Turns a raw value into the typed one; raises ValueError with "what was found; what to give".
    """

    expects: str
    read: Callable[[object], T]


def show(raw: object) -> str:
    """A raw value as an error message shows it."""
    text = repr(raw)
    return text if len(text) <= 80 else f"{text[:77]}..."


def integer(lowest: int, highest: int, noun: str = "a whole number", hint: str = "") -> Kind[int]:
    expects = f"a whole number from {lowest}{hint} to {highest}"

    def read(raw: object) -> int:
        value = raw
        if isinstance(raw, str) and _INTEGER.fullmatch(raw):
            value = int(raw)
        # A bool is an int to Python, not to whoever wrote `port = true`.
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"{show(raw)} is not {noun}; give {expects}")
        return value

    return Kind(expects, read)


def seconds(lowest: float, highest: float) -> Kind[float]:
    expects = f"seconds, from {lowest:g} to {highest:g}"

    def read(raw: object) -> float:
        try:
            value = float(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) else None
        except ValueError:
            value = None
        # Written so that NaN is refused as well.
        if value is None or not lowest <= value <= highest:
            raise ValueError(f"{show(raw)} is not a duration; give {expects}")
        return value

    return Kind(expects, read)


def _read_boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    value = {"true": True, "false": False}.get(raw.lower()) if isinstance(raw, str) else None
    if value is None:
        raise ValueError(f"{show(raw)} is neither; give true or false")
    return value


BOOLEAN = Kind("true or false", _read_boolean)


def choice(noun: str, *names: str) -> Kind[str]:
    expects = " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]

    def read(raw: object) -> str:
        if not isinstance(raw, str) or raw not in names:
            raise ValueError(f"{show(raw)} is not {noun}; give {expects}")
        return raw

    return Kind(expects, read)


def text(noun: str, expects: str) -> Kind[str]:
    """A non-empty line of text."""

    def read(raw: object) -> str:
        if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
            raise ValueError(f"{show(raw)} is not {noun}; give {expects}")
        return raw.strip()

    return Kind(expects, read)


def optional_text(noun: str, expects: str) -> Kind[str]:
    """A line of text, or "" for none."""
    given = text(noun, expects)

    def read(raw: object) -> str:
        return "" if raw == "" else given.read(raw)

    return Kind(expects, read)


def file(expects: str) -> Kind[str]:
    """The path of a file, or "" for none; whether it is there is found out by who reads it."""

    def read(raw: object) -> str:
        if not isinstance(raw, str) or not raw.isprintable():
            raise ValueError(f"{show(raw)} is not a path; give {expects}")
        return raw.strip()

    return Kind(expects, read)


def secret(noun: str) -> Kind[str]:
    """One secret; messages never show it."""

    def read(raw: object) -> str:
        if not isinstance(raw, str):
            raise ValueError(f"the {noun} is not text; give it in quotes")
        _check_secret(raw, f"the {noun}", shortest=1)
        return raw

    return Kind(f"the {noun}", read)


def secrets(noun: str) -> Kind[tuple[str, ...]]:
    """Secrets, separated by commas or as a list; messages never show them."""
    expects = f"{noun}s of at least {SHORTEST_API_KEY} characters, separated by commas"

    def read(raw: object) -> tuple[str, ...]:
        keys = _split(raw)
        if keys is None:
            raise ValueError(f"the {noun}s are neither text nor a list of texts; give {expects}")
        for number, key in enumerate(keys, 1):
            _check_secret(key, f"{noun} {number} of {len(keys)}", SHORTEST_API_KEY)
        return tuple(keys)

    return Kind(expects, read)


def _split(raw: object) -> list[str] | None:
    """Return the entries of comma-separated text or of a list of texts, None for anything else."""
    if isinstance(raw, str):
        # A trailing comma or newline is no entry of its own; an empty value is one empty entry.
        return [entry.strip() for entry in re.split(r"[,\n]", raw.strip().removesuffix(","))]
    if isinstance(raw, list) and all(isinstance(entry, str) for entry in raw):
        return raw
    return None


def _check_secret(value: str, name: str, shortest: int) -> None:
    if not value.strip():
        raise ValueError(f"{name} is empty; give a value, or remove the setting")
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        raise ValueError(f"{name} begins or ends with a quotation mark; give it without")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(
            f"{name} has a space, a line break or another character that no key has; "
            "give printable ASCII, with commas between keys"
        )
    if len(value) < shortest:
        raise ValueError(f"{name} has {len(value)} characters; give at least {shortest}")


def _read_host(raw: object) -> str:
    expects = "an address such as 127.0.0.1, ::1 or 0.0.0.0, or a host name, without scheme and port"
    host = raw.removeprefix("[").removesuffix("]") if isinstance(raw, str) else ""
    if not _is_address(host) and not _HOST.fullmatch(host):
        raise ValueError(f"{show(raw)} is not a host; give {expects}")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


HOST = Kind("an address or a host name", _read_host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Any name but `localhost` may point anywhere."""
    if not _is_address(host):
        return host.lower() == "localhost"
    address = ipaddress.ip_address(host)
    # Not `is_loopback` for IPv6: whether mapped addresses count there differs between Python versions.
    return address.is_loopback if address.version == 4 else address == ipaddress.IPv6Address("::1")


def _read_url(raw: object) -> str:
    expects = "a URL such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1"
    if not isinstance(raw, str) or not is_http_url(raw):
        # What stands before an @ is a password.
        shown = show(raw) if "@" not in str(raw) else "a URL with a user name in it"
        raise ValueError(f"{shown} is not usable; give {expects}")
    return raw.rstrip("/")


def is_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return False
    clean = not (parts.username or parts.password or parts.query or parts.fragment) and value.isprintable()
    return clean and " " not in value and parts.scheme in ("http", "https") and bool(parts.hostname)


URL = Kind("an http or https URL", _read_url)


def _read_origins(raw: object) -> tuple[str, ...]:
    expects = "origins such as https://app.example.com, separated by commas, or * for any"
    entries = [] if raw == "" else _split(raw)
    if entries is None:
        raise ValueError(f"{show(raw)} is not a list of origins; give {expects}")
    for entry in entries:
        if entry != "*" and not (is_http_url(entry) and not urlsplit(entry).path):
            raise ValueError(f"{show(entry)} is not an origin (scheme, host and port, no path); give {expects}")
    return tuple(entry.lower() for entry in entries)


ORIGINS = Kind("origins, separated by commas, or * for any", _read_origins)
