"""Errors as HTTP answers, in the API's shape."""

from typing import Any

from starlette.responses import JSONResponse, Response

from antiphon.errors import AntiphonError


class RequestError(AntiphonError):
    """A request that is refused with an HTTP status.

    Args:
        status: The HTTP status.
        message: What was found and what to do.
        code: The API's error code, None where it has none.
        param: Dotted path of the offending field.
        kind: The error's `type`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind


def error_body(error: RequestError) -> dict[str, Any]:
    return {"error": {"message": error.message, "type": error.kind, "code": error.code, "param": error.param}}


def error_response(error: RequestError, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error_body(error), status_code=error.status, headers=headers)
