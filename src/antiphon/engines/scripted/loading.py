"""Scripts from TOML files, from text and from Python's own values."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from antiphon.audio.pcm import read_wav
from antiphon.audio.resample import resample
from antiphon.engines.scripted.fault_options import OPTIONS
from antiphon.engines.scripted.faults import (
    AT_CONNECT,
    CONNECT,
    GROUPS,
    SERVER_CHANGES,
    Fault,
    Group,
    Place,
    Side,
    sides_of,
)
from antiphon.engines.scripted.script import (
    ECHO,
    FOR_EVER,
    HELLO,
    Call,
    Failure,
    Pace,
    Script,
    ServerOptions,
    SessionOptions,
    Turn,
)
from antiphon.engines.scripted.tables import Table
from antiphon.errors import ConfigError, MediaError

RATE = 24_000


def load_script(path: str | Path) -> Script:
    """Return the script of a TOML file.

    Raises:
        ConfigError: The file or one of its values is wrong; names the file, the key and what to write.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"script: cannot read {str(path)!r}: {error.strerror}; give the path of a file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"script: {str(path)!r} is not UTF-8 text; save it as UTF-8") from None
    return parse_script(text, str(path), path.parent)


def parse_script(text: str, origin: str = "script", folder: Path | None = None) -> Script:
    """Return the script that TOML text describes; `origin` and `folder` as in `read_script`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from None
    return read_script(raw, origin, folder)


def read_script(raw: Mapping[str, Any], origin: str = "script", folder: Path | None = None) -> Script:
    """Return the script that a parsed table describes.

    Args:
        raw: The keys of a script's TOML.
        origin: The file's name, for messages.
        folder: What the paths of WAV files begin at; the working directory without one.

    Raises:
        ConfigError: A key or value is wrong.
    """
    table = Table(raw, origin)
    pace = _pace(table.table("pace"), Pace())
    folder = folder or Path()
    turns = tuple(_turn(entry, pace, folder) for entry in table.tables("turn"))
    script = Script(
        seed=table.integer("seed", 0, 0),
        shared=table.boolean("shared", False),
        server=_server(table.table("server")),
        session=_session(table.table("session")),
        turns=turns or (replace(HELLO, pace=pace),),
        otherwise=_otherwise(table, pace, folder),
        faults=tuple(read_fault(entry) for entry in table.tables("fault")),
    )
    table.end()
    return script


def parse_fault(text: str) -> Fault:
    """Return the fault of a line such as `at=response.created do=drop nth=2`; values are TOML, or text without quotes.

    Raises:
        ConfigError: It is no such line, or one of its values is wrong.
    """
    try:
        words = [word.partition("=") for word in shlex.split(text)]
    except ValueError as error:
        raise ConfigError(f"--fault: {text!r}: {error}; write it as KEY=VALUE KEY=VALUE …") from None
    if not all(equals for _, equals, _ in words):
        raise ConfigError(f"--fault: {text!r} is not allowed; write it as KEY=VALUE KEY=VALUE …")
    return read_fault(Table({key: _value(value) for key, _, value in words}, "--fault"))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# --- the server and its sessions ------------------------------------------------------------------------------


def _server(table: Table) -> ServerOptions:
    keys = table.raw("keys", [])
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) and key for key in keys):
        table.refuse("keys", "is no list of keys; give texts, or leave it out to accept any key")
    options = ServerOptions(tuple(keys), table.integer("max_sessions", 1000, 1))
    table.end()
    return options


def _session(table: Table) -> SessionOptions:
    options = SessionOptions(
        seconds=table.number("seconds", 3600.0, 0.01),
        created_delay=table.number("created_delay", 0.0, 0.0),
        turn_detection=table.choice("turn_detection", "server_vad", ("server_vad", "semantic_vad", "none")),
        threshold_db=table.number("threshold_db", -40.0, -120.0, 0.0),
    )
    table.end()
    return options


# --- turns ----------------------------------------------------------------------------------------------------


def _pace(table: Table, default: Pace) -> Pace:
    pace = Pace(
        first_delay=table.number("first_delay", default.first_delay, 0.0),
        words_per_second=table.number("words_per_second", default.words_per_second, 0.0),
        audio_speed=table.number("audio_speed", default.audio_speed, 0.0),
        chunk_ms=table.integer("chunk_ms", default.chunk_ms, 10, 10_000),
        character_ms=table.integer("character_ms", default.character_ms, 1, 10_000),
    )
    table.end()
    return pace


def _otherwise(table: Table, pace: Pace, folder: Path) -> Turn:
    if not table.has("otherwise"):
        table.raw("otherwise")
        return replace(ECHO, pace=pace)
    return _turn(table.table("otherwise"), pace, folder)


def _turn(table: Table, pace: Pace, folder: Path) -> Turn:
    when = _pattern(table)
    turn = Turn(
        hear=table.text("hear") if table.has("hear") else table.raw("hear"),
        hear_error=table.text("hear_error", ""),
        when=when,
        repeat=table.integer("repeat", 1 if when is None else FOR_EVER, 0),
        say=table.text("say", ""),
        audio=_audio(table, folder),
        calls=tuple(_call(entry) for entry in table.tables("call", one_will_do=True)),
        fail=_failure(table),
        stop=table.choice("stop", "stop", ("stop", "length", "content_filter")),
        usage=table.mapping("usage"),
        pace=_pace(table.table("pace"), pace),
    )
    table.end()
    return turn


def _pattern(table: Table) -> re.Pattern[str] | None:
    if not table.has("when"):
        table.raw("when")
        return None
    try:
        return re.compile(table.text("when"), re.IGNORECASE)
    except re.error as error:
        table.refuse("when", f"is no regular expression: {error}; mend it, or escape what is meant literally")


def _audio(table: Table, folder: Path) -> bytes | None:
    name = table.text("audio", "")
    if not name:
        return None
    if not table.has("say"):
        table.refuse("audio", "has no words; give what is spoken in it as say")
    try:
        wav = read_wav(folder / name)
    except OSError as error:
        table.refuse("audio", f"cannot read {name!r}: {error.strerror}; give the path of a WAV file")
    except MediaError as error:
        table.refuse("audio", str(error))
    return resample(wav.pcm, wav.rate, RATE)


def _call(table: Table) -> Call:
    arguments = table.raw("arguments", {})
    if not isinstance(arguments, str | Mapping):
        table.refuse("arguments", f"{arguments!r} is not allowed; give a table, or JSON as text")
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    call = Call(table.text("name"), text, table.text("call_id", "") or None)
    table.end()
    return call


def _failure(table: Table) -> Failure | None:
    failure = table.table("fail")
    if not table.has("fail"):
        return None
    code, message = failure.text("code", "server_error"), failure.text("message", "The model failed, as scripted.")
    failure.end()
    return Failure(code, message)


# --- faults ---------------------------------------------------------------------------------------------------


def read_fault(table: Table) -> Fault:
    """Return the fault that a table describes."""
    at, do = table.text("at"), table.choice("do", None, tuple(GROUPS))
    _check_at(table, at, do)
    probability = table.number("probability", 1.0, 0.0, 1.0)
    fault = Fault(
        at=at,
        do=do,
        nth=_nth(table),
        probability=probability,
        session=_sessions(table),
        place=_place(table, at, do),
        wait=_wait(table, do),
        options=OPTIONS[do](table),
    )
    table.end()
    return fault


def _check_at(table: Table, at: str, do: str) -> None:
    if at == CONNECT:
        if GROUPS[do] is not Group.UPGRADE and do not in AT_CONNECT:
            table.refuse("do", f"{do!r} needs an event; give an event's type as at, in the place of 'connect'")
        return
    sides = sides_of(at)
    if not sides:
        table.refuse("at", f"{at!r} is no event; give 'connect', an event's type, a pattern, 'client' or 'server'")
    if GROUPS[do] is Group.UPGRADE:
        table.refuse("at", f"{do!r} answers the upgrade request; give at = 'connect'")
    if do in SERVER_CHANGES and Side.SERVER not in sides:
        table.refuse("at", f"{do!r} spoils what the server sends; give the type of a server event")


def _nth(table: Table) -> int | None:
    default = "every" if table.has("probability") else 1
    if table.raw("nth", default) == "every":
        return None
    return table.integer("nth", 1, 1)


def _sessions(table: Table) -> tuple[int, ...]:
    value = table.raw("session", [])
    numbers = [value] if isinstance(value, int) else value
    if not isinstance(numbers, list | tuple) or not all(type(n) is int and n > 0 for n in numbers):
        table.refuse("session", f"{value!r} is not allowed; give the number of a connection from 1, or a list of them")
    return tuple(numbers)


def _place(table: Table, at: str, do: str) -> Place:
    if GROUPS[do] is not Group.ACT or at == CONNECT:
        return Place.INSTEAD
    of_client = Place.INSTEAD if do == "error" else Place.BEFORE
    default = Place.AFTER if Side.SERVER in sides_of(at) else of_client
    return Place(table.choice("place", default.value, tuple(place.value for place in Place)))


def _wait(table: Table, do: str) -> float:
    return table.number("wait", 0.0, 0.0) if GROUPS[do] is Group.ACT else 0.0
