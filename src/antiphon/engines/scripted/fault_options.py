"""What each fault takes beside `at` and `do`."""

from collections.abc import Callable, Mapping
from typing import Any

from antiphon.engines.scripted.api_errors import api_error
from antiphon.engines.scripted.tables import Table

Options = dict[str, Any]


def _nothing(_table: Table) -> Options:
    return {}


def _how(default: str) -> Callable[[Table], Options]:
    return lambda table: {"how": table.choice("how", default, ("reset", "fin"))}


def _refuse(table: Table) -> Options:
    status = table.integer("status", 503, 400, 599)
    return {
        "status": status,
        **_texts(table, "code", "type", "message"),
        "retry_after": table.integer("retry_after", 0, 0),
    }


def _redirect(table: Table) -> Options:
    return {"status": table.integer("status", 307, 300, 399), "location": table.text("location")}


def _texts(table: Table, *keys: str) -> Options:
    """Return texts that may be left out, None where they are."""
    return {key: table.text(key, "") or None for key in keys}


def _error(table: Table) -> Options:
    return {"code": table.text("code"), **_texts(table, "type", "message", "param")}


def _error_then_close(table: Table) -> Options:
    options = _error(table)
    known = api_error(options["code"])
    options["close_code"] = table.integer("close_code", known.close_code, 1000, 4999)
    options["close_reason"] = table.text("close_reason", "") or None
    return options


def _close(table: Table) -> Options:
    return {"code": table.integer("code", 1011, 1000, 4999), "reason": table.text("reason", "")}


def _half_message(table: Table) -> Options:
    return {"share": table.number("share", 0.5, 0.0, 0.999), **_how("fin")(table)}


def _stall(table: Table) -> Options:
    return {"pong": table.boolean("pong", True), "seconds": table.number("seconds", 0.0, 0.0)}


def _seconds(table: Table) -> Options:
    return {"seconds": table.number("seconds", None, 0.001)}


def _trickle(table: Table) -> Options:
    return {"bytes_per_second": table.integer("bytes_per_second", None, 1)}


def _duplicate(table: Table) -> Options:
    return {"times": table.integer("times", 2, 2, 1000)}


def _garbage(table: Table) -> Options:
    return {"bytes": table.integer("bytes", 64, 1, 1_000_000)}


def _rate_limits(table: Table) -> Options:
    limits = []
    for entry in table.tables("limits", one_will_do=True):
        limits.append(
            {
                "name": entry.text("name", "tokens"),
                "limit": entry.integer("limit", 40_000, 0),
                "remaining": entry.integer("remaining", 0, 0),
                "reset_seconds": entry.number("reset_seconds", 60.0, 0.0),
            }
        )
        entry.end()
    if not limits:
        table.refuse("limits", 'is missing; give a table such as { name = "tokens", limit = 40000, remaining = 0 }')
    return {"limits": limits}


def _send(table: Table) -> Options:
    event = table.mapping("event")
    if not isinstance(event.get("type"), str):
        table.refuse("event", 'has no type; give a table such as { type = "session.updated", … }')
    return {"event": dict(event)}


OPTIONS: Mapping[str, Callable[[Table], Options]] = {
    "refuse": _refuse,
    "redirect": _redirect,
    "never_answer": _nothing,
    "delay": _seconds,
    "omit": _nothing,
    "duplicate": _duplicate,
    "reorder": _nothing,
    "malformed_json": _nothing,
    "binary": _nothing,
    "half_message": _half_message,
    "error": _error,
    "error_then_close": _error_then_close,
    "close": _close,
    "drop": _how("reset"),
    "stall": _stall,
    "late_pong": _seconds,
    "trickle": _trickle,
    "garbage": _garbage,
    "rate_limits": _rate_limits,
    "send": _send,
}
