"""Faults at the upgrade: what gets the raw connection instead of a WebSocket."""

import asyncio
import http
import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any, Protocol

from antiphon.engines.scripted.api_errors import REQUEST, STATUS_ERRORS
from antiphon.engines.scripted.faults import Fault
from antiphon.transports.picows_glue import Takeover


class Abortable(Protocol):
    """What a connection and picows' view of it have in common."""

    def get_extra_info(self, name: str) -> Any: ...

    def abort(self) -> None: ...


def reset(connection: Abortable) -> None:
    """Drop a TCP connection with RST, so that the peer sees it broken and not ended."""
    descriptor = os.dup(connection.get_extra_info("socket").fileno())
    with socket.socket(fileno=descriptor) as duplicate:
        # uvloop's own socket object takes no options; these belong to the connection and not to the descriptor.
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()


def takeover(fault: Fault) -> Takeover:
    """Return what does to a connection what `fault`, one of the upgrade, says."""
    match fault.do:
        case "refuse":
            return _answer(fault.options["status"], _refusal(fault.options), _retry(fault.options))
        case "redirect":
            return _answer(fault.options["status"], b"", {"location": fault.options["location"]})
        case "drop" if fault.options["how"] == "reset":
            return reset
        case "drop":
            return _close
        case _:
            return _never_answer


def _close(connection: asyncio.Transport) -> None:
    connection.close()


def _never_answer(_connection: asyncio.Transport) -> None:
    """Leave the client waiting."""


def _refusal(options: Mapping[str, Any]) -> bytes:
    kind, code, message = STATUS_ERRORS.get(options["status"], (REQUEST, None, f"Refused with {options['status']}."))
    error = {
        "message": options["message"] or message,
        "type": options["type"] or kind,
        "code": options["code"] or code,
        "param": None,
    }
    return json.dumps({"error": error}).encode()


def _retry(options: Mapping[str, Any]) -> dict[str, str]:
    return {"retry-after": str(options["retry_after"])} if options["retry_after"] else {}


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Takeover:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", f"content-length: {len(body)}", "connection: close"]
    lines += ["content-type: application/json"] if body else []
    lines += [f"{name}: {value}" for name, value in headers.items()]
    answer = "\r\n".join([*lines, "", ""]).encode() + body

    def send(connection: asyncio.Transport) -> None:
        connection.write(answer)
        connection.close()

    return send
