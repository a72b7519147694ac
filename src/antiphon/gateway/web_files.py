"""The files that browsers load, as they are sent.

Starlette's own static files name a version by its date, which an upgrade may leave as it was, and compress anew for
each request; here the content decides, and is compressed once. Scripts go without their comments, which are two
fifths of their weight.
"""

import gzip
import hashlib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

# Not the system's table: on some systems it knows `.js` as plain text, which browsers do not run.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
}
_SMALL_ALREADY = (".ico", ".png", ".wav")
# No part begins with a dot, so nothing hidden is found, and nothing outside of the folder.
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")
# Strings and templates, to be kept; then comments, and white space at the ends of lines. It is no parser: what looks
# like a string or a comment in a regular expression would mislead it. A test compares all files with their sources.
_UNREAD = re.compile(
    rb"""('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|/\*.*?\*/[ ]?|[ \t]*//[^\n]*|^[ \t]+|[ \t]+$""",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class WebFile:
    """One file.

    Args:
        media_type: For `Content-Type`.
        content: As it is sent to whom takes it uncompressed.
        compressed: By gzip; None where that saves nothing.
        digest: Of `content`.
        changed: When the file was changed, in ns since 1970, and its size: another of either means another content.
    """

    media_type: str
    content: bytes
    compressed: bytes | None
    digest: str
    changed: tuple[int, int]

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Return it, or that the client has it already; `headers` go along either way."""
        gzipped = self.compressed is not None and quality(request.headers.get("accept-encoding", ""), "gzip") > 0
        # Each encoding has a tag of its own. Source: RFC 9110, 8.8.3.3.
        tag = f'"{self.digest}-gzip"' if gzipped else f'"{self.digest}"'
        sent = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", **headers}
        response = Response(status_code=304, headers=sent)
        if not _has(request.headers.get("if-none-match", ""), tag):
            sent |= {"Content-Encoding": "gzip"} if gzipped else {}
            content = self.compressed if gzipped and self.compressed is not None else self.content
            response = Response(content, 200, sent, self.media_type)
        response.headers.add_vary_header("Accept-Encoding")
        return response


class WebFiles:
    """The files of a folder, each read when it is first asked for, and again when it changed.

    Args:
        folder: Where they are; nothing is in it that must not be seen.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, WebFile] = {}

    def find(self, name: str) -> WebFile | None:
        """Return the file of that name, its folders with slashes in between; None where there is none to be sent."""
        if not _NAME.fullmatch(name) or Path(name).suffix not in MEDIA_TYPES:
            return None
        path = self._folder / name
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            kept = self._kept.get(name)
            if kept is None or kept.changed != (found.st_mtime_ns, found.st_size):
                kept = self._kept[name] = _read(path, (found.st_mtime_ns, found.st_size))
        except OSError:
            return None
        return kept


def _read(path: Path, changed: tuple[int, int]) -> WebFile:
    content = path.read_bytes()
    if path.suffix == ".js":
        content = without_comments(content)
    compressed = None if path.suffix in _SMALL_ALREADY else gzip.compress(content, mtime=0)
    if compressed is not None and len(compressed) >= len(content):
        compressed = None
    return WebFile(MEDIA_TYPES[path.suffix], content, compressed, hashlib.sha256(content).hexdigest()[:32], changed)


def without_comments(script: bytes) -> bytes:
    """Return a script that means the same; what is left of it stands in the lines where it stood."""
    return _UNREAD.sub(lambda found: found[1] or b"\n" * found[0].count(b"\n"), script)


def _has(if_none_match: str, tag: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in known or "*" in known


def quality(accepted: str, wanted: str) -> float:
    """Return how much a header such as `Accept` wants what it names as `wanted`, from 0 to 1; 0 if it does not."""
    for entry in accepted.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        if name == wanted:
            values = [value for key, _, value in (part.partition("=") for part in parameters) if key.strip() == "q"]
            return _number(values[0]) if values else 1.0
    return 0.0


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.[0-9]{0,3})?", text.strip()) else 0.0
