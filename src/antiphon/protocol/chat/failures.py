"""Requests that came to nothing, in the words of the chat API."""

from collections.abc import Mapping
from typing import Any

from antiphon.errors import AntiphonError

_OURS = "server_error"
# What engines and upstreams say, and the HTTP status that says it to a chat client.
_STATUS_OF_CODE = {
    "model_not_found": 404,
    "invalid_model": 404,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "upstream_unavailable": 503,
}
_BAD_GATEWAY = 502


class ChatError(AntiphonError):
    """No answer, or only a part of one.

    Args:
        status: The HTTP status, where there is still time to say it.
        message: What happened and what to do.
        code: The API's error code, None where it has none.
        param: Path of the offending field of the request.
        kind: The error's `type`.
    """

    def __init__(
        self, status: int, message: str, code: str | None = None, param: str | None = None, kind: str = _OURS
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind


def failure_of(error: Mapping[str, Any], *, is_request: bool, param: str | None = None) -> ChatError:
    """Return what the `error` of an `error` event, or of a failed response, is to a chat client.

    Args:
        error: Its `type`, `code` and `message` are read.
        is_request: Whether it is about what the client asked, which then is at fault unless the server says it is.
        param: The field of the request that it is about.
    """
    code, kind = _text(error, "code"), _text(error, "type") or _OURS
    message = _text(error, "message") or "The model's server failed and did not say why."
    at_fault = is_request and kind == "invalid_request_error"
    status = _STATUS_OF_CODE.get(code or "", 400 if at_fault else _BAD_GATEWAY)
    return ChatError(status, message, code, param, kind)


def _text(error: Mapping[str, Any], key: str) -> str | None:
    value = error.get(key)
    return value if isinstance(value, str) and value else None
