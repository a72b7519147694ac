"""Logging: one set-up for the server and its libraries, and a filter that masks keys."""

import logging
import re
import sys

# Keys are never logged on purpose; this is the last line of defence.
_SECRET = re.compile(r"\b((?:sk|ek)[-_])[\w\-.~+/=]{4,}|\b(bearer\s+)[^\s'\",;]+", re.IGNORECASE)


def masked(text: str) -> str:
    """Return `text` with everything that looks like a key cut to its beginning."""
    return _SECRET.sub(lambda match: f"{match[1] or match[2]}***", text)


class _MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class MaskingFilter(logging.Filter):
    """Masks keys in what a record says, for every handler behind it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = masked(message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


def set_up(level: str) -> None:
    """Log to standard error at `level` (`debug`, `info`, `warning`, `error`) and above."""
    handler = logging.StreamHandler(sys.stderr)
    # The formatter sees tracebacks too, the filter only messages.
    handler.setFormatter(_MaskingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("uvicorn", "antiphon.picows", "asyncio", "httpx", "httpcore", "aioice", "aiortc"):
        logging.getLogger(library).setLevel(logging.WARNING)
